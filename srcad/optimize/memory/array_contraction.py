"""Array contraction: an array that one nest writes and reads, at one element an iteration, becomes a scalar."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from srcad.analysis.integers.element_dependence import own_element
from srcad.analysis.memory.liveness import Liveness, Path, liveness
from srcad.cleanup.dead_code import remove_dead_code
from srcad.ir.loop_nest import LoopNest, body_of, extents_of, indices_of, is_injective, with_body, written_elements
from srcad.ir.names import fresh_name
from srcad.ir.nodes import Assign, AugAssign, Block, Effect, Expr, For, Function, If, Op, Stmt, Store, Var, While
from srcad.ir.traversal import blocks, map_expr, names, own_exprs, reads, rewrite, walk, with_blocks
from srcad.ir.types import Array, Scalar, Type


def contract_arrays(f: Function) -> Function:
    """Replace arrays whose elements live for one iteration of one nest only.

    >>> from srcad.ir.loop_nest import loop_nest
    >>> from srcad.ir.nodes import Const
    >>> from srcad.ir.notation import parse, show
    >>> from srcad.ir.types import dim
    >>> vector = Array("float64", (dim(9),))
    >>> nest = loop_nest(("i",), (Const(9),), vector.dims, parse("y[i] = np.tanh(x[i])\\nz[i] = y[i] * y[i]"))
    >>> body = (*parse("y = np.empty(9)\\nz = np.empty(9)"), nest)
    >>> f = Function("f", (), body, (Var("z"),), dict.fromkeys("xyz", vector))
    >>> print(show(contract_arrays(f).body))
    z = np.empty(9)
    for i in range(9):
        y_here = np.tanh(x[i])
        z[i] = y_here * y_here
    """
    params = frozenset(p.name for p in f.params)
    results = frozenset(n for e in f.results for n in names(e))
    # a nest counts as one statement: what is live after it is read outside of it
    live = liveness(nests_as_steps(f.body), f.types, results, params, all_stays=True)
    work = _Contraction(live, dict(f.types), params)
    body = work.block(f.body, ())
    if work.types == f.types:
        return replace(f, body=body)
    return replace(f, body=remove_dead_code(body, results, work.types, params), types=work.types)


def nests_as_steps(block: Block) -> Block:
    """The block with each nest as one statement, for liveness before and after it."""

    def step(stmt: Stmt) -> Stmt:
        if isinstance(stmt, LoopNest):
            read = sorted({n for s in walk((stmt,)) for e in own_exprs(s) for n in reads(e)})
            return Effect(Op("nest", tuple(map(Var, read))))
        return with_blocks(stmt, [nests_as_steps(b) for b in blocks(stmt)])

    return tuple(map(step, block))


def inner_blocks(stmt: Stmt) -> Iterator[tuple[str, Block]]:
    """The blocks of a statement, by their names in a path."""
    match stmt:
        case If(_, then, orelse):
            yield "then", then
            yield "orelse", orelse
        case For(body=body):
            yield "body", body
        case While(test, _, body):
            yield "test", test
            yield "body", body


def _as_array_copy(loops: LoopNest, types: Mapping[str, Type]) -> Stmt:
    """A nest that only copies one full array to another, as a copy of the array."""
    match body_of(loops):
        case (Store(Var(target), index, Op("index", (Var(source), *read)), None),) if index == tuple(read):
            is_full = all(
                isinstance(kind := types.get(name), Array)
                and tuple(loops.facts.representative(d) for d in kind.dims) == loops.lengths
                for name in (target, source)
            )
            if is_full and index == tuple(map(Var, indices_of(loops))):
                return Store(Var(target), (), Var(source))
    return loops


class _Contraction:
    def __init__(self, live: Liveness, types: dict[str, Type], params: frozenset[str]) -> None:
        self.types = types
        self._live = live
        self._params = params

    def block(self, block: Block, path: Path) -> Block:
        found: list[Stmt] = []
        for k, stmt in enumerate(block):
            if isinstance(stmt, LoopNest):
                found.append(_as_array_copy(self._nest(stmt, self._live.live_after((*path, k))), self.types))
            else:
                found.append(with_blocks(stmt, [self.block(b, (*path, k, name)) for name, b in inner_blocks(stmt)]))
        return tuple(found)

    def _nest(self, loops: LoopNest, later: frozenset[str]) -> LoopNest:
        indices, bounds = indices_of(loops), {n for e in extents_of(loops) for n in names(e)}
        body = body_of(loops)
        for target in dict.fromkeys(base for s in body for base, _ in written_elements(s)):
            kind = self.types.get(target)
            unaliased = self._live.shared.aliases(target) <= {target} and target not in self._params
            if target in later | bounds or not unaliased or not isinstance(kind, Array):
                continue
            if self._is_private(target, body, indices):
                body = self._as_scalar(target, kind.dtype, body)
        return with_body(loops, body)

    def _is_private(self, name: str, body: Block, indices: tuple[str, ...]) -> bool:
        """Whether each iteration first writes its element of the array, and accesses no other."""
        index = own_element(name, body)
        return index is not None and is_injective(index, indices)

    def _as_scalar(self, name: str, dtype: str, body: Block) -> Block:
        scalar = fresh_name(f"{name}_here", Scalar(dtype), self.types)

        def element(part: Expr) -> Expr:
            match part:
                case Op("index", (Var(base), *_)) if base == name:
                    return Var(scalar)
            return part

        found: list[Stmt] = []
        for stmt in body:
            match stmt:
                case Store(Var(base), _, value, op, _, free) if base == name:
                    value = map_expr(value, element)
                    if dtype == "float32":
                        value = Op("astype", (value,), (("dtype", dtype),))
                    found.append(Assign(scalar, value) if op is None else AugAssign(scalar, op, value, free=free))
                case _:
                    found.append(rewrite(stmt, lambda e: map_expr(e, element)))
        return tuple(found)
