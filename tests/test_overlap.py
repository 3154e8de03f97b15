"""Statements whose target overlaps what they read, in every text that is made of them: primal and gradient, readable
and machine text. Numba makes no copy for an update in place, so the text has to."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import srcad
from tests.in_place import run
from tests.numeric import numeric_gradient

OPERATORS = ("=", "+=", "-=", "*=", "/=", "**=")
VECTOR = (
    "x0 * x0 + 0.5",
    "v = x[1:]; w = x[::-1]; y = x * 0.5",
    ("x[:3]", "x[1:]", "x[0:4]", "x[::-1]", "x[1:-1]", "x[n:]", "x[:n]", "x[3:0:-1]", "x[::2]", "v", "v[1:]", "w[1:]"),
    ("x[1:]", "x[:3]", "x[3::-1]", "x[::-1]", "x[2:]", "x[n:]", "x[:-n]", "x[1:4]", "x[::2]", "x[1::2]", "x[0]",
     "x[:1]", "v", "v[::-1]", "v[:2]", "w", "w[::-1]", "x[n:] + y[1:]"),
)  # fmt: skip
MATRIX = (
    "x0 * x0 + 0.5",
    "v = x[1:]; w = x.T; y = x * 0.5",
    ("x[0:2]", "x[1:]", "x.T[:]", "x[:, 1:]", "x[::-1]", "x[0]", "x[:, 0]", "x[n:]", "v", "w[1:]"),
    ("x[1:3]", "x[:-1]", "x.T", "x[:, :-1]", "x[::-1]", "x[1]", "x[:, 1]", "x[:, :1]", "x[:-n]", "x.T[::-1]", "v",
     "w[1:]", "w * y"),
)  # fmt: skip
POINTS = {"vector": np.array([0.3, -0.7, 0.25, 0.9]), "matrix": np.random.default_rng(1).random((3, 3))}


def _statements(kind: str) -> Iterator[str]:
    first, names, targets, values = VECTOR if kind == "vector" else MATRIX
    for target, value, op in itertools.product(targets, values, OPERATORS):
        at: dict[str, Any] = {"x0": POINTS[kind], "n": 1}
        exec(f"x = {first}; {names}", at)
        place, given = eval(target, at), eval(value, at)
        try:
            fits = np.broadcast_shapes(np.shape(place), np.shape(given)) == np.shape(place)
        except ValueError:
            continue
        if fits:
            yield f"{target if op != '=' or target.endswith(']') else target + '[:]'} {op} {value}"


def _functions(kind: str, many: int) -> Iterator[str]:
    """Functions of three statements each, one of them in a loop; `many` of them from all over the table."""
    first, names, *_ = VECTOR if kind == "vector" else MATRIX
    statements = list(_statements(kind))
    np.random.default_rng(5).shuffle(statements)
    for k in range(many):
        one, two, three = statements[3 * k : 3 * k + 3]
        tame = "x[:] = np.tanh(x) + 1.5"
        yield (
            f"def {kind}_{k}(x0, n):\n    x = {first}\n    {names}\n    {one}\n    {tame}\n    for _ in range(n):\n"
            f"        {two}\n        {tame}\n    {three}\n    return np.sum(x * x * np.cos(x)) + np.sum(y)\n"
        )


def _module(folder: Path, text: str) -> ModuleType:
    path = folder / "overlapping.py"
    path.write_text("import numpy as np\n\n\n" + text)
    spec = importlib.util.spec_from_file_location("overlapping", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.one_in(8, least=1)
@pytest.mark.parametrize("kind", ["vector", "matrix"])
def test_every_text_gives_the_numbers_and_updates_nothing_it_still_reads(kind: str, tmp_path: Path) -> None:
    x = POINTS[kind]
    module = _module(tmp_path, "\n\n".join(_functions(kind, 20)))
    right = 0
    for name, function in vars(module).items():
        if not name.startswith(kind):
            continue
        try:
            made = srcad.grad(function, target="python").specialisation(x, 1).generated
        except srcad.AliasError:
            continue  # names of one memory that the check of aliases does not tell apart
        right += 1
        want = numeric_gradient(function, (x, 1), 0)
        primal = srcad.jit(function).specialisation(x, 1).generated
        for text in (made.text(), made.machine_text()):
            np.testing.assert_allclose(run(text, f"{name}_grad", x, 1), want, atol=1e-6, err_msg=text)
        for text in (primal.text(), primal.machine_text()):
            np.testing.assert_allclose(run(text, name, x, 1), function(x, 1), atol=1e-12, err_msg=text)
    assert right > 14


def difference(x0):
    x = x0 * x0
    x[:3] -= x[1:]
    x[1:-1] -= x[2:]
    return np.sum(x * x)


def reversed_difference(x0):
    x = x0 * x0
    x[0:4] -= x[3::-1]
    return np.sum(x * x)


@pytest.mark.parametrize("function", [difference, reversed_difference])
def test_saved_and_compiled(function: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A saved file has the readable text, which Numba compiles as it stands."""
    x = POINTS["vector"]
    gradient = srcad.grad(function)
    want = numeric_gradient(function, (x,), 0)
    np.testing.assert_allclose(gradient(x), want, atol=1e-7)
    gradient.save(tmp_path / "saved.py")
    monkeypatch.syspath_prepend(tmp_path.parent)
    module = importlib.import_module(f"{tmp_path.name}.saved")
    np.testing.assert_allclose(getattr(module, f"{function.__name__}_grad")(x), want, atol=1e-7)


