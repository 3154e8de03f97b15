"""Integers that a loop moves on by known steps, so that the way back can move them back: `p += 1`.

Such a value is a chain of names: a carry's argument, what is made of it by adding or subtracting a constant, what
branches and inner loops make of that, and so on to the carry's next value. Going back, one variable takes on
each of them in turn.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from srcad.ir.nodes import Assign, Carry, Const, Expr, Join, Op, Var
from srcad.ir.regions import Region, Regions
from srcad.ir.types import Scalar, Type


@dataclass(frozen=True)
class Increment:
    """`by` is added (or subtracted, where `op` is "-") at `position` of the region."""

    region: Region
    position: int
    op: str
    by: Const


@dataclass(eq=False)
class InductionVariable:
    """`carry` is that of the outermost loop, whose turn is `turn`.

    `until`: for each name of the chain, the last position in its region at whose reversal the variable still has
    this value.
    """

    carry: Carry
    turn: Region
    increments: list[Increment] = field(default_factory=list)
    last_use: dict[str, int] = field(default_factory=dict)


def induction_variable(name: str, regions: Regions, types: dict[str, Type]) -> InductionVariable | None:
    """The longest chain that the integer `name` is part of, if it is one inside a loop."""
    t = types[name]
    if not isinstance(t, Scalar) or t.dtype != "int64":
        return None
    found = None
    start: str | None = name
    while start is not None:
        definition = regions.definitions.get(start)
        node = definition.node if definition is not None else None
        assert definition is not None
        before: Expr | None = None
        match node:
            case Carry(arg, init) if arg == start:
                counter = InductionVariable(node, definition.region)
                if _leads(node.next, arg, counter, regions) and name in counter.last_use:
                    found = counter
                before = init
            case Carry(_, init):
                before = init
            case Assign(_, Op("+" | "-", (Var() as source, Const()))) | Assign(_, Var() as source):
                before = source
            case Join(_, then, _):
                before = then
        start = before.name if isinstance(before, Var) else None
    return found


def _leads(e: Expr, goal: str, counter: InductionVariable, regions: Regions) -> bool:
    """Whether `e` is made of the name `goal` by steps alone; they and the names on the way go into the counter."""
    if not isinstance(e, Var):
        return False
    if e.name == goal:
        return True
    definition = regions.definitions[e.name]
    region, position = definition.region, definition.position
    match definition.node:
        case Assign(_, Op("+" | "-" as op, (Var(source), Const(int()) as by))):
            counter.increments.append(Increment(region, position, op, by))
            ahead: tuple[str, ...] = (source,)
            reached = _leads(Var(source), goal, counter, regions)
        case Assign(_, Op("+", (Const(int()) as by, Var(source)))):
            counter.increments.append(Increment(region, position, "+", by))
            ahead = (source,)
            reached = _leads(Var(source), goal, counter, regions)
        case Assign(_, Var(source)):
            ahead = (source,)
            reached = _leads(Var(source), goal, counter, regions)
        case Join(_, Var(then), Var(orelse)):
            ahead = ()
            origin = _origin(then, region, regions)
            if origin is None or origin != _origin(orelse, region, regions):
                return False
            both = _leads(Var(then), origin, counter, regions) and _leads(Var(orelse), origin, counter, regions)
            counter.last_use[origin] = position - 1
            reached = both and _leads(Var(origin), goal, counter, regions)
        case Carry(arg, Var(init), next, result) if result == e.name:
            ahead = ()
            counter.last_use[init] = position - 1
            inner = _leads(next, arg, counter, regions)
            reached = inner and _leads(Var(init), goal, counter, regions)
        case _:
            return False
    for source in ahead:
        if regions.definitions[source].region is region:
            counter.last_use[source] = position
        elif region.kind == "turn":
            return False  # of a branch, the join has said how long it holds
    # the last of a turn holds to its end
    counter.last_use.setdefault(e.name, len(region.stmts))
    return reached


def _origin(name: str, outer: Region, regions: Regions) -> str | None:
    """The name outside of a branch that a name made in it began as; itself where it was not made there."""
    while True:
        definition = regions.definitions[name]
        if definition.region is outer or definition.region in set(outer.enclosing):
            return name
        match definition.node:
            case Assign(_, Op("+" | "-", (Var(source), Const()))) | Assign(_, Var(source)):
                name = source
            case Carry(_, Var(init), _, result) if result == name:
                name = init
            case _:
                return None
