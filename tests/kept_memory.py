"""What a generated function really keeps: the largest object that each name held, noted while its text runs."""

from __future__ import annotations

import ast
from collections.abc import Collection
from typing import Any

import numpy as np

from tests.instead import run_instead


def noted(text: str, name: str, kept: Collection[str]) -> tuple[Any, dict[str, int]]:
    """The function of a generated text, and the bytes each of `kept` had at most, filled in when it is called."""
    largest: dict[str, int] = {}

    def note(of: str, value: Any) -> Any:
        if not isinstance(value, list):
            largest[of] = max(largest.get(of, 0), np.asarray(value).nbytes)
        return value

    class Noting(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
            # functions beside it have names of their own; what they return is named here
            return self.generic_visit(node) if node.name == name else node  # type: ignore[return-value]

        def visit_Assign(self, node: ast.Assign) -> ast.Assign | list[ast.stmt]:
            target = node.targets[0]
            if isinstance(target, ast.Tuple) and not isinstance(node.value, ast.Tuple):
                loaded = [ast.Name(one.id, ast.Load()) for one in target.elts if isinstance(one, ast.Name)]
                return [node, *(ast.Expr(self.around(one, one)) for one in loaded if one.id in kept)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                for at, one in enumerate(target.elts):
                    node.value.elts[at] = self.around(one, node.value.elts[at])
            else:
                node.value = self.around(target, node.value)
            return node

        def around(self, target: ast.expr, value: ast.expr) -> ast.expr:
            if not isinstance(target, ast.Name) or target.id not in kept:
                return value
            return ast.Call(ast.Name("_note", ast.Load()), [ast.Constant(target.id), value], [])

    tree = ast.fix_missing_locations(Noting().visit(ast.parse(text)))
    scope: dict[str, Any] = {"_note": note}
    exec(compile(tree, f"<noted {name}>", "exec"), scope)
    return scope[name], largest


def kept_memory(derivative: Any, args: tuple[Any, ...]) -> dict[str, int]:
    """By name, of a call of `derivative` with `args` (adjoint buffers included)."""
    one = derivative.specialisation(*args[: len(derivative._parameters.names)])
    made = one.generated
    function, largest = noted(one.text, made.function.name, {entry.name for entry in made.kept})
    run_instead(one, function)
    derivative(*args)
    return largest
