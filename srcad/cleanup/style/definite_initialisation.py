"""Definite assignment: names that may be copied while undefined are initialised at the entry."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping
from dataclasses import replace

from srcad.ir.length_exprs import nonnegative_length, shape_query
from srcad.ir.nodes import Assign, Block, Comment, Const, Expr, For, Function, If, Op, Stmt, Var, While
from srcad.ir.traversal import names, stmt_reads, stmt_writes, walk
from srcad.ir.types import Array, Dim, ListOf, Scalar, Symbol, Type, dim

_EMPTY = {"bool": Const(False), "float64": Const(0.0), "float32": Const(0.0)}


def initialise_undefined(f: Function, saved: Collection[str] = ()) -> Function:
    """Initialise the names that a copy may read before they are assigned.

    >>> from srcad.ir.notation import parse, show
    >>> body = parse('''
    ... if c:
    ...     x = 1.0
    ... y = x
    ... ''')
    >>> print(show(initialise_undefined(Function("f", (), body, (Var("y"),), {"x": Scalar("float64")})).body))
    x = 0.0
    if c:
        x = 1.0
    y = x

    The value is dead: a flag guards every use in the user's program. The copy has no guard, and would raise an
    UnboundLocalError. Neither has what is returned, or put on a list, to be `saved`.
    """
    params = frozenset(p.name for p in f.params)
    results = {n for e in f.results for n in names(e)}
    read_undefined, assigned = _read_unassigned(f.body, params)
    read_undefined |= results - assigned
    copied = {s.value.name for s in walk(f.body) if isinstance(s, Assign) and isinstance(s.value, Var)}
    copied |= set(saved)
    initialisations: list[Stmt] = []
    for name in sorted(read_undefined & copied):
        value = _placeholder(f.types.get(name), f.types, params)
        if value is not None:
            initialisations.append(Assign(name, value))
    at = 1 if f.body and isinstance(f.body[0], Comment) else 0
    return replace(f, body=(*f.body[:at], *initialisations, *f.body[at:]))


def _read_unassigned(block: Block, assigned: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """The names that may be read before they are assigned, and those that are assigned after the block on all paths."""
    read: frozenset[str] = frozenset()
    for stmt in block:
        match stmt:
            case If(cond, then, orelse):
                in_then, after_then = _read_unassigned(then, assigned)
                in_else, after_else = _read_unassigned(orelse, assigned)
                read |= (names(cond) - assigned) | in_then | in_else
                assigned = after_then & after_else
            case For(index, start, stop, step, body, _, exit):
                in_body, after_body = _read_unassigned(body, assigned | {index})
                at_end = frozenset() if exit is None else names(exit) - after_body
                read |= (names(start) | names(stop) | names(step)) - assigned | in_body | at_end
                # there may be no iteration
            case While(test, cond, body):
                in_test, assigned = _read_unassigned(test, assigned)
                in_body, _ = _read_unassigned(body, assigned)
                read |= in_test | (names(cond) - assigned) | in_body
            case _:
                read |= stmt_reads(stmt) - assigned
                assigned |= stmt_writes(stmt)
    return read, assigned


def _placeholder(known: Type | None, types: Mapping[str, Type], params: Container[str]) -> Expr | None:
    """A placeholder of a type; an array has the length of its type: elements known to exist may be loaded early."""

    def length(d: Dim) -> Expr:
        computable = all(_is_argument_length(s, types, params) for s, _ in d.terms)
        return nonnegative_length(d, shape_query) if computable else Const(0)

    match known:
        case Scalar(dtype):
            return _EMPTY.get(dtype, Const(0))
        case Array(dtype, dims):
            static = () if dtype == "float64" else (("dtype", dtype),)
            return Op("np.empty", tuple(map(length, dims)), static)
        case ListOf():
            return Op("list.new")
        case _:
            return None


def _is_argument_length(symbol: Symbol, types: Mapping[str, Type], params: Container[str]) -> bool:
    known = types.get(symbol.name)
    if symbol.name not in params or symbol.axis is None or not isinstance(known, Array):
        return False
    return known.dims[symbol.axis] == dim(symbol)
