"""Checkpointed loops: the same gradients as without, from the state at the start of each stretch."""

from __future__ import annotations

import ast
import inspect
import math
import pickle
import textwrap
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.backend.modules.import_module import load
from srcad.build_step.config import Entry
from srcad.errors import ArgumentError, DerivativeError, SrcadError
from srcad.options import Options
from tests.kept_memory import kept_memory
from tests.numeric import copied, leaves, worst_error
from tests.poison import poisoned
from tests.programs.registry import Case, all_cases
from tests.random_nests import arguments, by_complex_step, nest

pytestmark = pytest.mark.one_in(10, least=3)

TURNS = (0, 1, 2, 3, 4, 5, 9, 10, 17)


# ---- programs: each goes wrong if one thing is forgotten -----------------------------------------


def carried(x, n):
    h, s = 0.5, 1.0
    for t in range(n):
        h = np.sin(h * x[t % 4]) + 0.3 * s
        s = s * h + 0.1 * t
    return s + h


def carried_array(x, n):
    h = x * 0.5
    for t in range(n):
        h = np.sin(h * x) + 0.2 * h
    return np.sum(h * h)


def in_place(x, n):
    u = x * 1.0
    for t in range(n):
        for i in range(1, 3):
            u[i] = np.sin(u[i - 1]) * u[i + 1] + u[i]
    return np.sum(u * u)


def read_before(x, n):
    """What the reversal of the first line reads is overwritten in the loop."""
    u = x * 1.0
    s = np.sum(u * u * x)
    for t in range(n):
        u[t % 4] = np.sin(u[(t + 1) % 4] * s)
    return np.sum(u) * s


def written_and_not_read(x, n):
    """No turn reads `u`, but the first line's reversal does."""
    u = x * 1.0
    s = np.sum(u * u * x)
    h = s
    for t in range(n):
        h = np.sin(h)
        u[t % 4] = h
    return np.sum(u) * s


def overwritten_behind(x, n):
    """The second run reads `w` as it was; the reversal of the sum does not."""
    w = x * 1.0
    h = 0.5
    for t in range(n):
        h = np.sin(h) + w[t % 4]
    w[1] = 3.0 * h
    w[2] *= h
    return np.sum(w) * h


def states_in_rows(x, n):
    hs = np.zeros((n + 1, 4))
    hs[0] = x
    for t in range(n):
        hs[t + 1] = np.sin(hs[t]) * x
    return np.sum(hs * hs)


def shifted_history(x, n):
    """A turn reads what others wrote long before."""
    a = np.ones(n + 4)
    a[:4] = x
    for t in range(4, n + 4):
        a[t] = np.sin(a[t - 1] * a[t - 4]) + a[t % 4]
    return np.sum(a)


def scratch(x, n):
    u = x * 1.0
    d = np.zeros(4)
    for t in range(n):
        for i in range(4):
            d[i] = np.sin(u[i] * u[3 - i])
        for i in range(4):
            u[i] += 0.3 * d[i] * d[3 - i]
    return np.sum(u)


def buffers_that_trade_places(x, n):
    a = x * 1.0
    b = np.zeros(4)
    for t in range(n):
        for i in range(4):
            b[i] = np.sin(a[i] * a[3 - i]) + 0.1 * t
        a, b = b, a
    return np.sum(a * a) + b[0]


def buffers_read_before(x, n):
    """The memory that the loop begins with is put back, whatever it is called by then."""
    a = x * 1.0
    b = np.zeros(4)
    s = np.sum(a * a * x)
    for t in range(n):
        for i in range(4):
            b[i] = np.sin(a[i] * a[3 - i]) * s
        a, b = b, a
    return np.sum(a * a) * s


def written_and_made_anew(x, n):
    h = x * 1.0
    for t in range(n):
        h[t % 4] *= h[(t + 1) % 4]
        h = np.sin(h) + h * x
    return np.sum(h)


def row_of_a_matrix(x, n):
    m = np.zeros((2, 4))
    m[0] = x
    m[1] = 0.5 * x
    row = m[1]
    for t in range(n):
        row[t % 4] = np.sin(m[0, t % 4] * m[1, (t + 1) % 4])
        m[0, t % 4] += row[0] * row[1]
    return np.sum(m)


