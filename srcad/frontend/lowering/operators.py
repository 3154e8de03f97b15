"""Operators, comparisons and truth: on run-time leaves an `Op`, on what is known the answer itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gast
import numpy as np

from srcad.frontend.lowering.speculation import is_safe_to_speculate
from srcad.frontend.values.abstract_values import (
    UNKNOWN,
    Abstract,
    Closure,
    Constant,
    HeapObject,
    HeapRef,
    Leaf,
    Mapping,
    Partial,
    Record,
    Seq,
)
from srcad.frontend.values.constants import formatted
from srcad.frontend.values.context import Context, NotYetBound
from srcad.frontend.values.control_joins import branch, describe_value
from srcad.frontend.values.iterables import items_of, key_value
from srcad.ir.nodes import Atom, Const
from srcad.ir.types import Array, Scalar
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.registry import EXPANSIONS

BINARY: dict[type, str] = {
    gast.Add: "+", gast.Sub: "-", gast.Mult: "*", gast.Div: "/", gast.FloorDiv: "//", gast.Mod: "%",
    gast.Pow: "**", gast.MatMult: "@", gast.BitAnd: "&", gast.BitOr: "|", gast.BitXor: "^",
    gast.LShift: "<<", gast.RShift: ">>",
}  # fmt: skip
_COMPARED: dict[type, str] = {
    gast.Lt: "<", gast.LtE: "<=", gast.Gt: ">", gast.GtE: ">=", gast.Eq: "==", gast.NotEq: "!=",
}  # fmt: skip


def apply(ctx: Context, prim: str, *args: Leaf, hint: str = "", **static: object) -> Leaf:
    """A primitive on leaves; the value is kept where it is known while compiling."""
    if prim == "**":
        args = _of_integers(ctx, *args)
    if args and all(arg.known for arg in args) and PRIMITIVES[prim].kind == "elementwise" and prim != "stop_gradient":
        known = _evaluated(prim, args, static)
        if type(known) in (bool, int, float):
            if ctx.frame.library:
                return ctx.constant(known)  # type: ignore[arg-type]
            atom = ctx.builder.op(prim, *[arg.atom for arg in args], hint=hint, **static)
            return ctx.leaf(atom, known)
    return ctx.leaf(ctx.builder.op(prim, *[arg.atom for arg in args], hint=hint, **static))


def _of_integers(ctx: Context, base: Leaf, power: Leaf) -> tuple[Leaf, Leaf]:
    """The operands of a power. Of integers it is an integer: a negative power needs a float, or is an error."""
    whole = all(isinstance(t, Scalar | Array) and np.dtype(t.dtype).kind in "iu" for t in (base.type, power.type))
    if not whole or (isinstance(power.static, int) and power.static >= 0):
        return base, power
    if isinstance(power.static, int):
        return (apply(ctx, "float", base) if isinstance(base.type, Scalar) else base), power
    if isinstance(power.type, Scalar):
        counted = power.type.dim
        if counted is None or not (counted.is_nonnegative or counted.is_index):
            test = ctx.builder.op(">=", power.atom, Const(0))
            ctx.builder.check(test, "ValueError", "an integer to the power of ", power.atom, "; take a float")
    else:
        tests = ctx.builder.op(">=", power.atom, Const(0))
        ctx.builder.check(ctx.builder.op("np.all", tests), "ValueError", "integers to negative powers; take floats")
    return base, power


def _evaluated(prim: str, args: Sequence[Leaf], static: dict[str, object]) -> object:
    try:
        with np.errstate(all="ignore"):
            return PRIMITIVES[prim](*[arg.static for arg in args], **static)
    except (ArithmeticError, ValueError, TypeError):
        return UNKNOWN


def binary(ctx: Context, prim: str, a: Abstract, b: Abstract) -> Abstract:
    """`a prim b` for arithmetic and bit operators."""
    a, b = ctx.check(a), ctx.check(b)
    if isinstance(a, Leaf) and isinstance(b, Leaf):
        if prim == "@" and not _plain_product(a, b):
            return ctx.call(Constant(EXPANSIONS[np.matmul]), a, b)
        return apply(ctx, prim, a, b)
    if isinstance(a, Constant) and isinstance(a.value, str):
        if prim == "%":
            return formatted(ctx, a.value, b)
        if prim == "+" and isinstance(b, Constant) and isinstance(b.value, str):
            return Constant(a.value + b.value)
        if prim == "*" and isinstance(b, Leaf) and isinstance(b.static, int):
            return Constant(a.value * b.static)
    if prim == "+" and _same_kind(a, b):
        return _sequence_like(ctx, a, (items_of(ctx, a) or ()) + (items_of(ctx, b) or ()))
    if prim == "*":
        for sequence, count in ((a, b), (b, a)):
            if _is_sequence(sequence) and isinstance(count, Leaf) and isinstance(count.type, Scalar):
                if count.type.dtype.startswith("float"):
                    why = "A list or tuple times a whole number repeats it."
                    ctx.fail("S127", f"{describe_value(sequence)} times {describe_value(count)}", why, _AS_ARRAY)
                if not isinstance(count.static, int):
                    ctx.retry("S123", "how often to repeat a sequence must be known when compiling", None, _PREALLOCATE)
                return _sequence_like(ctx, sequence, (items_of(ctx, sequence) or ()) * int(count.static))
    if isinstance(a, Leaf) and isinstance(a.type, Array) and _is_sequence(b):
        return binary(ctx, prim, a, ctx.call(Constant(np.array), b))
    if isinstance(b, Leaf) and isinstance(b.type, Array) and _is_sequence(a):
        return binary(ctx, prim, ctx.call(Constant(np.array), a), b)
    if prim == "|" and isinstance(a, HeapRef) and isinstance(b, HeapRef) and a.kind == b.kind == "dict":
        left, right = ctx.heap[a.id], ctx.heap[b.id]
        merged = {key: item for c in (left, right) for key, item in zip(c.keys or (), c.items, strict=True)}
        return ctx.new_ref(HeapObject(tuple(merged.values()), tuple(merged)))
    advice = _AS_ARRAY if _is_sequence(a) or _is_sequence(b) else None
    ctx.fail("S127", f"{prim} between {describe_value(a)} and {describe_value(b)}", None, advice)


_AS_ARRAY = "pass an array; or make one of it here: np.array(it)."
_PREALLOCATE = "make an array: np.zeros(n) instead of [0.0] * n."


def _plain_product(a: Leaf, b: Leaf) -> bool:
    """Whether BLAS takes the operands as they are: vectors and matrices of floats of one kind."""
    types = [t for t in (a.type, b.type) if isinstance(t, Array) and 0 < len(t.dims) <= 2]
    return len(types) == 2 and types[0].dtype == types[1].dtype and types[0].dtype.startswith("float")


def _is_sequence(value: Abstract) -> bool:
    return isinstance(value, Seq) or (isinstance(value, HeapRef) and value.kind == "list")


def _same_kind(a: Abstract, b: Abstract) -> bool:
    return _is_sequence(a) and _is_sequence(b) and isinstance(a, HeapRef) == isinstance(b, HeapRef)


def _sequence_like(ctx: Context, value: Abstract, items: tuple[Abstract, ...]) -> Abstract:
    return ctx.new_ref(HeapObject(items)) if isinstance(value, HeapRef) else Seq(items)


def unary(ctx: Context, node: Any) -> Abstract:
    if isinstance(node.op, gast.Not):
        value = ctx.test(node)
        return ctx.constant(value) if isinstance(value, bool) else ctx.leaf(value)
    operand = ctx.check(ctx.expression(node.operand))
    prim = {gast.USub: "neg", gast.UAdd: "pos", gast.Invert: "~"}[type(node.op)]
    if isinstance(operand, Leaf):
        return apply(ctx, prim, operand)
    ctx.fail("S127", f"a sign or ~ before {describe_value(operand)}")


# ---- comparison --------------------------------------------------------------------------------


def compare(ctx: Context, op: Any, a: Abstract, b: Abstract) -> Leaf:
    """One comparison."""
    a, b = ctx.check(a), ctx.check(b)
    match op:
        case gast.Is() | gast.IsNot():
            same = _identical(ctx, a, b)
            return ctx.constant(same == isinstance(op, gast.Is))
        case gast.In() | gast.NotIn():
            found = _contains(ctx, a, b)
            return found if isinstance(op, gast.In) else apply(ctx, "not", found)
    return compared(ctx, _COMPARED[type(op)], a, b)


def compared(ctx: Context, prim: str, a: Abstract, b: Abstract) -> Leaf:
    if isinstance(a, Leaf) and isinstance(b, Leaf):
        known = _by_lengths(prim, a, b) if ctx.frame.library else None
        return apply(ctx, prim, a, b) if known is None else ctx.constant(known)
    if isinstance(a, Constant) and isinstance(b, Constant):
        try:
            return ctx.constant(bool(PRIMITIVES[prim].evaluate(a.value, b.value)))
        except TypeError as error:
            ctx.fail("S127", f"{describe_value(a)} {prim} {describe_value(b)}", str(error))
    if isinstance(a, Leaf) and isinstance(a.type, Array) and _is_sequence(b):
        return compared(ctx, prim, a, ctx.call(Constant(np.array), b))
    if isinstance(b, Leaf) and isinstance(b.type, Array) and _is_sequence(a):
        return compared(ctx, prim, ctx.call(Constant(np.array), a), b)
    if prim in ("==", "!="):
        equal = _equal(ctx, a, b)
        return equal if prim == "==" else apply(ctx, "not", equal)
    advice = _AS_ARRAY if _is_sequence(a) or _is_sequence(b) else None
    ctx.fail("S127", f"{prim} between {describe_value(a)} and {describe_value(b)}", None, advice)


def _by_lengths(prim: str, a: Leaf, b: Leaf) -> bool | None:
    """Whether two integers are equal, where their linear forms say so."""
    x, y = (leaf.type.dim if isinstance(leaf.type, Scalar) else None for leaf in (a, b))
    if prim not in ("==", "!=") or x is None or y is None:
        return None
    if x == y:
        return prim == "=="
    if (x.is_not_one and y.is_one) or (y.is_not_one and x.is_one) or not (x - y).terms:
        return prim == "!="
    return None


def _equal(ctx: Context, a: Abstract, b: Abstract) -> Leaf:
    if isinstance(a, Leaf) and isinstance(b, Leaf):
        return compared(ctx, "==", a, b)
    if isinstance(a, Constant) and isinstance(b, Constant):
        return ctx.constant(bool(a.value == b.value))
    for value in (a, b):
        if isinstance(value, HeapRef) and ctx.heap[value.id].grown:
            ctx.fail("S127", "a list that grew in a run-time loop, compared", None, "compare arrays: np.array of it.")
    left, right = _compared_parts(ctx, a), _compared_parts(ctx, b)
    if left is None or right is None or left[0] != right[0]:
        return ctx.constant(False)
    result = ctx.constant(True)
    for x, y in zip(left[1], right[1], strict=True):
        result = _both(ctx, "and", result, _equal(ctx, ctx.check(x), ctx.check(y)))
    return result


def _compared_parts(ctx: Context, value: Abstract) -> tuple[object, Sequence[Abstract]] | None:
    """What must be the same for `==` to look at the parts, and the parts; None of what equals nothing else."""
    if isinstance(value, Record) and not issubclass(value.cls, tuple):
        if not value.cls.__dict__.get("__dataclass_params__") or "__eq__" not in vars(value.cls):
            ctx.fail("S127", f"== of {describe_value(value)}", None, "compare its fields.")
        return value.cls, [part for _, part in value.fields]
    if isinstance(value, HeapRef) and value.kind == "dict":
        cells = ctx.heap[value.id]
        entries = dict(zip(cells.keys or (), cells.items, strict=True))
        order = sorted(entries, key=lambda key: (str(type(key)), repr(key)))
        return (dict, tuple(order)), [entries[key] for key in order]
    items = items_of(ctx, value)
    return None if items is None else ((list if isinstance(value, HeapRef) else tuple, len(items)), items)


def _both(ctx: Context, prim: str, a: Leaf, b: Leaf) -> Leaf:
    """`a and b`, `a or b` of booleans, both evaluated."""
    neutral = prim == "and"
    for x, y in ((a, b), (b, a)):
        if x.known:
            return y if bool(x.static) == neutral else ctx.constant(not neutral)
    return apply(ctx, prim, a, b)


def _identical(ctx: Context, a: Abstract, b: Abstract) -> bool:
    if isinstance(a, Constant) and isinstance(b, Constant):
        return a.value is b.value
    if isinstance(a, Leaf) and isinstance(b, Leaf):
        if a.atom == b.atom:
            return True
        if a.known and b.known:
            return type(a.static) is type(b.static) and a.static == b.static
        ctx.fail(
            "S123", "whether two arrays are the same object must be known when compiling", None, "compare values: ==."
        )
    if isinstance(a, Seq | Record) and isinstance(b, Seq | Record):
        ctx.fail(
            "S123",
            f"whether {describe_value(a)} and {describe_value(b)} are the same object",
            None,
            "compare values: ==.",
        )
    return a == b if isinstance(a, HeapRef | Closure) else False


def _contains(ctx: Context, item: Abstract, container: Abstract) -> Leaf:
    if isinstance(container, Constant) and isinstance(container.value, str) and isinstance(item, Constant):
        return ctx.constant(item.value in container.value)
    if isinstance(container, Constant) and isinstance(container.value, set | frozenset):
        container = Seq(tuple(key_value(ctx, part) for part in sorted(container.value, key=repr)))
    items = items_of(ctx, container)
    if items is None:
        if isinstance(container, Leaf) and isinstance(item, Leaf) and isinstance(container.type, Array):
            return _leaf(ctx, ctx.call(Constant(np.any), compared(ctx, "==", container, item)))
        ctx.fail("S127", f"`in` with {describe_value(container)}")
    result = ctx.constant(False)
    for other in items:
        result = _both(ctx, "or", result, _equal(ctx, item, ctx.check(other)))
    return result


def _leaf(ctx: Context, value: Abstract) -> Leaf:
    assert isinstance(value, Leaf)
    return value


# ---- truth -------------------------------------------------------------------------------------


def truth(ctx: Context, value: Abstract) -> bool | Atom:
    """The truth of a value: known while compiling, or a boolean at run time."""
    value = ctx.check(value)
    match value:
        case Leaf(atom, type, static):
            if value.known:
                return bool(static)
            if isinstance(type, Array):
                if ctx.frame.library or not all(d.is_one for d in type.dims):
                    ctx.fail(
                        "S127",
                        "the truth of an array is not one value",
                        "It has as many as it has elements.",
                        "use np.any or np.all, or np.where to choose element by element.",
                    )
                atom = ctx.builder.op("index", atom, *[Const(0)] * len(type.dims))
                type = ctx.builder.typeof(atom)
            if isinstance(type, Scalar) and type.dtype == "bool":
                return atom
            return ctx.builder.op("!=", atom, Const(0))
        case Constant(static):
            return bool(static)
        case HeapRef(id=ref):
            cells = ctx.heap[ref]
            if cells.grown:
                return truth(ctx, cells.items[1])
            return bool(cells.items)
        case Seq(items) | Mapping(items):
            return bool(items)
        case Closure() | Partial() | Record():
            return True
    ctx.fail("S127", f"the truth of {describe_value(value)}")


def test(ctx: Context, node: Any) -> bool | Atom:
    """The truth of an expression, whose own value is not needed."""
    try:
        return _test(ctx, node)
    except NotYetBound:
        # what it reads is bound later in the turn, and the turn is lowered again: here any truth will do
        ctx.skipped = True
        return ctx.builder.fresh("%test", Scalar("bool"))


def _test(ctx: Context, node: Any) -> bool | Atom:
    match node:
        case gast.UnaryOp(op=gast.Not(), operand=operand):
            inner = _test(ctx, operand)
            return not inner if isinstance(inner, bool) else ctx.builder.op("not", inner)
        case gast.BoolOp(op=op, values=values):
            return _test_all(ctx, isinstance(op, gast.And), values)
        case _:
            value = ctx.expression(node)
            with ctx.at(node):
                return truth(ctx, value)


def _test_all(ctx: Context, conjunction: bool, values: Sequence[Any]) -> bool | Atom:
    left = _test(ctx, values[0])
    if len(values) == 1 or left is (not conjunction):
        return left
    if left is conjunction:
        return _test_all(ctx, conjunction, values[1:])
    assert not isinstance(left, bool)
    rest = values[1:]
    if all(is_safe_to_speculate(ctx, value) for value in rest):
        right = _test_all(ctx, conjunction, rest)
        if isinstance(right, bool):
            return left if right is conjunction else right
        return ctx.builder.op("and" if conjunction else "or", left, right)
    decided = ctx.constant(not conjunction)

    def undecided() -> Leaf:
        right = _test_all(ctx, conjunction, rest)
        return ctx.constant(right) if isinstance(right, bool) else ctx.leaf(right)

    branches = (undecided, lambda: decided) if conjunction else (lambda: decided, undecided)
    return truth(ctx, branch(ctx, left, *branches, base="%test"))


def boolean(ctx: Context, node: Any) -> Abstract:
    """`a and b`, `a or b` as a value: the operand that decides."""
    conjunction = isinstance(node.op, gast.And)
    return _decided(ctx, conjunction, node.values)


def _decided(ctx: Context, conjunction: bool, values: Sequence[Any]) -> Abstract:
    left = ctx.expression(values[0])
    if len(values) == 1:
        return left
    cond = truth(ctx, left)
    if isinstance(cond, bool):
        return _decided(ctx, conjunction, values[1:]) if cond == conjunction else left
    if all(is_safe_to_speculate(ctx, value) for value in values[1:]):
        with ctx.builder.block() as written:
            before = ctx.snapshot()
            right = _decided(ctx, conjunction, values[1:])
        if _is_bool(left) and _is_bool(right):
            for statement in written:
                ctx.builder.emit(statement)
            return _both(ctx, "and" if conjunction else "or", _leaf(ctx, left), _leaf(ctx, right))
        ctx.restore(before)

    def rest() -> Abstract:
        return _decided(ctx, conjunction, values[1:])

    return branch(ctx, cond, rest, lambda: left) if conjunction else branch(ctx, cond, lambda: left, rest)


def _is_bool(value: Abstract) -> bool:
    return isinstance(value, Leaf) and isinstance(value.type, Scalar) and value.type.dtype == "bool"


def comparison(ctx: Context, node: Any) -> Abstract:
    """`a < b < c`: each operand once, those after the first failing comparison not at all."""
    return _chain(ctx, ctx.expression(node.left), node.ops, node.comparators)


def _chain(ctx: Context, left: Abstract, ops: Sequence[Any], comparators: Sequence[Any]) -> Abstract:
    right = ctx.expression(comparators[0])
    first = compare(ctx, ops[0], left, right)
    if len(ops) == 1:
        return first
    cond = truth(ctx, first)
    if cond is False:
        return first
    if cond is True:
        return _chain(ctx, right, ops[1:], comparators[1:])
    assert not isinstance(cond, bool)
    if all(is_safe_to_speculate(ctx, value) for value in comparators[1:]):
        rest = truth(ctx, _chain(ctx, right, ops[1:], comparators[1:]))
        return _both(ctx, "and", first, ctx.constant(rest) if isinstance(rest, bool) else ctx.leaf(rest))
    decided = ctx.constant(False)
    return branch(ctx, cond, lambda: _chain(ctx, right, ops[1:], comparators[1:]), lambda: decided, base="%test")
