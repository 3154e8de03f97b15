"""`srcad.insert_gradient_of`: the block runs where the adjoint is complete, and nowhere else.

Values are compared with reverse sweeps written by hand. Each case runs with both targets.
"""

import sys

import numpy as np
import pytest

import srcad
from srcad import insert_gradient_of

TARGETS = ["python", "cpu"]
both = pytest.mark.parametrize("target", TARGETS)


def same(found, expected):
    if isinstance(expected, tuple):
        assert len(found) == len(expected)
        for a, b in zip(found, expected):
            same(a, b)
        return
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


# ---- numbers and arrays ----------------------------------------------------------------------------


def scaled(x, a):
    y = x * x
    with insert_gradient_of(y) as d_y:
        d_y = a * d_y + 1.0
    return y * y


@both
def test_a_number(target):
    x, a = 1.5, 3.0
    same(srcad.grad(scaled, ("x", "a"), target=target)(x, a), ((a * 2 * x * x + 1) * 2 * x, 0.0))
    same(srcad.value_and_grad(scaled, target=target)(x, a), (x**4, (a * 2 * x * x + 1) * 2 * x))


def clipped(x, limit):
    y = 2.0 * x
    with srcad.insert_gradient_of(y) as g:
        # as in the paper,
        # section 3
        g = np.clip(g, -limit, limit)  # both ways
    return np.sum(y * y)


@both
@pytest.mark.parametrize("x", [np.array([0.1, -3.0, 2.0]), np.array([]), np.array([0.1, 7.0], dtype=np.float32)])
def test_an_array(target, x):
    found = srcad.grad(clipped, target=target)(x, 1.0)
    assert found.dtype == x.dtype
    np.testing.assert_allclose(found, 2 * np.clip(4 * x, -1, 1), rtol=1e-6)


def in_place(x):
    y = np.sin(x)
    with insert_gradient_of(y) as d_y:
        d_y *= 0.5
        d_y[0] = 7.0
        d_y[1:] += d_y[:-1]
        d_y[:] = d_y[::-1]
    return np.sum(y * y * y)


@both
def test_updates_in_place(target):
    x = np.array([0.3, 0.8, -1.2, 2.0])
    d = 3 * np.sin(x) ** 2 * 0.5
    d[0] = 7.0
    d[1:] += d[:-1].copy()
    same(srcad.grad(in_place, target=target)(x), d[::-1] * np.cos(x))


def filled(x):
    y = x * x
    with insert_gradient_of(y) as d_y:
        d_y = 0.25
    return np.sum(np.exp(y))


@both
def test_a_number_fills_an_array(target):
    x = np.array([0.3, 0.8])
    same(srcad.grad(filled, target=target)(x), 0.25 * 2 * x)


def of_a_row(A, i):
    row = A[i]
    with insert_gradient_of(row) as d_row:
        d_row = d_row / np.sqrt(np.sum(d_row * d_row))
    return np.sum(row**3) + np.sum(A)


@both
def test_a_view_is_a_part_of_its_array(target):
    A = np.arange(6.0).reshape(2, 3)
    expected = np.ones((2, 3))
    row = 3 * A[1] ** 2 + 1  # its memory is that of A, which is read afterwards, too
    expected[1] = row / np.linalg.norm(row)
    same(srcad.grad(of_a_row, target=target)(A, 1), expected)


def aliased(x, s):
    y, t = x, s
    with insert_gradient_of(x) as d_x:
        d_x *= 10.0
    with insert_gradient_of(s) as d_s:
        d_s *= 10.0
    return np.sum(x * y) + s * t


@both
def test_an_array_is_its_memory_and_a_number_a_variable(target):
    x, s = np.array([1.0, 2.0]), 3.0
    same(srcad.grad(aliased, ("x", "s"), target=target)(x, s), (20 * x, 10 * s + s))


@both
def test_under_any_name_from_anywhere(target):
    from srcad import insert_gradient_of as inserted

    def f(x):
        with inserted(x) as d_x:
            d_x *= 3.0
        return x * x

    same(f(2.0), 4.0)
    same(srcad.grad(f, target=target)(2.0), 12.0)


