"""What each statement of a generated text does in one run: the text is run uncompiled, with notes after its statements.

>>> text = "def f(x, n):\\n    for i in range(n):\\n        x[i] *= 2.0\\n    return x\\n"
>>> notes = record(text, "f", [np.ones(2), 2])
>>> for number, items in notes.events:
...     print(number, *(f"{item.name}: {item.value}" for item in items))
0 n: 2 x: [1. 1.]
1 i: 0
2 x[0]: 2.0
1 i: 1
2 x[1]: 2.0
1 : the end
3 return: [2. 2.]
"""

from __future__ import annotations

import ast
import copy
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from srcad.build_step.editing.statements import Statement, statements

_FILE = "<a text that is recorded>"
_MOST = 1_000_000
"""Notes of one run, which is stopped there."""


class _Stop(Exception):
    """The run is long enough."""


@dataclass(frozen=True)
class Item:
    """A value that a statement gave to a name, or to a place of an array."""

    name: str
    value: Any


@dataclass(frozen=True)
class Run:
    """What a run of a generated function returned, and its flat arguments afterwards."""

    returned: Any
    arguments: Sequence[Any]


@dataclass
class Notes:
    """One run: its statements, and for each event the number of a statement with what it did."""

    statements: list[Statement]
    events: list[tuple[int, tuple[Item, ...]]] = field(default_factory=list)
    run: Run = Run(None, ())
    names: tuple[str, ...] = ()
    """Of the parameters."""
    callers: dict[int, int] = field(default_factory=dict)
    """Of the events that begin another function of the text, the line that calls it."""
    failure: tuple[int, Exception] | None = None
    """The line that raised, and what."""
    stopped: bool = False
    """Whether there are too many notes or iterations, as in a loop that does not end."""
    iterations: int = 0
    most: float = float("inf")

    def note(self, number: int, *items: tuple[str, Any, Any]) -> None:
        if len(self.events) == _MOST:
            raise _Stop
        if isinstance(self.statements[number].node, ast.FunctionDef):
            caller = sys._getframe(1).f_back
            if caller is not None and caller.f_code.co_filename == _FILE:
                self.callers[len(self.events)] = caller.f_lineno
        self.events.append((number, tuple(Item(_place(name, index), _copied(value)) for name, index, value in items)))

    def iteration(self) -> None:
        self.iterations += 1
        if self.iterations > self.most:
            raise _Stop

    def poisoned(self, array: Any) -> Any:
        array.fill(np.nan if array.dtype.kind == "f" else 1)
        return array

    def value(self, number: int, name: str, value: Any) -> Any:
        self.note(number, (name, None, value))
        return value


def record(text: str, function: str, args: Sequence[Any], noting: bool = True, like: Notes | None = None) -> Notes:
    """Run a function of the text with copies of the arguments. An exception ends the notes.

    Without `noting` there are no events, only what the run gives. Where another run is given that it should be `like`,
    it is stopped after ten times as many iterations.
    """
    tree = ast.parse(text)
    notes = Notes(list(statements(tree)))
    if like is not None:
        notes.most = 10 * like.iterations + 1000
    numbers = {id(statement.node): number for number, statement in enumerate(notes.statements)}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = []
            _Guarded().visit(node)
            if noting:
                takes = [
                    item
                    for arg in sorted(node.args.args, key=lambda one: one.arg)
                    for item in _items(ast.Name(arg.arg, ast.Load()))
                ]
                node.body = [_note(node.body[0], numbers[id(node)], *takes), *_noted(node.body, numbers)]
    namespace: dict[str, Any] = {"__name__": "srcad_recorded", "__notes": notes, "__index": np.s_}
    try:
        with np.errstate(all="ignore"):
            exec(compile(ast.fix_missing_locations(tree), _FILE, "exec"), namespace)
            code, given = namespace[function].__code__, [*map(_copied, args)]
            notes.names = code.co_varnames[: code.co_argcount]
            notes.run = Run(namespace[function](*given, **_defaults(namespace[function], len(args))), given)
    except _Stop:
        notes.stopped = True
    except Exception as fault:  # an edited text may raise anything
        lines = [frame.lineno for frame in traceback.extract_tb(fault.__traceback__) if frame.filename == _FILE]
        notes.failure = (lines[-1] or 0 if lines else 0), fault
    return notes


