"""What is known of the functions of libraries that are not imported with srcad: it is added when they are in use.

>>> "srcad.rules.scipy" in str(_EXPANSIONS_OF)
True
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

from srcad.rules.primitives import PRIMITIVE_OF
from srcad.rules.registry import EXPANSIONS, STAND_INS

_EXPANSIONS_OF = {
    "scipy.special": "srcad.rules.scipy.special",
    "scipy.stats": "srcad.rules.scipy.stats",
    "scipy.linalg": "srcad.rules.scipy.linear_algebra",
    "scipy.ndimage": "srcad.rules.scipy.ndimage",
    "scipy.optimize": "srcad.rules.scipy.optimize",
    "scipy.signal": "srcad.rules.scipy.signals",
    "scipy.integrate": "srcad.rules.scipy.integrate",
    "scipy.interpolate": "srcad.rules.scipy.interpolate",
    "scipy.sparse": "srcad.rules.scipy.sparse",
    "scipy.spatial.distance": "srcad.rules.scipy.distance",
}
"""By the module of a library, our module that imports it, and fills the tables with its functions."""
_waiting = dict(_EXPANSIONS_OF)


def complete() -> None:
    """Add what is known of libraries that have been imported since the last time. What a user has said stays."""
    for library in [name for name in _waiting if name in sys.modules]:
        said, rules = dict(EXPANSIONS), dict(PRIMITIVE_OF)
        import_module(_EXPANSIONS_OF[library])
        EXPANSIONS.update(said)
        PRIMITIVE_OF.update(rules)
        _waiting.pop(library, None)  # another thread may have done it


def read_as(value: Any) -> Any:
    """The object that is read in place of an object of a library; anything else as it is."""
    cls: Any = type(value)
    make = _stand_in(cls)
    return value if make is None else make(value)


@cache
def _stand_in(cls: type) -> Callable[[Any], Any] | None:
    if cls.__module__.partition(".")[0] not in ("numpy", "scipy"):
        return None
    complete()
    return next((STAND_INS[base] for base in cls.__mro__ if base in STAND_INS), None)
