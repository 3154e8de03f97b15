"""Diagnostics: every error srcad raises, with message, source location, reason and advice.

An error holds one `Problem` or several (all those found in one function, so that they can be repaired
together). Its text is laid out as in this sample:

    srcad error S203: no derivative rule for numpy.linalg.eig

      examples/modes.py:14, in fundamental
        14 |     values, vectors = np.linalg.eig(A)
           |                       ^^^^^^^^^^^^^^^^
      A depends on k, which you differentiate (k -> line 13 -> A).

      You can: use np.linalg.eigh if A is symmetric; write a rule (docs/rules.md); or srcad.stop_gradient(A).

Each code belongs to one class (`CODES`), and has a heading of the same title in docs/errors.md.

>>> print(Problem("S203", "no derivative rule for numpy.linalg.eig", advice="write a rule."))
srcad error S203: no derivative rule for numpy.linalg.eig
<BLANKLINE>
  You can: write a rule.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NoReturn, Protocol


class Place(Protocol):
    """What the text of an error needs of a `srcad.ir.nodes.Span` (which lies above this module)."""

    @property
    def file(self) -> str: ...
    @property
    def function(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...
    @property
    def end_line(self) -> int: ...
    @property
    def end_column(self) -> int: ...
    @property
    def text(self) -> str: ...


@dataclass(frozen=True)
class Problem:
    """One fault of a program or a call. `why` and `advice` are sentences; `advice` follows "You can: "."""

    code: str
    message: str
    span: Place | None = None
    why: str | None = None
    advice: str | None = None

    def __str__(self) -> str:
        parts = [f"srcad error {self.code}: {self.message}\n"]
        if self.span is not None:
            parts.append(_indent(_excerpt(self.span)))
        if self.why is not None:
            parts.append(_indent(self.why))
        if self.advice is not None:
            blank = "" if len(parts) == 1 else "\n"
            parts.append(blank + _indent(f"You can: {self.advice}"))
        return "\n".join(parts).rstrip("\n")


class SrcadError(Exception):
    """The base class: `SrcadError(problem, ...)`; `problems` are its faults, `str` is their text."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = problems
        self.within: Any = None
        """The node of the syntax tree of the function itself in which it was met, in lowering."""

    def __str__(self) -> str:
        return "\n\n".join(str(problem) for problem in self.problems)


class UnsupportedError(SrcadError):
    """S1xx: the function is outside the language that srcad compiles."""


class DerivativeError(SrcadError):
    """S2xx: the function is in the language, but has no derivative, or none is known."""


class ArgumentError(SrcadError):
    """S3xx: a call with arguments or options that are not supported."""


class AliasError(SrcadError):
    """S4xx: a write to memory whose aliases cannot be decided."""


class CompileError(SrcadError):
    """S5xx: generated code could not be compiled or written to disk, or is out of date."""


class NonFiniteError(SrcadError, FloatingPointError):
    """S6xx: a value or a gradient with NaN or infinities, in a call with `debug=True`.

    `found` is the place where the first one came up, a `srcad.inspection.nonfinite.NonFinite`.
    """

    found: object = None


class InternalError(SrcadError):
    """S9xx: a fault of srcad itself."""


class NumericalDerivativeWarning(UserWarning):
    """A function is differentiated by finite differences, as `srcad.opaque(f, differences=True)` asks."""


class ZeroDerivativeWarning(UserWarning):
    """A result depends on a differentiated argument through step functions (comparisons, rounding) only.

    Its derivative is 0 wherever it exists, and 0 is what the gradient returns. What to do: docs/roots.md.
    """


