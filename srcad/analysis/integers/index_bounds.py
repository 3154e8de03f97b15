"""Bounds-check elimination and hoisting: each `within` of the normal form is proved, hoisted out of loops, or left.

Lowering writes `within(index, length)` wherever Python checks an index. Most of them follow from what is known there:
the ranges of counters, branch conditions, lengths, earlier checks. Where the index is affine in the counters of the
loops around it, one check before them stands for all iterations: the iterations that would raise an error are a system
of linear inequalities, from which the counters are eliminated one after another, from the innermost loop outwards.
That is done only where it is exact: the hoisted check fails if and only if one in the loop would, so that a condition,
a loop without iterations or one with an early exit raises no error that Python does not. What remains is checked in
place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from srcad.analysis.integers.condition_facts import Both, Truth
from srcad.analysis.integers.constraint_solver import needed
from srcad.analysis.integers.fourier_motzkin import eliminated
from srcad.analysis.integers.integer_facts import IntegerFacts, Loop, Path
from srcad.analysis.integers.value_ranges import Form, ValueRanges
from srcad.ir.linear import LinearForm
from srcad.ir.nodes import Block, Const, Effect, Expr, Function, Op, Span, Stmt, Var
from srcad.ir.types import Scalar


@dataclass(frozen=True)
class IndexCheck:
    """A check of `condition` before the statement `before`: that very node, the `within` itself or a loop around it."""

    before: Stmt
    condition: Expr
    index: Expr | None
    """An index that is out of bounds where the condition is false; None where none is certain to be."""
    length: Expr
    where: str
    """The source location, with which the error message begins."""
    span: Span | None


@dataclass(frozen=True, eq=False)
class _System:
    """A hoisted check: some iteration of the loop has an index out of bounds where all of `raised` holds."""

    loop: Loop
    raised: Truth
    index: Form | None
    length: Form
    marker: Effect


def index_checks(f: Function) -> tuple[IndexCheck, ...]:
    """The checks that remain, in the order of the statements that they precede.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.printer import expr_text
    >>> def total(x, n):
    ...     s = 0.0
    ...     for i in range(len(x)):
    ...         s += x[i]
    ...     for i in range(n):
    ...         s += x[i + 1]
    ...     return s
    >>> for check in index_checks(normal_form(total, np.ones(3), 2)):
    ...     print(expr_text(check.condition), "before the", type(check.before).__name__)
    (n < shape(x, axis=0)) or (n < 1) before the For
    """
    walk = _Within(f)
    walk.walk()
    return tuple(walk.asked())


class _Within(IntegerFacts):
    def __init__(self, f: Function) -> None:
        super().__init__(f)
        self._found: list[IndexCheck | _System] = []
        self._passed: list[list[Truth]] = []
        """What raises an error in the checks so far, those of the program and the hoisted ones, for each enclosing
        block: behind a check it does not hold."""
        self._behind: list[Truth] = []
        """Those of the block that has ended last."""

    def asked(self) -> list[IndexCheck]:
        return [
            one if isinstance(one, IndexCheck) else self._written(one) for one in self._found if not self._idle(one)
        ]

    def block(self, block: Block, now: ValueRanges) -> None:
        self._passed.append([])
        super().block(block, now)
        self._behind = self._passed.pop()

    def checked(self, passed: Both) -> None:
        self._passed[-1].append(passed[1])

    def finished(self, loop: Loop, now: ValueRanges) -> None:
        """What no iteration has raised an error for does not hold for the first, for the last, and for others."""
        if loop.iteration is None:
            return
        for raised in dict.fromkeys(self._behind):
            if any(self.made.get(name, -1) >= loop.first for name, _ in raised.bools):
                continue
            for forms in self._of_some_iterations(raised, loop, loop.iteration, now):
                self._passed[-1].append(Truth(forms, raised.bools))

    def _of_some_iterations(
        self, raised: Truth, loop: Loop, iteration: Form, now: ValueRanges
    ) -> Iterator[tuple[Form, ...]]:
        """The forms with each end of the range in which they may all be at least 0 for the iteration."""
        ((number, _),) = iteration.terms
        own = tuple(map(now.in_full, raised.forms))
        ends = [(iteration * c - form) * c for form in own if abs(c := form.coefficient(number)) == 1]
        for end in dict.fromkeys([*ends, *loop.ends]):
            if not self.lengths.depends(end, loop.first, now):
                forms = [now.with_value(form, number, end) for form in (*own, *loop.range)]
                left = tuple(form for form in forms if form.terms or form.const < 0)
                if not any(self.lengths.depends(form, loop.first, now) for form in left):
                    yield left

    # ---- one check ---------------------------------------------------------------------------

    def within(self, marker: Effect, now: ValueRanges) -> None:
        index, length = marker.call.args
        v, n = self.value(index, now), self.value(length, now)
        known = self.f.types.get(index.name) if isinstance(index, Var) else None
        signed = not (isinstance(known, Scalar) and known.dtype.startswith("uint"))
        if self.deciding:
            below = signed and not now.is_nonnegative(v) and self._is_left(-v - n - 1, v, n, marker, now)
            beyond = self._is_left(v - n, v, n, marker, now)
            if below or beyond:
                condition = Op("is_index", (index, length)) if below and beyond else _compared(index, length, beyond)
                self._found.append(IndexCheck(marker, condition, index, length, _where(marker), marker.span))
        holds = (n - v - 1, *([v + n] if signed else []))
        now.add_fact(*holds)
        self.learned[-1] += holds

    def _is_left(self, raised: Form, v: Form, n: Form, marker: Effect, now: ValueRanges) -> bool:
        """Whether it has to be checked in place. A check that can be hoisted is recorded."""
        if now.holds(-raised - 1):
            return False
        system, possible = self._outside(raised, v, n, marker, now)
        if system is not None:
            self._passed[system.loop.depth - 1].append(system.raised)
            self._found.append(system)
        return possible and system is None

    def _outside(self, raised: Form, v: Form, n: Form, marker: Effect, now: ValueRanges) -> tuple[_System | None, bool]:
        """The check, hoisted as far out as possible, and whether any iteration can raise an error at all."""
        best: _System | None = None
        upper = raised == v - n
        here = Truth((raised,))
        index: Form | None = v
        exact = True
        if self._is_excluded(here, now):
            return None, False
        for way in reversed(self.paths):
            if isinstance(way, Path):
                here += way.truth
                index = None
                continue
            if way.iteration is None:
                break
            (number, _) = way.iteration.terms[0]
            left = eliminated(number, {*here.forms, *way.range})
            if left is None or any(self.lengths.varies(form, way.first) for form in (*left, n)):
                break
            if any(self.made.get(name, -1) >= way.first for name, _ in here.bools):
                break
            kept = needed(left, self.lengths.facts(tuple(left), way.before.facts))
            if kept is None:
                return None, False
            here = Truth(kept, here.bools)
            if self._is_excluded(here, way.before):
                return None, False
            exact = exact and way.exact
            if index is not None:
                at = (index.coefficient(number) > 0) == upper
                index = index.with_value(number, way.ends[at])
                index = None if self.lengths.varies(index, way.first) else index
            system = _System(way, here, index, n, marker)
            if exact and self._can_be_written(system):
                best = system
        return best, True

    def _can_be_written(self, system: _System) -> bool:
        stmt = system.loop.stmt
        forms = (*system.raised.forms, system.length)
        spelled = all(self.lengths.written(form, stmt) is not None for form in forms)
        return spelled and all(self.lengths.is_known(name, stmt) for name, _ in system.raised.bools)

    # ---- several -----------------------------------------------------------------------------

    def _is_excluded(self, raised: Truth, now: ValueRanges) -> bool:
        """Whether an earlier check on the way here raises an error wherever all of this holds."""
        return any(self._implies(raised, other, now) for block in self._passed for other in block)

    def _implies(self, one: Truth, other: Truth, now: ValueRanges) -> bool:
        """Whether the second holds wherever the first does."""
        if not set(other.bools) <= set(one.bools):
            return False
        facts = self.lengths.facts((*one.forms, *other.forms), now.facts).with_facts(*one.forms)
        return all(form in one.forms or facts.imply(form) for form in other.forms)

    def _idle(self, one: IndexCheck | _System) -> bool:
        """Whether a later check before the same statement subsumes it."""
        if isinstance(one, IndexCheck):
            return False
        later = self._found[self._found.index(one) + 1 :]
        return any(
            isinstance(other, _System)
            and other.loop.stmt is one.loop.stmt
            and self._implies(one.raised, other.raised, one.loop.before)
            for other in later
        )

    # ---- as expressions ----------------------------------------------------------------------

    def _written(self, system: _System) -> IndexCheck:
        stmt = system.loop.stmt
        conditions = [self._below_zero(form, stmt) for form in system.raised.forms]
        for name, truth in system.raised.bools:
            conditions.append(Op("not", (Var(name),)) if truth else Var(name))
        whole = conditions[0] if conditions else Const(False)  # the loop is never left without an error
        for condition in conditions[1:]:
            whole = Op("or", (whole, condition))
        index = None if system.index is None else self.lengths.written(system.index, stmt)
        length = self.lengths.written(system.length, stmt)
        assert length is not None
        return IndexCheck(stmt, whole, index, length, _where(system.marker), system.marker.span)

    def _below_zero(self, form: Form, stmt: Stmt) -> Expr:
        """`form < 0`, with nothing subtracted."""
        less = LinearForm.of(((u, c) for u, c in form.terms if c > 0), max(form.const, 0))
        more = LinearForm.of(((u, -c) for u, c in form.terms if c < 0), max(-form.const, 0))
        strict = more.const == 0 or not more.terms
        left, right = self.lengths.written(less, stmt), self.lengths.written(more if strict else more - 1, stmt)
        assert left is not None and right is not None
        if isinstance(left, Const):
            return Op(">" if strict else ">=", (right, left))
        return Op("<" if strict else "<=", (left, right))


def _compared(index: Expr, length: Expr, upper: bool) -> Expr:
    if upper:
        return Op("<", (index, length)) if isinstance(index, Var) else Op(">", (length, index))
    if isinstance(index, Const) and isinstance(index.value, int):
        return Op(">=", (length, Const(-index.value)))
    least = (
        Const(-length.value) if isinstance(length, Const) and isinstance(length.value, int) else Op("neg", (length,))
    )
    return Op(">=", (index, least))


def _where(marker: Effect) -> str:
    return str(dict(marker.call.static)["where"])
