"""What a call keeps for its reverse sweep, said before it runs: exact, and as much as it then really is."""

import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import srcad
from srcad.errors import AliasError, ArgumentError
from tests.kept_memory import kept_memory
from tests.programs.registry import all_cases
from tests.random_programs import load, programs
from tests.test_random import ASKED, FOLDER, WRT, arguments, common

pytestmark = pytest.mark.one_in(10, least=3)

CASES = {case.name: case for case in all_cases()}


def nested(x, steps):
    total = 0.0
    for t in range(steps):
        for i in range(1, len(x) - 1):
            total = np.sin(total) + x[i] * x[i]
    return total


def fused(points, weights):
    n, k = points.shape
    total = 0.0
    for i in range(n):
        scores = np.zeros(k)
        for j in range(k):
            scores[j] = np.sin(points[i, j] * weights[j])
        best = 0.0
        for j in range(k):
            best = np.tanh(best * scores[j]) + scores[j]
        total += best
    return total


def widened(x, steps):
    y = np.zeros(3)
    a = np.zeros(3)
    for t in range(steps):
        for k in range(3):
            a[k] = np.sin(y[k]) * x[k]
        for k in range(3):
            y[k] = y[k] + a[k] * a[(k + 1) % 3]
    return y[0] + y[1]


def branching(x, limit):
    acc = 0.0
    for i in range(len(x)):
        if acc > limit:
            acc = limit + 0.1 * acc
        acc += x[i]
    return acc * acc


def newton(a):
    x = 1.0
    while abs(x * x - a) > 1e-12:
        x = 0.5 * (x + a / x)
    return x


def linear(x, w):
    return np.sum(x * w)


def overwritten(x, k):
    y = np.tanh(x)
    part = y[:k]
    part *= part
    y *= y
    return np.sum(y)


def of_a_number(x):
    turns = int(x[0] * 10.0)
    y = x[1]
    for _ in range(turns):
        y = np.sin(y)
    return y


def one_way(x, n, deep):
    y = x
    if deep:
        for _ in range(n):
            y = np.sin(y)
    return y


def sums_of_rows(counts, x):
    y = x
    for _ in range(counts[1]):
        y = np.sin(y)
    return y


def in_place(x, y):
    for i in range(len(x)):
        y[i] = np.exp(y[i]) * x[i]
    for i in range(1, len(x)):
        y[i] = y[i] * y[i - 1]


def sizes(function, *args, wrt=0, kind=srcad.grad):
    plan = kind(function, wrt, target="python").plan(*args)
    return {one.name: (one.bytes, one.shape, one.dtype) for one in plan.saved}


# ---- sizes -------------------------------------------------------------------------------------


def test_one_row_for_each_loop_around():
    assert sizes(nested, np.ones(10), 7) == {"total_saved": (7 * 8 * 8, (7, 8), "float64")}
    assert sizes(nested, np.ones(2), 7) == {"total_saved": (0, (7, 0), "float64")}


def test_a_turn_that_is_taken_back_at_once_keeps_its_own():
    source = srcad.grad(fused, (0, 1), target="python").source_for(np.ones((50, 4)), np.ones(4))
    assert "# and back" in source
    assert sizes(fused, np.ones((50, 4)), np.ones(4), wrt=(0, 1)) == {
        "tanh_saved": (4 * 8, (4,), "float64"),
        "best_saved": (4 * 8, (4,), "float64"),
    }


def test_rows_of_scratch_count():
    found = sizes(widened, np.ones(3), 20)
    assert found["a_saved"] == (20 * 3 * 8, (20, 3), "float64")


def test_bools_take_a_byte():
    x = np.ones(6)
    assert sizes(branching, x, 0.5) == {"took_if": (6, (6,), "bool")}


def test_float32_takes_four():
    x = np.ones(10, np.float32)
    assert sizes(overwritten, x, 4) == {"part_saved": (16, (4,), "float32"), "y_saved": (40, (10,), "float32")}


def test_copies_of_parts_are_as_long_as_these():
    assert sizes(overwritten, np.ones(10), 4)["part_saved"] == (32, (4,), "float64")
    assert sizes(overwritten, np.ones(3), 4)["part_saved"] == (24, (3,), "float64")


def test_stacks_grow():
    plan = srcad.grad(newton, target="python").plan(2.0)
    assert [(one.name, one.bytes, one.shape, one.grows) for one in plan.saved] == [("x_stack", None, None, True)]
    assert plan.bytes == 0 and not plan.exact


