"""Texts that run as plain Python with Numba's idea of an update in place: it reads what it has just written."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np


class _Ask(ast.NodeTransformer):
    def visit_AugAssign(self, node: ast.AugAssign) -> list[ast.stmt]:
        read = ast.parse(ast.unparse(node.target), mode="eval").body
        call = ast.Call(ast.Name("ask_overlap", ast.Load()), [ast.Constant(ast.unparse(node)), read, node.value], [])
        return [ast.Expr(call), node]


def _ask(text: str, target: Any, value: Any) -> None:
    if not isinstance(target, np.ndarray) or not isinstance(value, np.ndarray):
        return
    alike = target.__array_interface__["data"] == value.__array_interface__["data"]
    alike = alike and target.strides == value.strides and target.shape == value.shape
    assert alike or not np.shares_memory(target, value), f"Numba would read what it has written: {text}"


def run(text: str, name: str, *args: Any) -> Any:
    """The result of the function of that name, with fresh arguments; an AssertionError for an update that overlaps."""
    tree = ast.fix_missing_locations(_Ask().visit(ast.parse(text)))
    names: dict[str, Any] = {"__name__": "text", "ask_overlap": _ask}
    exec(compile(tree, name, "exec"), names)
    return names[name](*[np.array(a) if isinstance(a, np.ndarray) else a for a in args])
