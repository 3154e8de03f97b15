"""Constant propagation of unit seeds: the cotangent 1 of a result is folded into its uses."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from srcad.cleanup.expressions.algebraic import simplify_algebra
from srcad.ir.nodes import Assign, Const, Function, Return
from srcad.ir.traversal import own_exprs, own_writes, reads, substitute, walk


def propagate_unit_seed(f: Function, at: int) -> Function:
    """Substitute 1 for the adjoints that are only ever assigned 1, in the statements from position `at` on.

    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import Scalar
    >>> types = dict.fromkeys(("d0_loss", "d0_guess", "error", "i", "n"), Scalar("float64"))
    >>> print(show(propagate_unit_seed(Function("f", (), parse('''
    ... d0_loss = 1.0
    ... for i in range(n):
    ...     d0_guess = 2.0 * error * d0_loss
    ... '''), (), types, adjoints=frozenset({"d0_loss", "d0_guess"})), 0).body))
    for i in range(n):
        d0_guess = 2.0 * error

    Run after name coalescing: before it, a loop-carried adjoint has several names.
    """
    body = f.body[at:]
    writes = Counter(n for s in walk(f.body) for n in own_writes(s))
    returned = {n for s in walk(f.body) if isinstance(s, Return) for e in own_exprs(s) for n in reads(e)}
    ones = {
        s.target: s.value
        for s in body
        if isinstance(s, Assign) and s.value == Const(1.0) and s.target in f.adjoints and writes[s.target] == 1
    }
    ones = {name: one for name, one in ones.items() if name not in returned}
    if not ones:
        return f
    remaining = tuple(s for s in body if not (isinstance(s, Assign) and s.target in ones))
    return replace(f, body=f.body[:at] + simplify_algebra(substitute(remaining, ones), f.types))