# ---- what the block reads --------------------------------------------------------------------------


def reads_what_is_overwritten(x, w):
    a = w.copy()
    for t in range(3):
        y = x * a
        with insert_gradient_of(y) as d_y:
            for j in range(len(a)):
                d_y[j] = d_y[j] * a[j] + t
        x = np.sin(y)
        a[0] = a[0] + 1.0
        a[1] = a[1] * x[1]
    return np.sum(x)


def by_hand_overwritten(x, w):
    a, kept = w.copy(), []
    for _ in range(3):
        y = x * a
        kept.append((x, y, a.copy()))
        x = np.sin(y)
        a[0], a[1] = a[0] + 1.0, a[1] * x[1]
    d_x, d_a, d_w = np.ones(len(x)), np.zeros(len(w)), None
    for t in (2, 1, 0):
        x_in, y, a_in = kept[t]
        d_new = d_a.copy()
        d_a[1] = d_new[1] * np.sin(y)[1]
        d_x = d_x.copy()
        d_x[1] += d_new[1] * a_in[1]
        d_y = d_x * np.cos(y)
        d_y = d_y * a_in + t
        d_a = d_a + d_y * x_in
        d_x = d_y * a_in
    return d_x, d_a


@both
@pytest.mark.parametrize("checkpoint", [(), ("t",)])
def test_values_of_the_primal_are_those_of_the_place(target, checkpoint):
    x, w = np.array([0.4, 0.9, -0.3]), np.array([1.1, 0.7, 0.5])
    found = srcad.grad(reads_what_is_overwritten, ("x", "w"), target=target, checkpoint=checkpoint)(x, w)
    same(found, by_hand_overwritten(x, w))


GAIN = 2.0


def double(v):
    return GAIN * v


def reads_from_outside(x, p):
    y = x * x
    with insert_gradient_of(y) as d_y:
        helper = double(d_y)
        d_y = helper * p["rate"][1]
    return y


@both
def test_globals_and_parts_of_parameters(target, monkeypatch):
    gradient = srcad.grad(reads_from_outside, target=target)
    p = {"rate": (1.0, 5.0)}
    same(gradient(3.0, p), 6.0 * 2 * 5)
    monkeypatch.setitem(globals(), "GAIN", 3.0)
    same(gradient(3.0, p), 6.0 * 3 * 5)


# ---- loops and branches ----------------------------------------------------------------------------


def printing(x, n):
    for i in range(n):
        x = x * x
        with insert_gradient_of(x) as d_x:
            print("adjoint", i, d_x)
            d_x = d_x + 1.0
    return x


@both
def test_iterations_in_reverse_order(target, capfd):
    assert printing(2.0, 3) == srcad.jit(printing, target=target)(2.0, 3) == 256.0
    assert capfd.readouterr().out == ""
    found = srcad.grad(printing, target=target)(1.0, 3)
    sys.stdout.flush()
    lines = [line.split() for line in capfd.readouterr().out.splitlines()]
    assert [(a, int(i), float(d)) for a, i, d in lines] == [
        ("adjoint", 2, 1.0),
        ("adjoint", 1, 4.0),
        ("adjoint", 0, 10.0),
    ]
    assert found == 22.0


def outer_array(x, n):
    s = 0.0
    for i in range(n):
        s += np.sum(x**3) * (i + 1)
        with insert_gradient_of(x) as d_x:
            d_x *= 0.5
    return s


@both
@pytest.mark.parametrize("n", [0, 1, 4])
def test_an_array_from_before_the_loop(target, n):
    x = np.array([1.0, 2.0])
    d = np.zeros(2)
    for i in reversed(range(n)):
        d = 0.5 * d
        d = d + 3 * x**2 * (i + 1)
    same(srcad.grad(outer_array, target=target)(x, n), d)


