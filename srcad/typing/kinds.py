"""Dtype, rank and promotion of expressions, by NumPy itself: an operation is tried once on one-element dummies.

This is the one place where these are decided. `typing/infer` adds the lengths, the layout and the values of integers.

>>> from srcad.ir.notation import parse
>>> from srcad.ir.types import dim
>>> types = {"x": Array("float32", (dim(9),)), "h": Scalar("float64", weak=True), "k": Scalar("int64", weak=False)}
>>> [kind(parse(f"y = {text}")[0].value, types).dtype for text in ("h * x", "k * x", "x[2] * x", "np.mean(x) * h")]
['float32', 'float64', 'float32', 'float32']
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from srcad.ir.called import Called
from srcad.ir.nodes import Const, Expr, Op, Slice, Var
from srcad.ir.types import COMPLEX, INEXACT, Array, ListOf, Opaque, Scalar, Tuple, Type, dim
from srcad.rules.complex_numbers import PRIMITIVES_OF_COMPLEX
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.traits import SHAPE_QUERIES

DTYPES = frozenset(
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64 complex128".split(),
)
"""The dtypes of arrays and scalars."""

_PYTHON = {"bool": True, "int64": 1, "float64": 1.0, "complex128": 1.0 + 0.0j}


class TypeMismatch(Exception):
    """The primitive does not accept the operands; the message is NumPy's own, or ours."""


class ComplexOperand(TypeMismatch):
    """The primitive takes real numbers only."""


class Kind(NamedTuple):
    """What a type says without lengths. `weak` as in `Scalar`: None where it is not known."""

    dtype: str
    rank: int
    """-1 of what is neither a scalar nor an array."""
    weak: bool | None = False
    strong_dtype: str = ""
    """The dtype if the scalars in the expression of which that is not known are strong, where it is another one then:
    `dtype` is that if they are weak."""
    is_list: bool = False
    """Whether it is a list of these."""

    @property
    def is_certain(self) -> bool:
        """Whether the dtype is known."""
        return not self.strong_dtype


_NARROW = DTYPES - {"bool", "int64", *INEXACT}
"""Of integers that a literal may be too large for: NumPy then raises an error."""
_SLICE = Kind("slice", -1)
_LENGTH = Kind("int64", 0, True)


def kind(expr: Expr, types: Mapping[str, Type]) -> Kind | None:
    """The kind of an expression, which may be nested; None where it is not known."""
    match expr:
        case Var(name):
            known = types.get(name)
            return None if known is None else kind_of_type(known)
        case Op("index", (base, *items)):
            # the items need not be known
            of_base = kind(base, types)
            return None if of_base is None or of_base.rank < 0 else item_kind(of_base, items)
        case Op("call", _, ((_, Called(results=results)),)):
            return kind_of_type(results[0] if len(results) == 1 else Tuple(results))
        case Op("result", (Var(name),), ((_, int(at)),)):
            all_of_them = types.get(name)
            return kind_of_type(all_of_them.items[at]) if isinstance(all_of_them, Tuple) else None
        case Op(prim, args, static):
            if prim in SHAPE_QUERIES:
                return _LENGTH
            kinds = []
            for arg in args:
                known_kind = kind(arg, types)
                if known_kind is None:
                    return None
                kinds.append(known_kind)
            try:
                return kind_of(prim, args, kinds, dict(static))
            except (TypeMismatch, KeyError, AssertionError, IndexError):
                return None
        case Const(value):
            return kind_of_type(type_of_constant(value))
        case Slice():
            return _SLICE
    return None


def rank_of(expr: Expr, types: Mapping[str, Type]) -> int | None:
    """The number of axes, 0 of a scalar; None where it is not known, or the expression is neither."""
    known = kind(expr, types)
    return None if known is None or known.rank < 0 or known.is_list else known.rank


def dtype_of(expr: Expr, types: Mapping[str, Type]) -> str | None:
    """The dtype of a scalar or an array, where it is known."""
    known = kind(expr, types)
    return None if known is None or known.rank < 0 or known.is_list or not known.is_certain else known.dtype


def kind_of_type(known: Type) -> Kind:
    # not by `match`: this is asked for each operand
    if isinstance(known, Scalar):
        return Kind(known.dtype, 0, known.weak)
    if isinstance(known, Array):
        return Kind(known.dtype, len(known.dims))
    if isinstance(known, ListOf):
        return kind_of_type(known.item)._replace(is_list=True)
    return Kind(known.name if isinstance(known, Opaque) else "tuple", -1)


def type_of_constant(value: object) -> Type:
    match value:
        case bool():
            return Scalar("bool", None, True)
        case int():
            return Scalar("int64", dim(value), True)
        case float():
            return Scalar("float64", None, True)
        case complex():
            return Scalar("complex128", None, True)
        case str():
            return Opaque("str")
        case _:
            return Opaque("None")


