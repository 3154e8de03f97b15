"""From a code object to its syntax tree: the function of a file that compiles to the same byte code.

`inspect.getsource` goes by line numbers: of two lambdas on a line it returns the first, and of a file edited since
it was imported whatever is at the old line. Here the whole file is compiled again, and a tree is accepted only if
its byte code is the same. What is differentiated is then what runs; the line numbers are those of the current file.
"""

from __future__ import annotations
import __future__

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from types import CodeType

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

_FUTURE_FLAGS = sum(getattr(__future__, name).compiler_flag for name in set(__future__.all_feature_names))
_NESTED_FLAGS = 0x10  # CO_NESTED has the value that an outdated future flag once had; it must not be passed on
_STARS = 0x04 | 0x08  # CO_VARARGS | CO_VARKEYWORDS


_parsing = Lock()
"""CPython 3.11 counts the depth of the trees that it makes in one place for all threads (python/cpython#106905)."""


@dataclass(frozen=True)
class Located:
    """The tree of a function, and the name it is bound to where it is a lambda in `name = lambda ...`."""

    node: FunctionNode
    assigned_to: str | None


def locate(code: CodeType, text: str) -> Located | None:
    """The function of `text` (a whole file) that compiles to `code`, or None where no function does.

    Of several that are equal, the one nearest to the line in `code`; they mean the same.

    >>> text = "double = lambda x: 2.0 * x; half = lambda x: 0.5 * x"
    >>> scope = {}
    >>> exec(compile(text, "<file>", "exec"), scope)
    >>> found = locate(scope["half"].__code__, text)
    >>> found.assigned_to, ast.unparse(found.node)
    ('half', 'lambda x: 0.5 * x')
    """
    flags = code.co_flags & _FUTURE_FLAGS & ~_NESTED_FLAGS
    if (at_module_level := _module_level(code, text, flags)) is not None:
        return at_module_level
    wanted = _key(code)
    try:
        functions = _functions(text, code.co_filename, flags)
        matches = [f for f in functions if f.key == wanted]
        if not matches:
            # a prompt and a notebook compile each statement separately
            functions = _functions(text, code.co_filename, flags, by_statement=True)
            matches = [f for f in functions if f.key == wanted]
    except (SyntaxError, ValueError):
        return None
    # the renumbering of lines may add or remove a `nop`: then the file as it is decides
    if not matches and (
        _rewritten(code) or (code.co_firstlineno, wanted) in _imported_keys(text, code.co_filename, flags)
    ):
        matches = [f for f in functions if f.first_line == code.co_firstlineno and f.key[:5] == wanted[:5]]
    if not matches:
        return None
    best = min(matches, key=lambda f: (abs(f.first_line - code.co_firstlineno), not _contains(f.located.node, code)))
    return best.located


def _module_level(code: CodeType, text: str, flags: int) -> Located | None:
    """A module-level function at the line in `code`, found without compiling the rest of the file."""
    first = code.co_firstlineno - 1
    lines = text.split("\n")
    if code.co_name == "<lambda>":  # among the decorators or the defaults
        return None
    if not (first < len(lines) and lines[first].startswith(("def ", "async def ", "@"))):
        return None
    end = next((i for i in range(first, len(lines)) if lines[i].startswith(("def ", "async def "))), len(lines)) + 1
    while end < len(lines) and (not lines[end] or lines[end][0] in " \t#)"):
        end += 1
    # from Python 3.11 on, methods of imported names compile to other byte code
    imported = sorted(set(code.co_names).intersection(_imported(text)))
    imports = f"import {', '.join(imported)}" if imported else "pass"
    try:
        with _parsing:
            tree = ast.parse("\n" * first + "\n".join([*lines[first:end], imports]), code.co_filename)
        module = compile(tree, code.co_filename, "exec", flags, dont_inherit=True)
    except (SyntaxError, ValueError):  # the function ends elsewhere: it contains a string that starts at column 0
        return None
    node, *rest = tree.body
    same = any(isinstance(const, CodeType) and _key(const) == _key(code) for const in module.co_consts)
    if len(rest) != 1 or not same or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    return Located(node, None)


@lru_cache(maxsize=64)
def _imported(text: str) -> frozenset[str]:
    """The words of the module-level import statements."""
    statements = re.findall(r"^(?:import|from) [^(\n]*(?:\([^)]*\))?", text, re.MULTILINE)
    return frozenset(word for statement in statements for word in re.findall(r"\w+", statement) if word.isidentifier())


