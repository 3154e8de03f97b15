"""The tape of a recursion in the text: what is appended to it and popped from it, and the lists that it consists of.

>>> from srcad.ir.notation import parse, show
>>> types = dict.fromkeys(("x", "e", "y", "d_y", "d_x"), Scalar("float64"))
>>> types |= {"saved": ListOf(Scalar("float64")), "n": Scalar("int64")}
>>> def function(params, text, *results):
...     return Function("f", tuple(Param(p, p) for p in params), (*parse(text), Return(results)), results, types)
>>> ahead = function(("x", "n", "saved"), '''if n == 0:
...     y = x
... else:
...     e = np.exp(x)
...     y = x * e''', Var("y"), Var("e"))
>>> back = function(("x", "n", "e", "d_y", "saved"), '''if n == 0:
...     d_x = d_y
... else:
...     d_x = (e + x * e) * d_y''', Var("d_x"))
>>> forward, reverse = on_tape(SplitSweeps(ahead, back, (0, 1), (), ("e",)), back)
>>> print(show(forward.body))
if n == 0:
    y = x
else:
    e = np.exp(x)
    y = x * e
    list.append(saved, e)
return y
>>> print(show(reverse.body))
if n == 0:
    d_x = d_y
else:
    e = list.pop(saved)
    d_x = (e + (x * e)) * d_y
return d_x
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from srcad.analysis.memory.may_alias import may_alias
from srcad.cleanup.dead_code import remove_dead_code
from srcad.cleanup.style.definite_initialisation import initialise_undefined
from srcad.compiler.matching_branches import in_branch, matching_branches, read_inside, written_inside
from srcad.compiler.split_sweeps import SplitSweeps
from srcad.ir.called import Called, callee_of
from srcad.ir.calls import callees
from srcad.ir.nodes import Assign, Block, Const, Effect, Expr, Function, Op, Param, Return, Stmt, Var
from srcad.ir.traversal import (
    block_stores,
    blocks,
    defined,
    map_expr,
    names,
    ops,
    own_exprs,
    rewrite,
    walk,
    with_blocks,
)
from srcad.ir.types import Array, ListOf, Scalar, Symbol, Type, dim
from srcad.reverse.adjoint.tape_calls import is_balanced

# ---- what is saved --------------------------------------------------------------------------------------------------


def on_tape(split: SplitSweeps, reverse: Function) -> tuple[Function, Function]:
    """The two functions, of which the forward one appends to the tape what it would return for the reverse one.

    `reverse` is that of the split, tidied up. Where both do it in the same branch, nothing is saved elsewhere.
    """
    forward = split.forward
    tape = forward.params[-1].name
    last = forward.body[-1]
    assert isinstance(last, Return)
    count = len(last.values) - len(split.saved)
    values, atoms = last.values[:count], last.values[count:]
    copies = {s.target: s for s in forward.body if isinstance(s, Assign) and Var(s.target) in atoms and _is_copy(s)}
    pushes: dict[str, Block] = {}
    for name, atom in zip(split.saved, atoms, strict=True):
        assert isinstance(atom, Var)
        copy = (copies[atom.name],) if atom.name != name else ()
        pushes[name] = (*copy, Effect(Op("list.append", (Var(tape), atom))))
    before = tuple(s for s in forward.body[:-1] if not isinstance(s, Assign) or s.target not in copies)
    after = tuple(s for s in reverse.body if not isinstance(s, Return))
    end = reverse.body[-1]
    assert isinstance(end, Return)
    # a copy has what the array holds at the end of the sweep
    shared = may_alias(before, forward.types)
    changed = {shared.class_of(n) for n in block_stores(before)}
    at_end = {n: push for n, push in pushes.items() if len(push) > 1 and shared.class_of(n) in changed}
    inside = {n: push for n, push in pushes.items() if n not in at_end}
    first, second = _placed(before, after, inside, tape, forward.types)
    first, second = _pushed(first, at_end), _popped(second, at_end, tape)
    if not is_balanced((*first, *second), tape):
        first, second = _pushed(before, pushes), _popped(after, pushes, tape)
    params = tuple(p for p in reverse.params if p.name not in pushes)
    # what the other branches had for it, which a sweep as a whole would read, nothing reads now
    first = remove_dead_code(
        first, {n for e in values for n in names(e)}, forward.types, {p.name for p in forward.params}
    )
    forward = replace(forward, body=(*first, Return(values, last.span)), results=values)
    forward = initialise_undefined(forward, {*pushes, *(n for e in (*values, *atoms) for n in names(e))})
    return forward, replace(reverse, params=params, body=(*second, end))


def _is_copy(stmt: Assign) -> bool:
    return isinstance(stmt.value, Op) and stmt.value.prim == "copy"


def _placed(
    forward: Block,
    reverse: Block,
    pushes: Mapping[str, Block],
    tape: str,
    types: Mapping[str, Type],
    later: AbstractSet[str] = frozenset(),
) -> tuple[Block, Block]:
    """Both sweeps with what is saved, each value in the innermost branch that alone has it."""
    left = dict(pushes)
    for pair in matching_branches(forward, reverse, types, later):
        own = {n: p for n, p in left.items() if written_inside(n, forward, pair) and read_inside(n, reverse, pair)}
        if not own:
            continue
        at, side = pair.reverse[0]
        inner, outer = blocks(forward[pair.at])[pair.side], blocks(reverse[at])[side]
        if len(pair.reverse) == 1:
            after = later | defined(forward[pair.at + 1 :])
            inner, outer = _placed(inner, outer, own, tape, types, after)
        else:
            inner, outer = _pushed(inner, own), _popped(outer, own, tape)
        forward, reverse = in_branch(forward, pair.at, pair.side, inner), in_branch(reverse, at, side, outer)
        left = {n: p for n, p in left.items() if n not in own}
    return _pushed(forward, left), _popped(reverse, left, tape)


def _pushed(block: Block, pushes: Mapping[str, Block]) -> Block:
    return (*block, *(s for push in pushes.values() for s in push))


def _popped(block: Block, pushes: Mapping[str, Block], tape: str) -> Block:
    return (*(Assign(name, Op("list.pop", (Var(tape),))) for name in reversed(list(pushes))), *block)


# ---- the lists ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _List:
    """What has items of one type."""

    dtype: str
    rank: int

    @property
    def ending(self) -> str:
        """Of its name."""
        word = {"float64": "", "int64": "_integer"}.get(self.dtype, f"_{self.dtype}")
        if not self.rank:
            return f"{word}s" if word else ""
        return f"{word}_arrays" if self.rank == 1 else f"{word}_arrays_{self.rank}d"

    def type(self, name: str) -> ListOf:
        if not self.rank:
            return ListOf(Scalar(self.dtype))
        return ListOf(Array(self.dtype, tuple(dim(Symbol(name, axis)) for axis in range(self.rank))))

    def item(self) -> Expr:
        """Of a list that begins with it, so that its type can be seen."""
        if self.rank:
            static = () if self.dtype == "float64" else (("dtype", self.dtype),)
            return Op("np.empty", (Const(0),) * self.rank, static)
        if self.dtype in ("float64", "int64", "bool"):
            return Const({"float64": 0.0, "int64": 0, "bool": False}[self.dtype])
        return Op("astype", (Const(0.0),), (("dtype", self.dtype),))


def with_lists(functions: Mapping[str, Function]) -> dict[str, Function]:
    """The functions, whose tapes are lists: one for each type of what the function saves, or those that it calls."""
    # a list of floats that the user's own function is given is no tape
    given = {one.name for f in functions.values() for one in callees(f).values() if one.taped}
    tapes = {name: tape for name, f in functions.items() if (tape := _tape_of(f, name in given)) is not None}
    needs = {name: _own_lists(functions[name], tape) for name, tape in tapes.items()}
    inner = {name: [one.name for one in callees(functions[name]).values() if one.taped] for name in tapes}
    while True:
        wider = {name: needs[name].union(*(needs[one] for one in inner[name])) for name in tapes}
        if wider == needs:
            break
        needs = wider
    ordered = {
        name: sorted(found, key=lambda one: (one.rank, one.dtype != "float64", one.dtype))
        for name, found in needs.items()
    }
    return {
        name: _WithLists(f, tapes[name], ordered).made(ordered[name]) if name in tapes else f
        for name, f in functions.items()
    }


def _tape_of(f: Function, is_given: bool) -> str | None:
    """The name of the tape, where the function has one."""
    if is_given:
        return f.params[-1].name
    for stmt in walk(f.body):
        for e in own_exprs(stmt):
            for op in ops(e):
                if op.prim == "call" and callee_of(op).taped:
                    assert isinstance(op.args[-1], Var)
                    return op.args[-1].name
    return None


def _own_lists(f: Function, tape: str) -> frozenset[_List]:
    found: set[_List] = set()
    for stmt in walk(f.body):
        match stmt:
            case Assign(target, Op("list.pop", (Var(name),))) if name == tape:
                found.add(_list_of(f.types[target]))
            case Effect(Op("list.append", (Var(name), Var(item)))) if name == tape:
                found.add(_list_of(f.types[item]))
    return frozenset(found)


def _list_of(known: Type) -> _List:
    assert isinstance(known, Scalar | Array)
    return _List(known.dtype, known.rank if isinstance(known, Array) else 0)


class _WithLists:
    def __init__(self, f: Function, tape: str, needs: Mapping[str, list[_List]]) -> None:
        self.f, self.tape, self.needs = f, tape, needs
        self.types = {name: t for name, t in f.types.items() if name != tape}
        self.names: dict[_List, str] = {}

    def made(self, lists: list[_List]) -> Function:
        for one in lists:
            name = self.tape + (one.ending if len(lists) > 1 else "")
            while name in self.types:
                name += "_1"
            self.names[one] = name
            self.types[name] = one.type(name)
        params = []
        for p in self.f.params:
            own = [p] if p.name != self.tape else [Param(self.names[one], self.names[one]) for one in lists]
            params += own
        body = self._block(self.f.body)
        return replace(self.f, params=tuple(params), body=body, types=self.types)

    def _block(self, block: Block) -> Block:
        return tuple(new for stmt in block for new in self._stmt(stmt))

    def _stmt(self, stmt: Stmt) -> Iterable[Stmt]:
        match stmt:
            case Assign(self.tape, Op("list.new")):
                return [Assign(n, Op("list.new", (one.item(),)), stmt.span) for one, n in self.names.items()]
            case Assign(target, Op("list.pop", (Var(self.tape),))):
                return [replace(stmt, value=Op("list.pop", (self._name(self.types[target]),)))]
            case Effect(Op("list.append", (Var(self.tape), Var(item)))):
                return [replace(stmt, call=Op("list.append", (self._name(self.types[item]), Var(item))))]
        inner = [self._block(b) for b in blocks(stmt)]
        alone = with_blocks(stmt, [() for _ in inner])
        return [with_blocks(rewrite(alone, lambda e: map_expr(e, self._call)), inner)]

    def _name(self, known: Type) -> Var:
        return Var(self.names[_list_of(known)])

    def _call(self, e: Expr) -> Expr:
        if not isinstance(e, Op) or e.prim != "call" or not callee_of(e).taped:
            return e
        called = callee_of(e)
        needed = self.needs[called.name]
        given = tuple(Var(self.names[one]) for one in needed)
        taken = [(self.names[one], self.types[self.names[one]]) for one in needed]
        at = len(called.params) - 1
        changes = (*(k for k in called.changes if k != at), *range(at, at + len(needed)))
        made: Called = replace(called, params=(*called.params[:-1], *taken), changes=changes)
        return Op("call", (*e.args[:-1], *given), (("callee", made),))
