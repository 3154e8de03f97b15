"""Which values have a tangent: those through which one passes to a result, and all that may share memory with them."""

from __future__ import annotations

from collections.abc import Iterable

from srcad.analysis.memory.may_alias import may_alias
from srcad.analysis.values.activity import flows, reached
from srcad.ir.nodes import Expr, Function
from srcad.ir.traversal import reads
from srcad.ir.types import has_floats


def moving_names(f: Function, wrt: Iterable[str], results: Iterable[Expr]) -> frozenset[str]:
    """The names of a function in normal form that depend on `wrt`, and that results depend on, where derivatives pass.

    Flow-insensitive, as `active_names` is; in addition, memory that may be shared is one value, and so is a list with
    what it holds.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> def choose(x, c):
    ...     y, z = np.zeros(2), np.ones(2)
    ...     if c:
    ...         w = y
    ...     else:
    ...         w = z
    ...     w[0] = x
    ...     return y[0]
    >>> f = normal_form(choose, 1.0, True)
    >>> sorted(moving_names(f, ["x"], f.results))
    ['%item.0', '%w.0', '%y.0', '%z.0', 'x']
    """
    shared = may_alias(f.body, f.types)
    floats = {name for name, t in f.types.items() if has_floats(t)}
    edges = flows(f)
    for name in floats:
        if shared.has_memory(name):
            head = shared.class_of(name)
            edges += [(name, head), (head, name)]
    varied = reached(set(wrt), edges, floats)
    wanted = {name for e in results for name in reads(e)}
    return frozenset(varied & reached(wanted, [(b, a) for a, b in edges], floats))
