"""Forward substitution: the expression of a temporary replaces its reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace

from srcad.analysis.memory.may_alias import MayAlias, may_alias
from srcad.analysis.memory.reordering import clobbers_operands
from srcad.analysis.values.effects import is_pure
from srcad.ir.names import base, is_temporary
from srcad.ir.nodes import Assign, Block, Const, Expr, For, If, Op, Slice, Stmt, Store, Var, While
from srcad.ir.result_memory import root
from srcad.ir.runtime_checks import is_check
from srcad.ir.traversal import (
    blocks,
    changed_by,
    changed_operands,
    children,
    ops,
    own_exprs,
    own_writes,
    reads,
    stmt_reads,
    substitute,
    walk,
    with_blocks,
)
from srcad.ir.types import Scalar, Type
from srcad.rules.traits import CONDITIONS, LAZY, SHAPE_ARITHMETIC, WRITABLE_VIEWS

_TOTAL = CONDITIONS | SHAPE_ARITHMETIC
_BY_SYMBOL = frozenset({"index", "np.transpose", "reshape"})
"""Printed with few characters beside the operands."""
_LONGEST_LINE = 110
_LONGEST_ADJOINT = 84
"""In characters. Temporaries of the user's lines are substituted into longer lines than those of adjoints."""


def substitute_temporaries(
    block: Block,
    types: Mapping[str, Type],
    live_out: Iterable[str] = (),
    tape: Container[str] = (),
    adjoints: Container[str] = (),
) -> Block:
    """Substitute the expression of a temporary for its only read; copies and small expressions for all reads.

    >>> from srcad.ir.notation import parse, show
    >>> print(show(substitute_temporaries(parse('''
    ... %t.0 = x[i]
    ... %t.1 = %t.0 * a
    ... x[i] = 0.0
    ... y = %t.1 + 1.0
    ... '''), {})))
    %t.1 = x[i] * a
    x[i] = 0.0
    y = %t.1 + 1.0

    Nothing moves across a write to an operand, into a loop, or into an operand that is not always evaluated.
    """
    shared = may_alias(block, types)
    required = frozenset(live_out)
    while True:
        new = _Substitution(block, types, shared, required, tape, adjoints).block(block)
        if new == block:
            return block
        block = new


