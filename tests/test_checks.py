"""Checks at run time: where they stand, how they are printed, what a call raises, what they do to sweeps and loops."""

import importlib.util
import traceback

import numpy as np
import pytest

import srcad
from srcad.dispatch.memory_plan import Plan

ONES = np.ones(4)


def raised(call, *args):
    """The type and the text of the error that a call raises; None where it raises none."""
    try:
        call(*args)
    except Exception as error:
        return type(error), str(error).partition("\n")[0]  # pytest adds lines to an assert
    return None


def guarded(x, n):
    if n < 2:
        raise ValueError(f"at least 2, not {n}")
    elif n > 8:
        raise OverflowError(f"{n} of {len(x)}: too many")
    assert x[0] > 0.0, "positive"
    assert len(x) > 3, f"only {len(x)}"
    total = 0.0
    for i in range(n):
        if i == 7:
            raise IndexError("no seven")
        total += x[i] ** 2
    return total


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_what_the_function_raises_its_gradient_raises(target):
    df = srcad.grad(guarded, target=target)
    np.testing.assert_allclose(df(ONES, 3), [2.0, 2.0, 2.0, 0.0])
    long = np.ones(9)
    for args in ((ONES, 1), (long, 9), (-ONES, 3), (np.ones(3), 2), (long, 8)):
        expected = raised(guarded, *args)
        assert expected is not None
        assert raised(df, *args) == expected


def test_a_check_is_text_that_one_would_write():
    df = srcad.grad(guarded, target="python")
    df(ONES, 3)
    for line in (
        'if n < 2:\n        raise ValueError(f"at least 2, not {n}")',
        'if n > 8:\n        raise OverflowError(f"{n} of {len(x)}: too many")',
        'assert x[0] > 0.0, "positive"',
        'assert len(x) > 3, f"only {len(x)}"',
        'if i == 7:\n            raise IndexError("no seven")',
    ):
        assert line in df.source


def test_a_failed_check_leaves_no_internals_in_the_traceback():
    df = srcad.grad(guarded)
    df(ONES, 3)
    with pytest.raises(ValueError, match="at least 2, not 1") as caught:
        df(ONES, 1)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    assert "During handling" not in "".join(traceback.format_exception(caught.value))


def test_a_saved_file_raises_as_well(tmp_path):
    df = srcad.grad(guarded)
    df(ONES, 3)
    path = df.save(tmp_path / "guarded_grad.py")
    spec = importlib.util.spec_from_file_location("guarded_grad", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(ValueError, match="at least 2"):
        module.guarded_grad(ONES, 1)
    with pytest.raises(OverflowError, match="too many"):
        module.guarded_grad(np.ones(9), 9)


def test_a_gradient_with_checks_is_differentiated_again():
    df = srcad.grad(guarded, target="python")
    df(ONES, 3)

    again = srcad.jacobian(df.compiled, target="python")
    np.testing.assert_allclose(again(ONES, 3), np.diag([2.0, 2.0, 2.0, 0.0]))
    assert raised(again, ONES, 1) == raised(guarded, ONES, 1)


def stops(x, limit):
    total = 0.0
    for i in range(len(x)):
        if i >= limit:
            raise ValueError(f"turn {i}")
        total += np.exp(x[i]) * x[i]
    return total


def test_loops_with_checks_are_fused_as_those_without():
    df = srcad.grad(stops, target="python")
    df(ONES, 9)
    assert "and back" in df.source
    assert df.source.count("raise ValueError") == 1
    assert raised(df, ONES, 2) == (ValueError, "turn 2")


def prints_after(x, limit):
    total = 0.0
    for i in range(len(x)):
        if i >= limit:
            raise ValueError(f"turn {i}")
        total += np.exp(x[i]) * x[i]
    print("here")
    return total


def test_nothing_is_printed_that_python_would_not_have_printed(capsys):
    df = srcad.grad(prints_after, target="python")
    df(ONES, 9)
    assert capsys.readouterr().out == "here\n"
    assert raised(df, ONES, 2) == (ValueError, "turn 2")
    assert capsys.readouterr().out == ""


def simulated(x, n, limit):
    y = x.copy()
    for t in range(n):
        if t >= limit:
            raise ValueError(f"turn {t}")
        y = np.sin(y) * x
    return np.sum(y)


def test_a_checkpointed_loop_checks_once():
    df = srcad.grad(simulated, checkpoint="t", target="python")
    plain = srcad.grad(simulated, target="python")
    np.testing.assert_allclose(df(ONES, 9, 9), plain(ONES, 9, 9))
    assert df.source.count("raise ValueError") == 1
    assert raised(df, ONES, 9, 5) == (ValueError, "turn 5")
    assert isinstance(df.plan(ONES, 9, 9), Plan)


def several(x, n):
    if n < 2:
        raise ValueError("few")
    return np.sum(x), np.sum(x * x) * n


def entries(x, n):
    if n < 2:
        raise ValueError("few")
    y = np.zeros(len(x))
    for i in range(len(x)):
        y[i] = x[i] ** n
    return y


@pytest.mark.parametrize("function", [several, entries])
def test_a_jacobian_checks_once(function):
    df = srcad.jacobian(function, target="python")
    df(ONES, 3)
    assert df.source.count("raise ValueError") == 1
    assert raised(df, ONES, 1) == (ValueError, "few")


def doubles(x, y, n):
    if n < 2:
        raise ValueError(f"{n} is too few")
    for i in range(n):
        y[i] = x[i] * x[i]


def test_a_procedure_checks_before_it_writes():
    df = srcad.adjoint(doubles, argnums=(0, 1), target="python")
    y = np.zeros(4)
    assert raised(df, ONES, y, 1, np.zeros(4), np.ones(4)) == (ValueError, "1 is too few")
    assert not y.any()


def of_a_root(x):
    return np.sum(np.sqrt(x))


def keywords(x, /, y=2.0, *, scale=3.0, **more):
    return x * y**2 * scale**3 * more.get("factor", 1.0)


@pytest.mark.parametrize("wrt", ["scale", "y", ("y", "x"), ("scale", "y", "x")])
def test_check_grad_of_parameters_that_are_left_to_their_defaults(wrt):
    """A keyword-only parameter, and one that the call does not give."""
    found = srcad.check_grad(keywords, 1.5, argnums=wrt, target="python")
    assert found.entries == (1 if isinstance(wrt, str) else len(wrt)) and found.reverse == pytest.approx(
        found.difference
    )
    assert found.reverse != 0.0  # the entry is shown also where nothing differs


def test_what_is_not_a_number_is_no_agreement():
    for x in (np.array([-1.0, 2.0]), np.array([2.0, -1.0])):
        with np.errstate(invalid="ignore"), pytest.raises(srcad.SrcadError, match="S312"):
            srcad.check_grad(of_a_root, x, target="python")
