"""Which calls of NumPy have the right value and gradient, through srcad, JAX and autograd: one line for each.

    python -m tests.coverage.numpy_functions                  those of srcad, as plain Python, with the reasons
    python -m tests.coverage.numpy_functions --only einsum    calls that contain a word
    python -m tests.coverage.numpy_functions --with jax,autograd --markdown docs/coverage.md

Gradients are compared with central differences, of a weighted sum of all numbers that the call gives.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import re
import sys
import tempfile
import textwrap
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import srcad
from tests.coverage.numpy_expressions import GROUPS, WITHOUT_NUMBERS
from tests.numeric import numeric_gradient
from tests.numpy_values import arguments, differ, letters

_FLOAT_LETTERS = set("vwmncdfrugsSpPxytl") | {"u2", "s2", "S2"}


@dataclass(frozen=True)
class Call:
    """One call as a function of its letters: as it stands, and as a number with weights for what it gives."""

    text: str
    names: tuple[str, ...]
    values: tuple[Any, ...]
    plain: Callable[..., Any]
    weighted: Callable[..., Any] | None
    """None: what it gives are no floats, or it has no argument that is differentiated."""

    @property
    def active(self) -> tuple[int, ...]:
        return tuple(k for k, name in enumerate(self.names) if name in _FLOAT_LETTERS)


def body_of(text: str) -> tuple[str, str]:
    """The statements of a call, and its result."""
    before, _, last = text.rpartition("; ")
    return "".join(f"    {line}\n" for part in before.split("; ") for line in part.split("\n") if line.strip()), last


def letters_of(text: str) -> list[str]:
    before, last = body_of(text)
    names = letters(textwrap.dedent(before) + last)
    stored = {
        node.id if isinstance(node, ast.Name) else node.arg
        for node in ast.walk(ast.parse(textwrap.dedent(before) + last))
        if isinstance(node, ast.arg) or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    }
    return [name for name in names if name not in stored]


def parts_of(result: Any, at: str = "result") -> list[tuple[str, Any]]:
    """The arrays of floats in what a call gives, and how one gets at them."""
    if isinstance(result, tuple | list):
        return [part for k, item in enumerate(result) for part in parts_of(item, f"{at}[{k}]")]
    return [(at, np.asarray(result))] if np.asarray(result).dtype.kind == "f" else []


def load(source: str, folder: Path, module: Any = np) -> Any:
    name = f"numpy_coverage_{len(list(folder.iterdir()))}"
    path = folder / f"{name}.py"
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    vars(made).update(np=module)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


def made(text: str, folder: Path) -> Call:
    names = tuple(letters_of(text))
    given = arguments("plain", np.random.default_rng(3))
    values = tuple(given[name] for name in names)
    before, last = body_of(text)
    head = f"({', '.join(names)}):\n{before}"
    plain = load(f"def call{head}    return {last}\n", folder).call
    result = plain(*map(np.copy, values))
    parts = parts_of(result)
    call = Call(text, names, values, plain, None)
    if not parts or not call.active:
        return call
    rng = np.random.default_rng(5)
    weights = {f"weight_{k}": rng.uniform(0.5, 1.5, part.shape) for k, (_, part) in enumerate(parts)}
    total = " + ".join(f"np.sum({at} * weight_{k})" for k, (at, _) in enumerate(parts))
    source = f"def weighted{head}    result = {last}\n    return {total}\n"
    module = load(source, folder)
    vars(module).update(weights)
    return Call(text, names, values, plain, module.weighted)


def fresh(call: Call) -> list[Any]:
    return [value.copy() if isinstance(value, np.ndarray) else value for value in call.values]


def close(have: Any, want: Any, tolerance: float = 2e-5) -> bool:
    return np.shape(have) == np.shape(want) and np.allclose(have, want, rtol=tolerance, atol=tolerance / 10)


def is_gradient(call: Call, have: Any) -> bool:
    """Whether it agrees with central differences for one of two steps: a large one may change an order."""
    assert call.weighted is not None
    steps, tolerance = ((1e-2,), 1e-2) if "float32" in call.text else ((1e-4, 1e-6), 2e-5)
    for step in steps:
        want = [numeric_gradient(call.weighted, tuple(fresh(call)), k, step) for k in call.active]
        if all(close(one, other, tolerance) for one, other in zip(have, want, strict=True)):
            return True
    return False


def of_srcad(call: Call, target: str) -> str:
    try:
        value = srcad.jit(call.plain, target=target)(*fresh(call))
        if found := differ(value, call.plain(*fresh(call)), False, loose=True):
            return f"wrong: {found}"
        if call.weighted is None:
            return "right"
        have = srcad.value_and_grad(call.weighted, call.active, target=target)(*fresh(call))[1]
    except srcad.InternalError as fault:
        return f"wrong: {fault.problems[0].message[:150]}"
    except srcad.SrcadError as fault:
        problem = fault.problems[0]
        return f"refused: {problem.code} {problem.message[:150]}"
    except Exception as fault:
        return f"wrong: {type(fault).__name__}: {fault}"[:200]
    return "right" if is_gradient(call, have) else "wrong: the gradient"


def of_other(call: Call, module: Any, grad: Callable[..., Any]) -> str:
    """Through a library with a namespace like NumPy's."""
    try:
        vars(sys.modules[call.plain.__module__])["np"] = module
        asarray = module.asarray if module.__name__.startswith("jax") else np.asarray
        given = [asarray(value) if isinstance(value, np.ndarray) else value for value in fresh(call)]
        value = call.plain(*given)
    except Exception as fault:
        return f"refused: {type(fault).__name__}"
    finally:
        vars(sys.modules[call.plain.__module__])["np"] = np
    value = [np.asarray(item) for item in value] if isinstance(value, tuple | list) else np.asarray(value)
    with np.errstate(all="ignore"):
        want = call.plain(*fresh(call))
    try:
        flat_value, flat_want = (
            np.concatenate([np.ravel(p) for _, p in parts_of(each)] or [np.zeros(0)]) for each in (value, want)
        )
    except ValueError:
        return "wrong: another structure"
    if not close(flat_value, flat_want):
        return "wrong: another value"
    if call.weighted is None:
        return "right"
    try:
        vars(sys.modules[call.weighted.__module__])["np"] = module
        have = grad(call.weighted, call.active)(*given)
    except Exception as fault:
        return f"refused: {type(fault).__name__}"
    finally:
        vars(sys.modules[call.weighted.__module__])["np"] = np
    return "right" if is_gradient(call, have) else "wrong: the gradient"


