"""Index checks: bounds checks in place of the `within` of the front end; none where an index is surely in bounds."""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.integers.index_bounds import IndexCheck, index_checks
from srcad.ir.nodes import Atom, Block, Const, Effect, Expr, Function, Op, Stmt, Var
from srcad.ir.runtime_checks import check
from srcad.ir.traversal import blocks, with_blocks
from srcad.typing.builder import Builder


def insert_index_checks(f: Function) -> Function:
    """Replace every `within` by the check that `analysis/integers/index_bounds` requires, at the statement it names.

    >>> from srcad.ir.runtime_checks import within
    >>> from srcad.ir.nodes import Assign, Param
    >>> from srcad.ir.printer import text
    >>> from srcad.ir.types import Array, Scalar, Symbol, dim
    >>> x, n = Var("x"), Var("n.0")
    >>> length = Assign("n.0", Op("shape", (x,), (("axis", 0),)))
    >>> body = (length, within(Const(5), n, "x[5]: "), Assign("y.0", Op("index", (x, Const(5)))))
    >>> types = {"x": Array("float64", (dim(Symbol("x", 0)),)), "n.0": Scalar("int64"), "y.0": Scalar("float64")}
    >>> print(text(insert_index_checks(Function("f", (Param("x", "x"),), body, (Var("y.0"),), types))))
    f(x: float64[x.0]):
        n.0 = shape(x, axis=0)
        %test.0 = n.0 > 5
        check(%test.0, n.0, derived=True, error='IndexError', texts=('x[5]: index 5 is out of bounds for length ', ''))
        y.0 = x[5]
        return y.0
    """
    builder = Builder.resume(f)
    before: dict[int, list[IndexCheck]] = {}
    for one in index_checks(f):
        before.setdefault(id(one.before), []).append(one)

    def emit_check(one: IndexCheck) -> None:
        builder.span = one.span
        condition = _atom(one.condition, builder)
        length = _atom(one.length, builder)
        index: tuple[str | Expr, ...] = ("an index",)
        if one.index is not None:
            index = ("index ", _atom(one.index, builder))
        message = (one.where, *index, " is out of bounds for length ", length)
        builder.emit(check(condition, "IndexError", message, one.span, derived=True))

    def block(stmts: Block) -> Block:
        with builder.block() as emitted:
            for stmt in stmts:
                for one in before.get(id(stmt), ()):
                    emit_check(one)
                if not is_within(stmt):
                    builder.emit(with_blocks(stmt, [block(b) for b in blocks(stmt)]))
        return tuple(emitted)

    body = block(f.body)
    return replace(f, body=body, types=builder.types)


def remove_index_checks(f: Function) -> Function:
    """The function without its `within` statements."""

    def block(stmts: Block) -> Block:
        return tuple(with_blocks(s, [block(b) for b in blocks(s)]) for s in stmts if not is_within(s))

    return replace(f, body=block(f.body))


def is_within(stmt: Stmt) -> bool:
    """Whether the statement is the front end's mark that an index has to be in bounds."""
    return isinstance(stmt, Effect) and stmt.call.prim == "within"


def _atom(e: Expr, builder: Builder) -> Atom:
    match e:
        case Var() | Const():
            return e
        case Op("shape", (array,), (("axis", axis),)):
            return builder.op("shape", array, axis=axis)
        case Op(prim, args):
            return builder.op(prim, *[_atom(arg, builder) for arg in args])
    raise ValueError(f"no operation on numbers: {e}")
