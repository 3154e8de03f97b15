"""The functions whose calls stay calls, while one function is lowered.

>>> kept = KeptFunctions()
>>> kept.fresh_name("rhs"), kept.fresh_name("rhs")
('rhs', 'rhs_1')
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import gast

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

    tree: Any
    called: Called
    function: Function
    """Its last parameters are the variables from outside."""
    result: Abstract
    """The structure of what it returns, with slots for its results."""
    outer: tuple[OuterVariable, ...]
    guards: Mapping[Any, Any]
    recurs: bool
    """Its source calls itself: it cannot be inlined."""
    shares: tuple[tuple[int, int], ...] = ()
    """Results that may be an argument: the function copies it, so neither may be written to in the caller."""


@dataclass(eq=False)
class OpenFunction:
    """A function that is being lowered."""

    function: tuple[object, ...]
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
    general: dict[tuple[object, ...], list[Any]] = field(default_factory=dict)
    """The arguments that a function is made for: those of all its calls, or of all that have one structure."""
    inlined: set[int] = field(default_factory=set)
    """Functions that turned out not to be callable so."""
    made: dict[object, KeptFunction] = field(default_factory=dict)
    open: list[OpenFunction] = field(default_factory=list)
    may_change: bool = True
    """Whether the functions may write to arrays that they are given: then there is no derivative."""
    keep: bool = True
    """Whether calls of functions that do not call themselves may stay, too."""
    sites: dict[int, set[object]] = field(default_factory=dict)
    """The places of the calls that were inlined, by function."""
    _seen: dict[int, Any] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    def again(self) -> KeptFunctions:
        """For another attempt."""
        return replace(self, made={}, open=[], sites={}, _seen={}, _names=set())

    def inside(self, lists: bool) -> KeptFunctions:
        """For a function that is lowered on its own: of its calls, those of functions that call themselves stay."""
        inlined = self.trees.keys() - self.recursive
        return replace(self.again(), inlined=inlined, may_change=self.may_change and lists, keep=False)

    def note(self, tree: Any, place: object) -> None:
        """A call has been inlined here."""
        self._seen[id(tree)] = tree
        self.sites.setdefault(id(tree), set()).add(place)

    def keep_more(self) -> bool:
        """Keep the functions that are called more than once and are longer than a line or two; whether there are any
        that were inlined up to now."""
        wanted = {
            own: tree
            for own, tree in self._seen.items()
            if self.keep and len(self.sites[own]) > 1 and own not in self.inlined and _length(tree) > _MOST_INLINED
        }
        new = wanted.keys() - self.trees.keys()
        self.trees.update(wanted)
        return bool(new)

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


_MOST_INLINED = 2


def _length(tree: Any) -> int:
    """The number of statements of a function, without its docstring."""
    return sum(isinstance(node, gast.stmt) for node in gast.walk(tree)) - 1 - (gast.get_docstring(tree) is not None)
