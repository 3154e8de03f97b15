"""Lowering of a function on its own, where it is called: what it reads from around it becomes parameters.

The derivative of the function can then be made by the passes, and is called with these values (closure conversion).

>>> import srcad
>>> from srcad.compiler.stages import recorded
>>> __name__ = "user_module"
>>> def f(x, k):
...     def scaled(y):
...         return k * y * y
...     return srcad.grad(scaled)(x)
>>> with recorded() as stages:
...     gradient = srcad.jit(f, target="python")(3.0, 2.0)
>>> [parameter.name for parameter in stages[0].unit.function.params]
['k', 'y.0']
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from srcad.analysis.memory.modified_parameters import written_parameters
from srcad.analysis.memory.zero_dim_conflicts import refuse_zero_dim_conflicts
from srcad.frontend.values.abstract_values import Abstract, Leaf
from srcad.frontend.values.constants import to_caller
from srcad.frontend.values.context import Context
from srcad.frontend.values.kept_functions import KeptFunction
from srcad.frontend.values.write_checks import check_writes
from srcad.ir.names import base
from srcad.ir.nodes import Expr, Function, Op, Param, Stmt, Var
from srcad.ir.result_memory import roots
from srcad.ir.traversal import bindings, block_reads, defined, map_expr, names, reads, rewrite, walk
from srcad.ir.types import Array, ListOf, Scalar, Type


@dataclass(frozen=True)
class LoweredAlone:
    """A function in normal form whose first parameters are what it reads from around it; then come the chosen ones."""

    function: Function
    result: Abstract
    """The structure of what it returns; its leaves, in order, are `function.results`."""
    outside: tuple[Leaf, ...]
    chosen: tuple[str, ...]
    functions: tuple[KeptFunction, ...]
    """The functions that it calls: such as call themselves."""


def lowered_alone(
    ctx: Context, name: str, call: Callable[[], Abstract], variables: Sequence[Leaf], lists: bool = False
) -> LoweredAlone:
    """What `call` lowers, as a function of the `variables`, which nothing else refers to.

    Lists and dicts from around it cannot be changed in it: S108. Calls in it are inlined, but for those of functions
    that call themselves. `lists` made in it may change their length at run time, of which there is no derivative in
    reverse mode.
    """
    builder, state = ctx.builder, ctx.snapshot()
    functions, makes_lists = ctx.functions, ctx.makes_lists
    ctx.functions = kept = functions.inside(lists) if functions is not None else None
    ctx.makes_lists = makes_lists and lists
    ctx.nested += 1
    found: list[Expr] = []

    def collect(leaf: Leaf) -> Leaf:
        found.append(leaf.atom)
        return leaf

    try:
        with builder.block() as body:
            returned = call()
            result = to_caller(ctx, returned, collect)
    finally:
        ctx.functions, ctx.makes_lists = functions, makes_lists
        ctx.nested -= 1
    if any(ctx.heap.get(ref) is not cells for ref, cells in state.heap.items()):
        ctx.fail(
            "S108",
            f"{name} changes a list or dict from outside, and its derivative is taken",
            "A derivative that changed it would not be a function of its arguments.",
            "copy it first; or pass it in as an argument that is differentiated.",
        )
    ctx.restore(state)
    own = tuple(body)
    check_writes(ctx, own)
    chosen = tuple(_name(leaf) for leaf in variables)
    outside = [n for n in _free_variables(builder.types, own, found) if n not in chosen]
    for n in outside:
        if isinstance(builder.types[n], ListOf):
            what = f"{name} reads the list {base(n)}, whose length only a run knows, and its derivative is taken"
            ctx.fail(
                "S125", what, None, "make an array of it first: np.stack(hs); or write into an array from the start."
            )
    params = tuple(Param(n, n) for n in (*outside, *chosen))
    f = Function(name, params, own, tuple(found), dict(builder.types), ctx.place())
    if ctx.zero_d:
        scalars = [p.name for p in params if isinstance(builder.types[p.name], Scalar)]
        refuse_zero_dim_conflicts(f, scalars, ())
        f = replace(f, body=tuple(rewrite(stmt, lambda expr: map_expr(expr, _unmarked)) for stmt in own))
    return LoweredAlone(
        f,
        result,
        tuple(ctx.leaf(Var(n)) for n in outside),
        chosen,
        tuple(kept.made.values()) if kept is not None else (),
    )


def _unmarked(expr: Expr) -> Expr:
    """The value itself where a 0-d array is marked (`values/zero_dim_arrays`)."""
    return expr.args[0] if isinstance(expr, Op) and expr.prim.startswith("zero_d.") else expr


def refuse_shared_memory(ctx: Context, inner: LoweredAlone, variables: Sequence[Leaf]) -> None:
    """S401 where the function writes to memory that may be that of another array, for it is given copies of both.

    The `variables` are the values that its last parameters are given. Parameters of the outermost function are
    compared at each call (`ctx.kept_apart`).
    """
    f = inner.function
    given = dict(zip((p.name for p in f.params), (*inner.outside, *variables), strict=True))
    arrays = [name for name, leaf in given.items() if isinstance(leaf.type, Array)]
    written = [name for name in arrays if name in written_parameters(f)]
    if not written:
        return
    used = block_reads(f.body).union(*(reads(result) for result in f.results))
    flow = {variable: frozenset((one,)) for variable, one in ctx.given.items()}
    for stmt in walk(tuple(ctx.builder.before)):
        for target, value in bindings(stmt):
            called = isinstance(value, Op) and value.prim == "call"
            found = names(value) if called else roots(value)  # a function may return what it is given
            flow[target] = flow.get(target, frozenset()) | found
    bases = {name: _bases(_name(given[name]), flow) for name in arrays}
    for name in written:
        for other in arrays:
            if other == name or other not in used or _are_distinct(bases[name], bases[other], flow):
                continue
            both = bases[name] | bases[other]
            if ctx.is_outermost and not bases[name] & bases[other] and _are_parameters(both, flow):
                ctx.kept_apart |= bases[name]
            else:
                what, more = (base(one).lstrip("%") for one in (name, other))
                ctx.fail(
                    "S401",
                    f"{f.name} writes to {what}, which may be in the same memory as {more}",
                    f"The derivative of {f.name} works on copies, where {more} would not change with {what}.",
                    f"pass, or read, a copy of one of them: {more}.copy().",
                )


def _bases(name: str, flow: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The names whose memory that of `name` may be: of new arrays, parameters, and values carried by an open loop."""
    found: set[str] = set()
    pending = [name]
    while pending:
        one = pending.pop()
        if one not in found:
            found.add(one)
            pending += flow.get(one, ())
    return frozenset(one for one in found if not flow.get(one))


