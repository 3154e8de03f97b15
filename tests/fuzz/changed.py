"""The same program with one input's length changed, or with one index moved."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator

MOVES = (1, 1, 2, 9, -1, -2, -9)


def with_others(text: str, random: random.Random) -> str | None:
    """The text with `others`: the arguments again, one axis of one array longer or shorter by one."""
    tree = ast.parse(text)
    arguments = next(one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == "arguments")
    arguments.name = "others"
    found = [call.args[0] for call in ast.walk(arguments) if _is_array(call)]
    lists = [node for array in found for node in _nested(array) if isinstance(node, ast.List)]
    if not lists:
        return None
    chosen = random.choice(lists)
    root = next(array for array in found if chosen in list(_nested(array)))
    depth = _depth(root, chosen)
    shorter = random.random() < 0.5 and len(chosen.elts) > 0
    for node in list(_nested(root)):
        if isinstance(node, ast.List) and _depth(root, node) == depth:
            if shorter:
                node.elts.pop()
            elif node.elts:
                node.elts.append(node.elts[0])
    return f"{text}\n\n{ast.unparse(arguments)}\n"


def _is_array(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "np.array"


def _nested(node: ast.expr) -> Iterator[ast.expr]:
    yield node
    if isinstance(node, ast.List):
        for item in node.elts:
            yield from _nested(item)


def _depth(root: ast.expr, node: ast.expr, at: int = 0) -> int:
    if root is node:
        return at
    if isinstance(root, ast.List):
        return max((_depth(item, node, at + 1) for item in root.elts), default=-1)
    return -1


def with_index_moved(text: str, random: random.Random) -> str | None:
    """The text with something added to one index, or to one end of a `range`."""
    tree = ast.parse(text)
    places = []
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and function.name not in ("arguments",):
            for node in ast.walk(function):
                if isinstance(node, ast.Subscript):
                    places += list(_indices(node))
                elif isinstance(node, ast.Call) and ast.unparse(node.func) == "range":
                    places += [(node, "args", at) for at in range(min(2, len(node.args)))]
    if not places:
        return None
    parent, field, at = random.choice(places)
    by = random.choice(MOVES)
    old = getattr(parent, field)
    kept = old if at is None else old[at]
    moved = ast.BinOp(kept, ast.Add() if by > 0 else ast.Sub(), ast.Constant(abs(by)))
    if at is None:
        setattr(parent, field, moved)
    else:
        old[at] = moved
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _indices(node: ast.Subscript) -> Iterator[tuple[ast.AST, str, int | None]]:
    if isinstance(node.slice, ast.Tuple):
        for at, part in enumerate(node.slice.elts):
            if _is_index(part):
                yield node.slice, "elts", at
    elif _is_index(node.slice):
        yield node, "slice", None
    for inner in ast.walk(node.slice):
        if isinstance(inner, ast.List):
            for at, item in enumerate(inner.elts):
                if _is_index(item):
                    yield inner, "elts", at


def _is_index(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int)
    return isinstance(node, ast.Name | ast.BinOp | ast.UnaryOp | ast.Call)
