"""The operators of a tensor."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np

from srcad.tape.in_place import change
from srcad.tape.operations import binary, unary
from srcad.tape.program_text import numpy_name
from srcad.tape.values import Value

Self = TypeVar("Self", bound=Value)
_Binary = Callable[[Any, Any], Any]


def _binary(function: _Binary, sign: str, depth: int = 1) -> _Binary:
    return binary(function, f"{{}} {sign} {{}}", depth)


def _reflected(function: _Binary, sign: str) -> _Binary:
    operation = _binary(function, sign, 2)
    return lambda self, other: operation(other, self)


def _in_place(function: _Binary, in_place: _Binary, sign: str) -> _Binary:
    operation = _binary(function, sign, 2)

    def changed(self: Value, other: Any) -> Any:
        if not isinstance(self._value, np.ndarray):  # a number of NumPy does not change
            return operation(self, other)
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
    __neg__ = unary(operator.neg, "-{}")
    __pos__ = unary(operator.pos, "+{}")
    __abs__ = unary(operator.abs, "np.abs({})")
    __invert__ = unary(operator.invert, "~{}")
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
def ufunc_operation(ufunc: np.ufunc) -> Callable[..., Any] | None:
    """How a ufunc of one or two operands is computed and recorded; None of others, and of another library's."""
    name = numpy_name(ufunc)
    if name is None or ufunc.nin > 2:
        return None
    if ufunc.nin == 1:
        return unary(ufunc, f"{name}({{}})", 2)
    return _binary(ufunc, _OPERATORS[ufunc], 2) if ufunc in _OPERATORS else binary(ufunc, f"{name}({{}}, {{}})", 2)
