"""Each simplification: small programs before and after, and random programs that must compute the same."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from srcad.ir.nodes import Block, Carry, Const, For, Function, If, Join, Op, Param, Return, Undef, Var, While
from srcad.ir.notation import parse, show
from srcad.ir.types import Scalar, Type
from srcad.normalize.prune import prune
from srcad.simplify.choices import choices
from srcad.simplify.dead import dead
from srcad.simplify.finish import finish
from srcad.simplify.first import first
from srcad.simplify.fold import fold
from srcad.simplify.merge import merge
from srcad.simplify.names import names
from srcad.simplify.ownership import ownership
from srcad.simplify.sequential import sequential
from srcad.simplify.simplify import plain_arrays, simplify
from srcad.simplify.untemp import untemp
from tests.sequential import ARRAYS, FLOAT, INT, PARAMS, SCALARS, VECTOR, Execution, Writer

Types = Mapping[str, Type]
Pass = Callable[[Block, Types, frozenset[str]], Block]

PASSES: dict[str, Pass] = {
    "fold": lambda b, t, live: fold(b, t),
    "first": lambda b, t, live: first(plain_arrays(b, t), t),
    "merge": lambda b, t, live: merge(b, t),
    "dead": lambda b, t, live: dead(b, live, t, PARAMS),
    "untemp": lambda b, t, live: untemp(b, t, live),
    "choices": lambda b, t, live: choices(b, t),
    "ownership": lambda b, t, live: ownership(b, t, live, PARAMS),
    "simplify": lambda b, t, live: simplify(b, t, live),
}


def given() -> dict[str, object]:
    return {"a": np.array([0.3, -1.0, 0.7, 0.2]), "b": np.array([1.1, 0.4, -0.6, 0.9]), "x": 0.8}


def tame(values: list[object]) -> bool:
    """Whether rounding cannot have grown into something that shows."""
    with np.errstate(all="ignore"):
        return all(np.all(np.abs(v) < 1e6) for v in values)  # type: ignore[call-overload]


def compare(before: list[object], after: list[object], text: str) -> None:
    if tame(before):
        for one, other in zip(before, after, strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-7, atol=1e-7, err_msg=text)  # type: ignore[call-overload]


@pytest.mark.parametrize("chunk", range(8))
@pytest.mark.parametrize("name", PASSES)
def test_a_pass_keeps_what_a_program_computes(name: str, chunk: int) -> None:
    for seed in range(chunk * 30, chunk * 30 + 30):
        writer = Writer(seed)
        program = writer.program()
        pick = random.Random(seed)
        live = [n for n in (*SCALARS, *ARRAYS) if pick.random() < 0.4]
        after = PASSES[name](program, writer.types, frozenset(live))
        with np.errstate(all="ignore"):
            one, other = (Execution(given()).run(b) for b in (program, after))
        watched = [*live, "a", "b"]
        text = f"seed {seed}\n{show(program)}\n--- {name}, live {live}:\n{show(after)}"
        compare([one[n] for n in watched], [other[n] for n in watched], text)


@pytest.mark.parametrize("chunk", range(8))
@pytest.mark.parametrize("last", [names, finish])
def test_names_keep_what_a_function_computes(last: Callable[[Function], Function], chunk: int) -> None:
    for seed in range(chunk * 30, chunk * 30 + 30):
        writer = Writer(seed)
        pick = random.Random(seed)
        results = tuple(Var(n) for n in (*SCALARS, *ARRAYS) if pick.random() < 0.4)
        body = (*writer.program(), Return(results))
        f = Function("f", tuple(Param(n, n) for n in PARAMS), body, results, writer.types)
        g = last(f)
        one, other = Execution(given()), Execution(given())
        with np.errstate(all="ignore"):
            one.run(f.body)
            other.run(g.body)
        text = f"seed {seed}\n{show(f.body)}\n--- {last.__name__}:\n{show(g.body)}"
        before = [*one.result, one.env["a"], one.env["b"]]
        arguments = [other.env[p.name] for p in g.params[:2]]
        compare(before, [*other.result, *arguments], text)