def counters(x, n):
    p, s = 0, 0.5
    for t in range(n):
        p += 1
        if x[p % 4] > 0.5:
            p += 2
        s = np.sin(s * x[p % 4]) + 0.1 * p
    return s * p


def backwards(x, n):
    s = 0.5
    for t in range(n + 2, 2, -1):
        s = np.sin(s * x[t % 4]) + 0.01 * t
    return s


def every_third(x, n):
    s = 0.5
    for t in range(1, 3 * n, 3):
        s = np.sin(s * x[t % 4]) + 0.01 * t
    return s


def by_a_step(x, n):
    s, by = 0.5, 1 - n % 3 * 2 or 2
    for t in range(2 * n if by < 0 else 0, 0 if by < 0 else 2 * n, by):
        s = np.sin(s * x[t % 4]) + 0.01 * t
    return s


def over_items(x, n):
    y = np.ones(n) * 0.5
    s = 0.5
    for item in y:
        s = np.sin(s * item * x[1]) + x[2]
    return s


def in_a_branch(x, n):
    s = 0.5
    if n > 1:
        u = x * 1.0
        for t in range(n):
            u[t % 4] = np.sin(u[(t + 1) % 4]) * s
            s = s * 0.9 + u[0]
    return s + x[0]


def triangle(x, n):
    s = 0.5
    for t in range(n):
        for j in range(t):
            s = np.sin(s * x[j % 4]) + 0.01 * t
    return s


def while_inside(x, n):
    s = 0.5
    for t in range(n):
        k = t % 3
        while k > 0:
            s = np.sin(s * x[k])
            k -= 1
        s += x[t % 4]
    return s


def left_inside(x, n):
    s = 0.5
    for t in range(n):
        for j in range(4):
            s = np.sin(s * x[j]) + 0.3
            if j > t % 3:
                break
    return s


def two_loops(x, n):
    u = x * 1.0
    for t in range(n):
        u[t % 4] = np.sin(u[(t + 1) % 4]) + u[t % 4]
    for t in range(n + 2):
        u[t % 4] *= np.cos(u[(t + 2) % 4])
    return np.sum(u * u)


def index_kept(x, n):
    s, last = 0.5, 0
    for t in range(n):
        s = np.sin(s * x[t % 4])
        last = t
    return s * x[last % 4] * last + s


def sum_behind(x, n):
    """A loop that is taken back as soon as it has run, of what the checkpointed one leaves."""
    u = x * 1.0
    for t in range(n):
        u[t % 4] = np.sin(u[(t + 1) % 4]) + u[t % 4]
    s = 0.0
    for i in range(4):
        s += np.exp(np.sin(u[i]) * u[i])
    return s


def sum_before(x, n):
    s = 0.0
    for i in range(4):
        s += np.exp(np.sin(x[i]) * x[i])
    for t in range(n):
        s = np.sin(s * x[t % 4])
    return s


PROGRAMS = (
    (carried, "t"), (carried_array, "t"), (in_place, "t"), (read_before, "t"), (written_and_not_read, "t"),
    (overwritten_behind, "t"), (states_in_rows, "t"), (shifted_history, "t"), (scratch, "t"),
    (buffers_that_trade_places, "t"), (buffers_read_before, "t"), (written_and_made_anew, "t"), (row_of_a_matrix, "t"),
    (counters, "t"), (backwards, "t"), (every_third, "t"), (by_a_step, "t"), (over_items, "item"), (in_a_branch, "t"),
    (triangle, "t"), (while_inside, "t"), (left_inside, "t"), (two_loops, "t"), (index_kept, "t"), (sum_behind, "t"),
    (sum_before, ("t",)),
)  # fmt: skip
STATES_STAY = (states_in_rows, shifted_history)
"""Their states stay where the program itself keeps them."""
X = np.array([0.3, 0.7, 0.9, 0.4])


def stepped(program: Any, n: int) -> np.ndarray[Any, Any]:
    """By complex steps; `zeros` and `ones` take the dtype of what goes round."""
    zeros, ones = np.zeros, np.ones
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np, "zeros", lambda shape: zeros(shape, complex))
        patch.setattr(np, "ones", lambda shape: ones(shape, complex))
        found = []
        for k in range(4):
            moved = X.astype(complex)
            moved[k] += 1e-30j
            found.append(np.imag(program(moved, n)) / 1e-30)
    return np.array(found)


