"""Mod analysis: the flat parameters whose memory a function may store into, directly or through aliases."""

from __future__ import annotations

from srcad.analysis.memory.reference_flow import ReferenceFlow
from srcad.ir.nodes import Function
from srcad.ir.traversal import block_stores


def written_parameters(function: Function) -> frozenset[str]:
    """The parameters that a store may modify: its base, traced back through every assignment. Conservative.

    Derivatives save and restore memory by the classes of `alias_classes`: they may store into more parameters than the
    function itself, those in `AliasClasses.written`.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> def update(x, y):
    ...     tail = x[1:]
    ...     tail[0] = y[0]
    ...     return np.sum(x)
    >>> written_parameters(normal_form(update, np.ones(3), np.ones(3)))
    frozenset({'x'})
    """
    reached = ReferenceFlow(function.body).sources(block_stores(function.body))
    return frozenset(param.name for param in function.params if param.name in reached)
