"""A whole module: docstring, imports, one function."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from srcad.backend.apart import apart
from srcad.backend.syntax import names_in
from srcad.backend.to_ast import to_ast
from srcad.backend.writer import write
from srcad.ir.nodes import Block, Expr, Function, Op
from srcad.ir.walk import ops, own_exprs, walk

_HELPERS = "srcad.runtime"
_MACHINE = "srcad.machine"


def module_text(
    function: Function,
    header: str,
    defaults: tuple[str, ...] = (),
    helpers_from: str = _HELPERS,
    decorator: str | None = None,
    formats: bool = True,
) -> str:
    """The text of the module that holds `function` (sequential form); `header` is its docstring.

    `helpers_from` is where functions of `srcad.runtime` are imported from; `decorator` is put above the function
    with the import of what it names. Where it `formats`, errors have one text (`to_ast`).
    """
    function = apart(function)
    definition = to_ast(function, defaults, formats=formats)
    if decorator is not None:
        definition.decorator_list.append(ast.parse(decorator, mode="eval").body)
    used = names_in(definition)
    parts = [write(ast.Module([ast.Expr(ast.Constant(header.rstrip("\n") + ("\n" if "\n" in header else "")))], []))]
    if "math" in used:
        parts.append("import math")
    third_party = ["import numpy as np"] if "np" in used or decorator is None else []
    if decorator is not None:
        third_party.append("from numba import njit")
    if third_party:
        parts.append("\n".join(third_party))
    helpers = set(_helpers(function.body, function.results))
    imports = [
        f"from {module} import {', '.join(names)}"
        for prefix, module in (("machine.", _MACHINE), ("runtime.", helpers_from))
        if (names := sorted(name.removeprefix(prefix) for name in helpers if name.startswith(prefix)))
    ]
    if imports:
        parts.append("\n".join(imports))
    return "\n\n".join(parts) + "\n\n\n" + write(definition) + "\n"


def uses_helpers(function: Function) -> bool:
    return any(True for _ in _helpers(function.body, function.results))


def _helpers(body: Block, results: tuple[Expr, ...]) -> Iterator[str]:
    expressions = [e for stmt in walk(body) for e in own_exprs(stmt)]
    for expression in (*expressions, *results):
        for op in ops(expression):
            if isinstance(op, Op) and op.prim.startswith(("runtime.", "machine.")):
                yield op.prim
