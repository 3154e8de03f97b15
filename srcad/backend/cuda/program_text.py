"""Printing of a program for a device: a file with its kernels, and the host function that launches them below.

Such a file needs NumPy and Numba for CUDA; CuPy for products of matrices.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from srcad.backend.cuda.device_program import (
    BLOCK_SUM,
    LAUNCH,
    LEAVE,
    MATMUL,
    NO_ERROR,
    SUMS_OF,
    TO_HOST,
    TRANSPOSED,
    DeviceProgram,
    Kernel,
)
from srcad.backend.cuda.program_helpers import helpers_for
from srcad.backend.python.expressions import dotted
from srcad.backend.python.module_text import helpers_of
from srcad.backend.python.statements import to_ast
from srcad.backend.python.writer import module_docstring, write

_STREAM = ast.Name("stream")
_WITH_STREAM = frozenset({SUMS_OF, TO_HOST, NO_ERROR})


def program_text(program: DeviceProgram, header: str, defaults: tuple[str, ...] = ()) -> str:
    """The text of the module; `header` is its docstring, `defaults` are those of the last parameters, as text."""
    kernels = [_kernel(one) for one in program.kernels]
    host = write(_host(to_ast(program.host, defaults)))
    helpers = helpers_for("\n".join((*kernels, host)))
    parts = [module_docstring(header)]
    if any(re.search(r"\bmath\.", text) for text in (*kernels, host)):
        parts.append("import math")
    cupy = ["import cupy as cp"] if MATMUL in host else []
    parts.append("\n".join([*cupy, "import numpy as np", "from numba import cuda"]))
    if of_srcad := sorted(helpers_of(program.host)):  # functions of numbers, on the host
        parts.append(f"from srcad.runtime import {', '.join(of_srcad)}")
    return "\n\n\n".join(["\n\n".join(parts), *helpers, *kernels, host]) + "\n"


def _kernel(kernel: Kernel) -> str:
    definition = _ForKernel().visit(to_ast(kernel.function))
    definition.decorator_list.append(dotted("cuda.jit"))
    definition.body.insert(0, ast.Expr(ast.Constant(_sentence(kernel.notes)))) if kernel.notes else None
    return write(definition)


def _sentence(notes: Sequence[str]) -> str:
    text = ".\n".join(notes) + "."
    return text[0].upper() + text[1:] if len(notes) == 1 and ":" not in text else text


def _host(definition: ast.FunctionDef) -> ast.FunctionDef:
    definition = _ForHost().visit(definition)
    definition.args.args.append(ast.arg("stream"))
    definition.args.defaults = [*definition.args.defaults, ast.Constant(0)]
    return definition


def _called(node: ast.expr) -> str:
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


class _ForKernel(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        if _called(node.value) == LEAVE:
            return ast.Return(None)
        if isinstance(node.value, ast.Call) and _called(node.value).startswith(BLOCK_SUM):
            node.value.args.append(dotted("cuda.blockIdx.x"))
        return node


class _ForHost(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        if isinstance(node.value, ast.Call) and _called(node.value) == LAUNCH:
            call = node.value
            static = {one.arg: one.value.value for one in call.keywords if isinstance(one.value, ast.Constant)}
            size: list[ast.expr] = [ast.Constant(1), ast.Constant(1)]
            args = call.args
            if not static["one"]:
                size, args = [args[0], ast.Name("THREADS")], args[1:]
            launched = ast.Subscript(ast.Name(str(static["kernel"])), ast.Tuple([*size, _STREAM]))
            return ast.Expr(ast.Call(launched, args, []))
        return self.generic_visit(node)  # type: ignore[return-value]

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        match _called(node):
            case "np.empty":
                node.func = dotted("cuda.device_array")
                node.keywords.append(ast.keyword("stream", _STREAM))
            case "np.zeros":
                node.func = ast.Name("zeros")
                node.keywords.append(ast.keyword("stream", _STREAM))
            case "np.array":
                return ast.Call(dotted("cuda.to_device"), [node], [ast.keyword("stream", _STREAM)])
            case "np.transpose":
                node.func = ast.Name(TRANSPOSED)
            case "np.ascontiguousarray":
                return ast.Call(ast.Name("copied"), [*node.args, _STREAM], [])
            case name if name in _WITH_STREAM:
                node.args.append(_STREAM)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "copy":
            return ast.Call(ast.Name("copied"), [node.func.value, _STREAM], [])
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        if node.attr == "T":
            return ast.Call(ast.Name(TRANSPOSED), [node.value], [])
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.MatMult):
            return ast.Call(ast.Name(MATMUL), [node.left, node.right, _STREAM], [])
        return node
