"""Alias check for 0-d arrays: refuses programs in which a 0-d array must not be treated as a scalar.

A scalar is a value; the content of a 0-d array changes when an alias of it is stored to.
`frontend/values/zero_dim_arrays` marks where 0-d arrays are allocated and updated.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from srcad.analysis.memory.alias_classes import alias_classes
from srcad.analysis.memory.alias_conflicts import NamedConflict, refuse_alias_conflicts
from srcad.analysis.memory.reference_flow import ReferenceFlow
from srcad.errors import fail
from srcad.ir.nodes import Assign, Block, Expr, Function, Op, Stmt, Store, Var
from srcad.ir.result_memory import ZERO_D_KEPT, ZERO_D_MADE, ZERO_D_UPDATED
from srcad.ir.traversal import bindings, blocks, walk, with_blocks
from srcad.ir.types import Array, Scalar

_WHY = "NumPy makes a 0-d array of it, whose content may change; a derivative takes it for a number."
_ITEMS = frozenset({"index", "list.item", "list.pop"})
_ADVICE = "take the number out of it where it is made: float(...), or an element such as m[0, 0]."


def refuse_zero_dim_conflicts(f: Function, given: Collection[str], lasting: Iterable[str]) -> None:
    """Refuse a store to a 0-d array, or to the base of a 0-d view, while another name still needs the old value.

    >>> from srcad.ir.nodes import Param
    >>> from srcad.ir.notation import parse
    >>> body = parse('''
    ... total.0 = zero_d.made(x)
    ... alias.0 = total.0
    ... %sum.0 = total.0 + x
    ... total.1 = zero_d.updated(%sum.0, total.0)
    ... %sum.1 = alias.0 + total.1
    ... ''')
    >>> types = dict.fromkeys(("x", "total.0", "alias.0", "%sum.0", "total.1", "%sum.1"), Scalar("float64"))
    >>> f = Function("f", (Param("x", "x"),), body, (Var("%sum.1"),), types)
    >>> refuse_zero_dim_conflicts(f, (), ())  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    srcad.errors.AliasError: srcad error S401: writes into total, and alias may be in the same memory
    ...

    `f` is the lowering in which 0-d arrays are marked, `given` are the parameters that are 0-d arrays; the caller sees
    `lasting` after the return. Raises AliasError S401.
    """
    zero_d = _zero_d(f, given)
    _refuse_changed_items(f, zero_d)
    types = {n: Array(t.dtype, ()) if n in zero_d and isinstance(t, Scalar) else t for n, t in f.types.items()}
    f = replace(f, body=_as_arrays(f.body, zero_d), types=types)
    found = alias_classes(f)
    for stmt in walk(f.body):
        if isinstance(stmt, Assign) and _is(stmt.value, ZERO_D_KEPT) and _names(stmt.value) & found.written:
            fail("S401", "a list holds this 0-d array, which is written to", stmt.span, _WHY, _ADVICE)
    groups = {found.class_of[name] for name in zero_d & found.written}
    names = frozenset(name for name in found.written if found.class_of[name] in groups)
    refuse_alias_conflicts(f, lasting, NamedConflict(names, zero_d, _WHY, _ADVICE))


def _refuse_changed_items(f: Function, zero_d: frozenset[str]) -> None:
    """Refuse a store to what may be an item of a list that holds 0-d arrays: the array for that list holds numbers."""
    marks = [stmt for stmt in walk(f.body) if isinstance(stmt, Assign) and isinstance(stmt.value, Op)]
    if not any(_is(stmt.value, ZERO_D_KEPT) and _names(stmt.value) & zero_d for stmt in marks):
        return
    flow = ReferenceFlow(f.body)
    of_lists = [stmt.target for stmt in marks if isinstance(stmt.value, Op) and stmt.value.prim in _ITEMS]
    items = flow.given({name for name in of_lists if isinstance(f.types[name], Scalar)})
    for stmt in marks:
        if _is(stmt.value, ZERO_D_UPDATED) and _names(stmt.value) & items:
            fail("S401", "what is written to may be a 0-d array in a list", stmt.span, _WHY, _ADVICE)


def _zero_d(f: Function, given: Collection[str]) -> frozenset[str]:
    """The scalar names that may be 0-d arrays, and the array names that may be views of one."""
    flow = ReferenceFlow(f.body)
    found = set(given)
    for stmt in walk(f.body):
        for target, value in bindings(stmt):
            match value:
                case Op(prim, (of, *sources)) if prim in (ZERO_D_MADE, ZERO_D_UPDATED):
                    for source in sources:
                        if isinstance(source, Var):
                            flow.add(target, source.name)
                    # a marked array counts only where it is a view of a 0-d array
                    if prim == ZERO_D_MADE and (not isinstance(of, Var) or isinstance(f.types[of.name], Scalar)):
                        found.add(target)
    return frozenset(flow.given(found))


def _as_arrays(block: Block, zero_d: frozenset[str]) -> Block:
    """The program with the marked scalars as arrays, which are allocated, aliased, and stored to."""
    out: list[Stmt] = []
    for stmt in block:
        match stmt:
            case Assign(target, Op(prim, (value, *others))) if prim in (ZERO_D_MADE, ZERO_D_UPDATED):
                if target not in zero_d:
                    out.append(replace(stmt, value=value))
                    continue
                out.append(replace(stmt, value=Op("tuple", tuple(others))))
                if prim == ZERO_D_UPDATED:
                    out.append(Store(Var(target), (), value, None, stmt.span))
            case _:
                out.append(with_blocks(stmt, [_as_arrays(inner, zero_d) for inner in blocks(stmt)]))
    return tuple(out)


def _is(value: Expr, prim: str) -> bool:
    return isinstance(value, Op) and value.prim == prim


def _names(value: Expr) -> frozenset[str]:
    assert isinstance(value, Op)
    return frozenset(arg.name for arg in value.args if isinstance(arg, Var))
