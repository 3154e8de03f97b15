"""Jacobians: of several numbers, whose reverse sweeps go back side by side, and of arrays, entry by entry."""

import math
import pickle
from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest

import srcad
from srcad.errors import DerivativeError, SrcadError
from tests.numeric import copied, leaves, numeric_gradient, worst_error

pytestmark = pytest.mark.one_in(10, least=3)

plain = {"target": "python"}
Fit = namedtuple("Fit", "loss penalty")


@dataclass
class Report:
    loss: float
    parts: dict


# ---- several numbers -----------------------------------------------------------------------------


def loss_and_penalty(w, x, y):
    loss = 0.0
    for i in range(len(x)):
        guess = np.tanh(w[0] * x[i] + w[1])
        loss += (guess - y[i]) ** 2
    penalty = 0.0
    for k in range(len(w)):
        penalty += w[k] ** 2
    return loss / max(len(x), 1), 0.5 * penalty


def branches(x, a):
    inside = 0.0
    outside = 1.0
    for i in range(len(x)):
        if x[i] * x[i] < a:
            inside += np.sin(x[i]) * a
        else:
            outside = outside * x[i] + inside
    return inside, outside


def one_in_another(x, y):
    product = x * y
    return product, np.exp(product) + x, math.log(product) * y


def the_same_twice(x):
    total = np.sum(np.sin(x) * x)
    return total, total


def arguments_and_constants(x, y):
    return x, 3.0, y * x, y


def in_place(x, steps):
    level = x.copy()
    heat = 0.0
    for t in range(steps):
        for i in range(1, len(x)):
            heat += level[i] * level[i]
            level[i] = level[i] * level[i - 1] + np.cos(level[i])
    return np.sum(level), heat, level[1]


def overwrites_its_argument(x):
    first = x[0] * x[1]
    for i in range(len(x)):
        x[i] = x[i] * x[i] * first
    return np.max(x), x[0] + x[1]


def while_it_grows(x, rate):
    size, turns = x, 0.0
    while size < 10.0:
        if size > 2.0:
            size = size * size * rate
        else:
            size = size * 1.5 + rate
        turns += size * rate
    return size, turns


def early(x, y):
    total = 0.0
    for i in range(len(x)):
        total += x[i] * y
        if total > 1.0:
            return total, np.sin(y) * x[0], 2.0
    return y, total, total * total


def breaks(x, tolerance):
    guess = x
    error = x * x
    for _ in range(50):
        better = 0.5 * (guess + x / guess)
        error = (better - guess) ** 2 + tolerance
        guess = better
        if error < 1e-2:
            break
    return guess, error


def arrays_between(W, x):
    h = np.tanh(W @ x)
    z = np.exp(h - np.max(h))
    return {"loss": -np.log(z[0] / np.sum(z)), "norm": np.sqrt(np.sum(W * W)), "size": np.sum(x**1.5)}


def powers(x, p):
    raised = x**p
    return np.sum(raised), np.sum(np.sin(raised)), np.prod(raised)


def scratch(x, steps):
    y = x * 1.0
    rates = np.zeros(len(x))
    for t in range(steps):
        for k in range(len(x)):
            rates[k] = np.sin(y[k]) * x[k]
        for k in range(len(x)):
            y[k] = y[k] + rates[k] * rates[(k + 1) % len(x)]
    return y[0], y[1] * rates[0]


def swaps(x, steps):
    old, new = x * 1.0, np.zeros_like(x)
    for _ in range(steps):
        for i in range(len(x)):
            new[i] = np.sin(old[i - 1]) * old[i]
        old, new = new.copy(), old.copy()
    return np.sum(old), np.sum(new * new)


def fuses(points, weights):
    near, far = 0.0, 0.0
    for i in range(len(points)):
        scores = np.zeros(len(weights))
        for j in range(len(weights)):
            scores[j] = np.sin(points[i] * weights[j])
        best = 0.0
        for j in range(len(weights)):
            best = np.tanh(best * scores[j]) + scores[j]
        near += best
        far += best * best * points[i]
    return near, far, np.sum(weights)


