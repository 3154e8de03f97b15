"""Where the programs of the corpus meet the arguments they are tried with."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

TOLERANCE = 1e-7


@dataclass(frozen=True)
class Case:
    """One program at one point.

    `wrt` are the positions differentiated. `gradient`, where given, is what the gradient has to be: used at points
    where the derivative is a convention (a tie, a kink), so that differences do not tell. `compiled` marks the one
    case of its mechanism that is compiled in every run of the tests.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    wrt: tuple[int, ...]
    name: str
    tolerance: float = TOLERANCE
    step: float = 3e-4
    gradient: tuple[Any, ...] | None = None
    compiled: bool = False
    zero: bool = False
    """The gradient is nothing but zeros, and that is right."""


CASES: list[Case] = []


def case(
    *args: Any,
    wrt: int | tuple[int, ...] | None = None,
    name: str = "",
    tolerance: float = TOLERANCE,
    step: float = 3e-4,
    gradient: Any = None,
    compiled: bool = False,
    zero: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the decorated function at `args`; the function itself is left alone.

    Without `wrt`, every argument made of floats alone is differentiated.
    """
    if wrt is None:
        wrt = tuple(i for i, value in enumerate(args) if made_of_floats(value))
    elif isinstance(wrt, int):
        wrt = (wrt,)
    if gradient is not None and not isinstance(gradient, tuple):
        gradient = (gradient,)

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        area = function.__module__.rpartition(".")[2]
        label = f"{area}:{function.__name__}" + (f"[{name}]" if name else "")
        same = sum(c.name == label or c.name.startswith(label + "#") for c in CASES)
        if same:
            label += f"#{same + 1}"
        CASES.append(Case(function, args, wrt, label, tolerance, step, gradient, compiled, zero))
        return function

    return register


def made_of_floats(value: Any) -> bool:
    if isinstance(value, float | np.floating):
        return True
    if isinstance(value, np.ndarray):
        return value.dtype.kind == "f"
    if isinstance(value, dict):
        return bool(value) and all(made_of_floats(v) for v in value.values())
    if isinstance(value, list | tuple):
        return bool(value) and all(made_of_floats(v) for v in value)
    if hasattr(value, "__dataclass_fields__"):
        return all(made_of_floats(getattr(value, field)) for field in value.__dataclass_fields__)
    return type(value).__module__.startswith("tests.") and all(map(made_of_floats, vars(value).values()))


def all_cases() -> list[Case]:
    package = importlib.import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__):
        if module.name != "registry" and not module.name.startswith("refused"):
            importlib.import_module(f"{__package__}.{module.name}")
    return CASES


def real(*shape: int, seed: int = 0, low: float = -1.5, high: float = 1.5) -> np.ndarray:
    """Numbers without pattern, the same in every run."""
    return np.random.default_rng([seed, *shape, 7]).uniform(low, high, shape)


def positive(*shape: int, seed: int = 0) -> np.ndarray:
    return real(*shape, seed=seed, low=0.5, high=2.0)


def single(*shape: int, seed: int = 0) -> np.ndarray:
    return real(*shape, seed=seed).astype(np.float32)


def spd(n: int, seed: int = 0) -> np.ndarray:
    """A symmetric positive definite matrix."""
    a = real(n, n, seed=seed)
    return a @ a.T + n * np.eye(n)


_CALL_THEMSELVES = ("inner_recursion:", "classes_inside:a_method_that_calls_itself")


def cases_without_calls() -> list[Case]:
    """Those that are one function in normal form: what calls itself stays a call, which no interpreter here makes."""
    return [one for one in all_cases() if not one.name.startswith(_CALL_THEMSELVES)]
