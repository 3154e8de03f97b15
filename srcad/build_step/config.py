"""The gradients listed in `[tool.srcad]` of pyproject.toml."""

from __future__ import annotations

import keyword
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from inspect import signature
from pathlib import Path
from typing import Any, NoReturn

from srcad.api import adjoint, grad, jacobian, jit, value_and_grad
from srcad.backend.numba.compilation import example_arguments
from srcad.build_step.locate import find
from srcad.build_step.schema import Table, read_table
from srcad.compiler.shipment import Shipment
from srcad.derivative import Derivative
from srcad.dispatch.example_arguments import Example
from srcad.dispatch.specialisation import Specialisation
from srcad.errors import SrcadError, fail
from srcad.ir.nodes import Span
from srcad.options import Choices

_ENDINGS = {"gradient": "_grad", "value": "_grad", "jacobian": "_jacobian", "adjoint": "_adjoint", "primal": "_primal"}
MODES = tuple(_ENDINGS)
_GRADIENTS: dict[str, Callable[..., Derivative]] = {"gradient": grad, "value": value_and_grad}
_OTHERS: dict[str, Callable[..., Derivative]] = {"jacobian": jacobian, "adjoint": adjoint}
_TARGETS = ("cpu", "python")


@dataclass(frozen=True)
class Entry:
    """One function listed in `[tool.srcad]`. Its fields are the keys, with their defaults."""

    function: str
    """`module:function`."""
    mode: str = "gradient"
    wrt: tuple[str, ...] = ()
    has_aux: bool = False
    signature: str | None = None
    """The types of the arguments, in Numba's notation."""
    examples: str | None = None
    """`module:function` of a function that returns example arguments, where a signature cannot express their types."""
    name: str | None = None
    target: str = "cpu"
    compiled: bool = True
    """Whether the compiled form is written too."""
    fastmath: bool = False
    boundscheck: bool = True
    checkpoint: tuple[str, ...] = ()
    snapshots: int | None = None
    span: Span | None = field(default=None, repr=False, compare=False)
    """Where it stands in pyproject.toml."""

    @property
    def file(self) -> str:
        return f"{self.name or self.function.rpartition(':')[2].rpartition('.')[2] + _ENDINGS[self.mode]}.py"

    def derivative(self) -> Derivative:
        function, wrt = find(self.function), self.wrt or 0
        options: Choices = {
            "target": "python" if self.target == "python" else "cpu",
            "fastmath": self.fastmath,
            "boundscheck": self.boundscheck,
            "checkpoint": self.checkpoint,
            "snapshots": self.snapshots,
        }
        if self.mode == "primal":
            return jit(function, **options)
        if self.mode in _OTHERS:
            return _OTHERS[self.mode](function, wrt, **options)
        return _GRADIENTS[self.mode](function, wrt, has_aux=self.has_aux, **options)

    def example(self, derivative: Derivative) -> Example:
        if self.examples is not None:
            return Example(self._examples(self.examples))
        if self.signature is None:
            return derivative.example()
        try:
            values = example_arguments(self.signature)
        except Exception as fault:
            self.invalid(f"the signature {self.signature!r} of {self.function} is none that Numba reads ({fault})")
        names = signature(derivative).parameters
        return Example(values, invented=frozenset([*names][: len(values)]))

    def _examples(self, place: str) -> tuple[Any, ...]:
        try:
            return tuple(find(place)())
        except SrcadError:
            raise
        except Exception as fault:  # the user's function may raise anything
            advice = "let it return the arguments of a call, as a tuple."
            self.invalid(f"{place} raised {type(fault).__name__}: {fault}", advice)

    def specialisation(self) -> Specialisation:
        """The derivative for the types of the example."""
        derivative = self.derivative()
        return derivative.specialise_for(self.example(derivative))

    def shipment(self, one: Specialisation | None = None) -> Shipment:
        """What its files are made of."""
        return replace((one or self.specialisation()).shipment(), with_form=self.compiled)

    def invalid(self, message: str, advice: str | None = None) -> NoReturn:
        fail("S505", message, self.span, advice=advice)


KEYS = tuple(f.name for f in fields(Entry) if f.name != "span")


