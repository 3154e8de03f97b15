"""The functions of `scipy.special` as primitives: `special.gammaln` here is the primitive of that name.

SciPy is imported when one is evaluated, and when a function of the user's calls one, not before.

>>> round(float(special_function("gammaln")(3.0)), 6)
0.693147
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from srcad.rules.primitive_type import Primitive
from srcad.rules.primitives import PRIMITIVES, elementwise

PREFIX = "special."


@dataclass(frozen=True)
class _Meaning:
    """A function of SciPy, on values."""

    name: str

    @property
    def nin(self) -> int:
        """How many arguments it has."""
        # `zeta(x, q)` is a function of Python's
        return int(getattr(getattr(importlib.import_module("scipy.special"), self.name), "nin", 2))

    def __call__(self, *args: Any) -> Any:
        return getattr(importlib.import_module("scipy.special"), self.name)(*args)


def functions_of_scipy(*names: str, **traits: Any) -> tuple[str, ...]:
    """Add functions of `scipy.special`, element by element. Gives the names of the primitives, for `partials`."""
    traits = {"dtype": "float", "vector": "call", "weak_literals": True, **traits}
    made: tuple[str, ...] = ()
    for name in names:
        made += elementwise(f"{PREFIX}{name}", _Meaning(name), **traits)
    return made


def special_function(name: str) -> Primitive:
    """The primitive of a function of `scipy.special`."""
    return PRIMITIVES[f"{PREFIX}{name}"]


def __getattr__(name: str) -> Primitive:
    try:
        return special_function(name)
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