# ---- one operation -----------------------------------------------------------------------------

_Part = tuple[Kind, object]
"""An operand, and its value where the dtype depends on that."""
_kinds: dict[tuple[object, ...], Kind] = {}


def kind_of(prim: str, args: Sequence[Expr], kinds: Sequence[Kind], static: Mapping[str, Any]) -> Kind:
    """The kind of `prim(*args, **static)`, where the operands are of these kinds."""
    if prim == "index":
        if kinds[0].rank == 0 and not kinds[0].is_list:
            raise TypeMismatch("a scalar cannot be indexed")
        return item_kind(kinds[0], args[1:])
    if prim in ("reshape", "np.broadcast_to"):
        if any(length.dtype in INEXACT for length in kinds[1:]):
            raise TypeMismatch("a length is an integer")
        return kinds[0]._replace(rank=len(kinds) - 1, weak=False)
    values: tuple[object, ...] = ()
    if prim == "**" or any(known.dtype in _NARROW for known in kinds):
        values = tuple(arg.value if isinstance(arg, Const) and _matters(prim, arg.value) else None for arg in args)
    key = (prim, tuple(kinds), values, tuple(sorted((k, str(v)) for k, v in static.items())) if static else ())
    found = _kinds.get(key)
    if found is None:
        parts = tuple(zip(kinds, values or (None,) * len(kinds), strict=True))
        found = _kinds[key] = _at_both_ends(prim, parts, static)
    return found


def _matters(prim: str, literal: object) -> bool:
    """Whether the dtype depends on the value of a literal: on an exponent, and on an integer out of some dtype."""
    if prim == "**":
        return True
    is_elementwise = prim in PRIMITIVES and PRIMITIVES[prim].kind == "elementwise"
    return is_elementwise and type(literal) is int and not 0 <= literal < 128


def item_kind(base: Kind, items: Sequence[Expr]) -> Kind:
    """An element of a list, or of an array, or a view of an array."""
    if base.is_list:
        return base._replace(is_list=False)
    change = sum(1 if item == Const(None) else -1 for item in items if not isinstance(item, Slice))
    return Kind(base.dtype, base.rank + change, False, base.strong_dtype)


def _at_both_ends(prim: str, parts: Sequence[_Part], static: Mapping[str, Any]) -> Kind:
    """The kind of the result, with all scalars of which it is not known weak, and with all of them strong.

    Of the stronger operand the result has no smaller dtype, so that what both ends agree in is so between them too.
    """
    weakest = _evaluate_on_dummies(prim, [(k._replace(weak=k.weak is not False), v) for k, v in parts], static)
    if all(k.weak is not None and k.is_certain for k, _ in parts):
        return weakest
    strong = [(k._replace(dtype=k.strong_dtype or k.dtype, weak=bool(k.weak)), v) for k, v in parts]
    strongest = _evaluate_on_dummies(prim, strong, static)
    return Kind(
        weakest.dtype,
        weakest.rank,
        weakest.weak if weakest.weak == strongest.weak else None,
        strongest.dtype if strongest.dtype != weakest.dtype else "",
    )


def _evaluate_on_dummies(prim: str, parts: Sequence[_Part], static: Mapping[str, Any]) -> Kind:
    if prim not in PRIMITIVES:
        raise TypeMismatch(f"srcad has no primitive {prim}")
    if any(known.dtype in COMPLEX for known, _ in parts):
        loses_part = prim == "astype" and np.dtype(static["dtype"]).kind != "c"
        if loses_part or not (prim in PRIMITIVES_OF_COMPLEX or PRIMITIVES[prim].external):
            raise ComplexOperand(prim)
    try:
        result = PRIMITIVES[prim](*[_dummy(*part) for part in parts], **static)
    except Exception as error:
        raise TypeMismatch(str(error) or type(error).__name__) from error
    if isinstance(result, bool | int | float | complex):
        python = {bool: "bool", int: "int64", float: "float64", complex: "complex128"}.get(type(result))
        return Kind(python or np.dtype(type(result)).name, 0, python is not None)
    if not isinstance(result, np.ndarray | np.generic):
        raise TypeMismatch(f"the result is a {type(result).__name__}, neither a number nor an array")
    dtype = result.dtype.name
    if dtype not in DTYPES:
        raise TypeMismatch(f"the result has dtype {dtype}")
    return Kind(dtype, result.ndim)


def _dummy(part: Kind, value: object) -> Any:
    if part.is_list:
        return [_dummy(part._replace(is_list=False), value)]
    if part.rank == -1:
        return None if part.dtype == "None" else "x"
    if value is not None:
        return value
    if part.rank == 0:
        return _PYTHON[part.dtype] if part.weak and part.dtype in _PYTHON else np.dtype(part.dtype).type(1)
    return np.ones((1,) * part.rank, part.dtype)
