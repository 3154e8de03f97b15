"""What a generated function takes: the types it was made for, as its docstring lists them and its file asks for them.

The question has to have an answer in plain Python and in what Numba compiles, and there before anything behind it is
typed: Numba evaluates `hasattr`, `isinstance` and `ndim` while it compiles, and drops what can never run. It has no
`isinstance` for arrays; so an array is what has strides, which no number, list or table of another library has, and its
dtype is that of the number it makes of 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from srcad.ir.types import LONG, Array, Dim, ListOf, Opaque, Scalar, Symbol, Type, dim


@dataclass(frozen=True)
class TypedParameter:
    """A parameter of a generated function, and the type that its text was made for."""

    name: str
    type: Type
    like: str | None = None
    """A parameter of whose shape it is."""


TypedParameters = Sequence[TypedParameter]

_WIDTH = 104
_SCALAR = ("isinstance(", "and isinstance(")
_NUMBERS = {"float64": "float", "int64": "(int, np.int64)", "bool": "(bool, np.bool_)"}


def listed_parameters(takes: TypedParameters) -> list[str]:
    """A line for each parameter.

    >>> from srcad.ir.types import ONE, Symbol, dim
    >>> rows = dim(Symbol("A", 0, not_one=True))
    >>> listed_parameters([TypedParameter("A", Array("float64", (rows, ONE))), TypedParameter("n", Scalar("int64"))])
    ['A  float64[:, ::1] where A.shape[0] != 1 and A.shape[1] == 1', 'n  int64']
    """
    width = max((len(one.name) for one in takes), default=0)
    return [f"{one.name:<{width}}  {_words(one)}" for one in takes]


def of_any_length(one: TypedParameter) -> TypedParameter:
    """The parameter without what is known of its lengths, but for those that are one."""
    if not isinstance(one.type, Array):
        return one
    dims = tuple(d if d.is_one else dim(Symbol("?", axis)) for axis, d in enumerate(one.type.dims))
    return replace(one, type=replace(one.type, dims=dims))


def notation(known: Type) -> str:
    """A type as Numba writes it.

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
        case Opaque(name):
            return name


def argument_check(name: str, takes: TypedParameters) -> str:
    """The statement at the entry of the function `name`: a TypeError for arguments its text was not made for."""
    lines: list[str] = []
    for one in takes:
        own = _filled(_asked(one), " and ", "", "and ")
        if lines and isinstance(one.type, Scalar) and len(own) == 1 and lines[-1].startswith(_SCALAR):
            own = _filled([lines.pop(), *own], " and ", "", "and ")
        lines += own
    if not lines:
        return ""
    lines[1:] = [line if line.startswith("and ") else "and " + line for line in lines[1:]]
    said = [f"{one.name}: {_words(one)}" for one in takes]
    words = _filled([f"{name} takes {said[0]}", *said[1:]], ", ", ", ", "")
    asked = ["if not (", *(f"    {line}" for line in lines), "):"]
    if len(lines) == 1:
        asked = [f"if not ({lines[0]}):" if " and " in lines[0] else f"if not {lines[0]}:"]
    if len(words) == 1 and len(words[0]) <= _WIDTH - len('raise TypeError("")'):
        return "\n".join([*asked, f'    raise TypeError("{words[0]}")'])
    return "\n".join([*asked, "    raise TypeError(", *(f'        "{line}"' for line in words), "    )"])


def _filled(parts: Sequence[str], between: str, end: str, start: str) -> list[str]:
    """The parts on as few lines as they fit; `end` ends each line but the last, `start` begins each but the first."""
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


def _words(one: TypedParameter) -> str:
    lengths = _lengths(one)
    return notation(one.type) + (f" where {' and '.join(lengths)}" if lengths else "")


def _asked(one: TypedParameter) -> list[str]:
    name, known = one.name, one.type
    if isinstance(known, Scalar):
        return [f"isinstance({name}, {_NUMBERS.get(known.dtype, f'np.{known.dtype}')})"]
    if not isinstance(known, Array):
        return []
    dtype = "(bool, np.bool_)" if known.dtype == "bool" else f"np.{known.dtype}"
    parts = [f'hasattr({name}, "strides")', f"{name}.ndim == {known.rank}"]
    parts.append(f"isinstance({name}.dtype.type(0), {dtype})")
    if known.layout != "A":
        parts.append(f"{name}.flags.{known.layout.lower()}_contiguous")
    return parts + _lengths(one)


def _lengths(one: TypedParameter) -> list[str]:
    """What is relied on of the lengths: that they are one, or not, or large, or those of another array."""
    if one.like is not None:
        return [f"{one.name}.shape == {one.like}.shape"]
    lengths = [_length(d) for d in one.type.dims] if isinstance(one.type, Array) else []
    if len(lengths) > 1 and len(set(lengths)) == 1 and lengths[0] in _OF_ALL:
        return [_OF_ALL[lengths[0]].format(one.name)]
    if len(lengths) == 1:
        return [f"len({one.name}) {said}" for said in lengths if said]
    return [f"{one.name}.shape[{axis}] {said}" for axis, said in enumerate(lengths) if said]


_OF_ALL = {"!= 1": "1 not in {}.shape", f">= {LONG}": f"min({{}}.shape) >= {LONG}"}


def _length(length: Dim) -> str:
    if length.is_one:
        return "== 1"
    ((symbol, _),) = length.terms
    return f">= {LONG}" if symbol.at_least_nine else "!= 1" if symbol.not_one else ""
