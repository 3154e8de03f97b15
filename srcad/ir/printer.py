"""Printer of the IR, either form, for people: the input and the output of a pass.

It is not Python, though close to it: `if` and loops yield the values that join at their end, as in

    level.4 = for i.0 in range(0, n.0, 1) carrying level.1 = 0.0:
        ...
        yield level.3
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from typing_extensions import assert_never

from srcad.ir.called import callee_of
from srcad.ir.nodes import (
    Assign,
    AugAssign,
    Block,
    Comment,
    Const,
    Effect,
    Expr,
    For,
    Function,
    If,
    Op,
    Return,
    Slice,
    Span,
    Stmt,
    Store,
    Undef,
    Var,
    While,
)
from srcad.ir.types import Array, Dim, ListOf, Opaque, Scalar, Tuple, Type

# the notation of the IR itself, which does not depend on the traits of primitives
_INFIX = frozenset("+ - * / // % ** @ < <= > >= == != & | ^ << >> and or".split())
_PREFIX = {"neg": "-", "pos": "+", "~": "~", "not": "not "}


class Line(NamedTuple):
    """One line of a printed function."""

    text: str
    span: Span | None


def text(function: Function) -> str:
    """The function, one statement a line, with the types of its parameters.

    >>> from srcad.ir.nodes import Param
    >>> square = Op("*", (Var("x"), Var("x")))
    >>> f = Function("f", (Param("x", "x"),), (Assign("y.0", square),), (Var("y.0"),), {"x": Scalar("float64")})
    >>> print(text(f))
    f(x: float64):
        y.0 = x * x
        return y.0
    """
    return "\n".join(line for line, _ in lines(function))


def lines(function: Function) -> list[Line]:
    """The lines of `text`, each with the place in the primal that its statement computes or reverses.

    >>> where = Span("model.py", "f", 7, 4, 7, 9, "    y = x")
    >>> f = Function("f", (), (Assign("y.0", Var("x"), where),), (Var("y.0"),), {})
    >>> [(line, span and span.line) for line, span in lines(f)]
    [('f():', None), ('    y.0 = x', 7), ('    return y.0', None)]
    """
    params = ", ".join(f"{p.name}: {type_text(function.types[p.name])}" for p in function.params)
    body = [*_block(function.body)]
    if function.results and not any(isinstance(stmt, Return) for stmt in function.body):
        body.append(Line(f"return {_tuple(function.results)}", None))
    return [Line(f"{function.name}({params}):", None), *(Line(_indented(line), span) for line, span in body)]


def type_text(kind: Type) -> str:
    """A type, as `float64[n, 3]`; unknown lengths have a `?`."""
    match kind:
        case Scalar(dtype):
            return dtype
        case Array(dtype, dims):
            return f"{dtype}[{', '.join(map(_dim, dims))}]"
        case ListOf(item):
            return f"list of {type_text(item)}"
        case Tuple(items):
            return f"({', '.join(map(type_text, items))})"
        case Opaque(name):
            return name
    assert_never(kind)


def expr_text(expr: Expr) -> str:
    """One expression; an operand that is itself an operator is parenthesised."""
    match expr:
        case Var(name):
            return name
        case Const(value):
            return repr(value)
        case Undef():
            return "undefined"
        case Slice(lower, upper, step):
            ends = ["" if end is None else expr_text(end) for end in (lower, upper)]
            return ":".join(ends if step is None else [*ends, expr_text(step)])
        case Op():
            return _op(expr)
    assert_never(expr)


def _op(op: Op) -> str:
    if op.prim in _INFIX and len(op.args) == 2:
        return f" {op.prim} ".join(map(_operand, op.args))
    if op.prim in _PREFIX and len(op.args) == 1:
        return _PREFIX[op.prim] + _operand(op.args[0])
    if op.prim == "index":
        return f"{_operand(op.args[0])}[{', '.join(map(expr_text, op.args[1:]))}]"
    if op.prim == "call":
        return f"{callee_of(op).name}({', '.join(map(expr_text, op.args))})"
    static = [f"{name}={value!r}" for name, value in op.static]
    return f"{op.prim}({', '.join([*map(expr_text, op.args), *static])})"


def _operand(expr: Expr) -> str:
    shown = expr_text(expr)
    composed = isinstance(expr, Op) and (expr.prim in _INFIX or expr.prim in _PREFIX)
    return f"({shown})" if composed else shown


def _block(block: Block) -> Iterator[Line]:
    for stmt in block:
        span = None if isinstance(stmt, Comment) else stmt.span
        for line in _stmt(stmt):
            yield Line(line, span) if isinstance(line, str) else line


def _stmt(stmt: Stmt) -> Iterator[str | Line]:
    """The lines of one statement; those nested in it have a place already."""
    match stmt:
        case Assign(target, value):
            yield f"{target} = {expr_text(value)}"
        case AugAssign(target, op, value):
            yield f"{target} {op}= {expr_text(value)}"
        case Store(base, index, value, op):
            items = ", ".join(map(expr_text, index)) or "..."
            yield f"{_operand(base)}[{items}] {op or ''}= {expr_text(value)}"
        case If(cond, then, orelse, joins):
            targets = _targets([join.target for join in joins])
            yield f"{targets}if {expr_text(cond)}:"
            yield from _indent([*_block(then), *_yield([join.then for join in joins])] or ["pass"])
            if orelse or joins:
                yield "else:"
                yield from _indent([*_block(orelse), *_yield([join.orelse for join in joins])])
        case For(index, start, stop, step, body, carried, leave):
            bounds = ", ".join(map(expr_text, (start, stop, step)))
            targets = _targets([carry.result for carry in carried])
            carrying = ", ".join(f"{carry.arg} = {expr_text(carry.init)}" for carry in carried)
            iterations = "prange" if stmt.parallel else "range"
            yield f"{targets}for {index} in {iterations}({bounds}){' carrying ' if carried else ''}{carrying}:"
            yield from _indent([*_block(body), *_yield([carry.next for carry in carried], leave)] or ["pass"])
        case While(test, cond, body, carried):
            targets = _targets([carry.result for carry in carried])
            carrying = ", ".join(f"{carry.arg} = {expr_text(carry.init)}" for carry in carried)
            yield f"{targets}while{' carrying ' if carried else ''}{carrying}:"
            yield from _indent([*_block(test), f"if not {_operand(cond)}: leave"])
            yield from _indent([*_block(body), *_yield([carry.next for carry in carried])])
        case Effect(Op(prim, args, ((_, Function() as inner),))):
            yield f"{expr_text(Op(prim, args))}:"
            yield from _indent(text(inner).splitlines())
        case Effect(call):
            yield expr_text(call)
        case Comment(words):
            yield from (f"# {line}" if line else "" for line in words.split("\n"))
        case Return(values):
            yield f"return {_tuple(values)}"
        case _:
            assert_never(stmt)


def _targets(names: list[str]) -> str:
    return f"{', '.join(names)} = " if names else ""


def _yield(values: list[Expr], leave: Expr | None = None) -> list[str]:
    parts = [", ".join(map(expr_text, values))] if values else []
    if leave is not None:
        parts.append(f"leave if {expr_text(leave)}")
    return [f"yield {'; '.join(parts)}"] if parts else []


def _tuple(values: tuple[Expr, ...]) -> str:
    return ", ".join(map(expr_text, values))


def _indent(lines: Iterable[str | Line]) -> Iterator[str | Line]:
    for line in lines:
        yield _indented(line) if isinstance(line, str) else line._replace(text=_indented(line.text))


def _indented(line: str) -> str:
    return f"    {line}" if line else ""


def _dim(length: Dim) -> str:
    """A length, as `n` or `n - 2`; the symbol of an axis is shown as the array and the number of the axis."""
    parts = []
    for symbol, coefficient in length.terms:
        name = symbol.name if symbol.axis is None else f"{symbol.name}.{symbol.axis}"
        parts.append(name if coefficient == 1 else f"{coefficient}*{name}")
    if length.const or not parts:
        parts.append(str(length.const))
    return " + ".join(parts).replace("+ -", "- ")
