"""The operators of a tensor."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np

from srcad.tape.in_place import change
from srcad.tape.operations import Value, execute
from srcad.tape.program_text import numpy_name

Self = TypeVar("Self", bound=Value)
_Binary = Callable[[Any, Any], Any]


def _binary(function: _Binary, sign: str) -> _Binary:
    text = f"{{}} {sign} {{}}"
    return lambda self, other: execute(function, text, (self, other))


def _reflected(function: _Binary, sign: str) -> _Binary:
    text = f"{{}} {sign} {{}}"
    return lambda self, other: execute(function, text, (other, self))


def _unary(function: Callable[[Any], Any], text: str) -> Callable[[Any], Any]:
    return lambda self: execute(function, text, (self,))


def _in_place(function: _Binary, in_place: _Binary, sign: str) -> _Binary:
    text = f"{{}} {sign} {{}}"

    def changed(self: Value, other: Any) -> Any:
        if not isinstance(self._value, np.ndarray):  # a number of NumPy does not change
            return execute(function, text, (self, other))
        change(self, in_place, f"{sign}=", other)
        return self

    return changed


class Arithmetic(Value):
    """Operators that compute by NumPy, and are recorded."""

    __add__ = _binary(operator.add, "+")
    __radd__ = _reflected(operator.add, "+")
    __iadd__ = _in_place(operator.add, operator.iadd, "+")
    __sub__ = _binary(operator.sub, "-")
    __rsub__ = _reflected(operator.sub, "-")
    __isub__ = _in_place(operator.sub, operator.isub, "-")
    __mul__ = _binary(operator.mul, "*")
    __rmul__ = _reflected(operator.mul, "*")
    __imul__ = _in_place(operator.mul, operator.imul, "*")
    __truediv__ = _binary(operator.truediv, "/")
    __rtruediv__ = _reflected(operator.truediv, "/")
    __itruediv__ = _in_place(operator.truediv, operator.itruediv, "/")
    __floordiv__ = _binary(operator.floordiv, "//")
    __rfloordiv__ = _reflected(operator.floordiv, "//")
    __mod__ = _binary(operator.mod, "%")
    __rmod__ = _reflected(operator.mod, "%")
    __pow__ = _binary(operator.pow, "**")
    __rpow__ = _reflected(operator.pow, "**")
    __matmul__ = _binary(operator.matmul, "@")
    __rmatmul__ = _reflected(operator.matmul, "@")
    __and__ = _binary(operator.and_, "&")
    __or__ = _binary(operator.or_, "|")
    __xor__ = _binary(operator.xor, "^")
    __lt__ = _binary(operator.lt, "<")
    __le__ = _binary(operator.le, "<=")
    __gt__ = _binary(operator.gt, ">")
    __ge__ = _binary(operator.ge, ">=")
    __eq__ = _binary(operator.eq, "==")
    __ne__ = _binary(operator.ne, "!=")
    __neg__ = _unary(operator.neg, "-{}")
    __pos__ = _unary(operator.pos, "+{}")
    __abs__ = _unary(operator.abs, "np.abs({})")
    __invert__ = _unary(operator.invert, "~{}")
    __hash__ = object.__hash__


_OPERATORS = {
    np.add: "+",
    np.subtract: "-",
    np.multiply: "*",
    np.true_divide: "/",
    np.floor_divide: "//",
    np.remainder: "%",
    np.power: "**",
    np.matmul: "@",
    np.less: "<",
    np.less_equal: "<=",
    np.greater: ">",
    np.greater_equal: ">=",
    np.equal: "==",
    np.not_equal: "!=",
}


@lru_cache
def ufunc_text(ufunc: np.ufunc) -> str | None:
    """How a ufunc is written, an operator where it is one; None of another library's.

    >>> ufunc_text(np.tanh), ufunc_text(np.add), ufunc_text(np.maximum)
    ('np.tanh({})', '{} + {}', 'np.maximum({}, {})')
    """
    name = numpy_name(ufunc)
    if name is None:
        return None
    return f"{{}} {_OPERATORS[ufunc]} {{}}" if ufunc in _OPERATORS else f"{name}({', '.join(['{}'] * ufunc.nin)})"
