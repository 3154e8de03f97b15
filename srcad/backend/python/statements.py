"""Printing of statements: a function in sequential form as a Python syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from typing_extensions import assert_never

from srcad.backend.python.comment_nodes import Remark, mark, source
from srcad.backend.python.expressions import Expressions, dotted
from srcad.backend.python.statement_grouping import StatementGroups
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
    Stmt,
    Store,
    Var,
    While,
)
from srcad.ir.runtime_checks import Check, check_of, negated
from srcad.ir.traversal import walk
from srcad.rules.primitives import PRIMITIVES


def to_ast(function: Function, defaults: Sequence[str] = (), *, formats: bool = True) -> ast.FunctionDef:
    """The definition of a function in sequential form; `defaults` are those of its last parameters, as text.

    Where the body does not end in a `Return`, `function.results` are returned. Where it `formats`, the message of an
    error is one string; otherwise its parts are the arguments of the exception, since Numba compiles f-strings slowly.

    >>> from srcad.ir.nodes import Param
    >>> from srcad.ir.notation import parse
    >>> body = parse('''
    ... for i in range(n):
    ...     y[i] += x[i]
    ... ''')
    >>> params = tuple(Param(name, name) for name in ("x", "y", "n"))
    >>> print(ast.unparse(ast.fix_missing_locations(to_ast(Function("f", params, body, (), {}), ("3",)))))
    def f(x, y, n=3):
        for i in range(n):
            y[i] += x[i]
    """
    printer = _Statements(Expressions(function), StatementGroups(function), formats)
    body = printer.block(function.body)
    if function.results and not (function.body and isinstance(function.body[-1], Return)):
        body += printer.statement(Return(function.results))
    arguments = ast.arguments(
        posonlyargs=[],
        args=[ast.arg(param.name) for param in function.params],
        kwonlyargs=[],
        kw_defaults=[],
        defaults=[ast.parse(default, mode="eval").body for default in defaults],
    )
    return ast.FunctionDef(function.name, arguments, _spaced(body) or [ast.Pass()], [])


def free_sums(function: Function) -> frozenset[str]:
    """The statements of a function, as text, that add to a sum whose order does not matter.

    >>> from srcad.ir.types import Scalar
    >>> add = AugAssign("d_x", "+", Var("t"), free=True)
    >>> types = dict.fromkeys(("d_x", "t"), Scalar("float64"))
    >>> free_sums(Function("f", (), (add, AugAssign("y", "+", Var("t"))), (), types))
    frozenset({'d_x += t'})
    """
    printer = _Statements(Expressions(function), StatementGroups(function), False)
    free = [s for s in walk(function.body) if isinstance(s, AugAssign | Store) and s.free]
    return frozenset(ast.unparse(ast.fix_missing_locations(one)) for s in free for one in printer.statement(s))


def _without_empty_sections(body: list[ast.stmt]) -> list[ast.stmt]:
    """A body without rulers that have nothing below them; the one section that is left needs none either."""
    below = (*body, Remark("---- "))[1:]
    kept = [stmt for stmt, after in zip(body, below, strict=True) if not (_is_ruler(stmt) and _is_ruler(after))]
    alone = len(kept) < len(body) and sum(map(_is_ruler, kept)) == 1
    return kept[1:] if alone and _is_ruler(kept[0]) else kept


def _spaced(body: list[ast.stmt]) -> list[ast.stmt]:
    """A body of several sections with blank lines before section rulers, the preparation of loops, and the return."""
    body = _without_empty_sections(body)
    if not any(_is_ruler(stmt) for stmt in body):
        return body
    out: list[ast.stmt] = []
    for stmt in body:
        quoted = isinstance(stmt, Remark) and not _is_ruler(stmt) and not _is_blank(stmt)
        prepared = quoted and len(out) > 1 and isinstance(out[-1], ast.Assign) and _initialises_adjoints(out)
        returned = isinstance(stmt, ast.Return) and not isinstance(out[-1], Remark)
        if out and (_is_ruler(stmt) or returned or prepared) and not _is_blank(out[-1]):
            out.append(Remark(""))
        out.append(stmt)
    return out


def _is_ruler(stmt: ast.stmt) -> bool:
    return isinstance(stmt, Remark) and stmt.text.startswith("---- ")


def _augmented(op: str) -> ast.operator:
    kind = PRIMITIVES[op].operator
    assert kind is not None and issubclass(kind, ast.operator)
    return kind()


def _is_blank(stmt: ast.stmt) -> bool:
    return isinstance(stmt, Remark) and not stmt.text


def _initialises_adjoints(before: list[ast.stmt]) -> bool:
    """Whether only assignments follow the ruler of the reverse sweep: the initialisation of adjoints."""
    for at in range(len(before) - 1, -1, -1):
        if _is_ruler(before[at]):
            return any(map(_is_ruler, before[:at]))  # that of the forward sweep is the first
        if not isinstance(before[at], ast.Assign):
            return False
    return False


class _Statements:
    def __init__(self, expressions: Expressions, groups: StatementGroups, formats: bool) -> None:
        self._expressions = expressions
        self._groups = groups
        self._formats = formats

    def block(self, block: Block) -> list[ast.stmt]:
        found: list[ast.stmt] = []
        for group in self._groups.groups(block):
            nodes = [node for stmt in group for node in self.statement(stmt)]
            if len(group) > 1:
                one = _unpacked(group, nodes) or _one_line(nodes)
                nodes = [mark(one, next(filter(None, map(source, nodes)), None))]
            found += nodes
        return found

    def statement(self, stmt: Stmt) -> list[ast.stmt]:
        nodes = self._nodes(stmt)
        if not isinstance(stmt, Comment):
            for node in nodes:
                mark(node, stmt.span)
        return nodes

    def _nodes(self, stmt: Stmt) -> list[ast.stmt]:
        match stmt:
            case Assign(target, value):
                return [ast.Assign([ast.Name(target)], self._expressions.value_of(target, value))]
            case AugAssign(target, op, value):
                return [ast.AugAssign(ast.Name(target), _augmented(op), self._expressions.expr(value))]
            case Store():
                return [self._store(stmt)]
            case If(cond, then, orelse):
                return self._if(cond, then, orelse)
            case For():
                return [self._for(stmt)]
            case While(test, cond, body):
                return [self._while(test, cond, body)]
            case Effect(call):
                return [self._effect(call, stmt)]
            case Comment(text):
                return [Remark(text)]
            case Return(()):
                return []  # it stands in the end
            case Return(values):
                return [ast.Return(self._result(values))]
            case _:
                assert_never(stmt)

    def _result(self, values: tuple[Expr, ...]) -> ast.expr | None:
        if len(values) > 1:
            return ast.Tuple([self._expressions.expr(value) for value in values])
        return self._expressions.expr(values[0]) if values else None

    def _store(self, stmt: Store) -> ast.stmt:
        target = self._expressions.store_target(stmt.base, stmt.index, augmented=stmt.op is not None)
        value = self._expressions.expr(stmt.value)
        if stmt.op is None:
            return ast.Assign([target], value)
        return ast.AugAssign(target, _augmented(stmt.op), value)  # type: ignore[arg-type]

    def _if(self, cond: Expr, then: Block, orelse: Block) -> list[ast.stmt]:
        test = self._expressions.expr(cond)
        if then or not orelse:
            return [ast.If(test, self.block(then) or [ast.Pass()], self.block(orelse))]
        return [ast.If(self._expressions.expr(Op("not", (cond,))), self.block(orelse), [])]

    def _for(self, stmt: For) -> ast.stmt:
        start, stop, step = stmt.start, stmt.stop, stmt.step
        bounds = [stop] if start == Const(0) else [start, stop]
        if step != Const(1):
            bounds = [start, stop, step]
        body = self.block(stmt.body)
        if stmt.exit is not None:
            body.append(ast.If(self._expressions.expr(stmt.exit), [ast.Break()], []))
        iterations = ast.Call(
            ast.Name("prange" if stmt.parallel else "range"), [self._expressions.expr(bound) for bound in bounds], []
        )
        return ast.For(ast.Name(stmt.index), iterations, body or [ast.Pass()], [])

    def _while(self, test: Block, cond: Expr, body: Block) -> ast.stmt:
        body_nodes = self.block(body)
        if not test:
            return ast.While(self._expressions.expr(cond), body_nodes or [ast.Pass()], [])
        exit_loop = ast.If(self._expressions.expr(Op("not", (cond,))), [ast.Break()], [])
        return ast.While(ast.Constant(True), [*self.block(test), exit_loop, *body_nodes], [])

    def _effect(self, call: Op, stmt: Effect) -> ast.stmt:
        found = check_of(stmt)
        if found is not None:
            return self._check(found)
        if call.prim == "delete":
            return ast.Delete([ast.Name(arg.name) for arg in call.args if isinstance(arg, Var)])
        return ast.Expr(self._expressions.expr(call))

    def _check(self, found: Check) -> ast.stmt:
        message = self._message(found.message)
        if found.error == "AssertionError" and len(message) < 2:
            return ast.Assert(self._expressions.expr(found.condition), message[0] if message else None)
        unless = negated(found.condition)
        raised = ast.Raise(ast.Call(dotted(found.error), message, []), None)
        return raised if unless == Const(True) else ast.If(self._expressions.expr(unless), [raised], [])

    def _message(self, parts: tuple[str | Expr, ...]) -> list[ast.expr]:
        """The arguments of an exception: one string, or for compiled code, strings and integers to be joined."""
        given = [ast.Constant(part) if isinstance(part, str) else self._expressions.expr(part) for part in parts]
        if not self._formats or all(isinstance(part, str) for part in parts):
            return given
        return [ast.JoinedStr([v if isinstance(v, ast.Constant) else ast.FormattedValue(v, -1, None) for v in given])]


def _unpacked(group: Sequence[Stmt], nodes: list[ast.stmt]) -> ast.stmt | None:
    """A call with several results, and their names: those that nobody reads are `_`."""
    match group[0], nodes[0]:
        case Assign(_, Op("call") as call), ast.Assign(value=value):
            names: list[ast.expr] = [ast.Name("_") for _ in callee_of(call).results]
            for stmt, node in zip(group[1:], nodes[1:], strict=True):
                assert isinstance(stmt, Assign | Store) and isinstance(stmt.value, Op) and isinstance(node, ast.Assign)
                names[dict(stmt.value.static)["at"]] = node.targets[0]  # type: ignore[call-overload]
            return ast.Assign([ast.Tuple(names)], value)
    return None


def _one_line(stmts: list[ast.stmt]) -> ast.stmt:
    """Several assignments as one: of tuples, or of a shape to all its lengths."""
    targets = ast.Tuple([s.targets[0] for s in stmts if isinstance(s, ast.Assign)])
    values = [s.value for s in stmts if isinstance(s, ast.Assign)]
    if isinstance(values[0], ast.Subscript) and all(_is_length(v) for v in values):
        return ast.Assign([targets], values[0].value)
    return ast.Assign([targets], ast.Tuple(values))


def _is_length(value: ast.expr) -> bool:
    return isinstance(value, ast.Subscript) and isinstance(value.value, ast.Attribute) and value.value.attr == "shape"
