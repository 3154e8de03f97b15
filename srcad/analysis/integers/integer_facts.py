"""Abstract interpretation of normal form over linear forms: at each statement, the integers and the path conditions.

`IntegerFacts` is the base class of analyses that override `within`. A loop that carries integers is walked several
times, until the invariants assumed at the start of an iteration also hold at its end (a fixed point, from above); only
in the last walk is `deciding` true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from srcad.analysis.integers import condition_facts
from srcad.analysis.integers.affine_steps import Step, affine_step
from srcad.analysis.integers.condition_facts import Both, Truth
from srcad.analysis.integers.filled_arrays import FilledArrays
from srcad.analysis.integers.length_forms import LengthForms
from srcad.analysis.integers.value_ranges import ZERO, Form, ValueRanges
from srcad.ir.nodes import Assign, Block, Carry, Const, Effect, Expr, For, Function, If, Op, Stmt, Undef, Var, While
from srcad.ir.runtime_checks import check_of
from srcad.ir.traversal import walk
from srcad.ir.types import Scalar


@dataclass(frozen=True)
class Path:
    """A branch condition: control flow passes here only where it holds."""

    truth: Truth


@dataclass(frozen=True, eq=False)
class Loop:
    """An enclosing loop."""

    stmt: For | While
    first: int
    """The number of the first unknown that may differ between iterations."""
    before: ValueRanges
    """The facts before the loop."""
    depth: int
    """The number of enclosing blocks."""
    iteration: Form | None = None
    """The iteration count, from 0 or as the index; None where it has no form."""
    range: tuple[Form, ...] = ()
    """Forms that are at least 0 in every iteration."""
    exact: bool = False
    """Whether each iteration in the range runs, and none has an effect that must be visible before an error."""
    ends: tuple[Form, Form] = (ZERO, ZERO)
    """The least and the greatest value of `iteration`."""


class IntegerFacts:
    """The walk.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> class Proved(IntegerFacts):
    ...     def within(self, marker, now):
    ...         if self.deciding:
    ...             index, length = (self.value(arg, now) for arg in marker.call.args)
    ...             print(now.is_nonnegative(index), now.is_nonnegative(length - index - 1))
    >>> def first_steps(x, n):
    ...     total = 0.0
    ...     for i in range(n):
    ...         if i < len(x):
    ...             total += x[i] * x[i + 1]
    ...     return total
    >>> Proved(normal_form(first_steps, np.ones(3), 2)).walk()  # 0 <= i < len(x), 0 <= i + 1 < len(x)?
    True True
    True False
    """

    def __init__(self, f: Function) -> None:
        self.f = f
        self.lengths = LengthForms(f)
        self.deciding = True
        self.paths: list[Path | Loop] = []
        self.known: dict[str, Both] = {}
        """The facts that bools imply."""
        self.made: dict[str, int] = {}
        """The number of unknowns there were when a bool was defined."""
        self.elements: dict[tuple[str, tuple[Form, ...]], Form] = {}
        """The elements that have been read, by array and indices."""
        self.filled = FilledArrays(f.types, self.lengths)
        self.depth = 0
        self.learned: list[list[Form]] = [[]]
        """What has been checked, and so holds from then on, in each of the enclosing branches."""

    def within(self, marker: Effect, now: ValueRanges) -> None:
        """Called at each `within`, in the order of the statements."""

    def checked(self, passed: Both) -> None:
        """Called at each check of the program, with the facts where it passes and those where it raises an error."""

    def finished(self, loop: Loop, now: ValueRanges) -> None:
        """Called behind each loop that has had all the iterations of its range."""

    def defined(self, name: str, now: ValueRanges) -> None:
        """Called where an integer has got its value, with what is known of it there."""

    def walk(self) -> None:
        now = ValueRanges(self.f.types)
        for param in self.f.params:
            self._define(param.name, None, now)
        self.block(self.f.body, now)

    def block(self, block: Block, now: ValueRanges) -> None:
        self.depth += 1
        for stmt in block:
            self._stmt(stmt, now)
        self.depth -= 1

    def value(self, expr: Expr, now: ValueRanges) -> Form:
        match expr:
            case Op("shape" | "len", (Var(name),), static):
                axis = dict(static).get("axis", 0)
                assert isinstance(axis, int)
                return self.lengths.of(name, axis, now) or now.value(expr)
        return now.value(expr)

    def _stmt(self, stmt: Stmt, now: ValueRanges) -> None:
        self.filled.forget(stmt)
        match stmt:
            case Assign(target, value):
                self._define(target, value, now)
                self.defined(target, now)
            case Effect(Op("within")):
                self.within(stmt, now)
            case Effect(Op("check", (condition, *_))):
                passed = condition_facts.facts_of_atom(condition, self.known)
                self._assume(passed[0], now)
                self.checked(passed)
            case If():
                self._if(stmt, now)
                self.filled.forget(stmt)
            case For():
                self._for(stmt, now)
            case While():
                self._while(stmt, now)
                self.filled.forget(stmt)

    def _assume(self, truth: Truth, now: ValueRanges) -> None:
        now.add_fact(*truth.forms)

    # ---- names -------------------------------------------------------------------------------

    def _define(self, name: str, value: Expr | None, now: ValueRanges) -> None:
        """The name is defined here; without a value, nothing is known of it."""
        if now.is_counter(name):
            self._stands_for(name, now.unknown() if value is None else self._defined_as(value, now), now)
            self.lengths.learn_place(name, value, now)
        elif self._is_bool(name):
            self.made[name] = now.fresh()
            self.known.pop(name, None)
            if value is not None:
                self.known[name] = condition_facts.facts_of_value(name, value, now, self.known)
        else:
            self.lengths.define(name, value, now)
            self.filled.define(name)
            # the name may have another array in the next iteration
            self.elements = {element: form for element, form in self.elements.items() if element[0] != name}

    def _defined_as(self, value: Expr, now: ValueRanges) -> Form:
        """The value; an element of an array that nothing writes to is the same wherever it is read."""
        if (filled := self.filled.element(value, now)) is not None:
            return filled
        match value:
            case Op("index", (Var(array), *items)) if self.lengths.is_constant(array):
                if not all(isinstance(item, Var) or type(getattr(item, "value", None)) is int for item in items):
                    return self.value(value, now)
                element = array, tuple(self.value(item, now) for item in items)
                if element not in self.elements:
                    self.elements[element] = self.value(value, now)
                return self.elements[element]
        return self.value(value, now)

    def _stands_for(self, name: str, form: Form, now: ValueRanges) -> None:
        now.define(name, form)
        self.lengths.call(form, Var(name))

    def _is_bool(self, name: str) -> bool:
        known = self.f.types.get(name)
        return isinstance(known, Scalar) and known.dtype == "bool"

    # ---- branches ----------------------------------------------------------------------------

    def _if(self, stmt: If, now: ValueRanges) -> None:
        cond = condition_facts.facts_of_atom(stmt.cond, self.known)
        sides: list[ValueRanges] = []
        learnt: list[Truth] = []
        for truth, block in zip(cond, (stmt.then, stmt.orelse), strict=True):
            side = now.copy()
            self.filled.forget(stmt)  # what a branch fills, the other one does not
            self._assume(truth, side)
            self.paths.append(Path(truth))
            self.learned.append([])
            self.block(block, side)
            self.paths.pop()
            learnt.append(Truth(tuple(self.learned.pop())))
            sides.append(side)
        one, other = sides
        for join in stmt.joins:
            name = join.target
            if now.is_counter(name) and not {type(join.then), type(join.orelse)} & {Undef}:
                a, b = one.value(join.then), other.value(join.orelse)
                form = a if a == b else now.one_of([(one, a), (other, b)], (), hard=True)
                self._stands_for(name, form, now)
                self.defined(name, now)
                continue
            self._define(name, None, now)
            if self._is_bool(name):
                passed = (cond[0] + learnt[0], cond[1] + learnt[1])
                self.known[name] = condition_facts.facts_of_join(join, passed, self.known)

    # ---- loops -------------------------------------------------------------------------------

    def _for(self, stmt: For, now: ValueRanges) -> None:
        start, stop = self.value(stmt.start, now), self.value(stmt.stop, now)
        by = stmt.step.value if isinstance(stmt.step, Const) and type(stmt.step.value) is int else 0
        count = None if abs(by) < 2 else self.lengths.divided((stop - start) * (1 if by > 0 else -1), abs(by), now)
        first = now.fresh()
        turn = now.unknown()
        range_: tuple[Form, ...]
        match by:
            case 1:
                index, range_, ends = turn, (turn - start, stop - turn - 1), (start, stop - 1)
            case -1:
                index, range_, ends = turn, (start - turn, turn - stop - 1), (stop + 1, start)
            case 0:
                index, range_, ends = turn, (), (start, start)
            case _:
                assert count is not None
                index, range_, ends = start + turn * by, (turn, count - turn - 1), (ZERO, count - 1)
        counts = by != 0 and stmt.exit is None and not any(map(_is_seen, walk(stmt.body)))
        loop = Loop(stmt, first, now.copy(), self.depth, turn if by else None, range_, counts, ends)
        passed = None if by == 0 else turn - start if by == 1 else start - turn if by == -1 else turn
        turns = count or (stop - start) * by
        whole = by != 0 and stmt.exit is None
        after = turns if whole and now.is_nonnegative(turns) else None

        def turned(here: ValueRanges) -> None:
            if abs(by) > 1:  # in an iteration, the index has not reached the stop
                here.add_fact((stop - index) * (1 if by > 0 else -1) - 1)
            self._stands_for(stmt.index, index, here)
            self.block(stmt.body, here)

        last = self._turns(stmt.carried, loop, passed, after, turned, now)
        self.filled.forget(stmt)
        self.filled.fill(stmt, first, loop.before, last)
        if whole:
            self.finished(loop, now)

    def _while(self, stmt: While, now: ValueRanges) -> None:
        loop = Loop(stmt, now.fresh(), now.copy(), self.depth)

        def turned(here: ValueRanges) -> None:
            self.block(stmt.test, here)
            self._assume(condition_facts.facts_of_atom(stmt.cond, self.known)[0], here)
            self.block(stmt.body, here)

        self._turns(stmt.carried, loop, None, None, turned, now)

    def _turns(
        self,
        carried: tuple[Carry, ...],
        loop: Loop,
        passed: Form | None,
        turns: Form | None,
        turned: Callable[[ValueRanges], None],
        now: ValueRanges,
    ) -> ValueRanges:
        """Walk the body; `passed` is the number of earlier iterations, `turns` the trip count.

        Returns what holds at the end of an iteration.
        """
        entry = {c.arg: now.value(c.init) for c in carried if now.is_counter(c.arg) and not isinstance(c.init, Undef)}
        ends = {c.arg: c.next for c in carried if c.arg in entry}
        heads = {name: now.unknown() for name in entry}
        claims = [(n, claim) for n, form in entry.items() for claim in (heads[n] - form, form - heads[n])]
        claims += [(n, heads[n]) for n, form in entry.items() if now.is_nonnegative(form)]
        if passed is not None:
            claims += [(n, form + passed - heads[n]) for n, form in entry.items()]
        rising: dict[str, Step] = {}
        """The integers of which the change in each iteration is known. Where it is constant, names stand for forms."""

        def walked(deciding: bool) -> ValueRanges:
            here = now.copy()
            here.add_fact(*loop.range)
            self.filled.forget(loop.stmt)
            even = {n: entry[n] + step.sum(passed, here) for n, step in rising.items() if passed is not None}
            for c in carried:
                if c.arg in even and not rising[c.arg].slope:
                    self._stands_for(c.arg, even[c.arg], here)
                elif c.arg in heads:
                    self._stands_for(c.arg, heads[c.arg], here)
                else:
                    self._define(c.arg, None, here)
            here.add_fact(*(claim for name, claim in claims if name not in rising or rising[name].slope))
            for name, form in even.items():
                if rising[name].slope:
                    here.equate(heads[name], form)
            before, self.deciding = self.deciding, deciding
            for c in carried:
                self.defined(c.arg, here)
            self.paths.append(loop)
            turned(here)
            self.paths.pop()
            self.deciding = before
            return here

        uneven: set[str] = set()
        while entry:
            here = walked(False)
            found = {n: (here.value(Var(n)), here.value(e)) for n, e in ends.items() if not isinstance(e, Undef)}
            steps = {n: self._step(end - head, loop, passed, here) for n, (head, end) in found.items()}
            # what was found may rest on invariants that did not hold: a step is one, too, until it is found again
            wrong = {n for n, step in rising.items() if steps.get(n) != step}
            uneven |= wrong
            new = {n: step for n, step in steps.items() if step is not None and n not in rising and n not in uneven}
            if wrong or new:
                for name in wrong:
                    now.separate(heads[name])
                rising = {n: step for n, step in (*rising.items(), *new.items()) if n not in wrong}
                continue
            later = passed if passed is not None else ZERO
            kept = [
                (n, c)
                for n, c in claims
                if (n in rising and not rising[n].slope)
                or (n in found and here.holds(_at_end(c, heads[n], found[n][1], later)))
            ]
            if len(kept) == len(claims):
                break
            claims = kept
        last = walked(self.deciding)
        for c in carried:
            self._define(c.result, None, now)
            if c.arg in entry:
                own = [claim for n, claim in claims if n == c.arg and not _counts(claim, passed)]
                self._after_turns(c.result, entry[c.arg], rising.get(c.arg), turns, own, heads[c.arg], now)
            self.defined(c.result, now)
        return last

    def _after_turns(
        self,
        name: str,
        start: Form,
        step: Step | None,
        turns: Form | None,
        claims: list[Form],
        head: Form,
        now: ValueRanges,
    ) -> None:
        """What a carried integer is after the loop; `claims` are the invariants of its `head`."""
        after = now.value(Var(name))
        if step is not None and turns is not None:
            end = start + step.sum(turns, now)
            if step.slope:
                now.equate(after, end)
            else:
                self._stands_for(name, end, now)
                return
        elif step is not None and not step.slope:
            now.add_fact((after - start) * (1 if step.first.const >= 0 else -1))
            return
        now.add_fact(*(claim.with_value(_number(head), after) for claim in claims))

    def _step(self, change: Form, loop: Loop, passed: Form | None, here: ValueRanges) -> Step | None:
        """How each iteration changes an integer."""
        if passed is None or loop.iteration is None:
            return None
        rest = change - loop.iteration * change.coefficient(_number(loop.iteration))
        if self.lengths.depends(rest, loop.first, here):
            return None
        return affine_step(change, loop.iteration, passed, here)


def _number(unknown: Form) -> int:
    return unknown.terms[0][0]


def _counts(claim: Form, passed: Form | None) -> bool:
    """Whether an invariant depends on the number of earlier iterations."""
    return passed is not None and any(claim.coefficient(u) for u, _ in passed.terms[-1:])


def _at_end(claim: Form, head: Form, end: Form, passed: Form) -> Form:
    """What has to hold at the end of an iteration, for the invariant to hold at the start of the next."""
    new = claim.with_value(_number(head), end)
    return new + 1 if passed.terms and claim.coefficient(passed.terms[-1][0]) else new


def _is_seen(stmt: Stmt) -> bool:
    """Whether the statement has an effect that must precede a later error: a print, a check by the user."""
    if not isinstance(stmt, Effect) or stmt.call.prim == "within":
        return False
    found = check_of(stmt)
    return found is None or not found.derived