def nested_structure(x, y):
    a = x * y
    return Report(np.sin(a), {"fit": Fit(a * a, [x + y, x / y]), "last": (y,)})


x3, x4 = np.array([0.3, 1.2, -0.7]), np.array([1.1, 0.7, -1.3, 0.4])
NUMBERS = [
    (loss_and_penalty, (np.array([0.4, -0.2]), x3, np.array([0.1, 0.5, -0.3])), (0, 1, 2)),
    (loss_and_penalty, (np.array([0.4, -0.2]), np.zeros(0), np.zeros(0)), (0,)),
    (branches, (x4, 0.8), (0, 1)),
    (one_in_another, (0.7, 1.9), (0, 1)),
    (the_same_twice, (x3,), (0,)),
    (arguments_and_constants, (0.7, 1.9), (0, 1)),
    (in_place, (x4, 3), (0,)),
    (in_place, (x4, 0), (0,)),
    (in_place, (x4[:2], 1), (0,)),
    (overwrites_its_argument, (x3,), (0,)),
    (while_it_grows, (1.3, 0.9), (0, 1)),
    (while_it_grows, (11.0, 0.9), (0, 1)),
    (early, (x4, 0.8), (0, 1)),
    (early, (x4, 0.1), (0, 1)),
    (breaks, (2.5, 0.001), (0, 1)),
    (arrays_between, (np.array([[0.3, -0.2], [0.5, 0.1]]), np.array([0.7, 1.4])), (0, 1)),
    (powers, (np.array([0.7, 1.4, 0.2]), 1.7), (0, 1)),
    (powers, (np.array([0.7, 1.4, 0.2]), np.array([1.7, 0.3, 2.0])), (0, 1)),
    (scratch, (x3, 4), (0,)),
    (swaps, (x4, 3), (0,)),
    (fuses, (x4, x3), (0, 1)),
    (nested_structure, (0.7, 1.9), (0, 1)),
]
COMPILED = (branches, in_place, while_it_grows, early, powers, swaps, fuses)


def of_one(f, args, wrt, at):
    """The gradient of one output by differences."""
    return tuple(numeric_gradient(lambda *now: leaves(f(*now))[at], args, i) for i in wrt)


@pytest.mark.parametrize("f, args, wrt", NUMBERS, ids=lambda one: getattr(one, "__name__", None))
def test_of_numbers(f, args, wrt):
    given = copied(args)
    found = srcad.jacobian(f, wrt, **plain)(*given)
    for one, other in zip(leaves(given), leaves(args), strict=True):
        np.testing.assert_array_equal(one, other)
    count = len(leaves(f(*copied(args))))
    rows = outputs(found, count, wrt)
    for at, row in enumerate(rows):
        assert worst_error(row, of_one(f, args, wrt, at)) < 1e-7
    if f in COMPILED:
        compiled = srcad.jacobian(f, wrt)(*given)
        assert type(compiled) is type(found)
        assert worst_error(leaves(compiled), leaves(found)) < 1e-12


def outputs(found, count, wrt):
    """The derivatives of each output, in their order."""
    flat = leaves(found)
    each = len(flat) // count
    assert each * count == len(flat)
    return [tuple(flat[at * each : (at + 1) * each]) for at in range(count)]


def test_is_the_gradient_of_each():
    def first(w, x, y):
        return loss_and_penalty(w, x, y)[0]

    def second(w, x, y):
        return loss_and_penalty(w, x, y)[1]

    args = np.array([0.4, -0.2]), x3, np.array([0.1, 0.5, -0.3])
    found = srcad.jacobian(loss_and_penalty, (0, 1), **plain)(*args)
    for row, f in zip(found, (first, second), strict=True):
        np.testing.assert_allclose(row[0], srcad.grad(f, 0, **plain)(*args), rtol=1e-14)
        np.testing.assert_allclose(row[1], srcad.grad(f, 1, **plain)(*args), rtol=1e-14)


