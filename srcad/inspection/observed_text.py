"""A generated text that reports what it reads and assigns, run by Python.

The text is what people read, with calls of an observer around what each statement reads and after each assignment. Its
lines keep their numbers. Values are those of the text itself, but that `np.empty` gives zeros.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

_OBSERVER, _INDEX = "<observer>", "<index>"  # no identifier of a user
_ATTRIBUTES_OF_SHAPE = frozenset({"shape", "size", "ndim", "dtype"})
_ASKING_FOR_SHAPE = frozenset({"len", "empty", "empty_like", "zeros_like", "ones_like"})


class Observer(Protocol):
    """What the observed text calls."""

    def read(self, name: str, value: Any, index: Any = None) -> Any:
        """A statement reads `value`, or `value[index]`: what is given back is what it goes on with."""

    def written(self, line: int, name: str, value: Any, index: Any = None) -> None:
        """The statement on this line has assigned `value`, or `value[index]`."""

    def result(self, line: int, value: Any) -> Any:
        """The function returns this."""

    def turn(self, depth: int, index: str, value: int | None) -> None:
        """A turn of a loop inside of `depth` others begins; a `while` has no index."""

    def left(self, depth: int) -> None:
        """That loop has ended."""

    def passes(self) -> None:
        """The arguments of a call of another function of the text are evaluated next."""

    def passed(self, value: Any) -> Any:
        """One of them has been: what is given back stands for it in `called`."""

    def called(self, line: int, noted: bool, function: Callable[..., Any], *given: Any) -> Any:
        """Call that function. Unless `noted`, what it returns decides something, and gets into no value."""


def observed(text: str, function: str, file: str) -> Callable[[Observer, Sequence[Any]], Any]:
    """The function of a module text, called with an observer and its arguments; 1/0 is inf, as in compiled code.

    >>> class Printing:
    ...     def read(self, name, value, index=None):
    ...         return value if index is None else value[index]
    ...     def written(self, line, name, value, index=None):
    ...         print(f"line {line}: {name} = {value}")
    ...     def result(self, line, value):
    ...         return value
    >>> observed("def f(x):\\n    y = 2.0 * x\\n    return y", "f", "<text>")(Printing(), [3.0])
    line 2: y = 6.0
    6.0
    """
    module = ast.parse(text)
    definitions = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    for definition in definitions:
        _Observed(definition, frozenset(one.name for one in definitions)).rewrite()
    code = compile(ast.fix_missing_locations(module), file, "exec")

    def run(observer: Observer, arguments: Sequence[Any]) -> Any:
        scope: dict[str, Any] = {_OBSERVER: observer, _INDEX: np.s_, "__name__": "srcad.observed"}
        exec(code, scope)
        with np.errstate(all="ignore"):
            return scope[function](*arguments)

    return run


class _Observed:
    def __init__(self, definition: ast.FunctionDef, functions: frozenset[str]) -> None:
        self._definition = definition
        stored = {n.id for n in ast.walk(definition) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        self._reads = _Reads(stored | {arg.arg for arg in definition.args.args}, functions)
        self._calls = _Calls(functions)

    def rewrite(self) -> None:
        self._definition.body = self._block(self._definition.body, 0)

    def _block(self, block: Sequence[ast.stmt], depth: int) -> list[ast.stmt]:
        return [new for stmt in block for new in self._statement(stmt, depth)]

    def _statement(self, stmt: ast.stmt, depth: int) -> list[ast.stmt]:
        self._reads.line = self._calls.line = stmt.lineno
        match stmt:
            case ast.Assign(targets=targets, value=value):
                names = [one for t in targets for one in (t.elts if isinstance(t, ast.Tuple) else [t])]
                after = [self._written(stmt, one) for one in names]
                stmt.value = self._reads.visit(value)
                return [stmt, *after]
            case ast.AugAssign(target=target, value=value):
                before = ast.Expr(self._reads.visit(_loaded(target)))
                stmt.value = self._reads.visit(value)
                return [_at(before, stmt), stmt, self._written(stmt, target)]
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name() as owner), args=args) as call):
                call.args = [self._reads.visit(arg) for arg in args]
                changed = [owner] if owner.id in self._reads.names else [a for a in args if isinstance(a, ast.Name)]
                return [stmt, *(self._written(stmt, one) for one in changed if one.id in self._reads.names)]
            case ast.Expr(value=ast.Call(func=ast.Name(id=name)) as call) if name in self._calls.functions:
                stmt.value = self._reads.call(call, noted=False)
                return [stmt]
            case ast.If():
                stmt.test = self._calls.visit(stmt.test)
                stmt.body, stmt.orelse = self._block(stmt.body, depth), self._block(stmt.orelse, depth)
                return [stmt]
            case ast.For(target=ast.Name(id=index)):
                turn = _call("turn", ast.Constant(depth), ast.Constant(index), _name(index))
                stmt.iter = self._calls.visit(stmt.iter)
                stmt.body = [_at(ast.Expr(turn), stmt), *self._block(stmt.body, depth + 1)]
                return [stmt, _at(ast.Expr(_call("left", ast.Constant(depth))), stmt)]
            case ast.While():
                turn = _call("turn", ast.Constant(depth), ast.Constant(""), ast.Constant(None))
                stmt.test = self._calls.visit(stmt.test)
                stmt.body = [_at(ast.Expr(turn), stmt), *self._block(stmt.body, depth + 1)]
                return [stmt, _at(ast.Expr(_call("left", ast.Constant(depth))), stmt)]
            case ast.Return(value=ast.Tuple(elts=values) as many):
                many.elts = [self._result(stmt, one) for one in values]
                return [stmt]
            case ast.Return(value=ast.expr() as one):
                stmt.value = self._result(stmt, one)
                return [stmt]
            case _:
                return [stmt]

    def _written(self, stmt: ast.stmt, target: ast.expr) -> ast.stmt:
        match target:
            case ast.Subscript(value=base, slice=index):
                given = [_loaded(base), _index(index)]
            case _:
                base, given = target, [_loaded(target)]
        line, name = ast.Constant(stmt.lineno), ast.Constant(ast.unparse(base))
        return _at(ast.Expr(_call("written", line, name, *given)), stmt)

    def _result(self, stmt: ast.stmt, value: ast.expr) -> ast.expr:
        return _call("result", ast.Constant(stmt.lineno), self._reads.visit(value))


class _Calls(ast.NodeTransformer):
    """Lets the observer call the other functions of the text, where what they return decides something."""

    def __init__(self, functions: frozenset[str]) -> None:
        self.functions = functions
        self.line = 0
        """Of the statement."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if isinstance(node.func, ast.Name) and node.func.id in self.functions:
            return self.call(node, noted=False)
        self.generic_visit(node)
        return node

    def call(self, node: ast.Call, noted: bool) -> ast.expr:
        """The call as the observer makes it; its arguments are evaluated first."""
        given = [_call("passed", self.visit(arg)) for arg in node.args]
        made = _call("called", ast.Constant(self.line), ast.Constant(noted), node.func, *given)
        return ast.Subscript(ast.Tuple([_call("passes"), made], ast.Load()), ast.Constant(1), ast.Load())