def of_each_term(x, limit):
    total = 0.0
    for i in range(len(x)):
        y = np.exp(x[i])
        with insert_gradient_of(y) as d_y:
            d_y = min(d_y, limit)
        total += y * y
    return total


@both
def test_a_loop_of_terms(target):
    x = np.array([-1.0, 0.5, 2.0])
    same(srcad.grad(of_each_term, target=target)(x, 3.0), np.minimum(2 * np.exp(x), 3.0) * np.exp(x))


def of_the_sum(x):
    s = 0.0
    for i in range(len(x)):
        s = s + x[i] * x[i]
        with insert_gradient_of(s) as d_s:
            d_s *= 0.5
    return s


@both
def test_a_sum_whose_adjoint_changes(target):
    x = np.array([1.0, 2.0, 3.0])
    same(srcad.grad(of_the_sum, target=target)(x), 2 * x * np.array([0.125, 0.25, 0.5]))


def in_branches(x, y):
    z = x * y
    if x > 0.0:
        with insert_gradient_of(z) as d_z:
            if d_z > 1.0:
                d_z = 1.0
        w = z * z
    else:
        w = 3.0 * z
        with insert_gradient_of(w) as d_w:
            d_w = -d_w
    return w * x


@both
@pytest.mark.parametrize("x", [2.0, 0.1, -0.7])
def test_branches(target, x):
    y = 1.5
    z = x * y
    if x > 0:
        d_x, d_z = z * z, min(x * 2 * z, 1.0)
    else:
        d_x, d_z = 3 * z, 3 * -x
    same(srcad.grad(in_branches, ("x", "y"), target=target)(x, y), (d_x + d_z * y, d_z * x))


def until(x):
    n = 0
    while x < 100.0:
        x = x * x
        n += 1
        if n == 5:
            break
        with insert_gradient_of(x) as d_x:
            k = 0
            while True:
                k += 1
                d_x = d_x / 2.0
                if k >= 2 or d_x < 1.0:
                    break
    return x


@both
def test_loops_that_are_left(target):
    x, states = 1.5, []
    while x < 100.0 and len(states) < 5:
        states.append(x)
        x = x * x
    d = 1.0
    for turn in reversed(range(len(states))):
        if turn != 4:
            for _ in range(2):
                d = d / 2
                if d < 1:
                    break
        d = d * 2 * states[turn]
    same(srcad.grad(until, target=target)(1.5), d)


def private_array(x):
    total = 0.0
    for i in range(len(x)):
        t = np.empty(2)
        t[0] = x[i]
        t[1] = 2.0 * x[i]
        with insert_gradient_of(t) as d_t:
            d_t *= 1.0 + np.sum(d_t * d_t)
        total += t[0] * t[1]
    return total


@both
def test_an_array_of_each_iteration(target):
    x = np.array([1.0, -2.0, 0.5])
    expected = []
    for v in x:
        d = np.array([2 * v, v])
        d = d * (1 + d @ d)
        expected.append(d @ [1.0, 2.0])
    same(srcad.grad(private_array, target=target)(x), np.array(expected))


def written_in_place(x, n):
    h = np.zeros(n + 1)
    h[0] = x
    for t in range(n):
        h[t + 1] = np.sin(h[t]) * x
        with insert_gradient_of(h) as d_h:
            d_h[t + 1] = d_h[t + 1] * h[t] + 0.1
            d_h[t] += 0.01
    return np.sum(h * h)


@both
@pytest.mark.parametrize("checkpoint", [(), ("t",)])
def test_an_array_that_is_written(target, checkpoint):
    x, n = 0.7, 4
    h = np.zeros(n + 1)
    h[0] = x
    for t in range(n):
        h[t + 1] = np.sin(h[t]) * x
    d_h, d_x = 2 * h, 0.0
    for t in reversed(range(n)):
        d_h[t + 1] = d_h[t + 1] * h[t] + 0.1
        d_h[t] += 0.01
        d_x += np.sin(h[t]) * d_h[t + 1]
        d_h[t] += np.cos(h[t]) * x * d_h[t + 1]
        d_h[t + 1] = 0.0
    same(srcad.grad(written_in_place, target=target, checkpoint=checkpoint)(x, n), d_x + d_h[0])


