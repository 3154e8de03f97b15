"""Type and shape inference of one operation: dtype and rank by `typing/kinds`, lengths and layout by rules.

Lengths that follow from no rule become new symbols named after the result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from srcad.ir.called import type_of_call, type_of_result
from srcad.ir.nodes import Const, Expr, Slice, Var
from srcad.ir.types import ONE, Array, Dim, ListOf, Scalar, Symbol, Type, dim
from srcad.rules.primitives import PRIMITIVES
from srcad.typing.kinds import TypeMismatch, kind_of, kind_of_type
from srcad.typing.slices import Bound, slice_dim

HALVES = {
    **dict.fromkeys(("np.fft.fft", "np.fft.ifft"), ""),
    **dict.fromkeys(("np.fft.rfft", "np.fft.ihfft"), "gives"),
    **dict.fromkeys(("np.fft.irfft", "np.fft.hfft"), "takes"),
}
"""The Fourier transforms along one axis, and which of them give or take half of the coefficients of a real signal."""


@dataclass(frozen=True)
class Operand:
    """An argument of an operation, with its type."""

    expr: Expr
    type: Type
    bounds: tuple[Bound, Bound, Bound] = (None, None, None)
    """The bounds and the step, where it is a `Slice`."""


def infer(prim: str, operands: Sequence[Operand], static: Mapping[str, Any], name: str) -> Type:
    """The type of `prim(*operands, **static)`; new symbols are named `name`.

    >>> from srcad.ir.nodes import Var
    >>> from srcad.typing.kinds import type_of_constant
    >>> from srcad.ir.printer import type_text
    >>> x = Operand(Var("x"), Array("float32", (dim(Symbol("x", 0)),)))
    >>> A = Operand(Var("A"), Array("float64", (dim(2), dim(Symbol("A", 1)))))
    >>> tenth = Operand(Const(0.1), type_of_constant(0.1))
    >>> [type_text(infer(prim, operands, {}, "y")) for prim, operands in (("*", (tenth, x)), ("@", (A, x)))]
    ['float32[x.0]', 'float64[2]']
    """
    if prim == "call":
        return type_of_call(static["callee"], [o.type for o in operands], name)
    if prim == "result":
        (results,) = operands
        of = results.expr.name if isinstance(results.expr, Var) else ""
        return type_of_result(results.type, static["at"], of, name)
    if prim == "list.new":
        raise TypeMismatch("the type of an empty list is not known")
    found = kind_of(prim, [o.expr for o in operands], [kind_of_type(o.type) for o in operands], static)
    if not found.is_certain:
        raise TypeMismatch("the dtype depends on whether NumPy promotes a scalar as a Python number")
    dtype, rank = found.dtype, found.rank
    if rank == 0:
        value = _value(prim, operands, static) or dim(Symbol(name, None)) if dtype == "int64" else None
        return Scalar(dtype, value, found.weak)
    dims = _transformed(prim, operands, static, name) if prim in HALVES else _dims(prim, operands, static, rank)
    lengths = tuple(Dim(((Symbol(name, axis), 1),)) if d is None else d for axis, d in enumerate(dims))
    return Array(dtype, lengths, _layout(prim, operands, static))


# ---- lengths -----------------------------------------------------------------------------------


def _dims(prim: str, operands: Sequence[Operand], static: Mapping[str, Any], rank: int) -> list[Dim | None]:
    """The length of each axis of the result; None for an unknown one."""
    kind = PRIMITIVES[prim].kind
    if prim == "index":
        return _index_dims(operands)
    if prim in ("reshape", "np.broadcast_to"):
        return [_length_operand(operand) for operand in operands[1:]]
    if prim in ("np.zeros", "np.ones", "np.empty", "cuda.shared.array"):
        return [_length_operand(operand) for operand in operands]
    if prim == "np.full":
        return [_length_operand(operand) for operand in operands[1:]]
    if prim == "array":
        return [dim(len(operands))]
    if prim in ("np.arange", "np.linspace"):
        return [_range_length(prim, operands)]
    if prim == "np.eye":
        return [_length_operand(operand) for operand in operands[:2]]
    arrays = [list(operand.type.dims) for operand in operands if isinstance(operand.type, Array)]
    if kind == "elementwise":
        return _broadcast(arrays, rank)
    if prim == "np.transpose":
        return [arrays[0][axis] for axis in static["axes"]]
    if prim == "np.concatenate":
        return _concatenated(arrays, static.get("axis", 0))
    if kind == "reduce" and isinstance(static.get("axis"), int):
        return [d for axis, d in enumerate(arrays[0]) if axis != static["axis"]]
    lengths = _by_signature(PRIMITIVES[prim].dims, operands, rank)
    return lengths if lengths is not None else [None] * rank


def _broadcast(arrays: Sequence[Sequence[Dim]], rank: int) -> list[Dim | None]:
    result: list[Dim | None] = []
    for axis in range(-rank, 0):
        result.append(_broadcast_length([dims[axis] for dims in arrays if len(dims) >= -axis]))
    return result


def _broadcast_length(dims: Sequence[Dim]) -> Dim | None:
    """The length of an axis to which these are broadcast; None where that depends on run-time lengths."""
    longer = [d for d in dict.fromkeys(dims) if not d.is_one]
    if not longer:
        return ONE
    if len(longer) == 1:
        return longer[0]
    # where two lengths differ and neither is 1, NumPy raises: so a length that is not 1 is that of the result
    constant = [d for d in longer if not d.terms]
    if len(constant) > 1:
        raise TypeMismatch(f"lengths {constant[0].const} and {constant[1].const} do not broadcast")
    # prefer a symbol to a constant: then the length of a loop-carried value is that of its initial value
    not_one = sorted((d for d in longer if d.is_not_one), key=lambda d: not d.terms)
    return not_one[0] if not_one else None


def _concatenated(arrays: Sequence[Sequence[Dim]], axis: int) -> list[Dim | None]:
    result: list[Dim | None] = list(arrays[0])
    total = arrays[0][axis]
    for dims in arrays[1:]:
        total = total + dims[axis]
    result[axis] = total
    return result


def _by_signature(signatures: Sequence[str], operands: Sequence[Operand], rank: int) -> list[Dim | None] | None:
    """The lengths by a signature such as `ij,j->i`; None where no signature is for these ranks."""
    for signature in signatures:
        left, _, right = signature.partition("->")
        lengths: dict[str, Dim] = {}
        rest: list[Dim] = []
        parts = left.split(",")
        if len(parts) > len(operands):
            continue
        for part, operand in zip(parts, operands, strict=False):
            dims = list(operand.type.dims) if isinstance(operand.type, Array) else []
            letters = part.replace("...", "")
            if len(letters) != len(dims) and not ("..." in part and len(dims) >= len(letters)):
                break
            others = len(dims) - len(letters)
            named = dims[others:] if part.startswith("...") else dims
            for letter, d in zip(letters, named, strict=False):
                lengths.setdefault(letter, d)
            if "..." in part:
                rest = dims[:others] if part.startswith("...") else dims[len(letters) :]
        else:
            result = [lengths.get(letter) for letter in right.replace("...", "")]
            result += rest if "..." in right else []
            if len(result) == rank:
                return result
    return None


def _index_dims(operands: Sequence[Operand]) -> list[Dim | None]:
    base = operands[0].type
    if isinstance(base, ListOf):
        assert isinstance(base.item, Array)
        return list(base.item.dims)
    assert isinstance(base, Array)
    result: list[Dim | None] = []
    left = list(base.dims)
    for item in operands[1:]:
        if isinstance(item.expr, Const) and item.expr.value is None:
            result.append(ONE)
        elif isinstance(item.expr, Slice):
            if not left:
                raise TypeMismatch("there are more indices than axes")
            result.append(slice_dim(left.pop(0), *item.bounds))
        else:
            if not left:
                raise TypeMismatch("there are more indices than axes")
            left.pop(0)
    return result + list(left)


def _range_length(prim: str, operands: Sequence[Operand]) -> Dim | None:
    if prim == "np.linspace":
        return _length_operand(operands[2])
    start, stop, step = (_length_operand(operand) for operand in operands)
    if start is not None and stop is not None and step is not None and step.is_one:
        return stop - start
    return None


def _transformed(prim: str, operands: Sequence[Operand], static: Mapping[str, Any], name: str) -> list[Dim | None]:
    """The lengths of a Fourier transform along one axis, which may be given. Of no item there is none."""
    array = operands[0].type
    assert isinstance(array, Array)
    result: list[Dim | None] = list(array.dims)
    axis = static.get("axis")
    k = (-1 if axis is None else axis) % array.rank
    length = _length_operand(operands[1]) if len(operands) > 1 else array.dims[k]
    if HALVES[prim] == "takes" and len(operands) == 1:
        length = (array.dims[k] - 1) * 2
    if HALVES[prim] == "gives":
        if length is None or length.terms:
            length = dim(Symbol(name, k, not_one=length is not None and length.is_not_one))
        else:
            length = dim(length.const // 2 + 1)
    result[k] = length
    return result


def _length_operand(operand: Operand) -> Dim | None:
    """The value of an integer as a linear form, where known."""
    if isinstance(operand.expr, Const):
        value = operand.expr.value
        return dim(value) if isinstance(value, int) and value >= 0 else None
    return operand.type.dim if isinstance(operand.type, Scalar) else None


# ---- the value of an integer, and the layout ---------------------------------------------------


def _value(prim: str, operands: Sequence[Operand], static: Mapping[str, Any]) -> Dim | None:
    if prim in ("shape", "len"):
        source = operands[0].type
        return source.dims[static.get("axis", 0)] if isinstance(source, Array) else None
    if prim == "size":
        source = operands[0].type
        return _product(source.dims) if isinstance(source, Array) else None
    if prim not in ("+", "-", "*", "neg", "pos", "int"):
        return None
    values = [_integer_operand(operand) for operand in operands]
    match prim, values:
        case "+", [Dim() as a, Dim() as b]:
            return a + b
        case "-", [Dim() as a, Dim() as b]:
            return a - b
        case "*", [Dim() as a, Dim(terms=(), const=factor)]:
            return a * factor
        case "*", [Dim(terms=(), const=factor), Dim() as b]:
            return b * factor
        case "neg", [Dim() as a]:
            return -a
        case "pos" | "int", [Dim() as a]:
            return a
    return None


def _integer_operand(operand: Operand) -> Dim | None:
    if isinstance(operand.expr, Const):
        return dim(operand.expr.value) if type(operand.expr.value) is int else None
    return operand.type.dim if isinstance(operand.type, Scalar) else None


def _product(dims: Sequence[Dim]) -> Dim | None:
    """The product of lengths, of which at most one is not a constant."""
    result = ONE
    for d in dims:
        if d.terms and result.terms:
            return None
        result = result * d.const if not d.terms else d * result.const
    return result


def _layout(prim: str, operands: Sequence[Operand], static: Mapping[str, Any]) -> str:
    source = operands[0].type if operands else None
    layout = source.layout if isinstance(source, Array) else "C"
    if prim == "index":
        return layout if layout == "C" and _is_contiguous_index(operands[1:]) else "A"
    if prim == "np.transpose":
        axes = tuple(static["axes"])
        if axes == tuple(reversed(range(len(axes)))):
            return {"C": "F", "F": "C"}.get(layout, "A")
        return layout if axes == tuple(range(len(axes))) else "A"
    if prim == "np.broadcast_to":
        return "A"
    trait = PRIMITIVES[prim].layout
    if trait == "first":
        return "C" if layout == "C" else "A"
    if trait == "any":  # Numba's is Fortran-ordered
        return "A"
    if PRIMITIVES[prim].kind == "elementwise":
        # NumPy and Numba preserve the order of the operands; a result of rank 1 is contiguous in any case
        matrices = [o.type for o in operands if isinstance(o.type, Array) and o.type.rank > 1]
        return "C" if all(t.layout == "C" for t in matrices) else "A"
    return "C"


def _is_contiguous_index(items: Sequence[Operand]) -> bool:
    """Whether the items select a contiguous block of a C-contiguous array, by Numba's rule: integers, then a slice."""
    for position, item in enumerate(items):
        if isinstance(item.expr, Slice):
            return position == len(items) - 1 and item.expr.step is None
        if isinstance(item.expr, Const) and item.expr.value is None:
            return False
    return True
