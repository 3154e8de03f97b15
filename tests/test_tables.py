"""Tuples and lists of numbers from outside, looped over and indexed: an array under their name, and a loop.

What an array cannot do leaves the numbers parameters of their own; no program is refused for it.
"""

from __future__ import annotations

import re

import numpy as np
import pytest

import srcad
from srcad.errors import SrcadError
from tests.numeric import numeric_gradient, worst_error

pytestmark = pytest.mark.one_in(10, least=3)

C = (0.5, -0.3, 0.8, 0.1, 1.2, 0.7)
D = [1.0, 0.9, 0.8, 0.7, 0.6]
ROWS = [(0.1, 0.2), (0.3, 0.4), (0.5, 0.6)]
SQUARE = ((0.1, 0.2, 0.7), (0.3, 0.4, 0.8))
MIXED = (1, 2.0, 3.0, 4.0, 5.0)
SHORT = (0.5, 0.25)
x = np.array([0.3, 0.7, -0.2, 0.9, 0.4, 0.6])


def items(x):
    total = 0.0
    for c in C:
        total += np.sin(c * x[0]) * x[1]
    return total


def horner(x):
    y = x * 0.0
    for c in reversed(C):
        y = y * x + c
    return np.sum(y)


def counted(x):
    total = 0.0
    for i, c in enumerate(C):
        total += c * x[i] ** 2
    return total


def zipped(x):
    total = 0.0
    for c, d in zip(C, D):  # noqa: B905
        total += c * d * x[0]
    return total


def zipped_with_an_array(x):
    total = 0.0
    for c, v in zip(C, x):  # noqa: B905
        total += c * v * v
    return total


def rows(x):
    total = 0.0
    for weight, node in ROWS:
        total += weight * np.exp(node * x[0])
    return total


def whole_rows(x):
    total = 0.0
    for row in SQUARE:
        total += row[0] * x[0] + row[-1] * x[1] * x[2]
    return total


def indexed(x):
    total = 0.0
    for i in range(len(C)):
        total += C[i] * x[i] * C[-1] + ROWS[1][0] * x[0]
    return total


def left_early(x):
    total = 0.0
    for c in C:
        total += c * x[0]
        if total > 0.2:
            break
    return total * total


def local_name(x):
    table = C
    total = 0.0
    for c in table:
        total += c * x[0] * x[0]
    return total


def closure_of():
    weights = (0.1, 0.2, 0.3, 0.4, 0.5)

    def inside(x):
        total = 0.0
        for w in weights:
            total = total * x[0] + w
        return total

    return inside


def nested(x):
    total = 0.0
    for c in C:
        for d in D:
            total += c * d * x[0] * x[1]
    return total


ARRAYS = [
    (items, "C"),
    (horner, "C"),
    (counted, "C"),
    (zipped, "C, D"),
    (zipped_with_an_array, "C"),
    (rows, "ROWS"),
    (whole_rows, "SQUARE"),
    (indexed, "C, ROWS"),
    (left_early, "C"),
    (local_name, "C"),
    (closure_of(), "weights"),
    (nested, "C, D"),
]


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize(("f", "names"), ARRAYS, ids=lambda one: getattr(one, "__name__", None))
def test_a_loop_stays_a_loop(f, names, target):
    gradient = srcad.value_and_grad(f, target=target)
    value, found = gradient(x)
    assert value == pytest.approx(f(x), rel=1e-14)
    assert worst_error((found,), (numeric_gradient(f, (x,), 0),)) < 1e-7
    text = gradient.source_for(x)
    assert f"(x, {names}, d_result=1.0)" in text and "for " in text


def stacked(x):
    return np.sum(np.array(C) * x)


def summed(x):
    return sum(C) * x[0] * x[0] + max(C) * x[1]


def joined(x):
    total = 0.0
    for c in C + SHORT:
        total += c * x[0] ** 2
    return total


def part_of_it(x):
    total = 0.0
    for c in C[1:4]:
        total += c * x[0] ** 2
    return total


def asked(x):
    scale = 2.0 if isinstance(C, tuple) else 3.0
    return (
        scale * x[0] ** 2 * (5.0 if C else 1.0) * (2.0 if 0.8 in C else 7.0) * C.index(0.1) * (1.0 if C == D else 3.0)
    )


