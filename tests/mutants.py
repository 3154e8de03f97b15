"""All one-line mutants of a module: an operator changed, a statement dropped, an index moved, a constant altered."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

from tests.poison import POISONED

SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.MatMult: ast.Add,
    ast.Gt: ast.Lt,
    ast.Lt: ast.Gt,
}
EXTENTS = {"range", "empty", "zeros", "ones", "concatenate"}
"""Calls whose arguments are left alone: a longer buffer is no mistake."""

LIMIT = 20_000


class TooManyTurns(Exception):
    """A mutant that never ends."""


def mutants(text: str) -> Iterator[tuple[str, ast.Module]]:
    """Each mutant with a line that says what was done to which statement."""
    tree = ast.parse(text)
    places = list(_places(tree))
    for number, (what, line) in enumerate(places):
        mutant = copy.deepcopy(tree)
        list(_places(mutant, change=number))
        yield f"L{line}: {what}: {text.splitlines()[line - 1].strip()}", _guarded(mutant)


def _places(tree: ast.Module, change: int = -1) -> Iterator[tuple[str, int]]:
    """Every place where something can be changed; the one numbered `change` is."""
    number = -1
    for node, parent, extent in _walk(tree, None, False):
        for what, alter in _changes(node, parent, extent):
            number += 1
            if number == change:
                alter()
            yield what, node.lineno  # type: ignore[attr-defined]


def _walk(node: ast.AST, parent: ast.AST | None, extent: bool) -> Iterator[tuple[ast.AST, ast.AST | None, bool]]:
    if isinstance(node, ast.If) and isinstance(node.body[0], ast.Raise):
        return  # a gradient says nothing of what is only asked: test_fits does
    yield node, parent, extent
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        extent = extent or name in EXTENTS
    for child in list(ast.iter_child_nodes(node)):
        yield from _walk(child, node, extent)


def _changes(node: ast.AST, parent: ast.AST | None, extent: bool) -> Iterator[tuple[str, object]]:
    if isinstance(node, ast.BinOp | ast.AugAssign) and not extent and type(node.op) in SWAPPED:
        yield "operator", lambda: setattr(node, "op", SWAPPED[type(node.op)]())
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPPED:
        yield "comparison", lambda: node.ops.__setitem__(0, SWAPPED[type(node.ops[0])]())
    if (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and not extent
        and not isinstance(parent, ast.Slice)
    ):
        yield "sign", lambda: setattr(node, "op", ast.UAdd())
    if isinstance(node, ast.Assign | ast.AugAssign) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ):
        body = _block_of(parent, node)
        yield "dropped", lambda: body.__setitem__(body.index(node), ast.copy_location(ast.Pass(), node))
    if isinstance(node, ast.Subscript) and not extent:
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for k, item in enumerate(items):
            if isinstance(item, ast.Slice | ast.Attribute):
                continue
            moved = ast.copy_location(ast.BinOp(item, ast.Sub(), ast.Constant(1)), item)
            yield "index", lambda k=k, moved=moved: _set_index(node, k, moved)
    if isinstance(node, ast.Constant) and isinstance(node.value, float) and not extent:
        yield "constant", lambda: setattr(node, "value", node.value + 1.0)


def _set_index(node: ast.Subscript, k: int, item: ast.expr) -> None:
    if isinstance(node.slice, ast.Tuple):
        node.slice.elts[k] = item
    else:
        node.slice = item


def _block_of(parent: ast.AST | None, node: ast.AST) -> list[ast.AST]:
    for name in ("body", "orelse"):
        block = getattr(parent, name, None)
        if isinstance(block, list) and node in block:
            return block
    raise AssertionError("a statement without a block")


def _guarded(tree: ast.Module) -> ast.Module:
    """Count the turns of every `while`, so that a mutant that never ends does end.

    What `np.empty` gives is filled with NaN: else it may hold, by luck, what a dropped statement wrote last time.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in POISONED:
            node.func = ast.copy_location(ast.Name(POISONED[node.func.attr].__name__, ast.Load()), node.func)
        if isinstance(node, ast.While):
            node.body.insert(0, ast.Expr(ast.Call(ast.Name("tick", ast.Load()), [], [])))
    return ast.fix_missing_locations(tree)


def run(tree: ast.Module, name: str) -> object:
    """The function `name` of a mutant."""
    turns = 0

    def tick() -> None:
        nonlocal turns
        turns += 1
        if turns > LIMIT:
            raise TooManyTurns

    scope: dict[str, object] = {"tick": tick, "__name__": "mutant"}
    scope.update({function.__name__: function for function in POISONED.values()})
    exec(compile(tree, "<mutant>", "exec"), scope)
    return scope[name]
