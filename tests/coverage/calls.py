"""One call of the tables as a function of its letters, and its gradient by central differences.

The letters are those of `numpy_calls`, and two more: `h`, a vector of positive numbers, and `q`, one of numbers in
0.1 .. 0.9. Gradients are compared of a weighted sum of all numbers that the call gives.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.optimize
import scipy.signal
import scipy.sparse
import scipy.sparse.linalg
import scipy.spatial
import scipy.spatial.transform
import scipy.special
import scipy.stats

from tests.numeric import numeric_gradient
from tests.numpy_values import arguments

FLOATS = frozenset({*"vwmncdfrugsSpPxytlhq", "u2", "s2", "S2"})
MODULES: dict[str, Any] = {
    "np": np,
    **{name: getattr(scipy, name) for name in "special stats linalg signal interpolate integrate optimize".split()},
    **{name: getattr(scipy, name) for name in "sparse spatial ndimage".split()},
}
"""The names of modules in the tables."""
_ROUGH = ("optimize.", "integrate.", "sparse.linalg.")


@dataclass
class Call:
    """One call as it stands, and as a number with weights for what it gives."""

    text: str
    names: tuple[str, ...]
    values: tuple[Any, ...]
    plain: Callable[..., Any]
    weighted: Callable[..., Any] | None
    """None: what it gives are no floats, or it has no argument that is differentiated."""
    differences: dict[float, list[Any]] = field(default_factory=dict)
    """The gradient by central differences with each step that was asked for."""

    @property
    def active(self) -> tuple[int, ...]:
        return tuple(k for k, name in enumerate(self.names) if name in FLOATS)

    def use(self, modules: Mapping[str, Any]) -> None:
        """Let the names of modules in the text stand for these."""
        vars(sys.modules[self.plain.__module__]).update(modules)
        if self.weighted is not None:
            vars(sys.modules[self.weighted.__module__]).update(modules)


def body_of(text: str) -> tuple[str, str]:
    """The statements of a call, and its result."""
    before, _, last = text.rpartition("; ")
    return "".join(f"    {line}\n" for part in before.split("; ") for line in part.split("\n") if line.strip()), last


def values_of_letters() -> dict[str, Any]:
    rng = np.random.default_rng(4)
    return arguments("plain", np.random.default_rng(3)) | {"h": rng.uniform(0.5, 2.5, 5), "q": rng.uniform(0.1, 0.9, 5)}


def letters_of(text: str, known: Mapping[str, Any]) -> tuple[str, ...]:
    before, last = body_of(text)
    tree = ast.parse(textwrap.dedent(before) + last)
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    stored = {
        node.id if isinstance(node, ast.Name) else node.arg
        for node in ast.walk(tree)
        if isinstance(node, ast.arg) or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    }
    return tuple(sorted((named - stored) & {*known}))


def parts_of(result: Any, at: str = "result") -> list[tuple[str, Any]]:
    """The arrays of real numbers in what a call gives, and how one gets at them."""
    if isinstance(result, tuple | list):
        return [part for k, item in enumerate(result) for part in parts_of(item, f"{at}[{k}]")]
    array = np.asarray(result)
    if array.dtype.kind == "c":
        return [(f"np.real({at})", array.real), (f"np.imag({at})", array.imag)]
    return [(at, array)] if array.dtype.kind == "f" else []


def load(source: str, folder: Path) -> Any:
    name = f"numpy_coverage_{folder.name}_{len(list(folder.iterdir()))}"
    path = folder / f"{name}.py"
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    vars(made).update(MODULES)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


def made(text: str, folder: Path) -> Call:
    given = values_of_letters()
    names = letters_of(text, given)
    values = tuple(given[name] for name in names)
    before, last = body_of(text)
    head = f"({', '.join(names)}):\n{before}"
    plain = load(f"def call{head}    return {last}\n", folder).call
    call = Call(text, names, values, plain, None)
    parts = parts_of(plain(*fresh(call)))
    if not parts or not call.active:
        return call
    rng = np.random.default_rng(5)
    weights = {f"weight_{k}": rng.uniform(0.5, 1.5, part.shape) for k, (_, part) in enumerate(parts)}
    total = " + ".join(f"np.sum({at} * weight_{k})" for k, (at, _) in enumerate(parts))
    module = load(f"def weighted{head}    result = {last}\n    return {total}\n", folder)
    vars(module).update(weights)
    return Call(text, names, values, plain, module.weighted)


def fresh(call: Call) -> list[Any]:
    return [value.copy() if isinstance(value, np.ndarray) else value for value in call.values]


def close(have: Any, want: Any, tolerance: float = 2e-5) -> bool:
    return np.shape(have) == np.shape(want) and np.allclose(have, want, rtol=tolerance, atol=tolerance / 10)


def is_gradient(call: Call, have: Any, symmetric: bool = False) -> bool:
    """Whether each part agrees with central differences for one of two steps: a large one may change an order.

    `symmetric`: of a symmetric matrix, that with respect to an entry and to its mirror image may be shared otherwise.
    """
    assert call.weighted is not None
    steps, tolerance = ((1e-2,), 1e-2) if "float32" in call.text else ((1e-4, 1e-6), 2e-5)
    if call.text.startswith(_ROUGH):
        steps, tolerance = (1e-2, 1e-4), 1e-3
    agree = [False] * len(call.active)
    for step in steps:
        if step not in call.differences:
            found = [numeric_gradient(call.weighted, tuple(fresh(call)), k, step) for k in call.active]
            call.differences[step] = found
        pairs = list(zip(have, call.differences[step], strict=True))
        if symmetric:
            pairs = [
                (one + np.swapaxes(one, -1, -2), other + np.swapaxes(other, -1, -2))
                if call.names[k] in "pP" and np.shape(one) == np.shape(other)
                else (one, other)
                for k, (one, other) in zip(call.active, pairs, strict=True)
            ]
        agree = [before or close(*pair, tolerance) for before, pair in zip(agree, pairs, strict=True)]
    return all(agree)
