"""Lists that grow and shrink at run time: what the compiled and the uncompiled primal compute is what Python does."""

import copy

import numpy as np
import pytest

import srcad
from srcad.errors import SrcadError

A = np.arange(1.0, 9.0)


def popped_while_long(x, n):
    hs = []
    for i in range(n):
        hs.append(x * i)
    t = 0.0
    while len(hs) > 1:
        t -= hs.pop()
    return t + hs[0] + hs[-1]


def items_of_different_lengths(x, n):
    hs = []
    h = x
    for i in range(n):
        hs.append(h)
        h = h[1:] * 2.0
    s = 0.0
    for i in range(n):
        h = hs.pop()
        s += h[0] * h.shape[0]
    return s


def depth_first(a, n):
    stack = [0]
    seen = 0.0
    while stack:
        i = stack.pop()
        seen += a[i]
        if 2 * i + 1 < n:
            stack.append(2 * i + 1)
        if 2 * i + 2 < n:
            stack.append(2 * i + 2)
    return seen


def two_names(x, n):
    hs = []
    other = hs
    for i in range(n):
        hs.append(x[i:])
        x = x * 1.5
    s = 0.0
    while other:
        s = s * 0.5 + np.sum(other.pop())
    return s + len(hs)


def written_after_append(x, n):
    hs = []
    y = x.copy()
    for i in range(n):
        hs.append(y[i:])
        y[i] = 7.0 + i
    s = 0.0
    while hs:
        s = s * 0.5 + np.sum(hs.pop())
    return s


def popped_and_written(x, n):
    hs = []
    y = x.copy()
    for i in range(n):
        hs.append(y[i:])
    while hs:
        b = hs.pop()
        b[0] = b[0] * 2.0 + 1.0
    return y


def mixed(x, n):
    hs = [1]
    for i in range(n):
        hs.append(x * i)
        if i % 2 == 0:
            x = x + hs.pop()
    return x / hs.pop()


def kept_before_an_update(x, n):
    hs = []
    h = x.copy()
    for i in range(n):
        hs.append(h)
        h = h[: len(h) - 1] * 2.0
        h = h + 1.0
        h += hs[-1][1:]
    s = 0.0
    while hs:
        h = hs.pop()
        s = s * 0.3 + np.sum(h)
    return s


def made_in_each_iteration(x, n):
    s = 0.0
    for i in range(n):
        q = []
        for j in range(i + 1):
            q.append(x * j)
        while len(q) > 1:
            s = s * 0.7 + q.pop()
    return s


def items_by_index(x, n):
    a = []
    for i in range(n):
        a.append(x * i)
    a.pop()
    s = 0.0
    for k in range(len(a)):
        s = s * 0.5 + a[k] * a[-k - 1]
    return s


def appended(hs, x):
    hs.append(x * 2.0)
    return hs


def handed_to_a_function(x, n):
    hs = []
    for i in range(n):
        hs = appended(hs, x[i])
    s = 0.0
    while hs:
        s = s * 0.5 + hs.pop()
    return s


def changed_by_a_closure(x, n):
    hs = []

    def push(v):
        hs.append(v)

    for i in range(n):
        push(x[i])
    s = 0.0
    while len(hs) > 0:
        s = s * 0.5 + hs.pop()
    return s


def item_after(x, n):
    hs = []
    y = x.copy()
    for i in range(n):
        hs.append(y)
        y = y * 1.5
        y[0] = i
    s = 0.0
    for i in range(n):
        z = hs.pop()
        w = z + 1.0
        z += 3.0
        s = s * 0.5 + np.sum(w) - z[1]
    return s


def later_read(x, n):
    hs = []
    y = x.copy()
    for i in range(n):
        hs.append(y)
    z = hs.pop()
    k = len(hs)
    z[0] = 100.0
    return y[0] + k + len(hs)


def lengths(x, n):
    hs = []
    k = 0
    for i in range(n):
        k = len(hs)
        hs.append(x[i])
        k = k * 10 + len(hs)
        if k > 20:
            hs.pop()
    return k + len(hs)


def f32(x, n):
    x = x.astype(np.float32)
    hs = []
    for i in range(n):
        hs.append(x[i])
    return hs.pop() * 0.1


def bools(x, n):
    hs = [True]
    for i in range(n):
        hs.append(x[i] > 2.0)
    s = 0
    while hs:
        s += hs.pop()
    return s


def early(x, n):
    hs = []
    for i in range(n):
        hs.append(x[i])
        if x[i] > 3.0:
            return hs.pop() + hs.pop()
    return hs.pop()


def left_early(x, n):
    hs = []
    for i in range(n):
        hs.append(x[i])
        if x[i] > 3.0:
            break
    else:
        hs.append(50.0)
    return hs.pop() + hs.pop()


def scope(x, n):
    s = 0.0
    for i in range(n):
        if x[i] > 2.0:
            q = []
            j = 0
            while j < i:
                q.append(x[j])
                j += 1
            while q:
                s = 0.5 * s + q.pop()
    return s


def trans(x, n):
    m = np.outer(x, x)
    hs = []
    for i in range(n):
        hs.append(m)
        m = m.T[1:, :] * 1.0
        hs.append(m.T)
        m = m.T
    s = 0.0
    while hs:
        q = hs.pop()
        s = s * 0.5 + np.sum(q @ q.T) + q[0, -1]
    return s


