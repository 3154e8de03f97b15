"""Reverse mode: from a function in normal form to both sweeps of its derivative.

A `Reversal` says what is to be reversed. Two passes change the primal first, by what the plan of the sweeps says:
checkpointed loops are split into segments, and arrays whose every iteration overwrites them get a row for each. Then
`gradient`, `adjoint` and `jacobian` put the sweeps together; `compiler/passes` has the order.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> __name__ = "user_module"
>>> def scaled(x, k):
...     return k * x
>>> f = normal_form(scaled, 2.0, 3.0)
>>> print(text(gradient(of_value(f, ["x"]))))
scaled_grad(x: float64, k: float64, d_result.0: float64):
    # ---- forward sweep -----------------------------------------------------
    %product.0 = k * x
    # ---- reverse sweep -----------------------------------------------------
    %d_product.0 = d_result.0
    %part.0 = k * %d_product.0
    d_x.0 = %part.0
    return d_x.0
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from srcad.analysis.memory.alias_classes import AliasClasses, alias_classes
from srcad.analysis.memory.to_be_recorded import ToBeRecorded
from srcad.analysis.shapes.outer_lengths import length
from srcad.analysis.values.activity import active_names
from srcad.analysis.values.available_expressions import AvailableExpressions
from srcad.analysis.values.masked_cotangents import masked_names
from srcad.canonicalize.array_expansion import expand_arrays
from srcad.canonicalize.checkpoint_segments import Segment, loops_named, split_into_segments
from srcad.canonicalize.insertions import first_insertion
from srcad.canonicalize.invariant_hoisting import hoist_invariants
from srcad.errors import fail
from srcad.ir.names import base, is_temporary, stem
from srcad.ir.nodes import Assign, Atom, Block, Const, Effect, Expr, Function, Op, Param, Return, Store, Var
from srcad.ir.regions import Region, Regions, regions
from srcad.ir.traversal import CHANGES_ARRAY, ops, own_exprs, walk
from srcad.ir.types import Array, Scalar, is_float
from srcad.reverse.adjoint.adjoint_statements import reverse_sweep
from srcad.reverse.adjoint.call_adjoints import AdjointOf, Wanted, with_planned_calls
from srcad.reverse.adjoint.merge_sweeps import merge_sweeps
from srcad.reverse.adjoint.reverse_sweep import ReverseSweep
from srcad.reverse.assemble import Assembly
from srcad.reverse.assembled_sweeps import AssembledSweeps
from srcad.reverse.loops.checkpoint_state import SegmentState
from srcad.reverse.loops.expansion_candidates import arrays_to_expand
from srcad.reverse.loops.interleave import InterleavePlan, choose_interleaved_loops, saves_anything
from srcad.reverse.loops.jacobian_entries import loop_over_entries, make_repeatable
from srcad.reverse.source_comments import FORWARD, ITERATION, ITERATION_REVERSED, REVERSE, VALUE
from srcad.reverse.storage.shape_reads import read_outer_lengths
from srcad.reverse.storage.state_copies import reading_copies, states_to_copy, without_copies
from srcad.typing.builder import Builder


@dataclass(frozen=True, eq=False)
class Reversal:
    """What is to be reversed: a function in normal form, and the cotangents of its results."""

    function: Function
    wrt: tuple[str, ...]
    seeds: tuple[tuple[tuple[Expr, Atom], ...], ...]
    """For each reverse sweep the results it begins with, each with its cotangent. Several go side by side."""
    buffers: Mapping[str, Var] = field(default_factory=dict)
    """Arrays among `wrt` whose adjoint is the caller's: the cotangent goes in and the adjoint comes out."""
    checkpoint: tuple[str, ...] = ()
    """Names of the variables of loops that are to be checkpointed."""
    snapshots: int | None = None
    """How many states of such a loop are saved at once; None: about the square root of its iterations."""
    interleaving: bool = True
    """Whether loops may be reversed iteration by iteration."""
    rerun: bool = False
    """Whether such loops may run twice, where the forward sweep needs their results."""
    rounds_alike: bool = True
    """Whether what is computed is rounded alike in both sweeps: not with fastmath, nor on a GPU."""
    segments: Mapping[str, Segment] = field(default_factory=dict)
    """Of the loops that have been split."""
    adjoint_of: AdjointOf | None = None
    """The adjoint of a function that is called."""
    masked: int = 0
    """Whether a cotangent of zero may mean that a result was not used (`analysis/values/masked_cotangents`)."""
    rows: Mapping[str, int] = field(default_factory=dict)
    """Of the arrays that have been expanded, the number of leading axes that say whose row it is."""
    copies: Mapping[str, str] = field(default_factory=dict)
    """Copies of states that loops carry, each with the state: an iteration reads the copy."""

    @cached_property
    def plan(self) -> _Plan:
        return _Plan(self)


