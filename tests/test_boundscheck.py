"""Indices out of bounds: proved not to be, asked before a loop, or asked where they stand; wherever Python raises."""

import itertools
import re

import numpy as np
import pytest

import srcad
from srcad.errors import ArgumentError
from tests.test_programs import machine_function

X = np.linspace(0.2, 0.9, 6)


def raised(call, *args):
    try:
        call(*args)
    except Exception as error:
        return error
    return None


# ---- exactly where Python does: every program for all small lengths and counts --------------------


def neighbour(x, y, n, m):
    s = 0.0
    for i in range(n):
        s += x[i + 1]
    return s


def neighbour_under_a_condition(x, y, n, m):
    s = 0.0
    for i in range(n):
        if i + 1 < m:
            s += x[i + 1] * y[i - 2]
    return s


def triangle(x, y, n, m):
    s = 0.0
    for i in range(n):
        for j in range(i + 1, m):
            s += x[j - i] * y[i]
    return s


def triangle_downwards(x, y, n, m):
    s = 0.0
    for i in range(n, m):
        for j in range(i, -1, -1):
            s += x[j] * y[i - j - 1]
    return s


def nest_under_a_flag(x, y, n, m):
    s = 0.0
    wide = len(y) > 3
    for i in range(n):
        if wide:
            for j in range(m):
                s += x[i + j]
    return s


def strided(x, y, n, m):
    s = 0.0
    for i in range(m, n, 2):
        s += x[2 * i - 1]
    for i in range(n, 0, -3):
        s += y[i]
    return s


def counted(x, y, n, m):
    k = 0
    s = 0.0
    for i in range(n):
        s += x[k]
        k += 2
        for j in range(2):
            s += y[k - j]
    return s + k


def selected(x, y, n, m):
    k = 0
    s = 0.0
    for i in range(len(x)):
        if x[i] > 0.4:
            s += y[k] * x[i]
            k += 1
    return s


def left_early(x, y, n, m):
    s = 0.0
    for i in range(n):
        if x[i] > 0.6:
            break
        s += y[i] * x[i]
    return s


def by_while(x, y, n, m):
    i = 0
    s = x[n] if m > 2 else 0.0
    while i < n and x[i] < 0.7:
        s += x[i] + y[i - 1]
        i += 1
    return s


def bisected(x, y, n, m):
    low, high = 0, len(x)
    while low < high:
        mid = (low + high) // 2
        if x[mid] < 0.5:
            low = mid + 1
        else:
            high = mid
    return x[low - 1] * y[low]


def lengths_of_slices(x, y, n, m):
    inner = x[1:-1]
    s = 0.0
    for i in range(len(inner)):
        s += inner[i] * y[i + 1]
    return s + x[len(inner) + 1]


def written(x, y, n, m):
    out = np.zeros(m)
    for i in range(n):
        out[i + 1] = x[i] * 2.0
        out[-i] += y[0]
    return np.sum(out)


def never_read(x, y, n, m):
    unused = x[n] * 2.0
    for i in range(m):
        unused = y[i]
    return x[0] * 3.0


def taken(x, y, n, m):
    return np.sum(x[np.arange(n)] * 2.0) + y[np.array([0, m])][1]


def under_a_condition_on_numbers(x, y, n, m):
    many = m * y[0] > 0.5
    s = 0.0
    for i in range(n):
        if many:
            s += x[i + 1]
    return s


def under_one_of_two_conditions(x, y, n, m):
    many = m * y[0] > 0.5
    s = 0.0
    for _ in range(2):
        for i in range(n):
            if many:
                s += x[i + 1]
        for i in range(n):
            if not many:
                s += x[i + 1] * 2.0
    return s


def under_no_condition_afterwards(x, y, n, m):
    many = m * y[0] > 0.5
    s = 0.0
    for _ in range(2):
        for i in range(n):
            if many:
                s += x[i + 1]
        for i in range(n):
            s += x[i + 1] * 2.0
    return s


def shorter_each_time(x, y, n, m):
    out = x * 2.0
    s = 0.0
    for i in range(n):
        s += out[m]
        out = out[1:]
    return s


def balanced_at_first(x, y, n, m):
    k, at = 1, 0
    s = 0.0
    for i in range(n):
        s += x[at]
        for j in range(k):
            at += 1
        at -= k  # as many as have been added, until k is below 0
        k -= 1
    return s


