"""What both libraries need of a call of `f`: its arguments by position, and the pullback as a function of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from srcad.api import vjp
from srcad.dispatch.signature import Parameters


def by_position(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """The arguments of a call by position, as `srcad.vjp` takes them. Raises S306 for what does not fit.

    >>> by_position(lambda x, scale, shift=0.0: x, (1.0,), {"scale": 3.0})
    (1.0, 3.0, 0.0)
    """
    if not kwargs:
        return args
    found = Parameters.of(f)
    found.values(args, kwargs)  # raises the error
    bound = found.signature.bind(*found.fixed, *args, **{**found.fixed_keywords, **kwargs})
    bound.apply_defaults()
    return bound.args[len(found.fixed) :]


def pulled_back(f: Callable[..., Any], argnums: tuple[int, ...]) -> Callable[[tuple[Any, ...], Any], Any]:
    """The pullback of `f` as a function of primals and cotangent, which can be differentiated again.

    >>> pulled_back(lambda x, y: x * y, (1,))((3.0, 2.0), 1.0)
    (3.0,)
    """

    def pullback_of(args: tuple[Any, ...], cotangent: Any) -> Any:
        _, pullback = vjp(f, *args, argnums=argnums)
        return pullback(cotangent)

    return pullback_of


def apart(made: Iterable[Any], given: Iterable[Any]) -> list[Any]:
    """What was made, each array in memory of its own: neither of what was given, nor of another, and writeable.

    >>> x = np.ones(2)
    >>> [one is x for one in apart((x, x), ())]
    [True, False]
    """
    others = [one for one in given if isinstance(one, np.ndarray)]
    found = []
    for one in made:
        if isinstance(one, np.ndarray):
            if not one.flags.writeable or any(np.may_share_memory(one, other) for other in others):
                one = one.copy()
            others.append(one)
        found.append(one)
    return found
