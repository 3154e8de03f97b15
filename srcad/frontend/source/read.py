"""From a function object to its source: the syntax tree with source locations, globals, closure and defaults."""

from __future__ import annotations

import ast
import functools
import inspect
import keyword
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CellType, CodeType, FunctionType, MethodType

import gast

from srcad.errors import fail
from srcad.frontend.source.comments import statement_comments
from srcad.frontend.source.locate import Located, locate
from srcad.frontend.source.source_text import texts
from srcad.ir.nodes import Span


@dataclass(frozen=True, eq=False)
class Source:
    """The source of a function. The tree is shared between all readers, and never modified.

    A lambda appears as a function with one `return`. Decorators of the function itself are removed from the tree:
    `function` is what they were applied to, or the function they returned.
    """

    function: FunctionType
    tree: gast.FunctionDef
    file: str
    lines: tuple[str, ...]
    """All lines of the file, without newlines: line n is `lines[n - 1]`."""
    globals: Mapping[str, object]
    closure: Mapping[str, CellType]
    defaults: Mapping[str, object]
    """Parameter name -> default value, keyword-only parameters included."""
    name: str
    qualname: str


def read(function: Callable[..., object]) -> Source:
    """The source of a Python function, method, lambda or Numba dispatcher (a method's `self` stays a parameter).

    A wrapper made with `functools.wraps` is read as itself, not as what it wraps: it is what would be called.
    Raises S101 for what has no source, S102 where the file no longer contains the function that is called.

    >>> source = read(lambda x, scale=2.0: scale * x)
    >>> print(gast.unparse(source.tree).strip())
    def lambda_(x, scale=2.0):
        return scale * x
    >>> source.defaults
    {'scale': 2.0}
    """
    inner = _python_function(function)
    code = inner.__code__
    parsed = _parsed(code, id(code), code.co_filename, inner.__globals__.get("__file__"))
    values = inner.__defaults__ or ()
    defaulted = code.co_varnames[code.co_argcount - len(values) : code.co_argcount]
    return Source(
        function=inner,
        tree=parsed.tree,
        file=parsed.file,
        lines=parsed.lines,
        globals=inner.__globals__,
        closure=dict(zip(code.co_freevars, inner.__closure__ or (), strict=True)),
        defaults=dict(zip(defaulted, values, strict=True)) | (inner.__kwdefaults__ or {}),
        # __name__ may be set to any text; here it becomes the name of a function and of a file
        name=parsed.lambda_name or (inner.__name__ if _is_name(inner.__name__) else parsed.tree.name),
        qualname=inner.__qualname__,
    )


def _is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)


def span(source: Source, node: gast.AST) -> Span:
    """The source location of `node`. Python counts columns in UTF-8 bytes; a `Span` counts characters."""
    line, end_line = node.lineno, getattr(node, "end_lineno", None) or node.lineno
    text, end_text = _line(source, line), _line(source, end_line)
    end_offset = getattr(node, "end_col_offset", None)
    column = _characters(text, node.col_offset)
    end = column if end_offset is None else _characters(end_text, end_offset)
    simple = isinstance(node, gast.stmt) and not isinstance(node, gast.FunctionDef)
    comments = statement_comments(source.lines, node) if simple else ()
    return Span(source.file, source.name, line, column, end_line, end, text, comments)


def _line(source: Source, number: int) -> str:
    return source.lines[number - 1] if 1 <= number <= len(source.lines) else ""


def _characters(text: str, offset: int) -> int:
    return offset if text.isascii() else len(text.encode()[:offset].decode(errors="replace"))