PROGRAMS = [
    balanced_at_first,
    under_a_condition_on_numbers, under_one_of_two_conditions, under_no_condition_afterwards, shorter_each_time,
    neighbour, neighbour_under_a_condition, triangle, triangle_downwards, nest_under_a_flag, strided, counted, selected,
    left_early, by_while, bisected, lengths_of_slices, written, never_read, taken,
]  # fmt: skip
IN_PLACE = {balanced_at_first, shorter_each_time, left_early, by_while, taken, selected}
"""Those that ask in a loop; of all others, no loop of the text has a check."""


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_raises_where_python_does(f):
    df = srcad.grad(f, target="python", debug=True)
    met = set()
    for a, b, n, m in itertools.product((2, 3, 6), (2, 5), range(-1, 6), range(5)):
        args = X[:a], X[:b], n, m
        expected = raised(f, *args)
        one = df.specialisation(*args)
        for run in (df, lambda *args, one=one: machine_function(one)(*one.flat(list(args)))):
            found = raised(run, *args)
            assert type(found) is type(expected), f"{(a, b, n, m)}: {found!r}, and Python says {expected!r}"
            if found is not None:
                said = r"L\d+: [xyio].*\]: (index -?\d+|an index) is out of bounds for length \d+$"
                assert re.match(said, joined(found))
        met.add(expected is None)
    assert met == {True, False}
    loops = re.split(r"\n    (?=\S)", df.source)
    assert any(part.startswith(("for", "while")) and "raise" in part for part in loops) == (f in IN_PLACE)


def joined(error):
    return "".join(map(str, error.args))


# ---- what is proved --------------------------------------------------------------------------------


def convolved(x, w):
    s = 0.0
    for i in range(len(x) - len(w) + 1):
        for j in range(len(w)):
            s += x[i + j] * w[j]
    return s


def factored(A):
    n = len(A)
    assert A.shape[0] == A.shape[1]
    for k in range(n):
        for i in range(k + 1, n):
            A[i, k] /= A[k, k]
            for j in range(k + 1, n):
                A[i, j] -= A[i, k] * A[k, j]
    return np.sum(A)


def searched(x, v):
    low, high = 0, len(x)
    while low < high:
        mid = (low + high) // 2
        if x[mid] < v:
            low = mid + 1
        else:
            high = mid
    return x[low] * v if low < len(x) else v * v


def compacted(x):
    out = np.zeros(len(x))
    k = 0
    for i in range(len(x)):
        if x[i] > 0.3:
            out[k] = x[i] ** 2
            k += 1
    return np.sum(out)


def ordered(x):
    s = 0.0
    order = np.argsort(x)
    for i in order:
        s += x[i] ** 2
    return s + x[np.argmax(x)] if len(x) > 0 else s


def circular(x):
    n = len(x)
    s = 0.0
    for i in range(n):
        s += x[(i + 3) % n] * x[i - 1]
    return s


def masked(x):
    return np.sum(x[x > 0.4] ** 2)