@pytest.mark.parametrize(("program", "name"), PROGRAMS, ids=lambda p: getattr(p, "__name__", None))
def test_programs(program: Any, name: Any, tmp_path: Path) -> None:
    df = srcad.value_and_grad(program, target="python", checkpoint=name)
    made = df.specialisation(X, 5).generated
    assert ("# forward again" in made.text()) != (program is shifted_history)
    assert ("_checkpoints" in made.text()) != (program in STATES_STAY)
    tuned = tmp_path / "tuned.py"
    tuned.write_text(made.machine_text())
    for n in TURNS:
        want = 0.0 * X if program is counters else stepped(program, n)
        if program is counters:  # compares what goes round
            want = srcad.grad(program, target="python")(X, n)
        with warnings.catch_warnings(), poisoned():
            warnings.simplefilter("ignore")
            value, have = df(X, n)
            again = getattr(load(tuned), made.function.name)(X, n)
        assert value == program(X, n), n
        np.testing.assert_allclose(have, want, rtol=1e-12, atol=1e-14, err_msg=f"{n} turns")
        np.testing.assert_allclose(again[1], have, rtol=1e-13, atol=1e-15, err_msg=f"{n} turns, tuned")


@pytest.mark.parametrize("program", [carried, in_place, buffers_that_trade_places, scratch, while_inside, by_a_step])
def test_compiled(program: Any) -> None:
    df, plain = srcad.grad(program, checkpoint="t"), srcad.grad(program, target="python")
    for n in TURNS:
        np.testing.assert_allclose(df(X, n), plain(X, n), rtol=1e-12, atol=1e-14)


# ---- the corpus and random nests -----------------------------------------------------------------


def outer_loops(function: Any) -> tuple[str, ...]:
    """The variables of the loops of a function that stand in no other."""
    found: dict[str, None] = {}

    def go(node: ast.AST) -> None:
        for inner in ast.iter_child_nodes(node):
            if not isinstance(inner, ast.For | ast.While):
                go(inner)
            elif isinstance(inner, ast.For):
                first = inner.target.elts[0] if isinstance(inner.target, ast.Tuple) else inner.target
                if isinstance(first, ast.Name):
                    found[first.id] = None

    go(ast.parse(textwrap.dedent(inspect.getsource(getattr(function, "py_func", function)))))
    return tuple(found)


WITH_LOOPS = [case for case in all_cases() if outer_loops(case.function)]


@pytest.mark.parametrize("case", WITH_LOOPS, ids=lambda c: c.name)
def test_corpus(case: Case) -> None:
    for name in outer_loops(case.function):
        df = srcad.value_and_grad(case.function, case.wrt, target="python", checkpoint=name)
        plain = srcad.value_and_grad(case.function, case.wrt, target="python")
        before = copied(case.args)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                text = df.source_for(*case.args)
            except SrcadError as error:
                assert error.problems[0].code in ("S208", "S315"), name
                continue
            if "# forward again" not in text:
                continue
            want_value, want = plain(*case.args)
            with poisoned():
                value, have = df(*case.args)
        for one, was in zip(leaves(case.args), leaves(before), strict=True):
            np.testing.assert_array_equal(one, was)
        assert np.asarray(value).tobytes() == np.asarray(want_value).tobytes(), name
        assert worst_error(have, want) < (1e-4 if case.tolerance > 1e-6 else 1e-11), name


