"""Statements on whole arrays become loops."""

from __future__ import annotations

from srcad.ir.nodes import Function
from srcad.tune.spread import spread


def loops(f: Function) -> Function:
    return spread(f)