def test_structure_of_what_f_returns():
    found = srcad.jacobian(nested_structure, "y", **plain)(0.5, 2.0)
    assert isinstance(found, Report) and isinstance(found.parts["fit"], Fit)
    assert found.loss == pytest.approx(0.5 * math.cos(1.0))
    assert found.parts == {"fit": Fit(1.0, [1.0, -0.125]), "last": (1.0,)}


def test_structure_of_the_arguments():
    def f(p, scale):
        return p["w"][0] * scale, p["w"][1] * np.sum(p["b"])

    p = {"w": [2.0, 3], "b": np.array([1.0, 5.0])}
    (one, by_scale), (other, _) = srcad.jacobian(f, ("p", "scale"), **plain)(p, 4.0)
    assert one["w"] == [4.0, 0.0] and by_scale == 2.0 and other["w"] == [0.0, 6.0]
    np.testing.assert_array_equal(one["b"], [0.0, 0.0])
    np.testing.assert_array_equal(other["b"], [3.0, 3.0])
    assert srcad.jacobian(lambda x: x * x, **plain)(3.0) == 6.0
    assert srcad.jacobian(lambda x: [x * x], **plain)(3.0) == [6.0]


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_float32(target):
    def f(x, w):
        total = w
        for i in range(len(x)):
            total = total * x[i] + np.sin(x[i])
        return total, total * total, w

    x = np.array([0.3, 1.2], np.float32)
    found = srcad.jacobian(f, (0, 1), target=target)(x, np.float32(0.5))
    wide = srcad.jacobian(f, (0, 1), **plain)(x.astype(float), 0.5)
    for row, want in zip(found, wide, strict=True):
        assert row[0].dtype == np.float32 and type(row[1]) is np.float32
        np.testing.assert_allclose(row[0], want[0], rtol=1e-5)
        np.testing.assert_allclose(row[1], want[1], rtol=1e-5)
    rows = srcad.jacobian(lambda x, w: x * w, (0, 1), target=target)(x, np.float32(0.5))
    assert rows[0].dtype == rows[1].dtype == np.float32
    np.testing.assert_array_equal(rows[0], 0.5 * np.eye(2))
    np.testing.assert_array_equal(rows[1], x)


# ---- one array -----------------------------------------------------------------------------------


def elementwise(x, a):
    return np.tanh(x[:-1]) * x[1:] * a


def recurrence(x, a):
    out = np.zeros(len(x))
    level = a
    for i in range(len(x)):
        level = 0.5 * level + np.sin(x[i])
        out[i] = level * level
    return out


def sweeps_in_place(x, a):
    x = x * a
    for _ in range(3):
        for i in range(1, len(x)):
            x[i] = x[i] * x[i - 1] + x[i]
    return x


def gives_its_argument(x, a):
    return x


def overwrites_and_gives(x, a):
    for i in range(len(x)):
        x[i] = x[i] ** 2 * a
    return x


def stack_of_arrays(x, a):
    y = x * a
    while np.sum(y * y) < 10.0:
        y = y * y + np.abs(x)
    return y


def stack_of_numbers(x, a):
    size = a
    for k in range(20):
        if size > 9.0:
            break
        if size > 2.0:
            size = size * size
        else:
            size = size * 1.5 + x[1] * x[1]
    return x * size


def a_count_that_grows(x, a):
    total = np.zeros(len(x))
    for i in range(len(x)):
        k = 0
        while k < i:
            total[i] += np.sin(x[k] * a)
            k += 2
    return total


def stacks_in_a_branch(x, a):
    y = x * a
    size = a
    if a > 1.0:
        while np.sum(y * y) < 10.0:
            k = 0
            while k < 2:
                size = size * np.sin(size)
                k += 1
            y = y * y + np.abs(x) + size
    return y * size


