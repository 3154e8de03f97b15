"""Common subexpressions: what tangents, and derivatives of derivatives, would compute twice is computed once.

Each rule writes down what it needs. Beside a primal, or beside the same function in another direction, much of that is
there already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import count

from srcad.analysis.memory.may_alias import MayAlias, may_alias
from srcad.analysis.values.effects import is_pure
from srcad.ir.names import base, is_temporary
from srcad.ir.nodes import Assign, Block, Expr, For, Function, Op, Var, While
from srcad.ir.result_memory import is_view
from srcad.ir.traversal import block_stores, blocks, map_expr, names, stmt_stores, walk, without_definitions
from srcad.ir.types import Array, Scalar, is_alike
from srcad.rules.primitives import PRIMITIVES


def share_common_subexpressions(f: Function) -> Function:
    """One name for values that are computed alike, of a function in normal form.

    >>> import numpy as np
    >>> from srcad.canonicalize.prune import prune
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.printer import text
    >>> __name__ = "user_module"
    >>> def cubes(x):
    ...     return np.sum(np.exp(x) * np.exp(x)) + np.exp(x[0]) * np.exp(x[0])
    >>> for line in text(prune(share_common_subexpressions(normal_form(cubes, np.ones(3))))).splitlines():
    ...     if "within" not in line and "shape" not in line:
    ...         print(line)
    cubes(x: float64[x.0]):
        %exp.0 = np.exp(x)
        %product.0 = %exp.0 * %exp.0
        %result.2 = np.sum(%product.0)
        %item.0 = x[0]
        %exp.2 = np.exp(%item.0)
        %product.1 = %exp.2 * %exp.2
        %sum.1 = %result.2 + %product.1
        return %sum.1

    Cheap scalars are computed again: one name more is harder to read. Names that the user gave are kept.
    """
    sharing = _Sharing(f)
    sharing.block(f.body, {}, {})
    if not sharing.mapping:
        return f
    return replace(f, body=without_definitions(f.body, sharing.mapping))


def share_between_columns(f: Function) -> Function:
    """The same where there are loops over the directions of Jacobians: each has the function beside it."""
    has_columns = any(isinstance(stmt, For) and stmt.directions for stmt in walk(f.body))
    return share_common_subexpressions(f) if has_columns else f


class _Sharing:
    """The walk, in which a value is known in its block after it and in the blocks inside."""

    def __init__(self, f: Function) -> None:
        self.types = f.types
        self.shared: MayAlias = may_alias(f.body, f.types)
        self.stored = {self.shared.class_of(name) for name in block_stores(f.body)}
        returned = {n for e in f.results for n in names(e)}
        self.own = {self.shared.class_of(name) for name in (*returned, *block_stores(f.body))}
        """Classes of arrays that need memory of their own: two results are not one."""
        self.numbers: dict[str, Expr] = {}
        """For a name, the first one of that value."""
        self.mapping: dict[str, Expr] = {}
        self.versions = count(1)

    def block(self, block: Block, known: dict[object, str], memory: dict[str, int]) -> None:
        """`known`: the first name of each operation; `memory`: the version of each class that is stored into."""
        for stmt in block:
            match stmt:
                case Assign(target, Op() as op) if is_pure(op):
                    self.assign(target, op, known, memory)
                case For() | While():
                    # earlier iterations may have stored before this one starts
                    self.store(stmt_stores(stmt), memory)
                    self.block(tuple(s for inner in blocks(stmt) for s in inner), dict(known), dict(memory))
                case _:
                    for inner in blocks(stmt):
                        self.block(inner, dict(known), dict(memory))
            self.store(stmt_stores(stmt), memory)

    def store(self, stored: frozenset[str], memory: dict[str, int]) -> None:
        for group in {self.shared.class_of(name) for name in stored}:
            memory[group] = next(self.versions)

    def assign(self, target: str, op: Op, known: dict[object, str], memory: Mapping[str, int]) -> None:
        if not all(isinstance(self.types.get(name), Array | Scalar) for name in (target, *names(op))):
            return  # a list may change its length
        value = map_expr(op, self.number)
        read = {self.shared.class_of(name) for name in names(value)} & self.stored
        first = known.setdefault((repr(value), *sorted((group, memory.get(group, 0)) for group in read)), target)
        if first == target or not is_alike(self.types[first], self.types[target]):
            return
        classes = {self.shared.class_of(first), self.shared.class_of(target)}
        if isinstance(self.types[target], Array) and not classes.isdisjoint(self.own):
            return
        self.numbers[target] = self.numbers.get(first, Var(first))
        if self.is_worth_it(target, op) and (is_temporary(target) or base(target) == base(first)):
            self.mapping[target] = self.mapping.get(first, Var(first))

    def number(self, expr: Expr) -> Expr:
        return self.numbers.get(expr.name, expr) if isinstance(expr, Var) else expr

    def is_worth_it(self, target: str, op: Op) -> bool:
        if isinstance(self.types[target], Array):
            return not is_view(op.prim)
        return not PRIMITIVES[op.prim].cheap and op.prim != "index"
