"""Copies of syntax trees, whose nodes are known by those that they are copies of: places of nodes need not differ.

>>> tree = gast.parse("y = x + x").body[0]
>>> made, origins = copied(tree)
>>> origins[id(made.value.right)] is tree.value.right
True
"""

from __future__ import annotations

import copy
from typing import Any

import gast


def copied(tree: Any) -> tuple[Any, dict[int, Any]]:
    """The copy, and for the ids of its nodes those of the tree."""
    made = copy.deepcopy(tree)
    return made, {id(one): other for one, other in zip(gast.walk(made), gast.walk(tree), strict=True)}
