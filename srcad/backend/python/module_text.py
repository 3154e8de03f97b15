"""Printing of a module: docstring, imports, and one function with an optional argument check around it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence

from srcad.backend.python.comment_nodes import Verbatim
from srcad.backend.python.expressions import without_module
from srcad.backend.python.name_clashes import (
    externals_of,
    rename_clashes,
    with_distinct_externals,
    with_distinct_names,
)
from srcad.backend.python.statements import to_ast
from srcad.backend.python.writer import module_docstring, write, write_with_names
from srcad.ir.nodes import Block, Expr, Function, Op
from srcad.ir.traversal import ops, own_exprs, walk
from srcad.rules.external import digest, imported, is_python

LOCAL_ARRAY = "cuda.local.array"
"""The primitive of device code for CUDA that makes an array."""
_HELPERS = "srcad.runtime"
_MACHINE = "srcad.vector_math"
_SPECIAL = "scipy"


def module_text(
    functions: Function | Sequence[Function],
    header: str,
    defaults: tuple[str, ...] = (),
    helpers_from: str | None = _HELPERS,
    machine_from: str = _MACHINE,
    special_from: str = _SPECIAL,
    decorator: str | None = None,
    formats: bool = True,
    compiles: bool = False,
    asked: str | Sequence[str] = "",
    entry: str | Sequence[str] = "",
    beside: Sequence[Function] = (),
    more_imports: Sequence[str] = (),
    after: str = "",
) -> str:
    """The text of the module that holds a function (sequential form), or several; `header` is its docstring.

    `helpers_from` is the module that functions of `srcad.runtime` are imported from, None if they are not imported;
    `machine_from` that of functions of `srcad.vector_math`, `special_from` that of SciPy's module of special functions;
    `decorator` is printed above the function with its import. Where it `formats`, errors have one text (`to_ast`);
    where it `compiles`, Numba is asked to compile the functions of users that are Python's. The
    statement `asked` checks the arguments: it becomes the body of a function of its own, which has the public name and
    calls the function under a private name. In one function, Numba would have to type everything beside the check too.
    The statement `entry` stands first in the function itself. The functions `beside` are those that it calls.
    Of several functions each has its own `asked` and `entry`. The text `after` stands below them, with `more_imports`.

    >>> from srcad.ir.nodes import Param, Var
    >>> double = Function("double", (Param("x", "x"),), (), (Op("+", (Var("x"), Var("x"))),), {})
    >>> print(*[line for line in module_text(double, "", asked="assert x").split("\\n")[5:] if line], sep="\\n")
    def _double(x):
        return x + x
    def double(x):
        assert x
        return _double(x)
    """
    own = (functions,) if isinstance(functions, Function) else tuple(functions)
    found = with_distinct_externals(list(map(rename_clashes, with_distinct_names((*beside, *own), len(own)))))
    definitions = [to_ast(one, formats=formats) for one in found[: -len(own)]]
    wrappers = []
    for at, one in enumerate(found[-len(own) :]):
        definition = to_ast(one, defaults, formats=formats)
        if check := _at(entry, at):
            definition.body.insert(0, Verbatim(check))
        if check := _at(asked, at):
            wrappers.append(_checking_wrapper(definition, unchecked_name(one), check))
            definition.name = unchecked_name(one)
        definitions.append(definition)
    if decorator is not None:
        for definition in definitions:
            definition.decorator_list.append(ast.parse(decorator, mode="eval").body)
    for wrapper in wrappers:
        wrapper.decorator_list = definitions[-1].decorator_list
    texts, names_used = zip(*map(write_with_names, definitions), strict=True)
    used = frozenset().union(*names_used)
    parts = [module_docstring(header)]
    standard = sorted({*(["import math"] if "math" in used else []), *filter(_is_standard, more_imports)}, key=_place)
    if standard:
        parts.append("\n".join(standard))
    third_party = (
        ["import numpy as np"]
        if "np" in used
        or "import numpy as np" in more_imports
        or any("np." in _at(asked, at) for at in range(len(own)))
        or decorator is None
        else []
    )
    external = sorted({prim for one in found for prim in externals_of(one)})
    compiled = [f"{without_module(prim)} = njit({without_module(prim)})" for prim in external if is_python(prim)]
    compiles = compiles or decorator is not None
    compiled = compiled if compiles else []
    of_numba = ["njit"] if (decorator or "").startswith("njit") or compiled else []
    if any(op.prim.startswith("cuda.") for one in found for op in _operations(one.body, one.results)):
        of_numba.append("cuda")
    if "prange" in used:
        of_numba.append("prange")
    if of_numba:
        third_party.append(f"from numba import {', '.join(of_numba)}")
    if any(op.prim.startswith("special.") for one in found for op in _operations(one.body, one.results)):
        third_party.append(f"from {special_from} import special")
    others = {line for line in more_imports if not _is_standard(line)}
    third_party += sorted(others - {*third_party}, key=_place)
    if third_party:
        parts.append("\n".join(third_party))
    helpers = {name for one in found for name in _helpers(one.body, one.results)}
    imports = [
        f"from {module} import {', '.join(names)}"
        for prefix, module in (("machine.", machine_from), ("runtime.", helpers_from))
        if module is not None
        and (names := sorted(name.removeprefix(prefix) for name in helpers if name.startswith(prefix)))
    ]
    if imports:
        parts.append("\n".join(imports))
    if external:
        parts.append("\n".join(_imports_of(external, compiles)))
    parts += compiled
    functions_after = [after] if after else []
    return "\n\n\n".join(["\n\n".join(parts), *texts, *map(write, wrappers), *functions_after]) + "\n"


def _place(line: str) -> tuple[bool, str]:
    """Where an import statement stands among others."""
    return line.startswith("from"), line


def _is_standard(line: str) -> bool:
    """Whether an import statement is of the standard library."""
    return line.split()[1].partition(".")[0] in sys.stdlib_module_names


def _imports_of(external: Sequence[str], compiles: bool) -> list[str]:
    """The imports of functions of the user's; in text for the machine, with what changes where these do."""
    names: dict[str, list[str]] = {}
    for prim in external:
        label, module, name = imported(prim)
        names.setdefault(module, []).append(name if name == label else f"{name} as {label}")
    lines = [f"from {module} import {', '.join(sorted(names[module]))}" for module in sorted(names)]
    return lines if not compiles else [*lines, *(f"# {digest(prim)}" for prim in external if digest(prim))]


