"""0-d arrays count as numbers: where that would show, because their content changes, the program is refused."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.analysis.memory.zero_dim_conflicts import refuse_zero_dim_conflicts
from srcad.errors import AliasError
from srcad.frontend.lowering.lower import lower
from srcad.frontend.source.read import read
from srcad.frontend.values import zero_dim_arrays
from srcad.frontend.values.describe import describe
from srcad.ir.types import Array
from srcad.rules.registry import EXPANSIONS, METHODS
from tests.numeric import numeric_gradient
from tests.programs.registry import all_cases

OUTSIDE = np.array(0.5)


def squeezed(m):
    g = np.squeeze(m)
    m -= 0.5
    return g * 1.0


def squeezed_by_a_method(m):
    g = m.squeeze()
    m[0, 0] = 3.0
    return g * g


def squeezed_and_returned(m):
    g = np.squeeze(m, axis=(0, 1))
    m -= 0.5
    return g


def reshaped_to_no_axes(m):
    g = m.reshape(())
    m[:] = 2.0
    return g * 1.0


def an_element_with_dots(m):
    g = m[0, 0, ...]
    m *= 2.0
    return g * 1.0


def an_element_with_dots_written_through_a_row(m):
    g = m[0, 0, ...]
    row = m[0]
    row[0] = 2.0
    return g * 1.0


def a_view_updated(m):
    g = m[0, 0, ...]
    g += 1.0
    return g * m[0, 0]


def another_name_after_asarray(m):
    s = np.asarray(m[0, 0])
    t = s
    t *= 2.0
    return s * t


def another_name_after_zeros(m):
    t = np.zeros(())
    b = t
    t += m[0, 0]
    return t + 2.0 * b


def another_name_after_where(m):
    t = np.where(m[0, 0] > 0.0, m[0, 0], 2.0)
    b = t
    t *= 3.0
    return t + 2.0 * b


def another_name_after_tensordot(m):
    t = np.tensordot(m, m)
    b = t
    t *= 3.0
    return t + 2.0 * b


def kept_in_a_list(m):
    t = np.zeros(())
    found = []
    for k in range(3):
        t += m[0, 0]
        found.append(t)
    return found[0] + 2.0 * found[2]


def kept_in_a_list_that_grows(m, n=12):
    t = np.zeros(())
    found = []
    for k in range(n):
        t += m[0, 0]
        found.append(t)
    return np.sum(np.array(found))


def changed_by_a_function(m):
    t = np.full((), m[0, 0])

    def grow(t):
        t += 1.0

    grow(t)
    return t * t


def the_best_so_far(m):
    t = np.zeros(())
    best = t
    for k in range(5):
        t += m[0, 0]
        if t < 1.0:
            best = t
    return best


def a_vector_made_of_one(m):
    s = np.asarray(m[0, 0])
    t = s.reshape(1)
    t += 1.0
    return t[0] + 2.0 * s


def one_from_outside(m):
    t = OUTSIDE
    t += m[0, 0]
    return t * t


REFUSED = [
    squeezed, squeezed_by_a_method, squeezed_and_returned, reshaped_to_no_axes, an_element_with_dots,
    an_element_with_dots_written_through_a_row, a_view_updated, another_name_after_asarray, another_name_after_zeros,
    another_name_after_where, another_name_after_tensordot, kept_in_a_list, kept_in_a_list_that_grows,
    changed_by_a_function, the_best_so_far, a_vector_made_of_one, one_from_outside,
]  # fmt: skip


@pytest.mark.parametrize("f", REFUSED, ids=lambda f: f.__name__)
def test_what_shows_is_refused(f):
    m = np.array([[0.46]])
    value = f(m.copy())
    OUTSIDE[()] = 0.5
    with pytest.raises(AliasError, match="S401"):
        srcad.value_and_grad(f, target="python")(m)
    # as a number it would be another: else the case shows nothing
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("srcad.compiler.steps.asks_about_zero_d", lambda *_: False)
        have, slope = srcad.value_and_grad(f, target="python")(m)
    along = f(m + 1e-6) - f(m - 1e-6) if f is not one_from_outside else 0.0
    OUTSIDE[()] = 0.5
    shows = abs(have - value) > 1e-6 or abs(slope[0, 0] - along / 2e-6) > 1e-3
    assert shows or f in (the_best_so_far, one_from_outside)


def sum_of_squares(m):
    t = np.zeros(())
    for k in range(3):
        t += m[0, 0] ** 2
    return t


def copies(m):
    t = np.zeros(())
    b = t.copy()
    c = float(t)
    d = t + 0.0
    e = t[()]
    t += m[0, 0]
    return t + 2.0 * b + 3.0 * c + d + e


def the_base_is_not_written_to(m):
    g = np.squeeze(m * 2.0)
    h = g
    m[0, 0] = 1.0
    return g * h


def read_before_the_store(m):
    g = np.squeeze(m)
    y = g * g
    m *= 2.0
    return y + np.sum(m)


def a_new_number_each_time(m):
    t = np.where(m[0, 0] > 0.0, m[0, 0], 2.0)
    b = t
    t = t * 3.0
    t += 1.0
    return t + 2.0 * b


@pytest.mark.parametrize(
    "f",
    [sum_of_squares, copies, the_base_is_not_written_to, read_before_the_store, a_new_number_each_time],
    ids=lambda f: f.__name__,
)
def test_what_does_not_show_is_differentiated(f):
    m = np.array([[0.46]])
    value, slope = srcad.value_and_grad(f, target="python")(m)
    assert np.isclose(value, f(m.copy()))
    assert np.isclose(slope[0, 0], (f(m + 1e-6) - f(m - 1e-6)) / 2e-6)


def changed_and_named_twice(x):
    y = x
    x += 1.0
    return x * y


def changed(x):
    x *= 2.0
    return x * x


def test_a_parameter_may_be_one():
    assert srcad.value_and_grad(changed_and_named_twice, target="python")(0.3) == (0.3 * 1.3, 1.6)
    with pytest.raises(AliasError, match="y may be in the same memory"):
        srcad.value_and_grad(changed_and_named_twice, target="python")(np.array(0.3))
    # a gradient works on copies; the function itself, and `adjoint`, would have to change the caller's
    assert srcad.value_and_grad(changed, target="python")(np.array(0.3))[1] == 2.4
    with pytest.raises(AliasError, match="the caller sees it"):
        srcad.jit(changed, target="python")(np.array(0.3))
    assert srcad.jit(changed, target="python")(0.3) == 0.36


def test_the_error_names_both():
    with pytest.raises(AliasError) as caught:
        srcad.grad(squeezed, target="python")(np.array([[0.46]]))
    text = str(caught.value)
    assert "writes into m, and g may be in the same memory" in text
    assert "m -= 0.5" in text and "0-d array" in text and "float(...)" in text


# ---- the tables of functions ------------------------------------------------------------------------


def _numpy_functions() -> list[Callable[..., Any]]:
    return [f for f in EXPANSIONS if callable(f) and str(getattr(f, "__module__", "")).startswith("numpy")]


def _is_zero_d(value: Any) -> bool:
    parts = value if isinstance(value, tuple | list) else [value]
    return any(type(part) is np.ndarray and part.ndim == 0 for part in parts)


@pytest.mark.parametrize("f", _numpy_functions(), ids=lambda f: f.__name__)
def test_who_makes_them_is_known(f):
    """Of every function of NumPy that is read: where it gives a 0-d array, of numbers and arrays, a table says so."""
    number, one = np.float64(0.3), np.array([0.4])
    pool = [number, 0.5, one, np.eye(2), np.array([0.1, 0.2]), (), [0.3], 0, [True, False], [number, number]]
    if isinstance(f, np.ufunc) or f in zero_dim_arrays.VIEWS | zero_dim_arrays.NEW:
        return
    for count in (1, 2, 3):
        for args in itertools.product(pool, repeat=count):
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                try:
                    found = f(*args)
                except Exception:
                    continue
            assert not _is_zero_d(found), args


def test_the_methods_that_share_are_known():
    number, one = np.float64(0.3), np.array([[0.4]])
    for name, made in METHODS.items():
        for receiver, args in itertools.product((number, one), ((), ((),), (0,), (1,), ("float64",))):
            try:
                found = getattr(receiver, name)(*args)
            except Exception:
                continue
            if _is_zero_d(found):
                assert made in zero_dim_arrays.VIEWS | zero_dim_arrays.NEW, name


@pytest.mark.one_in(10, least=3)
@pytest.mark.parametrize("part", range(48))
def test_the_corpus_may_be_marked(part):
    """Marking 0-d arrays changes nothing of what is accepted: every program of the corpus passes."""
    for case in all_cases()[part::48]:
        source = read(case.function)
        taken: set[str] = set()
        names = source.tree.args.posonlyargs + source.tree.args.args
        try:  # some need the values of arguments, or have objects for arguments, which are described elsewhere
            given = {n.id: describe(n.id, value, taken) for n, value in zip(names, case.args, strict=False)}
            lower(source, given)
        except srcad.SrcadError:
            continue
        if source.tree.args.vararg is not None or source.tree.args.kwarg is not None:
            continue
        marked = lower(source, given, zero_d=True).function
        arrays = [p.name for p in marked.params if isinstance(marked.types[p.name], Array)]
        refuse_zero_dim_conflicts(marked, (), arrays)


def beside_a_list_of_numbers(x, n):
    total = np.zeros(())
    total += x[0]
    items = [0.0] * n
    for i in range(n):
        items[i % 2] += x[i] * total
    return items[0] - items[1]


def test_items_of_a_list_of_numbers_change_beside_0d_arrays():
    x = np.array([1.5, 2.0, -0.5, 3.0])
    have, want = srcad.value_and_grad(beside_a_list_of_numbers, target="python")(x, 4), beside_a_list_of_numbers(x, 4)
    assert have[0] == want
    np.testing.assert_allclose(have[1], numeric_gradient(beside_a_list_of_numbers, (x, 4), 0), rtol=1e-9)


def changed_by_index(x, n):
    items = [np.zeros(()) + 0.0 * x[i] for i in range(n)]
    items.append(np.zeros(()))
    items[n] += x[1]
    return items[n]


def changed_in_a_loop(x, n):
    items = []
    for _ in range(n):
        items.append(np.zeros(()))
    for z in items:
        z += x[0]
    return sum(items)


def changed_in_a_counted_loop(x, n):
    items = []
    for _ in range(n):
        items.append(np.zeros(()))
    for k, z in enumerate(items):
        z += x[k]
    return sum(items)


def changed_under_its_own_name(x, n):
    z = np.zeros(())
    items = [z] * n
    z += x[0]
    return items[0] + items[1]


@pytest.mark.parametrize(
    "f", [changed_by_index, changed_in_a_loop, changed_in_a_counted_loop, changed_under_its_own_name]
)
def test_0d_arrays_in_lists_that_change_are_refused(f):
    with pytest.raises(srcad.SrcadError, match="S401"):
        srcad.jit(f, target="python")(np.arange(1.0, 5.0), 3)