def asked_alone():
    """Each in a program of its own, that loops over the table too."""

    def of(question):
        def f(x):
            total = x[0] * question()
            for c in C:
                total += c * x[0] ** 2
            return total

        return f

    yield of(lambda: 2.0 if isinstance(C, tuple) else 3.0)
    yield of(lambda: 2.0 if isinstance(D, list) and type(D) is list else 3.0)
    yield of(lambda: 2.0 if callable(C) else 3.0)
    yield of(lambda: 2.0 if hasattr(C, "index") else 3.0)
    yield of(lambda: 2.0 if hasattr(C, "shape") else 3.0)
    yield of(lambda: 2.0 if C == D else 3.0)
    yield of(lambda: 2.0 if C == C else 3.0)
    yield of(lambda: 2.0 if C != D else 3.0)
    yield of(lambda: 2.0 if C is D else 3.0)
    yield of(lambda: 2.0 if C is C else 3.0)
    yield of(lambda: 2.0 if C is not None else 3.0)
    yield of(lambda: 2.0 if 0.8 in C else 3.0)
    yield of(lambda: 2.0 if 0.81 not in C else 3.0)
    yield of(lambda: 2.0 if C else 3.0)
    yield of(lambda: 2.0 if not C else 3.0)
    yield of(lambda: 2.0 * len(C or D))
    yield of(lambda: 2.0 * len(C and D))
    yield of(lambda: 2.0 + np.ndim(C) + np.ndim(ROWS))
    yield of(lambda: 2.0 + np.shape(C)[0] + np.shape(ROWS)[1])
    yield of(lambda: 2.0 + np.size(C))
    yield of(lambda: np.sum(np.asarray(C)) + np.sum(C) + np.max(C) + np.mean(D))
    yield of(lambda: np.dot(C, x) + np.sum(np.asarray(C) * x))
    yield of(lambda: np.sum(C * x))
    yield of(lambda: np.sum(x + C))
    yield of(lambda: np.sum(np.where(x > 0.0, C, 0.0)))
    yield of(lambda: np.interp(0.3, sorted(C), C))
    yield of(lambda: len(2 * C) + len(C + C) + len([*C, *D]))
    yield of(lambda: C[-1] + C[len(C) - 2] + D[0])
    yield of(lambda: list(C)[0] + tuple(D)[1])
    yield of(lambda: C.index(0.1) + C.count(0.5))
    yield of(lambda: float(min(C)) + max(D) + sum(C))
    yield of(lambda: len({C: 1.0}) * 1.0)
    yield of(lambda: {"a": C}["a"][2] + (C, D)[1][3])
    yield of(lambda: sum([a * b for a, b in ROWS]) + ROWS[1][1] + len(ROWS[0]))
    yield of(lambda: all([c > -1.0 for c in C]) * 1.0)
    yield of(lambda: any(C) * 1.0)
    yield of(lambda: next(iter(C)) if False else 2.0)
    yield of(lambda: len(f"{len(C)}") * 1.0)
    yield of(lambda: [c for c in C if c > 0.6][0] if False else 1.0)
    yield of(lambda: weighted(*C))
    yield of(lambda: passed_on(C) + passed_on(D) + passed_on(SHORT))


def passed_on(table, more=C):
    total = 0.0
    for a in table:
        total += a
    return total * len(more) if isinstance(table, (list, tuple)) else 100.0


def not_none(x):
    return x[0] ** 2 if C is not None else x[1]


def unpacked(x):
    a, b, *rest = C
    return a * x[0] + b * x[1] ** 2 + rest[0] * x[2]


def spread_out(x):
    return weighted(*C) * x[0]


def weighted(a, b, c, d, e, f):
    return a + b * c + d * e * f


def among_lists(x):
    stages = [x[0], x[1], x[2], x[3], x[4], x[5]]
    total = 0.0
    for c, stage in zip(C, stages):  # noqa: B905
        total += c * stage**2
    return total


def a_list_of_them(x):
    parts = [c * x for c in C]
    return np.sum(parts[0] * parts[-1]) + len(parts)


def appended(x):
    parts = []
    for c in C:
        parts.append(c * x)
    return np.sum(parts[2] * parts[1])


def longer(x):
    y = x
    for _ in C:
        y = np.concatenate((y, x[:1]))
    return np.sum(y * y)


def changing(x):
    y = x[0]
    for c in C:
        y = np.array([c * np.sum(y), 1.0])
    return np.sum(y)


def buffers(x):
    a, b = x * 1.0, x * 2.0
    for c in C:
        a, b = b, a
        b[:] = c * a + x
    return np.sum(a * b)