def smooth(d, a):
    for i in range(1, len(d) - 1):
        d[i] += 0.5 * d[i - 1] * a[i]
        d[i + 1] += 0.25 * d[i]
        d[i - 1] -= 0.125 * d[i + 1]
    s = 0.0
    for i in range(len(d)):
        s += d[i]
        d[i] = s
    d[1:] = d[:-1]
    d[0] = a[0]


def with_loops_of_its_own(x, c):
    y = x * c
    a = np.sin(y)
    with insert_gradient_of(y) as d_y:
        smooth(d_y, a)
    a[:] = 0.0
    for k in range(3):
        y = y + 0.1 * np.cos(y)
        with insert_gradient_of(y) as d_y:
            for i in range(1, len(d_y)):
                d_y[i] += 0.5 * d_y[i - 1]
    return np.sum(y * y)


@both
@pytest.mark.parametrize("n", [3, 12])
def test_loops_of_the_block_stay_in_order(target, n):
    x, c = np.linspace(-1.0, 2.0, n), 1.3
    y, states = x * c, []
    for k in range(3):
        states.append(y)
        y = y + 0.1 * np.cos(y)
    d = 2 * y
    for k in reversed(range(3)):
        for i in range(1, n):
            d[i] += 0.5 * d[i - 1]
        d = d * (1 - 0.1 * np.sin(states[k]))
    smooth(d, np.sin(x * c))
    same(srcad.grad(with_loops_of_its_own, target=target)(x, c), d * c)


def stencil(u, n):
    u = u.copy()
    for t in range(n):
        v = u.copy()
        for i in range(1, len(u) - 1):
            v[i] = u[i] + 0.1 * (u[i - 1] - 2.0 * u[i] + u[i + 1]) * u[i]
        with insert_gradient_of(v) as d_v:
            d_v[0] = 0.0
            d_v[1:-1] = np.maximum(d_v[1:-1], -0.5)
        u = v
    return np.sum(u**3)


@both
@pytest.mark.parametrize("checkpoint", [(), ("t",)])
def test_a_stencil(target, checkpoint):
    u, n = np.sin(np.linspace(0.0, 6.0, 20)), 5
    states = [u]
    for t in range(n):
        v = states[-1].copy()
        v[1:-1] += 0.1 * (v[:-2] - 2 * v[1:-1] + v[2:]) * v[1:-1]
        states.append(v)
    d = 3 * states[-1] ** 2
    for t in reversed(range(n)):
        d[0], d[1:-1] = 0.0, np.maximum(d[1:-1], -0.5)
        u, inner = states[t], d[1:-1].copy()
        d[1:-1] += inner * 0.1 * (u[:-2] - 4 * u[1:-1] + u[2:])
        d[:-2] += 0.1 * u[1:-1] * inner
        d[2:] += 0.1 * u[1:-1] * inner
    same(srcad.grad(stencil, target=target, checkpoint=checkpoint)(states[0], n), d)


# ---- functions and modes ---------------------------------------------------------------------------


def limited(v, limit):
    u = v * v
    with insert_gradient_of(u) as d_u:
        d_u = np.minimum(d_u, limit)
    return u


def calls_twice(x):
    return np.sum(limited(x, 0.5)) + np.sum(limited(3.0 * x, 2.0) ** 2)


@both
def test_in_a_function_that_is_called(target):
    x = np.array([0.1, 0.4])
    expected = 0.5 * 2 * x + np.minimum(2 * (9 * x * x), 2.0) * 2 * 3 * x * 3
    same(srcad.grad(calls_twice, target=target)(x), expected)


def step(x, y):
    y[0] = x[0] * x[1]
    with insert_gradient_of(y) as d_y:
        d_y *= 10.0
    y[1] = y[0] * y[0]


