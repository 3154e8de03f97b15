"""Where a fault began, what adjoints were, which lines take the time: what is said of a call is what happened in it."""

from __future__ import annotations

import io
import pdb
import signal
import warnings
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.dispatch.pytree import flatten
from srcad.errors import NonFiniteError
from srcad.inspection.finite_calls import copied, readable_text
from srcad.inspection.nonfinite import NonFinite
from srcad.inspection.observed_text import observed
from srcad.inspection.trace import Trace
from srcad.inspection.turns import TurnCounter
from tests import test_calls
from tests.numeric import leaves, map_leaves
from tests.programs.registry import Case, all_cases
from tests.test_calls import floats

pytestmark = pytest.mark.one_in(10, least=3)

TARGETS = ["python", "cpu"]


def found(f: Any, *args: Any, **options: Any) -> NonFinite | None:
    """What is said of a call; None where its results are taken for finite."""
    seen: list[NonFinite] = []
    derivative = srcad.value_and_grad(f, options.pop("argnums", 0), on_nonfinite=seen.append, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        derivative(*args)
    assert len(seen) <= 1
    return seen[0] if seen else None


def source_of(place: NonFinite | None) -> str:
    assert place is not None and place.primal is not None
    return place.primal.text.strip()


# ---- the first place -------------------------------------------------------------------------------------------------


def simulation(x: Any, rate: float, steps: int) -> float:
    u = x.copy()
    best = np.inf
    for t in range(steps):
        for i in range(len(u)):
            u[i] = u[i] - rate * t
            best = min(best, u[i])
        u[2] = np.log(u[2])
    return np.sum(u) + best  # type: ignore[no-any-return]


@pytest.mark.parametrize("target", TARGETS)
def test_the_first_place_is_named(target: str) -> None:
    x = np.array([9.0, 9.0, 5.0, 9.0])
    gradient = srcad.value_and_grad(simulation, target=target, debug=True)
    value, _ = gradient(x, 0.1, 2)
    assert np.isfinite(value)
    with pytest.raises(NonFiniteError, match="S601") as caught:
        gradient(x, 1.0, 3)  # log 5 = 1.6; log 0.6 = -0.5; log(-2.5)
    place = caught.value.found
    assert isinstance(place, NonFinite) and isinstance(caught.value, FloatingPointError)
    assert source_of(place) == "u[2] = np.log(u[2])"
    assert (place.name, place.index, place.iterations) == ("u", (2,), (("t", 2),))
    assert np.isnan(place.value) and place.born and not place.operands
    with open(place.file, encoding="utf-8") as file:
        assert file.read().splitlines()[place.line - 1] == place.text
    assert "np.log(u[2])" in place.text
    for part in ("u[2] is nan in the turn t = 2", "it came up here", "u[2] = np.log(u[2])"):
        assert part in str(caught.value)
    np.testing.assert_array_equal(x, [9.0, 9.0, 5.0, 9.0])


@pytest.mark.parametrize("target", TARGETS)
def test_an_argument_is_named(target: str) -> None:
    x = np.array([9.0, np.nan, 5.0, 9.0])
    place = found(simulation, x, 0.1, 2, target=target)
    assert source_of(place) == "u = x.copy()"
    assert place is not None and not place.born and place.iterations == ()
    (operand,) = place.operands
    assert operand.argument and operand.index == (1,) and np.isnan(operand.value)


def test_the_reverse_sweep_is_searched_too() -> None:
    def norm(x: Any) -> float:
        total = 0.0
        for i in range(len(x)):
            total += np.sqrt(x[i])
        return total

    place = found(norm, np.array([4.0, 0.0, 1.0]), target="python")
    assert source_of(place) == "total += np.sqrt(x[i])"
    assert place is not None and (place.name, place.iterations) == ("part", (("i", 1),))
    assert np.isinf(place.value) and place.born


def test_what_is_masked_is_not_the_reason() -> None:
    """Both logarithms are not finite; the sum is made of the second alone."""

    def f(x: Any, y: Any) -> float:
        a = np.log(x)
        b = np.where(x > 0.0, a, 0.0)
        c = np.log(y)
        return np.sum(b) + np.sum(c)  # type: ignore[no-any-return]

    x, y = np.array([0.0, 2.0]), np.array([2.0, 3.0])
    assert found(f, x, y, target="python") is None
    place = found(f, x, np.array([-1.0, 3.0]), target="python")
    assert source_of(place) in ("c = np.log(y)", "return np.sum(b) + np.sum(c)")


def test_start_values_are_not_the_reason() -> None:
    def f(x: Any) -> float:
        best = -np.inf
        for i in range(len(x)):
            best = max(best, x[i])
        scaled = best / (x[0] - x[0])
        return scaled

    assert found(lambda x: max(x[0], -np.inf), np.array([1.0]), target="python") is None
    place = found(f, np.array([1.0, 2.0]), target="python")
    assert source_of(place) == "scaled = best / (x[0] - x[0])"


def test_nan_of_written_infinities_came_up_where_they_meet() -> None:
    def f(x: float) -> float:
        high = np.inf
        low = np.inf
        gap = high - low
        return x * gap

    place = found(f, 1.0, target="python")
    assert place is not None and "high - low" in str(place) or source_of(place) == "return x * gap"


def test_elements_are_followed_apart() -> None:
    """The first infinity is in an element that the result is not made of."""

    def f(x: Any, y: float) -> float:
        table = np.zeros(3)
        table[0] = np.exp(y)
        table[1] = np.log(-x[0])
        row = table[1:]
        return row[0]  # type: ignore[no-any-return]

    def g(x: Any) -> float:
        tables = []
        for i in range(3):
            tables.append(np.exp(x * 10.0**i))
        last = tables[0] * 2.0
        for table in tables:
            last = last + table
        return np.sum(last)  # type: ignore[no-any-return]

    assert source_of(found(f, np.array([1.0]), 1e4, target="python")) == "table[1] = np.log(-x[0])"
    place = found(g, np.array([8.0]), target="python")
    assert source_of(place) == "tables.append(np.exp(x * 10.0**i))"


def test_what_goes_through_the_tape_keeps_its_place() -> None:
    """The state of each turn is saved in the forward sweep and read in the reverse sweep."""

    def f(x: Any, n: int) -> float:
        while n > 0:
            x = x * np.exp(x)
            n -= 1
        return np.sum(1.0 / x)  # type: ignore[no-any-return]

    place = found(f, np.array([3.0, -1.0]), 4, target="python")
    assert source_of(place) == "x = x * np.exp(x)"
    assert place is not None and place.iterations[0][0] == "" and place.index == (0,)


def test_what_is_beside_the_value_may_be_anything() -> None:
    def f(x: float) -> tuple[float, float]:
        return x * x, np.log(x - x)

    seen: list[NonFinite] = []
    gradient = srcad.value_and_grad(f, has_aux=True, target="python", debug=True, on_nonfinite=seen.append)
    (_, aux), _ = gradient(2.0)
    assert np.isinf(aux) and not seen


@pytest.mark.parametrize("target", TARGETS)
def test_buffers_and_written_arguments_are_results(target: str) -> None:
    def roots(x: Any, y: Any) -> None:
        for i in range(len(x)):
            y[i] = np.sqrt(x[i])

    adjoint = srcad.adjoint(roots, ("x", "y"), target=target, debug=True)
    x, d_x = np.array([4.0, 0.0]), np.zeros(2)
    adjoint(np.ones(2), np.zeros(2), np.zeros(2), np.ones(2))
    with pytest.raises(NonFiniteError) as caught:
        adjoint(x, np.zeros(2), d_x, np.ones(2))
    assert source_of(caught.value.found) == "y[i] = np.sqrt(x[i])"  # type: ignore[arg-type]
    assert caught.value.found.name == "part"  # type: ignore[attr-defined]
    with pytest.raises(NonFiniteError) as caught:
        srcad.jit(roots, target=target, debug=True)(-x, np.zeros(2))
    assert caught.value.found.name == "y"  # type: ignore[attr-defined]


def test_the_call_goes_on_after_the_callback() -> None:
    seen: list[NonFinite] = []
    gradient = srcad.grad(lambda x: np.sqrt(x), target="python", debug=True, on_nonfinite=seen.append)
    assert np.isinf(gradient(0.0)) and len(seen) == 1
    assert gradient(1.0) == 0.5 and len(seen) == 1
    with pytest.raises(AttributeError):
        seen[0].line = 3  # type: ignore[misc]


def test_options_are_checked() -> None:
    with pytest.raises(srcad.ArgumentError, match="on_nonfinite"):
        srcad.grad(np.sum, on_nonfinite=True)  # type: ignore[arg-type]


# ---- functions that stay functions -----------------------------------------------------------------------------------


def spring(y: Any, p: float) -> Any:
    energy = y * y
    root = np.sqrt(p - energy)
    return root * y


def stepped(y: Any, p: float, n: int) -> Any:
    for i in range(n):
        k = spring(y, p)
        y = y + 0.1 * spring(y + 0.5 * k, p)
    return np.sum(y * y)


def logs(values: Any, lo: int, hi: int) -> Any:
    if hi - lo == 1:
        part = np.log(values[lo])
        return part * part
    mid = (lo + hi) // 2
    return logs(values, lo, mid) + logs(values, mid, hi)


def all_logs(values: Any) -> Any:
    return logs(values, 0, len(values))


def clipped(x: Any, limit: float) -> Any:
    low = 0.0 * x
    return np.where(x > limit, np.log(x), low)


def masked(x: Any) -> Any:
    return np.sum(np.where(x > 2.0, spring(x, 9.0), x) + np.where(x > 2.0, spring(x, 8.0), 0.0) + clipped(x, 0.0))


def decided(x: float, y: float) -> float:
    if size(x, y) > 1.0 or size(y, x) < -1.0:
        return np.log(y - 2.0) * x  # type: ignore[no-any-return]
    return x


def size(u: float, v: float) -> float:
    y = v / u
    z = y * y
    return z - u


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("y", [0.5, np.array([0.1, 0.5])], ids=["number", "array"])
def test_the_place_is_in_the_function_that_is_called(target: str, y: Any) -> None:
    place = found(stepped, y, 1.0, 9, target=target)
    assert source_of(place) == "root = np.sqrt(p - energy)"
    assert place is not None and place.primal is not None and place.primal.function == "spring"
    assert (place.name, place.iterations) == ("root", (("i", 7),)) and place.born
    assert "np.sqrt(p - energy)" in place.text
    with open(place.file, encoding="utf-8") as file:
        assert file.read().splitlines()[place.line - 1] == place.text
    with pytest.raises(NonFiniteError, match="in spring"):
        srcad.grad(stepped, debug=True, target=target)(y, 1.0, 9)


@pytest.mark.parametrize("target", TARGETS)
def test_the_place_is_in_a_function_that_calls_itself(target: str) -> None:
    place = found(all_logs, np.array([1.0, 3.0, -2.0, 5.0, 2.0]), target=target)
    assert source_of(place) == "part = np.log(values[lo])"
    assert place is not None and np.isnan(place.value) and place.born


@pytest.mark.parametrize("target", TARGETS)
def test_arguments_are_followed_into_calls(target: str) -> None:
    for values in (np.array([1.0, np.nan, 3.0]), np.array([np.nan])):
        place = found(all_logs, values, target=target)
        assert place is not None and [one.name for one in place.operands if one.argument] == ["values"]
    place = found(stepped, np.array([0.1, np.nan, 0.9]), 1.0, 2, target=target)
    assert place is not None and [(one.name, one.index) for one in place.operands] == [("y", (1,))]


def test_what_is_masked_in_a_call_is_not_the_reason() -> None:
    assert found(masked, np.array([1.0, 2.5, 0.5])) is None
    place = found(masked, np.array([1.0, 2.9, 0.5, -1.0]))  # beyond the root of 8; log(-1) is masked
    assert source_of(place) == "root = np.sqrt(p - energy)"
    assert place is not None and place.index == (1,)


def test_a_call_that_decides_is_not_the_reason() -> None:
    place = found(decided, 0.0, 1.0)  # size(0, 1) is inf
    assert source_of(place).startswith("return np.log(y - 2.0) * x")


def test_adjoints_in_functions_that_are_called_are_listed() -> None:
    traced = srcad.grad(stepped).trace(0.2, 1.0, 3)
    assert [one.iterations for one in traced["root"]] == [(("i", t),) for t in (2, 2, 1, 1, 0, 0)]
    assert {one.primal_line for one in traced["root"]} == {spring.__code__.co_firstlineno + 3}
    logged = srcad.grad(all_logs).trace(np.array([1.0, 2.0, 4.0]))
    assert [one.index for one in logged["values"]] == [None, 2, 1, 0]
    np.testing.assert_allclose(sorted(one.value for one in logged["part"]), sorted(2.0 * np.log([1.0, 2.0, 4.0])))


def test_lines_of_functions_that_are_called_have_their_times() -> None:
    derivative = srcad.grad(all_logs)
    shown = derivative.profile(np.arange(1.0, 9.0))
    runs = {one.text.strip(): one.runs for one in shown.lines}
    assert runs["mid = (lo + hi) // 2"] in (7, 14) and abs(sum(map(shown.share, shown.lines)) - 1.0) < 1e-9
    lines = derivative.source_for(np.arange(1.0, 9.0)).splitlines()
    assert all(lines[one.line - 1] == one.text for one in shown.lines)
    assert {one.primal.function for one in shown.lines if one.primal} == {"logs", "all_logs"}


def test_values_in_functions_that_are_called_are_explained() -> None:
    told = str(srcad.grad(stepped).explain(0.2, 1.0, 3))
    assert "root   " in told and "dear to compute again" in told
    alone = str(srcad.grad(all_logs).explain(np.ones(3)))
    assert "part = np.log(values[lo])" in alone and "recomputed" in alone


# ---- the observed text is the text -----------------------------------------------------------------------------------


class Silent(TurnCounter):
    """An observer that looks on."""

    def read(self, name: str, value: Any, index: Any = None) -> Any:
        return value if index is None else value[index]

    def written(self, line: int, name: str, value: Any, index: Any = None) -> None:
        if index is not None:
            value[index]

    def result(self, line: int, value: Any) -> Any:
        return value

    def passes(self) -> None: ...

    def passed(self, value: Any) -> Any:
        return value


KEPT = [Case(f, tuple(args), floats(args), f"kept:{name}") for name, (f, *args) in test_calls.ALL.items()]


@pytest.mark.parametrize("case", [*all_cases()[::15], *KEPT], ids=lambda c: c.name)
def test_the_observed_text_computes_the_same(case: Case) -> None:
    gradient = srcad.value_and_grad(case.function, case.wrt, target="python")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = gradient.specialisation(*case.args)
        given = readable_text(one.generated)
        flat = one.flat(flatten(case.args)[0])
        with np.errstate(all="ignore"):
            plain = one.compiled()(*copied(flat))
        seen = observed(given.text, given.function, given.file)(Silent(), copied(flat))
    plain, seen = (one if isinstance(one, tuple) else (one,) for one in (plain, seen))
    for have, want in zip(seen, plain, strict=True):
        np.testing.assert_array_equal(have, want)
    # every statement of the source has a line of its own in the text
    assert given.sources or len(given.text.splitlines()) < 30


# ---- adjoints --------------------------------------------------------------------------------------------------------


def recurrence(x: Any, w: float, n: int) -> float:
    h = np.zeros(len(x))
    for _t in range(n):
        h = np.tanh(w * h + x)
    return np.sum(h * h)  # type: ignore[no-any-return]


@pytest.mark.parametrize("target", TARGETS)
def test_adjoints_are_listed_by_name_and_iteration(target: str) -> None:
    x, w, n = np.array([0.3, -0.8]), 0.7, 3
    gradient = srcad.grad(recurrence, ("x", "w"), target=target)
    traced = gradient.trace(x, w, n)
    hs = [np.zeros(2)]
    for _ in range(n):
        hs.append(np.tanh(w * hs[-1] + x))
    adjoint = 2.0 * hs[-1]
    want = []
    for t in range(n - 1, -1, -1):
        adjoint = w * (1.0 - hs[t + 1] ** 2) * adjoint
        want.append((t, adjoint))
    last = {dict(one.iterations)["_t"]: one.value for one in traced["h"] if one.iterations}
    for t, value in want[:-1]:  # h begins as a constant: nothing reads its adjoint
        np.testing.assert_allclose(last[t], value, rtol=1e-14)
    d_x, d_w = gradient(x, w, n)
    np.testing.assert_allclose(traced["x"][-1].value, d_x, rtol=1e-14)
    np.testing.assert_allclose(traced["w"][-1].value, d_w, rtol=1e-14)
    assert "h" in traced and "nobody" not in traced and traced["d_h"] == traced["h"]
    assert "t" not in str(traced).split("\n")[0] or "_t = 0" in str(traced)
    np.testing.assert_array_equal(x, [0.3, -0.8])


def test_a_variable_of_the_user_called_like_an_adjoint() -> None:
    def f(x: float) -> float:
        d_x = np.sin(x)
        return d_x * x

    traced = srcad.grad(f, target="python").trace(0.5)
    np.testing.assert_allclose(traced["x"][-1].value, np.sin(0.5) + 0.5 * np.cos(0.5))
    np.testing.assert_allclose(traced["d_x"][-1].value, 0.5)


def test_values_in_a_trace_are_copies() -> None:
    def f(x: Any) -> float:
        total = 0.0
        for i in range(len(x)):
            total += x[i] ** 2
        return total

    traced: Trace = srcad.grad(f, target="python").trace(np.array([1.0, 2.0]))
    elements = {one.index: one.value for one in traced["x"] if one.iterations}
    assert {int(np.ravel(at)[0]): float(value) for at, value in elements.items()} == {0: 2.0, 1: 4.0}


# ---- profile and debugger --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", TARGETS)
def test_the_slow_line_is_found(target: str) -> None:
    def f(A: Any, x: Any, n: int) -> float:
        y = x
        for _ in range(n):
            y = np.tanh(A @ y)
        total = 0.0
        for i in range(3):
            total += y[i]
        return total

    x = np.linspace(0.0, 1.0, 1000)
    profile = srcad.grad(f, "x", target=target).profile(np.eye(1000), x, 200)
    slowest = max(profile.lines, key=lambda one: one.seconds)
    assert slowest.primal is not None and slowest.primal.text.strip() == "y = np.tanh(A @ y)"
    assert slowest.runs == 200
    assert abs(sum(map(profile.share, profile.lines)) - 1.0) < 1e-9
    assert "A @ y" in str(profile) and "uncompiled" in str(profile)


def test_pdb_stops_at_a_line_of_the_generated_file(monkeypatch: pytest.MonkeyPatch) -> None:
    gradient = srcad.grad(recurrence, ("x", "w"), target="python")
    given = np.array([0.3, -0.8]), 0.7, 3
    gradient(*given)
    one = gradient.specialisation(*given)
    text = one.text.splitlines()
    line = next(at for at, code in enumerate(text, 1) if code.strip().startswith("d_w +="))
    commands = io.StringIO("continue\np len(d_x), _t\nlist .\ncontinue\ncontinue\ncontinue\n")
    out = io.StringIO()
    debugger = pdb.Pdb(stdin=commands, stdout=out, nosigint=True, readrc=False)
    debugger.use_rawinput = False
    assert debugger.set_break(one.module.__file__, line) is None
    result: Any = debugger.runcall(gradient, *given)
    debugger.clear_all_breaks()
    assert text[line - 1].strip() in out.getvalue() and "(2, 2)" in out.getvalue()
    np.testing.assert_array_equal(result[0], gradient(*given)[0])


# ---- reasons ---------------------------------------------------------------------------------------------------------


def test_each_parameter_has_a_reason() -> None:
    def f(x: float, y: float, z: float, w: Any, n: int) -> float:
        a = np.sin(x)
        b = 1.0 if z > 0.0 else 2.0
        return a * b * n * len(w)  # type: ignore[no-any-return]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        explained = srcad.grad(f, ("x", "y", "z", "w"), target="python").explain(1.0, 2.0, 3.0, np.ones(2), 3)
    roles = {one.name: one for one in explained.parameters}
    assert [roles[name].role for name in "xyzwn"] == [
        "active",
        "no result depends on it",
        "through steps alone",
        "as a constant alone",
        "not asked for",
    ]
    assert [span.text.strip()[:6] for span in roles["x"].spans] == ["a = np", "return"]
    assert ["b = 1.0" in span.text for span in roles["z"].spans] == [True]
    assert "zero: no result depends on it" in str(explained)


def test_values_are_explained() -> None:
    def f(x: Any, s: float) -> float:
        y = np.empty(len(x))
        for i in range(len(x)):
            a = 2.0 * x[i]
            y[i] = np.exp(a * s)
            s = np.sin(s) * y[i]
        return s

    explained = srcad.grad(f, target="python").explain(np.ones(3), 0.5)
    how = {(one.of, one.how, one.why) for one in explained.recoveries}
    assert ("s", "saved", "each iteration goes on from the one before") in how
    assert ("a", "recomputed", "cheap, and what it is made of is there") in how
    assert ("%exp", "reloaded", "it was stored in an array, where it still is") in how
    assert ("sin", "saved", "dear to compute again") in how


def test_checkpoints_are_explained() -> None:
    explained = srcad.grad(recurrence, target="python", checkpoint="_t").explain(np.ones(2), 0.5, 9)
    assert ("h", "a segment of the loop runs again from there") in {(o.of, o.why) for o in explained.recoveries}


@pytest.mark.parametrize("case", all_cases()[::15], ids=lambda c: c.name)
def test_all_that_is_saved_is_explained(case: Case) -> None:
    gradient = srcad.value_and_grad(case.function, case.wrt, target="python")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        explained = gradient.explain(*case.args)
        made = gradient.specialisation(*case.args).generated
    saved = {one.of for one in explained.recoveries if one.how == "saved"}
    assert {made.function.tape[entry.name].of for entry in made.kept} <= saved
    assert len(explained.parameters) == len(made.lowered.function.params)


class Late(Exception):
    """The program itself does not end with NaN."""


def late(*_: object) -> None:
    raise Late


@pytest.mark.parametrize("case", all_cases()[1::26], ids=lambda c: c.name)
def test_nan_in_an_argument_is_traced_back_to_it(case: Case) -> None:
    """Whatever the program: where a result has NaN, an argument is named; where none has, nothing is said."""

    def spoilt(leaf: Any) -> Any:
        if isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f" and leaf.size:
            leaf = leaf.copy()
            leaf.flat[0] = np.nan
        return np.nan if isinstance(leaf, float) else leaf

    args = list(case.args)
    args[case.wrt[0]] = map_leaves(spoilt, args[case.wrt[0]])
    seen: list[NonFinite] = []
    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(20)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = srcad.value_and_grad(case.function, case.wrt, target="python")(*args)
            srcad.value_and_grad(case.function, case.wrt, target="python", on_nonfinite=seen.append)(*args)
    except (Late, ValueError, AssertionError, np.linalg.LinAlgError):  # of the program
        return
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    finite = all(np.all(np.isfinite(one)) for one in leaves(results))
    assert len(seen) == (0 if finite else 1)
    assert all(any(operand.argument for operand in place.operands) for place in seen)