def entries(root: Path) -> tuple[Path, list[Entry]]:
    """The folder to write to, and the entries in the pyproject.toml of the folder `root`. S505 if one is invalid."""
    table = _table(root)
    table.keys(("folder", "compiled", "functions"))
    folder, compiled, listed = table.string("folder"), table.truth("compiled", True), table.tables("functions")
    if not listed:
        advice = 'write functions = [{ function = "module:name", signature = "(float64[:],)" }]'
        table.invalid("no functions are listed", "functions" if "functions" in table else None, advice)
    found = [entry_of(item, compiled) for item in listed]
    for at, entry in enumerate(found):
        for other in found[:at]:
            if entry.file.lower() == other.file.lower():
                advice = "give one of them a name of its own, with the key name."
                entry.invalid(f"{other.function} and {entry.function} would both be written to {entry.file}", advice)
    return root / (folder or "generated"), found


def _table(root: Path) -> Table:
    try:
        text = (root / "pyproject.toml").read_text(encoding="utf-8")
    except OSError as fault:
        place = f"the folder {root.resolve()}"
        listed = '[tool.srcad] functions = [{ function = "module:name", signature = "(float64[:],)" }]'
        advice = f"go to the folder of your project, or name it with --root; what to write is listed in it: {listed}"
        fail("S505", f"there is no pyproject.toml in {place} ({fault.strerror})", advice=advice)
    except UnicodeDecodeError as fault:
        fail("S505", f"pyproject.toml cannot be read: {fault}")
    return read_table(text)


def entry_for(function: str, wrt: tuple[str, ...], signature: str | None, mode: str | None) -> Entry:
    """The entry of a function in `[tool.srcad]` of the current folder, or a default one, with these changes.

    Of several, the first with the mode, and with the parameters, that are asked for.

    >>> entry_for("math:exp", ("x",), None, "value").file
    'exp_grad.py'
    """
    if mode is not None and mode not in MODES:
        fail("S505", f"there is no mode {mode!r}", why=f"The modes are {', '.join(MODES)}.")
    path = Path("pyproject.toml")
    listed = entries(Path("."))[1] if path.exists() and _table(Path(".")).values else []
    known = [entry for entry in listed if entry.function == function]
    fitting = [one for one in known if mode in (None, one.mode) and wrt in ((), one.wrt)]
    entry = next(iter([*fitting, *known]), Entry(function))
    mode = mode or entry.mode
    return replace(
        entry,
        mode=mode,
        wrt=() if mode == "primal" else wrt or entry.wrt,
        has_aux=entry.has_aux and mode in _GRADIENTS,
        signature=signature or entry.signature,
        examples=None if signature else entry.examples,
    )


def entry_of(item: Table, compiled: bool = True) -> Entry:
    """The entry that a table of the list says. `compiled` is the default of that key."""
    function = item.string("function")
    if function is None:
        item.invalid("an entry names no function", advice='write function = "module:name".')
    item.keys(KEYS)
    mode, target, name = item.string("mode", MODES) or "gradient", item.string("target", _TARGETS), item.string("name")
    has_form = target != "python"
    entry = Entry(
        function,
        mode,
        item.names("wrt"),
        item.truth("has_aux", False),
        item.string("signature"),
        item.string("examples"),
        name,
        target or "cpu",
        item.truth("compiled", compiled and has_form),
        item.truth("fastmath", False),
        item.truth("boundscheck", True),
        item.names("checkpoint"),
        item.positive("snapshots"),
        item.span("function"),
    )
    if name is not None and (not name.isidentifier() or keyword.iskeyword(name) or name == "_machine"):
        item.invalid(f"the name {name!r} is none that Python can import", "name", "use letters, digits and _.")
    if entry.has_aux and mode not in _GRADIENTS:
        item.invalid(f"has_aux is for gradients: mode = {mode!r} gives no aux", "has_aux")
    if entry.wrt and mode == "primal":
        item.invalid("the primal is not differentiated with respect to anything", "wrt")
    if entry.signature is not None and entry.examples is not None:
        item.invalid("both signature and examples say the types", "signature", "remove one of them.")
    if entry.compiled and not has_form:
        item.invalid('what target = "python" gives is not compiled', "compiled")
    return entry