@pytest.mark.one_in(8, least=1)
@pytest.mark.parametrize("first", range(0, 60, 12))
def test_random_nests(first: int, tmp_path: Path) -> None:
    stretched = 0
    for seed in range(first, first + 12):
        program, text = nest(seed, tmp_path)
        args = arguments()
        with np.errstate(all="ignore"):
            wanted = by_complex_step(program, args, 4)
            if not all(np.all(np.isfinite(one)) and np.max(np.abs(one)) < 1e8 for one in wanted):
                continue
        derivative = srcad.grad(program, argnums=(0, 1, 2, 3), target="python", checkpoint="i")
        try:
            made = derivative.specialisation(*args).generated
        except SrcadError as error:
            # left early, or written out turn by turn
            assert error.problems[0].code in ("S208", "S315", "S401"), text
            continue
        stretched += "# forward again" in made.text()
        tuned = tmp_path / f"nest_{seed}.py"
        tuned.write_text(made.machine_text())
        for gradient in (derivative, getattr(load(tuned), made.function.name)):
            for have, want in zip(gradient(*args), wanted, strict=True):
                error = np.max(np.abs(have - want)) / (1.0 + np.max(np.abs(want)))
                assert error < 1e-8, f"seed {seed}: {error}\n{text}\n{made.text()}"
    assert stretched > 3


# ---- procedures ----------------------------------------------------------------------------------


def steps_in_place(u, w, n):
    for t in range(n):
        for i in range(1, len(u) - 1):
            u[i] = np.sin(u[i - 1] * w[i]) + u[i] * u[i + 1]


def steps_and_sum(u, w, n):
    s = 0.0
    for t in range(n):
        for i in range(1, len(u) - 1):
            u[i] = np.sin(u[i - 1] * w[i]) + u[i] * u[i + 1]
    for i in range(len(u)):
        s += np.exp(np.sin(u[i]) * u[i])
        w[i] = s
    return s


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize("program", [steps_in_place, steps_and_sum])
def test_procedures(program: Any, target: str) -> None:
    """The arguments hold in the end what the function leaves in them."""
    rng = np.random.default_rng(3)
    for n in (0, 1, 2, 7, 9):
        arrays = [rng.uniform(0.2, 0.8, 6) for _ in range(4)]
        made = []
        for checkpoint in ((), "t"):
            args = [a.copy() for a in arrays]
            df = srcad.adjoint(program, ("u", "w"), target=target, checkpoint=checkpoint)
            df(args[0], args[1], n, *args[2:])
            made.append(args)
        left = [a.copy() for a in arrays[:2]]
        program(*left, n)
        for have, want in zip(made[1], made[0], strict=True):
            np.testing.assert_allclose(have, want, rtol=1e-12)
        for have, want in zip(made[1], left, strict=False):
            np.testing.assert_allclose(have, want, rtol=1e-13)


def aux(x, n):
    u = x * 1.0
    for t in range(n):
        u[t % 4] = np.sin(u[(t + 1) % 4]) + u[t % 4]
    return np.sum(u), u


def test_results_that_are_arrays() -> None:
    df = srcad.value_and_grad(aux, has_aux=True, target="python", checkpoint="t")
    (value, u), _ = df(X, 7)
    assert value == aux(X, 7)[0]
    np.testing.assert_array_equal(u, aux(X, 7)[1])


def aux_behind(x, n):
    """What is returned besides is made of `u` as the loop leaves it, not as its reversal does."""
    u = x * 1.0
    h = 0.5
    for t in range(n):
        h = np.sin(h) + u[(t + 1) % 4]
        u[t % 4] += h
    s = 0.0
    for i in range(4):
        s += np.exp(np.sin(x[i]) * x[i])
    return s + h, u * s


def test_value_computed_behind_the_reverse_sweep() -> None:
    df = srcad.value_and_grad(aux_behind, has_aux=True, target="python", checkpoint="t")
    (value, product), _ = df(X, 5)
    assert value == aux_behind(X, 5)[0]
    np.testing.assert_array_equal(product, aux_behind(X, 5)[1])


def talking(x, n):
    s = x
    for t in range(n):
        assert s < 100.0
        print("turn", t)
        s = np.sin(s) * x
    return s


def test_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    srcad.grad(talking, target="python", checkpoint="t")(0.5, 3)
    assert capsys.readouterr().out == "turn 0\nturn 1\nturn 2\n"


