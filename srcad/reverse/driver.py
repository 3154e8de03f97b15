"""The gradient of a function in normal form: every step of reverse mode, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from srcad.analysis.memory.alias_classes import alias_classes
from srcad.analysis.memory.alias_conflicts import refuse_alias_conflicts
from srcad.analysis.memory.to_be_recorded import ToBeRecorded
from srcad.analysis.values.activity import active_names
from srcad.analysis.values.available_expressions import AvailableExpressions
from srcad.canonicalize.array_expansion import expand_arrays
from srcad.canonicalize.checkpoint_segments import Segment, loops_named, split_into_segments
from srcad.canonicalize.copy_written_arguments import copy_written_arguments
from srcad.canonicalize.expand_augmented_stores import expand_augmented_stores
from srcad.canonicalize.join_view_indices import join_view_indices
from srcad.canonicalize.trip_counts import count_trips
from srcad.cleanup.driver import clean_up
from srcad.errors import fail
from srcad.ir.nodes import Assign, Atom, Block, Comment, Const, Effect, Expr, Function, Op, Param, Return, Store, Var
from srcad.ir.regions import Region, Regions, regions
from srcad.ir.traversal import walk
from srcad.ir.types import Array, Scalar, is_float
from srcad.reverse.adjoint.adjoint_statements import reverse_sweep
from srcad.reverse.adjoint.merge_sweeps import merge_sweeps
from srcad.reverse.assemble import AssembledSweeps, Assembly
from srcad.reverse.loops.checkpoint_state import SegmentState
from srcad.reverse.loops.expansion_candidates import arrays_to_expand
from srcad.reverse.loops.interleave import choose_interleaved_loops, saves_anything
from srcad.reverse.loops.jacobian_entries import loop_over_entries, make_repeatable
from srcad.reverse.source_comments import FORWARD, ITERATION, ITERATION_REVERSED, REVERSE, VALUE, annotate
from srcad.reverse.storage.outer_lengths import length
from srcad.reverse.storage.tape_report import TapeEntry, tape_entries
from srcad.typing.builder import Builder


@dataclass(frozen=True)
class Gradient:
    """The gradient in sequential form, and what it keeps for its reverse sweep."""

    function: Function
    kept: tuple[TapeEntry, ...]


def gradient(f: Function, wrt: Sequence[str], *, keep_value: bool = False, checkpoint: Sequence[str] = ()) -> Gradient:
    """Differentiate the first result of f with respect to the parameters `wrt`.

    The new function takes f's parameters and `d_result`, the cotangent of that result. It returns f's results
    if `keep_value`, then a gradient for each of `wrt`. `checkpoint` are the variables of loops that run twice.
    """
    builder = Builder.resume(f)
    f = join_view_indices(f, builder)
    refuse_alias_conflicts(f)
    f = _own(_plain(f, builder), builder)
    f = count_trips(f, builder)
    f = _keep_results(f, builder) if keep_value else f
    seed = _seed(f, builder)
    (adjoints,), sweeps = _sweeps(f, builder, wrt, [[(f.results[0], seed)]], {}, checkpoint)
    late = (Comment(VALUE), *sweeps.deferred) if sweeps.deferred else ()
    results = (*(f.results if keep_value else ()), *(adjoints[name] for name in wrt))
    params = (*f.params, Param(seed.name, "d_result", seed=True))
    body = (Comment(FORWARD), *sweeps.forward, Comment(REVERSE), *sweeps.reverse, *late, Return(results))
    return _finished(replace(f, name=f"{f.name}_grad", params=params, body=body, results=results), builder)


def adjoint(f: Function, wrt: Sequence[str], *, checkpoint: Sequence[str] = ()) -> Gradient:
    """The adjoint of f as a procedure, for functions that write into their arguments.

    The new function takes f's parameters, then a buffer `d_x` for each array of `wrt`: the cotangent of what
    the array holds after f goes in, that of what it held before comes out. A number that f returns has the
    cotangent `d_result`, the last parameter. It returns the gradients of the numbers in `wrt`, and leaves in
    the arrays what f leaves in them.
    """
    arrays = [name for name in wrt if isinstance(f.types[name], Array)]
    builder = Builder.resume(f)
    f = join_view_indices(f, builder)
    refuse_alias_conflicts(f, arrays)
    f = count_trips(_plain(f, builder), builder)
    buffers = {name: builder.fresh(f"d_{_base(name)}", f.types[name]) for name in arrays}
    seeds = [(r, _seed(f, builder)) for r in f.results[:1] if is_float(builder.typeof(r))]
    (adjoints,), sweeps = _sweeps(f, builder, wrt, [seeds], buffers, checkpoint)
    found = alias_classes(f)
    # going back, the reverse sweep restores what f has overwritten
    changed = [p for p in f.params if p.name in found.written and sweeps.restores]
    finals = {p.name: builder.fresh(f"{_base(p.name)}_final", f.types[p.name]) for p in changed}
    keep = [Assign(final.name, Op("copy", (Var(name),))) for name, final in finals.items()]
    give = [Store(Var(name), (), final) for name, final in finals.items()]
    results = tuple(adjoints[name] for name in wrt if name not in buffers)
    params = (*f.params, *(Param(b.name, _base(b.name)) for b in buffers.values()))
    params += tuple(Param(seed.name, "d_result", seed=True) for _, seed in seeds)
    # what waits for a fused loop may be what f leaves in its arguments: then the reverse sweep has restored nothing
    late = (Comment(VALUE), *sweeps.deferred) if sweeps.deferred else ()
    body = (Comment(FORWARD), *sweeps.forward, *keep, Comment(REVERSE), *sweeps.reverse, *late, *give, Return(results))
    return _finished(replace(f, name=f"{f.name}_adjoint", params=params, body=body, results=results), builder)


def jacobian(f: Function, wrt: Sequence[str], *, checkpoint: Sequence[str] = ()) -> Gradient:
    """Differentiate each result of f, numbers or one array, with respect to the parameters `wrt`.

    The new function takes f's parameters. It returns, for each result, its derivative for each of `wrt`.
    """
    builder = Builder.resume(f)
    f = join_view_indices(f, builder)
    refuse_alias_conflicts(f)
    f = count_trips(_own(_plain(f, builder), builder), builder)
    rows = _array_rows if _is_array(f, builder) else _number_rows
    body, results = rows(f, builder, wrt, checkpoint)
    body = (Comment(FORWARD), *body, Return(results))
    return _finished(replace(f, name=f"{f.name}_jacobian", body=body, results=results), builder)


def _number_rows(
    f: Function, builder: Builder, wrt: Sequence[str], checkpoint: Sequence[str]
) -> tuple[Block, tuple[Expr, ...]]:
    """Numbers are a few: their reverse sweeps go back side by side."""
    seeds = [[(result, Const(1.0))] for result in f.results]
    adjoints, sweeps = _sweeps(f, builder, wrt, seeds, {}, checkpoint)
    return (*sweeps.forward, Comment(REVERSE), *sweeps.reverse), tuple(own[name] for own in adjoints for name in wrt)


def _array_rows(
    f: Function, builder: Builder, wrt: Sequence[str], checkpoint: Sequence[str]
) -> tuple[Block, tuple[Expr, ...]]:
    """An array has any number of entries: their reverse sweeps go back one after another.

    Where the reverse sweep cannot run twice after one forward sweep, each entry has a forward sweep too.
    """
    (result,) = f.results
    t = builder.typeof(result)
    assert isinstance(result, Var) and isinstance(t, Array)
    seed = builder.fresh(f"d_{_base(result.name).lstrip('%')}", replace(t, layout="C"))
    (adjoints,), sweeps = _sweeps(f, builder, wrt, [[(result, seed)]], {}, checkpoint, fusing=False)
    if sweeps.restored is not None:
        builder.span = None
        with builder.block() as asked:
            shape = [builder.op("shape", result, axis=axis) for axis in range(t.rank)]
        kept, reverse = make_repeatable(builder, sweeps.forward, sweeps.reverse, sweeps.restored)
        rows, results = loop_over_entries(builder, seed, shape, reverse, {name: adjoints[name] for name in wrt})
        return (*sweeps.forward, *kept, Comment(REVERSE), *asked, *rows), results
    (adjoints,), sweeps = _sweeps(f, builder, wrt, [[(result, seed)]], {}, checkpoint)
    turn = (Comment(ITERATION), *sweeps.forward, Comment(ITERATION_REVERSED), *sweeps.reverse)
    rows, results = loop_over_entries(builder, seed, _shape_before(f, t), turn, {name: adjoints[name] for name in wrt})
    return (Comment(REVERSE), *rows), results


def _sweeps(
    f: Function,
    builder: Builder,
    wrt: Sequence[str],
    seeds: Sequence[Sequence[tuple[Expr, Atom]]],
    buffers: Mapping[str, Var],
    checkpoint: Sequence[str],
    *,
    fusing: bool = True,
) -> tuple[list[Mapping[str, Var]], AssembledSweeps]:
    """Both sweeps; the reverse sweep is as many as there are lists of seeds, side by side, each with its adjoints."""
    rows: Mapping[str, int] = {}
    asked = loops_named(f, checkpoint)
    found_stretches: Mapping[str, Segment] = {}
    outputs = [[*(result for result, _ in own), *map(Var, buffers)] for own in seeds]
    while True:
        found = alias_classes(f)
        places = regions(f)
        known = AvailableExpressions(places, builder.types, found)
        parts = [
            reverse_sweep(f, builder, places, active_names(f, wrt, out), found, own, wrt, buffers, rows, known, prefix)
            for own, out, prefix in zip(seeds, outputs, _prefixes(len(seeds)), strict=True)
        ]
        sweep = merge_sweeps([part for part, _ in parts])
        carrying = active_names(f, wrt, [result for out in outputs for result in out])
        points = SegmentState(builder, places, found, sweep, found_stretches, rows)
        fused = choose_interleaved_loops(builder, places, found, sweep, carrying, points, allowed=fusing)
        if buffers and fused.regions.interleaved and (fused.plan.save_points or points.segments):
            # what a procedure leaves in its arguments is kept before the reverse sweep restores any
            fused = choose_interleaved_loops(builder, places, found, sweep, carrying, points, allowed=False)
        # of the others nothing is kept anyway
        asked, chosen = frozenset(), frozenset(loop for loop in asked if saves_anything(fused, _turn(places, loop)))
        if chosen:
            f, found_stretches = split_into_segments(f, builder, chosen)
            continue
        overwrites = ToBeRecorded(fused.regions, found, builder.types)
        wanted = arrays_to_expand(builder, fused.regions, overwrites, fused.plan, points.segments)
        if not wanted:
            return [adjoints for _, adjoints in parts], Assembly(builder, fused, found, points).sweeps(sweep)
        f, rows = expand_arrays(f, builder, wanted, rows)


def _turn(places: Regions, loop: str) -> Region:
    """The turn of the loop with this index."""
    return places.definitions[loop].region


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


def _is_array(f: Function, builder: Builder) -> bool:
    return any(isinstance(builder.typeof(result), Array) for result in f.results)


def _prefixes(count: int) -> list[str]:
    """`d_x` is the adjoint of x; where there are several, `d0_x` is that of the first result."""
    return ["d_"] if count == 1 else [f"d{at}_" for at in range(count)]


def _finished(made: Function, builder: Builder) -> Gradient:
    done = clean_up(replace(made, types=builder.types, tape=builder.tape))
    return Gradient(annotate(done), tape_entries(done))


def _seed(f: Function, builder: Builder) -> Var:
    t = builder.typeof(f.results[0])
    return builder.fresh("d_result", Scalar(t.dtype if isinstance(t, Scalar) else "float64"))


def _base(name: str) -> str:
    return name.rsplit(".", 1)[0]


def _plain(f: Function, builder: Builder) -> Function:
    return replace(expand_augmented_stores(f, builder, alias_classes(f)), types=builder.types)


def _own(f: Function, builder: Builder) -> Function:
    return copy_written_arguments(f, builder, alias_classes(f))


def _keep_results(f: Function, builder: Builder) -> Function:
    """Copy the array results that the reverse sweep may write into on its way back."""
    stored = alias_classes(f).written
    results: list[Expr] = []
    body = list(f.body)
    for result in f.results:
        if isinstance(result, Var) and result.name in stored:
            own = builder.fresh(result.name.rsplit(".", 1)[0], f.types[result.name])
            body.append(Assign(own.name, Op("copy", (result,)), f.span))
            result = own
        results.append(result)
    return replace(f, body=tuple(body), results=tuple(results))
