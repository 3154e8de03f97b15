"""Full overwrites (kills): loop nests that store to every element of an array, so that its old values are dead."""

from __future__ import annotations

from collections import Counter

from srcad.ir.nodes import Assign, Const, Expr, For, Function, Op, Stmt, Store, Var
from srcad.ir.traversal import names, own_writes, reads, walk
from srcad.ir.types import Array, Type
from srcad.typing.typeof import linear_value


class FullOverwrites:
    """The test, for a function."""

    def __init__(self, f: Function) -> None:
        params = {p.name for p in f.params}
        writes = Counter(params) + Counter(n for s in walk(f.body) for n in own_writes(s))
        once = params | {s.target for s in f.body if isinstance(s, Assign)}
        fixed = {name for name in once if writes[name] == 1}
        self._types: dict[str, Type] = {name: t for name, t in f.types.items() if name in fixed}

    def store(self, stmt: Stmt) -> Store | None:
        """The nest as one store to the full array, of a value that reads what the nest reads; None if it is no kill.

        >>> from srcad.ir.notation import parse, show
        >>> body = parse('''
        ... u = np.empty(n)
        ... for t in range(9):
        ...     for i in range(n):
        ...         u[i] = x[t, i]
        ... ''')
        >>> from srcad.ir.nodes import Param
        >>> from srcad.ir.types import Scalar, Symbol, dim
        >>> n = dim(Symbol("n", None))
        >>> types = {"n": Scalar("int64", n), "u": Array("float64", (n,))}
        >>> filled = FullOverwrites(Function("f", (Param("x", "x"), Param("n", "n")), body, (), types))
        >>> print(show((filled.store(body[1].body[0]),)))
        u[...] = nest(n, t, x)
        """
        counters: dict[str, Expr] = {}
        inner = stmt
        while isinstance(inner, For):
            if inner.exit is not None or inner.carried or (inner.start, inner.step) != (Const(0), Const(1)):
                return None
            counters[inner.index] = inner.stop
            if len(inner.body) != 1:
                return None
            inner = inner.body[0]
        if not counters or not isinstance(inner, Store) or inner.op is not None or not isinstance(inner.base, Var):
            return None
        array, at = inner.base.name, tuple(item.name for item in inner.index if isinstance(item, Var))
        if at != tuple(counters) or len(at) != len(inner.index) or array in names(inner.value):
            return None
        if any(names(stop) & counters.keys() for stop in counters.values()):
            return None
        if not all(self._is_length(stop, array, axis, len(at)) for axis, stop in enumerate(counters.values())):
            return None
        read = {n for e in (*counters.values(), inner.value) for n in reads(e)} - counters.keys()
        return Store(Var(array), (), Op("nest", tuple(map(Var, sorted(read - {array})))))

    def _is_length(self, stop: Expr, array: str, axis: int, rank: int) -> bool:
        if stop == Op("shape", (Var(array),), (("axis", axis),)):
            return True
        known = self._types.get(array)
        if not isinstance(known, Array) or known.rank != rank:
            return False
        return linear_value(stop, self._types) == known.dims[axis]
