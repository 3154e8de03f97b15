"""Sinking of views below joins: where control flow meets, the indices of a view are joined, so that it stays a view.

`for row in A: ...` leaves `row` behind, `v = x[1:3] if far else x[0:2]` is one part of x or another. Joined as values,
these would be arrays that may alias x or not; as one view at scalar indices they are known to, and stores into them are
followed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from srcad.analysis.memory.alias_classes import alias_classes, surely_runs
from srcad.ir.nodes import (
    Assign,
    Block,
    Carry,
    Const,
    Effect,
    Expr,
    For,
    Function,
    If,
    Join,
    Op,
    Slice,
    Stmt,
    Store,
    Undef,
    Var,
    While,
)
from srcad.ir.traversal import block_reads, blocks, defined, own_exprs, reads, walk, with_blocks
from srcad.ir.types import Scalar
from srcad.typing.builder import Builder

_Items = tuple[Expr, ...]


def join_view_indices(f: Function, builder: Builder) -> Function:
    """Join the indices of views of arrays that are written to; of a function in normal form.

    >>> import numpy as np
    >>> from srcad.canonicalize.prune import prune
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.printer import text
    >>> __name__ = "user_module"
    >>> def clear(x, far):
    ...     v = x[1:3] if far else x[0:2]
    ...     v[:] = 0.0
    ...     return x
    >>> f = normal_form(clear, np.ones(4), True)
    >>> print(text(prune(join_view_indices(f, Builder.resume(f)))))
    clear(x: float64[x.0], far: bool):
        %at.0, %at.1 = if far:
            yield 1, 3
        else:
            yield 0, 2
        v.0 = x[%at.0:%at.1]
        v.0[...] = 0.0
        return x
    """
    stored = alias_classes(f).written
    if not stored:
        return f
    work = _ViewJoiner(builder, stored, {s.target: s.value for s in walk(f.body) if isinstance(s, Assign)})
    body = work.block(f.body)
    return f if body == f.body else replace(f, body=body, types=dict(builder.types))


class _ViewJoiner:
    """The rewriting of blocks; `stored` are the arrays that are written to."""

    def __init__(self, builder: Builder, stored: frozenset[str], definitions: dict[str, Expr]) -> None:
        self.builder = builder
        self.stored = stored
        self.definitions = definitions

    def block(self, block: Block) -> Block:
        out: list[Stmt] = []
        deferred: dict[int, list[Stmt]] = {}
        for position, stmt in enumerate(block):
            out += deferred.get(position, ())
            inner = with_blocks(stmt, [self.block(b) for b in blocks(stmt)])
            match inner:
                case If():
                    out += self.branches(inner)
                case For() | While():
                    first = partial(_first_reader, block, position + 1)
                    loop, views_after = self.loop(inner, first)
                    out.append(loop)
                    for view in views_after:
                        # a loop that may run no iteration does not define the view: it is defined where it is read
                        at = position + 1 if surely_runs(inner) else first(view.target)
                        assert at is not None
                        deferred.setdefault(at, []).append(view)
                case _:
                    out.append(inner)
        out += deferred.get(len(block), ())
        return tuple(out)

    def view(self, e: Expr, inside: frozenset[str]) -> Op | None:
        """The view that a name stands for, of an array defined outside of these names."""
        definition = self.definitions.get(e.name) if isinstance(e, Var) and e.name in self.stored else None
        if not isinstance(definition, Op) or definition.prim != "index" or Const(None) in definition.args:
            return None
        base = definition.args[0]
        return definition if isinstance(base, Var) and base.name in self.stored and base.name not in inside else None

    def branches(self, stmt: If) -> list[Stmt]:
        inside = defined(stmt.then) | defined(stmt.orelse)
        joins: list[Join] = []
        after: list[Stmt] = []
        for join in stmt.joins:
            views = [self.view(e, inside) for e in (join.then, join.orelse)]
            one, other = views
            single = one if isinstance(join.orelse, Undef) else other if isinstance(join.then, Undef) else None
            if single is not None and self.is_speculatable(single, inside):
                after.append(self._define_view(join.target, single, _atoms(single.args[1:]), stmt))
                continue
            if one is None or other is None or one.args[0] != other.args[0] or not _same_form(one.args, other.args):
                joins.append(join)
                continue
            pairs = list(zip(_atoms(one.args[1:]), _atoms(other.args[1:]), strict=True))
            scalars = []
            for a, b in pairs:
                if a == b:
                    scalars.append(a)
                    continue
                at = self.builder.fresh("%at", Scalar("int64"))
                joins.append(Join(at.name, a, b))
                scalars.append(at)
            after.append(self._define_view(join.target, one, scalars, stmt))
        return [stmt if not after else replace(stmt, joins=tuple(joins)), *after]

    def is_speculatable(self, view: Op, inside: frozenset[str]) -> bool:
        """Whether the view may be created speculatively: its indices are slices, which raise nothing."""
        slices = all(isinstance(item, Slice) for item in view.args[1:])
        return slices and not any(isinstance(a, Var) and a.name in inside for a in _atoms(view.args[1:]))

    def loop(self, stmt: For | While, first: Callable[[str], int | None]) -> tuple[Stmt, list[Assign]]:
        body = stmt.test + stmt.body if isinstance(stmt, While) else stmt.body
        inside = defined((stmt,))
        read = {n for s in walk(body) for e in own_exprs(s) for n in reads(e)}
        ends = (stmt.cond,) if isinstance(stmt, While) else (stmt.exit,) if stmt.exit is not None else ()
        read |= {n for e in ends for n in reads(e)}
        carried: list[Carry] = []
        after: list[Assign] = []
        for carry in stmt.carried:
            others = {n for c in stmt.carried if c is not carry for n in reads(c.next)}
            view = self.view(carry.next, inside)
            unbound = isinstance(carry.init, Undef) and first(carry.result) is not None
            surely_defined = surely_runs(stmt) or unbound
            if view is None or not surely_defined or carry.arg in read | others:
                carried.append(carry)
                continue
            scalars: list[Expr] = []
            for a in _atoms(view.args[1:]):
                if not isinstance(a, Var) or a.name not in inside:
                    scalars.append(a)
                    continue
                arg, result = (self.builder.fresh("%at", Scalar("int64")) for _ in range(2))
                carried.append(Carry(arg.name, Undef(), a, result.name))
                scalars.append(result)
            after.append(self._define_view(carry.result, view, scalars, stmt))
        return (stmt if not after else replace(stmt, carried=tuple(carried))), after

    def _define_view(self, target: str, view: Op, scalars: Sequence[Expr], stmt: If | For | While) -> Assign:
        view_op = Op("index", (view.args[0], *_with_atoms(view.args[1:], scalars)))
        self.definitions[target] = view_op
        return Assign(target, view_op, stmt.span)


def _first_reader(block: Block, start: int, name: str) -> int | None:
    """The first statement from a position on that reads a name, if it does so whenever it is reached."""
    for position in range(start, len(block)):
        stmt = block[position]
        if name in block_reads((stmt,)):
            return position if isinstance(stmt, Assign | Store | Effect) else None
    return None


def _atoms(items: _Items) -> list[Expr]:
    """The scalars that an index consists of."""
    found: list[Expr] = []
    for item in items:
        parts = (item.lower, item.upper, item.step) if isinstance(item, Slice) else (item,)
        found += [part for part in parts if part is not None]
    return found


def _with_atoms(items: _Items, scalars: Sequence[Expr]) -> _Items:
    """The same index with these scalars."""
    left = iter(scalars)
    new_items: list[Expr] = []
    for item in items:
        if isinstance(item, Slice):
            new_items.append(Slice(*(None if p is None else next(left) for p in (item.lower, item.upper, item.step))))
        else:
            new_items.append(next(left))
    return tuple(new_items)


def _same_form(one: _Items, other: _Items) -> bool:
    """Whether two indices differ in their scalars only."""
    return len(one) == len(other) and _with_atoms(one, [Const(0)] * len(_atoms(one))) == _with_atoms(
        other, [Const(0)] * len(_atoms(other))
    )
