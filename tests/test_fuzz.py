"""Random programs from the grammar: a few of each sort. `python -m tests.fuzz` tries as many as one likes."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srcad
from tests.fuzz.changed import with_index_moved, with_others
from tests.fuzz.differences import NotSmooth, along
from tests.fuzz.judge import judged
from tests.fuzz.minimise import minimised
from tests.fuzz.pool import Pool, Task, answered
from tests.fuzz.program import PREAMBLE, Program
from tests.fuzz.written import SORTS, written

pytestmark = pytest.mark.one_in(10, least=3)

PLAIN = ("python", "machine")
_EACH = 10


def check(seeds: range, sort: str, targets: tuple[str, ...], folder: Path) -> None:
    for seed in seeds:
        answer = answered(Task(seed, sort, targets), folder)
        outcome = answer.outcome
        shown = answer.program.own() if answer.program is not None else ""
        assert not outcome.failed, f"{sort}, seed {seed}: {outcome.kind} ({outcome.target})\n{outcome.detail}\n{shown}"


@pytest.mark.parametrize("first", range(0, 120, _EACH))
def test_programs(first: int, tmp_path: Path) -> None:
    check(range(first, first + _EACH), "values", PLAIN, tmp_path)


@pytest.mark.parametrize("first", range(0, 70, 7))
def test_programs_of_the_whole_language(first: int, tmp_path: Path) -> None:
    check(range(first, first + 7), "language", ("python",), tmp_path)


@pytest.mark.parametrize("seed", [*range(0, 12), 344])
def test_second_derivatives(seed: int, tmp_path: Path) -> None:
    answer = answered(Task.of_second(seed), tmp_path)
    shown = answer.program.own() if answer.program is not None else ""
    assert not answer.outcome.failed, f"{answer.outcome}\n{shown}"


@pytest.mark.one_in(8, least=1)
@pytest.mark.parametrize("first", range(0, 30, _EACH))
@pytest.mark.parametrize("sort", ["lengths", "indices"])
def test_where_python_raises_so_does_the_derivative(sort: str, first: int, tmp_path: Path) -> None:
    check(range(first, first + _EACH), sort, PLAIN, tmp_path)


@pytest.mark.one_in(8, least=1)
@pytest.mark.parametrize("first", range(0, 12, 2))
def test_compiled(first: int, tmp_path: Path) -> None:
    check(range(first, first + 2), "values", ("cpu",), tmp_path)


# ---- the net itself ---------------------------------------------------------------------------------


def made(body: str, arguments: str, mode: str = "value_and_grad", wrt: tuple[int, ...] = (0,)) -> Program:
    names = ", ".join("xyz"[: len(ast.parse(f"({arguments},)").body[0].value.elts)])  # type: ignore[attr-defined]
    text = f"{PREAMBLE}\ndef program({names}):\n{body}\n\n\ndef arguments():\n    return ({arguments},)\n"
    return Program(text, mode, wrt)


SQUARES = made("    y = x * x\n    return np.sum(y)", "np.array([0.3, -0.5])")


def test_a_right_derivative_is_right(tmp_path: Path) -> None:
    assert judged(SQUARES, tmp_path, PLAIN).kind == "right"


@pytest.mark.parametrize(
    "mode, wrong",
    [
        ("value_and_grad", lambda x: (x @ x, 2.1 * x)),
        ("value_and_grad", lambda x: (x @ x + 0.1, 2.0 * x)),
        ("value_and_grad", lambda x: (x @ x, 2.0 * x[:1])),
        ("value_and_grad", lambda x: (x @ x, x.__imul__(2.0))),
        ("grad", lambda x: np.array([np.nan, np.nan])),
    ],
)
def test_a_wrong_derivative_is_wrong(mode: str, wrong: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Fake:
        def specialisation(self, *args: Any) -> None:
            pass

        def __call__(self, *args: Any) -> Any:
            return wrong(*args)

    monkeypatch.setattr(srcad, mode, lambda *args, **options: Fake())
    outcome = judged(replace(SQUARES, mode=mode), tmp_path, ("python",))
    assert outcome.kind == "wrong" and outcome.failed


def test_a_bare_error_is_a_failure_and_a_refusal_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = made("    try:\n        return x[0]\n    except IndexError as e:\n        print(e)", "np.ones(2)")
    assert judged(refused, tmp_path, PLAIN).detail == "S103"

    def broken(*args: Any, **options: Any) -> Any:
        raise KeyError("d_x")

    monkeypatch.setattr(srcad, "value_and_grad", broken)
    outcome = judged(SQUARES, tmp_path, ("python",))
    assert outcome.kind == "raw error" and "KeyError" in outcome.detail


def test_effects_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noting = made("    note(0.5)\n    return np.sum(x * x)", "np.array([0.3, -0.5])")
    noting = replace(noting, text=noting.text.replace("\ndef program", "LOG = []\nnote = LOG.append\n\n\ndef program"))

    class Fake:
        def specialisation(self, *args: Any) -> None:
            pass

        def __call__(self, x: Any) -> Any:
            return x @ x, 2.0 * x

    monkeypatch.setattr(srcad, "value_and_grad", lambda *args, **options: Fake())
    outcome = judged(noting, tmp_path, ("python",))
    assert outcome.kind == "wrong" and outcome.detail.startswith("effects")


def test_forward_mode_is_compared_with_reverse_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = replace(SQUARES, mode="forward")
    assert judged(both, tmp_path, PLAIN).kind == "right"
    monkeypatch.setattr(srcad, "jvp", lambda f, **options: lambda args, ways: (f(*args), 2.001 * args[0] @ ways[0]))
    outcome = judged(both, tmp_path, ("python",))
    assert outcome.kind == "wrong" and "forward mode gives" in outcome.detail


def test_what_raises_has_to_raise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beyond = made("    return x[5]", "np.ones(2)")
    assert judged(beyond, tmp_path, PLAIN).kind == "raised"

    class Fake:
        def specialisation(self, *args: Any) -> None:
            pass

        def __call__(self, *args: Any) -> Any:
            return 0.0, np.zeros(2)

    monkeypatch.setattr(srcad, "value_and_grad", lambda *args, **options: Fake())
    assert judged(beyond, tmp_path, ("python",)).kind == "wrong"


def test_kinks_and_jumps_are_counted_apart(tmp_path: Path) -> None:
    kink = made("    return np.sum(np.maximum(x, 0.3))", "np.array([0.3, -0.5])")
    assert judged(kink, tmp_path, PLAIN).kind == "not smooth"
    for f in (abs, lambda h: float(h > 0), lambda h: float("nan"), lambda h: abs(h - 1e-4)):
        with pytest.raises(NotSmooth):
            along(f)
    np.testing.assert_allclose(along(lambda h: float(np.exp(2.0 * h))), 2.0, rtol=1e-10)


def test_documented_limits_are_counted_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    overwritten = made(
        "    x[[1, -1]] /= np.std([[y, 0.1], [y, x[1]]], axis=0)", "np.ones(2) * 0.4, 0.5", "adjoint", (0, 1)
    )
    assert judged(overwritten, tmp_path, PLAIN).kind == "not finite"
    others = "\n\ndef others():\n    return (np.ones((2, 3)), np.array([0.5, 0.1]))\n"
    stretched = made(
        "    return np.sum(np.einsum('ij,j->i', x, y[1:]))", "np.ones((2, 3)), np.array([0.5, 0.1, 0.7, 0.2])"
    )
    stretched = replace(stretched, text=stretched.text + others)
    assert judged(stretched, tmp_path, PLAIN).detail == "einsum of a length of 1"
    unfit = replace(stretched, text=stretched.text.replace("np.array([0.5, 0.1]))", "np.array([0.5, 0.1, 0.7]))"))
    assert judged(unfit, tmp_path, PLAIN).kind == "raised"

    class Fake:
        def specialisation(self, *args: Any) -> None:
            pass

        def __call__(self, *args: Any) -> Any:
            return 0.34, np.array([np.nan, np.nan])

    monkeypatch.setattr(srcad, "value_and_grad", lambda *args, **options: Fake())
    assert judged(SQUARES, tmp_path, ("python",)).kind == "wrong"  # NaN, where no value is infinite


@pytest.mark.parametrize("seed", [502777, 503501])
def test_what_is_written_so_far_ends(seed: int, tmp_path: Path) -> None:
    """A walrus in the condition sets the counter back; a turn does not count before it is written to its end."""
    assert answered(Task(seed, "values", ()), tmp_path).outcome.kind != "timeout"


@pytest.mark.parametrize("sort", SORTS)
def test_equal_seeds_give_equal_programs(sort: str) -> None:
    for seed in range(5):
        assert written(seed, sort) == written(seed, sort)


def test_a_process_that_dies_is_a_failure_and_not_the_end() -> None:
    dies = made("    return x[0]", "__import__('os')._exit(3)")
    with Pool(1) as pool:
        kinds = [answer.outcome.kind for answer in pool.run([Task(program=dies), Task(program=SQUARES)])]
    assert kinds == ["died", "right"]


def test_a_failure_is_made_small() -> None:
    body = """\
    a = np.sin(x) + 1.0
    if a[0] > 0.5:
        for i in range(2):
            a[i] *= 3.0
            b = np.cumsum(np.cos(a) * 2.0)
    return np.sum(b) + 0.3 * np.sum(x)"""
    small = minimised(made(body, "np.array([0.3, -0.5])"), lambda p: "np.cumsum" in p.text)
    assert small.own().splitlines()[:3] == ["def program(x):", "    b = np.cumsum(a)", ""]


def test_one_length_and_one_index_are_changed() -> None:
    program = made("    return x[1] + y[0, 1]", "np.array([0.3, -0.5]), np.array([[1.0, 2.0], [3.0, 4.0]])").text
    shapes, indices = set(), set()
    for seed in range(40):
        import random

        names: dict[str, Any] = {}
        text = with_others(program, random.Random(seed))
        assert text is not None
        exec(text, names)
        shapes.add(tuple(np.shape(a) for a in names["others"]()))
        moved = with_index_moved(program, random.Random(seed))
        assert moved is not None
        indices.add(next(line.strip() for line in moved.splitlines() if "return x" in line))
    assert {((3,), (2, 2)), ((1,), (2, 2)), ((2,), (3, 2)), ((2,), (2, 1))} <= shapes
    assert {"return x[1 + 9] + y[0, 1]", "return x[1] + y[0, 1 - 1]"} <= indices
