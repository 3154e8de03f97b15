"""The gradients listed in `[tool.srcad]` of pyproject.toml."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass, replace
from inspect import signature
from pathlib import Path
from typing import Any, NoReturn

from srcad.api import grad, jacobian, value_and_grad
from srcad.backend.numba.compilation import example_arguments
from srcad.build_step.locate import find
from srcad.compiler.shipment import Shipment
from srcad.derivative import Derivative
from srcad.dispatch.example_arguments import Example
from srcad.errors import SrcadError, fail
from srcad.options import Choices

KEYS = (
    "function",
    "signature",
    "arguments",
    "wrt",
    "value",
    "has_aux",
    "jacobian",
    "fastmath",
    "boundscheck",
    "checkpoint",
    "name",
)


@dataclass(frozen=True)
class Entry:
    """One function listed in `[tool.srcad]`."""

    function: str
    """`module:function`."""
    signature: str | None
    """The types of the arguments, in Numba's notation."""
    arguments: str | None
    """`module:function` of a function that returns example arguments, where a signature cannot express their types."""
    wrt: tuple[str, ...]
    value: bool
    has_aux: bool
    jacobian: bool
    fastmath: bool
    boundscheck: bool
    checkpoint: tuple[str, ...]
    name: str | None

    @property
    def file(self) -> str:
        ending = "_jacobian" if self.jacobian else "_grad"
        return f"{self.name or self.function.rpartition(':')[2].rpartition('.')[2] + ending}.py"

    def derivative(self) -> Derivative:
        wrt: Any = self.wrt or 0
        options = Choices(fastmath=self.fastmath, boundscheck=self.boundscheck, checkpoint=self.checkpoint)
        if self.jacobian:
            return jacobian(find(self.function), wrt, **options)
        make = value_and_grad if self.value else grad
        return make(find(self.function), wrt, has_aux=self.has_aux, **options)

    def example(self, derivative: Derivative) -> Example:
        if self.arguments is not None:
            return Example(self._examples(self.arguments))
        if self.signature is None:
            return derivative.example()
        try:
            values = example_arguments(self.signature)
        except Exception as fault:
            invalid(f"the signature {self.signature!r} of {self.function} is none that Numba reads ({fault})")
        names = signature(derivative).parameters
        return Example(values, invented=frozenset([*names][: len(values)]))

    def _examples(self, place: str) -> tuple[Any, ...]:
        try:
            return tuple(find(place)())
        except SrcadError:
            raise
        except Exception as fault:  # the user's function may raise anything
            invalid(
                f"{place} raised {type(fault).__name__}: {fault}", "let it return the arguments of a call, as a tuple."
            )

    def shipment(self) -> Shipment:
        """What its files are made of."""
        derivative = self.derivative()
        return derivative.shipment(derivative.specialise_for(self.example(derivative)))


def entries(root: Path) -> tuple[Path, list[Entry]]:
    """The folder to write to, and the entries in the pyproject.toml of the folder `root`. S505 if one is invalid."""
    path = root / "pyproject.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as fault:
        fail("S505", f"there is no pyproject.toml in {root.name or root} ({fault.strerror})")
    table = _toml(text).get("tool", {}).get("srcad", {})
    if not isinstance(table, dict):
        invalid("it is no table")
    _check_keys(table, ("folder", "functions"), "")
    _check_type(table, "folder", str, "")
    listed = table.get("functions", [])
    if not listed or not isinstance(listed, list):
        invalid("no functions are listed", 'functions = [{ function = "module:name", signature = "(float64[:],)" }]')
    found = [entry_of(item) for item in listed]
    for at, entry in enumerate(found):
        for other in found[:at]:
            if entry.file.lower() == other.file.lower():
                advice = "give one of them a name of its own, with the key name."
                invalid(f"{other.function} and {entry.function} would both be written to {entry.file}", advice)
    return root / table.get("folder", "generated"), found


def entry_for(function: str, wrt: tuple[str, ...], signature: str | None, value: bool, jacobian: bool) -> Entry:
    """The entry of a function in `[tool.srcad]` of the current folder, or a default one, with these changes.

    >>> entry_for("math:exp", ("x",), None, value=True, jacobian=False).file
    'exp_grad.py'
    """
    known: dict[str, Entry] = {}
    if Path("pyproject.toml").exists() and "[tool.srcad]" in Path("pyproject.toml").read_text(encoding="utf-8"):
        known = {entry.function: entry for entry in entries(Path("."))[1]}
    entry = known.get(function, Entry(function, None, None, (), False, False, False, False, True, (), None))
    return replace(
        entry,
        wrt=wrt or entry.wrt,
        signature=signature or entry.signature,
        arguments=None if signature else entry.arguments,
        value=value or entry.value,
        jacobian=jacobian or entry.jacobian,
    )


def entry_of(item: Any) -> Entry:
    if not isinstance(item, dict) or not isinstance(item.get("function"), str):
        invalid(f"an entry names no function: {item!r}")
    owner = f"{item['function']}: "
    _check_keys(item, KEYS, owner)
    for key in ("signature", "arguments", "name"):
        _check_type(item, key, str, owner)
    for key in ("value", "has_aux", "jacobian", "fastmath", "boundscheck"):
        _check_type(item, key, bool, owner)
    if "name" in item and not item["name"].isidentifier():
        invalid(f"{owner}the name {item['name']!r} is none that Python can import", "use letters, digits and _.")
    if item.get("jacobian") and (item.get("value") or item.get("has_aux")):
        invalid(f"{owner}a Jacobian gives neither value nor aux")
    return Entry(
        function=item["function"],
        signature=item.get("signature"),
        arguments=item.get("arguments"),
        wrt=_names(item, "wrt", owner),
        value=item.get("value", False),
        has_aux=item.get("has_aux", False),
        jacobian=item.get("jacobian", False),
        fastmath=item.get("fastmath", False),
        boundscheck=item.get("boundscheck", True),
        checkpoint=_names(item, "checkpoint", owner),
        name=item.get("name"),
    )


def _check_keys(table: dict[str, Any], keys: tuple[str, ...], owner: str) -> None:
    for key in table:
        if key not in keys:
            invalid(f"{owner}there is no key {key!r}", f"the keys are {', '.join(keys)}.")


def _check_type(table: dict[str, Any], key: str, kind: type, owner: str) -> None:
    if key in table and not isinstance(table[key], kind):
        wanted = {str: "a string", bool: "true or false"}[kind]
        invalid(f"{owner}{key} is {wanted}, not {table[key]!r}")


def _names(table: dict[str, Any], key: str, owner: str) -> tuple[str, ...]:
    """One name, or a list of names."""
    given = table.get(key, [])
    if isinstance(given, str):
        return (given,)
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        invalid(f"{owner}{key} is a name, or a list of names, not {given!r}")
    return tuple(given)


def invalid(message: str, advice: str | None = None) -> NoReturn:
    fail("S505", f"[tool.srcad] in pyproject.toml: {message}", advice=advice)


def _toml(text: str) -> dict[str, Any]:
    # in the standard library since Python 3.11
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        table: dict[str, Any] = toml.loads(text)
    except ValueError as fault:
        fail("S505", f"pyproject.toml cannot be read: {fault}")
    return table