def _python_function(function: Callable[..., object]) -> FunctionType:
    """The Python function behind a method, a static method, a Numba dispatcher or `lru_cache`."""
    inner: object = function
    if isinstance(inner, MethodType | staticmethod | classmethod):
        inner = inner.__func__
    if isinstance(inner, functools._lru_cache_wrapper):
        inner = inner.__wrapped__
    # not DUFunc: a function made by numba.vectorize maps over elements, which its py_func does not
    if type(inner).__module__.startswith("numba.") and type(inner).__name__ != "DUFunc":
        inner = getattr(inner, "py_func", inner)
    if isinstance(inner, FunctionType):
        return inner
    fail("S101", f"{_named(function)} has no Python source", None, _kind(inner), _WITHOUT_SOURCE)


def _named(function: object) -> str:
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", None)
    module = getattr(function, "__module__", None)
    if not isinstance(name, str):
        return f"an object of type {type(function).__qualname__}"
    return f"{module}.{name}" if isinstance(module, str) and module not in ("builtins", "__main__") else name


def _kind(inner: object) -> str:
    if inspect.isclass(inner):
        return "It is a class, not a function."
    if isinstance(inner, functools.partial):
        return "It is a functools.partial; the function inside it is what has the source."
    if not callable(inner):
        return f"It is an object of type {type(inner).__qualname__}, which cannot be called."
    if type(inner).__module__ == "numpy" or inspect.isroutine(inner):
        return "It is compiled code (C, Cython or a ufunc): there is no text to differentiate."
    return f"It is an object of type {type(inner).__qualname__}, not a function."


_WITHOUT_SOURCE = "write it in Python and NumPy, or write a rule for it (help(srcad.rules) says how)."


@functools.lru_cache(maxsize=1024)
def _parsed(code: CodeType, _: int, filename: str, module_file: str | None) -> _Parsed:
    # Equal code objects have equal constants and names, but not always the same file, and before Python 3.11 not always
    # the same lines: hence the id in the key. The cache holds the code object, so that no other can have the same id.
    seen = None
    for text in texts(code, module_file):
        seen = seen or (text if text.sure else None)
        located = locate(code, "".join(text.lines))
        if located is not None:
            assigned = (located.assigned_to or "lambda_") if isinstance(located.node, ast.Lambda) else None
            tree = gast.ast_to_gast(_as_function(located))
            return _Parsed(tree, text.file, tuple(line.rstrip("\r\n") for line in text.lines), assigned)
    if seen is None:
        fail(
            "S101",
            f"{code.co_name} has no source that can be read",
            None,
            f"Python knows no text of {filename} (line {code.co_firstlineno}): the function was made by exec, came "
            "through a pipe, was typed at a prompt without history, or its file is gone.",
            _HOW_TO_KEEP,
        )
    fail(
        "S102",
        f"{code.co_name} is no longer what its file says",
        None,
        f"{os.path.basename(seen.file)} was changed after the function was made (at line {code.co_firstlineno}), or an "
        "import hook rewrote it: no function in the file compiles to the one that is called.",
        "import the module again, or restart Python.",
    )


_HOW_TO_KEEP = (
    "put the function into a file and import it; for a text that a program makes, tell Python where it is: "
    'linecache.cache["<made>"] = (len(text), None, text.splitlines(True), "<made>"), '
    'then exec(compile(text, "<made>", "exec"), names).'
)


@dataclass(frozen=True)
class _Parsed:
    tree: gast.FunctionDef
    file: str
    lines: tuple[str, ...]
    lambda_name: str | None


def _as_function(located: Located) -> ast.FunctionDef | ast.AsyncFunctionDef:
    """A definition with the lambda's parameters and one `return`; a definition without its decorators."""
    node = located.node
    if not isinstance(node, ast.Lambda):
        fields = dict(ast.iter_fields(node)) | {"decorator_list": []}
        return ast.copy_location(type(node)(**fields), node)
    returned = ast.copy_location(ast.Return(node.body), node.body)
    definition = ast.FunctionDef(
        name=located.assigned_to or "lambda_", args=node.args, body=[returned], decorator_list=[], returns=None
    )
    if "type_params" in ast.FunctionDef._fields:  # Python 3.12 and later
        definition.type_params = []  # type: ignore[attr-defined]
    return ast.copy_location(definition, node)