def test_a_size_that_the_function_computes_is_not_known():
    """A number in an argument is given; one computed from the elements of an array that is differentiated is not."""
    assert sizes(of_a_number, np.ones(2))["y_saved"][0] == 80
    assert sizes(sums_of_rows, np.array([2, 5]), 1.0, wrt="x")["y_saved"][0] == 40


def computed(x, n):
    turns = 0
    for i in range(n):
        if x[i] > 0.0:
            turns += 1
    y = x[0]
    for _ in range(turns):
        y = np.sin(y)
    return y


def test_a_size_that_a_loop_counts_is_not_known():
    plan = srcad.grad(computed, target="python").plan(np.ones(4), 4)
    assert [(one.name, one.bytes) for one in plan.saved] == [("y_saved", None)]
    assert not plan.exact and str(plan) == (
        "keeps what is not known before the call for the reverse sweep\n"
        f"y_saved   turns floats   not known   read by line {line_of(computed, 'np.sin')}"
    )


def test_a_branch_that_is_not_taken_keeps_nothing():
    assert srcad.grad(one_way, target="python").plan(1.0, 9, True).bytes == 72
    assert srcad.grad(one_way, target="python").plan(1.0, 9, False).bytes == 0


def test_nothing_kept():
    for derivative in (srcad.grad(linear, target="python"), srcad.jit(nested)):
        plan = derivative.plan(np.ones(3), 3 if derivative.__name__ == "nested" else np.ones(3))
        assert plan == srcad.Plan() and plan.bytes == 0 and plan.exact
        assert str(plan) == "keeps nothing for the reverse sweep"


def test_adjoints_and_values_have_plans():
    x, y = np.ones(5), np.ones(5)
    adjoint = srcad.adjoint(in_place, ("x", "y"), target="python")
    plan = adjoint.plan(x, y)
    assert plan.bytes == sum(kept_memory(adjoint, (x, y, x.copy(), y.copy())).values()) > 0
    assert adjoint.plan(x, y, np.ones(5), np.ones(5)) == plan
    assert srcad.value_and_grad(nested).plan(np.ones(10), 7).bytes == 448


def test_asking_neither_compiles_nor_runs():
    def loud(x):
        print("never")
        return x * x

    derivative = srcad.grad(loud)
    derivative.plan(2.0)
    one = derivative.specialisation(2.0)
    assert not one._loaded_function


def test_each_call_has_its_own_sizes():
    derivative = srcad.grad(nested, target="python")
    assert [derivative.plan(np.ones(n), n).bytes for n in (3, 4, 5)] == [24, 64, 120]


# ---- against what is allocated -----------------------------------------------------------------

SEVERAL = [
    "aliases:double_buffer", "aug_assign:on_arrays", "branches:loop_in_a_branch", "broadcasting:grows_by_rebinding",
    "calls:callee_with_a_loop",
    "calls:function_as_an_argument", "elsewhere:element_written_several_times", "indexing_write:slice_augmented",
    "linalg:matrix_power_and_triangles", "loops_more:read_then_overwritten_by_an_inner_loop",
    "memory:shifted_onto_itself", "odd:names_of_the_generated_text", "turns:scratch_as_a_whole",
    "views:view_of_a_view", "views:view_outlives_a_rebinding",
]  # fmt: skip


@pytest.mark.parametrize("name", SEVERAL + [name for name in CASES if name.partition(":")[0] in ("stencils", "turns")])
def test_the_plan_is_what_is_then_kept(name):
    case = CASES[name]
    derivative = srcad.value_and_grad(case.function, case.wrt, target="python")
    plan = derivative.plan(*case.args)
    really = kept_memory(derivative, case.args)
    assert {one.name: one.bytes for one in plan.saved if one.bytes is not None} == {
        one.name: really.get(one.name, 0) for one in plan.saved if not one.grows
    }
    assert plan.bytes == sum(really.get(one.name, 0) for one in plan.saved if not one.grows)


@settings(common, max_examples=int(ASKED or 5))
@given(programs(), st.integers(0, 4))
def test_random_programs_keep_what_the_plan_says(text, turns):
    program, args = load(text, FOLDER).program, arguments(turns)
    derivative = srcad.value_and_grad(program, WRT, target="python")
    try:
        derivative.source_for(*args)
    except AliasError:
        assume(False)
    plan = derivative.plan(*args)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        really = kept_memory(derivative, args)
    for one in plan.saved:
        # a lone number counts whether or not the branch is taken that keeps it
        wanted = really.get(one.name, one.bytes if one.shape == () else 0)
        assert one.bytes is None or one.bytes == wanted, f"{one}\n{text}"


# ---- functions that stay functions ------------------------------------------------------------


def sines(x, n):
    for _ in range(n):
        x = np.sin(x) * x
    return x