class _Plan:
    """The reverse sweep, and what its storage decides, before anything is written down."""

    def __init__(self, reversal: Reversal) -> None:
        f, wrt, buffers = reversal.function, reversal.wrt, reversal.buffers
        self.builder = builder = Builder.resume(f)
        self.found: AliasClasses = alias_classes(f)
        self.places: Regions = regions(f)
        outputs = [[*(result for result, _ in own), *map(Var, buffers)] for own in reversal.seeds]
        known = AvailableExpressions(self.places, builder.types, self.found)
        parts = [
            reverse_sweep(
                f,
                builder,
                self.places,
                active_names(f, wrt, out),
                self.found,
                own,
                wrt,
                buffers,
                reversal.rows,
                {*reversal.copies},
                known,
                prefix,
                masked_names(f, reversal.masked),
                reversal.adjoint_of,
            )
            for own, out, prefix in zip(reversal.seeds, outputs, _prefixes(len(outputs)), strict=True)
        ]
        self.adjoints: list[Mapping[str, Var]] = [adjoints for _, adjoints in parts]
        self.sweep: ReverseSweep = merge_sweeps([part for part, _ in parts])
        self.copies = reversal.copies
        read_outer_lengths(self.sweep, self.places, builder)
        carrying = active_names(f, wrt, [result for out in outputs for result in out])
        self.state = SegmentState(builder, self.places, self.found, self.sweep, reversal.segments, reversal.rows)

        def interleaved(allowed: bool) -> InterleavePlan:
            return choose_interleaved_loops(
                builder,
                self.places,
                self.found,
                self.sweep,
                carrying,
                self.state,
                allowed=allowed,
                rerun=reversal.rerun,
                rounds_alike=reversal.rounds_alike,
            )

        self.loops = interleaved(reversal.interleaving)
        restored = self.loops.plan.save_points or self.state.segments
        if self.loops.regions.interleaved and restored and restorable(f) & self.found.written & buffers.keys():
            # what a procedure leaves in its arguments is saved before the reverse sweep restores any
            self.loops = interleaved(False)

    def region(self, loop: str) -> Region:
        """The body of the loop with this index."""
        return self.places.definitions[loop].region

    def assembled(self) -> AssembledSweeps:
        sweeps = Assembly(self.builder, self.loops, self.found, self.state).sweeps(self.sweep)
        return replace(sweeps, forward=without_copies(sweeps.forward, self.copies))


def restorable(f: Function) -> frozenset[str]:
    """The parameters that the reverse sweep may write into, to restore what was overwritten.

    It never does to what the threads of a kernel share.
    """
    shared = {op.args[0] for s in walk(f.body) for e in own_exprs(s) for op in ops(e) if op.prim in CHANGES_ARRAY}
    return frozenset(p.name for p in f.params if Var(p.name) not in shared)


# ---- what is to be reversed ------------------------------------------------------------------------------------


def of_value(f: Function, wrt: Sequence[str], checkpoint: Sequence[str] = (), takes_seed: bool = True) -> Reversal:
    """Of the first result, a scalar; its cotangent is a parameter, or 1."""
    builder = Builder.resume(f)
    seed = _seed(f, builder) if takes_seed else Const(1.0)
    return Reversal(builder.built(f), tuple(wrt), (((f.results[0], seed),),), {}, tuple(checkpoint))


def of_procedure(f: Function, wrt: Sequence[str], checkpoint: Sequence[str] = ()) -> Reversal:
    """Of what the function leaves in the arrays of `wrt`, and of its first result if that is a float."""
    builder = Builder.resume(f)
    arrays = [name for name in wrt if isinstance(f.types[name], Array)]
    buffers = {name: builder.adjoint(f"d_{base(name)}", f.types[name], base(name)) for name in arrays}
    seeds = tuple((r, _seed(f, builder)) for r in f.results[:1] if is_float(builder.typeof(r)))
    return Reversal(builder.built(f), tuple(wrt), (seeds,), buffers, tuple(checkpoint))


