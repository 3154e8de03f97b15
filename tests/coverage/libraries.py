"""What becomes of a call through srcad, JAX and autograd: `right`, `refused: ...` or `wrong: ...`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

import srcad
from tests.coverage.calls import MODULES, Call, close, fresh, is_gradient, parts_of
from tests.numpy_values import differ

SEARCHES = ("optimize.", "integrate.odeint")
"""Calls for which SciPy stops before the last digits."""


def of_srcad(call: Call, target: str) -> str:
    try:
        value = srcad.jit(call.plain, target=target)(*fresh(call))
        want = call.plain(*fresh(call))
        found = differ(value, want, False, loose=True)
        if found and not (call.text.startswith(SEARCHES) and close(np.asarray(value), np.asarray(want), 1e-5)):
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
        kind = "refused" if "not supported" in str(fault) else "wrong"
        return f"{kind}: {type(fault).__name__}: {fault}"[:200]
    is_right = is_gradient(call, have, symmetric=not call.text.startswith("np."))
    return "right" if is_right else "wrong: the gradient"


def of_other(call: Call, modules: dict[str, Any], gradient: Callable[..., Any]) -> str:
    """Through a library with namespaces like NumPy's and SciPy's. What it does not compute, it refuses."""
    asarray = getattr(modules["np"], "asarray", np.asarray) if "jax" in modules["np"].__name__ else np.asarray
    given = [asarray(value) if isinstance(value, np.ndarray) else value for value in fresh(call)]
    want = call.plain(*fresh(call))
    try:
        call.use(modules)
        value = call.plain(*given)
        value = [np.asarray(item) for item in value] if isinstance(value, tuple | list) else np.asarray(value)
        have = None if call.weighted is None else gradient(call.weighted, call.active)(*given)
    except Exception as fault:
        return f"refused: {type(fault).__name__}"
    finally:
        call.use(MODULES)
    try:
        values = [np.concatenate([np.ravel(p) for _, p in parts_of(each)] or [np.zeros(0)]) for each in (value, want)]
    except ValueError:
        return "wrong: another structure"
    if not close(*values):
        return "wrong: another value"
    return "right" if have is None or is_gradient(call, have, symmetric=True) else "wrong: the gradient"


def others(names: list[str]) -> dict[str, tuple[dict[str, Any], Callable[..., Any]]]:
    """The libraries asked for: their modules by the names in the tables, and how they differentiate."""
    found: dict[str, tuple[dict[str, Any], Callable[..., Any]]] = {}
    if "jax" in names:
        import jax

        jax.config.update("jax_enable_x64", True)
        found["JAX"] = (_modules("jax.numpy", "jax.scipy"), lambda f, active: jax.grad(f, active))
    if "autograd" in names:
        import autograd

        found["autograd"] = (
            _modules("autograd.numpy", "autograd.scipy"),
            lambda f, active: autograd.grad(f, active),
        )
    return found


def _modules(numpy: str, scipy: str) -> dict[str, Any]:
    found: dict[str, Any] = {"np": importlib.import_module(numpy)}
    for name in MODULES:
        if name != "np":
            try:
                found[name] = importlib.import_module(f"{scipy}.{name}")
            except ImportError:
                found[name] = SimpleNamespace()
    return found