@both
def test_a_procedure(target):
    x, y, d_x, d_y = np.array([2.0, 3.0]), np.array([1.0, 1.0]), np.zeros(2), np.array([1.0, 1.0])
    srcad.adjoint(step, ("x", "y"), target=target)(x, y, d_x, d_y)
    same((y, d_x, d_y), (np.array([6.0, 36.0]), 10 * (1 + 12.0) * np.array([3.0, 2.0]), np.zeros(2)))


@both
def test_the_saved_text_shows_the_block(target, tmp_path):
    path = tmp_path / "clipped_grad.py"
    gradient = srcad.grad(clipped, target=target)
    x = np.array([0.1, -3.0, 2.0])
    gradient(x, 1.0)
    gradient.save(path)
    text = path.read_text()
    line = clipped.__code__.co_firstlineno + 1
    body = text[text.index("    # as in") : text.index(f"    # L{line}")]
    assert body == (
        "    # as in the paper,\n"
        "    # section 3\n"
        f"    # L{line + 4}: g = np.clip(g, -limit, limit)  # both ways\n"
        "    d_y[:] = np.minimum(np.maximum(d_y, -limit), limit)\n"
    )
    same(srcad.load(path, target=target)(x, 1.0, 1.0), 2 * np.clip(4 * x, -1, 1))


def test_it_is_ordinary_text_afterwards():
    text = srcad.grad(scaled, target="python").source_for(1.5, 3.0)
    second = srcad.grad(text, target="python")(1.5, 3.0, 1.0)
    same(second, 3.0 * 2 * 3 * 2 * 1.5**2 + 2)


def not_active(x, w):
    y = w * w
    with insert_gradient_of(y) as d_y:
        print("never")
        d_y = 100.0
    z = 2.0 * x
    with insert_gradient_of(z) as d_z:
        print("never")
        d_z = 100.0
    return x * y


@both
def test_without_a_gradient_the_block_never_runs(target, capfd):
    same(srcad.grad(not_active, "x", target=target)(2.0, 3.0), 9.0)
    assert capfd.readouterr().out == ""


def raises(x):
    y = x * x
    with insert_gradient_of(y) as d_y:
        if not np.isfinite(d_y):
            raise ValueError("the adjoint is not finite")
    return np.sqrt(y)


@both
def test_errors_of_the_block(target):
    same(srcad.grad(raises, target=target)(2.0), 1.0)
    with pytest.raises(ValueError, match="not finite"):
        srcad.grad(raises, target=target)(0.0)


def early(x):
    if x < 0.0:
        return -x
    for i in range(4):
        if i == 2:
            continue
        x = x * 1.5
        with insert_gradient_of(x) as d_x:
            d_x = d_x + i
    if x > 100.0:
        return x * x
    return x


@both
@pytest.mark.parametrize("x", [-1.0, 2.0, 80.0])
def test_beside_early_exits(target, x):
    d = 2.0 * x * 1.5**3 if x > 50.0 else 1.0
    for i in (3, 1, 0):
        d = (d + i) * 1.5
    same(srcad.grad(early, target=target)(x), -1.0 if x < 0.0 else d)


def in_an_inner_function(x, c):
    scale = 2.0 * c

    def inner(v):
        w = v * v
        with insert_gradient_of(w) as d_w:
            d_w = d_w * scale
        return w

    y = inner(x)
    scale = 7.0
    return y + inner(2.0 * x)


@both
def test_a_variable_of_an_outer_function_has_the_value_of_the_call(target):
    same(srcad.grad(in_an_inner_function, target=target)(3.0, 1.5), 2 * 3.0 * 3.0 + 7 * 2 * 6.0 * 2)


def of_a_reshaped_view(A):
    v = A.reshape(-1)
    with insert_gradient_of(v) as d_v:
        d_v[1] = 100.0
    v[0] = 5.0
    return np.sum(v * v) + np.sum(A)


@both
def test_a_view_that_is_written(target):
    same(srcad.grad(of_a_reshaped_view, target=target)(np.ones((2, 2))), np.array([[0.0, 100.0], [3.0, 3.0]]))
