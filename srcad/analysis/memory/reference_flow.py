"""Which names are given what other names refer to, in the direction of the assignments, at all times at once.

Finer than the classes of `may_alias`, which have no direction: after `r = p if c else q` a store to r may reach p and
q, but a store to p does not reach q.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from srcad.ir.nodes import Block
from srcad.ir.result_memory import roots
from srcad.ir.traversal import bindings, walk
from srcad.ir.types import Scalar, Type


class ReferenceFlow:
    """The names of a block, each with those that it is given memory of; lists and what is appended to them aside.

    Where there are `types`, names of scalars are left out: what they hold is a value.

    >>> from srcad.ir.notation import parse
    >>> flow = ReferenceFlow(parse('''
    ... v = a[1:]
    ... r = v if c else b
    ... s = r + 1.0
    ... '''))
    >>> sorted(flow.sources({"r"})), sorted(flow.given({"a"}))
    (['a', 'b', 'r', 'v'], ['a', 'r', 'v'])
    """

    def __init__(self, block: Block, types: Mapping[str, Type] | None = None) -> None:
        self._sources: dict[str, set[str]] = {}
        self._given: dict[str, set[str]] = {}
        for stmt in walk(block):
            for target, value in bindings(stmt):
                if types is None or not isinstance(types.get(target), Scalar):
                    for name in roots(value):
                        self.add(target, name)

    def add(self, target: str, source: str) -> None:
        self._sources.setdefault(target, set()).add(source)
        self._given.setdefault(source, set()).add(target)

    def sources(self, names: Iterable[str]) -> set[str]:
        """These names, and all whose memory they may have been given."""
        return _closure(self._sources, names)

    def given(self, names: Iterable[str]) -> set[str]:
        """These names, and all that may have been given their memory."""
        return _closure(self._given, names)


def _closure(edges: Mapping[str, set[str]], start: Iterable[str]) -> set[str]:
    found = set(start)
    pending = list(found)
    while pending:
        new = edges.get(pending.pop(), set()) - found
        found |= new
        pending += new
    return found
