"""Which public function a call of the tables is one of, and which there are."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator

import numpy as np
import scipy.special

from tests.coverage import complex_expressions, numpy_expressions, scipy_expressions
from tests.coverage.calls import MODULES, body_of

NUMPY = numpy_expressions.GROUPS
TABLES: dict[str, list[str]] = {
    "numpy": [text for texts in NUMPY.values() for text in texts if "np.linalg." not in text],
    "numpy.linalg": [text for texts in NUMPY.values() for text in texts if "np.linalg." in text],
    **complex_expressions.GROUPS,
    **scipy_expressions.GROUPS,
}
"""The calls of each module."""


def function_of(text: str) -> str:
    """The name of the outermost function in a call: of a module, or a method, or an operator.

    >>> [function_of(text) for text in ("np.sort(np.abs(v))", "np.add.reduce(m)", "v[np.lexsort((v, i))]", "m.sum(0)")]
    ['numpy.sort', 'numpy.add.reduce', 'numpy.lexsort', 'ndarray.sum']
    >>> [function_of(text) for text in ("y = m + 0.0; np.put(y, 2, t); y", "stats.norm(t, l).logpdf(v)", "m @ r")]
    ['numpy.put', 'scipy.stats.norm', 'operators']
    """
    before, last = body_of(text)
    trees: list[ast.AST] = [ast.parse(last, mode="eval").body]
    statements = ast.parse(textwrap.dedent(before)).body
    trees += sorted(statements, key=lambda one: isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name))
    for tree in trees:
        for node in _outermost_first(tree):
            if (name := _name(node)) is not None:
                return name
    for tree in trees:
        for node in _outermost_first(tree):
            if isinstance(node, ast.Attribute):
                return f"ndarray.{node.attr}"
    return "operators"


def _outermost_first(tree: ast.AST) -> Iterator[ast.AST]:
    level = [tree]
    while level:
        yield from level
        level = [child for node in level for child in ast.iter_child_nodes(node)]


def _name(node: ast.AST) -> str | None:
    """The public name of a function, `np.r_` or a constructor."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in MODULES or not parts or parts[-1] in ("newaxis", "inf", "nan"):
        return None
    parts = parts[::-1][: 1 if node.id == "stats" else None]
    return ".".join(["numpy" if node.id == "np" else f"scipy.{node.id}", *parts])


def public_functions() -> list[str]:
    """Names of the functions of NumPy, its linear algebra and Fourier transforms, and `scipy.special`.

    Those that neither take nor give numbers are left out.
    """
    names = [f"numpy.{name}" for name in dir(np) if callable(getattr(np, name)) and not name.startswith("_")]
    names += [f"numpy.linalg.{name}" for name in np.linalg.__all__ if name not in ("LinAlgError", "test")]
    names += [f"numpy.fft.{name}" for name in np.fft.__all__]
    names += [f"scipy.special.{name}" for name in scipy.special.__all__ if callable(getattr(scipy.special, name))]
    modules = {"numpy": np, "scipy": scipy}
    return [
        name
        for name in names
        if not isinstance(eval(name, modules), type)
        and name.removeprefix("numpy.") not in numpy_expressions.WITHOUT_NUMBERS
        and name.removeprefix("scipy.special.") not in ("geterr", "seterr")
    ]


def functions_in(text: str) -> set[str]:
    """All public names in a call."""
    before, last = body_of(text)
    return {name for node in ast.walk(ast.parse(textwrap.dedent(before) + last)) if (name := _name(node)) is not None}


def without_a_call() -> list[str]:
    """The public functions that no call of the tables is about."""
    called = {name for texts in TABLES.values() for text in texts for name in functions_in(text)}
    return [name for name in public_functions() if name not in called]
