"""Merging of accumulations into the same adjoint: several `+=` on one target become one statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from srcad.analysis.memory.may_alias import MayAlias, may_alias
from srcad.analysis.memory.reordering import clobbers_contents, clobbers_operands, conflicts_with_target
from srcad.analysis.values.effects import is_pure
from srcad.ir.nodes import Assign, AugAssign, Block, Comment, Expr, Op, Slice, Stmt, Store, Var
from srcad.ir.result_memory import roots
from srcad.ir.traversal import blocks, names, subexpressions, with_blocks
from srcad.ir.types import Array, Scalar, Type
from srcad.typing.typeof import same_type, typeof

_LONGEST = 24
"""How many subexpressions a merged sum may have, so that it fits on a line."""


def merge_contributions(block: Block, types: Mapping[str, Type], shared: MayAlias | None = None) -> Block:
    """Merge accumulations into one target; drop the store of a value that the element already has.

    >>> from srcad.ir.notation import parse, show
    >>> print(show(merge_contributions(parse('''
    ... d_limit += d_acc
    ... d_limit -= 0.1 * d_acc
    ... '''), dict.fromkeys(("d_limit", "d_acc"), Scalar("float64")))))
    d_limit += d_acc - (0.1 * d_acc)

    Changes the order of two additions, so results may differ in the last bit.
    """
    return _Merge(types, shared or may_alias(block, types)).block(block)


class _Merge:
    def __init__(self, types: Mapping[str, Type], shared: MayAlias) -> None:
        self.types = types
        self.shared = shared

    def block(self, block: Block) -> Block:
        stmts: list[Stmt] = []
        for stmt in block:
            stmt = with_blocks(stmt, [self.block(b) for b in blocks(stmt)])
            new = self._without_restore(stmts, stmt)
            if new is None:
                continue
            if not self._merged(stmts, new):
                stmts.append(new)
        return tuple(stmts)

    # ---- d += a; d += b ----------------------------------------------------------------------

    def _merged(self, before: list[Stmt], stmt: Stmt) -> bool:
        """Merge the statement with an earlier one: at the earlier place, or here if a value would change there."""
        if not isinstance(stmt, AugAssign | Store) or stmt.op not in ("+", "-") or not is_pure(stmt.value):
            return False
        target = _target(stmt)
        at_earlier, commutes = True, False
        for k in range(len(before) - 1, -1, -1):
            earlier = before[k]
            if isinstance(earlier, Comment):
                return False
            if self._is_earlier(earlier, target):
                assert isinstance(earlier, Assign | AugAssign | Store)
                both = self._sum(earlier, stmt)
                if both is None:
                    return False
                if at_earlier:
                    before[k] = both
                    return True
                assigns = isinstance(earlier, Assign) or earlier.op is None
                if (commutes and assigns) or any(
                    clobbers_contents(s, earlier.value, self.shared) for s in before[k + 1 :]
                ):
                    return False
                before[k:] = [*before[k + 1 :], both]
                return True
            if conflicts_with_target((earlier,), *target, self.shared):
                if not self._commutes(earlier, target):
                    return False
                commutes = True
            at_earlier = at_earlier and not clobbers_contents(earlier, stmt.value, self.shared)
        return False

    def _commutes(self, stmt: Stmt, target: tuple[Expr, tuple[Expr, ...]]) -> bool:
        """Whether the statement only adds to elements of the same array: accumulations commute."""
        place, index = target
        if not isinstance(stmt, Store) or stmt.op not in ("+", "-") or stmt.base != place or not index:
            return False
        target_classes = {self.shared.class_of(n) for n in names(place)}
        read = [self.shared.reads_contents(stmt.value), *map(self.shared.reads, (*stmt.index, *index))]
        return is_pure(stmt.value) and not any(target_classes & memory for memory in read)

    def _is_earlier(self, stmt: Stmt, target: tuple[Expr, tuple[Expr, ...]]) -> bool:
        """Whether an accumulation into `target` may be merged with this statement."""
        if isinstance(stmt, Assign):
            # an array must not alias another: the sum will be a new array
            alias = any(map(self.shared.has_memory, roots(stmt.value)))
            return (Var(stmt.target), ()) == target and not alias
        return isinstance(stmt, AugAssign | Store) and _target(stmt) == target

    def _sum(self, earlier: Assign | AugAssign | Store, stmt: AugAssign | Store) -> Stmt | None:
        """One statement for two, in which both values are evaluated before the target changes."""
        op = None if isinstance(earlier, Assign) else earlier.op
        if op not in (None, "+", "-"):
            return None
        if earlier.span is not None and stmt.span is not None and earlier.span.line != stmt.span.line:
            return None
        if clobbers_contents(earlier, stmt.value, self.shared) or not is_pure(earlier.value):
            return None
        one, other = typeof(earlier.value, self.types), typeof(stmt.value, self.types)
        if not (same_type(one, other) and isinstance(one, Scalar | Array)):
            return None
        if not isinstance(stmt.value, Var) and _size(earlier.value) + _size(stmt.value) > _LONGEST:
            return None
        if op == "-" and stmt.op == "+":
            assert not isinstance(earlier, Assign)
            return replace(earlier, op="+", value=Op("-", (stmt.value, earlier.value)))
        inner = "+" if stmt.op == (op or "+") else "-"
        return replace(earlier, value=Op(inner, (earlier.value, stmt.value)))

    # ---- t = d[i]; ...; d[i] = t -------------------------------------------------------------

    def _without_restore(self, before: list[Stmt], stmt: Stmt) -> Stmt | None:
        """None where the statement stores the current content; `d[i] += e` where it stores the content plus e."""
        if not isinstance(stmt, Store) or stmt.op is not None or not isinstance(stmt.base, Var):
            return stmt
        if any(isinstance(item, Slice) for item in stmt.index) or not stmt.index:
            return stmt
        value = stmt.value
        if self._is_content(before, stmt, value):
            return None
        match value:
            case Op("+", (a, b), _) if self._is_content(before, stmt, a):
                return replace(stmt, op="+", value=b)
            case Op("+", (a, b), _) if self._is_content(before, stmt, b):
                return replace(stmt, op="+", value=a)
            case Op("-", (a, b), _) if self._is_content(before, stmt, a):
                return replace(stmt, op="-", value=b)
        return stmt

    def _is_content(self, before: list[Stmt], stmt: Store, value: Expr) -> bool:
        """Whether the value is known to equal the current content of the element."""
        element = Op("index", (stmt.base, *stmt.index))
        if not self.shared.is_element(element):
            return False
        if value == element:
            return True
        if not isinstance(value, Var):
            return False
        for earlier in reversed(before):
            if isinstance(earlier, Assign) and earlier.target == value.name:
                return earlier.value == element and not clobbers_operands(earlier, element, self.shared)
            if clobbers_operands(earlier, element, self.shared) or clobbers_operands(earlier, value, self.shared):
                return False
        return False


def _size(expr: Expr) -> int:
    return sum(1 for _ in subexpressions(expr))


def _target(stmt: AugAssign | Store) -> tuple[Expr, tuple[Expr, ...]]:
    if isinstance(stmt, AugAssign):
        return Var(stmt.target), ()
    return stmt.base, () if all(item == Slice() for item in stmt.index) else stmt.index