def two_axes(x, a):
    return np.outer(x, x) @ np.diag(x) * a


def independent_turns(x, a):
    out = np.empty((len(x), 2))
    for i in range(len(x)):
        s = x[i]
        for _ in range(3):
            s = np.sin(s) * a
        out[i, 0] = s
        out[i, 1] = s * x[0]
    return out


def array_made_in_a_loop(x, a):
    h = x * a
    for _ in range(3):
        new = np.empty(len(x))
        for i in range(len(x)):
            new[i] = h[i] * x[i]
        for i in range(1, len(x)):
            new[i] = new[i] * new[i - 1]
        h = new
    return h


def restores_views(x, a):
    table = np.outer(x, x)
    row = table[1]
    for i in range(1, len(x)):
        row[i] = row[i] * row[i - 1] * a
        table[i] = table[i] * row
    return table[:, 1]


def no_entry(x, a):
    return x[:0] * a


def not_active(x, a):
    return np.arange(3.0)


ARRAYS = [
    elementwise,
    recurrence,
    sweeps_in_place,
    gives_its_argument,
    overwrites_and_gives,
    stack_of_arrays,
    stack_of_numbers,
    a_count_that_grows,
    stacks_in_a_branch,
    two_axes,
    independent_turns,
    array_made_in_a_loop,
    restores_views,
    no_entry,
    not_active,
]
COMPILED_ARRAYS = (recurrence, sweeps_in_place, stack_of_arrays, stack_of_numbers, array_made_in_a_loop, restores_views)


@pytest.mark.parametrize("f", ARRAYS)
@pytest.mark.parametrize("x", [x4, x4[:2]], ids=["4", "2"])
def test_of_an_array(f, x):
    args = x, 1.3
    out = f(*copied(args))
    given = copied(args)
    by_x, by_a = srcad.jacobian(f, (0, 1), **plain)(*given)
    np.testing.assert_array_equal(given[0], x)
    assert by_x.shape == out.shape + x.shape and by_a.shape == out.shape
    for at in np.ndindex(out.shape):
        want = tuple(numeric_gradient(lambda *now, at=at: f(*now)[at], args, i) for i in (0, 1))
        assert worst_error((by_x[at], by_a[at]), want) < 1e-6
    if f in COMPILED_ARRAYS and len(x) == 4:
        compiled = srcad.jacobian(f, (0, 1))(*given)
        assert worst_error(compiled, (by_x, by_a)) < 1e-12


def test_stacks_of_a_branch_that_is_not_taken():
    by_x, by_a = srcad.jacobian(stacks_in_a_branch, (0, 1), **plain)(x4, 0.5)
    np.testing.assert_allclose(by_x, 0.25 * np.eye(4))
    np.testing.assert_allclose(by_a, x4)
    compiled = srcad.jacobian(stacks_in_a_branch, (0, 1))
    assert worst_error(compiled(x4, 0.5), (by_x, by_a)) < 1e-14
    assert worst_error(compiled(x4, 1.3), srcad.jacobian(stacks_in_a_branch, (0, 1), **plain)(x4, 1.3)) < 1e-12


def test_array_in_a_structure():
    found = srcad.jacobian(lambda x: {"y": x * x}, **plain)(x3)
    np.testing.assert_array_equal(found["y"], np.diag(2.0 * x3))


# ---- the text ------------------------------------------------------------------------------------


def pair(x, y):
    ratio = x / y
    return ratio * ratio, np.sin(x)