class _Substitution:
    def __init__(
        self,
        block: Block,
        types: Mapping[str, Type],
        shared: MayAlias,
        required: frozenset[str],
        tape: Container[str],
        adjoints: Container[str],
    ) -> None:
        self.tape = tape
        self.adjoints = adjoints
        self.types = types
        self.shared = shared
        self.required = required
        self.writes = Counter(n for s in walk(block) for n in own_writes(s))
        self.uses = Counter(n for s in walk(block) for e in own_exprs(s) for n in reads(e))

    def block(self, block: Block) -> Block:
        return self._with_tail(block, None)[0]

    def _with_tail(self, block: Block, tail: Expr | None) -> tuple[Block, Expr | None]:
        """Substitute in a block, and in an expression evaluated right after it (the condition of a loop)."""
        stmts = [self._inner(s) for s in block]
        i = 0
        while i < len(stmts):
            substituted = self._substituted(stmts, i, tail)
            if substituted is None:
                i += 1
            else:
                stmts, tail = substituted
        return tuple(stmts), tail

    def _inner(self, stmt: Stmt) -> Stmt:
        match stmt:
            case While(test=test, cond=cond, body=body, carried=()):
                test, new = self._with_tail(test, cond)
                assert new is not None
                return While(test, new, self.block(body), (), stmt.span)
            case For(body=body, exit=exit, carried=()) if exit is not None:
                body, exit = self._with_tail(body, exit)
                return replace(stmt, body=body, exit=exit)
            case _:
                return with_blocks(stmt, [self.block(b) for b in blocks(stmt)])

    def _substituted(self, stmts: list[Stmt], i: int, tail: Expr | None) -> tuple[list[Stmt], Expr | None] | None:
        """The block without the temporary assigned at `i`; None where it cannot be substituted."""
        stmt = stmts[i]
        if not isinstance(stmt, Assign) or not self._is_candidate(stmt):
            return None
        name, value = stmt.target, stmt.value
        remaining = self.uses[name]
        if remaining > 1 and not self._is_small(value, remaining):
            return None
        for j in range(i + 1, len(stmts)):
            reads_here = _count(stmts[j], name)
            if reads_here and not self._may_replace(stmts[j], name, value, reads_here):
                return None
            remaining -= reads_here
            if remaining == 0:
                new = substitute(tuple(stmts[i + 1 : j + 1]), {name: value})
                if _too_long(new[-1], _LONGEST_ADJOINT if name in self.adjoints else _LONGEST_LINE):
                    return None
                reader = new[-1]
                if isinstance(reader, Assign | Store) and reader.span is None and not isinstance(value, Var | Const):
                    # the statement keeps the source line of what it reverses
                    new = (*new[:-1], replace(reader, span=stmt.span))
                self._update_uses(name, value)
                return [*stmts[:i], *new, *stmts[j + 1 :]], tail
            if clobbers_operands(stmts[j], value, self.shared):
                return None
        if tail is not None and reads(tail).count(name) == remaining and not _in_lazy(tail, name, value):
            new = substitute((*stmts[i + 1 :], _as_statement(tail)), {name: value})
            tail_statement = new[-1]
            assert isinstance(tail_statement, Assign)
            self._update_uses(name, value)
            return [*stmts[:i], *new[:-1]], tail_statement.value
        return None

    def _update_uses(self, name: str, value: Expr) -> None:
        """Update the numbers of reads: the value was duplicated for each read of the name."""
        for read in reads(value):
            self.uses[read] += self.uses[name] - 1
        del self.uses[name]

    def _is_candidate(self, stmt: Assign) -> bool:
        name = stmt.target
        return (
            (is_temporary(name) or (self.uses[name] == 1 and self._is_tape_load(stmt.value)))
            and self.writes[name] == 1
            and self.uses[name] > 0
            and name not in self.required
            and is_pure(stmt.value)
        )

    def _is_small(self, value: Expr, uses: int) -> bool:
        """Whether the expression is cheap and short enough to be duplicated."""
        match value:
            case Var() | Const():
                return True
            case Op("+" | "-", (Var(name), Const(int())), _):
                return self._is_scalar(name)
            case Op("index", (Var(), *items), _) if all(isinstance(i, Var | Const) for i in items):
                return uses <= 3 and self.shared.is_element(value) and not self._is_tape_load(value)
            case Op("*", (Const(), Var(name)), _) | Op("neg", (Var(name),), _):
                return uses == 2 and self._is_scalar(name)
        return False

    def _is_tape_load(self, value: Expr) -> bool:
        """Whether the value is a load from the tape: the tape can be read directly instead."""
        required = root(value) if isinstance(value, Op) and value.prim == "index" else None
        return required is not None and required in self.tape

    def _is_scalar(self, name: str) -> bool:
        return isinstance(self.types.get(name), Scalar)

    def _may_replace(self, stmt: Stmt, name: str, value: Expr, uses: int) -> bool:
        """Whether the reads in this statement may be replaced by the expression."""
        if isinstance(value, Op) and value.prim == "result":
            # one of several results has a name, or is saved at once: `y, h_saved[i] = f(x)`
            return isinstance(stmt, Store) and stmt.op is None and stmt.value == Var(name)
        direct_reads = sum(reads(e).count(name) for e in own_exprs(stmt))
        repeated = isinstance(stmt, While) or (isinstance(stmt, For) and stmt.exit is not None)
        if direct_reads < uses or repeated:
            # in a nested block it is evaluated later, perhaps repeatedly, and after the writes there
            inside = isinstance(stmt, If) or (not repeated and isinstance(value, Op) and value.prim in ("+", "-"))
            if not isinstance(value, Var | Const) and not (self._is_small(value, uses) and inside):
                return False
            if clobbers_operands(stmt, value, self.shared):
                return False
        for inner in walk((stmt,)):
            if isinstance(inner, Store) and root(inner.base) == name and not _is_view_of_name(value):
                return False
            if any(_in_lazy(e, name, value) for e in own_exprs(inner)):
                return False
            if any(_is_modified_list(e, name) for e in own_exprs(inner)):
                return False
        effects = {self.shared.class_of(n) for e in own_exprs(stmt) for n in changed_by(e)}
        return not effects & self.shared.reads(value)


def _count(stmt: Stmt, name: str) -> int:
    if name not in stmt_reads(stmt):
        return 0
    return sum(reads(e).count(name) for s in walk((stmt,)) for e in own_exprs(s))


def _as_statement(tail: Expr) -> Assign:
    return Assign("", tail)


def _is_view_of_name(value: Expr) -> bool:
    """Whether storing into the expression stores into the memory of a name."""
    while isinstance(value, Op) and value.prim in WRITABLE_VIEWS:
        value = value.args[0]
    return isinstance(value, Var)


def _is_modified_list(expr: Expr, name: str) -> bool:
    """Whether the name is a list or array that an operation modifies in place: it must stay a name."""
    return any(name in reads(changed) for op in ops(expr) for changed in changed_operands(op))


def _in_lazy(expr: Expr, name: str, value: Expr) -> bool:
    """Whether a read is in an operand that is not always evaluated, where the value must not be moved."""
    if all(op.prim in _TOTAL or _is_slice(op) for op in ops(value)):
        return False
    return any(name in reads(arg) for op in ops(expr) if op.prim in LAZY for arg in op.args[1:])


def _is_slice(op: Op) -> bool:
    """Whether it is a slice `x[1:]`, which costs nothing and is never out of bounds."""
    return op.prim == "index" and all(isinstance(item, Slice) for item in op.args[1:])


def _too_long(stmt: Stmt, limit: int) -> bool:
    """Whether the line would exceed its limit; checks have none."""
    if is_check(stmt):
        return False
    return sum(map(_length, own_exprs(stmt))) > limit


def _length(expr: Expr) -> int:
    """About how many characters the expression takes."""
    match expr:
        case Var(name):
            return len(base(name))
        case Const(value):
            return len(repr(value))
        case Op(prim, args, _):
            direct_reads = len(prim) + 2 if prim[-1].isalpha() and prim not in _BY_SYMBOL else 3
            return direct_reads + sum(map(_length, args)) + (2 * len(args) if len(args) > 2 else 0)
        case Slice():
            return 1 + sum(map(_length, children(expr)))
        case _:
            return 4
