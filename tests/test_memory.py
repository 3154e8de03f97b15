"""Whose memory an array is: what `ir/result_memory` says of each operation, and what comes of it."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.ir.result_memory import HOLDER, RESULT_MEMORY, SUMMED, is_view
from srcad.rules.primitives import PRIMITIVES
from tests import memory_oracle
from tests.numeric import copied
from tests.programs import aliases
from tests.programs.registry import Case, cases_without_calls, real
from tests.shared_memory import Program, outcome, programs

pytestmark = pytest.mark.one_in(10, least=3)

STATIC = {"np.transpose": {"axes": (1, 0)}, "astype": {"dtype": "float64"}, "np.eye": {"k": 0}}
ROOM = (np.arange(1.0, 5.0), np.full((2, 2), 2.0) + np.eye(2), np.ones((3, 3))[::2, ::2], np.ones((2, 2, 2)), 1, 2)


COPIES = {"select", "runtime.diagonals", "runtime.windows"}
"""What is taken for a view though it is a copy: NumPy's functions that are read so give views."""


def results(name: str) -> list[tuple[tuple[Any, ...], np.ndarray]]:
    """The arrays that a primitive gives, each with what it was made of."""
    found = []
    evaluate = PRIMITIVES[name].evaluate
    # a further argument would be one that the primitive does not have: out=
    most = evaluate.nin if hasattr(evaluate, "nin") else 1 if PRIMITIVES[name].kind == "reduce" else 3
    items = (0, 1, slice(0, 2), None) if name == "index" else ROOM
    for count in range(1, (2 if name == "np.outer" else most) + 1):
        for args in itertools.product(ROOM, *[items] * (count - 1)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    result = PRIMITIVES[name](*args, **STATIC.get(name, {}))
                except Exception:
                    continue
            if isinstance(result, np.ndarray) and result.size:
                found.append((args, result))
    return found


@pytest.mark.parametrize(
    "name",
    [n for n, p in PRIMITIVES.items() if RESULT_MEMORY.get(n) != HOLDER and p.kind not in ("list", "call", "effect")],
)
def test_a_primitive_gives_the_memory_that_it_is_said_to(name: str) -> None:
    memory = RESULT_MEMORY.get(name)
    sources = memory.operands or () if memory is not None else ()
    seen = False
    for args, result in results(name):
        shared = {at for at, arg in enumerate(args) if isinstance(arg, np.ndarray) and np.shares_memory(arg, result)}
        # one array may stand in several places
        origins = [args[at] for at in sources if at < len(args) and isinstance(args[at], np.ndarray)]
        said = {at for at, arg in enumerate(args) if any(arg is origin for origin in origins)}
        assert shared <= said, f"{name} gives memory of its argument {shared - said}"
        if is_view(name):
            assert shared == said, f"{name} gives a copy"
        seen = seen or bool(shared)
    assert seen or not sources or name in COPIES, f"{name} never gives memory of an argument"


EVERY = list(programs())
SOME = [
    p for p in EVERY if p.store == ("base", "result")[EVERY.index(p) % 4 // 2] and p.layout in ("C", "F", "strided")
]


@pytest.mark.parametrize("program", SOME[::2], ids=str)
def test_a_store_reaches_what_numpy_says(program: Program) -> None:
    found = outcome(program)
    assert found in ("right", "S401", "S402", "S125"), found
    if program.layout == "C":
        # a function of which NumPy says for every packed array what it gives is not refused
        either = ("broadcast", "diag", "ii->i", "[r for", "if len", ".T.r", "x.T)", "[:, 0].ravel", "[::2].r", "::2].r")
        assert found == "right" or any(part in program.expression for part in either), found


# ---- what the analyses say of a program, and a run of it ---------------------------------------------


@pytest.mark.parametrize("case", cases_without_calls()[::16], ids=lambda c: c.name)
def test_what_is_said_of_memory_is_so(case: Case) -> None:
    """All of the corpus, and random programs: `python -m tests.memory_oracle`."""
    found = memory_oracle.outcome(
        lambda: srcad.value_and_grad(case.function, case.wrt, target="python"), copied(case.args)
    )
    assert found.startswith("right"), found


def test_what_is_not_said_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SUMMED:
        monkeypatch.delitem(RESULT_MEMORY, name)
    function = aliases.sum_with_an_array_of_another_length
    found = memory_oracle.outcome(lambda: srcad.value_and_grad(function, 0, target="python"), (real(4), 4))
    assert found.startswith("DISPROVED"), found