PAIR = '''"""Jacobian of pair, generated by srcad.

source  test_jacobian.py:LINE
takes   x  float64
        y  float64
wrt     x, y
"""

import numpy as np


def pair_jacobian(x, y):
    # ---- forward sweep -----------------------------------------------------
    ratio = x / y

    # ---- reverse sweep -----------------------------------------------------
    # LSECOND: return ratio * ratio, np.sin(x)
    d1_x = np.cos(x)
    d0_ratio = 2.0 * ratio
    # LFIRST: ratio = x / y
    d0_x = d0_ratio / y
    d0_y = -ratio * d0_x
    d1_y = 0.0

    return d0_x, d0_y, d1_x, d1_y
'''


def test_text():
    line = pair.__code__.co_firstlineno
    want = PAIR.replace("LINE", str(line)).replace("FIRST", str(line + 1)).replace("SECOND", str(line + 2))
    assert srcad.jacobian(pair, (0, 1)).source_for(3.0, 2.0) == want


def test_what_two_sweeps_need_alike_is_computed_once():
    text = srcad.jacobian(powers, (0, 1), **plain).source_for(np.array([0.7, 1.4]), 1.7)
    assert text.count("np.log(") == 1 and text.count("** (p - 1.0)") == 1


def test_one_forward_sweep():
    text = srcad.jacobian(sweeps_in_place, **plain).source_for(x4, 1.3)
    assert text.count("x_1[i] * x_1[i - 1] + x_1[i]") == 1


# ---- everything a derivative has -----------------------------------------------------------------


def test_compiled_is_flat_and_callable_from_compiled_code():
    import numba

    jacobian = srcad.jacobian(pair, (0, 1))
    (a, b), (c, d) = jacobian(3.0, 2.0)
    inner = jacobian.compiled

    @numba.njit
    def outer(x):
        return inner(x, 2.0)

    assert outer(3.0) == (a, b, c, d) == pytest.approx((1.5, -2.25, math.cos(3.0), 0.0))


def test_pickles_saves_and_says_what_it_is(tmp_path):
    jacobian = srcad.jacobian(pair, (0, 1), **plain)
    assert repr(jacobian) == "<srcad: Jacobian of pair with respect to x, y>"
    assert pickle.loads(pickle.dumps(jacobian))(3.0, 2.0) == jacobian(3.0, 2.0)
    path = jacobian.save(tmp_path / "saved.py")
    names: dict = {}
    exec(compile(path.read_text(), str(path), "exec"), names)
    assert names["pair_jacobian"](3.0, 2.0)[0] == 1.5


def test_fastmath():
    jacobian = srcad.jacobian(loss_and_penalty, fastmath=True)
    args = np.array([0.4, -0.2]), x3, np.array([0.1, 0.5, -0.3])
    assert worst_error(jacobian(*args), srcad.jacobian(loss_and_penalty, **plain)(*args)) < 1e-12


def first_of_in_place(x, steps):
    return in_place(x, steps)[0]


def test_plan():
    jacobian = srcad.jacobian(in_place, **plain)
    args = np.ones(100), 7
    alone = srcad.grad(first_of_in_place, **plain).plan(*args)
    # what the sweeps of both outputs read is kept once
    assert jacobian.plan(*args).bytes == alone.bytes == 8 * 7 * 99
    with pytest.raises(SrcadError, match="max_tape is 5,543"):
        srcad.jacobian(in_place, max_tape=5543, **plain)(*args)
    assert srcad.jacobian(recurrence, **plain).plan(np.ones(50), 1.0).bytes == 400


# ---- what is refused -----------------------------------------------------------------------------


def text_beside(x):
    return x, "text"


def array_beside(x):
    return np.sum(x), x * x


def whole(x):
    return x * 2.0, 3


def until_ten(x):
    h = x * 1.0
    count = 0
    while h[0] < 10.0:
        new = h + x
        for _ in range(2):
            new[1:] *= new[:-1]
        h = new
        count += 1
    return h[0] * np.arange(count)


def nothing(x):
    return ()


def prints(x):
    h = x * 1.0
    for _ in range(3):
        new = h * x
        for i in range(1, len(x)):
            new[i] *= new[i - 1]
        h = new
    print("done")
    return h


