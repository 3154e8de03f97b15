"""The order of the compiler: a pass a line, with the form it takes and the form it gives.

`READABLE` has for each mode what leads from the source to the function that people read, and `COMPILED` what leads from
there to the one that `target="cpu"` compiles. Optional passes may be switched off by name (`manager.settings`): the
result stays right.

>>> [one.name for one in passes_of(READABLE["primal"])][:3]
['lower', 'refuse_zero_dim_conflicts', 'refuse_dependent_iterations']
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from srcad.backend.cuda.device_form import device_form
from srcad.canonicalize.check_hoisting import hoist_checks
from srcad.canonicalize.check_merging import merge_index_checks
from srcad.canonicalize.column_invariants import hoist_column_invariants
from srcad.canonicalize.common_subexpressions import share_between_columns, share_common_subexpressions
from srcad.canonicalize.cuts import remove_cuts
from srcad.canonicalize.insertions import remove_insertions
from srcad.canonicalize.left_loops import settle_left_loops
from srcad.canonicalize.nonnegative_integers import mark_nonnegative_integers
from srcad.canonicalize.unordered_loops import refuse_dependent_iterations
from srcad.canonicalize.unwritten_copies import share_unwritten_copies
from srcad.cleanup.adjoint.branch_merging import merge_branches, without_rulers
from srcad.cleanup.adjoint.branch_sinking import sink_into_branches
from srcad.cleanup.adjoint.contribution_merging import merge_contributions
from srcad.cleanup.adjoint.idle_restores import remove_idle_restores
from srcad.cleanup.adjoint.zero_init_elimination import assign_first_contribution
from srcad.cleanup.array_updates import array_updates_as_stores
from srcad.cleanup.expressions.conditional_expressions import conditional_expressions
from srcad.cleanup.expressions.nested_calls import nest_calls
from srcad.cleanup.expressions.shape_templates import read_shapes_of_parameters
from srcad.cleanup.ssa_destruction import leave_ssa
from srcad.cleanup.style.definite_initialisation import initialise_undefined
from srcad.cleanup.style.name_coalescing import coalesce_names
from srcad.cleanup.style.returned_expressions import return_expressions
from srcad.cleanup.style.statement_comments import carry_comments
from srcad.compiler import steps
from srcad.compiler.manager import Form, Order, Pass, Repeated, passes_of
from srcad.errors import fail
from srcad.forward.zero_tangents import mark_zero_tangents
from srcad.ir.traversal import remove_comments
from srcad.optimize.array_statements.scalarization import lower_array_statements
from srcad.optimize.float_conversion import convert_to_float
from srcad.optimize.inlining import without_copies
from srcad.optimize.integer_wrapping import wrap_integers
from srcad.optimize.loops.capacity_check_hoisting import hoist_capacity_checks
from srcad.optimize.loops.deferred_products import defer_products
from srcad.optimize.loops.interchange import interchange
from srcad.optimize.loops.loop_reversal import reverse_descending_loops
from srcad.optimize.loops.parallelization import parallelize
from srcad.optimize.loops.unrolling import unroll_short_loops
from srcad.optimize.memory.accumulator_promotion import promote_accumulators
from srcad.optimize.memory.allocation_hoisting import hoist_allocations
from srcad.optimize.memory.array_contraction import contract_arrays
from srcad.optimize.memory.live_range_splitting import split_live_ranges
from srcad.optimize.memory.scalar_replacement import replace_small_arrays
from srcad.optimize.offload.hoisted_operands import name_indexed_arrays
from srcad.optimize.shapes.shape_propagation import propagate_constant_shapes
from srcad.optimize.stencils.scatter_to_gather import scatter_to_gather
from srcad.optimize.vectorize.column_layout import lay_out_columns
from srcad.optimize.vectorize.nonnegative_indices import mark_nonnegative_indices
from srcad.optimize.vectorize.reassociation import allow_reassociation
from srcad.optimize.vectorize.sine_versioning import version_on_argument_range
from srcad.optimize.vectorize.vector_functions import use_vector_functions
from srcad.reverse.source_comments import annotate

SOURCE, NORMAL, SWEEPS, SEQUENTIAL = Form.SOURCE, Form.NORMAL, Form.SWEEPS, Form.SEQUENTIAL
Optional = partial(Pass, optional=True)
KeepsAliases = partial(Pass, optional=True, keeps_aliases=True)
f, body, adj = steps.on_function, steps.on_body, steps.on_adjoint

# fmt: off
NORMALISE: Order = (
    Pass("lower",                               steps.lowered,                       SOURCE,     NORMAL),
    Pass("refuse_zero_dim_conflicts",           steps.refuse_zero_dim,               NORMAL,     NORMAL),
    Pass("refuse_dependent_iterations",         f(refuse_dependent_iterations),      NORMAL,     NORMAL),
    Pass("refuse_outside_kernels",              steps.kernel_refused,                NORMAL,     NORMAL),
    Pass("prune",                               steps.pruned,                        NORMAL,     NORMAL),
    Optional("share_unwritten_copies",          f(share_unwritten_copies),           NORMAL,     NORMAL),
    Optional("settle_left_loops",               f(settle_left_loops),                NORMAL,     NORMAL),
    Optional("hoist_column_invariants",         f(hoist_column_invariants),          NORMAL,     NORMAL),
    Optional("share_between_columns",           f(share_between_columns),            NORMAL,     NORMAL),
    Pass("hoist_checks",                        f(hoist_checks),                     NORMAL,     NORMAL),
    Pass("insert_index_checks",                 steps.index_checks,                  NORMAL,     NORMAL),
    Optional("merge_index_checks",              f(merge_index_checks),               NORMAL,     NORMAL),
    Pass("remove_unreachable_code",             steps.reachable,                     NORMAL,     NORMAL),
    Pass("prune_checks",                        steps.pruned,                        NORMAL,     NORMAL),
    Pass("find_written_parameters",             steps.written,                       NORMAL,     NORMAL),
    Pass("differentiable_guards",               steps.guards_differentiable,         NORMAL,     NORMAL),
)

PREPARE: Order = (
    Pass("find_step_functions",                 steps.step_functions,                NORMAL,     NORMAL),
    Pass("check_outputs",                       steps.refuse_outputs,                NORMAL,     NORMAL),
    Pass("join_view_indices",                   steps.view_indices_joined,           NORMAL,     NORMAL),
    Pass("refuse_alias_conflicts",              steps.refuse_conflicts,              NORMAL,     NORMAL),
    Pass("expand_augmented_stores",             steps.augmented_stores_expanded,     NORMAL,     NORMAL),
    Pass("share_accesses",                      steps.accesses_shared,               NORMAL,     NORMAL),
)

REMOVE = Pass("remove_insertions",          f(remove_insertions),                 SWEEPS,     SWEEPS)

REVERSE: Order = (
    Pass("begin_reversal",                      steps.reversal,                      NORMAL,     NORMAL),
    Pass("plan_calls",                          steps.calls_planned,                 NORMAL,     NORMAL),
    Optional("hoist_saved_invariants",          steps.invariants_hoisted,            NORMAL,     NORMAL),
    Pass("split_into_segments",                 steps.loops_split,                   NORMAL,     NORMAL),
    Optional("expand_arrays",                   steps.arrays_expanded,               NORMAL,     NORMAL),
    Optional("copy_states",                     steps.states_copied,                 NORMAL,     NORMAL),
    Pass("reverse",                             steps.reversed_,                     NORMAL,     SWEEPS),
    REMOVE,
)

COPY = Pass("copy_written_arguments",   steps.written_arguments_copied,     NORMAL, NORMAL)

FORWARD: Order = (
    Pass("find_step_functions",                 steps.step_functions,                NORMAL,     NORMAL),
    Pass("refuse_alias_conflicts",              steps.refuse_conflicts,              NORMAL,     NORMAL),
    Pass("expand_augmented_stores",             steps.augmented_stores_expanded,     NORMAL,     NORMAL),
    COPY,
    Pass("add_tangents",                        steps.tangents_added,                NORMAL,     NORMAL),
    Optional("share_common_subexpressions",     f(share_common_subexpressions),      NORMAL,     NORMAL),
    Pass("prune_tangents",                      steps.pruned,                        NORMAL,     NORMAL),
)

COUNT = Pass("count_trips",             steps.trips_counted,                NORMAL, NORMAL)
SAVE = Pass("save_results",             steps.results_saved,                NORMAL, NORMAL)
REFUSE = Pass("refuse_alias_conflicts", steps.refuse_conflicts,             NORMAL, NORMAL)
MARK = Optional("mark_nonnegative_integers", f(mark_nonnegative_integers),  SWEEPS, SWEEPS)

ROUND = (
    KeepsAliases("simplify_algebra",            steps.adjoint_algebra_simplified,    SEQUENTIAL, SEQUENTIAL),
    KeepsAliases("assign_first_contribution",   adj(assign_first_contribution),      SEQUENTIAL, SEQUENTIAL),
    KeepsAliases("merge_contributions",         adj(merge_contributions),            SEQUENTIAL, SEQUENTIAL),
    KeepsAliases("sink_definitions",            steps.definitions_sunk,              SEQUENTIAL, SEQUENTIAL),
    KeepsAliases("sink_into_branches",          adj(sink_into_branches),             SEQUENTIAL, SEQUENTIAL),
    KeepsAliases("read_shapes_of_parameters",   f(read_shapes_of_parameters),        SEQUENTIAL, SEQUENTIAL),
    Optional("remove_idle_restores",            f(remove_idle_restores),             SEQUENTIAL, SEQUENTIAL),
    Optional("remove_dead_code",                steps.dead_code_removed,             SEQUENTIAL, SEQUENTIAL),
    Optional("elide_copies",                    steps.copies_elided,                 SEQUENTIAL, SEQUENTIAL),
    Optional("substitute_temporaries",          steps.temporaries_substituted,       SEQUENTIAL, SEQUENTIAL),
    Optional("conditional_expressions",         body(conditional_expressions),       SEQUENTIAL, SEQUENTIAL),
)

SIMPLIFY: Order = (
    Pass("remove_cuts",                         f(remove_cuts),                      SWEEPS,     SWEEPS),
    Pass("leave_ssa",                           f(leave_ssa),                        SWEEPS,     SEQUENTIAL),
    Pass("array_updates_as_stores",             body(array_updates_as_stores),       SEQUENTIAL, SEQUENTIAL),
    Repeated("until nothing changes", ROUND),
    Optional("split_stencil_loops",             steps.stencil_loops_split,           SEQUENTIAL, SEQUENTIAL),
    Repeated("until nothing changes", ROUND, if_changed=True),
    Optional("load_taped_conditions",           steps.taped_conditions_read,         SEQUENTIAL, SEQUENTIAL),
    Optional("name_reversed_indices",           steps.reversed_indices_named,        SEQUENTIAL, SEQUENTIAL),
    Pass("update_in_place",                     steps.updated_in_place,              SEQUENTIAL, SEQUENTIAL),
    Optional("nest_calls",                      body(nest_calls),                    SEQUENTIAL, SEQUENTIAL),
)

FINISH: Order = (
    Pass("coalesce_names",                      f(coalesce_names),                   SEQUENTIAL, SEQUENTIAL),
    Optional("propagate_unit_seed",             steps.unit_seed_propagated,          SEQUENTIAL, SEQUENTIAL),
    Optional("idiomatic_form",                  steps.idioms_used,                   SEQUENTIAL, SEQUENTIAL),
    Pass("initialise_undefined",                f(initialise_undefined),             SEQUENTIAL, SEQUENTIAL),
    Optional("carry_comments",                  f(carry_comments),                   SEQUENTIAL, SEQUENTIAL),
)

CLEAN_UP: Order = (*SIMPLIFY, *FINISH)

TELL: Order = (
    Optional("annotate",                        f(annotate),                         SEQUENTIAL, SEQUENTIAL),
    Pass("list_tape",                           steps.tape_listed,                   SEQUENTIAL, SEQUENTIAL),
)

SPLIT = Pass("split_sweeps", steps.sweeps_split, SEQUENTIAL, SEQUENTIAL)

ARRAYS_AS_LOOPS: Order = (
    Pass("remove_comments",                     f(remove_comments),                 SEQUENTIAL, SEQUENTIAL),
    Pass("wrap_integers",                       f(wrap_integers),                    SEQUENTIAL, SEQUENTIAL),
    Pass("convert_to_float",                    f(convert_to_float),                 SEQUENTIAL, SEQUENTIAL),
    Optional("split_live_ranges",               f(split_live_ranges),                SEQUENTIAL, SEQUENTIAL),
    Optional("defer_products",                  f(defer_products),                   SEQUENTIAL, SEQUENTIAL),
    Optional("lower_array_statements",          f(lower_array_statements),           SEQUENTIAL, SEQUENTIAL),
    Optional("contract_arrays",                 f(contract_arrays),                  SEQUENTIAL, SEQUENTIAL),
    Optional("interchange",                     f(interchange),                      SEQUENTIAL, SEQUENTIAL),
    Optional("propagate_constant_shapes",       f(propagate_constant_shapes),        SEQUENTIAL, SEQUENTIAL),
    Optional("unroll_short_loops",              f(unroll_short_loops),               SEQUENTIAL, SEQUENTIAL),
    Optional("replace_small_arrays",            f(replace_small_arrays),             SEQUENTIAL, SEQUENTIAL),
)

MEMORY: Order = (
    Optional("hoist_allocations",               f(hoist_allocations),                SEQUENTIAL, SEQUENTIAL),
    Optional("promote_accumulators",            f(promote_accumulators),             SEQUENTIAL, SEQUENTIAL),
)
"""What brings memory out of a loop, so that its iterations share it."""

LOOPS: Order = (
    Optional("hoist_capacity_checks",           f(hoist_capacity_checks),            SEQUENTIAL, SEQUENTIAL),
    Optional("reverse_descending_loops",        f(reverse_descending_loops),         SEQUENTIAL, SEQUENTIAL),
    Optional("scatter_to_gather",               f(scatter_to_gather),                SEQUENTIAL, SEQUENTIAL),
)

VECTORS: Order = (
    Optional("lay_out_columns",                 f(lay_out_columns),                  SEQUENTIAL, SEQUENTIAL),
    Optional("version_on_argument_range",       f(version_on_argument_range),        SEQUENTIAL, SEQUENTIAL),
    Optional("use_vector_functions",            f(use_vector_functions),             SEQUENTIAL, SEQUENTIAL),
    Optional("mark_nonnegative_indices",        f(mark_nonnegative_indices),         SEQUENTIAL, SEQUENTIAL),
    Optional("allow_reassociation",             f(allow_reassociation),              SEQUENTIAL, SEQUENTIAL),
)

COMPILED: Order = (*ARRAYS_AS_LOOPS, *MEMORY, *LOOPS, MEMORY[0], *VECTORS)
"""From the readable function, without its comments, to the one that is compiled: the same values, for the machine."""

PARALLELIZE = Optional("parallelize",       f(parallelize),                      SEQUENTIAL, SEQUENTIAL)
THREADED: Order = (*ARRAYS_AS_LOOPS, *LOOPS, PARALLELIZE, *MEMORY, *VECTORS)
"""The same, with loops on threads."""

DEVICE: Order = (
    *ARRAYS_AS_LOOPS,
    *MEMORY,
    *LOOPS,
    Pass("device_form", f(device_form), SEQUENTIAL, SEQUENTIAL),
)
"""To the one that `target="cuda"` compiles: no vector functions, arrays in local memory."""

KERNEL: Order = (
    Pass("wrap_integers",                       f(wrap_integers),                    SEQUENTIAL, SEQUENTIAL),
    Pass("convert_to_float",                    f(convert_to_float),                 SEQUENTIAL, SEQUENTIAL),
    Pass("kernel_form",                         steps.as_kernel,                     SEQUENTIAL, SEQUENTIAL),
)
"""To the adjoint of a kernel as a kernel: what people read is what is compiled."""

OFFLOADED: Order = (
    Pass("name_indexed_arrays",                 f(name_indexed_arrays),              SEQUENTIAL, SEQUENTIAL),
    *ARRAYS_AS_LOOPS,
    *LOOPS,
)
"""To the one whose loops become kernels, where `target="cuda"` is called with arrays of the device."""
# fmt: on

READABLE: Mapping[str, Order] = {
    "primal": (*NORMALISE, REFUSE, REMOVE, MARK, *CLEAN_UP),
    "grad": (*NORMALISE, *PREPARE, COPY, COUNT, SAVE, *REVERSE, *CLEAN_UP, *TELL),
    "jvp": (*NORMALISE, *FORWARD, *CLEAN_UP),
    "tangent": (*NORMALISE, *FORWARD, *CLEAN_UP),
    "jacobian": (*NORMALISE, *PREPARE, COPY, COUNT, *REVERSE, *CLEAN_UP, *TELL),
    "adjoint": (*NORMALISE, *PREPARE, COUNT, *REVERSE, *CLEAN_UP, *TELL),
    "vjp": (*NORMALISE, *PREPARE, COPY, COUNT, *REVERSE, *CLEAN_UP, *TELL, SPLIT),
}
"""From the source to what people read, by mode; `value_and_grad` is `grad` that returns the value too."""

DEPENDENCES: Order = (
    *NORMALISE,
    *FORWARD,
    Pass("mark_zero_tangents", f(mark_zero_tangents), NORMAL, NORMAL),
    *CLEAN_UP,
)
"""To the text that is run on sets of inputs in the place of tangents, which gives the sparsity of a Jacobian."""

INLINED: Order = (
    Optional("split_live_ranges", f(split_live_ranges), SEQUENTIAL, SEQUENTIAL),
    Optional("remove_copies", f(without_copies), SEQUENTIAL, SEQUENTIAL),
    Repeated("until nothing changes", ROUND),
    Optional("remove_dead_code", steps.dead_code_removed, SEQUENTIAL, SEQUENTIAL),
)
"""What calls that have been inlined leave to be tidied up."""

CALLED_NORMAL: Order = NORMALISE[2:]
"""From the lowered form of a function that is called to its normal form."""

CALLED_TEXT: Order = (
    REFUSE,
    MARK,
    *SIMPLIFY,
    Optional("return_expressions", f(return_expressions), SEQUENTIAL, SEQUENTIAL),
    *FINISH,
)
"""From there to the function that people read."""

CALLED_ADJOINT: Order = (*PREPARE[2:], COUNT, *REVERSE, *CLEAN_UP, *TELL)
"""From there to its adjoint."""

CALLED_TANGENT: Order = (
    Pass("find_written_parameters", steps.written, NORMAL, NORMAL),
    *(one for one in FORWARD[1:] if one is not COPY),
    *SIMPLIFY,
    Optional("return_expressions", f(return_expressions), SEQUENTIAL, SEQUENTIAL),
    *FINISH,
)
"""From there to the function that returns its tangents, too."""

CALLED_TIDY: Order = (
    Optional("merge_branches", body(merge_branches), SEQUENTIAL, SEQUENTIAL),
    Optional("drop_rulers", body(lambda b, _: without_rulers(b)), SEQUENTIAL, SEQUENTIAL),
)
"""What the sweeps of an adjoint can have in common, once it is known what they do."""

NESTED: Mapping[str, Order] = {mode: order[2:] for mode, order in READABLE.items()}
"""By mode, from the lowered form of a function to its derivative, where another function calls that."""


def check_names(names: Iterable[str], optional: bool = False) -> frozenset[str]:
    """The names of passes; S310 for one that is none or, where they are to be left out, that the others rely on."""
    known = {one.name: one.optional for order in (*READABLE.values(), THREADED) for one in passes_of(order)}
    may = [name for name, left_out in known.items() if left_out or not optional]
    for name in names:
        if name not in may:
            what = "is needed by the others" if name in known else "is no pass"
            do = "leave out" if optional else "name"
            fail("S310", f"{name} {what}", advice=f"{do} any of {', '.join(may)}.")
    return frozenset(names)
