"""The reversal of a call: a call of the adjoint of the function."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from srcad.ir.called import Called, callee_of, type_of_call
from srcad.ir.nodes import Assign, Atom, Block, Const, Effect, Expr, Function, Op, Stmt, Var
from srcad.ir.regions import Region, Regions, regions
from srcad.ir.traversal import blocks, walk, with_blocks
from srcad.ir.types import Array
from srcad.reverse.adjoint.accumulation import AdjointVariables
from srcad.typing.builder import Builder


@dataclass(frozen=True)
class Wanted:
    """Which adjoint of a function is meant: by position among its parameters and results."""

    wrt: tuple[int, ...]
    results: tuple[int, ...]
    """Those that have a cotangent."""
    masked: int = 0
    """Whether a cotangent of zero may mean that the result was not used: see `analysis/values/masked_cotangents`."""


@dataclass(frozen=True)
class AdjointCall:
    """An adjoint as it is called."""

    called: Called
    wanted: Wanted
    """It may be with respect to more than what was asked for."""
    reads: tuple[int, ...]
    """The parameters of the primal that it takes."""
    results: tuple[int, ...] = ()
    """The results of the primal that it takes."""
    forward: Called | None = None
    """The function to call in place of the primal, where the adjoint needs more than that returns."""
    keeps: tuple[str, ...] = ()
    """What that returns besides, by name."""

    @property
    def saved(self) -> int:
        return len(self.keeps)


AdjointOf = Callable[[str, Wanted], AdjointCall | None]
"""By the name of a function; None where no derivative passes through it."""


def wanted_adjoint(
    call: Op, cotangents: Mapping[int, str], active: Container[str], masked: Mapping[str, int]
) -> Wanted | None:
    """The adjoint that a call needs whose results with cotangents have these names; None where it needs none."""
    constant = callee_of(call).constant
    wrt = tuple(k for k, a in enumerate(call.args) if isinstance(a, Var) and a.name in active and k not in constant)
    if not cotangents or not wrt:
        return None
    return Wanted(wrt, tuple(cotangents), max(masked.get(name, 0) for name in cotangents.values()))


def results_of_primal(call: Op) -> int:
    """How many of its results the function has of its own; what a forward sweep saves comes after them."""
    called = callee_of(call)
    planned = called.reversal
    return len(called.results) - (planned.saved if isinstance(planned, AdjointCall) and planned.forward else 0)


def results_of(regions: Iterable[Region]) -> dict[str, dict[int, str]]:
    """Of calls with several results, the names of these."""
    found: dict[str, dict[int, str]] = {}
    for region in regions:
        for stmt in region.stmts:
            match stmt:
                case Assign(target, Op("result", (Var(of),), ((_, int(at)),))):
                    found.setdefault(of, {})[at] = target
    return found


def with_planned_calls(
    f: Function, builder: Builder, active: Container[str], masked: Mapping[str, int], adjoint_of: AdjointOf
) -> Block:
    """The body of a function in normal form, whose calls say how they are reversed."""
    names = results_of(regions(f))

    def wanted_of(target: str, call: Op) -> Wanted | None:
        single = len(callee_of(call).results) == 1
        own = {0: target} if single else names.get(target, {})
        cotangents = {at: n for at, n in sorted(own.items()) if n in active}
        return wanted_adjoint(call, cotangents, active, masked)

    # an adjoint with respect to more serves for less
    found_calls = [(s.target, s.value) for s in walk(f.body) if isinstance(s, Assign) and isinstance(s.value, Op)]
    all_wanted = [(callee_of(v).name, wanted_of(t, v)) for t, v in found_calls if v.prim == "call"]
    for name, wanted in sorted(all_wanted, key=lambda pair: -len(pair[1].wrt if pair[1] is not None else ())):
        if wanted is not None:
            adjoint_of(name, wanted)

    def fresh_saved(found: AdjointCall, at: int, item: Op) -> str:
        return builder.fresh(f"%{found.keeps[at]}" if at >= 0 else "%value", builder.typeof(item)).name

    def block(b: Block) -> Block:
        return tuple(new for stmt in b for new in planned(stmt))

    def planned(stmt: Stmt) -> Iterator[Stmt]:
        match stmt:
            case Assign(target, Op("call") as call):
                called = callee_of(call)
                single = len(called.results) == 1
                own = {0: target} if single else names.get(target, {})
                wanted = wanted_of(target, call)
                found = adjoint_of(called.name, wanted) if wanted is not None else None
                if found is None:
                    yield stmt
                    return
                callee = replace(found.forward or called, pure=called.pure and not found.called.taped, reversal=found)
                value = Op("call", call.args, (("callee", callee),))
                results = target
                if found.saved:
                    results = builder.fresh("%results", builder.typeof(value)).name if single else target
                    builder.types[results] = type_of_call(callee, [builder.typeof(a) for a in call.args], results)
                yield Assign(results, value, stmt.span)
                for at in range(len(callee.results)):
                    if at in own and not (single and found.saved):
                        continue
                    needed = at in found.results or at >= len(called.results) or at in own
                    if not needed or (single and not found.saved):
                        continue
                    item = Op("result", (Var(results),), (("at", at),))
                    name = own.get(at) or fresh_saved(found, at - len(called.results), item)
                    yield Assign(name, item, stmt.span)
            case _:
                yield with_blocks(stmt, [block(b) for b in blocks(stmt)])

    return block(f.body)


class CallReversal:
    """Reverses calls. `masked` are names whose cotangent may be zero because they were not used."""

    def __init__(
        self,
        builder: Builder,
        regions: Regions,
        adjoints: AdjointVariables,
        masked: Mapping[str, int],
        adjoint_of: AdjointOf | None,
    ) -> None:
        self.builder = builder
        self.adjoints = adjoints
        self.masked = masked
        self.adjoint_of = adjoint_of
        self._results = results_of(regions)

    def reverse(self, target: str, call: Op) -> None:
        """Add to the adjoints of the arguments of `target = call`."""
        adjoints, builder = self.adjoints, self.builder
        called = callee_of(call)
        names = {0: target} if len(called.results) == 1 else self._results.get(target, {})
        planned = called.reversal
        if planned is None:
            cotangents = {at: n for at, n in sorted(names.items()) if n in adjoints.active and adjoints.has(n)}
            wanted = wanted_adjoint(call, cotangents, adjoints.active, self.masked)
            if wanted is None:
                return
            assert self.adjoint_of is not None
            planned = self.adjoint_of(called.name, wanted)
            if planned is None:
                return
        assert isinstance(planned, AdjointCall)
        of_primal = len(called.results) - planned.saved
        used = any(adjoints.has(n) for at, n in names.items() if at < of_primal and n in adjoints.active)
        if not used and not planned.called.taped:  # what is on the tape has to be taken from it
            return
        wrt = planned.wanted.wrt
        arrays = [at for at in wrt if isinstance(builder.typeof(call.args[at]), Array)]
        after: list[tuple[Var, Var]] = []
        buffers = [self._buffer(at, call, arrays, after) for at in arrays]
        values = []
        for at in planned.wanted.results:
            adjoints.ensure_zero(names[at])
            values.append(adjoints.value(names[at]))
        kept = [Var(names[at]) for at in (*planned.results, *range(of_primal, len(called.results)))]
        args: list[Atom] = [*(_atom(call.args[at]) for at in planned.reads), *kept, *buffers, *values]
        adjoint = planned.called
        if adjoint.results:
            result = builder.op("call", *args, hint="part", callee=adjoint)
            parts = [result]
            if len(adjoint.results) > 1:
                every = range(len(adjoint.results))
                parts = [builder.op("result", result, at=at, hint="part") for at in every]
            scalars = [call.args[at] for at in wrt if at not in arrays]
            for scalar, part in zip(scalars, parts, strict=True):
                adjoints.add(scalar, part)
        else:
            builder.emit(Effect(Op("call", tuple(args), (("callee", adjoint),)), builder.span))
        for argument, own in after:
            adjoints.add(argument, own)

    def _buffer(self, at: int, call: Op, arrays: list[int], after: list[tuple[Var, Var]]) -> Var:
        """The array that the adjoint adds to for an argument; no two are the same memory."""
        adjoints, builder = self.adjoints, self.builder
        argument = call.args[at]
        assert isinstance(argument, Var)
        if argument.name not in adjoints.active:
            # of an adjoint that is with respect to more
            own = builder.fresh("%unused", builder.types[argument.name])
            builder.emit(Assign(own.name, Op("np.zeros_like", (argument,)), builder.span))
            return own
        base = adjoints.base_array(argument.name)
        of = builder.variable(argument.name)
        others = [call.args[other] for other in arrays if other != at]
        if any(isinstance(o, Var) and adjoints.base_array(o.name) == base for o in others) or base in adjoints.rows:
            own = builder.adjoint("%d_part", builder.types[argument.name], of)
            builder.emit(Assign(own.name, Op("np.zeros_like", (argument,)), builder.span))
            after.append((argument, own))
            return own
        adjoints.ensure_zero(base)
        path = adjoints.adjoint_view(argument)
        if isinstance(path, Var):
            return path
        view = builder.adjoint("%d_view", builder.types[argument.name], of)
        builder.emit(Assign(view.name, path, builder.span))
        return view


def _atom(e: Expr) -> Atom:
    assert isinstance(e, Var | Const)
    return e
