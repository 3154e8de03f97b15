"""Cuts of gradients, of which nothing is left once the derivative is there: the value is the operand."""

from __future__ import annotations

from dataclasses import replace

from srcad.ir.nodes import Assign, Expr, Function, Op
from srcad.ir.traversal import replace_names, walk, without_definitions


def remove_cuts(f: Function) -> Function:
    """Read the operand in place of each cut, unless another derivative is to be taken of the text.

    >>> from srcad.ir.nodes import Var
    >>> from srcad.ir.notation import parse, show
    >>> f = Function("f", (), parse("%cut.0 = cut_gradient(h, begins)\\ny = w * %cut.0"), (Var("y"),), {})
    >>> print(show(remove_cuts(f).body))
    y = w * h
    """
    cuts: dict[str, Expr] = {}
    for stmt in walk(f.body):
        match stmt:
            case Assign(target, Op("cut_gradient", (operand, _))):
                cuts[target] = replace_names(operand, cuts)
    if f.again or not cuts:
        return f
    results = tuple(replace_names(e, cuts) for e in f.results)
    return replace(f, body=without_definitions(f.body, cuts), results=results)