def _are_parameters(names: frozenset[str], flow: Mapping[str, frozenset[str]]) -> bool:
    return all(name not in flow and "." not in name for name in names)


def _are_distinct(one: frozenset[str], other: frozenset[str], flow: Mapping[str, frozenset[str]]) -> bool:
    """Whether the memory is certainly not the same: at least one is new, and the other is new or a parameter's."""
    new_one, new_other = (all(name in flow for name in names) for names in (one, other))
    known_one, known_other = (all(name in flow or "." not in name for name in names) for names in (one, other))
    return not one & other and ((new_one and known_other) or (new_other and known_one))


def _name(leaf: Leaf) -> str:
    assert isinstance(leaf.atom, Var)
    return leaf.atom.name


def _free_variables(types: Mapping[str, Type], body: tuple[Stmt, ...], results: Sequence[Expr]) -> list[str]:
    """The free variables of a block, and the symbols in the lengths of its arrays."""
    read = block_reads(body).union(*(reads(result) for result in results))
    defined_names = defined(body)
    lengths = {
        symbol.name
        for name in read | defined_names
        if isinstance(t := types.get(name), Array)
        for dim in t.dims
        for symbol, _ in dim.terms
    }
    known = {name for name in lengths if isinstance(types.get(name), Scalar | Array)}
    return [name for name in types if name in (read | known) and name not in defined_names]