def floor(x, n):
    hs = []
    for i in range(n):
        hs.append(i)
    s = 0
    while hs:
        s = s * 3 + hs.pop() // 2
    return s + x[hs[0]] if hs else s + x[0]


def one_list_under_two_names(x, n):
    hs = []
    gs = hs
    for i in range(n):
        hs.append(x[i])
        x[0] = gs.pop() * 2.0
        gs.append(x[0])
    return x[0] + len(gs) + hs[-1]


CASES = [
    (popped_while_long, (1.5, 4)),
    (items_of_different_lengths, (A, 4)),
    (depth_first, (A, 8)),
    (two_names, (A, 4)),
    (written_after_append, (A, 4)),
    (popped_and_written, (A, 4)),
    (mixed, (1.5, 5)),
    (kept_before_an_update, (A, 4)),
    (made_in_each_iteration, (1.5, 5)),
    (items_by_index, (1.5, 4)),
    (handed_to_a_function, (A, 4)),
    (changed_by_a_closure, (A, 4)),
    (item_after, (A, 4)),
    (later_read, (A, 4)),
    (lengths, (A, 6)),
    (f32, (A, 4)),
    (bools, (A, 5)),
    (early, (A, 6)),
    (early, (A, 3)),
    (left_early, (A, 6)),
    (left_early, (A, 2)),
    (scope, (A, 6)),
    (trans, (A, 3)),
    (floor, (A, 5)),
    (one_list_under_two_names, (A, 5)),
]


@pytest.mark.parametrize(("function", "args"), CASES, ids=[f.__name__ for f, _ in CASES])
def test_is_what_python_does(function, args) -> None:
    want = function(*copy.deepcopy(args))
    read = srcad.jit(function, target="python")
    got = read(*copy.deepcopy(args))
    assert np.array_equal(got, want)
    assert np.asarray(got).dtype.kind == np.asarray(want).dtype.kind
    assert ".append(" in read.source, "a list of the IR, not one that was taken apart for this number of iterations"
    # what is written is read again, to the same text
    assert np.array_equal(srcad.jit(read.source, target="python")(*copy.deepcopy(args)), want)


@pytest.mark.parametrize(
    ("function", "args"), CASES[1:9:2] + CASES[11::4], ids=lambda value: getattr(value, "__name__", None)
)
def test_compiled(function, args) -> None:
    assert np.array_equal(srcad.jit(function)(*copy.deepcopy(args)), function(*copy.deepcopy(args)))


def empty(x, n):
    a = []
    for i in range(n):
        a.append(x * i)
    a.pop()
    a.pop()
    return a.pop()


def ret(x, n):
    a = []
    for i in range(n):
        a.append(x * i)
    a.pop()
    return a


def two(x, n):
    a = []
    b = []
    for i in range(n):
        a.append(x * i)
        b.append(x - i)
        if i % 3 == 2:
            a, b = b, a
    return a.pop() + b.pop()


def z1(x, n):
    t = np.squeeze(x[:1], axis=0)
    hs = []
    for i in range(n):
        hs.append(t)
    b = hs.pop()
    b += 1.0
    return x[0] + b


def z2(x, n):
    t = np.squeeze(x[:1], axis=0)
    hs = []
    for i in range(n):
        hs.append(t)
    b = hs[0]
    b += 1.0
    return x[0] + b


def z4(x, n):
    hs = []
    for i in range(n):
        hs.append(np.array(2.0))
    b = hs[0]
    c = hs[0]
    while hs:
        b = hs[0]
        c = hs.pop()
    b += 1.0
    return c


def z5(x, n):
    t = np.array(x[0])
    hs = []
    for i in range(n):
        hs.append(t)
    b = hs.pop()
    b += 1.0
    return t + b


def of_two_dtypes(x, n):
    hs = []
    for i in range(n):
        hs.append(x)
        hs.append(x.astype(np.float32))
    return np.sum(hs.pop())


def beyond_the_end(x, n):
    hs = []
    for i in range(n):
        hs.append(x[i])
    hs.pop()
    return hs[n]


@pytest.mark.parametrize(
    ("function", "code"),
    [(ret, "S117"), (two, "S125"), (of_two_dtypes, "S125"), (z1, "S401"), (z2, "S401"), (z4, "S401"), (z5, "S401")],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_refused(function, code) -> None:
    # for one number of iterations each could be unrolled: integers are given as captured array elements
    def any_number(x):
        return function(x, int(N[0]))

    with pytest.raises(SrcadError) as caught:
        srcad.jit(any_number, target="python")(A)
    assert caught.value.problems[0].code == code, caught.value


N = np.array([4.0])


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_beyond_the_items(target) -> None:
    with pytest.raises(IndexError, match="pop from empty list"):
        srcad.jit(empty, target=target)(1.5, 2)
    with pytest.raises(IndexError, match="out of bounds for length 2"):
        srcad.jit(beyond_the_end, target=target)(A, 3)


def test_derivative() -> None:
    """In reverse mode the list is an array with room for more items, and a count (`values/buffered_lists`)."""

    def popped(x):
        hs = []
        for i in range(int(N[0])):
            hs.append(x * x * i)
        return hs.pop() * x + hs[0]

    assert srcad.grad(popped, target="python")(1.5) == pytest.approx(3.0 * 3 * 1.5**2)