def twice(x, n):
    return sines(x, n) + sines(2.0 * x, n + 1)


def each_turn(x, n):
    total = 0.0
    for i in range(len(x)):
        total += sines(x[i], n) * sines(total, 3)
    return total


def until(x):
    while x < 100.0:
        x = x * x + np.sin(x)
    return x


def two_searches(x):
    return until(x) * until(2.0 * x)


def either(x, n):
    if n > 2:
        return sines(x, n) + sines(x + 1.0, n)
    return x * x


def nested_calls(x, n):
    return np.sum(outer_call(x, n) * outer_call(x * x, n))


def outer_call(x, n):
    return sines(x, n) * sines(0.5 * x, 2)


@pytest.mark.parametrize(
    ("f", "args", "exact"),
    [
        (twice, (0.7, 5), True),
        (each_turn, (np.ones(4), 6), False),  # a list of arrays
        (two_searches, (1.2,), False),
        (either, (0.3, 4), True),
        (either, (0.3, 1), True),
        (nested_calls, (np.ones(5), 3), True),
    ],
)
def test_what_functions_beside_it_save_counts(f, args, exact):
    derivative = srcad.grad(f, target="python")
    plan = derivative.plan(*args)
    really = kept_memory(derivative, args)
    assert {one.name: one.bytes for one in plan.saved if one.bytes} == {
        one.name: really[one.name] for one in plan.saved if one.bytes
    }
    assert plan.exact == exact
    if exact:
        assert plan.bytes == sum(really.values())
    # no less than where the calls are inlined by hand: the sweeps of `sines` save n values each
    if f is twice:
        assert plan.bytes >= 8 * (5 + 6)


def test_what_functions_beside_it_save_may_be_too_much():
    derivative = srcad.grad(twice, target="python", max_tape=1000)
    derivative(0.5, 10)
    with pytest.raises(ArgumentError, match="S314"):
        derivative(0.5, 1000)


def shaken(x, n):
    y = 0.0
    for i in range(len(x)):
        y = np.sin(y * x[i]) + x[i]
    return y if n == 0 else y * shaken(0.5 * x, n - 1)


def test_what_a_recursion_saves_is_not_known():
    # with fastmath there is no tape
    for fastmath, size in ((False, "floats of each call"), (True, "for each level of the recursion")):
        derivative = srcad.grad(lambda x, n: shaken(x, n), target="python", fastmath=fastmath)
        plan = derivative.plan(np.ones(4), 3)
        assert not plan.exact and plan.most is None
        assert "what is not known before the call" in str(plan) and size in str(plan)
        assert size in derivative.source_for(np.ones(4), 3).partition("import")[0]


# ---- the table ---------------------------------------------------------------------------------


def line_of(function, text):
    code = function.__code__
    with open(code.co_filename) as file:
        lines = file.read().splitlines()
    return next(i for i in range(code.co_firstlineno, len(lines) + 1) if text in lines[i - 1])


def mixed(x, steps):
    y = x.copy()
    n = len(x)
    for t in range(steps):
        for i in range(1, n):
            y[i] = np.sin(y[i])
    z = y[1]
    while z < 10.0:
        z = z * z + 1.0
    return z


def test_the_table():
    plan = srcad.grad(mixed, target="python").plan(np.ones(1001), 200)
    sine, square = line_of(mixed, "np.sin"), line_of(mixed, "z * z")
    assert str(plan) == (
        "keeps 1.6 MB, and what is not known before the call, for the reverse sweep\n"
        f"y_saved   steps x (n - 1) floats           1.6 MB   read by line {sine}\n"
        f"z_stack   one float per turn of the loop    grows   read by line {square}"
    )
    assert plan._repr_html_() == f"<pre>{plan}</pre>"
    assert plan.biggest_first()[0].name == "y_saved"


def test_the_text_says_the_same():
    derivative = srcad.grad(mixed, target="python")
    source = derivative.source_for(np.ones(4), 2)
    for one in derivative.plan(np.ones(4), 2).saved:
        assert f"{one.name}  {one.size}   read by line {one.lines[0]}" in source


# ---- max_tape ----------------------------------------------------------------------------------


def test_what_keeps_too_much_is_refused_before_it_runs():
    derivative = srcad.grad(mixed, max_tape=1_000_000)
    with pytest.raises(ArgumentError) as caught:
        derivative(np.ones(1001), 200)
    sine, square = line_of(mixed, "np.sin"), line_of(mixed, "z * z")
    assert str(caught.value) == (
        "srcad error S314: mixed_grad keeps at least 1,600,000 bytes for its reverse sweep, and max_tape is 1,000,000\n"
        "\n"
        f"  y_saved   steps x (n - 1) floats           1.6 MB   read by line {sine}\n"
        f"  z_stack   one float per turn of the loop    grows   read by line {square}\n"
        "\n"
        "  You can: pass a smaller input; or raise max_tape."
    )
    assert not derivative.specialisation(np.ones(1001), 200)._loaded_function