def _at(given: str | Sequence[str], at: int) -> str:
    return given if isinstance(given, str) else given[at] if at < len(given) else ""


def unchecked_name(function: Function) -> str:
    """The private name of the function without the argument check."""
    name = f"_{function.name}"
    while any(param.name == name for param in function.params):
        name += "_"
    return name


def _checking_wrapper(definition: ast.FunctionDef, inner: str, asked: str) -> ast.FunctionDef:
    """The function that checks its arguments and calls the unchecked one."""
    given: list[ast.expr] = [ast.Name(arg.arg, ast.Load()) for arg in definition.args.args]
    call = ast.Call(ast.Name(inner, ast.Load()), given, [])
    return ast.FunctionDef(definition.name, definition.args, [Verbatim(asked), ast.Return(call)], [])


def helpers_of(*functions: Function) -> set[str]:
    """The functions of `srcad.runtime` that functions call."""
    used = {name for one in functions for name in _helpers(one.body, one.results)}
    return {name.removeprefix("runtime.") for name in used if name.startswith("runtime.")}


def _helpers(body: Block, results: tuple[Expr, ...]) -> Iterator[str]:
    for op in _operations(body, results):
        if op.prim.startswith(("runtime.", "machine.")):
            yield op.prim


def _operations(body: Block, results: tuple[Expr, ...]) -> Iterator[Op]:
    expressions = [e for stmt in walk(body) for e in own_exprs(stmt)]
    for expression in (*expressions, *results):
        yield from ops(expression)