@dataclass(frozen=True)
class _Candidate:
    located: Located
    first_line: int
    key: tuple[object, ...]


@lru_cache(maxsize=64)
def _functions(text: str, file: str, flags: int, by_statement: bool = False) -> tuple[_Candidate, ...]:
    """All functions of a file with the keys of their code, compiled as a whole or each statement separately.

    The two differ: from Python 3.11 on, a method of a module-level import compiles to other byte code.

    To know which code object belongs to which node, the line of each function is replaced by its number while the tree
    is compiled: `co_firstlineno` then is that number.
    """
    with _parsing:
        tree = ast.parse(text, file)
    assigned = {
        id(node.value): node.targets[0].id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda) and isinstance(node.targets[0], ast.Name)
    }
    nodes = [node for node in ast.walk(tree) if isinstance(node, FunctionNode)]
    # co_firstlineno is the line of the first decorator
    marks: list[ast.expr | ast.stmt] = [
        node if isinstance(node, ast.Lambda) or not node.decorator_list else node.decorator_list[0] for node in nodes
    ]
    places = [(m.lineno, m.end_lineno, m.col_offset, m.end_col_offset) for m in marks]
    try:
        for number, mark in enumerate(marks, start=1):
            mark.lineno, mark.end_lineno, mark.col_offset, mark.end_col_offset = number, number, 0, 0
        parts = [ast.Module([stmt], []) for stmt in tree.body] if by_statement else [tree]
        compile_flags = flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        modules = [compile(part, file, "exec", compile_flags, dont_inherit=True) for part in parts]
    finally:
        for mark, place in zip(marks, places, strict=True):
            mark.lineno, mark.end_lineno, mark.col_offset, mark.end_col_offset = place
    codes: dict[tuple[int, str], CodeType] = {}
    for module in modules:
        for code in _walk(module):
            codes.setdefault((code.co_firstlineno, code.co_name), code)
    found = []
    for number, (node, place) in enumerate(zip(nodes, places, strict=True), start=1):
        name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
        if (number, name) in codes:  # missing if the compiler removed it as unreachable
            located = Located(node, assigned.get(id(node)))
            found.append(_Candidate(located, place[0], _key(codes[number, name])))
    return tuple(found)


@lru_cache(maxsize=64)
def _imported_keys(text: str, file: str, flags: int) -> frozenset[tuple[int, tuple[object, ...]]]:
    """The first line and the key of every function of a file, compiled as an import does."""
    module = compile(text, file, "exec", flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    return frozenset((code.co_firstlineno, _key(code)) for code in _walk(module))


def _walk(code: CodeType) -> Iterator[CodeType]:
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield const
            yield from _walk(const)


def _key(code: CodeType) -> tuple[object, ...]:
    """The fields in which two code objects of one program agree, wherever they are. The first five: the signature."""
    return (
        code.co_name,
        code.co_varnames[: _parameters(code)],
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags & _STARS,
        code.co_code,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        tuple(_const_key(const) for const in code.co_consts),
    )


def _parameters(code: CodeType) -> int:
    return code.co_argcount + code.co_kwonlyargcount + (code.co_flags & _STARS).bit_count()


def _const_key(const: object) -> object:
    if isinstance(const, CodeType):
        return _key(const)
    if isinstance(const, tuple):
        return tuple(_const_key(item) for item in const)
    if isinstance(const, frozenset):
        return frozenset(_const_key(item) for item in const)
    return type(const), repr(const)  # by text, because 1 == 1.0 == True and 0.0 == -0.0


def _rewritten(code: CodeType) -> bool:
    """Whether pytest has rewritten the function's asserts: its byte code is not that of the file."""
    return any(name.startswith("@py") for name in code.co_varnames + code.co_names)


def _contains(node: FunctionNode, code: CodeType) -> bool:
    """Whether the columns of `code` lie within `node` (known from Python 3.11 on)."""
    if not hasattr(code, "co_positions"):
        return True
    assert node.end_lineno is not None and node.end_col_offset is not None
    first, last = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
    for line, _, column, _ in code.co_positions():
        # the opening instructions have column 0 of the first line, which says nothing
        if line is not None and column and not first <= (line, column) <= last:
            return False
    return True
