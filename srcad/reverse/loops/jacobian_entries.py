"""The Jacobian of an array: after one forward sweep, one reverse sweep for each of its entries.

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def products(x):
...     return x[1:] * x[:-1]
>>> source = srcad.jacobian(products, target="python").source_for(np.ones(3))
>>> print(source[source.index("    for entry in") : source.index("    return")].rstrip())
    for entry in range(n):
        d_product = np.zeros(n)
        d_product[entry] = 1.0
        d_x = np.zeros_like(x)
        # L2: return x[1:] * x[:-1]
        d_x[1:] += x[:-1] * d_product
        d_x[:-1] += x[1:] * d_product
        jacobian_x[entry] = d_x

Whatever a reverse sweep consumes has to be there for the next one: arrays that it restores are reset to what the
forward sweep left in them, and what it reads from a stack is not removed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from srcad.ir.names import stem
from srcad.ir.nodes import Assign, Block, Const, Expr, For, If, Op, Stmt, Store, Var
from srcad.ir.traversal import (
    block_reads,
    blocks,
    defined,
    map_expr,
    ops,
    own_exprs,
    rename,
    rewrite,
    walk,
    with_blocks,
)
from srcad.ir.types import Array, Scalar
from srcad.typing.builder import Builder

_INTEGER = Scalar("int64")


def loop_over_entries(
    builder: Builder, seed: Var, shape: Sequence[Expr], sweep: Block, adjoints: Mapping[str, Var]
) -> tuple[Block, tuple[Var, ...]]:
    """The loops over the entries of an array of this shape, and the Jacobians they fill, one for each adjoint.

    `seed` is the cotangent of the array, `sweep` the statements that compute the adjoints from it.
    """
    seed_type = builder.types[seed.name]
    assert isinstance(seed_type, Array)
    at = [
        builder.fresh("entry" if seed_type.rank == 1 else f"entry_{axis}", _INTEGER) for axis in range(seed_type.rank)
    ]
    allocations: list[Stmt] = []
    stores: list[Stmt] = []
    results: list[Var] = []
    for name, adjoint in adjoints.items():
        t = builder.types[name]
        assert isinstance(t, Array | Scalar)
        dims = t.dims if isinstance(t, Array) else ()
        jacobian = builder.fresh(f"jacobian_{stem(name)}", Array(t.dtype, (*seed_type.dims, *dims)))
        lengths = [Op("shape", (Var(name),), (("axis", axis),)) for axis in range(len(dims))]
        allocations.append(Assign(jacobian.name, Op("np.empty", (*shape, *lengths), _dtype(t))))
        stores.append(Store(jacobian, tuple(at), adjoint))
        results.append(jacobian)
    zero = Assign(seed.name, Op("np.zeros", tuple(shape), _dtype(seed_type)))
    body: Block = (zero, Store(seed, tuple(at), Const(1.0)), *sweep, *stores)
    for index, length in zip(reversed(at), reversed(shape), strict=True):
        body = (For(index.name, Const(0), length, Const(1), body),)
    return (*allocations, *body), tuple(results)


def make_repeatable(builder: Builder, forward: Block, reverse: Block, restored: Sequence[str]) -> tuple[Block, Block]:
    """What is added to the forward sweep, and the reverse sweep such that it can run any number of times.

    `restored` are the arrays whose memory the reverse sweep restores.
    """
    copies: list[Stmt] = []
    resets: list[Stmt] = []
    for name in restored:
        final = builder.fresh(f"{stem(name)}_final", builder.types[name])
        copies.append(Assign(final.name, Op("copy", (Var(name),))))
        resets.append(Store(Var(name), (), final))
    # both sweeps assign the tops of stacks and nothing else: the reverse sweep decrements a copy
    assigned = {s.target for s in walk(forward) if isinstance(s, Assign)}
    tops = dict.fromkeys(s.target for s in walk(reverse) if isinstance(s, Assign) and s.target in assigned)
    counts = {top: builder.fresh(stem(top), builder.types[top]) for top in tops}
    reverse = rename(reverse, {top: count.name for top, count in counts.items()})
    for top, count in counts.items():
        reverse = _before_use(reverse, Assign(count.name, Var(top)))
    lists = [op.args[0] for s in walk(reverse) for e in own_exprs(s) for op in ops(e) if op.prim == "list.pop"]
    lengths = {items: builder.fresh(f"{stem(items.name)}_top", _INTEGER) for items in lists if isinstance(items, Var)}
    reverse = _index_lists(reverse, lengths)
    for items, length in lengths.items():
        reverse = _before_use(reverse, Assign(length.name, Op("len", (items,))))
    return tuple(copies), (*resets, *reverse)


def _before_use(block: Block, start: Assign) -> Block:
    """The block with an initial value for a name, in the branch that uses it: only there that value is defined."""
    using = [at for at, stmt in enumerate(block) if start.target in _mentioned((stmt,))]
    stmt = block[using[0]]
    inner = blocks(stmt) if isinstance(stmt, If) and len(using) == 1 else ()
    if sum(start.target in _mentioned(b) for b in inner) == 1:
        new = [_before_use(b, start) if start.target in _mentioned(b) else b for b in inner]
        return (*block[: using[0]], with_blocks(stmt, new), *block[using[0] + 1 :])
    return (*block[: using[0]], start, *block[using[0] :])


def _mentioned(block: Block) -> frozenset[str]:
    return block_reads(block) | defined(block)


def _index_lists(block: Block, tops: Mapping[Var, Var]) -> Block:
    """Read lists by a decreasing index instead of popping their items."""
    out: list[Stmt] = []
    for stmt in block:
        popped: list[Var] = []

        def read(e: Expr, popped: list[Var] = popped) -> Expr:
            if isinstance(e, Op) and e.prim == "list.pop" and isinstance(e.args[0], Var):
                popped.append(tops[e.args[0]])
                return Op("list.item", (e.args[0], popped[-1]))
            return e

        inner = blocks(stmt)
        if inner:
            out.append(with_blocks(stmt, [_index_lists(b, tops) for b in inner]))
            continue
        changed = rewrite(stmt, lambda e: map_expr(e, read))
        out += [*(Assign(top.name, Op("-", (top, Const(1)))) for top in popped), changed]
    return tuple(out)


def _dtype(t: Array | Scalar) -> tuple[tuple[str, object], ...]:
    return () if t.dtype == "float64" else (("dtype", t.dtype),)
