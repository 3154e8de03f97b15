"""The parameters of a function that is lowered for a call: those of its arguments that are known only at run time.

What is known while compiling (functions, strings, integers, the structure of lists and dicts) becomes part of the
function. Types are written in terms of the parameters, so that calls with equal types are calls of one function.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from srcad.frontend.values.abstract_values import (
    Abstract,
    Constant,
    CopiedContainer,
    HeapRef,
    Leaf,
    LeafSlot,
    Record,
    Seq,
    Site,
    map_structure,
)
from srcad.frontend.values.abstract_values import Mapping as Dict
from srcad.frontend.values.context import Context
from srcad.frontend.values.describe import name_part
from srcad.frontend.values.inner_classes import reads_frame
from srcad.ir.nodes import Atom, Const, Var
from srcad.ir.types import Array, Dim, ListOf, Scalar, Symbol, Type, dim


class NotKept(Exception):
    """A call that has to be inlined; the message says why."""


class ChangesList(NotKept):
    """The function changes a list or dict that it is given."""


@dataclass(frozen=True)
class Arguments:
    """The arguments of a call, taken apart."""

    structure: tuple[tuple[str, Abstract], ...]
    """Of each parameter, with slots for the leaves."""
    leaves: tuple[Leaf, ...]
    """In the callee: constants, and parameters with types of their own."""
    atoms: tuple[Atom, ...]
    """In the caller."""
    paths: tuple[str, ...]
    lists: tuple[tuple[str, Site], ...] = ()
    """The parameters that are lists, and where these are made."""

    @property
    def key(self) -> object:
        """Equal for calls of one function."""
        return self.structure, tuple((leaf.type, _weak(leaf.type), _value(leaf.atom)) for leaf in self.leaves)

    @property
    def given(self) -> list[Atom]:
        """What the caller passes: constants of the callee are left out."""
        pairs = zip(self.leaves, self.atoms, strict=True)
        return [_as_taken(atom, leaf.type) for leaf, atom in pairs if isinstance(leaf.atom, Var)]

    def in_callee(self) -> dict[str, Abstract]:
        """The value of each parameter."""
        return {name: filled(value, self.leaves) for name, value in self.structure}


def filled(structure: Abstract, leaves: Sequence[Abstract]) -> Abstract:
    """The structure with its leaves."""
    if isinstance(structure, LeafSlot):
        return leaves[structure.index]
    return map_structure(structure, lambda part: filled(part, leaves))


def arguments(ctx: Context, bound: Mapping[str, Abstract]) -> Arguments:
    """The arguments by parameter name; `NotKept` where some are neither leaves nor known."""
    taken: set[str] = set()
    leaves: list[tuple[Leaf, str]] = []

    def walk(value: Abstract, name: str) -> Abstract:
        value = ctx.check(value)
        if reads_frame(value.value if isinstance(value, Constant) else getattr(value, "cls", None)):
            raise NotKept(f"{name} is of a class defined inside, which reads variables around it")
        match value:
            case Leaf():
                leaves.append((value, _unique(name, taken)))
                return LeafSlot(len(leaves) - 1)
            case Seq(items, kind):
                return Seq(tuple(walk(item, f"{name}_{at}") for at, item in enumerate(items)), kind)
            case Record(cls, fields):
                return Record(cls, tuple((field, walk(item, f"{name}_{field}")) for field, item in fields))
            case HeapRef(id=ref):
                cells = ctx.heap[ref]
                if cells.at_run_time and not cells.shared and ref in ctx.sites and bound.get(name) == value:
                    return CopiedContainer(tuple(walk(item, name) for item in cells.items), None, grown=True)
                if cells.grown or cells.shared:
                    raise NotKept(f"{name} is a list whose length is known only at run time")
                if cells.keys is None:
                    return Seq(tuple(walk(item, f"{name}_{at}") for at, item in enumerate(cells.items)), "list")
                named = zip(cells.keys, cells.items, strict=True)
                if cells.cls is not None:
                    return Record(cells.cls, tuple((str(key), walk(item, f"{name}_{key}")) for key, item in named))
                return Dict(tuple((key, walk(item, f"{name}_{name_part(key)}")) for key, item in named))
            case Constant(known):
                try:
                    hash(known)
                except TypeError:
                    raise NotKept(f"{name} is an object") from None
                return value
        raise NotKept(f"{name} is a function defined inside, or the like")

    structure = tuple((name, walk(value, name)) for name, value in bound.items())
    own = _in_terms_of_parameters(leaves)
    refs = [(name, value.id) for name, value in bound.items() if isinstance(value, HeapRef)]
    at_run_time = [ref for _, ref in refs if ctx.heap[ref].at_run_time]
    if len(set(at_run_time)) < len(at_run_time):
        raise NotKept("one list is given twice")
    lists = tuple((name, ctx.sites[ref]) for name, ref in refs if ref in ctx.sites)
    return Arguments(structure, own, tuple(leaf.atom for leaf, _ in leaves), tuple(name for _, name in leaves), lists)


def _unique(name: str, taken: set[str]) -> str:
    candidate, count = name, 0
    while candidate in taken:
        count += 1
        candidate = f"{name}_{count}"
    taken.add(candidate)
    return candidate


def _in_terms_of_parameters(leaves: Sequence[tuple[Leaf, str]]) -> tuple[Leaf, ...]:
    """The leaves as parameters: lengths that are equal in the caller are so in the callee."""
    lengths: dict[Dim, Dim] = {}

    def length(d: Dim, name: str, axis: int | None) -> Dim:
        if not d.terms:
            return d
        own = Symbol(name, axis, d.is_not_one, at_least_nine=_is_long(d)) if axis is not None else Symbol(name, None)
        return lengths.setdefault(d, dim(own))

    own: dict[int, Leaf] = {}
    # the lengths of arrays have their names before integers that equal them
    for at, (leaf, name) in sorted(enumerate(leaves), key=lambda pair: not isinstance(pair[1][0].type, Array)):
        known = leaf.type
        if isinstance(leaf.static, bool | int) and isinstance(leaf.atom, Const):
            own[at] = leaf
            continue
        match known:
            case Array(dims=dims):
                known = replace(known, dims=tuple(length(d, name, axis) for axis, d in enumerate(dims)))
            case Scalar(dtype="int64"):
                # a constant of the caller is not one of the callee
                value = known.dim if known.dim is not None and known.dim.terms else None
                known = replace(known, dim=length(value, name, None) if value else dim(Symbol(name, None)))
            case Scalar():
                known = replace(known, dim=None)
            case ListOf():
                pass  # its items are of no length in particular
            case _:
                raise NotKept(f"{name} is a list")
        own[at] = Leaf(Var(name), known)
    return tuple(own[at] for at in range(len(leaves)))


def _is_long(d: Dim) -> bool:
    return d.const == 0 and len(d.terms) == 1 and d.terms[0][1] == 1 and d.terms[0][0].at_least_nine


def _weak(known: Type) -> bool | None:
    return known.weak if isinstance(known, Scalar) else None


def _value(atom: Atom) -> object:
    """Of a constant its value and type: 1, 1.0 and True are equal."""
    return (type(atom.value), atom.value) if isinstance(atom, Const) else None


def _as_taken(atom: Atom, known: Type) -> Atom:
    if isinstance(atom, Const) and isinstance(known, Scalar) and known.dtype == "float64":
        assert isinstance(atom.value, int | float)
        return Const(float(atom.value))
    return atom


# ---- functions that call themselves -------------------------------------------------------------------------------


def generalised(one: Arguments, other: Arguments) -> Arguments | None:
    """The arguments of a function that takes both, as a call with the second; None where there is none.

    Integers that differ become parameters, lengths that differ are unknown.
    """
    if one.structure != other.structure:
        return None
    leaves = []
    for a, b, name in zip(one.leaves, other.leaves, one.paths, strict=True):
        joined = _joined(a, b, name)
        if joined is None:
            return None
        leaves.append(joined)
    return replace(other, leaves=tuple(leaves))


def _joined(a: Leaf, b: Leaf, name: str) -> Leaf | None:
    if a.atom == b.atom and a.type == b.type and _weak(a.type) == _weak(b.type) and _value(a.atom) == _value(b.atom):
        return a
    match a.type, b.type:
        case Scalar(first, weak=w), Scalar(second, weak=v):
            dtype = first
            if first != second:
                # an integer that is written down may stand for a float
                numbers = {first, second} == {"int64", "float64"}
                if not numbers or not isinstance((a if first == "int64" else b).atom, Const):
                    return None
                dtype = "float64"
            value = dim(Symbol(name, None)) if dtype == "int64" else None
            return Leaf(Var(name), Scalar(dtype, value, w if w == v else None))
        case Array(first, dims, layout), Array(second, others, other_layout):
            if first != second or len(dims) != len(others):
                return None
            pairs = enumerate(zip(dims, others, strict=True))
            common = tuple(_joined_length(x, y, Symbol(name, axis)) for axis, (x, y) in pairs)
            return Leaf(Var(name), Array(first, common, layout if layout == other_layout else "A"))
    return None


def _joined_length(a: Dim, b: Dim, own: Symbol) -> Dim:
    if a == b:
        return a
    return dim(replace(own, not_one=a.is_not_one and b.is_not_one))