def in_a_condition(x):
    table = C if x[0] > 0.0 else D
    total = 0.0
    for c in table:
        total += c * x[0]
    return total


def of_two_types(x):
    total = 0.0
    for c in MIXED:
        total += c * x[0] ** 2
    return total


def its_keys(x):
    return {0.5: 2.0, -0.3: 3.0}[C[0]] * x[0] if False else C[0] * x[0] ** 2


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize(
    "f",
    [
        stacked, summed, joined, part_of_it, asked, not_none, unpacked, spread_out, among_lists, a_list_of_them,
        appended, longer, changing, buffers, in_a_condition, of_two_types, its_keys, *asked_alone(),
    ],
)  # fmt: skip
def test_other_uses(f, target):
    """As without tables: with them unrolled, where need be."""
    from srcad.frontend.values import name_resolution

    wanted, error = None, None
    smallest = name_resolution._SMALLEST_TABLE
    name_resolution._SMALLEST_TABLE = 1000
    try:
        wanted = srcad.value_and_grad(f, target=target)(x)
    except SrcadError as fault:
        error = fault
    finally:
        name_resolution._SMALLEST_TABLE = smallest
    if error is not None:
        with pytest.raises(type(error)) as caught:
            srcad.value_and_grad(f, target=target)(x)
        assert str(caught.value) == str(error)
        return
    value, found = srcad.value_and_grad(f, target=target)(x)
    assert value == pytest.approx(f(x), rel=1e-14)
    assert worst_error((found,), (numeric_gradient(f, (x,), 0),)) < 1e-7
    assert worst_error((found, value), tuple(reversed(wanted))) < 1e-13


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_in_single_precision_numbers_take_the_dtype_of_the_others(target):
    single = x.astype(np.float32)
    for f in (items, counted, rows, indexed):
        value, found = srcad.value_and_grad(f, target=target)(single)
        assert found.dtype == np.float32
        assert np.asarray(value).dtype == np.asarray(f(single)).dtype
        assert value == pytest.approx(f(single), rel=1e-6)


RAGGED = ((0.5, 1.0), (0.5, 1.0, 2.0), (3.0, 1.0))


def test_rows_of_other_lengths_are_no_table():
    def f(x):
        total = 0.0
        for row in RAGGED:
            for number in row:
                total += number * x
        return total * len(RAGGED[1])

    assert srcad.grad(f)(2.0) == pytest.approx(27.0)


def test_a_table_is_read_at_each_call():
    table = [0.1, 0.2, 0.3, 0.4, 0.5]

    def f(x):
        total = 0.0
        for c in table:
            total += c * x * x
        return total

    gradient = srcad.grad(f)
    assert gradient(1.0) == pytest.approx(3.0)
    table[0] = 1.1
    assert gradient(1.0) == pytest.approx(5.0)
    table += [1.0, 1.0]
    assert gradient(1.0) == pytest.approx(9.0)
    table[0] = 2
    assert gradient(1.0) == pytest.approx(10.8)
    table[:] = [0.5]
    assert gradient(1.0) == pytest.approx(1.0)


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_a_saved_file_takes_a_table_of_the_same_length(tmp_path, target):
    for f, table, of_another_length, said in (
        (horner, C, np.ones(7), "C: a length of 7, and not 6"),
        (rows, ROWS, np.ones((3, 3)), "ROWS: a shape of (3, 3), and not (3, 2)"),
        (rows, ROWS, np.ones((2, 2)), "ROWS: a shape of (2, 2), and not (3, 2)"),
    ):
        derivative = srcad.grad(f, target=target)
        wanted = derivative(x)
        path = tmp_path / f"{f.__name__}_grad.py"
        derivative.save(path)
        saved = srcad.load(path)
        assert worst_error((saved(x, np.array(table)),), (wanted,)) < 1e-15
        with pytest.raises(ValueError, match=re.escape(said)):
            saved(x, of_another_length)


def test_compiled_short_loops_are_unrolled():
    """A loop over a few coefficients, inside another, keeps no array of what it goes through."""

    def f(x):
        total = 0.0
        for i in range(len(x)):
            p = 0.0
            for c in C:
                p = p * x[i] + c
            total += p * p
        return total

    assert "range(6)" in srcad.grad(f).source_for(x)
    specialisation = srcad.grad(f).specialisation(x)
    assert specialisation.generated.machine_text().count("for ") == 1
