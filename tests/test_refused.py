"""What srcad refuses, it refuses itself: with a code, a line and a caret."""

from __future__ import annotations

import warnings

import pytest

import srcad
import tests.programs.refused_calls  # noqa: F401  (registers its programs)
from srcad.errors import InternalError, SrcadError
from tests.programs.refused import REFUSED, Refusal


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize("refusal", REFUSED, ids=lambda r: r.name)
def test_refused(refusal: Refusal, target: str) -> None:
    with pytest.raises(SrcadError) as caught, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = srcad.grad(refusal.function, refusal.wrt, target=target)(*refusal.args)
        print("no error, but", result)
    assert not isinstance(caught.value, InternalError), str(caught.value)
    codes = [problem.code for problem in caught.value.problems]
    assert any(code.startswith(refusal.codes) for code in codes), str(caught.value)
    text = str(caught.value)
    assert text.startswith(f"srcad error {codes[0]}: ")
    if codes[0].startswith(("S1", "S2")) and codes[0] != "S101" and "refused" in text:
        assert "^" in text
