"""How the reverse sweep comes by each value that it reads, and why in that way: a `Plan` told to a reader."""

from __future__ import annotations

from collections.abc import Iterator

from srcad.analysis.memory.alias_classes import AliasClasses
from srcad.analysis.memory.to_be_recorded import ToBeRecorded
from srcad.ir.names import is_temporary
from srcad.ir.nodes import Assign, Carry, How, Join, Recovery, Span, Store, Var
from srcad.ir.regions import Definition, Regions
from srcad.ir.result_memory import root
from srcad.ir.types import Scalar
from srcad.reverse.storage.plan import Plan
from srcad.reverse.storage.recomputation import Recomputation
from srcad.reverse.storage.tape_names import saved_as
from srcad.typing.builder import Builder

_RECOMPUTED = "cheap, and what it is made of is there"
_RELOADED = "it was stored in an array, where it still is"
_SAVED_ANYWAY = "it is in what a store saves before it overwrites it"
_NEIGHBOUR = "it is what the next iteration began with, which has been recovered by then"


def recoveries(
    plan: Plan, builder: Builder, regions: Regions, aliases: AliasClasses, overwrites: ToBeRecorded
) -> tuple[Recovery, ...]:
    """What the plan says of values, in the order of the source, then of memory that is overwritten.

    >>> import numpy as np, srcad
    >>> __name__ = "user_module"
    >>> def iterate(h, k, n):
    ...     for t in range(n):
    ...         a = k * h
    ...         h = np.sin(a) * np.exp(a)
    ...     return h
    >>> df = srcad.grad(iterate, argnums="h", target="python")
    >>> for one in df.specialisation(1.0, 2.0, 3).generated.function.recoveries:
    ...     print(f"L{one.span.line}: {one.of} is {one.how}: {one.why}")
    L3: a is saved: to save it costs no more than to save all that it is made of
    L4: sin is saved: dear to compute again
    L4: exp is saved: dear to compute again
    """
    recomputation = Recomputation(builder, regions, aliases, overwrites)
    ways: list[tuple[str, How, str]] = [
        *((name, "recomputed", _RECOMPUTED) for name in plan.recomputed if not _is_length(name, builder)),
        *((name, "reloaded", _RELOADED) for name in plan.reloaded),
        *((name, "reloaded", _SAVED_ANYWAY) for name in plan.read_from_saved_overwrite),
        *((name, "handed on", _NEIGHBOUR) for name in plan.loop_carried),
        *((name, "saved", _why_saved(name, plan.saved[name], regions, recomputation)) for name in plan.saved),
    ]
    order = {name: rank for rank, name in enumerate(regions.definitions)}
    found = [
        Recovery(_called(name, how, builder, regions), how, why, _span(regions.definitions[name], regions))
        for name, how, why in sorted(ways, key=lambda way: order[way[0]])
    ]
    return (*found, *_overwritten(plan, builder, regions))


def _called(name: str, how: How, builder: Builder, regions: Regions) -> str:
    """The variable; of what is saved, the one that it is named after."""
    return saved_as(builder, name, regions.definitions[name].node)[0] if how == "saved" else builder.variable(name)


def _is_length(name: str, builder: Builder) -> bool:
    """Whether it is a whole number that the compiler has a name for: a length, a bound of a loop."""
    known = builder.types[name]
    return is_temporary(name) and isinstance(known, Scalar) and known.dtype == "int64"


def _why_saved(name: str, position: int, regions: Regions, recomputation: Recomputation) -> str:
    definition = regions.definitions[name]
    if recomputation.is_recomputable(name, definition, position):
        return "to save it costs no more than to save all that it is made of"
    match definition.node:
        case Carry():
            return "each iteration goes on from the one before"
        case Join():
            return "it depends on which branch was taken"
        case Assign(value=value) if recomputation.is_clobbered(value, definition, position):
            return "what it is read from is overwritten later"
        case _:
            return "dear to compute again"


def _overwritten(plan: Plan, builder: Builder, regions: Regions) -> Iterator[Recovery]:
    for region in regions:
        for stmt in region.stmts:
            if isinstance(stmt, Store) and id(stmt) in plan.save_points:
                name = builder.variable(root(stmt.base) or "")
                yield Recovery(name, "saved", "this line overwrites what is read again", stmt.span)


def _span(definition: Definition, regions: Regions) -> Span | None:
    """The line that gives a value: of one that a loop carries, the end of an iteration."""
    match definition.node:
        case Assign(span=span):
            return span
        case Carry(next=Var(name)) if isinstance(regions.definitions[name].node, Assign):
            return _span(regions.definitions[name], regions)
        case Join():
            stmt = definition.region.stmts[definition.position]
        case _:
            owner = definition.region.owner
            return None if owner is None else getattr(owner, "span", None)
    return getattr(stmt, "span", None)
