"""The tangent of a function that is called: the function that takes tangents of its arguments, and returns those of its
results after these.

It is made once for the arguments that have tangents and the results that need one. Arrays that it changes, whose
tangents it is given, it changes together with these.
"""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.memory.reference_flow import ReferenceFlow
from srcad.compiler.called_functions import CalledFunctions
from srcad.forward.activity import moving_names
from srcad.forward.call_tangents import TangentCall, tangent_type
from srcad.ir.called import Called, callee_of
from srcad.ir.calls import reaching
from srcad.ir.nodes import Assign, Expr, Function, Op, Var
from srcad.ir.traversal import block_stores, ops, own_exprs, walk
from srcad.ir.types import Array, Scalar, Type, is_float
from srcad.reverse.adjoint.call_adjoints import Wanted
from srcad.typing.builder import Builder


def called_tangent(
    functions: CalledFunctions, name: str, wrt: tuple[int, ...], results: tuple[int, ...]
) -> TangentCall | None:
    """The function of this name with tangents, as it is called; None where no derivative passes through it."""
    primal, known = functions.primals[name], functions.called[name]
    if name in functions.recursive and set(known.changes) <= set(wrt):
        results = tuple(at for at, r in enumerate(primal.results) if is_float(Builder.resume(primal).typeof(r)))
    left = [at for at in known.changes if at in wrt]
    outs = [*(primal.results[at] for at in results), *(Var(primal.params[at].name) for at in left)]
    moving = moving_names(primal, [primal.params[at].name for at in wrt], outs)
    wrt = tuple(at for at in wrt if primal.params[at].name in moving)
    results = tuple(at for at in results if isinstance(r := primal.results[at], Var) and r.name in moving)
    if not wrt:
        return None
    wrt = tuple(sorted({*wrt, *_passed_on(primal, name, moving)}))
    for (other, _), call in functions.tangents.items():
        if other == name and call.wrt == wrt and set(results) <= set(call.results):
            return call
    wanted = Wanted(wrt, results)
    own = functions.fresh_name(f"{functions.names[name]}_jvp")
    seeds = [(f"t_{known.params[at][0]}", tangent_type(known.params[at][1])) for at in wrt]
    count = len(known.params)
    called = Called(
        own,
        (*known.params, *seeds),
        (*known.results, *(tangent_type(known.results[at]) for at in results)),
        known.pure,
        (*known.changes, *(count + k for k, at in enumerate(wrt) if at in known.changes)),
    )
    found = functions.tangents[name, wanted] = TangentCall(called, wrt, results, name in _writers(functions))
    made = functions.forward(primal, wanted, functions)
    functions.printed[own] = replace(made, name=own)
    return found


def _passed_on(f: Function, name: str, moving: frozenset[str]) -> set[int]:
    """The numbers that have tangents where a function calls itself: it is one function with all of these, which its
    first caller gives zeros."""
    found: set[int] = set()
    for stmt in walk(f.body):
        for op in (op for e in own_exprs(stmt) for op in ops(e) if op.prim == "call" and callee_of(op).name == name):
            passed = {at for at, a in enumerate(op.args) if isinstance(a, Var) and a.name in moving}
            found |= {at for at in passed - callee_of(op).constant if _is_number(f.types[f.params[at].name])}
    return found


def _writers(functions: CalledFunctions) -> frozenset[str]:
    """The functions that write to arrays of lists that they are given, or call such."""
    found: set[str] = set()
    for name, f in functions.primals.items():
        written = ReferenceFlow(f.body).sources([n for n in block_stores(f.body) if isinstance(f.types[n], Array)])
        items = {s.target for s in walk(f.body) if isinstance(s, Assign) and _is_item(s.value)}
        if not items.isdisjoint(written):
            found.add(name)
    return reaching(functions.primals.values(), found)


def _is_item(value: Expr) -> bool:
    return isinstance(value, Op) and value.prim in ("list.item", "list.pop")


def _is_number(t: Type) -> bool:
    return isinstance(t, Scalar) and t.dtype == "float64"
