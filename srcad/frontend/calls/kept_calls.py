"""Calls that stay calls: the function is lowered once for arguments of these types, and is called by its name.

A function that calls itself is lowered until the types of its results are those that its calls were taken to have.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace

from srcad.errors import SrcadError
from srcad.frontend.calls.parameters import Arguments, ChangesList, NotKept, arguments, filled, generalised
from srcad.frontend.calls.surroundings import Surroundings, surroundings
from srcad.frontend.lowering.statements import RESULT
from srcad.frontend.source import read
from srcad.frontend.source.read import Source
from srcad.frontend.syntax.prepared_trees import prepared_tree
from srcad.frontend.values.abstract_values import (
    Abstract,
    Closure,
    Constant,
    HeapRef,
    Leaf,
    LeafSlot,
    leaves,
    map_structure,
)
from srcad.frontend.values.cells import make_cells
from srcad.frontend.values.constants import to_callee, to_caller
from srcad.frontend.values.context import (
    Context,
    Frame,
    NotYetBound,
    RetryUnrolled,
    RetryWithCalls,
    RetryWithLists,
)
from srcad.frontend.values.inner_classes import reads_frame
from srcad.frontend.values.kept_functions import KeptFunction, KeptFunctions, OpenFunction, OuterVariable
from srcad.frontend.values.name_resolution import outside_value
from srcad.frontend.values.raise_points import catches_any
from srcad.ir.called import Called, callee_of, in_terms_of
from srcad.ir.names import base, is_temporary
from srcad.ir.nodes import Assign, Atom, Block, Effect, Expr, Function, Op, Param, Var
from srcad.ir.result_memory import roots
from srcad.ir.traversal import bindings, ops, own_exprs, own_stores, walk
from srcad.ir.types import Array, ListOf, Scalar
from srcad.typing.builder import Builder

_RAISE_BY_TEXT = frozenset({"check"})
_RAISE = _RAISE_BY_TEXT | {"within"}
_MOST_NESTED = 50
_MOST_ATTEMPTS = 6


class _NotYetReturned(NotYetBound):
    """A function calls itself, and what it returns is not known yet."""


def kept_call(
    ctx: Context, source: Source, bound: Mapping[str, Abstract], around: Closure | None = None
) -> Abstract | None:
    """The value of a call that stays one; None where the function is inlined. `around` is an inner function."""
    functions, tree = ctx.functions, source.tree
    if functions is None or id(tree) not in functions.trees or id(tree) in functions.inlined:
        return None
    try:
        outer = Surroundings()
        if around is not None:
            outer, values = surroundings(ctx, around, bound)
            bound = {**bound, **values}
        made_of = (*_identity(source), *outer.identity)
        given = _as_made_for(functions, made_of, arguments(ctx, bound))
        made = _function(ctx, functions, source, made_of, given, outer)
        if catches_any(ctx) and _may_raise(made, functions, _RAISE):
            raise NotKept("a handler may catch its errors")
        if ctx.attempts and id(tree) not in functions.recursive and _may_raise(made, functions, _RAISE_BY_TEXT):
            raise NotKept("code is run on the way of its errors")
        return _emitted(ctx, source, given, made)
    except NotKept as reason:
        if id(tree) in functions.recursive:
            _retry_with_lists(ctx, bound, reason)
            ctx.fail("S115", f"{tree.name} calls itself", f"Here {reason}.", "write it as a loop.")
    except (SrcadError, RetryUnrolled, RetryWithLists):
        if id(tree) in functions.recursive:
            raise
    functions.inlined.add(id(tree))
    return None


def _may_raise(made: KeptFunction, functions: KeptFunctions, prims: frozenset[str]) -> bool:
    """Whether a function raises an error, or calls one that may: by a statement of these primitives."""
    for stmt in walk(made.function.body):
        if isinstance(stmt, Effect) and stmt.call.prim in prims:
            return True
        for op in (op for expr in own_exprs(stmt) for op in ops(expr)):
            if op.prim == "call":
                other = functions.by_name(callee_of(op).name)
                if other is None or (other is not made and _may_raise(other, functions, prims)):
                    return True
    return False


def _retry_with_lists(ctx: Context, bound: Mapping[str, Abstract], reason: NotKept) -> None:
    """Where the function changes a list: lower again, with the lists that it is given as lists of the IR."""
    if not isinstance(reason, ChangesList):
        return
    sites = ctx.sites_of(*(value.id for value in bound.values() if isinstance(value, HeapRef)))
    for site in sites - ctx.list_items.keys():
        try:
            ctx.fail("S115", "a function that calls itself changes a list", f"Here {reason}.", "write it as a loop.")
        except SrcadError as error:
            raise RetryWithLists(error, {site: None}) from None


def _as_made_for(functions: KeptFunctions, function: tuple[object, ...], given: Arguments) -> Arguments:
    """The arguments of the one function that all calls are of, where there can be one."""
    known: list[Arguments] = functions.general.setdefault(function, [])
    for at, other in enumerate(known):
        common = generalised(other, given)
        if common is None:
            continue
        if common.key != other.key:
            known[at] = common
            raise RetryWithCalls()
        return common
    known.append(given)
    return given


def _function(
    ctx: Context,
    functions: KeptFunctions,
    source: Source,
    function: tuple[object, ...],
    given: Arguments,
    around: Surroundings,
) -> KeptFunction:
    tree = source.tree
    key = function, given.key
    if key in functions.made:
        return functions.made[key]
    for one in functions.open:
        if one.key == key:
            one.recurs = True
            if one.assumed is None:
                try:
                    ctx.fail("S115", f"{tree.name} calls itself", "It returns nothing else that says a type.")
                except SrcadError as error:
                    raise _NotYetReturned(error) from None
            return one.assumed
    if sum(one.function == function for one in functions.open) > _MOST_NESTED:
        why = f"Each call has arguments of another structure, more than {_MOST_NESTED} deep."
        ctx.fail("S115", f"{tree.name} calls itself", why, "write it as a loop.")
    own = OpenFunction(function, key, given)
    name = functions.fresh_name(source.name)
    functions.open.append(own)
    try:
        for _ in range(_MOST_ATTEMPTS):
            before = set(functions.made)
            made = _lowered(ctx, source, own, name, around)
            if not own.recurs or (own.assumed is not None and _agree(own.assumed, made)):
                break
            for other in functions.made.keys() - before:
                del functions.made[other]  # it may call this one, with what it was assumed to be
            own.assumed = made
        else:
            ctx.fail("S115", f"{tree.name} calls itself", "The types of what it returns differ from call to call.")
    finally:
        functions.open.remove(own)
    functions.made[key] = made
    return made


def _identity(source: Source) -> tuple[int, ...]:
    """Equal for one function: those that one `def` makes differ in the variables around it."""
    return id(source.tree), id(source.globals), *(id(cell) for cell in source.closure.values())


def _agree(assumed: KeptFunction, made: KeptFunction) -> bool:
    known, found = assumed.called, made.called
    same = (known.results, known.changes) == (found.results, found.changes) and assumed.result == made.result
    return same and assumed.outer == made.outer and assumed.shares == made.shares


# ---- the function ---------------------------------------------------------------------------------------------------


def _lowered(ctx: Context, source: Source, own: OpenFunction, name: str, around: Surroundings) -> KeptFunction:
    builder = Builder()
    builder.function, builder.checks = ctx.builder.function, ctx.builder.checks
    builder.span = read.span(source, source.tree)
    inner = ctx.of_function(builder)
    prepared, names = prepared_tree(source.tree)
    frame = Frame(source, prepared, False, names, node=source.tree, origin=source.tree)
    given: Arguments = own.given
    params = [leaf for leaf in given.leaves if isinstance(leaf.atom, Var)]
    for leaf in params:
        assert isinstance(leaf.atom, Var)
        builder.types[leaf.atom.name] = leaf.type
        inner.taken.add(leaf.atom.name)
    values = {parameter: to_callee(inner, value) for parameter, value in given.in_callee().items()}
    frame.parent = around.frame(frame, values) if around != Surroundings() else None
    frame.names.update(values)
    passed = dict(inner.heap)
    make_cells(inner, frame)
    for parameter, site in given.lists:
        value = frame.names.get(parameter)
        if isinstance(value, HeapRef):
            inner.sites[value.id] = site
    if own.assumed is None:
        frame.pending = {*names, "%recursion"}
        inner.returns_nothing_yet = True
    with inner.inside(frame):
        inner.statements(prepared.body)
        returned = frame.names.get(RESULT, Constant(None))
        found: list[Leaf] = []
        result = _with_slots(inner, to_caller(inner, returned), found, own.recurs)
    if any(inner.heap.get(ref) is not cells for ref, cells in passed.items()):
        raise ChangesList(f"{source.name} changes a list or dict that it is given")
    if _refers_to(returned, passed):
        raise NotKept(f"{source.name} returns a list or dict that it is given")
    captured = list(inner.captures.items())
    params += [leaf for _, one in captured for leaf in leaves(one.value)]
    body = tuple(builder.statements)
    recurs = ctx.functions is not None and id(source.tree) in ctx.functions.recursive
    results, copies, shares, changes = _with_own_memory(inner, params, found, source.name, recurs)
    if not found and not changes:
        raise NotKept(f"{source.name} returns nothing that is computed")
    f = Function(
        name,
        tuple(Param(_name(leaf), _name(leaf)) for leaf in params),
        (*body, *copies),
        results,
        dict(builder.types),
        builder.span,
    )
    known = {_name(leaf) for leaf in params}
    types = [builder.typeof(r) for r in results]
    if not all(isinstance(t, Scalar | Array) for t in types):
        raise NotKept(f"{source.name} returns a list")
    in_callers = tuple(in_terms_of(t, known) for t in types if isinstance(t, Scalar | Array))
    called = Called(name, tuple((_name(leaf), leaf.type) for leaf in params), in_callers, changes=changes)
    outer = tuple(OuterVariable(key[0], key[1], one.read) for key, one in captured)
    return KeptFunction(source.tree, called, f, result, outer, dict(inner.guards), recurs, shares)


def _name(leaf: Leaf) -> str:
    assert isinstance(leaf.atom, Var)
    return leaf.atom.name


def _with_slots(ctx: Context, value: Abstract, found: list[Leaf], recurs: bool) -> Abstract:
    """The structure of a result; what is known while compiling stays in it, unless the function calls itself."""
    if reads_frame(getattr(value, "cls", None)):
        raise NotKept("it returns an object of a class defined inside, which reads variables around it")
    if isinstance(value, Leaf):
        if not isinstance(value.atom, Var) and not recurs:
            return value
        found.append(value)
        return LeafSlot(len(found) - 1)
    return map_structure(value, lambda part: _with_slots(ctx, part, found, recurs))


def _refers_to(value: Abstract, passed: Mapping[int, object]) -> bool:
    if isinstance(value, HeapRef):
        return value.id in passed
    found = False

    def visit(part: Abstract) -> Abstract:
        nonlocal found
        found = found or _refers_to(part, passed)
        return part

    map_structure(value, visit)
    return found


def _with_own_memory(
    ctx: Context, params: Sequence[Leaf], found: Sequence[Leaf], name: str, recurs: bool
) -> tuple[tuple[Expr, ...], list[Assign], tuple[tuple[int, int], ...], tuple[int, ...]]:
    """The results, the statements that copy those that may share memory, which argument each shares memory with, and
    the arguments that are written to."""
    builder = ctx.builder
    given = {_name(p): at for at, p in enumerate(params) if isinstance(p.type, Array | ListOf)}
    memory = _Memory(ctx, tuple(builder.statements))
    changed = {n for base in memory.stored for n in memory.of(base) if n in given}
    assert ctx.functions is not None
    if changed and not (ctx.functions.may_change and recurs):
        raise NotKept(f"{name} writes to an array or a list that it is given")
    own: set[str] = set()
    results: list[Expr] = []
    copies: list[Assign] = []
    shares: list[tuple[int, int]] = []
    for at, leaf in enumerate(found):
        results.append(leaf.atom)
        if not isinstance(leaf.type, Array):
            continue
        reached = memory.of(_name(leaf))
        if not given.keys().isdisjoint(reached):
            copied = builder.fresh("%result", replace(leaf.type, layout="C"))
            copies.append(Assign(copied.name, Op("copy", (leaf.atom,)), builder.span))
            shares += [(at, given[n]) for n in sorted(reached & given.keys())]
            results[-1] = copied
        elif not own.isdisjoint(reached):
            raise NotKept(f"{name} returns an array twice")
        own |= reached - given.keys()
    return tuple(results), copies, tuple(shares), tuple(sorted(given[n] for n in changed))


class _Memory:
    """Whose memory the arrays of a function in normal form may be."""

    def __init__(self, ctx: Context, body: Block) -> None:
        self.sources: dict[str, set[str]] = {}
        self.stored: list[str] = []
        for stmt in walk(body):
            for target, value in bindings(stmt):
                found = self.sources.setdefault(target, set())
                found |= roots(value)
                if isinstance(value, Op) and value.prim == "call":
                    for argument in _shared_with(ctx, value):
                        found |= roots(argument)
            self.stored += own_stores(stmt)

    def of(self, name: str) -> set[str]:
        """The name, and all that its memory may have come from."""
        found: set[str] = set()
        pending = [name]
        while pending:
            one = pending.pop()
            if one not in found:
                found.add(one)
                pending += self.sources.get(one, ())
        return found


def _shared_with(ctx: Context, call: Op) -> list[Expr]:
    """The arguments that a result of the call may be, in Python."""
    assert ctx.functions is not None
    known = ctx.functions.by_name(callee_of(call).name)
    return [call.args[at] for _, at in known.shares] if known is not None else []


# ---- the call -------------------------------------------------------------------------------------------------------


def _emitted(ctx: Context, source: Source, given: Arguments, found: KeptFunction) -> Abstract:
    atoms: list[Atom] = given.given
    own = Frame(source, source.tree, False, frozenset(), node=ctx.frame.node, caller=ctx.frame)
    for outer in found.outer:
        with ctx.inside(own):
            outside_value(ctx, own, outer.name, outer.read, outer.scope)
        atoms += [leaf.atom for leaf in leaves(ctx.captures[outer.scope, outer.name].value)]
    ctx.guards |= found.guards
    assert ctx.functions is not None
    if not found.called.results:
        ctx.builder.emit(Effect(Op("call", tuple(atoms), (("callee", found.called),)), ctx.builder.span))
        return to_callee(ctx, found.result)
    others = {p.name for p in found.function.params} | {tree.name for tree in ctx.functions.trees.values()} | {"result"}
    hints = [_hint(result, others | ctx.frame.locals) for result in found.function.results]
    single = len(hints) == 1
    value = ctx.builder.op("call", *atoms, hint=hints[0] if single else "results", callee=found.called)
    results: list[Leaf]
    if single:
        results = [ctx.leaf(value)]
    else:
        results = [ctx.leaf(ctx.builder.op("result", value, at=at, hint=hint)) for at, hint in enumerate(hints)]
    return to_callee(ctx, filled(found.result, results))


def _hint(result: Expr, others: Container[str]) -> str:
    """What a result may be called in the caller: as in the function, unless something else has that name."""
    named = isinstance(result, Var) and not is_temporary(result.name) and base(result.name) not in others
    return base(result.name) if isinstance(result, Var) and named else "value"
