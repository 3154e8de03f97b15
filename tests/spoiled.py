"""Arguments as somebody gets them wrong: an array that is too short, an index that leads out of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from srcad.dispatch.leaf_conversion import leaf_type_key
from tests.numeric import leaves, replace_leaf


def spoiled(args: Any) -> Iterator[tuple[str, Any]]:
    """Each with one leaf changed, of kinds that are served by the same text; and what was changed."""
    for number, leaf in enumerate(leaves(args)):
        for what, new in _changed(leaf):
            if leaf_type_key(new) == leaf_type_key(leaf):
                yield f"leaf {number} {what}", replace_leaf(args, number, new)


def _changed(leaf: Any) -> Iterator[tuple[str, Any]]:
    if type(leaf) is int and leaf > 0:
        for by in (1, 3):
            yield f"{by:+}", leaf + by
    if not isinstance(leaf, np.ndarray):
        return
    if leaf.dtype.kind == "i" and leaf.size:
        for value in (leaf.max() + 1, 99, -1, -99):
            changed = leaf.copy()
            changed.flat[-1] = value
            yield f"ends in {value}", changed
    for axis, length in enumerate(leaf.shape):
        for shorter in {length - 1, length - 2, 2} & set(range(2, length)):
            yield f"of {shorter} along {axis}", np.array(leaf.take(range(shorter), axis), order="K")
