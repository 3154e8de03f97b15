"""What follows an error that always comes goes: it never runs, and Numba misses the names that it leaves out itself."""

from __future__ import annotations

from dataclasses import replace

from srcad.ir.nodes import Block, Carry, Const, For, Function, If, Join, Stmt, Undef, While
from srcad.ir.runtime_checks import check_of
from srcad.ir.traversal import blocks, with_blocks


def remove_unreachable_code(f: Function) -> Function:
    """The function, in normal form, without what stands after a check that never holds.

    >>> from srcad.ir.runtime_checks import check
    >>> from srcad.ir.nodes import Assign, Op, Var
    >>> from srcad.ir.printer import text
    >>> never = check(Const(False), "IndexError", ("no",))
    >>> then = (never, Assign("a", Op("exp", (Var("x"),))))
    >>> body = (If(Var("c"), then, (), (Join("y", Var("a"), Var("x")),)),)
    >>> print(text(remove_unreachable_code(Function("f", (), body, (Var("y"),), {}))))
    f():
        y = if c:
            check(False, derived=False, error='IndexError', texts=('no',))
            yield undefined
        else:
            yield x
        return y

    A path that ends so hands nothing on, and a loop whose turn does has no second one. What stands on no path but the
    function's own is left as it is: it has results.
    """
    return replace(f, body=tuple(map(_stmt, f.body)))


def _cut(block: Block) -> Block:
    out: list[Stmt] = []
    for stmt in block:
        out.append(_stmt(stmt))
        if _ends(stmt):
            break
    return tuple(out)


def _stmt(stmt: Stmt) -> Stmt:
    match stmt:
        case If(cond, then, orelse, joins, span):
            fails = _fails(then), _fails(orelse)
            if all(fails):  # nothing comes after: whoever is around cuts there
                return stmt
            handed = tuple(
                Join(
                    j.target,
                    *(Undef() if none else value for none, value in zip(fails, (j.then, j.orelse), strict=True)),
                )
                for j in joins
            )
            return If(cond, _cut(then), _cut(orelse), handed, span)
        case For(body=body, carried=carried) if _fails(body) and _bound(carried):
            return replace(stmt, body=_cut(body), carried=_first(carried), exit=None)
        case While(test=test, body=body, carried=carried) if _fails(body) and _bound(carried):
            return replace(stmt, test=tuple(map(_stmt, test)), body=_cut(body), carried=_first(carried))
    return with_blocks(stmt, [tuple(map(_stmt, b)) for b in blocks(stmt)])


def _fails(block: Block) -> bool:
    return any(map(_ends, block))


def _ends(stmt: Stmt) -> bool:
    found = check_of(stmt)
    if found is not None:
        return found.condition == Const(False)
    return isinstance(stmt, If) and _fails(stmt.then) and _fails(stmt.orelse)


def _bound(carried: tuple[Carry, ...]) -> bool:
    return all(c.init != Undef() for c in carried)


def _first(carried: tuple[Carry, ...]) -> tuple[Carry, ...]:
    """What has the same value in every turn that there is."""
    return tuple(replace(c, next=c.init) for c in carried)
