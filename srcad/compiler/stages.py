"""What a function is at each stage of its compilation, for people, docs and tests."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from srcad.canonicalize.prune import prune
from srcad.compiler.manager import Order, Pass, run, settings
from srcad.compiler.unit import Unit, without_source
from srcad.compiler.verification import verifier
from srcad.frontend.lowering.lower import lower
from srcad.frontend.source.read import read
from srcad.frontend.values.describe import describe
from srcad.ir.nodes import Function
from srcad.ir.printer import text


@dataclass(frozen=True)
class Stage:
    """A pass, and what it gave."""

    of: Pass
    unit: Unit
    changed: bool
    """Whether the pass did anything."""

    def __str__(self) -> str:
        heading = f"==== {self.of.name}"
        return f"{heading}\n\n{text(self.unit.function)}\n" if self.changed else f"{heading}: no change\n"


@contextmanager
def recorded() -> Iterator[list[Stage]]:
    """The stages of all that this thread compiles inside, in the order of the passes.

    >>> import srcad
    >>> def double(x):
    ...     return 2.0 * x
    >>> with recorded() as stages:
    ...     text_ = srcad.grad(double, target="python").source_for(1.0)
    >>> print(next(stage for stage in stages if stage.of.name == "reverse"))
    ==== reverse
    <BLANKLINE>
    double_grad(x: float64, d_result.0: float64):
        # ---- forward sweep -----------------------------------------------------
        %product.0 = 2.0 * x
        # ---- reverse sweep -----------------------------------------------------
        %d_product.0 = d_result.0
        %part.0 = 2.0 * %d_product.0
        d_x.0 = %part.0
        return d_x.0
    <BLANKLINE>
    """
    found: list[Stage] = []

    def watch(one: Pass, unit: Unit) -> None:
        found.append(Stage(one, unit, not found or unit.function != found[-1].unit.function))

    with settings(watch=watch):
        yield found


def normal_form(function: Callable[..., Any], *args: Any) -> Function:
    """The pruned normal form of a function for the types of these arguments: what analyses and passes are given.

    Calls are inlined, as far as they can be.

    >>> def double(x):
    ...     return 2.0 * x
    >>> print(text(normal_form(double, 1.0)))
    double(x: float64):
        %product.0 = 2.0 * x
        return %product.0
    """
    source = read(function)
    bound = inspect.signature(source.function).bind(*args).arguments
    taken: set[str] = set()
    described = {name: describe(name, value, taken) for name, value in bound.items()}
    return prune(lower(source, described, calls=False).function)


def applied(order: Order, f: Function) -> Function:
    """The function after these passes, which ask for nothing but a function.

    >>> from srcad.compiler.passes import COMPILED
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.nodes import Param, Var
    >>> from srcad.ir.types import Array, Scalar, Symbol, dim
    >>> x = Array("float64", (dim(Symbol("x", 0, not_one=True)),))
    >>> body = parse("y = np.tanh(x)\\nz = 1.0 - y * y\\ns = np.sum(z * x)")
    >>> types = {"x": x, "y": x, "z": x, "s": Scalar("float64")}
    >>> print(show(applied(COMPILED[:7], Function("f", (Param("x", "x"),), body, (Var("s"),), types)).body))
    total = 0.0
    for i in range(shape(x, axis=0)):
        y_here = np.tanh(x[i])
        z_here = 1.0 - (y_here * y_here)
        total += z_here * x[i]
    s = total
    """
    return run(order, without_source(f, "grad"), verifier).function