CODES: dict[str, tuple[type[SrcadError], str]] = {
    # the language
    "S101": (UnsupportedError, "function without source"),
    "S102": (UnsupportedError, "source changed since the function was made"),
    "S103": (UnsupportedError, "try"),
    "S104": (UnsupportedError, "raise"),
    "S105": (UnsupportedError, "with"),
    "S106": (UnsupportedError, "yield"),
    "S107": (UnsupportedError, "async and await"),
    "S108": (UnsupportedError, "global and nonlocal"),
    "S109": (UnsupportedError, "del"),
    "S110": (UnsupportedError, "class inside a function that depends on a run"),
    "S111": (UnsupportedError, "match"),
    "S112": (UnsupportedError, "import inside a function"),
    "S113": (UnsupportedError, "star-arguments of unknown length"),
    "S114": (UnsupportedError, "comprehension over run-time values"),
    "S115": (UnsupportedError, "recursion"),
    "S116": (UnsupportedError, "complex numbers"),
    "S117": (UnsupportedError, "value of a kind outside the language"),
    "S118": (UnsupportedError, "assignment to an attribute"),
    "S119": (UnsupportedError, "variable whose type changes"),
    "S120": (UnsupportedError, "name without a value"),
    "S121": (UnsupportedError, "opaque function"),
    "S122": (UnsupportedError, "attribute or method outside the language"),
    "S123": (UnsupportedError, "value that must be known when compiling"),
    "S124": (UnsupportedError, "call that does not fit the function's parameters"),
    "S125": (UnsupportedError, "list changed at run time"),
    "S126": (UnsupportedError, "index outside the language"),
    "S127": (UnsupportedError, "operands that do not fit together"),
    "S128": (UnsupportedError, "option of a NumPy function outside the language"),
    "S129": (UnsupportedError, "loop over something that is not a range, an array or a sequence"),
    "S130": (UnsupportedError, "block that cannot be inserted"),
    "S131": (UnsupportedError, "window whose gradient cannot be cut"),
    "S132": (UnsupportedError, "iterations in any order that depend on each other"),
    "S199": (UnsupportedError, "construct outside the language"),
    # derivatives
    "S201": (DerivativeError, "gradient of an output that is not a scalar"),
    "S202": (DerivativeError, "gradient of an output that is not a float"),
    "S203": (DerivativeError, "no derivative rule"),
    "S206": (DerivativeError, "rule that does not fit its function"),
    "S207": (DerivativeError, "nothing to differentiate"),
    "S208": (DerivativeError, "loop that cannot be checkpointed"),
    "S209": (DerivativeError, "Jacobian of more than numbers or one array"),
    "S210": (DerivativeError, "Jacobian of an array that would take several runs"),
    # the call
    "S301": (ArgumentError, "integers among the differentiated"),
    "S302": (ArgumentError, "leaf of an unsupported type"),
    "S303": (ArgumentError, "ragged leaf"),
    "S304": (ArgumentError, "complex argument"),
    "S305": (ArgumentError, "unsupported dtype"),
    "S306": (ArgumentError, "arguments that do not fit the function's parameters"),
    "S307": (ArgumentError, "argnums that name no parameter"),
    "S308": (ArgumentError, "arguments that overlap in memory"),
    "S309": (ArgumentError, "adjoint buffer of the wrong shape or dtype"),
    "S310": (ArgumentError, "unknown option"),
    "S312": (ArgumentError, "gradient that differs from finite differences"),
    "S313": (ArgumentError, "function that cannot be found"),
    "S314": (ArgumentError, "call that keeps more than max_tape"),
    "S315": (ArgumentError, "checkpoint of no loop"),
    "S316": (ArgumentError, "types that nobody has said"),
    "S317": (ArgumentError, "read-only argument that is written to"),
    "S318": (ArgumentError, "text without the one function that is meant"),
    "S319": (ArgumentError, "drawing that needs Graphviz"),
    "S321": (ArgumentError, "cotangent that does not fit the output"),
    "S325": (ArgumentError, "tangents that do not fit the arguments"),
    "S330": (ArgumentError, "sparse Jacobian of what is not one array"),
    "S331": (ArgumentError, "Jacobian whose sparsity is not found"),
    "S340": (ArgumentError, "gradient that does not fit the parameters"),
    "S341": (ArgumentError, "state that does not fit the optimiser"),
    # the tape
    "S350": (ArgumentError, "tensor that the tape has not recorded"),
    "S351": (ArgumentError, "tape that has been played back"),
    "S352": (ArgumentError, "recorded tensor that becomes a plain number"),
    "S353": (ArgumentError, "operation that a tape cannot record"),
    "S354": (ArgumentError, "tensor changed in place"),
    "S355": (ArgumentError, "recording that has another value when it is played back"),
    "S360": (ArgumentError, "samples that do not fit"),
    "S361": (ArgumentError, "how a kernel is launched"),
    "S362": (ArgumentError, "values of inactive code that change their type"),
    "S363": (ArgumentError, "inactive code that a file cannot have"),
    # memory
    "S401": (AliasError, "names that may or may not share memory"),
    "S402": (AliasError, "write through a view that is read-only"),
    # compiling and files
    "S501": (CompileError, "Numba refused the generated code"),
    "S502": (CompileError, "threads in a process that was forked"),
    "S503": (CompileError, "file that cannot be written"),
    "S504": (CompileError, "file that cannot be taken for a generated one"),
    "S505": (CompileError, "entry of [tool.srcad] that cannot be read"),
    "S506": (CompileError, "edited file whose function is not the one that is listed"),
    "S511": (CompileError, "conflict in a generated file"),
    "S512": (CompileError, "edits that cannot be merged"),
    "S513": (CompileError, "gradient that cannot be checked"),
    # numbers
    # CUDA
    "S520": (CompileError, "what a device function cannot do"),
    "S521": (CompileError, "array of a size that is known at run time only"),
    "S522": (CompileError, "error that a device function cannot raise"),
    "S523": (CompileError, "device function without a device"),
    "S524": (CompileError, "what a kernel cannot do"),
    "S525": (CompileError, "memory that the threads of a kernel share"),
    "S527": (CompileError, "what a function of arrays on a device cannot do"),
    "S528": (CompileError, "array that is not on the device"),
    "S601": (NonFiniteError, "result with NaN or infinities"),
    # our own
    "S901": (InternalError, "a pass failed"),
}


