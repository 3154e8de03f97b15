"""Shape constraints of operations on their operands: those that types do not prove are checked at run time.

NumPy raises an error where lengths do not match. Compiled code need not: dead values are never computed, and loops
run over the length of one operand. So a constraint becomes a statement of its own, which stays where the operation is
removed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from srcad.ir.types import Array, Dim, Scalar
from srcad.rules.primitives import PRIMITIVES
from srcad.typing.infer import Operand

NOT_SQUARE = "np.linalg.LinAlgError"


@dataclass(frozen=True)
class Axis:
    """An axis of an operand; where `axis` is None, the operand is an integer that is itself the length."""

    operand: int
    axis: int | None
    length: Dim | None


@dataclass(frozen=True)
class Fit:
    """Two lengths that must be equal, unless one of the axes `free` has length 1."""

    one: Axis
    other: Axis
    free: tuple[Axis, ...] = ()


@dataclass(frozen=True)
class Demand:
    """A conjunction of `fits`. The message has the shapes `shown` between the parts of `text`."""

    fits: tuple[Fit, ...]
    shown: tuple[Sequence[Axis], ...]
    text: tuple[str, ...]
    error: str = "ValueError"


@dataclass(frozen=True)
class Filled:
    """The axes of an operand of which none may have length 0."""

    axes: tuple[Axis, ...]
    text: str


def demands(prim: str, operands: Sequence[Operand], static: Mapping[str, Any]) -> list[Demand | Filled]:
    """The constraints that the types of the operands do not prove.

    >>> from srcad.ir.nodes import Var
    >>> from srcad.ir.types import Symbol, dim
    >>> n = dim(Symbol("x", 0, not_one=True))
    >>> x = Operand(Var("x"), Array("float64", (n,)))
    >>> three = Operand(Var("y"), Array("float64", (dim(3),)))
    >>> demands("+", [x, x], {})
    []
    >>> (demand,) = demands("+", [x, three], {})
    >>> [{fit.one.length, fit.other.length} == {n, dim(3)} for fit in demand.fits]
    [True]
    """
    primitive = PRIMITIVES[prim]
    if primitive.kind == "elementwise":
        fits = broadcast([axes_of(k, o) for k, o in enumerate(operands)])
        return [_demand(fits, operands)] if fits else []
    if primitive.choice and primitive.kind != "elementwise":
        return _nonempty(prim, operands, static)
    if prim == "np.concatenate":
        return _concatenation(operands, static.get("axis", 0))
    if prim == "np.broadcast_to":
        target = [Axis(k, None, _value(o)) for k, o in enumerate(operands) if k]
        return stored(axes_of(0, operands[0]), target, "cannot be broadcast to ")
    return [d for signature in primitive.dims for d in _by_signature(signature, operands)]


def axes_of(position: int, operand: Operand) -> list[Axis]:
    """The axes of an array; a scalar has none."""
    if not isinstance(operand.type, Array):
        return []
    return [Axis(position, axis, d) for axis, d in enumerate(operand.type.dims)]


def broadcast(operands: Sequence[Sequence[Axis]]) -> list[Fit]:
    """The constraints of broadcasting arrays against one another."""
    fits: list[Fit] = []
    rank = max(map(len, operands), default=0)
    for axis in range(-rank, 0):
        lengths: dict[Dim, Axis] = {}
        for axes in operands:
            if len(axes) >= -axis and not _is_one(axes[axis]):
                d = axes[axis].length
                assert d is not None
                lengths.setdefault(d, axes[axis])
        not_one = sorted(
            (a for d, a in lengths.items() if d.is_not_one), key=lambda a: bool(a.length and a.length.terms)
        )
        others = [a for a in lengths.values() if a not in not_one]
        fits += [Fit(not_one[0], a) for a in not_one[1:]]
        if not_one:
            fits += [Fit(not_one[0], a, (a,)) for a in others]
        else:
            fits += [Fit(a, b, (a, b)) for a, b in combinations(others, 2)]
    return fits


def into(stored: Sequence[Axis], target: Sequence[Axis]) -> list[Fit]:
    """The constraints of broadcasting an array to the lengths of a target."""
    fits: list[Fit] = []
    for at in range(-min(len(stored), len(target)), 0):
        have, want = stored[at], target[at]
        if not _is_one(have) and (have.length is None or have.length != want.length):
            fits.append(Fit(want, have, () if have.length is not None and have.length.is_not_one else (have,)))
    return fits


def stored(value: Sequence[Axis], target: Sequence[Axis], text: str) -> list[Demand | Filled]:
    """The constraint that a value can be broadcast to a target."""
    fits = into(value, target)
    return [Demand(tuple(fits), (value, target), ("a shape of ", f" {text}", ""))] if fits else []


def _is_one(axis: Axis) -> bool:
    return axis.length is not None and axis.length.is_one


def _demand(fits: Sequence[Fit], operands: Sequence[Operand]) -> Demand:
    arrays = tuple(axes_of(k, o) for k, o in enumerate(operands) if isinstance(o.type, Array))
    between = [", "] * (len(arrays) - 2) + [" and "]
    return Demand(tuple(fits), arrays, ("shapes ", *between, " do not fit"))


def _concatenation(operands: Sequence[Operand], along: int) -> list[Demand | Filled]:
    first, *others = (axes_of(k, o) for k, o in enumerate(operands))
    fits = [
        Fit(a, b)
        for other in others
        for axis, (a, b) in enumerate(zip(first, other, strict=True))
        if axis != along and a.length != b.length
    ]
    return [_demand(fits, operands)] if fits else []


def _by_signature(signature: str, operands: Sequence[Operand]) -> list[Demand | Filled]:
    """A repeated letter of a signature such as `ij,j->i` is one length; repeated in one operand, that is square."""
    parts = signature.partition("->")[0].split(",")
    if "..." in signature or len(parts) > len(operands):
        return []
    axes = [axes_of(k, o) for k, o in enumerate(operands)]
    if any(len(part) != len(own) for part, own in zip(parts, axes, strict=False)):
        return []
    first: dict[str, Axis] = {}
    square: list[Demand | Filled] = []
    fits: list[Fit] = []
    for part, own in zip(parts, axes, strict=False):
        for letter, axis in zip(part, own, strict=True):
            earlier = first.setdefault(letter, axis)
            if earlier.length == axis.length:
                continue
            if earlier.operand == axis.operand:
                text = ("a shape of ", " is not square")
                square.append(Demand((Fit(earlier, axis),), (own,), text, NOT_SQUARE))
            else:
                fits.append(Fit(earlier, axis))
    return [*square, *([_demand(fits, operands)] if fits else [])]


# ---- reductions without an identity: of no items there is no maximum ---------------------------


def _nonempty(prim: str, operands: Sequence[Operand], static: Mapping[str, Any]) -> list[Demand | Filled]:
    primitive = PRIMITIVES[prim]
    axes = axes_of(0, operands[0])
    axis = static.get("axis", primitive.axis)
    chosen = [axes[axis]] if isinstance(axis, int) else axes
    left = tuple(one for one in chosen if not _is_positive(one.length))
    return [Filled(left, f"no items to take the {primitive.choice} of")] if left else []


def _is_positive(d: Dim | None) -> bool:
    """Whether the length is certainly not 0."""
    return d is not None and ((not d.terms and d.const > 0) or (d - 1).is_nonnegative)


def _value(operand: Operand) -> Dim | None:
    return operand.type.dim if isinstance(operand.type, Scalar) else None
