"""Lowering of arithmetic and comparison operators: an `Op` on run-time leaves, constant folding where both are known.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "__main__"  # a user's function
>>> def f(x, n=2):
...     return (n + 1) * x < 4.0
>>> print(text(normal_form(f, 1.0)))
f(x: float64):
    %product.0 = 3 * x
    %test.0 = %product.0 < 4.0
    return %test.0
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import gast
import numpy as np

from srcad.frontend.lowering.overloading import compared_by_methods, iterated, overloaded, special
from srcad.frontend.lowering.scalar_errors import check_scalar_errors
from srcad.frontend.syntax.iteration_bodies import collected
from srcad.frontend.syntax.iterator_bodies import chained, repeated
from srcad.frontend.values.abstract_values import (
    UNKNOWN,
    Abstract,
    Closure,
    Constant,
    HeapObject,
    HeapRef,
    Leaf,
    Maybe,
    Record,
    Seq,
    Table,
)
from srcad.frontend.values.array_identity import is_one_array
from srcad.frontend.values.call_values import known_in_call
from srcad.frontend.values.constants import formatted
from srcad.frontend.values.context import Context
from srcad.frontend.values.control_joins import describe_value
from srcad.frontend.values.iterables import items_of, key_value
from srcad.ir.nodes import Const
from srcad.ir.types import INEXACT, Array, Scalar
from srcad.rules.primitive_type import Primitive
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
    """A primitive on leaves; its value is recorded where it is known at compile time."""
    if prim == "**":
        args = _integer_power_operands(ctx, *args)
    check_scalar_errors(ctx, prim, args)
    if args and all(arg.known for arg in args) and _may_be_evaluated(PRIMITIVES[prim]):
        known = _evaluated(prim, args, static)
        if type(known) in (bool, int, float):
            if ctx.frame.library:
                return ctx.constant(known)  # type: ignore[arg-type]
            atom = ctx.builder.op(prim, *[arg.atom for arg in args], hint=hint, **static)
            return ctx.leaf(atom, known)
    if ctx.frame.library and (same := _neutral(ctx, prim, args)) is not None:
        return same
    return ctx.leaf(ctx.builder.op(prim, *[arg.atom for arg in args], hint=hint, **static))


def _may_be_evaluated(primitive: Primitive) -> bool:
    """Whether its value is known when compiling, where its operands are."""
    constants = ("stop_gradient", "cut_gradient")
    return primitive.kind == "elementwise" and primitive.name not in constants and not primitive.external


def is_int64(value: Abstract) -> bool:
    """Whether it is an integer scalar as Python has them, of 64 bits."""
    return isinstance(value, Leaf) and isinstance(value.type, Scalar) and value.type.dtype == "int64"


def _is_float64(value: Abstract) -> bool:
    return isinstance(value, Leaf) and isinstance(value.type, Scalar) and value.type.dtype == "float64"


def _neutral(ctx: Context, prim: str, args: Sequence[Leaf]) -> Leaf | None:
    """The result of arithmetic of a library function with the integers 0 and 1, or of a float times 1.0."""
    if prim == "*" and len(args) == 2 and all(map(_is_float64, args)):
        for one, other in ((args[0], args[1]), (args[1], args[0])):
            if isinstance(other.type, Scalar) and other.type.weak and other.static == 1.0:  # a Python float
                return one
    if prim not in ("+", "-", "*") or len(args) != 2 or not all(map(is_int64, args)):
        return None
    for one, other in ((args[0], args[1]), (args[1], args[0])):
        if prim == "*" and one.static == 0:
            return ctx.constant(0)
        if other.static == (1 if prim == "*" else 0) and (prim != "-" or one is args[0]):
            return one
    return None


def _integer_power_operands(ctx: Context, base: Leaf, power: Leaf) -> tuple[Leaf, Leaf]:
    """The operands of a power. An integer power of integers is one: a negative power needs a float, or is an error."""
    are_integers = all(
        isinstance(t, Scalar | Array) and np.dtype(t.dtype).kind in "iu" for t in (base.type, power.type)
    )
    if not are_integers or (isinstance(power.static, int) and power.static >= 0):
        return base, power
    if isinstance(power.static, int):
        return (apply(ctx, "float", base) if isinstance(base.type, Scalar) else base), power
    if isinstance(power.type, Scalar):
        power_form = power.type.dim
        if power_form is None or not (power_form.is_nonnegative or power_form.is_index):
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
    a, b = ctx.present(a), ctx.present(b)
    if isinstance(a, Leaf) and isinstance(b, Leaf):
        if prim == "@" and not _is_blas_product(a, b):
            return ctx.call(Constant(EXPANSIONS[np.matmul]), a, b)
        return apply(ctx, prim, a, b)
    found = overloaded(ctx, prim, a, b)
    if found is not None:
        return found
    if isinstance(a, Constant) and isinstance(a.value, str):
        if prim == "%":
            return formatted(ctx, a.value, b)
        if prim == "+" and isinstance(b, Constant) and isinstance(b.value, str):
            return Constant(a.value + b.value)
        if prim == "*" and isinstance(b, Leaf) and isinstance(b.static, int):
            return Constant(a.value * b.static)
    if prim == "+" and _same_kind(a, b):
        first, second = items_of(ctx, a), items_of(ctx, b)
        if first is None or second is None:
            return _chained(ctx, Seq((a, b)))
        return _sequence_like(ctx, a, first + second)
    if prim == "*":
        for sequence, count in ((a, b), (b, a)):
            if _is_sequence(sequence) and isinstance(count, Leaf) and isinstance(count.type, Scalar):
                if count.type.dtype in INEXACT:
                    why = "A list or tuple times a whole number repeats it."
                    ctx.fail("S127", f"{describe_value(sequence)} times {describe_value(count)}", why, _AS_ARRAY)
                if not isinstance(count.static, int):
                    ctx.retry("S123", "how often to repeat a sequence must be known when compiling", None, _PREALLOCATE)
                items = items_of(ctx, sequence)
                if items is None:
                    return _chained(ctx, ctx.call(Constant(repeated), sequence, count))
                return _sequence_like(ctx, sequence, items * int(count.static))
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


def _is_blas_product(a: Leaf, b: Leaf) -> bool:
    """Whether BLAS supports the operands: vectors and matrices of one float dtype."""
    types = [t for t in (a.type, b.type) if isinstance(t, Array) and 0 < len(t.dims) <= 2]
    return len(types) == 2 and types[0].dtype == types[1].dtype and types[0].dtype in INEXACT


def _is_sequence(value: Abstract) -> bool:
    return isinstance(value, Seq) or (isinstance(value, HeapRef) and value.kind == "list")


def _same_kind(a: Abstract, b: Abstract) -> bool:
    return _is_sequence(a) and _is_sequence(b) and isinstance(a, HeapRef) == isinstance(b, HeapRef)


def _sequence_like(ctx: Context, value: Abstract, items: tuple[Abstract, ...]) -> Abstract:
    return ctx.new_ref(HeapObject(items)) if isinstance(value, HeapRef) else Seq(items)


def _chained(ctx: Context, lists: Abstract) -> Abstract:
    """The list of the items of all lists, of which one has a length that only a run knows."""
    return ctx.call(Constant(collected), ctx.call(Constant(chained), lists))


def unary(ctx: Context, node: Any) -> Abstract:
    if isinstance(node.op, gast.Not):
        value = ctx.test(node)
        return ctx.constant(value) if isinstance(value, bool) else ctx.leaf(value)
    operand = ctx.present(ctx.expression(node.operand))
    prim = {gast.USub: "neg", gast.UAdd: "pos", gast.Invert: "~"}[type(node.op)]
    if isinstance(operand, Leaf):
        return apply(ctx, prim, operand)
    found = special(ctx, operand, {"neg": "__neg__", "pos": "__pos__", "~": "__invert__"}[prim])
    if found is not None:
        return found
    ctx.fail("S127", f"a sign or ~ before {describe_value(operand)}")


# ---- comparison --------------------------------------------------------------------------------


def compare(ctx: Context, op: Any, a: Abstract, b: Abstract) -> Leaf:
    """One comparison."""
    if isinstance(op, gast.Is | gast.IsNot | gast.Eq | gast.NotEq):
        for one, other in ((a, b), (b, a)):
            if isinstance(one, Maybe) and other == Constant(None):
                return one.is_none if isinstance(op, gast.Is | gast.Eq) else apply(ctx, "not", one.is_none)
    if isinstance(op, gast.Lt | gast.LtE | gast.Gt | gast.GtE):
        a, b = ctx.present(a), ctx.present(b)
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
        known = _compared_by_forms(prim, a, b) if ctx.frame.library else None
        return apply(ctx, prim, a, b) if known is None else ctx.constant(known)
    found = compared_by_methods(ctx, prim, a, b)
    if found is not None:
        return _as_leaf(ctx, found)
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


def _compared_by_forms(prim: str, a: Leaf, b: Leaf) -> bool | None:
    """Whether two integers are equal, where their linear forms imply it; None where unknown."""
    x, y = (leaf.type.dim if isinstance(leaf.type, Scalar) else None for leaf in (a, b))
    if prim not in ("==", "!=") or x is None or y is None:
        return None
    if x == y:
        return prim == "=="
    if (x.is_not_one and y.is_one) or (y.is_not_one and x.is_one) or not (x - y).terms:
        return prim == "!="
    return None


def _as_leaf(ctx: Context, value: Abstract) -> Leaf:
    """The truth of what a method returns for a comparison; an array stays one."""
    value = ctx.check(value)
    if isinstance(value, Leaf):
        return value
    truth = ctx.truth(value)
    return ctx.constant(truth) if isinstance(truth, bool) else ctx.leaf(truth)


def _equal(ctx: Context, a: Abstract, b: Abstract) -> Leaf:
    if isinstance(a, Leaf) and isinstance(b, Leaf):
        return compared(ctx, "==", a, b)
    found = compared_by_methods(ctx, "==", a, b)
    if found is not None:
        return _as_leaf(ctx, found)
    if isinstance(a, Constant) and isinstance(b, Constant):
        return ctx.constant(bool(a.value == b.value))
    for value in (a, b):
        if isinstance(value, Table):
            ctx.fail("S127", f"{describe_value(value)}, compared")
        if isinstance(value, HeapRef) and ctx.heap[value.id].grown:
            ctx.fail("S127", "a list that grew in a run-time loop, compared", None, "compare arrays: np.array of it.")
    if any(isinstance(value, HeapRef) and value.cls is not None and not _by_fields(value.cls) for value in (a, b)):
        return ctx.constant(_identical(ctx, a, b))
    left, right = _compared_parts(ctx, a), _compared_parts(ctx, b)
    if left is None or right is None or left[0] != right[0]:
        return ctx.constant(False)
    result = ctx.constant(True)
    for x, y in zip(left[1], right[1], strict=True):
        result = both_evaluated(ctx, "and", result, _equal(ctx, ctx.check(x), ctx.check(y)))
    return result


def _compared_parts(ctx: Context, value: Abstract) -> tuple[object, Sequence[Abstract]] | None:
    """The structure that `==` compares first, and the parts; None of a value that equals no other."""
    if isinstance(value, Record) and not issubclass(value.cls, tuple):
        if not _by_fields(value.cls):
            ctx.fail("S127", f"== of {describe_value(value)}", None, "compare its fields.")
        return value.cls, [part for _, part in value.fields]
    if isinstance(value, HeapRef) and value.cls is not None:
        entries = ctx.heap[value.id].entries
        return value.cls, [entries[field.name] for field in dataclasses.fields(value.cls) if field.compare]
    if isinstance(value, HeapRef) and value.kind == "dict":
        cells = ctx.heap[value.id]
        entries = dict(zip(cells.keys or (), cells.items, strict=True))
        order = sorted(entries, key=lambda key: (str(type(key)), repr(key)))
        return (dict, tuple(order)), [entries[key] for key in order]
    items = items_of(ctx, value)
    return None if items is None else ((list if isinstance(value, HeapRef) else tuple, len(items)), items)


def _by_fields(cls: Any) -> bool:
    """Whether `==` compares the fields of a dataclass."""
    return bool(cls.__dict__.get("__dataclass_params__")) and "__eq__" in vars(cls) and cls.__dataclass_params__.eq


def both_evaluated(ctx: Context, prim: str, a: Leaf, b: Leaf) -> Leaf:
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
        if a.known and b.known:  # as atoms, 1 and True are equal
            return type(a.static) is type(b.static) and a.static == b.static
        if a.atom == b.atom:
            return True
        if len(dtypes := _dtypes(a, b)) == 2 and "bool" in dtypes:
            return False  # no number is True
        if (same := is_one_array(ctx, a, b)) is not None:
            return same
        ctx.fail("S123", "whether two arrays are the same object must be known when compiling", None, _BY_VALUE)
    if isinstance(a, Seq | Record | Table) and isinstance(b, Seq | Record | Table):
        ctx.fail("S123", f"whether {describe_value(a)} and {describe_value(b)} are the same object", None, _BY_VALUE)
    if isinstance(a, HeapRef) and isinstance(b, HeapRef) and a != b and _may_be_one(ctx, a.id, b.id):
        ctx.fail("S123", f"whether two {a.kind}s are the same object", "One of them comes from two paths.", _BY_VALUE)
    if isinstance(a, HeapRef) and isinstance(b, HeapRef):
        ctx.tells_apart |= max(a.id, b.id) <= ctx.last_argument
    return a == b if isinstance(a, HeapRef | Closure) else False


_BY_VALUE = "compare values: ==."


def _may_be_one(ctx: Context, a: int, b: int) -> bool:
    first, second = (ctx.heap[ref].of | {ref} for ref in (a, b))
    return not first.isdisjoint(second) or (ctx.heap[a].shared and ctx.heap[b].shared)


def _dtypes(a: Leaf, b: Leaf) -> set[str]:
    return {one.type.dtype for one in (a, b) if isinstance(one.type, Scalar | Array)}


def _contains(ctx: Context, item: Abstract, container: Abstract) -> Leaf:
    found = special(ctx, container, "__contains__", item)
    if found is not None:
        return _as_leaf(ctx, found)
    container = iterated(ctx, container)
    if isinstance(container, Constant) and isinstance(container.value, str) and isinstance(item, Constant):
        return ctx.constant(item.value in container.value)
    if isinstance(container, Constant) and isinstance(container.value, set | frozenset):
        container = Seq(tuple(key_value(ctx, part) for part in sorted(container.value, key=repr)))
    items = items_of(ctx, container)
    if isinstance(container, HeapRef) and container.kind == "dict":
        item = known_in_call(ctx, item)
    if items is None:
        if isinstance(container, Leaf) and isinstance(item, Leaf) and isinstance(container.type, Array):
            found = ctx.call(Constant(np.any), compared(ctx, "==", container, item))
            assert isinstance(found, Leaf)
            return found
        ctx.fail("S127", f"`in` with {describe_value(container)}")
    result = ctx.constant(False)
    for other in items:
        result = both_evaluated(ctx, "or", result, _equal(ctx, item, ctx.check(other)))
    return result
