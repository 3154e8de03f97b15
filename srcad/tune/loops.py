"""Statements on whole arrays become loops."""

from __future__ import annotations

from srcad.ir.nodes import Function
from srcad.tune.buffers import buffers
from srcad.tune.contract import contract
from srcad.tune.locals import local_sums
from srcad.tune.spread import spread


def loops(f: Function) -> Function:
    return local_sums(buffers(contract(spread(f))))
