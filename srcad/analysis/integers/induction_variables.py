"""Induction variables: integers that a loop increments by constants (`p += 1`) and the reverse sweep decrements.

Such a variable is a chain of names: the argument of a carry, the sums of it and constants, the results of branches and
inner loops that increment it further, and so on to the next value of the carry. In the reverse sweep one variable has
the value of each of them, one after another, so that none is saved.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from srcad.ir.nodes import Assign, Carry, Const, Expr, Join, Op, Var
from srcad.ir.regions import Region, Regions
from srcad.ir.types import Scalar, Type


@dataclass(frozen=True)
class Increment:
    """`by` is added (or subtracted, where `op` is "-") by the statement at `position` of the region."""

    region: Region
    position: int
    op: str
    by: Const


@dataclass(eq=False)
class InductionVariable:
    """`carry` is that of the outermost loop, whose body is the region `turn`.

    `last_use`: for each name of the chain, the last position in its region at whose reversal the variable still has
    this value.
    """

    carry: Carry
    turn: Region
    increments: list[Increment] = field(default_factory=list)
    last_use: dict[str, int] = field(default_factory=dict)


def induction_variable(name: str, regions: Regions, types: dict[str, Type]) -> InductionVariable | None:
    """The longest chain that the integer `name` is part of, in the outermost loop possible; None where there is none.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.regions import regions
    >>> def every_second(x):
    ...     p, total = 0, 0.0
    ...     while x[p] > 0.0:
    ...         total += x[p]
    ...         p += 2
    ...     return total
    >>> f = normal_form(every_second, np.ones(3))
    >>> found = induction_variable("%p.1", regions(f), f.types)
    >>> [(increment.op, increment.by) for increment in found.increments]
    [('+', Const(value=2))]
    """
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
    """Whether `e` is `goal` plus increments; these, and the names of the chain, are added to `counter`."""
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
        elif region.kind == "loop":
            return False  # in a branch, the join has set the last use
    # the last value of an iteration is valid to its end
    counter.last_use.setdefault(e.name, len(region.stmts))
    return reached


def _origin(name: str, outer: Region, regions: Regions) -> str | None:
    """The name outside of a branch that a name defined in it is an increment of; else the name itself."""
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
