"""Integers that each iteration of a loop changes by an affine amount: after p iterations, a form of p.

The amount is a constant (`at += 2`), or grows or falls by 1 with each iteration: that of an inner loop over the rows of
a triangle, each an element longer or shorter than the one before. The sum of these is a difference of numbers of pairs:
n (n - 1) / 2 grows by n where n grows by 1.

>>> from srcad.ir.linear import LinearForm
>>> now = ValueRanges({})
>>> turn = now.unknown()  # 0, 1, 2, ...
>>> up, down = affine_step(turn + 1, turn, turn, now), affine_step(-turn, turn, turn, now)
>>> [up.sum(LinearForm.constant(p), now).const for p in range(5)], down.sum(LinearForm.constant(4), now).const
([0, 1, 3, 6, 10], -6)
>>> affine_step(turn * 2, turn, turn, now) is None
True
"""

from __future__ import annotations

from dataclasses import dataclass

from srcad.analysis.integers.value_ranges import Form, ValueRanges


@dataclass(frozen=True)
class Step:
    """In iteration p, from 0, the integer changes by `first + p * slope`, or by the negative of that."""

    first: Form
    slope: int = 0
    """0, with a constant `first`, or 1 or -1."""
    falls: bool = False

    def sum(self, passed: Form, now: ValueRanges) -> Form:
        """The change in so many iterations."""
        if self.slope == 0:
            return passed * self.first.const
        start = self.first if self.slope == 1 else self.first + 1
        change = now.number_of_pairs(start + passed * self.slope) - now.number_of_pairs(start)
        return change if self.falls == (self.slope == -1) else -change


def affine_step(change: Form, turn: Form, passed: Form, now: ValueRanges) -> Step | None:
    """The step of an integer that changes by `change` in an iteration; None where the sum has no form.

    `turn` is the unknown of the iteration, and `passed`, turn or -turn and a form, the number of iterations before it.
    The other unknowns are the same in all of them.
    """
    ((number, _),) = turn.terms
    direction = passed.coefficient(number)
    slope = change.coefficient(number) * direction
    first = change.with_value(number, (turn * direction - passed) * direction)  # where none has passed
    if abs(slope) > 1 or (slope == 0 and first.terms):
        return None
    falls = slope != 0 and now.holds(-change)
    return Step(-first, -slope, True) if falls else Step(first, slope)
