"""Every pass gives what is well-formed: of the whole corpus, in normal form and in sequential form."""

from __future__ import annotations

import warnings

import pytest

import srcad
from srcad.canonicalize.prune import prune
from srcad.ir.nodes import Assign, Const, For, Function, Op, Return, Var
from srcad.ir.types import Scalar
from srcad.ir.verify import Malformed, verify, verify_sequential
from srcad.optimize.driver import PASSES
from srcad.rules.primitives import PRIMITIVES
from tests.programs.registry import Case, all_cases

KNOWN = {*PRIMITIVES, "range"}
NUMBER = Scalar("float64")


@pytest.mark.parametrize("case", all_cases(), ids=lambda c: c.name)
def test_every_pass_gives_what_is_well_formed(case: Case) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = srcad.value_and_grad(case.function, case.wrt, target="python").specialisation(*case.args).generated
    verify(made.lowered.function)
    verify(prune(made.lowered.function))
    f = verify_sequential(made.function, KNOWN)
    for step in PASSES:
        f = verify_sequential(step(f), KNOWN)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ((Assign("y", Var("z")), Return((Var("y"),))), "z is read where nothing has given it a value"),
        ((Assign("w", Var("x")), Return((Var("w"),))), "w has no type"),
        ((Assign("y", Op("no.such", (Var("x"),))), Return((Var("y"),))), "no.such is no primitive"),
        ((Return((Var("x"),)), Assign("y", Var("x"))), "a return that is not the last statement"),
        ((For("i", Const(0), Var("z"), Const(1), ()), Return((Var("x"),))), "z is read"),
    ],
)
def test_what_is_not_is_said(body, said) -> None:
    f = Function("f", (), (Assign("x", Const(1.0)), *body), (), {"x": NUMBER, "y": NUMBER, "i": Scalar("int64")})
    with pytest.raises(Malformed, match=said):
        verify_sequential(f, KNOWN)


def test_what_an_earlier_iteration_assigns_is_there() -> None:
    loop = For("i", Const(0), Const(3), Const(1), (Assign("x", Var("y")), Assign("y", Const(2.0))))
    f = Function("f", (), (loop, Return((Var("x"),))), (), {"x": NUMBER, "y": NUMBER})
    assert verify_sequential(f, KNOWN) is f
