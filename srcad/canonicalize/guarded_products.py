"""Guards of products in text that srcad wrote: the product has a derivative where the factor that is asked is zero.

>>> import numpy as np
>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> from srcad.typing.builder import Builder
>>> __name__ = "user_module"
>>> def contribution(x, d):
...     part = 0.5 / np.sqrt(x) * d
...     return part if d != 0.0 else 0.0
>>> f = normal_form(contribution, 1.0, 2.0)
>>> print(text(differentiable_guards(f, Builder.resume(f))).replace("%", ""))
contribution(x: float64, d: float64):
    sqrt.0 = np.sqrt(x)
    quotient.0 = 0.5 / sqrt.0
    part.0 = quotient.0 * d
    test.0 = d != 0.0
    isfinite.0 = np.isfinite(quotient.0)
    test.1 = isfinite.0 | test.0
    choice.0 = if test.1:
        yield part.0
    else:
        yield 0.0
    return choice.0

The guard keeps `inf * 0` from being NaN. Read as a branch, it would say that the contribution rests where d is
zero, as it is at each minimum of a sum of squares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from srcad.ir.nodes import Assign, Atom, Block, Const, Expr, Function, If, Join, Op, Stmt, Var
from srcad.ir.traversal import blocks, with_blocks
from srcad.typing.builder import Builder


def differentiable_guards(f: Function, builder: Builder) -> Function:
    """The function, in normal form, where a guarded product is guarded only if its other factor is not finite."""
    walk = _Guards(builder)
    return builder.built(replace(f, body=walk.block(f.body, {})))


class _Guards:
    def __init__(self, builder: Builder) -> None:
        self.builder = builder

    def block(self, given: Block, known: Mapping[str, Op]) -> Block:
        defined = dict(known)
        with self.builder.block() as made:
            for stmt in given:
                self.builder.span = getattr(stmt, "span", None)
                stmt = with_blocks(stmt, [self.block(inner, defined) for inner in blocks(stmt)])
                if isinstance(stmt, Assign) and isinstance(stmt.value, Op):
                    defined[stmt.target] = stmt.value
                self.builder.emit(self.statement(stmt, defined))
        return tuple(made)

    def statement(self, stmt: Stmt, defined: Mapping[str, Op]) -> Stmt:
        match stmt:
            case Assign(_, Op("select" | "np.where", (Var(test), Var(product), Const(0.0)) as args) as choice):
                condition = self.condition(test, product, defined)
                return replace(stmt, value=replace(choice, args=(condition, *args[1:]))) if condition else stmt
            case If(Var(test), (), (), (Join(_, Var(product), Const(0.0)),)):
                condition = self.condition(test, product, defined)
                return replace(stmt, cond=condition) if condition else stmt
        return stmt

    def condition(self, test: str, product: str, defined: Mapping[str, Op]) -> Atom | None:
        """Whether the product may be taken: where the asked factor is zero, too, if the rest is finite."""
        match defined.get(test):
            case Op("!=", (Var(factor), Const(0.0))):
                rest = self.without(Var(product), factor, defined)
                if rest is not None:
                    return self.builder.op("|", self.builder.op("np.isfinite", rest), Var(test), hint="test")
        return None

    def without(self, product: Expr, factor: str, defined: Mapping[str, Op]) -> Atom | None:
        """What the factor is multiplied by in a product; None where it is no factor of it."""
        match defined.get(product.name) if isinstance(product, Var) else None:
            case Op("*", (a, Var(name))) | Op("*", (Var(name), a)) if name == factor and isinstance(a, Var | Const):
                return a
            case Op("/", (Var(name), b)) if name == factor:
                return self.builder.op("/", Const(1.0), b)
            case Op("*", (a, b)):
                for one, other in ((a, b), (b, a)):
                    rest = self.without(one, factor, defined)
                    if rest is not None:
                        return self.builder.op("*", rest, other)
            case Op("/", (a, b)):
                rest = self.without(a, factor, defined)
                return None if rest is None else self.builder.op("/", rest, b)
            case Op("neg", (a,)):
                return self.without(a, factor, defined)
        return None