@pytest.mark.parametrize(
    "f, x, want",
    [
        (
            text_beside,
            1.0,
            """srcad error S209: the output is not made of numbers

  tests/test_jacobian.py:LINE, in text_beside
    LINE | def text_beside(x):
        | ^^^^^^^^^^^^^^^^^^^

  You can: return numbers, or one array, and nothing else.""",
        ),
        (
            array_beside,
            x3,
            """srcad error S209: the output has an array and more beside it

  tests/test_jacobian.py:LINE, in array_beside
    LINE | def array_beside(x):
        | ^^^^^^^^^^^^^^^^^^^^
  Numbers are differentiated side by side, the entries of an array one after another.

  You can: ask for mode="forward"; join what you return into one array; or ask for a Jacobian of each.""",
        ),
        (
            whole,
            1.0,
            """srcad error S202: output 1 is int64, not a float

  tests/test_jacobian.py:LINE, in whole
    LINE | def whole(x):
        | ^^^^^^^^^^^^^
  A derivative of whole numbers is zero or undefined.""",
        ),
        (
            nothing,
            1.0,
            """srcad error S209: the output is not made of numbers

  tests/test_jacobian.py:LINE, in nothing
    LINE | def nothing(x):
        | ^^^^^^^^^^^^^^^

  You can: return numbers, or one array, and nothing else.""",
        ),
        (
            prints,
            x3,
            """srcad error S210: prints would have to run for each entry, and it prints

  tests/test_jacobian.py:LINE, in prints
    LINE | def prints(x):
        | ^^^^^^^^^^^^^^
  A loop of it makes an array in each turn and overwrites that.

  You can: make the array before the loop.""",
        ),
        (
            until_ten,
            x3,
            """srcad error S210: until_ten would have to run for each entry, and how many there are is not known before

  tests/test_jacobian.py:LINE, in until_ten
    LINE | def until_ten(x):
        | ^^^^^^^^^^^^^^^^^
  A loop of it makes an array in each turn and overwrites that.

  You can: make the array before the loop.""",
        ),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_refused(f, x, want):
    with pytest.raises(DerivativeError) as caught:
        srcad.jacobian(f, mode="reverse", **plain)(x)
    line = str(f.__code__.co_firstlineno)
    assert str(caught.value) == want.replace("LINE", line).replace("\n        |", "\n    " + " " * len(line) + " |")


def test_the_error_of_a_gradient_says_that_there_are_jacobians():
    with pytest.raises(DerivativeError, match="srcad.jacobian"):
        srcad.grad(pair, **plain)(3.0, 2.0)
    with pytest.raises(DerivativeError, match="srcad.jacobian"):
        srcad.grad(recurrence, **plain)(x3, 2.0)


# ---- checkpoints -----------------------------------------------------------------------------------


def pendulum(start, steps):
    angle, speed, energy = start[0], start[1], 0.0
    for t in range(steps):
        speed = speed - 0.1 * np.sin(angle)
        angle = angle + 0.1 * speed
        energy += speed * speed
    return angle, energy


def pendulum_in_place(state, steps):
    for t in range(steps):
        state[1] -= 0.1 * np.sin(state[0])
        state[0] += 0.1 * state[1] * state[1]
    return state


@pytest.mark.parametrize("f", [pendulum, pendulum_in_place])
@pytest.mark.parametrize("steps", [0, 1, 7, 30])
def test_with_checkpoints(f, steps):
    state = np.array([0.7, -0.2])
    whole = srcad.jacobian(f, **plain)(state, steps)
    kept = srcad.jacobian(f, checkpoint=("t",), **plain)
    assert worst_error(kept(state, steps), whole) < 1e-13
    if steps == 30:
        assert worst_error(srcad.jacobian(f, checkpoint=("t",))(state, steps), whole) < 1e-13
        assert "checkpoint" in kept.source or "stretch" in kept.source