# ---- memory --------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 5, 100, 1000])
def test_bytes(n: int) -> None:
    length = max(math.ceil(math.sqrt(n)), 1)
    df = srcad.grad(carried_array, target="python", checkpoint="t")
    plan = df.plan(X, n)
    assert plan.exact
    assert plan.bytes == 8 * 4 * (-(-n // length) + length)  # h at the start of each stretch, and of each turn of one
    assert plan.bytes == sum(kept_memory(df, (X, n)).values())


def test_kept() -> None:
    text = srcad.grad(carried_array, target="python", checkpoint="t").source_for(X, 10)
    assert "h_checkpoints  stretches x x.shape[0] floats" in text
    assert "for stretch in range(stretches - 1, -1, -1):" in text


def test_max_tape() -> None:
    with pytest.raises(ArgumentError, match="S314"):
        srcad.grad(carried_array, target="python", max_tape=10_000)(X, 1000)
    srcad.grad(carried_array, target="python", max_tape=10_000, checkpoint="t")(X, 1000)


def linear(x, w, n):
    s = x * 1.0
    for t in range(n):
        s = s * 0.5 + w
    return np.sum(s)


def test_nothing_kept_nothing_run_again() -> None:
    """Where the reverse sweep needs nothing of the turns, there is nothing to save by a second run."""
    have = srcad.grad(linear, target="python", checkpoint="t").source_for(X, X, 3)
    assert have == srcad.grad(linear, target="python").source_for(X, X, 3)


# ---- the option ----------------------------------------------------------------------------------


def test_option() -> None:
    assert Options.of({"checkpoint": "t"}) == Options.of({"checkpoint": ("t",)})
    assert "checkpoint" not in repr(Options()) and "checkpoint=('t',)" in repr(Options(checkpoint=("t",)))
    df = srcad.grad(carried, target="python", checkpoint="t")
    assert pickle.loads(pickle.dumps(df)).source_for(X, 3) == df.source_for(X, 3)


def test_entry_of_a_project() -> None:
    entry = Entry("tests.test_checkpoint:carried", wrt=("x",), checkpoint=("t",))
    assert entry.derivative().options.checkpoint == ("t",)


def message(f: Any, *args: Any, checkpoint: Any) -> str:
    with pytest.raises(SrcadError) as caught:
        srcad.grad(f, target="python", checkpoint=checkpoint).source_for(*args)
    return str(caught.value)


@pytest.mark.parametrize("value", [True, 3, ["t"], ("t", 1), None])
def test_value_that_is_no_name(value: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        srcad.grad(carried, checkpoint=value)
    said = "the option checkpoint is the name of a loop variable, or a tuple of names"
    assert str(caught.value) == f"srcad error S310: {said}, not {value!r}"


def test_no_such_loop() -> None:
    text = message(triangle, X, 3, checkpoint="step")
    assert text.startswith("srcad error S315: checkpoint='step' names no `for` loop\n")
    assert text.endswith("  The loops are those over 't', 'j'.")
    text = message(lambda x: x * x, 2.0, checkpoint="t")
    assert text.endswith("  It has no such loop at run time.")


def leaving(x, n):
    s = x
    for t in range(n):
        s = np.sin(s) * x
        if s < 0.1:
            break
    return s


def unbound(x, n):
    s = x
    for t in range(n):
        if t > 0:
            s += before * np.sin(s)  # noqa: F821
        before = s
    return s


def refused(f: Any, *args: Any, checkpoint: str = "t") -> str:
    text = message(f, *args, checkpoint=checkpoint)
    with pytest.raises(DerivativeError):
        srcad.grad(f, checkpoint=checkpoint).source_for(*args)
    return "\n".join(line for line in text.split("\n") if "test_checkpoint" not in line and " | " not in line)


def test_loops_that_cannot_be_checkpointed() -> None:
    assert refused(leaving, 0.5, 3) == (
        "srcad error S208: the loop over t cannot be checkpointed\n\n"
        "  The number of its turns is known only when it has run.\n\n"
        "  You can: say with snapshots= how many states may be saved at once."
    )
    assert refused(triangle, X, 3, checkpoint="j") == (
        "srcad error S208: the loop over j cannot be checkpointed\n\n"
        "  It is inside another loop.\n\n"
        "  You can: checkpoint the outermost loop: its turns are then run again as a whole."
    )
    assert refused(unbound, 0.5, 3) == (
        "srcad error S208: the loop over t cannot be checkpointed\n\n"
        "  before has no value before it, so that none can be kept.\n\n"
        "  You can: give before a value before the loop."
    )
