"""Answers about a body, remembered while one function is compiled: many passes ask the same of an unchanged body.

A body is an immutable tuple of statements, compared by `==`: statements that a pass has left as they are are the same
objects, so that this is fast, and where bodies differ it ends early. A hash would have to go over all of it each time.

The types of names are a dict that passes add to. So an answer remembers the types it depends on, those of the names
in the body, as far as it depends on them; new names change none of these.

>>> from srcad.ir.notation import parse
>>> from srcad.ir.types import Scalar
>>> def names_read(body, types):
...     return remembered("names read", body, types, None, lambda: (print("computed") or {"x"}, ["x"]))
>>> types = {"x": Scalar("float64")}
>>> with remembered_analyses():
...     first = names_read(parse("y = 2.0 * x"), types)
...     types["y"] = Scalar("float64")
...     again = names_read(parse("y = 2.0 * x"), types)
computed
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from srcad.ir.nodes import Block
from srcad.ir.types import Array, Type

Answer = TypeVar("Answer")

_MOST = 4
"""Answers of one analysis: passes ask of the body as it is, or as it was before the last few of them."""


@dataclass(frozen=True)
class _Remembered:
    body: Block
    asked: Hashable
    types: Mapping[str, Type | None]
    answer: Any

    def is_about(self, body: Block, asked: Hashable, types: Mapping[str, Type]) -> bool:
        if self.asked != asked or self.body != body:
            return False
        return all((t := types.get(name)) is old or _memory(t) == _memory(old) for name, old in self.types.items())


_ANSWERS: ContextVar[dict[str, deque[_Remembered]] | None] = ContextVar("answers", default=None)
"""Of the present thread, as the settings of the pass manager are: threads compile at once."""


@contextmanager
def remembered_analyses() -> Iterator[None]:
    """Within this, or a function it decorates, `remembered` remembers; afterwards nothing is left of it."""
    if _ANSWERS.get() is not None:  # the one around will forget
        yield
        return
    token = _ANSWERS.set({})
    try:
        yield
    finally:
        _ANSWERS.reset(token)


def remembered(
    analysis: str,
    body: Block,
    types: Mapping[str, Type],
    asked: Hashable,
    compute: Callable[[], tuple[Answer, Iterable[str]]],
) -> Answer:
    """The answer that `compute` gives, or gave for an equal body, and the names whose types it has asked for.

    It may ask for the rank of an array only, for the class of another type, and whether a type is known. `asked` is
    what it depends on besides.
    """
    answers = _ANSWERS.get()
    if answers is None:
        return compute()[0]
    known = answers.setdefault(analysis, deque(maxlen=_MOST))
    for one in reversed(known):
        if one.is_about(body, asked, types):
            found: Answer = one.answer
            return found
    answer, names = compute()
    known.append(_Remembered(body, asked, {name: types.get(name) for name in names}, answer))
    return answer


def _memory(known: Type | None) -> int | type:
    """What analyses of memory ask of a type."""
    return known.rank if isinstance(known, Array) else type(known)
