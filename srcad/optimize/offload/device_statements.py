"""Which statements a thread of a device can run: numbers, loops, branches, the elements of arrays."""

from __future__ import annotations

from collections.abc import Mapping

from srcad.analysis.loops.parallel_loops import memory_reads
from srcad.backend.cuda.scalar_functions import scalar_op
from srcad.ir.nodes import Assign, AugAssign, Block, Comment, Expr, For, If, Op, Slice, Stmt, Store, Undef, Var, While
from srcad.ir.runtime_checks import check_of
from srcad.ir.traversal import map_expr, own_exprs, rewrite, walk
from srcad.ir.types import Array, Scalar, Type
from srcad.typing.typeof import typeof

_VIEWS = frozenset({"index", "np.transpose"})
_LENGTHS = frozenset({"shape", "size", "len"})


def runs_on_device(block: Block, types: Mapping[str, Type], checks: bool = False) -> bool:
    """Whether a thread can run the block, which makes no arrays; with checks only where those are asked for.

    >>> from srcad.ir.notation import parse
    >>> from srcad.ir.types import dim
    >>> types = {"x": Array("float64", (dim(3),)), "t": Scalar("float64"), "i": Scalar("int64")}
    >>> ask = lambda text: runs_on_device(parse(text), types)
    >>> ask("x[i] = np.exp(x[i])"), ask("x[:] = x"), ask("t = np.prod(x)")
    (True, False, False)
    """
    for stmt in walk(block):
        match stmt:
            case Assign(target) | AugAssign(target) if isinstance(types.get(target), Scalar):
                pass
            case Store(base, index) if index and isinstance(typeof(Op("index", (base, *index)), types), Scalar):
                pass
            case If(joins=()) | For(carried=()) | While(carried=()) | Comment():
                pass
            case _ if checks and check_of(stmt) is not None:
                pass
            case _:
                return False
        found = check_of(stmt)
        asked = own_exprs(stmt) if found is None else (found.condition, *(p for p in found.message if not _text(p)))
        if isinstance(stmt, Store):
            asked = (*stmt.index, stmt.value)
        if not all(_is_device_expr(e, types) for e in asked if not isinstance(e, str)):
            return False
    return True


def _text(part: object) -> bool:
    return isinstance(part, str)


def _is_device_expr(expr: Expr, types: Mapping[str, Type]) -> bool:
    match expr:
        case Var(name):
            return isinstance(types.get(name), Scalar)
        case Op("index", (base, *items)):
            if isinstance(typeof(expr, types), Array):
                return False
            return _is_array(base, types) and all(
                not isinstance(item, Slice) and _is_device_expr(item, types) for item in items
            )
        case Op(prim, (base, *_)) if prim in _LENGTHS:
            return _is_array(base, types)
        case Op(prim, args):
            if isinstance(typeof(expr, types), Array) or scalar_op(expr) is None:
                return False
            return all(_is_device_expr(arg, types) for arg in args)
        case Slice() | Undef():
            return False
    return True


def _is_array(base: Expr, types: Mapping[str, Type]) -> bool:
    """Whether the expression is an array that is where it is, or a view of one."""
    match base:
        case Var(name):
            return isinstance(types.get(name), Array)
        case Op("np.transpose", (inner,)):
            kind = typeof(base, types)
            return isinstance(kind, Array) and kind.rank == 2 and _is_array(inner, types)
        case Op("index", (inner, *items)):
            return _is_array(inner, types) and all(
                not isinstance(item, Slice) and _is_device_expr(item, types) for item in items
            )
    return False


def touches_elements(stmt: Stmt, types: Mapping[str, Type]) -> bool:
    """Whether the statement reads or writes elements of arrays: in memory that only the device reaches."""
    for one in walk((stmt,)):
        if isinstance(one, Store) and one.index:
            return True
        if any(memory_reads(e, types) for e in own_exprs(one) if isinstance(typeof(e, types), Scalar)):
            return True
    return False


def for_device(block: Block) -> Block:
    """The block with the functions of numbers as the device spells them."""
    return tuple(rewrite(stmt, _spelled) for stmt in block)


def _spelled(expr: Expr) -> Expr:
    return map_expr(expr, lambda e: (scalar_op(e) or e) if isinstance(e, Op) else e)
