"""The warning for derivatives that are 0 since an argument enters through step functions only."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from srcad.analysis.values.step_functions import StepInput
from srcad.errors import ZeroDerivativeWarning
from srcad.ir.nodes import Function, Span

_SHOWN = 5


def warn_of_zeros(steps: Sequence[StepInput], primal: Function) -> None:
    """Of what the primal, as it was lowered, depends on in steps alone.

    Emit one ZeroDerivativeWarning for each group of arguments with the same source locations, at the first of these.

    >>> import srcad
    >>> def f(x):
    ...     return 1.0 if x > 0.0 else 0.0
    >>> with warnings.catch_warnings(record=True) as found:
    ...     warnings.simplefilter("always")
    ...     srcad.grad(f, target="python")(1.0)
    0.0
    >>> [one.category.__name__ for one in found]
    ['ZeroDerivativeWarning']
    """
    groups: dict[tuple[Span, ...], list[StepInput]] = {}
    for one in steps:
        groups.setdefault(one.spans, []).append(one)
    for places, found in groups.items():
        first = places[0]
        warnings.warn_explicit(_text(primal, found, places), ZeroDerivativeWarning, first.file, first.line)


def _text(primal: Function, found: list[StepInput], places: tuple[Span, ...]) -> str:
    shown = {param.name: param.path for param in primal.params}
    inputs = ", ".join(dict.fromkeys(shown[one.input] for one in found))
    outputs = ", ".join(dict.fromkeys(one.output for one in found))
    lines = list(dict.fromkeys((place.function, place.line, place.text.strip()) for place in places))
    listed = [f"    {function}, line {line}: {text}" for function, line, text in lines[:_SHOWN]]
    if len(lines) > _SHOWN:
        listed.append(f"    and {len(lines) - _SHOWN} lines more")
    return "\n".join(
        [
            f"{outputs} depends on {inputs} through comparisons, roundings and the like alone: its derivative is 0",
            *listed,
            "  You can: use srcad.implicit_root where this finds a root (docs/roots.md); srcad.stop_gradient where a",
            "  constant is meant; or warnings.filterwarnings('ignore', category=srcad.ZeroDerivativeWarning).",
        ]
    )
