"""Arguments in which one list, dict or object occurs twice: what is changed in one place would change in the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from srcad.errors import fail
from srcad.frontend.values.user_classes import attributes, is_object, is_value_class


def refuse_repeated(names: Sequence[str], values: Sequence[object]) -> None:
    """S308 where a list, dict or object is found at two places of the arguments.

    >>> row = [1.0]
    >>> refuse_repeated(("a", "b"), ([row, row], 2.0))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    srcad.errors.ArgumentError: srcad error S308: a[0] and a[1] are the same list
    ...
    """
    found: dict[int, str] = {}

    def visit(value: Any, place: str) -> None:
        if isinstance(value, list | dict) or (is_object(value) and not is_value_class(type(value))):
            first = found.setdefault(id(value), place)
            if first != place:
                fail(
                    "S308",
                    f"{first} and {place} are the same {type(value).__name__}",
                    why="The function changes, or compares, such arguments, and takes the two for different ones.",
                    advice="pass a copy of one of them: copy.deepcopy.",
                )
        for part, inner in _parts(value):
            visit(inner, f"{place}{part}")

    for name, value in zip(names, values, strict=True):
        visit(value, name)


def _parts(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [(f"[{key!r}]", item) for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [(f"[{at}]", item) for at, item in enumerate(value)]
    if is_object(value):
        return [(f".{name}", item) for name, item in attributes(value).items()]
    return []
