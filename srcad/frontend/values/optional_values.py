"""Values that may be None: a flag beside a value says whether there is one, as for names that may be unbound.

`w is None` is the flag. Where the path conditions say which it is, the name is None, or is the value; elsewhere the
value is checked where it is read, since Python raises a TypeError there.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(x, n):
...     w = None
...     if n > 0:
...         w = 2.0 * x
...     return x if w is None else w
>>> print(text(normal_form(f, 1.0, 1)))
f(x: float64, n: int64):
    %test.0 = n > 0
    %test.1 = not %test.0
    w.1 = if %test.0:
        w.0 = 2.0 * x
        yield w.0
    else:
        yield undefined
    %choice.0 = if %test.1:
        yield x
    else:
        yield w.1
    return %choice.0
"""

from __future__ import annotations

from srcad.frontend.values.abstract_values import Abstract, Constant, Leaf, Maybe, Record, Seq, Unbound, map_structure
from srcad.frontend.values.context import Context, State
from srcad.frontend.values.definedness import is_implied
from srcad.ir.nodes import Const, Expr, Op, Undef

NONE = Constant(None)


def narrowed(ctx: Context, value: Abstract) -> Abstract:
    """The value without its flag, or None, where the path conditions say which it is."""
    if not isinstance(value, Maybe):
        return value
    flag: Expr = value.is_none.atom
    if flag == Const(True) or is_implied(ctx, flag):
        return NONE
    # of the other branch, the path condition is the negation of the test; of `is not None`, that is the test itself
    negations = (Op("not", (one,)) for one in (flag, ctx.builder.defining_expr(flag, 5)))
    if flag == Const(False) or any(is_implied(ctx, one) for one in negations):
        return value.value
    return value


def narrowed_state(ctx: Context, state: State) -> State:
    """The state with all its values narrowed."""
    names = {name: narrowed(ctx, value) for name, value in state.names.items()}
    heap = {
        ref: cells.with_items(tuple(narrowed(ctx, item) for item in cells.items))
        if any(isinstance(item, Maybe) for item in cells.items)
        else cells
        for ref, cells in state.heap.items()
    }
    return State(names, heap)


def present(ctx: Context, value: Maybe, error: str) -> Abstract:
    """The value, with a check that it is one."""
    ctx.builder.check(ctx.builder.op("not", value.is_none.atom), error, "None where a value is needed")
    return value.value


def optional_like(value: Abstract, other: Abstract) -> Abstract:
    """The value with a flag wherever the other has one."""
    match value, other:
        case (Unbound(), _) | (_, Unbound()):
            return value
        case Maybe(inner, flag), Maybe(like):
            return Maybe(optional_like(inner, like), flag)
        case Constant(None), Maybe(like):
            return Maybe(_missing(like), Leaf(Const(True), other.is_none.type, True))
        case Maybe(inner, flag), Constant(None):
            return value
        case Maybe(inner, flag), _:
            return Maybe(optional_like(inner, other), flag)
        case _, Maybe(like):
            return Maybe(optional_like(value, like), Leaf(Const(False), other.is_none.type, False))
        case Seq(items, kind), Seq(others) if len(items) == len(others):
            return Seq(tuple(map(optional_like, items, others)), kind)
        case Record(cls, pairs), Record(fields=others) if [k for k, _ in pairs] == [k for k, _ in others]:
            return Record(cls, tuple((k, optional_like(v, w)) for (k, v), (_, w) in zip(pairs, others, strict=True)))
    return value


def _missing(value: Abstract) -> Abstract:
    """A value of that structure, with nothing in it."""
    if isinstance(value, Leaf):
        return Leaf(Undef(), value.type)  # type: ignore[arg-type]
    return map_structure(value, _missing)
