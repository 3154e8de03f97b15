"""The pass manager: it runs passes in the order it is given, names them in errors, verifies and shows what they give.

A `Pass` takes a `Unit` (one function on its way through the compiler, with what has been found out about it) and gives
another. What is asked of a run stands in `Settings`, for the present thread only: whether each pass is verified, which
passes are left out, and who is shown the unit after each.

>>> from srcad.compiler.manager import Form, Pass, run
>>> def twice(unit):
...     return unit + unit
>>> run([Pass("twice", twice, Form.NORMAL, Form.NORMAL)], "ab", verifier=lambda unit: lambda new, one: None)
'abab'
"""

from __future__ import annotations

import enum
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from srcad.errors import during

U = TypeVar("U")


class Form(enum.Enum):
    """What a function is at a point of the order."""

    SOURCE = "source"
    """Python's syntax tree."""
    NORMAL = "normal form"
    """SSA with structured control flow: joins and carries, operands are atoms."""
    SWEEPS = "sweeps"
    """Forward and reverse sweep, each in normal form but for updates of adjoints; sections say which is which."""
    SEQUENTIAL = "sequential form"
    """Plain assignments, nested expressions, one return."""


@dataclass(frozen=True)
class Pass:
    """One step of the compiler."""

    name: str
    run: Callable[[Any], Any]
    takes: Form
    gives: Form
    optional: bool = False
    """Whether the result is right without it: then it may be switched off, to see what it is worth."""
    keeps_aliases: bool = False
    """Whether what is known of names that may share memory holds for what it gives, as for what it takes."""


@dataclass(frozen=True)
class Repeated:
    """Passes that are run in turn until none of them changes anything."""

    name: str
    passes: tuple[Pass, ...]
    limit: int = 20
    if_changed: bool = False
    """Whether they are run only where the pass before them has changed something."""


Order = Sequence["Pass | Repeated"]

Verifier = Callable[[U], Callable[[U, Pass], None]]
"""Is given a unit before a pass; what it gives raises an error unless what the pass made of it is well-formed."""


@dataclass(frozen=True)
class Settings:
    """What is asked of the runs of one thread."""

    verify: bool | None = None
    """None: as the environment has it."""
    without: frozenset[str] = frozenset()
    """Names of passes that are left out."""
    watch: Callable[[Pass, Any], None] = lambda one, unit: None
    """Is shown each pass, and the unit that it gave."""


_PLAIN = Settings()
_SETTINGS: ContextVar[Settings] = ContextVar("settings", default=_PLAIN)


@contextmanager
def settings(**changes: Any) -> Iterator[None]:
    """Other settings for what runs inside: `with settings(without=frozenset({"scatter_to_gather"})): ...`."""
    token = _SETTINGS.set(replace(_SETTINGS.get(), **changes))
    try:
        yield
    finally:
        _SETTINGS.reset(token)


def is_verifying() -> bool:
    asked = _SETTINGS.get().verify
    return os.environ.get("SRCAD_VERIFY", "") not in ("", "0") if asked is None else asked


def run(order: Order, unit: U, verifier: Verifier[U]) -> U:
    """The unit after all passes of the order.

    Whatever a pass raises that is not meant for the user becomes an `InternalError` that names the pass.
    """
    before: U | None = None
    for one in order:
        if isinstance(one, Pass):
            before, unit = unit, _passed(one, unit, verifier)
        elif not one.if_changed or unit != before:
            unit = _repeated(one, unit, verifier)
    return unit


def _passed(one: Pass, unit: U, verifier: Verifier[U]) -> U:
    now = _SETTINGS.get()
    if one.name in now.without:
        return unit
    with during(one.name):
        verify = verifier(unit) if is_verifying() else None
        new: U = one.run(unit)
        if verify is not None:
            verify(new, one)
    now.watch(one, new)
    return new


def _repeated(group: Repeated, unit: U, verifier: Verifier[U]) -> U:
    before: U | None = None
    idle: dict[str, U] = {}
    """What each pass has left as it is: it would do so again."""
    for _ in range(group.limit):
        new = unit
        for one in group.passes:
            if one.name not in idle or idle[one.name] != new:
                given, new = new, _passed(one, new, verifier)
                if new == given:
                    idle[one.name] = new
        # two passes may differ for ever about which of two statements comes first
        if new in (unit, before):
            return unit
        before, unit = unit, new
    return unit


def passes_of(order: Order) -> Iterator[Pass]:
    """Every pass of an order, those of groups too."""
    for one in order:
        yield from one.passes if isinstance(one, Repeated) else (one,)
