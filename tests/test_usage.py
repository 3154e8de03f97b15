"""What `help` and a prompt show: signatures with every option, and how a derivative is called."""

import inspect
from dataclasses import fields

import pytest

import srcad
from srcad.options import Choices, Options


def loss(params, x, scale=2.0):
    """The loss.

    Of one example.
    """
    return params["w"] * x * scale


@pytest.mark.parametrize("name", ["grad", "value_and_grad", "jacobian", "adjoint", "jit", "check_grad"])
def test_public_functions_spell_their_options_out(name):
    function = getattr(srcad, name)
    shown = inspect.signature(function).parameters
    kinds = {shown[f.name].kind for f in fields(Options)}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}
    assert {f.name: shown[f.name].default for f in fields(Options)} == {f.name: f.default for f in fields(Options)}
    assert not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in shown.values())
    assert "Unpack[Choices]" in inspect.getsource(function)  # what type checkers and editors read


def test_options_are_the_same_everywhere():
    assert list(Choices.__annotations__) == [f.name for f in fields(Options)]


def test_a_slip_is_answered_by_the_name_that_was_meant():
    for slip, meant in (("argnum", "argnums"), ("hasaux", "has_aux"), ("checkpoints", "checkpoint")):
        with pytest.raises(srcad.errors.ArgumentError, match=f"S310(?s:.*)write {meant}=."):
            srcad.grad(loss, **{slip: 1})


def test_help_tells_how_to_call():
    df = srcad.grad(loss, ("params", "x"), has_aux=True)
    assert str(inspect.signature(df)) == "(params, x, scale=2.0)"
    assert "called with the arguments of loss" in df.__doc__
    assert "a tuple of gradients, each in the structure, the shapes and the dtypes of its argument" in df.__doc__
    assert "take flat arguments" in df.__doc__ and df.__doc__.endswith("loss: The loss.\n\nOf one example.\n")
    assert str(inspect.signature(srcad.adjoint(loss))) == "(params, x, scale=2.0, *buffers)"
    for mode in ("value_and_grad", "jacobian", "adjoint", "jit"):
        assert all(len(line) <= 120 for line in getattr(srcad, mode)(loss).__doc__.splitlines())