def of_call(f: Function, wanted: Wanted, keep: bool) -> Reversal:
    """Of the results of a function that is called: their cotangents, and an array for the adjoint of each array.

    Where it is to `keep` the results, the sweeps are to be two functions.
    """
    f = save_results(f) if keep else f
    builder = Builder.resume(f)
    wrt = [f.params[at].name for at in wanted.wrt]
    arrays = [name for name in wrt if isinstance(f.types[name], Array)]
    buffers = {name: builder.adjoint(f"d_{base(name)}", f.types[name], base(name)) for name in arrays}
    seeds = []
    for at in wanted.results:
        t = builder.typeof(f.results[at])
        # a caller's cotangent may lie in memory in any way
        t = Scalar(t.dtype) if isinstance(t, Scalar) else replace(t, layout="A") if isinstance(t, Array) else t
        name = _result_name(f, at)
        seeds.append((f.results[at], builder.adjoint(f"d_{name}", t, name)))
    return Reversal(builder.built(f), tuple(wrt), (tuple(seeds),), buffers, interleaving=not keep, masked=wanted.masked)


def _result_name(f: Function, at: int) -> str:
    """What a function that is called calls a result, where no parameter and no other result has that name."""
    result = f.results[at]
    others = [p.name for p in f.params] + [r.name for k, r in enumerate(f.results) if k != at and isinstance(r, Var)]
    if isinstance(result, Var) and not is_temporary(result.name) and base(result.name) not in map(base, others):
        return base(result.name)
    return f"result_{at}" if len(f.results) > 1 else "result"


def of_results(f: Function, wrt: Sequence[str], checkpoint: Sequence[str] = ()) -> Reversal:
    """Of each result, scalars or one array."""
    where = first_insertion(f)
    if where is not None:
        why = "A Jacobian has a reverse sweep for each result, and the block would run in each. A root needs one, too."
        fail("S130", f"an inserted gradient in {f.name}, whose Jacobian is taken", where, why, "use srcad.grad.")
    builder = Builder.resume(f)
    if not _is_array(f, builder):
        ones = tuple(((result, Const(1.0)),) for result in f.results)
        return Reversal(f, tuple(wrt), ones, {}, tuple(checkpoint))
    (result,) = f.results
    t = builder.typeof(result)
    assert isinstance(result, Var) and isinstance(t, Array)
    seed = builder.adjoint(f"d_{stem(result.name)}", replace(t, layout="C"), base(result.name))
    given = builder.built(f)
    # the reverse sweep is to run once for each entry of the array, after one forward sweep
    return Reversal(given, tuple(wrt), (((result, seed),),), {}, tuple(checkpoint), interleaving=False)


def plan_calls(reversal: Reversal) -> Reversal:
    """Decide how each call is reversed; it returns what its adjoint needs, where that is more than its results."""
    f, adjoint_of = reversal.function, reversal.adjoint_of
    assert adjoint_of is not None
    outputs = [*(result for own in reversal.seeds for result, _ in own), *map(Var, reversal.buffers)]
    builder = Builder.resume(f)
    active, masked = active_names(f, reversal.wrt, outputs), masked_names(f, reversal.masked)
    body = with_planned_calls(f, builder, active, masked, adjoint_of)
    return replace(reversal, function=replace(builder.built(f), body=body))


# ---- passes from normal form to normal form ----------------------------------------------------------------------


def hoist_saved_invariants(reversal: Reversal) -> Reversal:
    """Compute before a loop what each of its iterations would compute alike, and save."""
    while True:
        plan = reversal.plan
        builder = Builder.resume(reversal.function)
        f = hoist_invariants(reversal.function, builder, plan.loops.plan.saved, plan.places, plan.found)
        if f is reversal.function:
            return reversal
        reversal = replace(reversal, function=builder.built(f))


def split_loops(reversal: Reversal) -> Reversal:
    """Split the loops that are to be checkpointed into segments, where anything would be saved in them."""
    if reversal.segments:
        return reversal
    wanted = loops_named(reversal.function, reversal.checkpoint, reversal.snapshots)
    plan = reversal.plan if wanted else None
    chosen = frozenset(loop for loop in wanted if plan is not None and saves_anything(plan.loops, plan.region(loop)))
    if not chosen:
        return reversal
    builder = Builder.resume(reversal.function)
    f, segments = split_into_segments(reversal.function, builder, chosen, reversal.snapshots)
    return replace(reversal, function=builder.built(f), segments=segments)