@pytest.mark.parametrize(
    "f, args",
    [
        (convolved, (X, X[:2])), (factored, (np.eye(4) + 0.1,)), (searched, (X, 0.4)), (compacted, (X,)),
        (ordered, (X,)), (circular, (X,)), (masked, (X,)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_what_is_proved_is_not_asked(f, args):
    text = srcad.grad(f, target="python").source_for(*args)
    assert "IndexError" not in text


def test_a_loop_that_always_raises():
    def beyond(x):
        squares = []
        for i in range(len(x) + 9):
            squares.append(x[i] * x[i])
        return squares[0]

    with pytest.raises(IndexError, match=r"x\[i\]: index 14 is out of bounds for length 6"):
        srcad.grad(beyond, target="python", debug=True)(X)


# ---- all modes, compiled ---------------------------------------------------------------------------


def looked_up(x, at, n):
    s = 0.0
    for i in range(n):
        s += x[i] * x[at[i]]
    return s


def test_compiled():
    df = srcad.value_and_grad(looked_up)
    at = np.array([1, -1, 0])
    value, gradient = df(X, at, 3)
    assert value == looked_up(X, at, 3)
    np.testing.assert_allclose(gradient, srcad.grad(looked_up, target="python")(X, at, 3), rtol=1e-13)
    for other, n, message in (
        (np.array([1, 6, 0]), 3, r"L\d+: x\[at\[i\]\]: index 6 is out of bounds for length 6"),
        (np.array([1, 0, -7]), 3, r"L\d+: x\[at\[i\]\]: index -7 is out of bounds for length 6"),
        (at, 4, r"L\d+: at\[i\]: index 3 is out of bounds for length 3"),
        (np.arange(7) % 3, 7, r"L\d+: x\[i\]: index 6 is out of bounds for length 6"),
    ):
        with pytest.raises(IndexError, match=f"^{message}$"):
            df(X, other, n)


def shifted(x, out, n):
    for i in range(n):
        out[i + 1] = 2.0 * x[i]


def test_a_procedure_has_damaged_nothing():
    out, d_x, d_out = np.zeros(6), np.zeros(6), np.ones(6)
    backward = srcad.adjoint(shifted, ("x", "out"), target="python")
    with pytest.raises(IndexError, match=r"out\[i \+ 1\]: index 6 is out of bounds for length 6"):
        backward(X, out, 6, d_x, d_out)
    assert not out.any() and not d_x.any() and d_out.all()


def test_all_modes():
    def some(x, n):
        return np.array([x[n], x[0] * 2.0])

    for call in (srcad.jit(some, target="python"), srcad.jacobian(some, target="python")):
        call(X, 2)
        with pytest.raises(IndexError, match=r"L\d+: x\[n\]: index 6 is out of bounds for length 6"):
            call(X, 6)


def test_those_who_know_are_not_asked():
    assert "IndexError" in srcad.grad(looked_up, target="python").source_for(X, np.array([0]), 1)
    unasked = srcad.grad(looked_up, target="python", boundscheck=False)
    assert "IndexError" not in unasked.source_for(X, np.array([0]), 1)
    with pytest.raises(ArgumentError, match="the option boundscheck is True or False, not 1"):
        srcad.grad(looked_up, boundscheck=1)


def test_what_a_loop_reads_alike_in_every_turn_is_read_behind_its_check():
    def first_of(x, at, n):
        out = np.zeros(n)
        for k in range(n):
            out[k] = x[at[0]]
        return np.sum(out)

    one = srcad.grad(first_of, target="python").specialisation(X, np.array([0, 1]), 2)
    with pytest.raises(IndexError, match="L"):
        machine_function(one)(*one.flat([X, np.array([77, 1]), 2]))


def checked_before(x, n, k):
    if n > len(x):
        raise ValueError("too many")
    s = 0.0
    for i in range(n):
        if s > 100.0:
            raise ValueError("too large")
        s += x[i]
    return s


def checked_for_something_else(x, n, k):
    if k < 1:
        raise ValueError("no element")
    y = np.zeros(3)
    y[k] = x[0]
    return np.sum(y * y)


def checked_on_one_path(x, n, k):
    s = 0.0
    if n > 2:
        if k > 3:
            raise ValueError("too many")
        s = 1.0
    y = np.zeros(4)
    y[k] = x[0]
    return s + np.sum(y * y)


def left_before_the_end(x, n, k):
    s = 0.0
    for i in range(n):
        if i == k:
            raise ValueError("enough")
        s += x[i]
    return s


def checked_in_an_earlier_turn(x, n, k):
    y = np.zeros(4)
    for i in range(n):
        if i > 1:
            y[k + i] = x[0]
        if k + i > 3:
            raise ValueError("too many")
    return np.sum(y * y)


CHECKED = [
    checked_before,
    checked_for_something_else,
    checked_on_one_path,
    left_before_the_end,
    checked_in_an_earlier_turn,
]


@pytest.mark.parametrize("f", CHECKED, ids=lambda f: f.__name__)
def test_checks_of_the_program_exclude_what_they_check(f):
    df = srcad.grad(f, target="python", debug=True)
    for a, n, k in itertools.product((2, 3, 6), range(-1, 6), range(-2, 6)):
        args = X[:a], n, k
        expected = raised(f, *args)
        one = df.specialisation(*args)
        for run in (df, lambda *args, one=one: machine_function(one)(*one.flat(list(args)))):
            found = raised(run, *args)
            assert type(found) is type(expected), f"{(a, n, k)}: {found!r}, and Python says {expected!r}"
            # an error of NumPy's own would be one that compiled code does not raise
            assert not isinstance(found, IndexError) or joined(found).startswith("L")
    if f is checked_before:
        assert df.source.count("raise") == 2


# ---- an element that was checked, and is read again ------------------------------------------------


def checked_once(x, labels, k):
    s = 0.0
    for i in range(labels.shape[0]):
        if labels[i, 0] < 0 or labels[i, 0] >= x.shape[0]:
            raise IndexError("no")
        s += x[labels[i, 0]] * x[labels[i, 0]]
    return s


def written_in_between(x, labels, k):
    s = 0.0
    for i in range(labels.shape[0]):
        s += x[labels[i, 0]]
        labels[i, 0] += 3 * k
        s += x[labels[i, 0]]
    return s


def new_in_each_iteration(x, labels, k):
    s, c = 0.0, 0
    for i in range(k):  # walked twice by the analysis, since it carries an integer
        for j in range(k):
            q = labels[1] + j * 4
            s += x[q[0]]
        c += i * k
    return s * c


def carried_over(x, labels, k):
    s = 0.0
    p = labels[0]
    for i in range(k):
        s += x[p[0]]
        p = p * 3 + 1
        s += x[p[0]]
    return s


def written_through_a_view(x, labels, k):
    row = labels[0]
    other = labels.reshape(-1)
    s = x[row[0]]
    other[0] = 99
    return s + x[row[0]]


LABELS = np.array([[0, 1], [2, 5], [1, 7]])


def test_an_element_of_a_constant_array_is_checked_once() -> None:
    source = srcad.jit(checked_once, target="python").source_for(np.ones(3), LABELS, 2)
    assert "x[labels[i, 0]]: index" not in source and "labels[i, 0]: index" in source


@pytest.mark.parametrize(
    "function", [checked_once, written_in_between, new_in_each_iteration, carried_over, written_through_a_view]
)
@pytest.mark.parametrize("size", [3, 8, 20, 100])
def test_an_element_that_may_have_changed_is_checked_again(function, size) -> None:
    x, read = np.linspace(0.1, 0.9, size), srcad.jit(function, target="python")
    for k in (1, 2, 3, 5):
        try:
            want = function(x, LABELS.copy(), k)
        except IndexError:
            with pytest.raises(
                IndexError, match="out of bounds for length"
            ):  # not NumPy's message: compiled code has none
                read(x, LABELS.copy(), k)
        else:
            assert np.isclose(read(x, LABELS.copy(), k), want, rtol=1e-12)


def packed_rows(n, k, at):
    t = np.zeros((n - 1) * n // 2)
    for i in range(1, n):
        for j in range(i + k):
            t[(i - 1) * i // 2 + j] = 1.0
    return np.sum(t) + t[at]


def packed_below_zero(n, k, at):
    t = np.zeros((n + 4) * (n + 5) // 2)
    for j in range(at):
        t[(k - 1) * k // 2 + j] = 1.0
    return np.sum(t)


def packed_one_too_many(n, k, at):
    t = np.zeros((n - 1) * n // 2)
    for i in range(1, n):
        for j in range(i + 1):
            t[(i - 1) * i // 2 + j] = 1.0
    return np.sum(t)


def packed_ends(n, k, at):
    t = np.zeros((n - 1) * n // 2)
    if k < n:
        t[(k - 1) * k // 2 + k - 1] = 1.0
    return np.sum(t)


PACKED = [packed_rows, packed_below_zero, packed_one_too_many, packed_ends]


@pytest.mark.parametrize("f", PACKED, ids=lambda f: f.__name__)
def test_positions_in_a_packed_triangle(f):
    df = srcad.jit(f, target="python", debug=True)
    for n, k, at in itertools.product(range(-4, 5), range(-4, 4), range(5)):
        expected = raised(f, n, k, at)
        one = df.specialisation(n, k, at)
        for run in (df, lambda *args, one=one: machine_function(one)(*one.flat(list(args)))):
            found = raised(run, n, k, at)
            assert type(found) is type(expected), f"{(n, k, at)}: {found!r}, and Python says {expected!r}"
            assert not isinstance(found, IndexError) or joined(found).startswith("L")


def test_rows_of_a_packed_triangle_are_not_checked():
    def rows(n):
        t = np.zeros((n - 1) * n // 2)
        for i in range(1, n):
            for j in range(i):
                t[(i - 1) * i // 2 + j] = 1.0
        return np.sum(t)

    assert "raise" not in srcad.jit(rows, target="python").source_for(4)
