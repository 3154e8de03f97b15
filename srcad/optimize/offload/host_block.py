"""A block of the host function while it is made: launches at once, reads of what they compute as late as possible."""

from __future__ import annotations

from srcad.ir.nodes import Block, Stmt
from srcad.ir.traversal import names, own_exprs, own_writes, walk
from srcad.optimize.offload.kernels import Launched


class HostBlock:
    """The statements of a block of the host, in which scalars of kernels are read as late as possible."""

    def __init__(self) -> None:
        self._done: list[Stmt] = []
        self._unread: list[Launched] = []

    def add(self, stmt: Stmt) -> None:
        touched = {n for one in walk((stmt,)) for e in own_exprs(one) for n in names(e)}
        touched |= {n for one in walk((stmt,)) for n in own_writes(one)}
        for one in [one for one in self._unread if one.sets & touched]:
            self._unread.remove(one)
            self._done += one.after
        self._done.append(stmt)

    def launch(self, launched: Launched) -> None:
        for stmt in launched.before:
            self.add(stmt)
        if launched.after:
            for one in [one for one in self._unread if one.sets & launched.sets]:
                self._unread.remove(one)
                self._done += one.after
            self._unread.append(launched)

    def finished(self) -> Block:
        for one in self._unread:
            self._done += one.after
        return tuple(self._done)
