"""The functions whose calls stay calls, while one function is lowered.

>>> kept = KeptFunctions()
>>> kept.fresh_name("rhs"), kept.fresh_name("rhs")
('rhs', 'rhs_1')
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from srcad.frontend.values.abstract_values import Abstract
from srcad.ir.called import Called
from srcad.ir.nodes import Function


@dataclass(frozen=True)
class OuterVariable:
    """A variable from outside that a function reads."""

    scope: int
    name: str
    read: Callable[[], object] = field(compare=False)


@dataclass(frozen=True, eq=False)
class KeptFunction:
    """A function that stands beside its callers, in normal form."""

    called: Called
    function: Function
    """Its last parameters are the variables from outside."""
    result: Abstract
    """The structure of what it returns, with slots for its results."""
    outer: tuple[OuterVariable, ...]
    guards: Mapping[Any, Any]
    shares: tuple[tuple[int, int], ...] = ()
    """Results that may be an argument: the function copies it, so neither may be written to in the caller."""


@dataclass(eq=False)
class OpenFunction:
    """A function that is being lowered."""

    tree: Any
    key: object
    given: Any
    assumed: KeptFunction | None = None
    """What its calls of itself are taken to be; in the first attempt statements with such calls are left out."""
    recurs: bool = False


@dataclass(eq=False)
class KeptFunctions:
    """Which functions are called, and what is known of them. Trees are held, so that no other can have the same id."""

    trees: dict[int, Any] = field(default_factory=dict)
    recursive: set[int] = field(default_factory=set)
    general: dict[int, Any] = field(default_factory=dict)
    """The arguments that a function that calls itself is made for: those of all its calls."""
    inlined: set[int] = field(default_factory=set)
    """Functions that turned out not to be callable so."""
    made: dict[object, KeptFunction] = field(default_factory=dict)
    open: list[OpenFunction] = field(default_factory=list)
    _names: set[str] = field(default_factory=set)

    def again(self) -> KeptFunctions:
        """For another attempt."""
        return KeptFunctions(self.trees, self.recursive, self.general, self.inlined)

    def by_name(self, name: str) -> KeptFunction | None:
        """The function of this name, as far as it is known."""
        known = [*self.made.values(), *(one.assumed for one in self.open if one.assumed is not None)]
        return next((one for one in known if one.called.name == name), None)

    def fresh_name(self, name: str) -> str:
        candidate, count = name, 0
        while candidate in self._names:
            count += 1
            candidate = f"{name}_{count}"
        self._names.add(candidate)
        return candidate
