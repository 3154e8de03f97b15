"""Textual notation of the sequential form, as Python, for doctests and tests: `parse` reads what `show` prints."""

from __future__ import annotations

import ast
import re

from srcad.ir.nodes import (
    Assign,
    AugAssign,
    Block,
    Const,
    Effect,
    Expr,
    For,
    Function,
    If,
    Op,
    Return,
    Slice,
    Stmt,
    Store,
    Var,
    While,
)
from srcad.ir.printer import text

_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.MatMult: "@", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.USub: "neg", ast.Not: "not", ast.And: "and", ast.Or: "or",
}  # fmt: skip
_PLAIN_RANGE = re.compile(r"range\(0, (.+), 1\):$")
_VERSIONED = re.compile(r"(%?)([A-Za-z_][\w%]*)\.(\d+)\b")


def parse(source: str) -> Block:
    """The block that a text denotes.

    >>> block = parse('''
    ... for i in range(n):
    ...     y.1[i] += np.sum(x, axis=0)
    ... ''')
    >>> block[0].body[0].value
    Op(prim='np.sum', args=(Var(name='x'),), static=(('axis', 0),))
    >>> print(show(block))
    for i in range(n):
        y.1[i] += np.sum(x, axis=0)

    Calls are primitives by name (`copy(x)`, `np.zeros_like(x)`); keywords are static. `x.3` and `%t.0` are names.
    """
    lines = [line for line in source.splitlines() if line.strip()]
    margin = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    encoded = "\n".join(_VERSIONED.sub(_encode, line[margin:]) for line in lines)
    return _block(ast.parse(encoded).body)


def show(block: Block) -> str:
    """The block in the notation of `parse`."""
    lines = text(Function("f", (), block, (), {})).split("\n")[1:]
    return "\n".join(_PLAIN_RANGE.sub(r"range(\1):", line[4:]) for line in lines)


def _encode(match: re.Match[str]) -> str:
    percent, name, version = match.groups()
    return f"{'PERCENT_' if percent else ''}{name.replace('%', 'PERCENT_')}_DOT_{version}"


def _name(encoded: str) -> str:
    return encoded.replace("PERCENT_", "%").replace("_DOT_", ".")


def _block(nodes: list[ast.stmt]) -> Block:
    return tuple(_stmt(node) for node in nodes if not isinstance(node, ast.Pass))


def _stmt(node: ast.stmt) -> Stmt:
    match node:
        case ast.Assign([ast.Name(target)], value):
            return Assign(_name(target), _expr(value))
        case ast.Assign([ast.Subscript(base, index)], value):
            return Store(_expr(base), _items(index), _expr(value))
        case ast.AugAssign(ast.Name(target), op, value):
            return AugAssign(_name(target), _OPERATORS[type(op)], _expr(value))
        case ast.AugAssign(ast.Subscript(base, index), op, value):
            return Store(_expr(base), _items(index), _expr(value), _OPERATORS[type(op)])
        case ast.If(test, body, orelse):
            return If(_expr(test), _block(body), _block(orelse))
        case ast.For(ast.Name(index), ast.Call(ast.Name("range"), args), body):
            parts = [_expr(arg) for arg in args]
            if len(parts) == 1:
                parts = [Const(0), *parts]
            start, stop, *step = parts
            return For(_name(index), start, stop, step[0] if step else Const(1), _block(body))
        case ast.While(test, body):
            return While((), _expr(test), _block(body))
        case ast.Return(value):
            values = value.elts if isinstance(value, ast.Tuple) else [] if value is None else [value]
            return Return(tuple(map(_expr, values)))
        case ast.Expr(ast.Call() as call):
            effect = _expr(call)
            assert isinstance(effect, Op)
            return Effect(effect)
    raise ValueError(ast.unparse(node))


def _items(index: ast.expr) -> tuple[Expr, ...]:
    if isinstance(index, ast.Constant) and index.value is ...:
        return ()
    return tuple(map(_expr, index.elts if isinstance(index, ast.Tuple) else [index]))


def _expr(node: ast.expr) -> Expr:
    match node:
        case ast.Name(name):
            return Var(_name(name))
        case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() | complex() as value)):
            return Const(-value)
        case ast.Constant(bool() | int() | float() | complex() | str() | None as value):
            return Const(value)
        case ast.BinOp(left, op, right):
            return Op(_OPERATORS[type(op)], (_expr(left), _expr(right)))
        case ast.Compare(left, [op], [right]):
            return Op(_OPERATORS[type(op)], (_expr(left), _expr(right)))
        case ast.UnaryOp(op, operand):
            return Op(_OPERATORS[type(op)], (_expr(operand),))
        case ast.BoolOp(op, [left, right]):
            return Op(_OPERATORS[type(op)], (_expr(left), _expr(right)))
        case ast.IfExp(test, body, orelse):
            return Op("select", (_expr(test), _expr(body), _expr(orelse)))
        case ast.Subscript(base, index):
            return Op("index", (_expr(base), *_items(index)))
        case ast.Slice(lower, upper, step):
            return Slice(*(None if part is None else _expr(part) for part in (lower, upper, step)))
        case ast.Call(function, args, keywords):
            static = sorted((str(k.arg), ast.literal_eval(k.value)) for k in keywords)
            return Op(ast.unparse(function), tuple(map(_expr, args)), tuple(static))
    raise ValueError(ast.unparse(node))
