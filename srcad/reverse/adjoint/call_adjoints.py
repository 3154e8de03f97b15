"""The reversal of a call: a call of the adjoint of the function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from srcad.ir.called import Called, callee_of
from srcad.ir.nodes import Assign, Atom, Const, Effect, Expr, Op, Var
from srcad.ir.regions import Regions
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
    reads: tuple[int, ...]
    """The parameters of the primal that it takes."""


AdjointOf = Callable[[str, Wanted], AdjointCall]


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
        self._results: dict[str, dict[int, str]] = {}
        """Of calls with several results, the names of these."""
        for region in regions:
            for stmt in region.stmts:
                match stmt:
                    case Assign(target, Op("result", (Var(of),), ((_, int(at)),))):
                        self._results.setdefault(of, {})[at] = target

    def reverse(self, target: str, call: Op) -> None:
        """Add to the adjoints of the arguments of `target = call`."""
        adjoints, builder = self.adjoints, self.builder
        called = callee_of(call)
        names = {0: target} if len(called.results) == 1 else self._results.get(target, {})
        cotangents = {at: n for at, n in sorted(names.items()) if n in adjoints.active and adjoints.has(n)}
        wrt = tuple(at for at, a in enumerate(call.args) if isinstance(a, Var) and a.name in adjoints.active)
        if not cotangents or not wrt:
            return
        assert self.adjoint_of is not None
        level = max(self.masked.get(name, 0) for name in cotangents.values())
        found = self.adjoint_of(called.name, Wanted(wrt, tuple(cotangents), level))
        arrays = [at for at in wrt if isinstance(builder.typeof(call.args[at]), Array)]
        after: list[tuple[Var, Var]] = []
        buffers = [self._buffer(at, call, arrays, after) for at in arrays]
        values = [adjoints.value(name) for name in cotangents.values()]
        args: list[Atom] = [*(_atom(call.args[at]) for at in found.reads), *buffers, *values]
        if found.called.results:
            result = builder.op("call", *args, hint="part", callee=found.called)
            parts = [result]
            if len(found.called.results) > 1:
                every = range(len(found.called.results))
                parts = [builder.op("result", result, at=at, hint="part") for at in every]
            scalars = [call.args[at] for at in wrt if at not in arrays]
            for scalar, part in zip(scalars, parts, strict=True):
                adjoints.add(scalar, part)
        else:
            builder.emit(Effect(Op("call", tuple(args), (("callee", found.called),)), builder.span))
        for argument, own in after:
            adjoints.add(argument, own)

    def _buffer(self, at: int, call: Op, arrays: list[int], after: list[tuple[Var, Var]]) -> Var:
        """The array that the adjoint adds to for an argument; no two are the same memory."""
        adjoints, builder = self.adjoints, self.builder
        argument = call.args[at]
        assert isinstance(argument, Var)
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
