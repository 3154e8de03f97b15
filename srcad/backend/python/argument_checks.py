"""Run-time checks of argument types at the entry of a generated function, and their notation in its docstring.

The check must work in plain Python and in Numba, and there before the code behind it is typed: Numba evaluates
`hasattr`, `isinstance` and `ndim` at compile time, and prunes dead branches. It has no `isinstance` for arrays; so an
array is recognised by its `strides`, which no scalar, list or table of another library has, and its dtype by the type
of the scalar it makes of 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from srcad.ir.types import LONG, Array, Dim, ListOf, Opaque, Scalar, Symbol, Tuple, Type, dim


@dataclass(frozen=True)
class TypedParameter:
    """A parameter of a generated function, and the type that the function was specialised for."""

    name: str
    type: Type
    like: str | None = None
    """A parameter that has the same shape."""


TypedParameters = Sequence[TypedParameter]

_WIDTH = 104
_SCALAR = ("isinstance(", "and isinstance(")
_NUMBERS = {"float64": "float", "int64": "(int, np.int64)", "bool": "(bool, np.bool_)", "complex128": "complex"}


def listed_parameters(takes: TypedParameters) -> list[str]:
    """A line for each parameter.

    >>> from srcad.ir.types import ONE, Symbol, dim
    >>> rows = dim(Symbol("A", 0, not_one=True))
    >>> listed_parameters([TypedParameter("A", Array("float64", (rows, ONE))), TypedParameter("n", Scalar("int64"))])
    ['A  float64[:, ::1] where A.shape[0] != 1 and A.shape[1] == 1', 'n  int64']
    """
    width = max((len(parameter.name) for parameter in takes), default=0)
    return [f"{parameter.name:<{width}}  {_type_text(parameter)}" for parameter in takes]


def of_any_length(parameter: TypedParameter) -> TypedParameter:
    """The parameter without the constraints on its lengths, except for those that are 1."""
    if not isinstance(parameter.type, Array):
        return parameter
    dims = tuple(d if d.is_one else dim(Symbol("?", axis)) for axis, d in enumerate(parameter.type.dims))
    return replace(parameter, type=replace(parameter.type, dims=dims))


def notation(known: Type) -> str:
    """A type in Numba's notation.

    >>> from srcad.ir.types import ONE
    >>> notation(Array("float64", (ONE, ONE), "F"))
    'float64[::1, :]'
    """
    match known:
        case Array(dtype, dims, layout):
            axes = [":"] * len(dims)
            if layout != "A":
                axes[-1 if layout == "C" else 0] = "::1"
            return f"{dtype}[{', '.join(axes)}]"
        case Scalar(dtype):
            return dtype
        case ListOf(item):
            return f"list of {notation(item)}"
        case Tuple(items):
            return f"({', '.join(map(notation, items))})"
        case Opaque(name):
            return name


def argument_check(name: str, takes: TypedParameters) -> str:
    """The statement at the entry of the function `name` that raises TypeError for arguments of other types.

    >>> print(argument_check("f", [TypedParameter("x", Scalar("float64"))]))
    if not isinstance(x, float):
        raise TypeError("f takes x: float64")
    """
    return _statement(name, takes, _conditions)


def length_check(name: str, takes: TypedParameters) -> str:
    """The part of it that types do not decide, for where they were checked before.

    >>> print(length_check("f", [TypedParameter("x", Array("float64", (dim(1),)))]))
    if not len(x) == 1:
        raise TypeError("f takes x: float64[::1] where len(x) == 1")
    """
    return _statement(name, takes, _lengths)


def said(name: str, takes: TypedParameters) -> str:
    """What the errors of the checks say.

    >>> said("f", [TypedParameter("x", Scalar("float64"))])
    'f takes x: float64'
    """
    return ", ".join(_said(name, takes))


def _said(name: str, takes: TypedParameters) -> list[str]:
    first, *others = [f"{parameter.name}: {_type_text(parameter)}" for parameter in takes]
    return [f"{name} takes {first}", *others]


def _statement(name: str, takes: TypedParameters, asked: Callable[[TypedParameter], list[str]]) -> str:
    lines: list[str] = []
    for parameter in takes:
        conditions = _filled(asked(parameter), " and ", "", "and ")
        if lines and isinstance(parameter.type, Scalar) and len(conditions) == 1 and lines[-1].startswith(_SCALAR):
            conditions = _filled([lines.pop(), *conditions], " and ", "", "and ")
        lines += conditions
    if not lines:
        return ""
    lines[1:] = [line if line.startswith("and ") else "and " + line for line in lines[1:]]
    message_lines = _filled(_said(name, takes), ", ", ", ", "")
    test_lines = ["if not (", *(f"    {line}" for line in lines), "):"]
    if len(lines) == 1:
        test_lines = [f"if not ({lines[0]}):" if " and " in lines[0] else f"if not {lines[0]}:"]
    if len(message_lines) == 1 and len(message_lines[0]) <= _WIDTH - len('raise TypeError("")'):
        return "\n".join([*test_lines, f'    raise TypeError("{message_lines[0]}")'])
    return "\n".join([*test_lines, "    raise TypeError(", *(f'        "{line}"' for line in message_lines), "    )"])


def _filled(parts: Sequence[str], between: str, end: str, start: str) -> list[str]:
    """The parts on as few lines as possible; `end` ends each line but the last, `start` begins each but the first."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(between) + len(part) <= _WIDTH:
            lines[-1] += between + part
        elif lines:
            lines[-1] += end
            lines.append(start + part)
        else:
            lines.append(part)
    return lines


def _type_text(parameter: TypedParameter) -> str:
    lengths = _lengths(parameter)
    return notation(parameter.type) + (f" where {' and '.join(lengths)}" if lengths else "")


def _conditions(parameter: TypedParameter) -> list[str]:
    name, known = parameter.name, parameter.type
    if isinstance(known, Scalar):
        return [f"isinstance({name}, {_NUMBERS.get(known.dtype, f'np.{known.dtype}')})"]
    if not isinstance(known, Array):
        return []
    dtype = "(bool, np.bool_)" if known.dtype == "bool" else f"np.{known.dtype}"
    parts = [f'hasattr({name}, "strides")', f"{name}.ndim == {known.rank}"]
    parts.append(f"isinstance({name}.dtype.type(0), {dtype})")
    if known.layout != "A":
        parts.append(f"{name}.flags.{known.layout.lower()}_contiguous")
    return parts + _lengths(parameter)


def _lengths(parameter: TypedParameter) -> list[str]:
    """The constraints on the lengths: equal to 1, not 1, large, or those of another array."""
    if parameter.like is not None:
        return [f"{parameter.name}.shape == {parameter.like}.shape"]
    lengths = [_length(d) for d in parameter.type.dims] if isinstance(parameter.type, Array) else []
    if len(lengths) > 1 and len(set(lengths)) == 1 and lengths[0] in _FOR_ALL_AXES:
        return [_FOR_ALL_AXES[lengths[0]].format(parameter.name)]
    if len(lengths) == 1:
        return [f"len({parameter.name}) {said}" for said in lengths if said]
    return [f"{parameter.name}.shape[{axis}] {said}" for axis, said in enumerate(lengths) if said]


_FOR_ALL_AXES = {"!= 1": "1 not in {}.shape", f">= {LONG}": f"min({{}}.shape) >= {LONG}"}


def _length(length: Dim) -> str:
    if length.is_one:
        return "== 1"
    ((symbol, _),) = length.terms
    return f">= {LONG}" if symbol.at_least_nine else "!= 1" if symbol.not_one else ""
