"""The benchmark: every workload's gradient is that of the adjoint by hand, and the figures say what was measured."""

import json
import math

import numpy as np
import pytest

from tests.benchmarks.__main__ import chosen
from tests.benchmarks.discover import discovered
from tests.benchmarks.figures import Contestant, Figures, Peer, Timing, machine, verdicts
from tests.benchmarks.measure import difference, prepared, rounds
from tests.benchmarks.table import HEADER, markdown, problems, row, shown

WORKLOADS = discovered()


@pytest.mark.one_in(10, least=3)
@pytest.mark.parametrize("name", WORKLOADS)
def test_ours_is_the_gradient_by_hand(name):
    workload = WORKLOADS[name]
    arguments = workload.arguments(True)
    ours = prepared(workload, "ours", workload.gradient(), arguments)()
    assert difference(ours, workload.hand(arguments)()) <= workload.tolerance
    assert workload.hand_saved(arguments) >= 0


def test_difference_is_the_largest_of_the_leaves():
    expected = {"a": np.array([3.0, 4.0]), "b": (1.0, [np.zeros(2)])}
    assert difference({"b": [1.0, (np.zeros(2),)], "a": [3.0, 4.0]}, expected) == 0.0
    assert difference({"a": [3.0, 4.5], "b": (1.0, [np.zeros(2)])}, expected) == pytest.approx(0.1)
    assert difference({"a": [3.0, 4.0], "b": (1.0, [[0.0, 1e-3]])}, expected) == pytest.approx(1e-3)
    for other in (
        {"a": [3.0, 4.0]},
        {"a": [3.0], "b": (1.0, [np.zeros(2)])},
        {"a": [3.0, math.nan], "b": (1.0, [[0, 0]])},
    ):
        assert difference(other, expected) == math.inf


def test_rounds_call_every_contestant():
    calls = dict.fromkeys("ab", 0)

    def call(name):
        calls[name] += 1

    found = rounds({name: lambda name=name: call(name) for name in calls}, 0.01)
    assert all(calls[name] > found[name].calls >= 3 for name in calls)
    assert all(0.0 < timing.fastest <= timing.median for timing in found.values())


def figures(name, kind="loop", ours=2.0, hand=2.0, primal=1.0, **more):
    times = {"primal": primal, "hand": hand, "ours": ours}
    contestants = {one: Contestant(1.0, Timing(2 * seconds, seconds, 9)) for one, seconds in times.items()}
    contestants["ours"].text = 0.25
    return Figures(name, kind, contestants=contestants, difference=1e-15, **more)


def fast_and_slow():
    jax = Peer(1.5, Timing(9.0, 8.0, 3), Timing(4.0, 2.0, 9))
    stopped = Peer(timing=Timing(30.0, 30.0, 0), ours=Timing(0.1, 0.1, 9), quick=True, bound=True)
    return [
        figures("fast", peers={"jax": jax, "torch": stopped}, saved=100, hand_saved=100),
        figures("slow", "array", ours=8.0, saved=200_000, hand_saved=100_000, peers={"jax": Peer(error="no loops")}),
        Figures("broken", error="S101: not | in the language"),
    ]


def test_verdicts_name_the_worst():
    found = {verdict.target: verdict for verdict in verdicts(fast_and_slow())}
    assert (found["gradient / primal: median at most 3.0"].found, found["ours / by hand: median at most 1.1"].met) == (
        "5.00",
        False,
    )
    assert found["gradient / primal: worst at most 6.0"].found == "8 (slow)"
    assert found["loops: 3 times faster than jax"].met and "4 (fast)" in found["loops: 3 times faster than jax"].found
    assert found["arrays: no slower than jax"].met is None
    assert found["saved bytes at most 1.2 of by hand"].found == "slow 2"


def test_figures_survive_json():
    found = fast_and_slow()
    text = json.dumps({"machine": machine(), "workloads": [one.as_json() for one in found]})
    assert [Figures.from_json(one) for one in json.loads(text)["workloads"]] == found
    assert json.loads(text)["workloads"][0]["ratios"] == {"to_primal": 2.0, "to_hand": 1.0, "jax": 4.0, "torch": 300.0}


def test_table_shows_what_was_measured_and_what_failed():
    found = fast_and_slow()
    cells = dict(zip(HEADER, row(found[0]), strict=True))
    assert (cells["ours"], cells["ours / primal"], cells["text + Numba"]) == ("4000 [2000]", "2.00", "0.25 + 0.8")
    assert (cells["jax / ours"], cells["torch / ours"], cells["tangent / ours"]) == ("4.00", "> 300 q", "-")
    assert (cells["saved (of hand)"], cells["memory: hand, ours"]) == ("100 B (1.00)", "-")
    assert problems(found) == ["broken: S101: not | in the language", "slow, jax: no loops"]
    text = markdown(found, machine())
    assert "| slow | 2000 [1000] |" in text and "| broken" not in text and "- slow, jax: no loops" in text
    assert [table.row_count for table in shown(found)[:2]] == [2, 2]


def test_plot_draws_bars(tmp_path):
    from tests.benchmarks.plot import plot

    plot(fast_and_slow(), tmp_path / "ratios.png")
    assert (tmp_path / "ratios.png").stat().st_size > 10_000


def test_workloads_are_chosen_by_how_they_begin():
    assert chosen(["rk4_a", "rk4_b", "gmm"], ["rk4"]) == ["rk4_a", "rk4_b"]
    with pytest.raises(SystemExit, match="no workload 'lu'; there are rk4_a"):
        chosen(["rk4_a"], ["lu"])
