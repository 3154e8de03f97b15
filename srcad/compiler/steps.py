"""What each line of the order does: functions of the passes, put to work on a `Unit`.

>>> from srcad.compiler.unit import without_source
>>> def renamed(f):
...     return replace(f, name="g")
>>> on_function(renamed)(without_source(Function("f", (), (), (), {}), "primal")).function.name
'g'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from srcad.analysis.memory.alias_classes import AliasClasses, alias_classes
from srcad.analysis.memory.alias_conflicts import copies_for_views, refuse_alias_conflicts
from srcad.analysis.memory.may_alias import MayAlias, may_alias
from srcad.analysis.memory.modified_parameters import written_parameters
from srcad.analysis.memory.zero_dim_conflicts import refuse_zero_dim_conflicts
from srcad.analysis.values.activity import active_names
from srcad.analysis.values.parameter_roles import parameter_roles
from srcad.analysis.values.step_functions import step_inputs
from srcad.backend.cuda.kernel_form import kernel_form
from srcad.canonicalize.column_invariants import hoist_column_invariants
from srcad.canonicalize.copy_written_arguments import copy_written_arguments
from srcad.canonicalize.expand_augmented_stores import expand_augmented_stores
from srcad.canonicalize.guarded_products import differentiable_guards
from srcad.canonicalize.index_checks import insert_index_checks, remove_index_checks
from srcad.canonicalize.insertions import change_updates, first_insertion
from srcad.canonicalize.join_view_indices import join_view_indices
from srcad.canonicalize.prune import prune
from srcad.canonicalize.shared_accesses import refuse_outside_kernels, share_accesses
from srcad.canonicalize.trip_counts import count_trips
from srcad.canonicalize.unreachable_code import remove_unreachable_code
from srcad.cleanup.adjoint.copy_elision import elide_copies
from srcad.cleanup.adjoint.loop_fission import split_stencil_loops
from srcad.cleanup.adjoint.statement_sinking import sink_definitions
from srcad.cleanup.dead_code import remove_dead_code
from srcad.cleanup.expressions.algebraic import simplify_algebra
from srcad.cleanup.expressions.forward_substitution import substitute_temporaries
from srcad.cleanup.expressions.unit_seed import propagate_unit_seed
from srcad.cleanup.in_place_updates import update_in_place
from srcad.cleanup.style.idioms import idiomatic_form
from srcad.cleanup.style.reversed_index_names import name_reversed_indices
from srcad.cleanup.style.taped_conditions import load_taped_conditions
from srcad.compiler.agreed_lengths import agreed_lengths, may_broadcast
from srcad.compiler.called_tangents import called_tangent
from srcad.compiler.fitted_lengths import fitted_lengths, lengths_asked_in_loops
from srcad.compiler.outputs import check_outputs, check_pair_outputs, output_dtype, value_of_pair
from srcad.compiler.sweep_pairs import sweep_pair
from srcad.compiler.unit import Unit
from srcad.errors import fail
from srcad.forward.tangents import with_tangents
from srcad.frontend.lowering.lower import Lowered, lower
from srcad.frontend.source.read import is_generated, span
from srcad.frontend.values.abstract_values import Abstract, Seq, leaves
from srcad.frontend.values.zero_dim_arrays import asks_about_zero_d
from srcad.ir.nodes import Assign, AugAssign, Block, Expr, Function, Stmt, Store, Var
from srcad.ir.result_memory import root
from srcad.ir.traversal import blocks, result_names, section_start, with_blocks
from srcad.ir.types import Array, Type, is_float
from srcad.reverse import driver, vjp_sweeps
from srcad.reverse.adjoint.tape_calls import NotTaped, is_balanced, takes_tape, values_of_primal, with_tape
from srcad.reverse.driver import Reversal
from srcad.reverse.storage.tape_report import tape_entries, with_returned_tape
from srcad.typing.builder import Builder

Step = Callable[[Unit], Unit]
SWEEPS = ("called sweeps", "taped sweeps")
"""Modes in which the sweeps of a function that is called are to be two functions."""


_WITH_LISTS = ("primal", "jvp", "tangent", "columns", "hessian")
"""Modes for which lists may grow and shrink at run time."""


def on_function(change: Callable[[Function], Function]) -> Step:
    return lambda unit: _changed(unit, change(unit.function))


def _changed(unit: Unit, f: Function, aliases: MayAlias | None = None) -> Unit:
    """The unit itself where nothing has changed."""
    if f is unit.function and aliases is unit.aliases:
        return unit
    return replace(unit, function=f, aliases=aliases)


# ---- the primal, in normal form -----------------------------------------------------------------------------------


def lowered(unit: Unit) -> Unit:
    asked = unit.asked
    assert asked.source is not None
    found, arguments = _lowered(unit, asked.arguments), asked.arguments
    choices = may_broadcast(found.function) if not found.functions else 0
    asked_again = len(lengths_asked_in_loops(found.function)) if not found.functions else 0
    fitted = fitted_lengths(found.function, asked.sizes) if choices or asked_again else None
    if fitted is not None:
        again = _lowered(unit, fitted.arguments(arguments))
        if may_broadcast(again.function) < choices or len(lengths_asked_in_loops(again.function)) < asked_again:
            found, arguments = again, fitted.arguments(arguments)
            choices = may_broadcast(found.function)
        else:
            fitted = None
    agreed = agreed_lengths(hoist_column_invariants(found.function)) if choices else None
    if agreed is not None:
        again = _lowered(unit, agreed.arguments(arguments))
        if may_broadcast(again.function) < choices:
            found = replace(again, function=agreed.at_the_start(again.function))
    if fitted is not None:
        function = fitted.at_the_start(found.function)
        found = replace(found, function=function, fitted=tuple(fitted.equal.items()))
    if not found.functions:
        return replace(unit, function=found.function, lowered=found)
    assert unit.prepare_called is not None
    f, called = unit.prepare_called(found.function, found.functions, asked.request, asked.taped)
    return replace(unit, function=f, called=called, lowered=replace(found, function=f))


def _lowered(unit: Unit, arguments: Mapping[str, Abstract]) -> Lowered:
    asked = unit.asked
    assert asked.source is not None
    return lower(
        asked.source,
        arguments,
        fixed=asked.fixed,
        differentiate=unit.differentiate,
        free_sums=asked.free_sums,
        lists=asked.request.mode in _WITH_LISTS,
        calls=asked.calls and not asked.apart,
        inlined=asked.inlined,
        tables=asked.tables,
        windows=asked.request.mode != "primal",
        shapes=asked.shapes,
        apart=asked.apart,
        elements=asked.elements,
    )


def refuse_zero_dim(unit: Unit) -> Unit:
    asked, first = unit.asked, unit.lowered
    assert first is not None and asked.source is not None
    captured = {name for one in first.captures for name in one.zero_d}
    given = asked.zero_d | captured
    functions = (first.function, *(one.function for one in first.functions))
    if any(asks_about_zero_d(f, first.zero_d, given) for f in functions):
        marked = lower(
            asked.source,
            asked.arguments,
            fixed=asked.fixed,
            differentiate=unit.differentiate,
            zero_d=True,
            lists=asked.request.mode in _WITH_LISTS,
            tables=first.has_tables,
            calls=False,
            windows=asked.request.mode != "primal",
            shapes=asked.shapes,
            apart=asked.apart,
        )
        if marked.functions:
            what = f"{marked.functions[0].tree.name} calls itself, where there are 0-d arrays"
            fail("S115", what, marked.functions[0].function.span, None, "use numbers: float(x) of a 0-d array x.")
        again = marked.function
        seen = asked.zero_d.union(p.name for p in again.params if isinstance(again.types[p.name], Array))
        lasting = captured | seen if asked.request.mode in ("primal", "adjoint") else captured
        refuse_zero_dim_conflicts(again, given, lasting)
    return unit


def index_checks(unit: Unit) -> Unit:
    request = unit.asked.request
    # an error that a kernel raises reaches nobody
    checks = request.options.boundscheck and not request.kernel
    change = insert_index_checks if checks else remove_index_checks
    return replace(unit, function=change_updates(change(unit.function), change))


pruned = on_function(prune)
reachable = on_function(remove_unreachable_code)


def written(unit: Unit) -> Unit:
    return replace(unit, written=written_parameters(unit.function))


def guards_differentiable(unit: Unit) -> Unit:
    """In text that srcad wrote; what a user writes as a branch is one."""
    asked = unit.asked
    if asked.source is None or asked.request.mode == "primal" or not is_generated(asked.source):
        return unit
    return _resumed(differentiable_guards)(unit)


def step_functions(unit: Unit) -> Unit:
    wrt, outputs = unit.asked.wrt, _differentiated(unit)
    found = step_inputs(unit.function, wrt, outputs)
    results = list(outputs.values())
    roles = parameter_roles(unit.function, wrt, results, found)
    return replace(unit, steps=found, roles=roles, active=active_names(unit.function, wrt, results))


def _differentiated(unit: Unit) -> Mapping[str, Expr]:
    """The outputs that have a derivative of their own in what is asked for."""
    f, mode = unit.function, unit.asked.request.mode
    if mode in ("jacobian", "jvp", "tangent"):
        called = [f"output {at} of {f.name}" for at in range(len(f.results))]
        outputs = dict(zip(called if len(called) != 1 else [f.name], f.results, strict=True))
        return {name: e for name, e in outputs.items() if mode == "jacobian" or is_float(Builder.resume(f).typeof(e))}
    if mode == "vjp":
        own = f.results[: _differentiated_results(unit)]
        results = [(at, r) for at, r in enumerate(own) if isinstance(r, Var) and is_float(f.types[r.name])]
        return {f.name if len(f.results) == 1 else f"output {at} of {f.name}": r for at, r in results}
    first = [r for r in f.results[:1] if mode != "adjoint" or (isinstance(r, Var) and is_float(f.types[r.name]))]
    arrays = {f"what {f.name} leaves in {name}": Var(name) for name in unit.asked.wrt if name in unit.written}
    return dict(zip([f.name], first, strict=False)) | (arrays if mode == "adjoint" else {})


def _differentiated_results(unit: Unit) -> int:
    """How many results of a vjp pair come before those of `has_aux`."""
    assert unit.lowered is not None
    result = unit.lowered.result
    return len(list(leaves(result.items[0] if unit.asked.request.has_aux and isinstance(result, Seq) else result)))


def refuse_conflicts(unit: Unit) -> Unit:
    mode, f = unit.asked.request.mode, unit.function
    if mode == "primal":
        joined = join_view_indices(f, Builder.resume(f))
        refuse_alias_conflicts(joined, unit.written, copies_for_views(joined))
    elif unit.asked.request.is_forward:
        # tangents share memory exactly as their primals do
        lasting = () if f.results and unit.asked.wanted is None else unit.written
        refuse_alias_conflicts(f, lasting, copies_for_views(f))
    elif mode == "adjoint":
        refuse_alias_conflicts(f, [name for name in unit.asked.wrt if isinstance(f.types[name], Array)])
    else:
        refuse_alias_conflicts(f)
    return unit


def _resumed(change: Callable[[Function, Builder], Function]) -> Step:
    def step(f: Function) -> Function:
        builder = Builder.resume(f)
        return builder.built(change(f, builder))

    return on_function(step)


def _knowing_aliases(change: Callable[[Function, Builder, AliasClasses], Function]) -> Step:
    return _resumed(lambda f, builder: change(f, builder, alias_classes(f)))


view_indices_joined = _resumed(join_view_indices)
augmented_stores_expanded = _knowing_aliases(expand_augmented_stores)
trips_counted = _resumed(count_trips)


def accesses_shared(unit: Unit) -> Unit:
    """Of a kernel. S524 where it returns anything, or where no cotangent can come in."""
    f, asked = unit.function, unit.asked
    if not asked.request.kernel:
        return unit
    if f.results:
        fail("S524", f"the kernel {f.name} returns a value", f.span, None, "write it into an array.")
    if unit.written.isdisjoint(asked.wrt):
        names = ", ".join(sorted(unit.written)) or "nothing"
        why = f"The cotangents come in by the buffers of what the kernel writes to, which is {names}."
        fail("S524", f"nothing that {f.name} writes to is among argnums", f.span, why, "add that to argnums.")
    return _resumed(share_accesses)(unit)


def kernel_refused(unit: Unit) -> Unit:
    """S524 for what depends on the thread, and is no kernel of which the adjoint is asked for."""
    if not unit.asked.request.kernel:
        refuse_outside_kernels(unit.function)
    return unit


def as_kernel(unit: Unit) -> Unit:
    return replace(unit, function=kernel_form(unit.function, unit.asked.wrt))


def written_arguments_copied(unit: Unit) -> Unit:
    """Where whole alias classes are restored, each parameter in one counts: the state of a checkpointed loop, and
    what the reverse sweep of each entry of a Jacobian begins with."""
    f, request = unit.function, unit.asked.request
    if request.is_forward and not f.results:
        return unit  # a procedure: what it writes is its result
    whole_classes = request.options.checkpoint or request.mode == "jacobian"
    written = alias_classes(f).written if whole_classes else written_parameters(f)
    return _resumed(lambda f, builder: copy_written_arguments(f, builder, written))(unit)


def results_saved(unit: Unit) -> Unit:
    keep = unit.asked.request.keep_value
    return replace(unit, function=driver.save_results(unit.function)) if keep else unit


def refuse_outputs(unit: Unit) -> Unit:
    asked = unit.asked
    if asked.source is not None and unit.lowered is not None:
        where = span(asked.source, asked.source.tree)
        if asked.request.mode == "jacobian":
            check_outputs(unit.lowered.result, where)
        elif asked.request.mode == "vjp":
            check_pair_outputs(unit.lowered.result, where, asked.request.has_aux)
        elif asked.request.mode != "adjoint":
            output_dtype(unit.lowered.result, where, asked.request.has_aux)
    return unit


# ---- reverse mode -------------------------------------------------------------------------------------------------


def reversal(unit: Unit) -> Unit:
    asked = unit.asked
    if asked.wanted is not None:
        keep = asked.request.mode in SWEEPS
        return _reversing(unit, driver.of_call(unit.function, asked.wanted, keep))
    if asked.request.mode == "vjp":
        count = _differentiated_results(unit)
        return _reversing(unit, vjp_sweeps.of_pair(unit.function, asked.wrt, asked.request.options.checkpoint, count))
    # another function that calls a gradient does not give the cotangent of the result
    of_value = driver.of_value if asked.source is not None else partial(driver.of_value, takes_seed=False)
    of = {"adjoint": driver.of_procedure, "jacobian": driver.of_results}.get(asked.request.mode, of_value)
    found = of(unit.function, asked.wrt, asked.request.options.checkpoint)
    # a thread saves in the memory of the device, which is far away
    return _reversing(unit, replace(found, rerun=asked.request.kernel))


def _reversing(unit: Unit, reversal: Reversal) -> Unit:
    adjoint_of = unit.called.adjoint if unit.called is not None else None
    options = unit.asked.request.options
    alike = options.target != "cuda" and not options.fastmath
    made = replace(reversal, adjoint_of=adjoint_of, snapshots=options.snapshots, rounds_alike=alike)
    return replace(unit, function=reversal.function, reversal=made)


def _of(unit: Unit) -> Reversal:
    assert unit.reversal is not None
    return unit.reversal


def calls_planned(unit: Unit) -> Unit:
    return _reversing(unit, driver.plan_calls(_of(unit))) if unit.called is not None else unit


def invariants_hoisted(unit: Unit) -> Unit:
    return _reversing(unit, driver.hoist_saved_invariants(_of(unit)))


def loops_split(unit: Unit) -> Unit:
    return _reversing(unit, driver.split_loops(_of(unit)))


def arrays_expanded(unit: Unit) -> Unit:
    return _reversing(unit, driver.expand_overwritten_arrays(_of(unit)))


def states_copied(unit: Unit) -> Unit:
    return _reversing(unit, driver.copy_states(_of(unit)))


def reversed_(unit: Unit) -> Unit:
    made = _both_sweeps(unit, _of(unit))
    is_given = unit.asked.request.mode == "taped sweeps"
    if is_given or takes_tape(made):
        if not is_balanced(made.body):
            made = _both_sweeps(unit, replace(_of(unit), interleaving=False))
        if not is_balanced(made.body):
            raise NotTaped
        made = with_tape(made, is_given)
    return replace(unit, function=made, reversal=None)


def _both_sweeps(unit: Unit, reversal: Reversal) -> Function:
    request = unit.asked.request
    match request.mode:
        case "called adjoint" | "called sweeps" | "taped sweeps":
            return driver.adjoint_of_call(reversal, request.mode in SWEEPS)
        case "adjoint":
            return driver.adjoint(reversal)
        case "jacobian":
            return driver.jacobian(reversal)
        case "vjp":
            return vjp_sweeps.pair(reversal)
        case _:
            return driver.gradient(reversal, request.keep_value)


def sweeps_split(unit: Unit) -> Unit:
    assert unit.lowered is not None
    primal = unit.lowered.function
    pair = sweep_pair(unit.function, len(primal.params), len(primal.results), _differentiated_results(unit))
    return replace(unit, function=pair.forward, pair=pair, tape=pair.tape)


def tape_listed(unit: Unit) -> Unit:
    f = with_returned_tape(unit.function)
    return replace(unit, function=f, tape=tape_entries(f))


# ---- forward mode -------------------------------------------------------------------------------------------------


def tangents_added(unit: Unit) -> Unit:
    asked, lowered = unit.asked, unit.lowered
    where = first_insertion(unit.function)
    if where is not None:
        why = "The block changes an adjoint, and forward mode has none."
        fail("S130", f"an inserted gradient in {unit.function.name}, in forward mode", where, why, "use srcad.vjp.")
    outputs: Sequence[int] = range(len(unit.function.results))
    written = frozenset[str]() if unit.function.results else unit.written
    tangent_of = partial(called_tangent, unit.called) if unit.called is not None else None
    if asked.wanted is not None:
        outputs, written = asked.wanted.results, unit.written.intersection(asked.wrt)
    if asked.request.has_aux and lowered is not None:
        assert unit.function.span is not None
        outputs = range(len(list(leaves(value_of_pair(lowered.result, unit.function.span)))))
    keep_value = asked.request.mode == "jvp"
    return replace(unit, function=with_tangents(unit.function, asked.wrt, outputs, written, keep_value, tangent_of))


# ---- cleanup ------------------------------------------------------------------------------------------------------


def _on_function_body(change: Callable[[Function, dict[str, Type]], Block]) -> Step:
    """A pass on the body alone; names that it makes get their types."""

    def step(unit: Unit) -> Unit:
        f = unit.function
        types = dict(f.types)
        return _changed(unit, _with_body(f, change(f, types), types))

    return step


def on_body(change: Callable[[Block, dict[str, Type]], Block]) -> Step:
    return _on_function_body(lambda f, types: change(f.body, types))


def _on_reverse_sweep(change: Callable[[Function, Block, dict[str, Type], MayAlias], Block]) -> Step:
    def step(unit: Unit) -> Unit:
        f = unit.function
        types = dict(f.types)
        shared = unit.aliases or may_alias(f.body, types)
        at = section_start(f.body, "reverse")
        body = f.body[:at] + change(f, f.body[at:], types, shared)
        return _changed(unit, _with_body(f, body, types), shared)

    return step


def on_adjoint(change: Callable[[Block, dict[str, Type], MayAlias], Block]) -> Step:
    """A pass on the statements of the reverse sweep alone: those of the user keep the form that they have."""
    return _on_reverse_sweep(lambda f, block, types, shared: change(block, types, shared))


def _with_body(f: Function, body: Block, types: dict[str, Type]) -> Function:
    """The function itself where nothing has changed: what is known of it is known still."""
    return f if body == f.body else replace(f, body=body, types=types)


def _params(f: Function) -> frozenset[str]:
    return frozenset(p.name for p in f.params)


dead_code_removed = _on_function_body(lambda f, types: remove_dead_code(f.body, result_names(f), types, _params(f)))
copies_elided = _on_function_body(lambda f, types: elide_copies(f.body, types, result_names(f), _params(f), f.adjoints))
temporaries_substituted = _on_function_body(
    lambda f, types: substitute_temporaries(f.body, types, result_names(f), f.tape, f.adjoints)
)
stencil_loops_split = _on_function_body(
    lambda f, types: split_stencil_loops(f.body, types, result_names(f), _params(f), section_start(f.body, "reverse"))
)
taped_conditions_read = _on_function_body(lambda f, types: load_taped_conditions(f.body, types, f.tape))
updated_in_place = _on_function_body(lambda f, types: update_in_place(f.body, types, section_start(f.body, "reverse")))
idioms_used = _on_function_body(lambda f, types: idiomatic_form(f.body, types, section_start(f.body, "reverse")))
unit_seed_propagated = on_function(lambda f: propagate_unit_seed(f, section_start(f.body, "reverse")))


@_on_function_body
def reversed_indices_named(f: Function, types: dict[str, Type]) -> Block:
    at = section_start(f.body, "reverse")
    return f.body[:at] + name_reversed_indices(f.body[at:], types)


definitions_sunk = _on_reverse_sweep(lambda f, block, types, shared: sink_definitions(block, types, shared, f.adjoints))


def _algebra_simplified(f: Function, block: Block, types: dict[str, Type], shared: MayAlias) -> Block:
    return simplify_algebra(block, types, values_of_primal(f, block) if takes_tape(f) else lambda e: False)


_simplified_in_reverse = _on_reverse_sweep(_algebra_simplified)


def adjoint_algebra_simplified(unit: Unit) -> Unit:
    """In forward mode the statements of tangents stand between those of the user, which stay as they are."""
    if not unit.asked.request.is_forward:
        return _simplified_in_reverse(unit)
    f = unit.function

    def own(stmt: Stmt) -> Block:
        if not isinstance(stmt, Assign | Store | AugAssign):
            return (with_blocks(stmt, [tuple(s for inner in b for s in own(inner)) for b in blocks(stmt)]),)
        about = root(stmt.base) if isinstance(stmt, Store) else stmt.target
        return simplify_algebra((stmt,), f.types) if about in f.adjoints else (stmt,)

    return _changed(unit, _with_body(f, tuple(s for stmt in f.body for s in own(stmt)), f.types))