def fail(
    code: str, message: str, span: Place | None = None, why: str | None = None, advice: str | None = None
) -> NoReturn:
    """Raise the error of the class that `code` belongs to."""
    # `from None`: the cause is Python's or a library's own exception, of no use to the reader
    raise CODES[code][0](Problem(code, message, span, why, advice)) from None


def fail_all(problems: Sequence[Problem]) -> None:
    """Raise one error for all `problems`, of the class of the first; return if there are none."""
    if problems:
        raise CODES[problems[0].code][0](*problems) from None


def not_left_to_python(error: SrcadError, reason: str | None) -> SrcadError:
    """The error, with the reason why inactive code is not left to Python; as it is without one.

    >>> error = SrcadError(Problem("S203", "no derivative rule for heapq.heapify"))
    >>> print(not_left_to_python(error, "it may write into the argument w"))
    srcad error S203: no derivative rule for heapq.heapify
    <BLANKLINE>
      It is inactive, and would be left to Python; but it may write into the argument w.
    """
    if reason is None:
        return error
    first, *others = error.problems
    said = f"It is inactive, and would be left to Python; but {reason}."
    return type(error)(replace(first, why=said if first.why is None else f"{first.why} {said}"), *others)


class Restart(Exception):
    """No error: what a pass has found out makes the compiler begin again, in another way."""


@contextmanager
def during(pass_name: str, span: Place | None = None) -> Iterator[None]:
    """Convert an exception in a pass that is not a `SrcadError` into an `InternalError` that names the pass."""
    try:
        yield
    except (SrcadError, Restart):
        raise
    except Exception as fault:
        raise InternalError(
            Problem(
                "S901",
                f"the pass {pass_name} failed ({type(fault).__name__}: {fault})",
                span,
                "This is a fault of srcad, not of your function.",
                "report it, with the function and the types of its arguments.",
            )
        ) from fault


def _excerpt(place: Place) -> str:
    number = str(place.line)
    # at least one character, even where the extent is empty or begins past the end of the line
    end = place.end_column if place.end_line == place.line else len(place.text.rstrip())
    carets = "^" * max(1, min(end, len(place.text)) - place.column)
    # tabs are kept, so that the caret is below its character for any width of a tab
    before = "".join("\t" if c == "\t" else " " for c in place.text[: place.column].ljust(place.column))
    return (
        f"{_displayed_path(place.file)}:{number}, in {place.function}\n"
        f"  {number} | {place.text.rstrip()}\n"
        f"  {' ' * len(number)} | {before}{carets}"
    )


def _displayed_path(file: str) -> str:
    """The path relative to the current directory if it lies below it, else the file name."""
    if file.startswith("<"):
        return file
    path, here = os.path.realpath(file), os.path.realpath(os.curdir)
    inside = path.startswith(here.rstrip(os.sep) + os.sep)
    return os.path.relpath(path, here).replace(os.sep, "/") if inside else os.path.basename(file)


def _indent(text: str) -> str:
    return "\n".join(f"  {line}" if line else "" for line in text.split("\n"))
