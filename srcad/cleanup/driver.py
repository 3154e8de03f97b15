"""The last steps before printing: from an assembled function to one that reads as if written by hand."""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.memory.may_alias import may_alias
from srcad.cleanup.adjoint.branch_sinking import sink_into_branches
from srcad.cleanup.adjoint.copy_elision import elide_copies
from srcad.cleanup.adjoint.loop_fission import split_stencil_loops
from srcad.cleanup.adjoint.neighbours import array_updates_as_stores, neighbour_passes
from srcad.cleanup.dead_code import remove_dead_code
from srcad.cleanup.expressions.conditional_expressions import conditional_expressions
from srcad.cleanup.expressions.forward_substitution import substitute_temporaries
from srcad.cleanup.expressions.unit_seed import propagate_unit_seed
from srcad.cleanup.ssa_destruction import leave_ssa
from srcad.cleanup.style.definite_initialisation import initialise_undefined
from srcad.cleanup.style.idioms import idiomatic_form
from srcad.cleanup.style.name_coalescing import coalesce_names
from srcad.cleanup.style.reversed_index_names import name_reversed_indices
from srcad.cleanup.style.taped_conditions import read_taped_conditions
from srcad.ir.nodes import Block, Comment, Expr, Function, Return
from srcad.ir.traversal import names as names_in

_ROUNDS = 20


def clean_up(f: Function) -> Function:
    """Plain assignments, adjoint statements simplified, temporaries put back, final names.

    >>> from srcad.ir.nodes import Assign, Const, Op, Param, Var
    >>> from srcad.ir.notation import show
    >>> double = Assign("%product.0", Op("*", (Const(2.0), Var("x.0"))))
    >>> f = Function("f", (Param("x.0", "x"),), (double, Assign("y.0", Var("%product.0"))), (Var("y.0"),), {})
    >>> print(show(clean_up(f).body))
    y = 2.0 * x

    Statements of the forward sweep keep the form their author gave them; algebra is done below the comment that
    opens the reverse sweep.
    """
    f = leave_ssa(f)
    f = replace(f, types=dict(f.types))
    kept = frozenset(n for e in _results(f) for n in names_in(e))
    params = frozenset(p.name for p in f.params)
    body = _rounds(array_updates_as_stores(f.body, f.types), f, kept, params)
    split = split_stencil_loops(body, f.types, kept, params, _reverse_start(body))
    body = body if split == body else _rounds(split, f, kept, params)
    body = read_taped_conditions(body, f.types, f.tape)
    at = _reverse_start(body)
    f = coalesce_names(replace(f, body=body[:at] + name_reversed_indices(body[at:], f.types)))
    f = propagate_unit_seed(f, _reverse_start(f.body))
    return initialise_undefined(replace(f, body=idiomatic_form(f.body, f.types, _reverse_start(f.body))))


def _rounds(body: Block, f: Function, kept: frozenset[str], params: frozenset[str]) -> Block:
    types = f.types
    before: Block = ()
    for _ in range(_ROUNDS):
        at = _reverse_start(body)
        shared = may_alias(body, types)
        new = body[:at] + sink_into_branches(neighbour_passes(body[at:], types, shared), types, shared)
        new = remove_dead_code(new, kept, types, params)
        new = elide_copies(new, types, kept, params)
        new = conditional_expressions(substitute_temporaries(new, types, kept, f.tape), types)
        # two passes may differ for ever about which of two statements comes first
        if new in (body, before):
            break
        before, body = body, new
    return body


def _results(f: Function) -> tuple[Expr, ...]:
    returned = tuple(e for s in f.body if isinstance(s, Return) for e in s.values)
    return (*f.results, *returned)


def _reverse_start(body: Block) -> int:
    """Where the reverse sweep begins; the end where there is none."""
    for i, stmt in enumerate(body):
        if isinstance(stmt, Comment) and "reverse sweep" in stmt.text:
            return i
    return len(body)
