"""SSA destruction: joins and loop-carried values become parallel copies at the ends of their predecessors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace

from srcad.ir.length_exprs import nonnegative_length, shape_query
from srcad.ir.names import stem
from srcad.ir.nodes import (
    Assign,
    Block,
    Carry,
    Const,
    Effect,
    Expr,
    For,
    Function,
    If,
    Op,
    Span,
    Stmt,
    Store,
    Undef,
    Var,
    While,
)
from srcad.ir.traversal import (
    bindings,
    blocks,
    defined,
    names,
    ops,
    own_exprs,
    own_writes,
    replace_names,
    walk,
    with_blocks,
)
from srcad.ir.types import Array, Scalar, Type
from srcad.rules.traits import SHAPE_READS


def leave_ssa(f: Function) -> Function:
    """Replace each join by an assignment at the end of both branches, each carry by one before and one in the loop.

    >>> from srcad.ir.nodes import Join
        >>> from srcad.ir.notation import show
        >>> both = If(Var("c"), (), (), (Join("y", Var("a"), Var("b")),))
        >>> print(show(leave_ssa(Function("f", (), (both,), (Var("y"),), {})).body))
        if c:
            y = a
        else:
            y = b

        A cycle of copies (two carried values that are swapped) goes through a temporary.
    """
    types = dict(f.types)
    taken = set(types) | defined(f.body)
    taken |= {n for s in walk(f.body) for e in own_exprs(s) for n in names(e)}
    sequence = _SsaDestruction(
        f.adjoints,
        types,
        taken,
        _with_sources(f.body, set(_required_names(f.body))),
        _BoundNames({p.name for p in f.params}),
    )
    body = sequence.block(f.body)
    return replace(f, body=body, types=types, adjoints={**f.adjoints, **sequence.old_adjoints})


def _required_names(block: Block) -> Iterator[str]:
    """The names that are stored, passed to an effect, or queried for their shape even where they are undefined."""
    for stmt in walk(block):
        if isinstance(stmt, Store | Effect):
            yield from names(stmt.value if isinstance(stmt, Store) else stmt.call)
        for expr in own_exprs(stmt):
            for op in ops(expr):
                if op.prim in SHAPE_READS:
                    yield from names(op)


def _with_sources(block: Block, required: set[str]) -> frozenset[str]:
    """These names, and all that flow into them through joins and carries."""
    joined = [pair for s in walk(block) if not isinstance(s, Assign) for pair in bindings(s)]
    before = -1
    while len(required) > before:
        before = len(required)
        required |= {value.name for name, value in joined if name in required and isinstance(value, Var)}
    return frozenset(required)


@dataclass
class _BoundNames:
    """The names that are defined at a point of the program."""

    names: set[str]
    by_condition: dict[tuple[Var, bool], _BoundNames] = field(default_factory=dict)
    """What is defined besides where an earlier condition is true (or false): the reverse sweep tests it again."""

    def where(self, cond: Expr, taken: bool) -> _BoundNames:
        """The names defined in the branch that is taken if the condition has this value."""
        more = self.by_condition.get((cond, taken), _BoundNames(set())) if isinstance(cond, Var) else _BoundNames(set())
        return _BoundNames(self.names | more.names, self.by_condition | more.by_condition)


class _SsaDestruction:
    def __init__(
        self,
        adjoints: Mapping[str, str],
        types: dict[str, Type],
        taken: set[str],
        required: frozenset[str],
        bound: _BoundNames,
    ) -> None:
        self.adjoints = adjoints
        self.old_adjoints: dict[str, str] = {}
        self.types = types
        self.taken = taken
        self.required = required
        self.bound = bound

    def block(self, block: Block) -> Block:
        return tuple(out for stmt in block for out in self._stmt(stmt))

    def _stmt(self, stmt: Stmt) -> list[Stmt]:
        match stmt:
            case If(joins=joins, span=span):
                then = self._branch(stmt, True, [(j.target, j.then) for j in joins])
                orelse = self._branch(stmt, False, [(j.target, j.orelse) for j in joins])
                self.bound.names |= {
                    j.target for j in joins if j.target in self.required or Undef() not in (j.then, j.orelse)
                }
                return [replace(stmt, then=then, orelse=orelse, joins=())]
            case For(carried=carried, body=body, span=span):
                before, at_end, after = self._carries(carried, self._read_in_loop(stmt), span)
                exit = stmt.exit
                if exit is not None and names(exit) & defined(at_end):
                    # evaluated on the values of this iteration, before the copies overwrite them
                    leave = self._fresh("leave", Scalar("bool"))
                    at_end = (Assign(leave, exit, span), *at_end)
                    exit = Var(leave)
                body = self._loop_blocks({stmt.index} | defined(before), body)[0] + at_end
                self.bound.names |= defined((*before, *after))
                return [*before, replace(stmt, body=body, carried=(), exit=exit), *after]
            case While(carried=carried, test=test, body=body, span=span):
                before, at_end, after = self._carries(carried, self._read_in_loop(stmt), span)
                test, body = self._loop_blocks(defined(before), test, body)
                self.bound.names |= {n for s in (*before, *after, *test) for n in own_writes(s)}
                return [*before, replace(stmt, test=test, body=body + at_end, carried=()), *after]
            case _:
                self.bound.names |= set(own_writes(stmt))
                return [with_blocks(stmt, [self.block(b) for b in blocks(stmt)])]

    def _branch(self, stmt: If, taken: bool, joined: list[tuple[str, Expr]]) -> Block:
        """One of the two branches, with the copies to the targets of the joins at its end."""
        before = self.bound
        self.bound = before.where(stmt.cond, taken)
        out = self.block(stmt.then if taken else stmt.orelse)
        out += self._parallel_copy([(target, self._value(target, value)) for target, value in joined], stmt.span)
        if isinstance(stmt.cond, Var):
            before.by_condition[stmt.cond, taken] = self.bound
        self.bound = before
        return out

    def _loop_blocks(self, given: Set[str], *loop_blocks: Block) -> list[Block]:
        """The blocks of a loop, at whose entry these names are defined."""
        before = self.bound
        self.bound = _BoundNames(before.names | given, dict(before.by_condition))
        out = [self.block(block) for block in loop_blocks]
        self.bound = before
        return out

    def _read_in_loop(self, loop: For | While) -> frozenset[str]:
        inside = {n for b in blocks(loop) for s in walk(b) for e in own_exprs(s) for n in names(e)}
        for carry in loop.carried:
            inside |= names(carry.next)
        last = loop.cond if isinstance(loop, While) else loop.exit
        return frozenset(inside | (names(last) if last is not None else frozenset()))

    def _carries(self, carried: tuple[Carry, ...], read: frozenset[str], span: Span | None) -> tuple[Block, ...]:
        """The copies before the loop, at the end of an iteration, and after the loop."""
        # undefined on entry: the result is defined only if there is an iteration, as in Python
        only_inside = [
            c for c in carried if isinstance(c.init, Undef) and c.arg not in read and c.result not in self.required
        ]
        before = [
            (c.arg, self._placeholder(c.arg) if isinstance(c.init, Undef) and c not in only_inside else c.init)
            for c in carried
        ]
        at_end = [(c.result, c.next) for c in only_inside]
        at_end += [(c.arg, c.next) for c in carried if c not in only_inside]
        after = [(c.result, Var(c.arg)) for c in carried if c not in only_inside]
        return self._parallel_copy(before, span), self._parallel_copy(at_end, span), self._parallel_copy(after, span)

    def _value(self, target: str, value: Expr) -> Expr:
        return self._placeholder(target) if isinstance(value, Undef) and target in self.required else value

    def _placeholder(self, name: str) -> Expr:
        """A placeholder for a name that is undefined before a loop but copied inside: a sound program never uses it."""
        match self.types.get(name):
            case Scalar("bool"):
                return Const(False)
            case Scalar("int64"):
                return Const(0)
            case Array(dtype, dims):
                # of the length that its type says: the reverse sweep may save it in a row of an array;
                # where a name is undefined, the names in its lengths may be undefined too
                bound = all(symbol.name in self.bound.names for d in dims for symbol, _ in d.terms)
                lengths = [nonnegative_length(d, shape_query) if bound else Const(0) for d in dims]
                return Op("np.empty", tuple(lengths), () if dtype == "float64" else (("dtype", dtype),))
            case _:
                return Const(float("nan"))

    def _parallel_copy(self, copies: Iterable[tuple[str, Expr]], span: Span | None) -> Block:
        """A parallel copy as a sequence: all sources are read before their names are overwritten."""
        pending: list[tuple[str, Expr]] = [(t, v) for t, v in copies if not isinstance(v, Undef) and v != Var(t)]
        copies_done: list[Stmt] = []
        while pending:
            for i, (target, value) in enumerate(pending):
                others = pending[:i] + pending[i + 1 :]
                if not any(target in names(v) for _, v in others):
                    copies_done.append(Assign(target, value, span))
                    pending = others
                    break
            else:
                # only cycles are left: break one with a copy of the old value
                target, _ = pending[0]
                old = self._fresh(f"{stem(target)}_old", self.types.get(target))
                if target in self.adjoints:
                    self.old_adjoints[old] = self.adjoints[target]
                copies_done.append(Assign(old, Var(target), span))
                pending = [(t, replace_names(v, {target: Var(old)})) for t, v in pending]
        return tuple(copies_done)

    def _fresh(self, base: str, type: Type | None) -> str:
        """A new temporary."""
        k = 0
        while (new := f"%{base}.{k}") in self.taken:
            k += 1
        self.taken.add(new)
        if type is not None:
            self.types[new] = type
        return new
