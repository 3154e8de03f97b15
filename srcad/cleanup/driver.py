"""The last steps before printing: from an assembled function to one that reads as if written by hand."""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.memory.may_alias import sharing
from srcad.cleanup.adjoint.branch_sinking import branches
from srcad.cleanup.adjoint.copy_elision import ownership
from srcad.cleanup.adjoint.loop_fission import shifts
from srcad.cleanup.adjoint.neighbours import once, plain_arrays
from srcad.cleanup.dead_code import dead
from srcad.cleanup.expressions.conditional_expressions import choices
from srcad.cleanup.expressions.forward_substitution import untemp
from srcad.cleanup.expressions.unit_seed import seeds
from srcad.cleanup.ssa_destruction import sequential
from srcad.cleanup.style.definite_initialisation import bound
from srcad.cleanup.style.idioms import idiom
from srcad.cleanup.style.name_coalescing import names
from srcad.cleanup.style.reversed_index_names import turns
from srcad.cleanup.style.taped_conditions import kept_tests
from srcad.ir.nodes import Block, Comment, Expr, Function, Return
from srcad.ir.traversal import names as names_in

_ROUNDS = 20


def finish(f: Function) -> Function:
    """Plain assignments, adjoint statements simplified, temporaries put back, final names.

    >>> from srcad.ir.nodes import Assign, Const, Op, Param, Var
    >>> from srcad.ir.notation import show
    >>> double = Assign("%product.0", Op("*", (Const(2.0), Var("x.0"))))
    >>> f = Function("f", (Param("x.0", "x"),), (double, Assign("y.0", Var("%product.0"))), (Var("y.0"),), {})
    >>> print(show(finish(f).body))
    y = 2.0 * x

    Statements of the forward sweep keep the form their author gave them; algebra is done below the comment that
    opens the reverse sweep.
    """
    f = sequential(f)
    f = replace(f, types=dict(f.types))
    kept = frozenset(n for e in _results(f) for n in names_in(e))
    params = frozenset(p.name for p in f.params)
    body = _rounds(plain_arrays(f.body, f.types), f, kept, params)
    split = shifts(body, f.types, kept, params, _reverse_start(body))
    body = body if split == body else _rounds(split, f, kept, params)
    body = kept_tests(body, f.types, f.tape)
    at = _reverse_start(body)
    f = names(replace(f, body=body[:at] + turns(body[at:], f.types)))
    f = seeds(f, _reverse_start(f.body))
    return bound(replace(f, body=idiom(f.body, f.types, _reverse_start(f.body))))


def _rounds(body: Block, f: Function, kept: frozenset[str], params: frozenset[str]) -> Block:
    types = f.types
    before: Block = ()
    for _ in range(_ROUNDS):
        at = _reverse_start(body)
        shared = sharing(body, types)
        new = body[:at] + branches(once(body[at:], types, shared), types, shared)
        new = dead(new, kept, types, params)
        new = ownership(new, types, kept, params)
        new = choices(untemp(new, types, kept, f.tape), types)
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
