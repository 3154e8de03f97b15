"""Functions that mean something where a function is read, and nothing, or less, where Python calls them.

A tape does not read what it records: it listens, and refuses them.
"""

from __future__ import annotations

from collections.abc import Callable

LISTENERS: list[Callable[[str], None]] = []
"""Called with the name of such a function, before Python runs it."""


def called(name: str) -> None:
    """Say that Python calls `srcad.<name>`."""
    for listener in LISTENERS:
        listener(name)
