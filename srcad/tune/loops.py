"""Statements on whole arrays become loops."""

from __future__ import annotations

from srcad.ir.nodes import Function


def loops(f: Function) -> Function:
    return f