class _Reads(_Calls):
    """Puts a call of `read` around each value that an expression reads, and none around those asked for a shape."""

    def __init__(self, names: set[str], functions: frozenset[str]) -> None:
        super().__init__(functions)
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return _call("read", ast.Constant(node.id), node) if node.id in self.names else node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        innermost: ast.expr = node
        while isinstance(innermost, ast.Subscript | ast.Attribute):
            if isinstance(innermost, ast.Attribute) and innermost.attr in _ATTRIBUTES_OF_SHAPE:
                return node
            innermost = innermost.value
        if isinstance(innermost, ast.Name):
            return _call("read", ast.Constant(ast.unparse(node.value)), node.value, _index(node.slice))
        node.value = self.visit(node.value)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if node.attr not in _ATTRIBUTES_OF_SHAPE:
            node.value = self.visit(node.value)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        match node.func:
            case ast.Attribute(value=ast.Name(id=owner), attr="pop") if owner in self.names:
                return _call("read", ast.Constant(owner), node)
            case ast.Attribute(value=ast.Name(id="np"), attr="empty" | "empty_like" as made):
                node.func.attr = made.replace("empty", "zeros")  # what is not yet written must not look like a fault
                return node
            case ast.Name(id=called) if called in self.functions:
                return self.call(node, noted=True)
            case ast.Name(id=asked) | ast.Attribute(value=ast.Name(id="np"), attr=asked) if asked in _ASKING_FOR_SHAPE:
                return node
            case _:
                self.generic_visit(node)
                return node


def _call(method: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Attribute(_name(_OBSERVER), method, ast.Load()), list(arguments), [])


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _index(index: ast.expr) -> ast.expr:
    return ast.Subscript(_name(_INDEX), index, ast.Load())


def _loaded(target: ast.expr) -> Any:
    return ast.parse(ast.unparse(target), mode="eval").body


def _at(new: ast.stmt, old: ast.stmt) -> ast.stmt:
    return ast.copy_location(new, old)
