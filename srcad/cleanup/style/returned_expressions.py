"""What a function computes last is returned at once, where nobody gave it a name."""

from __future__ import annotations

from dataclasses import replace

from srcad.ir.names import is_temporary
from srcad.ir.nodes import Assign, Function, Op, Return, Var
from srcad.ir.traversal import ops


def return_expressions(f: Function) -> Function:
    """Return the expression of a temporary that is the result.

    >>> from srcad.ir.notation import parse, show
    >>> f = Function("f", (), parse('''
    ... z = w * x + b
    ... %tanh.0 = np.tanh(z)
    ... '''), (Var("%tanh.0"),), {})
    >>> print(show(return_expressions(f).body))
    z = (w * x) + b
    return np.tanh(z)

    Not that of a call: what a function calls is looked for in its statements.
    """
    match f.body[-1:], f.results:
        case (Assign(target, Op() as value, span),), (Var(result),) if target == result and is_temporary(target):
            if all(op.prim not in ("call", "result") for op in ops(value)):
                return replace(f, body=(*f.body[:-1], Return((value,), span)), results=(value,))
    return f
