"""Which flat parameters a function writes into, directly or through views and other names."""

from __future__ import annotations

from srcad.analysis.memory.reference_flow import ReferenceFlow
from srcad.ir.nodes import Function
from srcad.ir.traversal import block_stores


def written_parameters(function: Function) -> frozenset[str]:
    """Parameters whose memory may be changed: what a store's base may be, followed back through every name.

    Errs on the side of more. Derivatives save and restore memory by `alias_classes`, so that more parameters may be
    written to there than by the function itself: those in `AliasClasses.written`.
    """
    reached = ReferenceFlow(function.body).sources(block_stores(function.body))
    return frozenset(param.name for param in function.params if param.name in reached)