def expand_overwritten_arrays(reversal: Reversal) -> Reversal:
    """Give arrays that each iteration fills anew a row for each, so that no iteration overwrites what is read later."""
    while True:
        plan = reversal.plan
        overwrites = ToBeRecorded(plan.loops.regions, plan.found, plan.builder.types)
        wanted = arrays_to_expand(plan.builder, plan.loops.regions, overwrites, plan.loops.plan, plan.state.segments)
        if not wanted:
            return reversal
        builder = Builder.resume(reversal.function)
        f, rows = expand_arrays(reversal.function, builder, wanted, reversal.rows)
        reversal = replace(reversal, function=builder.built(f), rows=rows)


def copy_states(reversal: Reversal) -> Reversal:
    """Save copies of the states that loops carry, where that restores no memory: what an iteration only reads."""
    plan = reversal.plan
    saved, types = plan.loops.plan.saved, plan.builder.types
    wanted = list(states_to_copy(saved, plan.places, plan.found, types)) if not reversal.segments else []
    if not wanted:
        return reversal
    builder = Builder.resume(reversal.function)
    named = {name: builder.fresh(base(name), types[name]).name for name in wanted}
    body = reading_copies(reversal.function.body, named)
    copies = {copy: name for name, copy in named.items()}
    made = replace(reversal, function=builder.built(replace(reversal.function, body=body)), copies=copies)
    before, after = plan.loops.plan, made.plan.loops.plan
    is_better = named.keys().isdisjoint(after.saved) and len(after.save_points) < len(before.save_points)
    return made if is_better else reversal


def save_results(f: Function) -> Function:
    """Copy the array results that the reverse sweep may write into when it restores what was overwritten."""
    builder = Builder.resume(f)
    stored = alias_classes(f).written
    results: list[Expr] = []
    body = list(f.body)
    for result in f.results:
        if isinstance(result, Var) and result.name in stored:
            own = builder.fresh(base(result.name), f.types[result.name])
            body.append(Assign(own.name, Op("copy", (result,)), f.span))
            result = own
        results.append(result)
    return replace(f, body=tuple(body), results=tuple(results), types=builder.types)


# ---- both sweeps ---------------------------------------------------------------------------------------------------


def gradient(reversal: Reversal, keep_value: bool = False) -> Function:
    """The gradient of the first result.

    It takes the parameters of the primal and `d_result`, the cotangent of that result if it is not 1. It returns the
    results if `keep_value`, then a gradient for each of `wrt`.
    """
    f, plan = reversal.function, reversal.plan
    ((_, seed),) = reversal.seeds[0]
    sweeps = plan.assembled()
    results = (*(f.results if keep_value else ()), *(plan.adjoints[0][name] for name in reversal.wrt))
    params = (*f.params, *((Param(seed.name, "d_result", seed=True),) if isinstance(seed, Var) else ()))
    body = (FORWARD, *sweeps.forward, REVERSE, *sweeps.reverse, *_deferred(sweeps), Return(results))
    return _made(replace(f, name=f"{f.name}_grad", params=params, body=body, results=results), plan.builder)


def adjoint(reversal: Reversal) -> Function:
    """The adjoint of a function that writes into its arguments, as a procedure.

    It takes the parameters of the primal, then a buffer `d_x` for each array of `wrt`: the cotangent of what the array
    holds after the primal goes in, that of what it held before comes out. A scalar that the primal returns has the
    cotangent `d_result`, the last parameter. It returns the gradients of the scalars in `wrt`, and leaves in the arrays
    what the primal leaves in them.
    """
    f, plan, buffers = reversal.function, reversal.plan, reversal.buffers
    sweeps, builder = plan.assembled(), plan.builder
    # the reverse sweep restores what the primal has overwritten
    changed = [p for p in f.params if p.name in restorable(f) & plan.found.written and sweeps.restores]
    finals = {p.name: builder.fresh(f"{base(p.name)}_final", f.types[p.name]) for p in changed}
    keep = [Assign(final.name, Op("copy", (Var(name),))) for name, final in finals.items()]
    give = [Store(Var(name), (), final) for name, final in finals.items()]
    results = tuple(plan.adjoints[0][name] for name in reversal.wrt if name not in buffers)
    params = (*f.params, *(Param(b.name, base(b.name)) for b in buffers.values()))
    params += tuple(Param(seed.name, "d_result", seed=True) for _, seed in reversal.seeds[0] if isinstance(seed, Var))
    # what is deferred may be what the primal leaves in its arguments: then the reverse sweep has restored nothing
    after = (*_deferred(sweeps), *give, Return(results))
    body = (FORWARD, *sweeps.forward, *keep, REVERSE, *sweeps.reverse, *after)
    return _made(replace(f, name=f"{f.name}_adjoint", params=params, body=body, results=results), builder)


