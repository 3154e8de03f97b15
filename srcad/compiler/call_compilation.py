"""How the functions that a function calls are compiled: the passes for each, put to work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from srcad.compiler.called_functions import CalledFunctions, check_calls, normalised
from srcad.compiler.manager import run
from srcad.compiler.passes import CALLED_ADJOINT, CALLED_NORMAL, CALLED_TANGENT, CALLED_TEXT, CALLED_TIDY
from srcad.compiler.unit import Asked, Unit
from srcad.compiler.verification import verifier
from srcad.frontend.values.kept_functions import KeptFunction
from srcad.ir.calls import reaching, recursive
from srcad.ir.nodes import Function
from srcad.request import Request
from srcad.reverse.adjoint.call_adjoints import Wanted


def prepare_called(
    f: Function, kept: Sequence[KeptFunction], request: Request, taped: frozenset[int] | None
) -> tuple[Function, CalledFunctions]:
    """A function that was lowered, whose calls say whether they may raise, and what is made of those it calls.

    `taped` are the ids of the trees of those that save on a tape; None where none may.
    """

    def unit(g: Function, mode: str, wanted: Wanted | None = None) -> Unit:
        wrt = tuple(g.params[at].name for at in wanted.wrt) if wanted is not None else ()
        return Unit(Asked(None, {}, wrt, Request(mode, wrt, True, False, request.options), wanted=wanted), g)

    def normal(g: Function) -> Function:
        return run(CALLED_NORMAL, unit(g, "primal"), verifier).function

    def text(g: Function) -> Function:
        return run(CALLED_TEXT, unit(g, "primal"), verifier).function

    def reverse(g: Function, wanted: Wanted, called: CalledFunctions, mode: str) -> Function:
        start = replace(unit(g, mode, wanted), called=called)
        return run(CALLED_ADJOINT, start, verifier).function

    def tangent(g: Function, wanted: Wanted, called: CalledFunctions) -> Function:
        return run(CALLED_TANGENT, replace(unit(g, "jvp", wanted), called=called), verifier).function

    def tidy(g: Function) -> Function:
        return run(CALLED_TIDY, unit(g, "called adjoint"), verifier).function

    check_calls(f, kept, request.mode != "primal" and not request.is_forward)
    f, primals, is_pure = normalised(f, kept, normal)
    trees = {one.called.name: id(one.tree) for one in kept}
    names = {one.called.name: one.tree.name for one in kept}
    own = {one.called.name: replace(one.called, pure=is_pure(one.called.name)) for one in kept}
    recurs = recursive(primals.values()) | {one.called.name for one in kept if one.recurs}
    # a sweep that runs twice would find nothing on the tape in the second run; both sweeps go the same way where equal
    # expressions have equal bits
    options = request.options
    if request.is_forward or request.mode == "jacobian" or options.checkpoint or options.fastmath:
        taped = None
    on_tape = None if taped is None else reaching(primals.values(), {n for n in primals if trees[n] in taped})
    return f, CalledFunctions(primals, own, trees, names, recurs, on_tape, text, reverse, tangent, tidy)
