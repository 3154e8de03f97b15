"""Every pass gives what is well-formed: all that the tests compile is verified after each pass (tests/conftest.py).

`test_programs` takes the whole corpus through `value_and_grad` and the text that is compiled; here a fourth of it
goes through the other modes, and what is ill-formed is shown to be noticed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import srcad
from srcad.backend.modules import cache_files
from srcad.backend.modules.import_module import load
from srcad.backend.python.module_text import module_text
from srcad.compiler.manager import Form, Pass, is_verifying, passes_of, run, settings
from srcad.compiler.passes import COMPILED, READABLE
from srcad.compiler.stages import applied, recorded
from srcad.compiler.unit import Unit, without_source
from srcad.compiler.verification import KNOWN, verifier
from srcad.dispatch.pytree import flatten
from srcad.errors import InternalError, SrcadError
from srcad.ir.nodes import Assign, Block, Const, For, Function, If, Op, Param, Return, Var
from srcad.ir.types import Array, Scalar, Type, dim
from srcad.ir.verify import Malformed, verify_sequential
from srcad.reverse.source_comments import FORWARD, REVERSE
from srcad.typing.verify_types import verify_types
from tests.numeric import leaves
from tests.poison import poisoned
from tests.programs.registry import Case, all_cases

pytestmark = pytest.mark.one_in(10, least=3)

NUMBER, VECTOR = Scalar("float64"), Array("float64", (dim(3),))
OTHER_MODES: dict[str, Callable[..., srcad.Derivative]] = {
    "jacobian": srcad.jacobian,
    "adjoint": srcad.adjoint,
    "jit": lambda f, wrt, **options: srcad.jit(f, **options),
}
OPTIONAL = sorted({one.name for order in (*READABLE.values(), COMPILED) for one in passes_of(order) if one.optional})


def test_tests_verify() -> None:
    assert is_verifying()


@pytest.mark.parametrize("case", all_cases()[1::4], ids=lambda c: c.name)
def test_every_pass_of_the_other_modes_gives_what_is_well_formed(case: Case) -> None:
    for mode in OTHER_MODES.values():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                made = mode(case.function, case.wrt, target="python").specialisation(*case.args).generated
            except InternalError:
                raise
            except SrcadError:  # an output that has no Jacobian, arguments that a procedure cannot have
                continue
            assert made.compiled.params == made.function.params


# ---- what is ill-formed is noticed -----------------------------------------------------------------------------------


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
def test_what_is_not_is_said(body: Block, said: str) -> None:
    f = Function("f", (), (Assign("x", Const(1.0)), *body), (), {"x": NUMBER, "y": NUMBER, "i": Scalar("int64")})
    with pytest.raises(Malformed, match=said):
        verify_sequential(f, KNOWN)


def test_what_an_earlier_iteration_assigns_is_there() -> None:
    loop = For("i", Const(0), Const(3), Const(1), (Assign("x", Var("y")), Assign("y", Const(2.0))))
    f = Function("f", (), (loop, Return((Var("x"),))), (), {"x": NUMBER, "y": NUMBER})
    assert verify_sequential(f, KNOWN) is f


@pytest.mark.parametrize(("name", "other"), [("x", VECTOR), ("y", VECTOR), ("y", Scalar("float32"))])
def test_what_was_right_for_other_types_is_verified_again(name: str, other: Type) -> None:
    types: dict[str, Type] = {"x": NUMBER, "y": NUMBER}
    f = Function("f", (Param("x", "x"),), (Assign("y", Op("neg", (Var("x"),))),), (Var("y"),), types)
    for _ in range(2):
        assert verify_types(f) is f
    changed = replace(f, types={**types, name: other})
    if isinstance(other, Scalar):
        assert verify_types(changed, precisely=False) is changed
    with pytest.raises(Malformed, match="y is declared"):
        verify_types(changed)


def with_body(*body: object) -> Callable[[Function], Function]:
    return lambda f: replace(f, body=tuple(body))  # type: ignore[arg-type]


def forget_aliases(unit: Unit) -> Unit:
    """Says to keep what is known of aliases, and makes a new one."""
    f = unit.function
    both = (Assign("b", Var("a")), Return((Var("b"),)))
    return replace(unit, function=replace(f, body=both, types={**f.types, "b": VECTOR}))


def change_types(unit: Unit) -> Unit:
    unit.function.types["other"] = NUMBER
    return unit


APART = If(Const(True), (Assign("y", Op("result", (Var("x"),), (("at", 0),))),), (), ())

BROKEN: dict[str, tuple[Callable[[Unit], Unit], Form, str]] = {
    "normal form": (
        lambda u: replace(u, function=with_body(Assign("y", Op("neg", (Op("neg", (Var("x"),)),))))(u.function)),
        Form.NORMAL,
        "has Op where an atom is needed",
    ),
    "results of a call": (
        lambda u: replace(u, function=with_body(APART)(u.function)),
        Form.NORMAL,
        "y is a result of a call in another block",
    ),
    "assigned twice": (
        lambda u: replace(u, function=with_body(Assign("y", Var("x")), Assign("y", Var("x")))(u.function)),
        Form.NORMAL,
        "y is assigned twice",
    ),
    "types": (
        lambda u: replace(u, function=with_body(Assign("y", Var("a")), Return((Var("y"),)))(u.function)),
        Form.SEQUENTIAL,
        "y is declared float64, and is given a value of type",
    ),
    "sections": (
        lambda u: replace(u, function=with_body(REVERSE, FORWARD, Return((Var("x"),)))(u.function)),
        Form.SEQUENTIAL,
        "sections reverse, forward",
    ),
    "aliases": (forget_aliases, Form.SEQUENTIAL, "a, b share memory"),
    "what was given": (change_types, Form.SEQUENTIAL, "has changed what it was given"),
    "an error": (lambda u: 1 // 0, Form.SEQUENTIAL, "ZeroDivisionError"),  # type: ignore[arg-type,return-value]
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_pass_that_breaks_something_is_named(name: str) -> None:
    change, gives, said = BROKEN[name]
    types = {"x": NUMBER, "y": NUMBER, "a": VECTOR}
    f = Function("f", (Param("x", "x"), Param("a", "a")), (Return((Var("x"),)),), (), types)
    from srcad.analysis.memory.may_alias import may_alias

    unit = replace(without_source(f, "grad"), aliases=may_alias(f.body, f.types))
    broken = Pass("breaks_it", change, gives, gives, keeps_aliases=name == "aliases")
    with pytest.raises(InternalError, match=f"the pass breaks_it failed .*{said}"):
        run((broken,), unit, verifier)


# ---- the order --------------------------------------------------------------------------------------------------


def test_forms_follow_from_one_another() -> None:
    for order in (*READABLE.values(), COMPILED):
        passes = list(passes_of(order))
        for one, following in zip(passes, passes[1:]):
            assert following.takes in (one.gives, Form.SEQUENTIAL if one.gives is Form.NORMAL else one.gives) or (
                (one.gives, following.takes) == (Form.NORMAL, Form.SWEEPS)  # of a function without a derivative
            )


SAMPLE = all_cases()[7::190]


@pytest.mark.parametrize("name", OPTIONAL)
def test_without_an_optional_pass_the_result_is_right(name: str) -> None:
    for case in SAMPLE:
        wanted = called(case)
        with settings(without=frozenset({name})), recorded() as stages:
            have = called(case)
        assert stages and all(stage.of.name != name for stage in stages)
        for text, other in zip(have, wanted, strict=True):
            for a, b in zip(text, other, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12, err_msg=f"{name}: {case.name}")


def called(case: Case) -> tuple[list[object], list[object]]:
    """What both texts give, run by Python."""
    with warnings.catch_warnings(), np.errstate(all="ignore"), poisoned():
        warnings.simplefilter("ignore")
        one = srcad.value_and_grad(case.function, case.wrt, target="python").specialisation(*case.args)
        made, flat = one.generated, flatten(case.args)[0]
        functions = (made.function, made.compiled)
        modules = [load(cache_files.store(made.name, module_text(f, "", made.defaults))) for f in functions]
        texts = [getattr(module, made.function.name) for module in modules]
        return tuple([*leaves(one.finish(text(*one.flat(flat))))] for text in texts)  # type: ignore[return-value]


def test_a_pass_that_others_rely_on_cannot_be_left_out() -> None:
    from srcad.compiler.passes import check_names

    with pytest.raises(SrcadError, match="leave_ssa is needed by the others"):
        check_names(["leave_ssa"], optional=True)
    with pytest.raises(SrcadError, match="no_such is no pass"):
        check_names(["no_such"])


def test_passes_apply_to_a_function_alone() -> None:
    f = Function("f", (Param("x", "x"),), (Assign("y", Var("x")), Return((Var("y"),))), (), {"x": NUMBER, "y": NUMBER})
    assert applied(COMPILED, f).name == "f"
