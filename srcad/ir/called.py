"""Calls that stay calls: a function that stands beside the one that calls it, as the caller knows it.

`Op("call", args, callee=Called(...))` is its value: a scalar or a new array; of several results a `Tuple`, of which
`Op("result", (name,), at=k)` is one. No result shares memory with an argument or with another result.

>>> from srcad.ir.nodes import Const
>>> half = Called("half", (("x", Scalar("float64")),), (Scalar("float64"),))
>>> callee_of(Op("call", (Const(1.0),), (("callee", half),)))
<half>
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace

from srcad.ir.nodes import Op
from srcad.ir.types import Array, Dim, Scalar, Symbol, Tuple, Type, dim


@dataclass(frozen=True, eq=False)
class Called:
    """A function that is called. Two are equal if their names are: each name is one function of a module."""

    name: str
    params: tuple[tuple[str, Type], ...]
    results: tuple[Scalar | Array, ...]
    """Their lengths are in terms of those of the parameters."""
    pure: bool = False
    """It raises no error and prints nothing: a call whose result nobody reads may be left out."""
    changes: tuple[int, ...] = ()
    """The arguments, arrays, that it adds to."""
    constant: frozenset[int] = frozenset()
    """The arguments through which no derivative passes."""
    by_steps: frozenset[int] = frozenset()
    """Those of them that a result depends on nevertheless: through comparisons, roundings and the like."""
    taped: bool = False
    """It saves on a tape that it is given, or reads that (`reverse/adjoint/tape_calls`): one call of each kind for one
    of the other."""
    reversal: object = None
    """How its calls are reversed, where that has been decided (`reverse/adjoint/call_adjoints.AdjointCall`)."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Called) and (self.name, self.pure) == (other.name, other.pure)

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"<{self.name}>"


def callee_of(op: Op) -> Called:
    """The function that a `call` calls."""
    (_, found), *_ = op.static
    assert isinstance(found, Called)
    return found


def type_of_call(called: Called, given: Sequence[Type], name: str) -> Type:
    """The type of a call with arguments of these types; lengths that these do not say are named after `name`."""
    known: dict[Symbol, Dim] = {}
    for (_, taken), own in zip(called.params, given, strict=True):
        match taken, own:
            case Array(dims=dims), Array(dims=lengths):
                known |= {d.terms[0][0]: n for d, n in zip(dims, lengths, strict=True) if _is_symbol(d)}
            case Scalar(dim=Dim() as d), Scalar(dim=Dim() as n) if _is_symbol(d):
                known[d.terms[0][0]] = n
    results = tuple(_in_caller(one, known, name) for one in called.results)
    return results[0] if len(results) == 1 else Tuple(results)


def type_of_result(results: Type, at: int, of: str, name: str) -> Type:
    """The type of one of several results, under a name of its own; `of` is that of all of them."""
    assert isinstance(results, Tuple)
    return _renamed(results.items[at], of, name)


def in_terms_of(known: Scalar | Array, params: Container[str]) -> Scalar | Array:
    """The type of a result, without lengths that callers cannot know."""

    def length(d: Dim, axis: int | None) -> Dim:
        return d if all(symbol.name in params for symbol, _ in d.terms) else dim(Symbol("?", axis, d.is_not_one))

    if isinstance(known, Scalar):
        return known if known.dim is None else replace(known, dim=length(known.dim, None))
    return replace(known, dims=tuple(length(d, axis) for axis, d in enumerate(known.dims)))


def _is_symbol(d: Dim) -> bool:
    return len(d.terms) == 1 and d.terms[0][1] == 1 and d.const == 0


def _in_caller(result: Scalar | Array, known: Mapping[Symbol, Dim], name: str) -> Scalar | Array:
    """The type of a result in terms of what the caller gives."""

    def length(d: Dim, own: Symbol) -> Dim:
        if any(symbol not in known for symbol, _ in d.terms):
            return dim(own)
        return d.replaced(known.__getitem__)

    if isinstance(result, Scalar):
        return result if result.dim is None else replace(result, dim=length(result.dim, Symbol(name, None)))
    dims = [length(d, Symbol(name, axis, d.is_not_one)) for axis, d in enumerate(result.dims)]
    return replace(result, dims=tuple(dims))


def _renamed(result: Scalar | Array, old: str, new: str) -> Scalar | Array:
    def named(d: Dim, axis: int | None) -> Dim:
        own = any(symbol.name == old for symbol, _ in d.terms)
        return dim(Symbol(new, axis, d.is_not_one)) if own else d

    if isinstance(result, Scalar):
        return result if result.dim is None else replace(result, dim=named(result.dim, None))
    return replace(result, dims=tuple(named(d, axis) for axis, d in enumerate(result.dims)))
