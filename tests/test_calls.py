"""Calls that stay calls: functions of the user's beside their callers, recursion, and both in files."""

import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import srcad
from srcad.errors import UnsupportedError

pytestmark = pytest.mark.one_in(10, least=3)

# ---- functions that call themselves ---------------------------------------------------------------------------------


def tree_sum(values, lo, hi):
    if hi - lo == 1:
        return np.sin(values[lo])
    mid = (lo + hi) // 2
    return tree_sum(values, lo, mid) + tree_sum(values, mid, hi)


def whole_tree(values):
    return tree_sum(values, 0, len(values))


def log_sum_exp(x):
    n = len(x)
    if n == 1:
        return x[0]
    a = log_sum_exp(x[: n // 2])
    b = log_sum_exp(x[n // 2 :])
    m = max(a, b)
    return m + np.log(np.exp(a - m) + np.exp(b - m))


def power(x, n):
    if n == 0:
        return 1.0
    if n % 2:
        return x * power(x, n - 1)
    half = power(x, n // 2)
    return half * half


def thirteenth(x):
    return power(x, 13)


def is_even(x, n):
    return x if n == 0 else x * is_odd(x, n - 1)


def is_odd(x, n):
    return 2.0 * x if n == 0 else np.sin(is_even(x, n - 1))


def mutual(x):
    return is_even(x, 6)


def simpson(f, a, b):
    return (b - a) / 6.0 * (f(a) + 4.0 * f(0.5 * (a + b)) + f(b))


def quadrature(f, a, b, whole, tolerance, depth):
    m = 0.5 * (a + b)
    left, right = simpson(f, a, m), simpson(f, m, b)
    if depth == 0 or abs(left + right - whole) < 15.0 * tolerance:
        return left + right + (left + right - whole) / 15.0
    first = quadrature(f, a, m, left, 0.5 * tolerance, depth - 1)
    return first + quadrature(f, m, b, right, 0.5 * tolerance, depth - 1)


def bump(x):
    return np.exp(-x * x) * np.sin(3.0 * x)


def integral(a, b):
    return quadrature(bump, a, b, simpson(bump, a, b), 1e-8, 20)


def smooth(u, f, h, k):
    n = len(u)
    for _ in range(2):
        v = u.copy()
        for i in range(n):
            left = v[i - 1] if i > 0 else 0.0
            right = v[i + 1] if i < n - 1 else 0.0
            u[i] = v[i] + 0.6 * (f[i] - k[i] * (2.0 * v[i] - left - right) / (h * h)) / (2.0 * k[i] / (h * h))
    return u


def residual(u, f, h, k):
    n = len(u)
    r = np.zeros(n)
    for i in range(n):
        left = u[i - 1] if i > 0 else 0.0
        right = u[i + 1] if i < n - 1 else 0.0
        r[i] = f[i] - k[i] * (2.0 * u[i] - left - right) / (h * h)
    return r


def restricted(r):
    n = (len(r) - 1) // 2
    c = np.zeros(n)
    for i in range(n):
        c[i] = 0.25 * (r[2 * i] + 2.0 * r[2 * i + 1] + r[2 * i + 2])
    return c


def prolonged(c, n):
    e = np.zeros(n)
    for i in range(len(c)):
        e[2 * i] += 0.5 * c[i]
        e[2 * i + 1] += c[i]
        e[2 * i + 2] += 0.5 * c[i]
    return e


def v_cycle(u, f, h, k):
    n = len(u)
    if n < 4:
        return smooth(smooth(u.copy(), f, h, k), f, h, k)
    u = smooth(u.copy(), f, h, k)
    r = restricted(residual(u, f, h, k))
    e = v_cycle(np.zeros(len(r)), r, 2.0 * h, k[1::2][: len(r)])
    return smooth(u + prolonged(e, n), f, h, k)


def multigrid(k, f):
    u = np.zeros(len(f))
    for _ in range(3):
        u = v_cycle(u, f, 1.0 / (len(f) + 1), k)
    return np.sum(u * u)


def halves(x):
    n = len(x)
    if n == 1:
        return x.copy()
    even, odd = halves(x[::2]), halves(x[1::2])
    return np.concatenate((even + np.cos(odd), even - np.sin(odd)))


def butterfly(x):
    return np.sum(halves(x) ** 2)


def pair(x, n):
    if n == 0:
        return x, 1.0
    a, b = pair(x, n - 1)
    return a * x + b, np.sin(b) * a


def both(x):
    a, b = pair(x, 4)
    return a * b


def larger_half(x, lo, hi):
    if hi - lo <= 2:
        s = 0.0
        for i in range(lo, hi):
            s += x[i] ** 3
        return s
    m = (lo + hi) // 2
    a = larger_half(x, lo, m)
    b = larger_half(x, m, hi)
    return a if a > b else b + 0.1 * a


def divided(x):
    return larger_half(x, 0, len(x))


RATE = 0.3


def geometric(x, n):
    return RATE if n == 0 else RATE + x * geometric(x, n - 1)


def series(x):
    return geometric(x, 7)


def chain(x, t):
    """The recursion returns an argument of its own."""
    if t == 0:
        return x
    return np.tanh(chain(x, t - 1)) + 0.1 * x


def along(x):
    return np.sum(chain(x, 3))


def expansion(x):
    """A determinant by minors, of a matrix with rows x, x ** 2 and so on without the signs."""
    n = len(x)
    if n == 1:
        return x[0]
    total = 0.0
    for j in range(n):
        minor = np.zeros(n - 1)
        count = 0
        for i in range(n):
            if i != j:
                minor[count] = x[i] * x[i]
                count += 1
        total += x[j] * expansion(minor)
    return total


def first(x, n):
    return np.sum(x) if n <= 0 else second(x * x[0], n - 1) + np.sum(x)


def second(x, n):
    return x[0] if n <= 0 else third(np.sin(x), n - 1) * x[1]


def third(x, n):
    return x[-1] if n <= 0 else first(x + 1.0, n - 1) - second(x, n - 2)


def round_about(x):
    return first(x, 3)


def halving(x, c, n):
    """Two adjoints, with respect to other arguments, that call each other."""
    return c * x if n <= 0 else halving(x, c * x, n - 1) * halving(x, 0.5, n - 2)


def of_one_argument(x):
    return halving(x, 2.0, 3)


def paired(t):
    if isinstance(t, tuple):
        a, b = paired(t[0]), paired(t[1])
        return a * b
    y = t * t
    return np.sum(y)


def nested(x):
    return paired(((x, 2.0 * x), (x, (x[1:], x))))


_rng = np.random.default_rng(0)
RECURSIVE = {
    "tree sum": (whole_tree, _rng.random(9)),
    "root recurs": (log_sum_exp, _rng.random(6)),
    "power": (thirteenth, 1.3),
    "mutual": (mutual, 0.7),
    "adaptive quadrature": (integral, 0.1, 1.4),
    "multigrid": (multigrid, 1.0 + _rng.random(15), _rng.random(15)),
    "strided halves": (butterfly, _rng.random(8)),
    "several results": (both, 0.8),
    "divide and conquer": (divided, _rng.random(11)),
    "outer variable": (series, 0.4),
    "its own argument": (along, _rng.random(3)),
    "three that call one another": (round_about, _rng.random(3)),
    "two adjoints of one": (of_one_argument, 0.3),
    "over a structure": (nested, _rng.random(3)),
    "in a loop": (expansion, _rng.random(4)),
}

# ---- functions that are called more than once -----------------------------------------------------------------------


def rhs(y, p):
    """Three populations."""
    prey, hunter, food = y[0], y[1], y[2]
    growth = p[0] * prey * food
    eaten = p[1] * prey * hunter
    return np.array([growth - eaten, p[2] * eaten - p[3] * hunter, p[4] - growth])


def step(y, p, h):
    k1 = rhs(y, p)
    k2 = rhs(y + 0.5 * h * k1, p)
    k3 = rhs(y + 0.5 * h * k2, p)
    k4 = rhs(y + h * k3, p)
    return y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)


def event(y, limit):
    return y[1] - limit


def simulate(y0, p, h, n, limit):
    y = y0.copy()
    cost = 0.0
    for _ in range(n):
        new = step(y, p, h)
        if event(y, limit) < 0.0 and event(new, limit) >= 0.0:
            # where the hunters reach the limit, half of them leave
            s = event(y, limit) / (event(y, limit) - event(new, limit))
            new = step(y, p, s * h)
            new[1] = 0.5 * new[1]
        y = new
        cost += h * (y[0] - 1.0) ** 2
    return cost


def safe_log(x):
    y = x * x * x
    z = np.log(y)
    return 2.0 * z


def masked(x):
    """The cotangent is zero where the logarithm is infinite."""
    return np.sum(np.where(x > 0.0, safe_log(x), 0.0) + np.where(x > 1.0, safe_log(x), x))


def mixed(a, b):
    c = a * b
    d = c + a
    return d * d


def one_argument_twice(x):
    return np.sum(mixed(x, x)) + np.sum(mixed(x[1:], x[:-1])) + mixed(x[0], x[1])


def layer(p, h):
    z = p["W"] @ h
    a = z + p["b"]
    return np.tanh(a)


def network(p, x):
    h = layer(p[0], x)
    h = layer(p[1], h)
    return np.sum(layer(p[2], h))


def dear(x):
    e = np.exp(-x)
    s = 1.0 / (1.0 + e)
    return s * np.sin(x)


def saved_in_a_loop(x, n):
    total = 0.0
    for _ in range(n):
        x = dear(x) + 0.1
        total += dear(2.0 * x)
    return total


def in_a_branch(x, flag):
    if flag > 0.0:
        e = np.exp(x)
        y = e * e
    else:
        y = x * x
    return y


def branches(x):
    return in_a_branch(x, x - 1.0) + in_a_branch(2.0 * x, 1.0 - x)


_layers = [{"W": _rng.random((3, 3)), "b": _rng.random(3)} for _ in range(3)]
KEPT = {
    "Runge-Kutta with an event": (
        simulate,
        np.array([1.0, 0.5, 1.0]),
        np.array([1.1, 0.9, 0.8, 0.5, 0.7]),
        0.05,
        60,
        0.9,
    ),
    "masked": (masked, np.array([0.5, 1.5, 2.0])),
    "one argument twice": (one_argument_twice, _rng.random(4)),
    "nested parameters": (network, _layers, _rng.random(3)),
    "saved in a loop": (saved_in_a_loop, 0.3, 5),
    "saved in a branch": (branches, 1.4),
}
ALL = {**RECURSIVE, **KEPT}


def floats(args):
    return tuple(k for k, a in enumerate(args) if not isinstance(a, int))


@pytest.mark.one_in(10, least=5)
@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("target", ["python", "cpu"])
def test_against_differences(name, target):
    f, *args = ALL[name]
    found = srcad.check_grad(f, *args, argnums=floats(args), target=target)
    assert found, str(found)


@pytest.mark.parametrize("name", ALL)
def test_stays_a_call(name):
    f, *args = ALL[name]
    text = srcad.grad(f, argnums=floats(args), target="python").source_for(*args)
    assert "_adjoint(" in text, text


def flat(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return np.concatenate([flat(item) for item in value])
    return np.ravel(value)


READ_AGAIN = [name for name in ALL if name not in ("outer variable", "nested parameters")]
COMPILED_AGAIN = ("tree sum", "mutual", "several results", "Runge-Kutta with an event")


@pytest.mark.parametrize(
    ("name", "target"), [*((name, "python") for name in READ_AGAIN), *((name, "cpu") for name in COMPILED_AGAIN)]
)
def test_is_read_again(name, target):
    f, *args = ALL[name]
    df = srcad.grad(f, argnums=floats(args), target=target)
    again = srcad.jit(df.source_for(*args), target=target)
    np.testing.assert_allclose(flat(again(*args)), flat(df(*args)), rtol=1e-12, atol=1e-14)


@pytest.mark.one_in(8, least=1)
@pytest.mark.parametrize("name", ["tree sum", "multigrid", "several results", "Runge-Kutta with an event"])
def test_value_and_primal(name):
    f, *args = ALL[name]
    want = f(*args)
    assert srcad.jit(f)(*args) == pytest.approx(want, rel=1e-13)
    value, _ = srcad.value_and_grad(f, argnums=floats(args))(*args)
    assert value == pytest.approx(want, rel=1e-13)


def test_masked_cotangents_are_zero():
    np.testing.assert_array_equal(srcad.grad(masked)(np.array([0.0, 2.0])), [1.0, 6.0])


def factory(k):
    def scaled(x):
        a = x * k
        b = np.sin(a)
        return a * b

    return scaled


twice, thrice = factory(2.0), factory(3.0)


def test_functions_of_one_def_are_several():
    def f(x):
        return twice(x) + thrice(x) + twice(thrice(x))

    value, _ = srcad.value_and_grad(f)(0.3)
    assert value == pytest.approx(f(0.3), rel=1e-14)
    assert srcad.check_grad(f, 0.3)


def reads_and_adds(a, b):
    c = a * b
    c[0] = c[0] * b[1]
    d = np.sin(c)
    return d * a


def test_adjoints_of_one_array_are_not_one_buffer():
    """Both arguments are parts of one array, which overlap: the adjoint may add to either at any time."""

    def f(x):
        return np.sum(reads_and_adds(x[1:], x[:-1])) + np.sum(reads_and_adds(x[:-1], x[1:]))

    x = np.array([0.3, 0.5, 0.7, 0.2])
    names = {}
    exec(srcad.grad(f, target="python").source_for(x), names)
    adjoint = names["reads_and_adds_adjoint"]
    parameters = list(inspect.signature(adjoint).parameters)
    calls = []

    def watched(*args):
        given = dict(zip(parameters, args, strict=True))
        calls.append(np.shares_memory(given["d_a"], given["d_b"]))
        return adjoint(*args)

    names["reads_and_adds_adjoint"] = watched
    names["f_grad"](x)
    assert calls == [False, False]
    assert srcad.check_grad(f, x)


def sines(x, n):
    a = np.empty(n)
    for i in range(n):
        a[i] = np.sin(x[i])
    return a * x[:n]


def test_two_calls_have_their_own_lengths():
    def f(x, k):
        return np.sum(sines(x, k)) * np.sum(sines(x, k + 1)) + np.sum(sines(x, 3)) - np.sum(sines(x, 2))

    x = np.array([0.1, 0.2, 0.3, 0.4])
    assert srcad.jit(f)(x, 2) == pytest.approx(f(x, 2), rel=1e-14)
    assert srcad.value_and_grad(f)(x, 2)[0] == pytest.approx(f(x, 2), rel=1e-14)


def adds(a, b):
    for i in range(len(a)):
        a[i] += 0.5 * b[i]
    return a[0] + b[-1]


def test_a_function_that_writes_to_its_argument_is_inlined():
    """In Python the old value of the element is read before the function changes it."""

    def f(x):
        x[2] *= x[1] + adds(x, x)
        x[0] *= x[1] + adds(x, x)

    for target in ("python", "cpu"):
        x, want = np.array([0.7, 0.2, 0.3]), np.array([0.7, 0.2, 0.3])
        f(want)
        srcad.jit(f, target=target)(x)
        np.testing.assert_allclose(x, want, rtol=1e-14)


def squares_later(x):
    y = x * 2.0
    e = np.exp(y)
    return np.sum(e * y)


def test_what_is_saved_has_memory_of_its_own():
    def f(x):
        total = 0.0
        for i in range(3):
            total += squares_later(x) * x[i]
            total += squares_later(x * x)
            x[i] = 0.5 * x[i]
        return total

    assert srcad.check_grad(f, np.array([0.3, 0.5, 0.7]))


def test_checks_are_merged_over_pure_statements_only():
    """Before the second index is out of bounds, the argument has been written to."""

    def f(x, y):
        x[0] = y[0]
        x[1] = y[1] * x[0]

    x = np.zeros(2)
    with pytest.raises(IndexError):
        srcad.jit(f)(x, np.array([3.0]))
    assert x[0] == 3.0


def test_equal_bits_twice():
    f, *args = KEPT["Runge-Kutta with an event"]
    df = srcad.grad(f, argnums=(0, 1))
    for first, second in zip(df(*args), df(*args), strict=True):
        np.testing.assert_array_equal(first, second)


# ---- what no derivative passes through ------------------------------------------------------------------------------


def sided(x, scale, shape):
    b = 2.0 * scale
    if x > 0.0:
        c = b * b
    else:
        c = b + len(shape)
    return c


def two_sides(x, scale, shape):
    return sided(x, scale, shape) + sided(x - 1.0, scale, shape)


def halved(x, tolerance, weight):
    if abs(x) < tolerance:
        return weight * x
    return halved(0.5 * x, tolerance, weight) + halved(0.4 * x, tolerance, weight)


def bisected(x, tolerance, weight):
    return halved(x, tolerance, weight)


@pytest.mark.parametrize(
    ("f", "args", "by_steps"), [(two_sides, (0.5, 2.0, np.ones(3)), "x"), (bisected, (3.0, 0.5, 2.0), "tolerance")]
)
def test_steps_in_a_function_that_is_called_are_warned_of(f, args, by_steps):
    with pytest.warns(srcad.ZeroDerivativeWarning, match=f"depends on {by_steps} through"):
        found = srcad.check_grad(f, *args, argnums=(0, 1, 2), target="python")
    assert found, str(found)
    roles = {one.name: one.role for one in srcad.grad(f, (0, 1, 2), target="python").explain(*args).parameters}
    assert roles.pop(by_steps) == "through steps alone"
    if f is two_sides:
        assert roles == {"scale": "active", "shape": "as a constant alone"}


def swapped(x, y, n):
    if n == 0:
        return y * y
    return swapped(np.sin(y), x, n - 1)


def swapping(x, y):
    return swapped(x, y, 3) + 2.0 * swapped(x, y, 2)


def test_an_argument_that_is_active_in_another_place_of_the_recursion():
    """x is active since y is, in the call inside."""
    found = srcad.check_grad(swapping, 0.7, 0.4, argnums=(0, 1), target="python")
    assert found and all(srcad.grad(swapping, (0, 1), target="python")(0.7, 0.4)), str(found)


# ---- what is raised -------------------------------------------------------------------------------------------------


def test_raises_what_the_primal_raises():
    def outside(values):
        return tree_sum(values, 0, len(values) + 1)

    with pytest.raises(IndexError, match="index 3 is out of bounds for length 3"):
        srcad.grad(outside)(np.ones(3))


def loud(x, n):
    print("n is", n)
    return x if n == 0 else x * loud(x, n - 1)


def in_place(x, n):
    x[0] = x[0] * x[1]
    return x[0] if n == 0 else in_place(x, n - 1) + x[1]


def endless(x):
    return endless(x) * x


def itself(x, n):
    return x if n == 0 else itself(x, n - 1)


def changed_after(x):
    y = itself(x, 2)
    y[0] = 3.0 * x[1]
    return np.sum(y * x)


@pytest.mark.parametrize(
    ("f", "args", "why"),
    [
        (lambda x: loud(x, 2), (1.0,), "It prints"),
        (lambda x: in_place(x, 2), (np.ones(2),), "writes to an array that it is given"),
        (endless, (1.0,), "endless returns nothing that is computed"),
        (changed_after, (np.ones(2),), "may return an array that it is given"),
    ],
)
def test_refused(f, args, why):
    with pytest.raises(UnsupportedError, match=why) as error:
        srcad.grad(f)(*args)
    assert error.value.problems[0].code == "S115"


def test_recursion_that_assigns_a_variable_around_it():
    def inside(x):
        total = 0.0

        def again(n):
            nonlocal total
            total += x * n
            if n > 0:
                again(n - 1)

        again(3)
        return total

    with pytest.raises(UnsupportedError, match="it assigns total, a variable around it"):
        srcad.grad(inside)(2.0)


# ---- files ----------------------------------------------------------------------------------------------------------

_SCRIPT = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from tests import test_calls
import srcad
for name in ("tree sum", "three that call one another", "two adjoints of one"):
    f, *args = test_calls.RECURSIVE[name]
    print(test_calls.flat(srcad.grad(f, argnums=test_calls.floats(args))(*args)).tolist())
print(srcad.grad(test_calls.log_sum_exp)(np.linspace(0.0, 1.0, 5, dtype=np.float32)))
"""


def test_second_process_starts_warm(tmp_path, monkeypatch):
    """Numba's own cache ends the process that calls a recursive function from it."""
    monkeypatch.setenv("SRCAD_CACHE_DIR", str(tmp_path))
    root = str(Path(__file__).parents[1])
    runs = [subprocess.run([sys.executable, "-c", _SCRIPT, root], capture_output=True, text=True) for _ in range(2)]
    assert [run.returncode for run in runs] == [0, 0], runs[-1].stderr
    assert runs[0].stdout == runs[1].stdout != ""


_SHIPPED = """
import sys
import numpy as np
import {name}
assert "srcad" not in sys.modules
print({name}.{name}(*eval(sys.argv[1], vars(np))))
"""


@pytest.mark.parametrize("with_form", [True, False])
def test_saved_file_runs_alone(tmp_path, with_form):
    df = srcad.grad(log_sum_exp)
    want = df(np.arange(3.0))
    df.save(tmp_path / "log_sum_exp_grad.py")
    if not with_form:
        for path in sorted((tmp_path / "_machine").rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
    script = _SHIPPED.format(name="log_sum_exp_grad")
    for _ in range(2):
        run = subprocess.run(
            [sys.executable, "-c", script, "[arange(3.0)]"], cwd=tmp_path, capture_output=True, text=True
        )
        assert run.stdout.strip() == str(want), run.stderr


def test_event_driven_runge_kutta_is_short():
    f, *args = KEPT["Runge-Kutta with an event"]
    text = srcad.grad(f, argnums=(0, 1), target="python").source_for(*args)
    code = [line for line in text[text.index("import numpy") :].splitlines() if line.split("#")[0].strip()]
    assert len(code) <= 150
