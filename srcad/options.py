"""The options of a derivative."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypedDict, TypeVar, get_type_hints

from srcad.errors import fail

_TARGETS = ("cpu", "python", "cuda")
_OF_CPU = ("parallel", "fastmath")
_ADDED = ("checkpoint", "snapshots", "deterministic")
_OF_CALLS = ("argnums", "has_aux")
F = TypeVar("F", bound=Callable[..., Any])


class Choices(TypedDict, total=False):
    """The options as the public functions take them, by keyword. `Options` has their meaning and their defaults."""

    target: Literal["cpu", "python", "cuda"]
    parallel: bool
    fastmath: bool
    debug: bool
    cache: bool
    boundscheck: bool
    max_tape: int | None
    checkpoint: str | tuple[str, ...]
    snapshots: int | None
    on_nonfinite: Callable[[Any], None] | None
    deterministic: bool


def spelled(function: F) -> F:
    """Show each option in the signature of a function that takes `**options: Unpack[Choices]`: to `help`, to prompts.

    >>> def make(f, **options): ...
    >>> str(inspect.signature(spelled(make))).partition("debug")[0]
    "(f, *, target: Literal['cpu', 'python', 'cuda'] = 'cpu', parallel: bool = False, fastmath: bool = False, "
    """
    whole = inspect.signature(function, eval_str=True)
    kept = [p for p in whole.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    defaults = {f.name: f.default for f in fields(Options)}
    kind = inspect.Parameter.KEYWORD_ONLY
    named = [
        inspect.Parameter(name, kind, default=defaults[name], annotation=annotation)
        for name, annotation in get_type_hints(Choices).items()
    ]
    function.__signature__ = whole.replace(parameters=[*kept, *named])  # type: ignore[attr-defined]
    return function


@dataclass(frozen=True)
class Options:
    """The options of a derivative. Each is a keyword of `grad` and the other public functions."""

    target: str = "cpu"
    """`"cpu"` compiles by Numba; `"python"` runs the same text uncompiled, so that a debugger steps through it;
    `"cuda"` makes device functions for kernels of your own (`Derivative.device`)."""
    parallel: bool = False
    """Run loops on threads where their iterations may run at once (Numba's: `numba.set_num_threads`). Equal calls give
    equal bits, whatever the number of threads."""
    fastmath: bool = False
    """Let LLVM reorder and contract sums and products; NaN and infinities stay what they are."""
    debug: bool = False
    """Where a value or a gradient is NaN or infinite, S601 is raised with the place of the first. Numba checks indices
    too, and the IR is verified after every pass of the compiler."""
    cache: bool = True
    """Cache the text and the machine code on disk for later processes."""
    boundscheck: bool = True
    """Check each index that is not proved to be within bounds, and raise IndexError as Python does. With False,
    compiled code reads and writes outside of the array where an index is out of bounds."""
    max_tape: int | None = field(default=None, repr=False)  # the text does not depend on it
    """In bytes: a call that is known to save more for its reverse sweep raises S314 before it runs."""
    checkpoint: tuple[str, ...] = ()
    """Names of loop variables: of such a loop of n iterations, the state at the start of each of about √n segments is
    saved, and the tape of one segment at a time, which is recomputed."""
    snapshots: int | None = None
    """Of a loop of `checkpoint`, at most so many states are saved at once, and the tape of so many iterations. The
    iterations run again more often, as the binomial schedule says. None: about √n, and each iteration runs twice."""
    on_nonfinite: Callable[[Any], None] | None = field(default=None, repr=False)  # the text does not depend on it
    """Called with the place of the first NaN or infinity (`srcad.inspection.nonfinite.NonFinite`) where a value or a
    gradient has any; the call then goes on. Nothing is raised, also with `debug=True`."""

    deterministic: bool = False
    """With `target="cuda"`: equal calls give equal bits. Where threads add to one element, each has sums of its own,
    which takes more memory and time. On the CPU equal calls give equal bits without it."""

    def __repr__(self) -> str:
        """The options that the text depends on, without those added later that have their default."""
        shown = [f.name for f in fields(self) if f.repr and (f.name not in _ADDED or getattr(self, f.name))]
        return f"Options({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    @classmethod
    def of(cls, given: Mapping[str, object]) -> Options:
        """Options from keyword arguments; S310 for an unknown one, or for a value that is not supported.

        >>> Options.of({"checkpoint": "step", "debug": True}).checkpoint
        ('step',)
        """
        known = [f.name for f in fields(cls)]
        for name, value in given.items():
            if name not in known:
                close = difflib.get_close_matches(name, (*known, *_OF_CALLS), 1)
                advice = f"write {close[0]}=." if close else None
                why = f"The options are {', '.join(known)}."
                fail("S310", f"there is no option {name!r}", why=why, advice=advice)
            if name == "max_tape":
                if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
                    fail("S310", f"the option max_tape is a whole number of bytes, not {value!r}")
            elif name == "snapshots":
                if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                    fail("S310", f"the option snapshots is a number of states, at least 1, not {value!r}")
            elif name == "checkpoint":
                if not isinstance(value, str) and not (
                    isinstance(value, tuple) and all(isinstance(n, str) for n in value)
                ):
                    fail(
                        "S310",
                        f"the option checkpoint is the name of a loop variable, or a tuple of names, not {value!r}",
                    )
            elif name == "on_nonfinite":
                if value is not None and not callable(value):
                    fail("S310", f"the option on_nonfinite is a function of one argument, not {value!r}")
            elif name != "target" and not isinstance(value, bool):
                fail("S310", f"the option {name} is True or False, not {value!r}")
        checkpoint = given.get("checkpoint", ())
        named = (checkpoint,) if isinstance(checkpoint, str) else checkpoint
        options = cls(**{**given, "checkpoint": named})  # type: ignore[arg-type]
        if options.snapshots is not None and not options.checkpoint:
            why = "They are states of a loop, which checkpoint= names."
            fail("S310", f"snapshots={options.snapshots} without a loop", why=why, advice='write checkpoint="t" too.')
        if options.target not in _TARGETS:
            fail("S310", f"there is no target {options.target!r}", why=f"The targets are {', '.join(_TARGETS)}.")
        if options.target == "cuda" and (unknown := [name for name in _OF_CPU if getattr(options, name)]):
            why = "The threads are those of your kernel, and fastmath of CUDA changes what NaN and infinities do."
            fail("S310", f'target="cuda" has no option {unknown[0]}', why=why, advice="leave it out.")
        return options
