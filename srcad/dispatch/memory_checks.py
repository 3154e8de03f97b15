"""Checks of the memory that a function writes into: it is writeable, and shared neither within nor between arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from srcad.dispatch.leaf_conversion import overlaps_itself
from srcad.errors import fail

Check = Callable[[Sequence[Any]], None]
"""It takes flat arguments and raises what is against them."""


def check_written(names: Sequence[str], written: Sequence[int], is_copied: bool) -> Check:
    """S317 of a read-only array that is written to, unless a copy of it is; S308 of one that overlaps itself."""

    def check(flat: Sequence[Any]) -> None:
        for at in written:
            name, array = names[at], flat[at]
            if not array.flags.writeable:
                if not is_copied:
                    fail("S317", f"{name} is read-only, and is written to", None, None, f"pass {name}.copy().")
            elif not array.flags.forc and overlaps_itself(array):
                fail(
                    "S308",
                    f"{name} may overlap itself in memory",
                    why="It is written to, which would change more than one of its elements.",
                    advice=f"pass {name}.copy().",
                )

    return check


def check_overlap(names: Sequence[str], pairs: Sequence[tuple[int, int]]) -> Check:
    """S308 of two arrays that share memory, of which the first is written to."""

    def check(flat: Sequence[Any]) -> None:
        for one, other in pairs:
            a, b = flat[one], flat[other]
            if np.may_share_memory(a, b) and np.shares_memory(a, b):
                fail(
                    "S308",
                    f"{names[one]} and {names[other]} overlap in memory",
                    why=f"{names[one]} is written to, which would change {names[other]} too.",
                    advice=f"pass {names[other]}.copy().",
                )

    return check


def overlap_pairs(names: Sequence[str], written: frozenset[str], arrays: Sequence[int]) -> list[tuple[int, int]]:
    """The pairs of arrays that may not overlap: the first is written to."""
    return [
        (one, other)
        for one in arrays
        if names[one] in written
        for other in arrays
        if other != one and not (names[other] in written and other < one)
    ]
