"""Gradient check: reverse mode against finite differences and forward mode, leaf by leaf, twice for equal bits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import Parameter
from typing import Any

import numpy as np
from typing_extensions import Unpack

from srcad.api import grad, hvp, jvp
from srcad.derivative import Derivative
from srcad.dispatch.leaf_conversion import is_static
from srcad.dispatch.pytree import copied, flatten, places, unflatten
from srcad.dispatch.signature import Argnums, Parameters
from srcad.errors import SrcadError, fail
from srcad.options import Choices, spelled
from srcad.rules.weighted_sum import weighted_sum_of

_ENTRIES = 64  # of one leaf; of a larger leaf that many are sampled, with a fixed seed


@dataclass(frozen=True)
class Check:
    """The number of entries compared, and the entry with the largest difference."""

    entries: int
    place: str
    reverse: float
    difference: float
    error: float
    """Relative to the larger of the two, and to the largest entry of the gradient."""
    forward: float | str = "not compared"
    """The largest relative difference of forward from reverse mode, in a random direction of each leaf; or why none."""
    second: float | str = "not compared"
    """That of second derivatives, forward over reverse mode, from differences of gradients."""

    def __str__(self) -> str:
        shown = [
            f"{self.entries} entries compared; they differ most at {self.place}: reverse {self.reverse:.12g}, "
            f"differences {self.difference:.12g} (relative error {self.error:.1e})"
        ]
        for what, found in (("forward mode", self.forward), ("second derivatives", self.second)):
            if found != "not compared":
                shown.append(f"{what}: {found}" if isinstance(found, str) else f"{what}: relative error {found:.1e}")
        return "; ".join(shown)


@spelled
def check_grad(
    f: Callable[..., Any],
    *args: Any,
    argnums: Argnums = 0,
    has_aux: bool = False,
    tolerance: float | None = None,
    order: int = 1,
    **options: Unpack[Choices],
) -> Check:
    """Compare `grad(f, argnums)(*args)` with central differences of `f` itself, run as plain Python.

    Two calls must give equal bits. In a random direction v of each leaf the tangent of forward mode must be the product
    of the gradient with v. With `order=2`, the second derivatives in these directions (`hvp`) are compared with
    differences of gradients. Both modes are run as plain Python here; where one is refused, the result says so.

    Raises S312 where two of them differ by more than `tolerance` (1e-6 for float64, 1e-3 for float32, relative; for
    second derivatives a hundred times that). It says so where `insert_gradient_of` makes them differ on purpose.

    >>> found = check_grad(lambda x: np.sum(np.sin(x)), np.arange(3.0), order=2, target="python")
    >>> found.entries, found.forward < 1e-12, found.second < 1e-6
    (3, True, True)
    """
    parameters = Parameters.of(f)
    wrt = parameters.wrt(argnums)
    derivative = grad(f, argnums, has_aux=has_aux, **options)
    name = getattr(f, "__name__", "f")
    gradients = _gradients(derivative, args, argnums, has_aux)
    function, given, places_of_wrt = by_position(f, args, {}, wrt)
    worst, right = compared(function, given, places_of_wrt, gradients, has_aux, tolerance)
    inserted = derivative.specialisation(*args).generated.inserted
    if not right:
        what = f"the gradient of {name} differs from finite differences"
        if inserted is not None:
            why = f"{worst}. The block that is inserted here changes an adjoint, so it may differ on purpose."
            fail(
                "S312", what, inserted, why, "check the function without the block, and what the block does by itself."
            )
        fail("S312", what, None, f"{worst}.", "look whether f has a kink or a jump there; if it has none, report it.")
    _refuse_other_bits(name, gradients, _gradients(derivative, args, argnums, has_aux))
    if inserted is not None:
        return worst
    allowed = tolerance or (1e-3 if _is_single(gradients) else 1e-6)
    directions = _directions(given, places_of_wrt, gradients)
    if len(given) != len(args):
        return replace(worst, forward="not compared with keyword arguments")
    forward = _refused_or(lambda: _forward_error(f, args, directions, has_aux))
    if not isinstance(forward, str) and not forward[0] <= allowed:
        why = f"In {forward[1]}, they differ by {forward[0]:.1e} of the larger."
        fail(
            "S312",
            f"forward and reverse mode differ for {name}",
            None,
            why,
            "look whether f has a kink or a jump there.",
        )
    second: float | str = "not compared"
    if order == 2:
        found = _refused_or(lambda: _second_error(f, derivative, args, argnums, directions, has_aux))
        if not isinstance(found, str) and not found[0] <= 100.0 * allowed:
            why = f"In {found[1]}, they differ by {found[0]:.1e} of the larger."
            what = f"the second derivatives of {name} differ from differences of gradients"
            fail("S312", what, None, why, "look whether the gradient has a kink or a jump there.")
        second = found if isinstance(found, str) else found[0]
    return replace(worst, forward=forward if isinstance(forward, str) else forward[0], second=second)


@spelled
def check_rule(
    f: Callable[..., Any],
    *args: Any,
    argnums: tuple[int, ...] | None = None,
    tolerance: float | None = None,
    **options: Unpack[Choices],
) -> Check:
    """Check the rules of `f` at these arguments by `check_grad` with `order=2`, of a weighted sum of what it returns.

    `argnums` are the positions of those that have a derivative, by default all floats. Two calls of `f` must give the
    same, and change nothing; what it returns must be new memory. Raises S312 where that is not so, or a derivative is
    wrong.

    >>> from srcad.rules import external, jvp
    >>> __name__ = "user_module"
    >>> @external
    ... def cubed(x):
    ...     return x * x * x
    >>> @jvp(cubed)
    ... def cubed_jvp(y, x, t_x):
    ...     return 3.0 * x * x * t_x
    >>> found = check_rule(cubed, np.array([0.5, 2.0]), target="python")
    >>> found.entries, found.forward < 1e-12, found.second < 1e-6
    (2, True, True)
    """
    name = getattr(f, "__name__", "the function")
    given = [copied(a) for a in args]
    arrays = [a for a in given if isinstance(a, np.ndarray)]
    before = [a.copy() for a in arrays]
    one, other = f(*given), f(*given)
    if not all(a.tobytes() == b.tobytes() for a, b in zip(arrays, before, strict=True)):
        fail("S312", f"{name} writes into an argument", None, "It may only return.", "copy the argument in it.")
    if any(np.may_share_memory(one, a) for a in arrays):
        fail("S312", f"{name} returns memory of an argument", None, "The result must be new.", "return a copy.")
    if np.asarray(one).tobytes() != np.asarray(other).tobytes():
        fail("S312", f"two equal calls of {name} differ", None, "What has a rule depends on its arguments alone.")
    floats = tuple(k for k, a in enumerate(args) if np.asarray(a).dtype.kind == "f")
    weights = np.random.default_rng(0).normal(size=np.shape(one))[()]
    wrt = tuple(k + 1 for k in (floats if argnums is None else argnums))
    return check_grad(weighted_sum_of(f), weights, *args, argnums=wrt, tolerance=tolerance, order=2, **options)


def _gradients(derivative: Derivative, args: tuple[Any, ...], argnums: Argnums, has_aux: bool) -> tuple[Any, ...]:
    """One for each argument that is differentiated."""
    gradient = derivative(*map(copied, args))
    if has_aux:
        gradient = gradient[0]
    return gradient if isinstance(argnums, tuple) else (gradient,)


def _refuse_other_bits(name: str, one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    pairs = zip(flatten(one)[0], flatten(other)[0], strict=True)
    if not all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in pairs if not isinstance(a, str)):
        why = "It depends on something that is not an argument, or on what is in memory that nobody has written."
        fail(
            "S312",
            f"two equal calls of the gradient of {name} differ",
            None,
            why,
            "look for np.empty, and for globals.",
        )


def _is_single(gradients: tuple[Any, ...]) -> bool:
    return any(np.asarray(g).dtype in _SINGLE for g in flatten(gradients)[0] if not isinstance(g, str))


_SINGLE = (np.float32, np.complex64)


@dataclass(frozen=True)
class _Direction:
    """A random direction in one leaf."""

    place: str
    tangents: tuple[Any, ...]
    """For each argument."""
    leaf: int
    """Among all leaves of the arguments."""
    v: Any
    slope: float
    """The product of the gradient with it."""
    size: float
    """The sum of the magnitudes in that."""


def _directions(args: tuple[Any, ...], wrt: Sequence[tuple[str, int]], gradients: Sequence[Any]) -> list[_Direction]:
    """One in each leaf, drawn with a fixed seed."""
    starts = np.cumsum([0, *(len(flatten(arg)[0]) for arg in args)])
    rng = np.random.default_rng(0)
    found = []
    for (name, position), gradient in zip(wrt, gradients, strict=True):
        leaves, spec = flatten(args[position])
        reverse = flatten(gradient)[0]
        for at, (leaf, place) in enumerate(zip(leaves, places(args[position], name), strict=True)):
            kind = np.asarray(leaf).dtype.kind
            if is_static(leaf) or kind not in "fc" or not np.size(leaf):
                continue
            v = rng.normal(size=np.shape(leaf))
            v = v + 1j * rng.normal(size=np.shape(leaf)) if kind == "c" else v
            inside: list[Any] = [None] * len(leaves)
            inside[at] = (
                v.astype(np.asarray(leaf).dtype)
                if isinstance(leaf, np.ndarray)
                else v.item()
                if kind == "c"
                else float(v)
            )
            tangents = [None] * len(args)
            tangents[position] = unflatten(spec, inside)
            products = np.real(np.asarray(reverse[at]).astype(np.complex128 if kind == "c" else np.float64) * v)
            sums = float(np.sum(products)), float(np.sum(np.abs(products)))
            found.append(_Direction(place, tuple(tangents), int(starts[position]) + at, v, *sums))
    return found


def _refused_or(compare: Callable[[], tuple[float, str]]) -> tuple[float, str] | str:
    try:
        return compare()
    except SrcadError as error:
        return f"refused ({error.problems[0].code})"


def _forward_error(
    f: Callable[..., Any], args: tuple[Any, ...], directions: Sequence[_Direction], has_aux: bool
) -> tuple[float, str]:
    """The largest relative difference of a tangent from the product of the gradient with its direction, and where."""
    tangent = jvp(f, has_aux=has_aux, target="python")
    worst = (0.0, "nothing")
    for one in directions:
        t = float(tangent(tuple(map(copied, args)), one.tangents)[1])
        error = abs(t - one.slope) / max(one.size, abs(t), 1e-10)
        if not error <= worst[0] and not (np.isnan(t) and np.isnan(one.slope)):
            worst = (error, one.place)
    return worst


def _second_error(
    f: Callable[..., Any],
    derivative: Derivative,
    args: tuple[Any, ...],
    argnums: Argnums,
    directions: Sequence[_Direction],
    has_aux: bool,
) -> tuple[float, str]:
    """The largest relative difference of a change of the gradient from central differences of gradients, and where."""
    scalar = (lambda *given: f(*given)[0]) if has_aux else f
    change = hvp(scalar, argnums=argnums, target="python")
    leaves, spec = flatten(args)
    worst = (0.0, "nothing")
    for one in directions:
        have = _flat(change(tuple(map(copied, args)), one.tangents))
        scale = max(float(np.max(np.abs(leaves[one.leaf]))), 1e-2) / max(float(np.max(np.abs(one.v))), 1e-10)
        errors = []
        for step in (3e-5 * scale, 3e-6 * scale):
            ends = []
            for signed in (step, -step):
                moved = list(map(copied, leaves))
                moved[one.leaf] = moved[one.leaf] + signed * one.v
                ends.append(_flat(_gradients(derivative, unflatten(spec, moved), argnums, has_aux)))
            want = (ends[0] - ends[1]) / (2.0 * step)
            # what rounding leaves of the gradient in a difference
            noise = 1e-15 * np.max(np.abs(ends[0]), initial=0.0) / step
            size = max(np.max(np.abs(want), initial=0.0), np.max(np.abs(have), initial=0.0), 1e-10) + 1e6 * noise
            errors.append(float(np.max(np.abs(have - want), initial=0.0) / size))
        if not min(errors) <= worst[0]:
            worst = (min(errors), one.place)
    return worst


def _flat(gradient: Any) -> Any:
    leaves = [np.ravel(np.asarray(g, np.complex128)) for g in flatten(gradient)[0] if not is_static(g)]
    return np.concatenate([*leaves, np.zeros(0)])


def by_position(
    f: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], wrt: Sequence[str]
) -> tuple[Callable[..., Any], tuple[Any, ...], list[tuple[str, int]]]:
    """The function and its arguments, those in `wrt` by position; and the name and position of each of these.

    >>> def scaled(x, *, scale=2.0):
    ...     return x * scale
    >>> function, args, places = by_position(scaled, (3.0,), {}, ("scale", "x"))
    >>> function(3.0, 5.0), args, places
    (15.0, (3.0, 2.0), [('scale', 1), ('x', 0)])
    """
    parameters = Parameters.of(f)
    known = parameters.signature.parameters
    free = parameters.positional
    needed = [at for at, name in enumerate(free) if name in wrt and name not in kwargs]
    args = (*args, *(known[name].default for name in free[len(args) : max(needed, default=-1) + 1]))
    count, found = len(args), []
    named: dict[str, Any] = {}
    for name in wrt:
        if name in kwargs or (name in known and known[name].kind is Parameter.KEYWORD_ONLY):
            found.append((name, count + len(named)))
            named[name] = kwargs[name] if name in kwargs else known[name].default
        else:
            found.append((name, parameters.place(name, count)))

    def function(*given: Any) -> Any:
        return f(*given[:count], **{**kwargs, **dict(zip(named, given[count:], strict=True))})

    return function, (*args, *named.values()), found


def compared(
    f: Callable[..., Any],
    args: tuple[Any, ...],
    wrt: Sequence[tuple[str, int]],
    gradients: Sequence[Any],
    has_aux: bool = False,
    tolerance: float | None = None,
) -> tuple[Check, bool]:
    """Gradients with respect to arguments (name, position) against differences; whether they are within tolerance."""
    worst = Check(0, "nothing", 0.0, 0.0, 0.0)
    limit, entries = 0.0, 0
    for (name, position), found in zip(wrt, gradients, strict=True):
        reverse_leaves, _ = flatten(found)
        leaves, _ = flatten(args[position])
        for at, (leaf, reverse) in enumerate(zip(leaves, reverse_leaves, strict=True)):
            if is_static(leaf):
                continue
            place = places(args[position], name)[at]
            allowed = tolerance or (1e-3 if np.asarray(leaf).dtype in _SINGLE else 1e-6)
            for unit in (1.0, 1j) if np.iscomplexobj(leaf) else (1.0,):
                part = {1.0: ".real", 1j: ".imag"}[unit] if np.iscomplexobj(leaf) else ""
                one = _leaf(f, args, position, at, np.real(np.asarray(reverse) * unit), has_aux, place + part, unit)
                entries += one.entries
                if one.error / allowed >= limit:
                    worst, limit = one, one.error / allowed
    return replace(worst, entries=entries), limit <= 1.0


def _leaf(
    f: Callable[..., Any],
    args: tuple[Any, ...],
    position: int,
    at: int,
    reverse: Any,
    has_aux: bool,
    place: str,
    unit: complex,
) -> Check:
    """The derivatives by a leaf, or by its real part or, where the `unit` is 1j, by its imaginary part."""
    leaves, spec = flatten(args[position])
    is_complex = np.iscomplexobj(leaves[at])
    whole = np.array(leaves[at], dtype=np.complex128 if is_complex else np.float64)
    base = np.array(whole.imag if unit == 1j else whole.real)
    scalar = not isinstance(leaves[at], np.ndarray)

    def value(perturbed: Any) -> float:
        inside = [np.array(leaf) if isinstance(leaf, np.ndarray) else leaf for leaf in leaves]
        moved = whole + (perturbed - base) * unit if is_complex else perturbed
        inside[at] = moved[()].item() if scalar else moved.copy()  # f may write into it
        copies = [copied(arg) for arg in args]
        copies[position] = unflatten(spec, inside)
        result = f(*copies)
        return float(result[0] if has_aux else result)

    size = float(np.max(np.abs(reverse), initial=0.0))
    worst: Check | None = None
    chosen = _entries(base)
    value_here = value(base)
    for index in chosen:
        here = float(reverse[index])
        candidates = _differences(value, base, index)
        best = min(candidates, key=lambda d: abs(d - here) if np.isfinite(d) else np.inf)
        # a derivative whose effect on f is below rounding is not visible in differences
        visible = 1e-6 * abs(value_here) / max(abs(float(base[index])), 1e-2)
        scale = max(abs(here), abs(best), 1e-6 * size, visible, 1e-10)
        error = 0.0 if here == best else abs(here - best) / scale
        error = np.inf if np.isnan(error) else error  # no later entry hides it
        if worst is None or error > worst.error:
            where = place + (f"[{', '.join(map(str, index))}]" if index else "")
            worst = Check(0, where, here, best, error)
    return replace(worst or Check(0, place, 0.0, 0.0, 0.0), entries=len(chosen))


def _entries(base: np.ndarray[Any, Any]) -> list[tuple[int, ...]]:
    if base.size <= _ENTRIES:
        return list(np.ndindex(base.shape))
    drawn = np.random.default_rng(0).choice(base.size, _ENTRIES, replace=False)
    return [tuple(int(i) for i in np.unravel_index(flat, base.shape)) for flat in sorted(drawn)]


def _differences(value: Callable[[Any], float], base: np.ndarray[Any, Any], index: tuple[int, ...]) -> list[float]:
    """Two estimates of the derivative at one entry: with Ridders' extrapolation from larger steps, and a small step.

    Extrapolation is accurate to about 1e-11 where the function is smooth over the larger steps; the small step is for
    functions that have a kink nearby. W. H. Press et al., Numerical Recipes, section 5.7.
    """
    scale = max(abs(float(base[index])), 1e-2)

    def central(step: float) -> float:
        up, down = base.copy(), base.copy()
        up[index] += step
        down[index] -= step
        return (value(up) - value(down)) / float(up[index] - down[index])

    with np.errstate(all="ignore"):
        small = central(6e-6 * scale)
        table = [central(4e-3 * scale)]
        best, error = table[0], np.inf
        for column in range(1, 6):
            row = [central(4e-3 * scale / 2**column)]
            for order, before in enumerate(table):
                factor = 4.0 ** (order + 1)
                row.append((factor * row[order] - before) / (factor - 1.0))
                change = max(abs(row[-1] - row[-2]), abs(row[-1] - before))
                if change <= error:
                    best, error = row[-1], change
            table = row
    return [best, small]