def test_a_store_reads_in_full_what_it_stores() -> None:
    """NumPy itself reads too late here; by its documentation, and in our texts, it does not."""

    def spread(x):
        y = x * 1.0
        y[::2] = y[:3]
        return np.sum(y * np.arange(6.0))

    assert srcad.jit(spread, target="python")(np.arange(6.0)) == np.dot([0, 1, 1, 3, 2, 5], np.arange(6))


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_a_vector_reshaped_into_one_is_a_view(target: str) -> None:
    def primal(q: Any) -> Any:
        d = q.reshape(-1)
        q[1:3] = 0.5
        d[0] = 7.0
        np.reshape(d, (4,))[3] = 2.0
        return d * q

    strided = np.array([0.2, 0.9, 0.8, 0.7])[::-1]
    np.testing.assert_array_equal(srcad.jit(primal, target=target)(strided), [49.0, 0.25, 0.25, 4.0])
    np.testing.assert_array_equal(strided, [7.0, 0.5, 0.5, 2.0])


def written_after_its_reshape(q):
    d = q.reshape((2, 2))
    q[0] = 0.5
    return d


def written_through_its_reshape(q):
    d = q.reshape(2, 2)
    d[0] = 0.5


def reshaped_and_only_read(q):
    d = q.reshape(2, 2)
    return d * d


def test_a_strided_vector_reshaped_into_rows_is_refused_where_it_is_written() -> None:
    """It is a view in NumPy; compiled, only a copy has that shape."""
    strided = np.array([0.2, 0.9, 0.8, 0.7])[::-1]
    for primal in (written_after_its_reshape, written_through_its_reshape):
        with pytest.raises(srcad.AliasError, match="S401"):
            srcad.jit(primal)(strided)
        packed = strided.copy()
        want = packed.copy()
        np.testing.assert_array_equal(srcad.jit(primal)(packed), primal(want))
        np.testing.assert_array_equal(packed, want)
    np.testing.assert_array_equal(srcad.jit(reshaped_and_only_read)(strided), reshaped_and_only_read(strided))


def added_to_itself(x):
    y = x * 1.0
    np.add.at(y, [1, 2, 3], y[:3])
    part = y[:3]
    np.multiply.at(part, np.array([1, 2]), y[:2])
    return y


def seen_through_windows(x):
    y = x * 1.0
    seen = np.lib.stride_tricks.sliding_window_view(y, 2)
    y[1] = 5.0
    return seen * 1.0


def seen_on_the_diagonal(x):
    y = np.outer(x, x)
    seen = np.diagonal(y)
    y[0, 0] = 5.0
    return seen * 1.0


def seen_on_diagonals(x):
    y = np.outer(x, x)[None] * np.ones((2, 1, 1))
    seen = np.diagonal(y, 0, 1, 2)
    y[0, 0, 0] = 5.0
    return seen * 1.0


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_ufunc_at_reads_its_operand_before_it_writes(target: str) -> None:
    x = np.array([0.3, -1.2, 2.0, 0.7])
    np.testing.assert_allclose(srcad.jit(added_to_itself, target=target)(x), added_to_itself(x), rtol=1e-14)
    weights = np.arange(1.0, 5.0)
    have = srcad.grad(lambda x: np.sum(added_to_itself(x) * weights), target=target)(x)
    want = numeric_gradient(lambda x: np.sum(added_to_itself(x) * weights), (x,), 0)
    np.testing.assert_allclose(have, want, rtol=1e-8)


@pytest.mark.parametrize("primal", [seen_through_windows, seen_on_the_diagonal, seen_on_diagonals])
def test_a_copy_that_stands_for_a_view_is_refused_where_its_base_changes(primal: Callable[..., Any]) -> None:
    for made in (srcad.jit(primal, target="python"), srcad.grad(lambda x: np.sum(primal(x)), target="python")):
        with pytest.raises(srcad.AliasError, match="S401"):
            made(np.array([0.3, -1.2, 2.0, 0.7]))
