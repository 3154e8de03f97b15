"""What an operation demands of the lengths of its operands: where types do not prove it, it is asked at run time.

NumPy raises an error where lengths do not fit. What is compiled need not: a value nobody reads is never made, and loops
go by the length of one operand. So the demand is a check of its own, and outlives what it was about.
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
    """An axis of an operand; of a number (`axis` is None), the number is the length."""

    operand: int
    axis: int | None
    length: Dim | None


@dataclass(frozen=True)
class Fit:
    """Two lengths that must be equal, but for those that may be 1 instead."""

    one: Axis
    other: Axis
    free: tuple[Axis, ...] = ()


@dataclass(frozen=True)
class Demand:
    """All of `fits` must hold. The message has the shapes `shown` between the words of `text`."""

    fits: tuple[Fit, ...]
    shown: tuple[Sequence[Axis], ...]
    text: tuple[str, ...]
    error: str = "ValueError"


@dataclass(frozen=True)
class Filled:
    """The axes of an operand of which none may be of length 0."""

    axes: tuple[Axis, ...]
    text: str


def demands(prim: str, operands: Sequence[Operand], static: Mapping[str, Any]) -> list[Demand | Filled]:
    """What is not proved by the types of the operands."""
    known = PRIMITIVES[prim]
    if known.kind == "elementwise":
        found = broadcast([axes_of(k, o) for k, o in enumerate(operands)])
        return [_demand(found, operands)] if found else []
    if known.choice and known.kind != "elementwise":
        return _filled(prim, operands, static)
    if prim == "np.concatenate":
        return _joined(operands, static.get("axis", 0))
    if prim == "np.broadcast_to":
        target = [Axis(k, None, _value(o)) for k, o in enumerate(operands) if k]
        return stored(axes_of(0, operands[0]), target, "cannot be broadcast to ")
    return [d for signature in known.dims for d in _signed(signature, operands)]


def axes_of(position: int, operand: Operand) -> list[Axis]:
    """The axes of an array; of a number there are none."""
    if not isinstance(operand.type, Array):
        return []
    return [Axis(position, axis, d) for axis, d in enumerate(operand.type.dims)]


def broadcast(operands: Sequence[Sequence[Axis]]) -> list[Fit]:
    """What broadcasting arrays against one another demands."""
    fits: list[Fit] = []
    rank = max(map(len, operands), default=0)
    for axis in range(-rank, 0):
        lengths: dict[Dim, Axis] = {}
        for axes in operands:
            if len(axes) >= -axis and not _is_one(axes[axis]):
                d = axes[axis].length
                assert d is not None
                lengths.setdefault(d, axes[axis])
        many = sorted((a for d, a in lengths.items() if d.is_not_one), key=lambda a: bool(a.length and a.length.terms))
        others = [a for a in lengths.values() if a not in many]
        fits += [Fit(many[0], a) for a in many[1:]]
        if many:
            fits += [Fit(many[0], a, (a,)) for a in others]
        else:
            fits += [Fit(a, b, (a, b)) for a, b in combinations(others, 2)]
    return fits


def into(stored: Sequence[Axis], target: Sequence[Axis]) -> list[Fit]:
    """What writing an array into a place of these lengths demands."""
    fits: list[Fit] = []
    for at in range(-min(len(stored), len(target)), 0):
        have, want = stored[at], target[at]
        if not _is_one(have) and (have.length is None or have.length != want.length):
            fits.append(Fit(want, have, () if have.length is not None and have.length.is_not_one else (have,)))
    return fits


def stored(value: Sequence[Axis], target: Sequence[Axis], text: str) -> list[Demand | Filled]:
    """The demand that a value fits into a place."""
    fits = into(value, target)
    return [Demand(tuple(fits), (value, target), ("a shape of ", f" {text}", ""))] if fits else []


def _is_one(axis: Axis) -> bool:
    return axis.length is not None and axis.length.is_one


def _demand(fits: Sequence[Fit], operands: Sequence[Operand]) -> Demand:
    arrays = tuple(axes_of(k, o) for k, o in enumerate(operands) if isinstance(o.type, Array))
    between = [", "] * (len(arrays) - 2) + [" and "]
    return Demand(tuple(fits), arrays, ("shapes ", *between, " do not fit"))


def _joined(operands: Sequence[Operand], along: int) -> list[Demand | Filled]:
    first, *others = (axes_of(k, o) for k, o in enumerate(operands))
    fits = [
        Fit(a, b)
        for other in others
        for axis, (a, b) in enumerate(zip(first, other, strict=True))
        if axis != along and a.length != b.length
    ]
    return [_demand(fits, operands)] if fits else []


def _signed(signature: str, operands: Sequence[Operand]) -> list[Demand | Filled]:
    """A letter that a signature such as `ij,j->i` repeats is one length; within one operand, that is square."""
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
            known = first.setdefault(letter, axis)
            if known.length == axis.length:
                continue
            if known.operand == axis.operand:
                text = ("a shape of ", " is not square")
                square.append(Demand((Fit(known, axis),), (own,), text, NOT_SQUARE))
            else:
                fits.append(Fit(known, axis))
    return [*square, *([_demand(fits, operands)] if fits else [])]


# ---- of nothing there is no maximum ------------------------------------------------------------


def _filled(prim: str, operands: Sequence[Operand], static: Mapping[str, Any]) -> list[Demand | Filled]:
    known = PRIMITIVES[prim]
    axes = axes_of(0, operands[0])
    axis = static.get("axis", known.axis)
    chosen = [axes[axis]] if isinstance(axis, int) else axes
    left = tuple(one for one in chosen if not _is_some(one.length))
    return [Filled(left, f"no items to take the {known.choice} of")] if left else []


def _is_some(d: Dim | None) -> bool:
    """Whether the length surely is not 0."""
    return d is not None and ((not d.terms and d.const > 0) or (d - 1).is_nonnegative)


def _value(operand: Operand) -> Dim | None:
    return operand.type.dim if isinstance(operand.type, Scalar) else None