def _defaults(function: Any, given: int) -> dict[str, Any]:
    """Defaults that are floats as NumPy's, of which 1/0 is inf, as in compiled code."""
    names, values = function.__code__.co_varnames[: function.__code__.co_argcount], function.__defaults__ or ()
    pairs = list(zip(names[len(names) - len(values) :], values, strict=True))
    left = pairs[max(0, given - len(names) + len(values)) :]
    return {name: np.float64(value) if type(value) is float else value for name, value in left}


class _Guarded(ast.NodeTransformer):
    """Iterations are counted, since a loop may not end.

    New memory has values that are wrong: else it may have those of an earlier run, which are right by chance.
    """

    def visit_For(self, node: ast.For) -> ast.AST:
        return self._loop(node)

    def visit_While(self, node: ast.While) -> ast.AST:
        return self._loop(node)

    def _loop(self, node: ast.For | ast.While) -> ast.AST:
        self.generic_visit(node)
        count = ast.copy_location(ast.Expr(ast.copy_location(ast.Call(_method("iteration"), [], []), node)), node)
        node.body.insert(0, count)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        match node.func:
            case ast.Attribute(value=ast.Name("np"), attr="empty" | "empty_like"):
                return ast.copy_location(ast.Call(_method("poisoned"), [node], []), node)
        return node


def _noted(block: list[ast.stmt], numbers: dict[int, int]) -> list[ast.stmt]:
    return [made for node in block for made in _with_note(node, numbers)]


def _with_note(node: ast.stmt, numbers: dict[int, int]) -> list[ast.stmt]:
    number = numbers.get(id(node))
    for name in ("body", "orelse", "finalbody"):
        if getattr(node, name, None):
            setattr(node, name, _noted(getattr(node, name), numbers))
    if number is None:
        return [node]
    match node:
        case ast.Assign(targets=targets):
            return [node, _note(node, number, *(item for target in targets for item in _items(target)))]
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target, value=ast.expr()):
            return [node, _note(node, number, *_items(target))]
        case ast.For(target=target):
            node.body.insert(0, _note(node, number, *_items(target)))
            end = ast.Tuple([ast.Constant(""), ast.Constant(None), ast.Constant("the end")], ast.Load())
            return [node, _note(node, number, end)]
        case ast.If() | ast.While():
            node.test = _value(number, "the condition", node.test)
        case ast.Return(value=ast.expr() as value):
            node.value = _value(number, "return", value)
        case ast.Expr(value=ast.Call(func=called, args=args)):
            receiver = [called.value] if isinstance(called, ast.Attribute) else []
            names = [one for one in (*receiver, *args) if isinstance(one, ast.Name) and one.id != "np"]
            return [node, _note(node, number, *(item for name in names for item in _items(name)))]
    return [node]


def _items(target: ast.expr) -> list[ast.expr]:
    """For each name or place that is written: (name, index, value)."""
    match target:
        case ast.Name(name):
            return [ast.Tuple([ast.Constant(name), ast.Constant(None), ast.Name(name, ast.Load())], ast.Load())]
        case ast.Subscript(value=base, slice=index):
            at = ast.Subscript(ast.Name("__index", ast.Load()), copy.deepcopy(index), ast.Load())
            value = ast.Subscript(copy.deepcopy(base), copy.deepcopy(index), ast.Load())
            return [ast.Tuple([ast.Constant(ast.unparse(base)), at, value], ast.Load())]
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return [item for part in parts for item in _items(part)]
    return []


def _note(node: ast.stmt, number: int, *items: ast.expr) -> ast.stmt:
    call = ast.Call(_method("note"), [ast.Constant(number), *items], [])
    return ast.copy_location(ast.Expr(ast.copy_location(call, node)), node)


def _value(number: int, name: str, value: ast.expr) -> ast.expr:
    return ast.copy_location(ast.Call(_method("value"), [ast.Constant(number), ast.Constant(name), value], []), value)


def _method(name: str) -> ast.expr:
    return ast.Attribute(ast.Name("__notes", ast.Load()), name, ast.Load())


def _place(name: str, index: Any) -> str:
    if index is None:
        return name
    return f"{name}[{', '.join(map(_index, index if isinstance(index, tuple) else (index,)))}]"


def _index(one: Any) -> str:
    if not isinstance(one, slice):
        return "..." if one is Ellipsis else str(one)
    parts = ["" if part is None else str(part) for part in (one.start, one.stop)]
    return ":".join(parts if one.step is None else [*parts, str(one.step)])


def _copied(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return np.array(value)  # keeps the layout
    if isinstance(value, list | tuple):
        return [*map(_copied, value)] if isinstance(value, list) else tuple(map(_copied, value))
    return np.float64(value) if type(value) is float else value
