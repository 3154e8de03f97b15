"""Each simplification: small programs before and after, and random programs that must compute the same."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from srcad.canonicalize.prune import prune
from srcad.cleanup.adjoint.contribution_merging import merge_contributions
from srcad.cleanup.adjoint.copy_elision import elide_copies
from srcad.cleanup.adjoint.loop_fission import split_stencil_loops
from srcad.cleanup.adjoint.statement_sinking import sink_definitions
from srcad.cleanup.adjoint.zero_init_elimination import assign_first_contribution
from srcad.cleanup.array_updates import array_updates_as_stores
from srcad.cleanup.dead_code import remove_dead_code
from srcad.cleanup.expressions.algebraic import simplify_algebra
from srcad.cleanup.expressions.conditional_expressions import conditional_expressions
from srcad.cleanup.expressions.forward_substitution import substitute_temporaries
from srcad.cleanup.in_place_updates import update_in_place
from srcad.cleanup.ssa_destruction import leave_ssa
from srcad.cleanup.style.idioms import idiomatic_form
from srcad.cleanup.style.name_coalescing import coalesce_names
from srcad.cleanup.style.reversed_index_names import name_reversed_indices
from srcad.cleanup.style.taped_conditions import load_taped_conditions
from srcad.compiler.manager import Repeated
from srcad.compiler.passes import CLEAN_UP, ROUND
from srcad.compiler.stages import applied
from srcad.ir.nodes import Block, Carry, Const, For, Function, If, Join, Op, Param, Return, Undef, Var, While
from srcad.ir.notation import parse, show
from srcad.ir.types import Array, Scalar, Symbol, Type, dim
from srcad.reverse.source_comments import REVERSE
from tests.sequential import ARRAYS, FLOAT, INT, PARAMS, SCALARS, VECTOR, Execution, NormalWriter, Writer, adjoints_in

Types = Mapping[str, Type]
Pass = Callable[[Block, Types, frozenset[str]], Block]

PASSES: dict[str, Pass] = {
    "fold": lambda b, t, live: simplify_algebra(b, t),
    "first": lambda b, t, live: assign_first_contribution(array_updates_as_stores(b, t), t),
    "merge": lambda b, t, live: merge_contributions(b, t),
    "late": lambda b, t, live: sink_definitions(b, t, adjoints=adjoints_in(t)),
    "dead": lambda b, t, live: remove_dead_code(b, live, t, PARAMS),
    "untemp": lambda b, t, live: substitute_temporaries(b, t, live, adjoints=adjoints_in(t)),
    "idiom": lambda b, t, live: idiomatic_form(update_in_place(array_updates_as_stores(b, t), t), t),
    "kept_tests": lambda b, t, live: load_taped_conditions(b, t, ("took_if",)),
    "choices": lambda b, t, live: conditional_expressions(b, t),
    "ownership": lambda b, t, live: elide_copies(b, t, live, PARAMS, adjoints_in(t)),
    "shifts": lambda b, t, live: split_stencil_loops(array_updates_as_stores(b, t), t, live, PARAMS),
    "simplify": lambda b, t, live: rounds(array_updates_as_stores(b, t), t, live),
}


def rounds(block: Block, types: Types, live: frozenset[str]) -> Block:
    """The repeated passes of the compiler, on a block that counts as a reverse sweep."""
    params = tuple(Param(name, name) for name in PARAMS)
    results = tuple(map(Var, sorted(live)))
    f = Function("f", params, (REVERSE, *block), results, dict(types), adjoints=adjoints_in(types))
    return applied((Repeated("until nothing changes", ROUND),), f).body[1:]


def clean_up(f: Function) -> Function:
    return applied(CLEAN_UP, f)


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


@pytest.mark.parametrize("chunk", range(4))
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


@pytest.mark.parametrize("chunk", range(4))
@pytest.mark.parametrize("last", [coalesce_names, clean_up])
def test_names_keep_what_a_function_computes(last: Callable[[Function], Function], chunk: int) -> None:
    for seed in range(chunk * 30, chunk * 30 + 30):
        writer = Writer(seed)
        pick = random.Random(seed)
        results = tuple(Var(n) for n in (*SCALARS, *ARRAYS) if pick.random() < 0.4)
        body = (*writer.program(), Return(results))
        params = tuple(Param(n, n) for n in PARAMS)
        f = Function("f", params, body, results, writer.types, adjoints=adjoints_in(writer.types))
        g = last(f)
        one, other = Execution(given()), Execution(given())
        arguments = [[run.env[n] for n in ("a", "b")] for run in (one, other)]
        with np.errstate(all="ignore"):
            one.run(f.body)
            other.run(g.body)
        text = f"seed {seed}\n{show(f.body)}\n--- {last.__name__}:\n{show(g.body)}"
        compare([*one.result, *arguments[0]], [*other.result, *arguments[1]], text)


@pytest.mark.parametrize("chunk", range(4))
@pytest.mark.parametrize(
    "change", [prune, leave_ssa, lambda f: clean_up(prune(f))], ids=["prune", "sequential", "both"]
)
def test_a_function_in_normal_form_keeps_what_it_computes(change: Callable[[Function], Function], chunk: int) -> None:
    for seed in range(chunk * 40, chunk * 40 + 40):
        f = NormalWriter(seed).function()
        g = change(f)
        one, other = Execution(given()), Execution(given())
        arguments = [[run.env[n] for n in ("a", "b")] for run in (one, other)]
        with np.errstate(all="ignore"):
            one.run((*f.body, Return(f.results)))
            other.run((*g.body, Return(g.results)))
        text = f"seed {seed}\n{show(f.body)}\n{f.results}\n--- after:\n{show(g.body)}\n{g.results}"
        compare([*one.result, *arguments[0]], [*other.result, *arguments[1]], text)


# ---- small programs ----------------------------------------------------------------------------

KINDS: dict[str, Type] = {
    **dict.fromkeys(("d", "d_b", "e", "f", "acc", "limit", "%t.0", "%t.1", "%t.2", "x.0", "x.1", "y.0", "y.1"), FLOAT),
    **dict.fromkeys(("A", "B", "D", "E", "d_D", "d_E", "%V.0", "%V.1"), VECTOR),
    **dict.fromkeys(("i", "j", "n", "i.0"), INT),
    **dict.fromkeys(("c", "%c.0"), Scalar("bool")),
}


def lines(text: str) -> str:
    return show(parse(text))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("d += -e", "d -= e"),
        ("d -= -2.0 * e", "d += 2.0 * e"),
        ("d = 1.0 * e * 1.0", "d = e"),
        ("d = e + e", "d = 2.0 * e"),
        ("d = e * f + f * e", "d = 2.0 * e * f"),
        ("d = e - 0.25 * e", "d = 0.75 * e"),
        ("d = -(e * f) - e * f", "d = -2.0 * e * f"),
        ("d = f - 2.0 * e - e", "d = f - 3.0 * e"),
        ("d = e - e", "d = e - e"),  # infinite, or not a number, stays so
        ("d = 2 * (-0.5 * e)", "d = -e"),
        ("d = e * (f * limit)", "d = e * f * limit"),
        ("d += np.sum(-E)", "d -= np.sum(E)"),
        ("D = np.sum(A)[:, None][:, 0]", "D = np.sum(A)"),
        ("D = 1.0 / e * E", "D = E / e"),
        ("d = f + -e", "d = f - e"),
        ("d = 0.5 * (1.0 / e) * f", "d = (0.5 / e) * f"),
        ("d = 2.0 * (0.5 * e)", "d = e"),
        ("d = e ** (2 - 1)", "d = e"),
        ("d = 0.0 * e", "d = 0.0 * e"),
        ("i = (n - 1) - 1", "i = n - 2"),
        ("i = 0 + (n + 1) - 1", "i = n"),
        ("i = i * 1.0", "i = i * 1.0"),  # an integer times 1.0 is a float
        ("D = E * 1.0", "D = copy(E)"),  # a new array, not another name
        ("D = (E * 1.0) + B", "D = E + B"),
        ("D = e + np.zeros_like(E)", "D = e + np.zeros_like(E)"),
        ("D[1:][:] = e", "D[1:] = e"),
        ("D[2:][1] += e", "D[3] += e"),
        ("D[i:][1] += e", "D[i:][1] += e"),
    ],
)
def test_fold(before: str, after: str) -> None:
    assert show(simplify_algebra(parse(before), KINDS)) == lines(after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("d = 0.0\nd += e", "d = e"),
        ("d = 0.0\nd -= e", "d = -e"),
        ("d = 0.0\nf = d\nd += e", "d = 0.0\nf = d\nd += e"),
        ("d = 0.0\nd += d * e", "d = 0.0\nd += d * e"),
        ("d = 0.0\nfor i in range(n):\n    d += e", "d = 0.0\nfor i in range(n):\n    d += e"),
        ("d = 0.0\nif c:\n    d += e\nelse:\n    d += f", "if c:\n    d = e\nelse:\n    d = f"),
        ("d = 0.0\nif c:\n    d += e", "d = 0.0\nif c:\n    d += e"),
        ("D = np.zeros_like(A)\nD += E", "D = copy(E)"),
        ("D = np.zeros_like(A)\nD += E * 2.0", "D = E * 2.0"),
        ("D = np.zeros_like(A)\nD += e", "D = np.zeros_like(A)\nD[...] += e"),  # a number is spread over D
        ("D[i] = 0.0\nD[i] += e", "D[i] = e"),
        ("D[i] = 0.0\nD[j] += f\nD[i] += e", "D[i] = 0.0\nD[j] += f\nD[i] += e"),
        ("D[i] = 0.0\nD[i] += D[i] * e", "D[i] = 0.0\nD[i] += D[i] * e"),
        ("D[i] = 0.0\ni = 1\nD[i] += e", "D[i] = 0.0\ni = 1\nD[i] += e"),
        # put back what was taken: nothing, unless it is changed in between, or elsewhere
        ("%t.0 = D[i]\nD[i] = %t.0\nd = %t.0", "%t.0 = D[i]\nd = %t.0"),
        ("%V.0 = copy(D[1:])\nD[1:] = 0.0\nD[1:] += %V.0", "%V.0 = copy(D[1:])"),
        ("%t.0 = D[i]\nD[j] = %t.0", "%t.0 = D[i]\nD[j] = %t.0"),
        ("%t.0 = D[i]\nD[i] = 2.0\nD[i] = %t.0", "%t.0 = D[i]\nD[i] = 2.0\nD[i] = %t.0"),
        ("%V.0 = D[:]\nD[i] = 0.0\nB = %V.0 * 2.0\nD[i] += e", "%V.0 = D[:]\nD[i] = 0.0\nB = %V.0 * 2.0\nD[i] += e"),
    ],
)
def test_first(before: str, after: str) -> None:
    assert show(assign_first_contribution(array_updates_as_stores(parse(before), KINDS), KINDS)) == lines(after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("d += e\nd -= f", "d += e - f"),
        ("d -= e\nd += f", "d += f - e"),
        ("d -= e\nd -= f", "d -= e + f"),
        ("d = e\nf = e\nd += f", "f = e\nd = e + f"),
        ("d += e\ne = f\nd += e", "d += e\ne = f\nd += e"),
        ("d += e\nf = d\nd += f", "d += e\nf = d\nd += f"),
        ("D[i] += e\nd += f\nD[i] += f", "D[i] += e + f\nd += f"),
        ("D[i] += e\nD[j] = f\nD[i] += f", "D[i] += e\nD[j] = f\nD[i] += f"),
        ("D[i] += e\nD[j] += f\nD[i] += f", "D[i] += e + f\nD[j] += f"),
        ("D[i] = e\nD[j] += f\nD[i] += f", "D[i] = e + f\nD[j] += f"),
        # where i is j, the store would wipe out what came between
        ("D[i] = e\nD[j] += f\nf = 2.0\nD[i] += f", "D[i] = e\nD[j] += f\nf = 2.0\nD[i] += f"),
        ("D[i] += e\nD[j] += D[i]\nD[i] += f", "D[i] += e\nD[j] += D[i]\nD[i] += f"),
        ("D[i] += e\nD[j] += f\ni = 1\nD[i] += f", "D[i] += e\nD[j] += f\ni = 1\nD[i] += f"),
        ("D[...] += E\nD[...] += e", "D[...] += E\nD[...] += e"),
        ("%t.0 = D[i]\nD[i] = %t.0", "%t.0 = D[i]"),
        ("%t.0 = D[i]\nD[i] = %t.0 + e", "%t.0 = D[i]\nD[i] += e"),
        ("%t.0 = D[i]\nD[j] = e\nD[i] = %t.0", "%t.0 = D[i]\nD[j] = e\nD[i] = %t.0"),
        ("%t.0 = D[i]\ni = 2\nD[i] = %t.0", "%t.0 = D[i]\ni = 2\nD[i] = %t.0"),
    ],
)
def test_merge(before: str, after: str) -> None:
    assert show(merge_contributions(parse(before), KINDS)) == lines(after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("%t.0 = A[i]\nd = %t.0 * 2.0", "d = A[i] * 2.0"),
        ("%t.0 = A[i]\nA[j] = 0.0\nd = %t.0", "%t.0 = A[i]\nA[j] = 0.0\nd = %t.0"),
        ("%t.0 = A[i]\nA[i] = f * %t.0", "A[i] = f * A[i]"),
        ("%t.0 = A[i]\nB = A\nB[j] = 0.0\nd = %t.0", "%t.0 = A[i]\nB = A\nB[j] = 0.0\nd = %t.0"),
        ("B = A[:]\n%t.0 = A[i]\nB[j] = 0.0\nd = %t.0", "B = A[:]\n%t.0 = A[i]\nB[j] = 0.0\nd = %t.0"),
        # a view shows what was stored later, wherever it is made
        ("%V.0 = A[1:]\nA[j] = 0.0\nd = np.sum(%V.0)", "A[j] = 0.0\nd = np.sum(A[1:])"),
        ("%V.0 = A + 1.0\nA[j] = 0.0\nd = np.sum(%V.0)", "%V.0 = A + 1.0\nA[j] = 0.0\nd = np.sum(%V.0)"),
        ("%t.0 = e\ne = f\nd = %t.0", "%t.0 = e\ne = f\nd = %t.0"),
        (
            "%t.0 = np.tanh(e)\nfor i in range(n):\n    d += %t.0",
            "%t.0 = np.tanh(e)\nfor i in range(n):\n    d += %t.0",
        ),
        ("%t.0 = e\nfor i in range(n):\n    d += %t.0", "for i in range(n):\n    d += e"),
        (
            "%t.0 = e\nfor i in range(n):\n    d += %t.0\n    e = f",
            "%t.0 = e\nfor i in range(n):\n    d += %t.0\n    e = f",
        ),
        ("%t.0 = A[i]\nd = %t.0 if c else e", "%t.0 = A[i]\nd = %t.0 if c else e"),
        ("%t.0 = e * f\nd = %t.0 if c else e", "d = (e * f) if c else e"),
        ("%t.0 = e > f\nwhile %t.0:\n    e += 1.0", "%t.0 = e > f\nwhile %t.0:\n    e += 1.0"),
        ("%V.0 = A[:]\n%V.0[i] = e", "A[:][i] = e"),
        ("%V.0 = copy(A)\n%V.0[i] = e", "%V.0 = copy(A)\n%V.0[i] = e"),
        ("%t.0 = np.random.normal()\n%t.1 = np.random.normal()\nd = %t.1 - %t.0",) * 2,
    ],
)
def test_untemp(before: str, after: str) -> None:
    assert show(substitute_temporaries(parse(before), KINDS)) == lines(after)


def test_the_condition_of_a_while_takes_what_its_test_made() -> None:
    loop = While(parse("%t.0 = e * e\n%c.0 = %t.0 > limit"), Var("%c.0"), parse("e = 0.5 * e"))
    (after,) = substitute_temporaries((loop,), KINDS)
    assert after == While((), Op(">", (Op("*", (Var("e"), Var("e"))), Var("limit"))), parse("e = 0.5 * e"))


@pytest.mark.parametrize(
    ("before", "live", "after"),
    [
        ("D = np.zeros_like(A)\nB = D[:]\nB[i] = e", {"D"}, "D = np.zeros_like(A)\nB = D[:]\nB[i] = e"),
        ("D = np.zeros_like(A)\nB = D[:]\nB[i] = e", set(), ""),
        ("A[i] = e", set(), "A[i] = e"),  # the caller's memory
        ("D = copy(A)\nD[i] = e\nd = np.sum(D)", {"D"}, "D = copy(A)\nD[i] = e"),
        ("D = copy(A)\nd = D[i]\nD[i] = e", {"d"}, "D = copy(A)\nd = D[i]"),
        ("print(e)\nd = e", set(), "print(e)"),
        ("d = np.random.normal()", set(), "d = np.random.normal()"),
        ("for i in range(n):\n    d = e", {"i"}, "for i in range(n):\n    pass"),
        ("while c:\n    d = f\n    f = e\n    e = 1.0", {"d"}, "while c:\n    d = f\n    f = e\n    e = 1.0"),
    ],
)
def test_dead(before: str, live: set[str], after: str) -> None:
    assert show(remove_dead_code(parse(before), live, KINDS, {"A"})) == lines(after)


@pytest.mark.parametrize(
    ("before", "live", "after"),
    [
        ("d_D = A * 2.0\nd_E = copy(d_D)\nd_E[i] = e", {"d_E"}, "d_D = A * 2.0\nd_E = d_D\nd_E[i] = e"),
        ("d_D = A * 2.0\nd_E = copy(d_D)\nd_E[i] = e", {"d_D", "d_E"}, None),
        ("d_D = A * 2.0\nB = d_D[:]\nd_E = copy(d_D)\nd_E[i] = e\nf = B[j]", {"d_E", "f"}, None),
        ("d_E = copy(A)\nd_E[i] = e", {"d_E"}, None),
        ("d_E = copy(A)\nd = np.sum(d_E)", {"d"}, "d_E = A\nd = np.sum(d_E)"),
        # for this turn the memory is nobody else's, whatever the names held before
        (
            "d_D = A * 2.0\nd_E = A * 3.0\nd_E = copy(d_D)\nd_D = A * 4.0\nd_E[i] = e",
            {"d_D", "d_E"},
            "d_D = A * 2.0\nd_E = A * 3.0\nd_E = d_D\nd_D = A * 4.0\nd_E[i] = e",
        ),
        ("d_D = A * 2.0\nfor i in range(n):\n    d_E = copy(d_D)\n    d_E[i] = e", {"d_E"}, None),
        ("d_D = A[:]\nd_E = copy(d_D)\nd_E[i] = e", {"d_E"}, None),
        ("d_E = copy(A)", {"d_E"}, None),  # the caller must not be given an argument back
        ("E = A * 2.0\nD = copy(E)", {"D"}, None),  # the user's own copy
    ],
)
def test_ownership(before: str, live: set[str], after: str | None) -> None:
    assert show(elide_copies(parse(before), KINDS, live, {"A"}, adjoints_in(KINDS))) == lines(after or before)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("i = i + 1", "i += 1"),
        ("d = e + d", "d += e"),
        ("d = d - d * e", "d -= d * e"),
        ("d = e - d", "d = e - d"),
        ("D = D + E", "D = D + E"),  # a new array: others may have the old one
        ("D[:] *= e", "D[...] *= e"),
        ("D[i] = D[i] * e", "D[i] = D[i] * e"),
        ("d = -(e * f)", "d = (-e) * f"),
        ("d = -(i * f)", "d = -(i * f)"),
        ("B = copy(A[:])", "B = copy(A)"),
    ],
)
def test_idiom(before: str, after: str) -> None:
    assert show(idiomatic_form(parse(before), KINDS)) == lines(after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("D[...] = D[:] * e", "D[...] *= e"),
        ("D[i] = e * D[i]", "D[i] *= e"),
        ("D[i] = D[j] * D[i]", "D[i] *= D[j]"),
        ("D[1:] = D[1:] * D[:-1]", "D[1:] = D[1:] * D[:-1]"),  # written while it is read
        ("D[i] = e / D[i]", "D[i] = e / D[i]"),
        ("D[...] += copy(E)", "D[...] += E"),
        ("E = D\nD[1:] += copy(E[:-1])", "E = D\nD[1:] += copy(E[:-1])"),
        # the first D is E, the second is another array
        ("E = D\nD = np.zeros(n)\nD[1:] += copy(E[:-1])", "E = D\nD = np.zeros(n)\nD[1:] += E[:-1]"),
        ("D[1:] += D[:-1]", "D[1:] += copy(D[:-1])"),
        ("D[::2] = D[:4]", "D[::2] = copy(D[:4])"),
    ],
)
def test_update_in_place(before: str, after: str) -> None:
    assert show(update_in_place(parse(before), KINDS)) == lines(after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "%c.0 = e > f\ntook_if[i] = %c.0\nd = e if %c.0 else f",
            "took_if[i] = e > f\nd = e if took_if[i] else f",
        ),
        ("%c.0 = e > f\ntook_if[i] = %c.0\ni += 1\nif %c.0:\n    d = e", None),
        ("%c.0 = e > f\ne = 0.0\ntook_if[i] = %c.0\nif %c.0:\n    d = e", None),
        ("%c.0 = e > f\ntook_if[i] = %c.0\nif %c.0:\n    d = e\nc = %c.0", None),
    ],
)
def test_kept_tests(before: str, after: str | None) -> None:
    kinds = {**KINDS, "took_if": Array("bool", VECTOR.dims)}
    assert show(load_taped_conditions(parse(before), kinds, ("took_if",))) == lines(before if after is None else after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "for turns.1 in range(n - 1, -1, -1):\n    j = turns.1\n    d += A[turns.1] * j",
            "for j in range(n - 1, -1, -1):\n    d += A[j] * j",
        ),
        ("for turns.1 in range(n - 1, -1, -1):\n    d += e\ni = turns.1", None),
    ],
)
def test_turns(before: str, after: str | None) -> None:
    block = tuple(replace(s, counts=True) if isinstance(s, For) else s for s in parse(before))
    assert show(name_reversed_indices(block, dict(KINDS))) == lines(before if after is None else after)
    # as any index of the user's that is called so
    assert show(name_reversed_indices(parse(before), dict(KINDS))) == lines(before)


def function(body: Block, *results: str) -> Function:
    return Function("f", (Param("n", "n"), Param("c", "c")), body, tuple(map(Var, results)), KINDS)


def called(f: Function, **env: object) -> tuple[object, ...]:
    values = Execution(dict(env)).run(f.body)
    return tuple(values[e.name] for e in f.results if isinstance(e, Var))


def test_values_that_trade_places_do_not_lose_one_another() -> None:
    swap = (Carry("x.0", Const(1.0), Var("y.0"), "x.1"), Carry("y.0", Const(2.0), Var("x.0"), "y.1"))
    f = function((For("i.0", Const(0), Var("n"), Const(1), (), swap),), "x.1", "y.1")
    for last in (leave_ssa, clean_up):
        for n in range(4):
            assert called(last(f), n=n) == ((1.0, 2.0) if n % 2 == 0 else (2.0, 1.0))


def test_a_name_first_bound_in_a_loop_is_unbound_after_no_turns() -> None:
    late = (Carry("x.0", Undef(), Var("i.0"), "x.1"),)
    f = leave_ssa(function((For("i.0", Const(0), Var("n"), Const(1), (), late),), "x.1"))
    assert show(f.body) == "for i.0 in range(n):\n    x.1 = i.0"


def test_a_loop_is_left_by_the_values_of_the_turn_that_leaves_it() -> None:
    leaving = (Carry("%c.0", Const(False), Const(True), "%c.1"),)
    body = parse("x.0 = x.0 + 1.0")
    loop = For("i.0", Const(0), Const(9), Const(1), body, leaving, Var("%c.0"))
    assert called(leave_ssa(function((*parse("x.0 = 0.0"), loop), "x.0")), n=0) == (2.0,)


def test_a_join_of_what_only_one_branch_binds() -> None:
    f = function((If(Var("c"), parse("x.0 = 1.0"), (), (Join("x.1", Var("x.0"), Undef()),)),), "x.1")
    assert show(leave_ssa(f).body) == "if c:\n    x.0 = 1.0\n    x.1 = x.0"


def test_names_of_values_alive_at_once_stay_apart() -> None:
    f = function(parse("x.0 = 1.0\nx.1 = x.0 + 1.0\ny.0 = x.0 * x.1"), "y.0")
    assert show(coalesce_names(f).body) == "x = 1.0\nx_1 = x + 1.0\ny = x * x_1"


def test_a_name_never_hides_a_builtin_or_a_module() -> None:
    types: dict[str, Type] = dict.fromkeys(("%sum.0", "np.0", "%abs.0", "lambda.0", "n"), FLOAT)
    body = parse("%sum.0 = n * n\nnp.0 = %sum.0 + %sum.0\n%abs.0 = np.0 + %sum.0")
    f = Function("f", (Param("n", "n"),), body, (Var("%abs.0"), Var("%sum.0")), types)
    assert show(coalesce_names(f).body) == "total = n * n\nnp_1 = total + total\nmagnitude = np_1 + total"


# ---- prune -------------------------------------------------------------------------------------


def test_prune_drops_a_carry_that_feeds_only_itself() -> None:
    carried = (
        Carry("x.0", Const(0.0), Var("x.1"), "%t.0"),
        Carry("y.0", Const(0.0), Var("%t.2"), "y.1"),
    )
    body = parse("x.1 = x.0 + y.0\n%t.2 = y.0 * 2.0")
    after = prune(function((For("i.0", Const(0), Var("n"), Const(1), body, carried),), "y.1"))
    (loop,) = after.body
    assert isinstance(loop, For) and [c.arg for c in loop.carried] == ["y.0"] and show(loop.body) == "%t.2 = y.0 * 2.0"


def test_prune_substitutes_what_is_always_one_value() -> None:
    joins = (Join("x.1", Var("x.0"), Var("x.0")),)
    body = (*parse("x.0 = n * 2.0"), If(Var("c"), (), (), joins), *parse("y.0 = x.1\ny.1 = y.0 + 1.0"))
    assert show(prune(function(body, "y.1")).body) == "x.0 = n * 2.0\ny.1 = x.0 + 1.0"


def test_prune_keeps_stores_into_memory_that_is_read_through_a_view() -> None:
    body = parse("D = np.zeros(n)\nE = D[:]\nE[i] = e\nB = np.zeros(n)\nB[i] = e\nd = np.sum(D)")
    assert show(prune(function(body, "d")).body) == "D = np.zeros(n)\nE = D[:]\nE[i] = e\nd = np.sum(D)"


def test_what_no_path_bound_may_be_passed_on_unread() -> None:
    first_join = If(Var("c"), parse("x.0 = 1.0"), (), (Join("x.1", Var("x.0"), Undef()),))
    second_join = If(Var("c"), (), (), (Join("y.0", Var("x.1"), Const(2.0)),))
    third_join = If(Var("c"), (), (), (Join("y.1", Var("y.0"), Var("x.1")),))
    body = (first_join, second_join, third_join, *parse("d = x.1\ne = y.0"))
    f = clean_up(function(body, "d", "y.1"))
    assert called(f, n=0, c=True) == (1.0, 1.0)
    called(f, n=0, c=False)


def test_a_transposed_outer_product() -> None:
    known: dict[str, Any] = {
        "a": Array("float64", (dim(Symbol("a", 0)),)),
        "b": Array("float64", (dim(Symbol("b", 0)),)),
        "m": Array("float64", (dim(Symbol("b", 0)), dim(Symbol("a", 0)))),
        "s": Scalar("float64"),
    }
    for before, after in (
        ("np.transpose(a[:, None] * b, axes=(1, 0))", "b[:, None] * a"),
        ("np.transpose(a[:, None] * m, axes=(1, 0))", None),  # one matrix and one column
        ("np.transpose(a[:, None] * s, axes=(1, 0))", None),
        ("np.transpose(a[:, None] * b, axes=(0, 1))", None),
    ):
        (line,) = show(simplify_algebra(parse(f"y = {before}"), known)).splitlines()
        assert line == f"y = {after or before}"
