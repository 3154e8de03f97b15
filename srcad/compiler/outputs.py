"""What may be differentiated: a real number, or for a Jacobian numbers or one array.

>>> from srcad.ir.nodes import Var
>>> from srcad.ir.types import dim
>>> where = Span("model.py", "f", 3, 4, 3, 12, "    return x")
>>> output_dtype(Leaf(Var("x"), Scalar("float32")), where, has_aux=False)
'float32'
>>> output_dtype(Leaf(Var("x"), Array("float64", (dim(3),))), where, has_aux=False)
Traceback (most recent call last):
    ...
srcad.errors.DerivativeError: srcad error S201: the output is an array of 1 axes, not a number
...
"""

from __future__ import annotations

from srcad.errors import fail
from srcad.frontend.values.abstract_values import Abstract, Constant, Leaf, Mapping, Record, Seq, leaves
from srcad.ir.nodes import Span
from srcad.ir.types import COMPLEX, FLOATS, INEXACT, Array, Scalar


def output_dtype(result: Abstract, where: Span, has_aux: bool) -> str:
    """The dtype of what is differentiated. A gradient is of one real number: anything else is an error."""
    if has_aux:
        result = value_of_pair(result, where)
    if result == Constant(None):
        fail("S201", "the function returns nothing", where, None, "return the number to differentiate.")
    if not isinstance(result, Leaf):
        advice = "return one number; use has_aux=True where it returns (value, more), or srcad.jacobian for all of it."
        fail("S201", "the output is not one number but a structure", where, None, advice)
    if not isinstance(result.type, Scalar):
        advice = "sum it, differentiate one entry, or use srcad.jacobian for all of them."
        fail("S201", f"the output is an array of {len(result.type.dims)} axes, not a number", where, None, advice)  # type: ignore[union-attr]
    return _float(result, "the output", where)


def _float(output: Leaf, name: str, where: Span) -> str:
    """The dtype of an output that may be differentiated."""
    assert isinstance(output.type, Scalar | Array)
    if output.type.dtype in COMPLEX:
        why = "The gradient is that of a real number: a complex one has a derivative of each of its parts."
        advice = "return z.real, z.imag or abs(z); or use srcad.jvp or srcad.vjp."
        fail("S202", f"{name} is {output.type.dtype}, not a real number", where, why, advice)
    if output.type.dtype not in FLOATS:
        why = "A derivative of whole numbers is zero or undefined."
        fail("S202", f"{name} is {output.type.dtype}, not a float", where, why)
    return output.type.dtype


def check_outputs(result: Abstract, where: Span) -> None:
    """A Jacobian is of numbers, or of one array; anything else is an error."""
    outputs = list(leaves(result))
    if not outputs or _holds_more(result):
        advice = "return numbers, or one array, and nothing else."
        fail("S209", "the output is not made of numbers", where, None, advice)
    for at, output in enumerate(outputs):
        _float(output, "the output" if len(outputs) == 1 else f"output {at}", where)
    if len(outputs) > 1 and any(isinstance(output.type, Array) for output in outputs):
        why = "Numbers are differentiated side by side, the entries of an array one after another."
        advice = 'ask for mode="forward"; join what you return into one array; or ask for a Jacobian of each.'
        fail("S209", "the output has an array and more beside it", where, why, advice)


def check_pair_outputs(result: Abstract, where: Span, has_aux: bool) -> None:
    """A pullback takes a cotangent for each float, of which there has to be one."""
    if has_aux:
        result = value_of_pair(result, where)
    if result == Constant(None):
        fail("S201", "the function returns nothing", where, None, "return what is to be differentiated.")
    if not any(isinstance(one.type, Scalar | Array) and one.type.dtype in INEXACT for one in leaves(result)):
        fail("S202", "there is no float in the output", where, "A derivative of whole numbers is zero or undefined.")


def value_of_pair(result: Abstract, where: Span) -> Abstract:
    """What is differentiated, with `has_aux`."""
    if not (isinstance(result, Seq) and len(result.items) == 2):
        fail("S201", "with has_aux, the function returns a pair: the value and the rest", where)
    return result.items[0]


def _holds_more(value: Abstract) -> bool:
    """Whether there is anything but numbers and arrays in it: a string, None, a function."""
    match value:
        case Leaf():
            return False
        case Seq(items):
            return any(map(_holds_more, items))
        case Mapping(pairs) | Record(_, pairs):
            return any(_holds_more(item) for _, item in pairs)
        case _:
            return True
