"""Sparse Jacobians and Hessians: what depends on what, colours, sweeps, and patterns that no longer hold."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import srcad
from srcad.errors import ArgumentError, SrcadError
from srcad.sparse.coloring import column_colors, star_colors
from srcad.sparse.dependence import Dependence, indices_of, union
from srcad.sparse.sparse_jacobian import SparseJacobian
from tests.numeric import leaves
from tests.programs.registry import Case, all_cases
from tests.test_programs import expected
from tests.user_functions import moved_average

PYTHON: Any = {"target": "python"}


def points(n: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).uniform(0.5, 2.0, n)


def differences(f: Any, x: Any, *args: Any) -> Any:
    """The Jacobian by central differences, a row for each output."""
    h = 1e-6
    columns = []
    for k in range(x.size):
        step = np.zeros(x.size)
        step[k] = h
        step = step.reshape(x.shape)
        columns.append((np.ravel(f(x + step, *args)) - np.ravel(f(x - step, *args))) / (2.0 * h))
    return np.array(columns).T


# ---- colours ---------------------------------------------------------------------------------------


def random_pattern(rng: Any, m: int, n: int) -> Any:
    return sp.csr_matrix(rng.random((m, n)) < rng.random())


def test_columns_of_one_colour_have_no_row_in_common() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        pattern = random_pattern(rng, *rng.integers(1, 14, 2))
        colors = column_colors(pattern)
        for row in pattern.toarray():
            of_row = colors[np.nonzero(row)[0]]
            assert len(set(of_row)) == len(of_row)


def test_of_an_entry_and_its_mirror_image_one_stands_alone() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        n = int(rng.integers(1, 12))
        half = random_pattern(rng, n, n).toarray()
        pattern = half | half.T
        colors = star_colors(sp.csr_matrix(pattern))

        def alone(i: int, j: int) -> bool:
            return sum(pattern[i, k] and colors[k] == colors[j] for k in range(n)) == 1

        for i, j in zip(*np.nonzero(pattern), strict=True):
            assert alone(i, j) or alone(j, i)


@pytest.mark.parametrize("half", [0, 1, 2, 5])
def test_colours_of_a_band(half: int) -> None:
    n = 2000
    band = sp.diags([np.ones(n)] * (2 * half + 1), list(range(-half, half + 1)), shape=(n, n), format="csr", dtype=bool)
    assert column_colors(band).max() + 1 == 2 * half + 1
    assert star_colors(band).max() + 1 <= 2 * half + 1


def test_colours_of_an_arrow() -> None:
    n = 3000
    arrow = sp.lil_matrix((n, n), dtype=bool)
    arrow.setdiag(True)
    arrow[-1, :] = arrow[:, -1] = True
    assert star_colors(arrow.tocsr()).max() + 1 == 2
    assert column_colors(arrow.tocsr()).max() + 1 == n


# ---- dependences -----------------------------------------------------------------------------------


def test_large_unions() -> None:
    total: Any = 0.0
    for k in range(2000):
        total = total + Dependence(frozenset([k % 1500])) * 2.0
    assert indices_of(total) == frozenset(range(1500))
    assert indices_of(union(total, 1.0)) == indices_of(total) and indices_of(3.0) == frozenset()


M = np.array([[2.0, 0.5, 0.0, 0.1], [0.5, 3.0, 0.2, 0.0], [0.0, 0.2, 2.0, 0.3], [0.1, 0.0, 0.3, 4.0]])


def by_loop(x: Any) -> Any:
    y = np.zeros(len(x))
    for i in range(1, len(x) - 1):
        y[i] = x[i - 1] * x[i + 1] + np.sin(x[i])
    return y


def by_slices(x: Any) -> Any:
    y = x.copy()
    y[1:-1] = x[:-2] * x[2:] + np.sin(x[1:-1])
    return y


def by_views(x: Any) -> Any:
    y = np.zeros((2, 2))
    flat = y.reshape(4)
    flat[1] = x[0] * x[1]
    y[1] += x[2:]
    y[0] *= 2.0
    row = y[0]
    row[0] += x[3]
    return y


def by_masks(x: Any) -> Any:
    y = np.where(x > 1.0, x * x, 0.0)
    y[x > 1.5] = 2.0 * x[x > 1.5]
    return np.concatenate((y, np.maximum(x, x[::-1]), np.sqrt(x)[:2]))


def by_a_list(x: Any) -> Any:
    found = []
    for i in range(len(x)):
        found.append(x[i] * x[0])
    return np.array(found)


def by_steps(x: Any) -> Any:
    for _ in range(2):
        new = x.copy()
        new[1:] += 0.1 * x[:-1] * x[1:]
        x = new
    return x


def by_an_early_exit(x: Any) -> Any:
    y = np.zeros(len(x))
    for i in range(len(x)):
        if x[i] > 1e6:
            break
        y[i] = x[i] ** 3 if x[i] > 1.0 else 2.0 * x[i - 1]
    return y


def by_sums(x: Any) -> Any:
    A = x.reshape(2, 2)
    return np.concatenate(
        (np.sum(A, axis=0), np.mean(A * A, axis=1), np.cumsum(x), np.array([np.sum(x), np.prod(x[:2])]))
    )


def by_products(x: Any) -> Any:
    A = x.reshape(2, 2)
    return np.concatenate(((M @ x), (A @ A).ravel(), x @ M, np.outer(x[:2], x[2:]).ravel(), A.T.ravel(), np.diag(A)))


def by_extremes(x: Any) -> Any:
    A = x.reshape(2, 2)
    return np.concatenate((np.array([np.max(x), np.min(x[:2])]), np.max(A, axis=0), np.max(A, axis=1), np.sort(x)))


def by_triangles(x: Any) -> Any:
    A = x.reshape(2, 2)
    return np.concatenate((np.tril(A).ravel(), np.triu(A, 1).ravel(), np.diag(x).ravel(), np.array([np.trace(A)])))


def by_solving(x: Any) -> Any:
    return np.concatenate(
        (np.linalg.solve(M, x), np.linalg.inv(M + np.diag(x))[0], np.linalg.cholesky(M + np.diag(x))[3])
    )


def by_eigenvalues(x: Any) -> Any:
    values, _ = np.linalg.eigh(M + np.diag(x))
    return np.concatenate((values, np.array([np.linalg.det(M + np.diag(x)), np.linalg.slogdet(M + np.diag(x))[1]])))


def by_broadcasting(x: Any) -> Any:
    return np.concatenate(((x[:, None] * np.ones(3)).ravel(), (x * np.float32(2.0)), np.repeat(x, 2), np.full(2, x[1])))


def by_a_choice_of_memory(x: Any) -> Any:
    y, z = np.zeros(4), np.ones(4)
    w = y if x[0] < 1.0 else z
    w[1] = x[1] * x[2]
    w[2:] *= x[3]
    return y + z


def by_several(x: Any) -> Any:
    return {"a": x[1:] - x[:-1], "b": (x[0] * x[3], 2)}


NONZEROS = {
    by_loop: 6, by_slices: 8, by_views: 5, by_masks: 14, by_a_list: 7, by_steps: 9, by_an_early_exit: 4, by_sums: 24,
    by_triangles: 10, by_products: 58,
}  # fmt: skip
"""Of the functions of four numbers whose pattern is known exactly."""


@pytest.mark.parametrize(
    "f",
    [*NONZEROS, by_a_choice_of_memory, by_extremes, by_solving, by_eigenvalues, by_broadcasting],
    ids=lambda f: f.__name__,
)
def test_against_differences(f: Any) -> None:
    x = np.array([0.7, 1.3, 1.9, 0.6])
    df = srcad.jacobian(f, sparse=True, **PYTHON)
    J = df(x)
    np.testing.assert_allclose(J.toarray(), differences(f, x), rtol=1e-6, atol=1e-8)
    pattern = df.sparsity(x).toarray()
    assert not np.any((abs(differences(f, x)) > 1e-7) & ~pattern)
    if f in NONZEROS:
        assert pattern.sum() == NONZEROS[f]
    again = df(x + 0.05)
    np.testing.assert_allclose(again.toarray(), differences(f, x + 0.05), rtol=1e-6, atol=1e-8)


def test_a_structure_of_results() -> None:
    x = points(4)
    J = srcad.jacobian(by_several, sparse=True, **PYTHON)(x)
    np.testing.assert_array_equal(J.toarray()[:3], np.eye(3, 4, 1) - np.eye(3, 4))
    np.testing.assert_array_equal(J.toarray()[3], [x[3], 0.0, 0.0, x[0]])


SOME = [case for case in all_cases() if any(isinstance(case.args[at], np.ndarray) for at in case.wrt)][::15]


@pytest.mark.one_in(2, least=30)
@pytest.mark.parametrize("case", SOME, ids=lambda c: c.name)
def test_no_program_loses_a_dependence(case: Case) -> None:
    """One pattern in fifteen; all were looked at once."""
    for at, gradient in zip(case.wrt, expected(case.name), strict=True):
        if isinstance(case.args[at], np.ndarray) and case.args[at].ndim:  # of a 0-d array there is none
            made = SparseJacobian(case.function, at, srcad.options.Options(target="python"))
            pattern = made.sparsity(*case.args).toarray().any(axis=0)
            assert not np.any((np.ravel(leaves(gradient)[0]) != 0.0) & ~pattern)


# ---- sweeps ----------------------------------------------------------------------------------------


def test_few_outputs_are_swept_backward() -> None:
    def two(x: Any) -> Any:
        return np.array([np.sum(x * x), np.sum(np.sin(x))])

    x = points(50)
    df = srcad.jacobian(two, sparse=True, **PYTHON)
    np.testing.assert_allclose(df(x).toarray(), [2.0 * x, np.cos(x)], rtol=1e-14)
    assert df.sweeps == 2
    df = srcad.jacobian(lambda x: (np.sum(x), {"squares": x[:1] * np.sum(x * x), "n": 3}), sparse=True, **PYTHON)
    np.testing.assert_allclose(df(x).toarray()[0], np.ones(50))
    np.testing.assert_allclose(df(x).toarray()[1], 2.0 * x * x[0] + np.sum(x * x) * np.eye(50)[0])
    assert df.sweeps == 2
    df = srcad.jacobian(lambda x, k: k * np.sum(x * x), sparse=True, **PYTHON)
    np.testing.assert_allclose(df(x, k=3.0).toarray(), [6.0 * x], rtol=1e-14)
    assert df.sweeps == 1


def test_forward_where_reverse_mode_refuses() -> None:
    def f(x: Any, first: bool) -> Any:
        y, z = np.zeros(1), np.ones(1)
        w = y if first else z
        w[0] = np.sum(x * x)
        return y + z

    x = points(8)
    df = srcad.jacobian(f, sparse=True, **PYTHON)
    np.testing.assert_allclose(df(x, True).toarray(), [2.0 * x])
    assert df.sweeps == 8


def rosenbrock(x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def rosenbrock_in_a_loop(x: Any, k: Any) -> Any:
    total = 0.0
    for i in range(len(x) - 1):
        total += k * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def arrow(x: Any) -> Any:
    return np.sum(x[0] * x[1:] ** 2) + x[0] ** 3


@pytest.mark.parametrize(
    ("f", "args", "sweeps"), [(rosenbrock, (), 3), (rosenbrock_in_a_loop, (10.0,), 3), (arrow, (), 2)]
)
def test_hessian(f: Any, args: Any, sweeps: int) -> None:
    x = points(9)
    df = srcad.hessian(f, sparse=True, **PYTHON)
    want = srcad.hessian(f, **PYTHON)(x, *args)
    np.testing.assert_allclose(df(x, *args).toarray(), want, rtol=1e-13, atol=1e-12)
    assert df.sweeps == sweeps and (abs(df(x, *args) - df(x, *args).T) > 1e-10).nnz == 0
    assert df.sparsity(x, *args).nnz == 25


@pytest.mark.parametrize("f", [rosenbrock, lambda x: rosenbrock_in_a_loop(x, 100.0)])
def test_compiled_band(f: Any) -> None:
    n = 20_000
    x = points(n)
    df = srcad.hessian(f, sparse=True)
    H = df(x)
    assert df.sweeps == 3 and H.shape == (n, n) and H.nnz == 3 * n - 2
    diagonal = np.zeros(n)
    diagonal[:-1] += 2.0 + 1200.0 * x[:-1] ** 2 - 400.0 * x[1:]
    diagonal[1:] += 200.0
    np.testing.assert_allclose(H.diagonal(), diagonal, rtol=1e-12)
    np.testing.assert_allclose(H.diagonal(1), -400.0 * x[:-1], rtol=1e-12)
    np.testing.assert_allclose(H.diagonal(-1), -400.0 * x[:-1], rtol=1e-12)


def test_kink_without_symmetry() -> None:
    """Where derivatives of the gradient are a convention, they are those of the gradient, symmetric or not."""

    def f(x: Any) -> Any:
        return np.sum(np.maximum(x[1:], x[:-1]) ** 2)

    for x in (np.array([1.0, 2.0, 2.0, 1.0]), np.ones(4)):
        np.testing.assert_allclose(
            srcad.hessian(f, sparse=True, **PYTHON)(x).toarray(), srcad.hessian(f, **PYTHON)(x), atol=1e-14
        )


def test_single_precision_and_ranks() -> None:
    def f(x: Any) -> Any:
        y = np.zeros_like(x)
        y[:, 1:] = x[:, :-1] * x[:, 1:]
        return y

    for x in (points(6).reshape(2, 3), np.asfortranarray(points(6).reshape(2, 3)), points(24).reshape(4, 6)[::2, ::2]):
        for dtype in (np.float64, np.float32):
            own = x.astype(dtype) if dtype == np.float32 else x
            J = srcad.jacobian(f, sparse=True, **PYTHON)(own)
            assert J.dtype == dtype and J.nnz == 8
            np.testing.assert_allclose(J.toarray(), differences(f, np.array(x)), rtol=1e-6, atol=1e-8)


def test_lengths_and_arguments_as_they_were() -> None:
    def f(x: Any, idx: Any) -> Any:
        x[0] = x[1] * x[2]
        return x[idx]

    df = srcad.jacobian(f, sparse=True, **PYTHON)
    for n in (0, 1, 2, 5):
        x, idx = points(7), np.arange(n) % 3
        before = x.copy()
        J = df(x, idx)
        np.testing.assert_array_equal(x, before)
        assert J.shape == (n, 7)
        np.testing.assert_allclose(J.toarray(), differences(lambda x: f(x.copy(), idx), x).reshape(n, 7), atol=1e-8)


WEIGHTS = [np.ones(3)]


def test_lengths_that_arguments_do_not_tell() -> None:
    def kept(x: Any) -> Any:
        return 2.0 * x[x > 1.0]

    def weighted(x: Any) -> Any:
        w = WEIGHTS[0]
        return w * x[: len(w)] * x[-1]

    df, dg = srcad.jacobian(kept, sparse=True, **PYTHON), srcad.jacobian(weighted, sparse=True, **PYTHON)
    for n in (3, 5, 2):
        x = points(6, n)
        np.testing.assert_array_equal(df(x).toarray(), 2.0 * np.eye(6)[x > 1.0])
        WEIGHTS[0] = points(n)
        np.testing.assert_allclose(dg(x).toarray(), differences(weighted, x), atol=1e-8)


def test_helpers_that_move_entries() -> None:
    def cubes(x: Any) -> Any:
        return np.sum((x[:, None] * np.ones((4, 2))) ** 3) + np.sum(np.diag(x**3) * np.ones((4, 4)))

    x = points(4)
    df = srcad.hessian(cubes, sparse=True, **PYTHON)
    np.testing.assert_allclose(df(x).toarray(), np.diag(18.0 * x), rtol=1e-14)
    assert df.sparsity(x).nnz == 4


def test_a_linear_function_of_the_user_mixes_its_entries() -> None:
    x = points(5)
    df = srcad.jacobian(lambda x: moved_average(x * x, 2)[1:], sparse=True, **PYTHON)
    np.testing.assert_allclose(df(x).toarray(), differences(lambda x: moved_average(x * x, 2)[1:], x), atol=1e-8)
    assert df.sparsity(x).nnz == 20


# ---- patterns that no longer hold --------------------------------------------------------------------


def either(x: Any, idx: Any) -> Any:
    y = np.zeros(len(x))
    for i in range(1, len(x) - 1):
        if x[i] > 1.0:
            y[i] = x[i - 1] * x[i]
        else:
            y[i] = x[i + 1] * x[i]
    return y + x[idx]


def test_other_branches() -> None:
    df = srcad.jacobian(either, sparse=True, **PYTHON)
    rng = np.random.default_rng(3)
    for _ in range(6):
        x, idx = rng.uniform(0.0, 2.0, 9), rng.integers(0, 9, 9)
        np.testing.assert_allclose(df(x, idx).toarray(), differences(either, x, idx), rtol=1e-6, atol=1e-8)


def test_branches_in_turn_are_found_once() -> None:
    df = srcad.jacobian(either, sparse=True, **PYTHON)
    idx = np.arange(9)
    found = []
    one = df._pattern
    df._pattern = lambda sweeps: found.append(1) or one(sweeps)  # type: ignore[method-assign]
    for at in (0.5, 1.5, 0.5, 1.5, 0.6):
        x = np.full(9, at)
        np.testing.assert_allclose(df(x, idx).toarray(), differences(either, x, idx), rtol=1e-6, atol=1e-8)
    assert len(found) == 2


@pytest.mark.parametrize("symmetric", [False, True])
def test_an_entry_that_the_pattern_lacks_is_noticed(symmetric: bool) -> None:
    """Each entry is taken out of the pattern, with the colours that it then has: the result is right all the same."""
    make: Any = srcad.hessian if symmetric else srcad.jacobian
    f = rosenbrock if symmetric else by_slices
    x = points(6)
    df = make(f, sparse=True, **PYTHON)
    want = df(x)
    (key, plan) = next(iter(df._plans.items()))
    whole = plan.pattern
    for k in range(whole.nnz):
        less = whole.tolil()
        less[whole.nonzero()[0][k], whole.nonzero()[1][k]] = False
        less = sp.csr_matrix(less)
        less.eliminate_zeros()
        for wrong in (less, sp.csr_matrix(less.multiply(less.T))):
            df._plans[key] = next(iter(df._plans_for(wrong)))
            assert df._plans[key].pattern.nnz <= whole.nnz
            assert (abs(df(x) - want) > 1e-12).nnz == 0


def test_a_small_entry_beside_a_large_one_is_noticed() -> None:
    """Beside 1e20, what it adds to a product is lost in rounding; alone in its place of a sweep, it is not zero."""

    def f(x: Any) -> Any:
        y = np.zeros(2)
        y[0] = 1e20 * x[0]
        if x[1] > 1.0:
            y[0] += x[1]
        y[1] = x[0] * x[1]
        return y

    df = srcad.jacobian(f, sparse=True, **PYTHON)
    np.testing.assert_array_equal(df(np.array([0.5, 0.5])).toarray(), [[1e20, 0.0], [0.5, 0.5]])
    np.testing.assert_array_equal(df(np.array([0.5, 1.5])).toarray(), [[1e20, 1.0], [1.5, 0.5]])


def test_an_entry_of_a_colour_that_its_row_has_is_noticed() -> None:
    """Where two columns of one colour meet in a row, the sweeps are as they would be; the product is not."""

    def f(x: Any) -> Any:
        y = x * x
        for i in range(1, len(x)):
            if x[i] > 1.0:
                y[i] += 1e-6 * x[i - 1]
        return y

    df = srcad.jacobian(f, sparse=True, **PYTHON)
    df(np.full(4, 0.5))
    assert df.sweeps == 1
    x = np.array([0.5, 0.5, 1.5, 0.5])
    want = np.diag(2.0 * x)
    want[2, 1] = 1e-6
    np.testing.assert_allclose(df(x).toarray(), want, rtol=1e-14)
    assert df.sweeps == 2


# ---- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "call"),
    [
        ("S330", lambda: srcad.jacobian(lambda x: x, sparse=True, **PYTHON)(1.0)),
        ("S330", lambda: srcad.jacobian(lambda x: x, sparse=True, **PYTHON)(np.arange(3))),
        ("S330", lambda: srcad.jacobian(lambda x: x[0], sparse=True, **PYTHON)([1.0, 2.0])),
        ("S330", lambda: srcad.jacobian(lambda x: len(x), sparse=True, **PYTHON)(np.ones(3))),
        ("S330", lambda: srcad.jacobian(lambda x, y: x * y, (0, 1), sparse=True, **PYTHON)),
        ("S310", lambda: srcad.jacobian(lambda x: x, sparse=True, mode="forward", **PYTHON)),
        ("S306", lambda: srcad.jacobian(lambda x: x, sparse=True, **PYTHON)(np.ones(3), z=2.0)),
        ("S331", lambda: srcad.jacobian(lambda x: np.cumsum(x), sparse=True, **PYTHON)(np.ones(3))),
    ],
)
def test_refused(code: str, call: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("srcad.sparse.pattern._MOST", 5)
    with pytest.raises(ArgumentError, match=code):
        call()


def test_procedures_are_refused_before_they_write() -> None:
    def doubled(x: Any, y: Any) -> None:
        y[:] = 2.0 * x

    def squared(x: Any) -> None:
        x[:] = x * x

    x, y = np.full(3, 2.0), np.zeros(3)
    with pytest.raises(ArgumentError, match="S330"):
        srcad.jacobian(squared, sparse=True, **PYTHON)(x)
    with pytest.raises(ArgumentError, match="S325"):
        srcad.jacobian(doubled, sparse=True, **PYTHON)(x, y)
    assert np.all(x == 2.0) and np.all(y == 0.0)


def test_errors_of_the_function() -> None:
    with pytest.raises((IndexError, SrcadError)):
        srcad.jacobian(lambda x: x[3] * x, sparse=True, **PYTHON)(np.ones(3))


def test_pickled() -> None:
    df = pickle.loads(pickle.dumps(srcad.hessian(rosenbrock, sparse=True, **PYTHON)))
    assert df(points(4)).nnz == 10 and repr(df) == "<srcad: sparse Hessian of rosenbrock>"