def others(names: list[str]) -> dict[str, tuple[Any, Callable[..., Any]]]:
    found: dict[str, tuple[Any, Callable[..., Any]]] = {}
    if "jax" in names:
        import jax

        jax.config.update("jax_enable_x64", True)
        found["JAX"] = (importlib.import_module("jax.numpy"), lambda f, active: jax.grad(f, active))
    if "autograd" in names:
        import autograd

        found["autograd"] = (importlib.import_module("autograd.numpy"), lambda f, active: autograd.grad(f, active))
    return found


def public_functions() -> list[str]:
    """Names of NumPy's and `np.linalg`'s functions that take or give numbers."""
    names = [f"np.{name}" for name in dir(np) if callable(getattr(np, name))]
    names += [f"np.linalg.{name}" for name in np.linalg.__all__ if name not in ("LinAlgError", "test")]
    return [
        name
        for name in names
        if not name.startswith("np._")
        and not isinstance(eval(name, {"np": np}), type)
        and name.removeprefix("np.") not in WITHOUT_NUMBERS
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--target", default="python")
    parser.add_argument("--with", dest="others", default="")
    parser.add_argument("--markdown", type=Path)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    libraries = others(given.others.split(","))
    tallies: dict[str, Counter[str]] = {name: Counter() for name in ("srcad", *libraries)}
    rows: list[tuple[str, str, list[str]]] = []
    with tempfile.TemporaryDirectory() as folder:
        for group, texts in GROUPS.items():
            for text in texts:
                if given.only not in text and given.only != group:
                    continue
                try:
                    call = made(text, Path(folder))
                except Exception as fault:
                    print(f"{text}  NumPy: {type(fault).__name__}: {fault}")
                    continue
                outcomes = [of_srcad(call, given.target)]
                outcomes += [of_other(call, *library) for library in libraries.values()]
                for tally, outcome in zip(tallies.values(), outcomes, strict=True):
                    tally[outcome.partition(":")[0]] += 1
                rows.append((group, text, outcomes))
                if outcomes[0] != "right":
                    print(f"{text}  {outcomes[0]}", flush=True)
    tried = "\n".join(text for texts in GROUPS.values() for text in texts)
    missing = [name for name in public_functions() if not re.search(rf"{re.escape(name)}\b", tried)]
    print("no row:", *missing)
    for name, tally in tallies.items():
        print(name, dict(tally))
    if given.markdown:
        given.markdown.write_text(page(rows, tallies), encoding="utf-8")


def page(rows: list[tuple[str, str, list[str]]], tallies: dict[str, Counter[str]]) -> str:
    lines = [
        "# Coverage",
        "",
        "Calls of NumPy's functions, their value and gradient against NumPy's and central differences'. `python -m",
        "tests.coverage.numpy_functions --with jax,autograd --markdown docs/coverage.md` made this page.",
        "",
        f"| | {' | '.join(tallies)} |",
        f"|---|{'---|' * len(tallies)}",
    ]
    for kind in ("right", "refused", "wrong"):
        lines.append(f"| {kind} | {' | '.join(str(tally[kind]) for tally in tallies.values())} |")
    for group in GROUPS:
        lines += [
            "",
            f"## {group.capitalize()}",
            "",
            f"| call | {' | '.join(tallies)} |",
            f"|---|{'---|' * len(tallies)}",
        ]
        for of, text, outcomes in rows:
            if of == group:
                shown = text.replace("\n", " ").replace("|", "\\|")
                code = [re.match(r"refused: (S\d+)", one) for one in outcomes]
                cells = [
                    f"refused ({c[1]})" if c else one.partition(":")[0] for c, one in zip(code, outcomes, strict=True)
                ]
                lines.append(f"| `{shown}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