def test_what_keeps_no_more_runs():
    for make in (srcad.grad, srcad.value_and_grad):
        make(nested, target="python", max_tape=448)(np.ones(10), 7)
        with pytest.raises(
            ArgumentError, match="nested_grad keeps 448 bytes for its reverse sweep, and max_tape is 447"
        ):
            make(nested, target="python", max_tape=447)(np.ones(10), 7)
    adjoint = srcad.adjoint(in_place, ("x", "y"), target="python", max_tape=8)
    with pytest.raises(ArgumentError, match="in_place_adjoint keeps"):
        adjoint(np.ones(5), np.ones(5), np.ones(5), np.ones(5))
    assert srcad.grad(newton, target="python", max_tape=0)(2.0) > 0.0  # not known to need anything


def test_the_limit_is_no_part_of_the_text():
    free, bound = srcad.grad(nested, target="python"), srcad.grad(nested, target="python", max_tape=10**9)
    x = np.ones(4)
    one, other = free.specialisation(x, 2), bound.specialisation(x, 2)
    assert one.text == other.text
    assert repr(free.options) == repr(bound.options) and free.options != bound.options
    assert free.specialisation(x, 2)._checks == []


@pytest.mark.parametrize("value", [-1, 2.5, True, "2 GB"])
def test_the_limit_is_a_number_of_bytes(value):
    with pytest.raises(ArgumentError) as caught:
        srcad.grad(nested, max_tape=value)
    assert str(caught.value) == f"srcad error S310: the option max_tape is a whole number of bytes, not {value!r}"


# ---- loops that may be left early --------------------------------------------------------------------


def root(a, limit):
    x = 1.0
    for s in range(limit):
        y = x - (x * x - a) / (2 * x)
        if abs(y - x) < 1e-12:
            break
        x = y
    return x


def roots(a, limit):
    total = 0.0
    for i in range(len(a)):
        total += np.sin(total) * root(a[i], limit)
    return total


def settled(b, limit):
    x = b.copy()
    for s in range(limit):
        y = np.tanh(0.3 * x) * x + b
        if np.sum((y - x) ** 2) < 1e-14:
            break
        x = y
    return np.sum(x)


def test_a_limit_that_is_not_reached_is_said_and_not_kept() -> None:
    derivative = srcad.grad(root, target="python", max_tape=1000)
    plan = derivative.plan(7.0, 10**12)
    assert (plan.bytes, plan.exact, plan.most) == (0, False, 9 * 10**12)
    line = root.__code__.co_firstlineno + 3
    assert str(plan).splitlines() == [
        "keeps at most 9000.0 GB for the reverse sweep",
        f"x_stack   one float per turn of the loop   at most 8000.0 GB   read by line {line}",
        f"took_if   one bool per turn of the loop    at most 1000.0 GB   read by line {line + 1}",
    ]
    assert derivative(7.0, 10**12) == pytest.approx(0.5 / np.sqrt(7.0))


def test_rows_grow_together() -> None:
    b = np.linspace(-0.4, 0.5, 5)
    derivative = srcad.grad(settled, target="python")
    plan = derivative.plan(b, 1000)
    assert plan.most is not None and plan.most % 1000 == 0
    text = derivative.source_for(b, 1000)
    assert text.count(" == ") == 1 and text.count("np.concatenate") >= 2
    np.testing.assert_allclose(derivative(b, 10**12), derivative(b, 60), rtol=0, atol=0)


def test_no_limit_is_known_inside_another_loop() -> None:
    derivative = srcad.grad(roots, target="python")
    plan = derivative.plan(np.ones(3), 10**12)
    assert not plan.exact and plan.most is None
    assert "grows" in str(plan) and "what is not known before the call" in str(plan)
    assert np.all(np.isfinite(derivative(np.array([1.5, 2.0, 3.0]), 10**12)))


def test_a_limit_by_an_array_is_room_at_once() -> None:
    def first(x):
        s = 0.3
        for t in range(len(x)):
            s = np.sin(s) * x[t]
            if s > 5.0:
                return s
        return s

    derivative = srcad.grad(first, target="python")
    assert derivative.plan(np.ones(100)).exact
    assert "concatenate" not in derivative.source_for(np.ones(100))
