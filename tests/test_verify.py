"""Every pass gives what is well-formed: of the whole corpus, in each mode, for people and for the machine."""

from __future__ import annotations

import warnings

import pytest

import srcad
from srcad.compiler.manager import settings
from srcad.errors import InternalError, SrcadError
from srcad.ir.types import Scalar
from tests.programs.registry import Case, all_cases

NUMBER = Scalar("float64")


@pytest.mark.parametrize("case", all_cases(), ids=lambda c: c.name)
def test_every_pass_gives_what_is_well_formed(case: Case) -> None:
    with warnings.catch_warnings(), settings(verify=True):
        warnings.simplefilter("ignore")
        made = srcad.value_and_grad(case.function, case.wrt, target="python").specialisation(*case.args).generated
        assert made.compiled is not None
        for mode in (srcad.jacobian, srcad.adjoint):
            try:
                made = mode(case.function, case.wrt, target="python").specialisation(*case.args).generated
            except InternalError:
                raise
            except SrcadError:  # no procedure, or an output without a Jacobian
                continue
            assert made.compiled is not None
        assert srcad.jit(case.function, target="python").specialisation(*case.args).generated.compiled is not None