def adjoint_of_call(reversal: Reversal, keep: bool) -> Function:
    """The adjoint of a function that is called (`compiler/called_functions`); it may return the results too."""
    f, plan = reversal.function, reversal.plan
    sweeps = plan.assembled()
    own = tuple(plan.adjoints[0][name] for name in reversal.wrt if name not in reversal.buffers)
    results = (*(f.results if keep else ()), *own)
    params = (*f.params, *(Param(b.name, base(b.name)) for b in reversal.buffers.values()))
    params += tuple(Param(seed.name, base(seed.name)) for _, seed in reversal.seeds[0] if isinstance(seed, Var))
    body = (FORWARD, *sweeps.forward, REVERSE, *sweeps.reverse, Return(results))
    return _made(replace(f, name=f"{f.name}_adjoint", params=params, body=body, results=results), plan.builder)


def jacobian(reversal: Reversal) -> Function:
    """The derivatives of each result, scalars or one array, for each of `wrt`; it takes the primal's parameters."""
    f, builder = reversal.function, reversal.plan.builder
    if _is_array(f, builder):
        body, results, builder = _array_rows(reversal)
    else:
        sweeps = reversal.plan.assembled()
        body = (*sweeps.forward, REVERSE, *sweeps.reverse)
        results = tuple(own[name] for own in reversal.plan.adjoints for name in reversal.wrt)
    body = (FORWARD, *body, Return(results))
    return _made(replace(f, name=f"{f.name}_jacobian", body=body, results=results), builder)


def _array_rows(reversal: Reversal) -> tuple[Block, tuple[Expr, ...], Builder]:
    """An array has any number of entries: their reverse sweeps run one after another.

    Where the reverse sweep cannot run twice after one forward sweep, each entry has a forward sweep too.
    """
    f, plan = reversal.function, reversal.plan
    builder = plan.builder
    ((result, seed),) = reversal.seeds[0]
    t = builder.typeof(result)
    assert isinstance(seed, Var) and isinstance(t, Array)
    sweeps = plan.assembled()
    if sweeps.restored is not None:
        builder.span = None
        with builder.block() as asked:
            shape = [builder.op("shape", result, axis=axis) for axis in range(t.rank)]
        kept, reverse = make_repeatable(builder, sweeps.forward, sweeps.reverse, sweeps.restored)
        rows, results = loop_over_entries(builder, seed, shape, reverse, {n: plan.adjoints[0][n] for n in reversal.wrt})
        return (*sweeps.forward, *kept, REVERSE, *asked, *rows), results, builder
    plan = expand_overwritten_arrays(split_loops(replace(reversal, interleaving=True))).plan
    sweeps = plan.assembled()
    both = (ITERATION, *sweeps.forward, ITERATION_REVERSED, *sweeps.reverse)
    adjoints = {name: plan.adjoints[0][name] for name in reversal.wrt}
    rows, results = loop_over_entries(plan.builder, seed, _shape_before(f, t), both, adjoints)
    return (REVERSE, *rows), results, plan.builder


def _shape_before(f: Function, t: Array) -> list[Expr]:
    """The lengths of the result where those of the parameters say them."""
    nothing = regions(replace(f, body=()))
    known = [length(d, nothing) for d in t.dims]
    prints = any(isinstance(s, Effect) and s.call.prim == "print" for s in walk(f.body))
    if prints or None in known:
        reason = "it prints" if prints else "how many there are is not known before"
        why = "A loop of it makes an array in each turn and overwrites that."
        what = f"{f.name} would have to run for each entry, and {reason}"
        fail("S210", what, f.span, why, "make the array before the loop.")
    return [n for n in known if n is not None]


def _deferred(sweeps: AssembledSweeps) -> Block:
    """What the primal computes from the results of interleaved loops, under its own heading."""
    return (VALUE, *sweeps.deferred) if sweeps.deferred else ()


def _is_array(f: Function, builder: Builder) -> bool:
    return any(isinstance(builder.typeof(result), Array) for result in f.results)


def _prefixes(count: int) -> list[str]:
    """`d_x` is the adjoint of x; where there are several, `d0_x` is that of the first result."""
    return ["d_"] if count == 1 else [f"d{at}_" for at in range(count)]


def _made(f: Function, builder: Builder) -> Function:
    return builder.built(f)


def _seed(f: Function, builder: Builder) -> Var:
    t = builder.typeof(f.results[0])
    return builder.adjoint("d_result", Scalar(t.dtype if isinstance(t, Scalar) else "float64"), "result")
