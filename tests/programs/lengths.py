"""Lengths that change from turn to turn: what is known of one turn says nothing of another."""

from __future__ import annotations

import numpy as np

from tests.programs.registry import case, real


@case(real(5), 2.0)
@case(real(5), 2.0, name="compiled", compiled=True)
def difference_before_a_product(x, u):
    """After the loop `d` has four items, in its first turn five."""
    return np.sum(np.diff(x) @ np.full((4, 4), x[0] * u))


@case(real(6), real(3, 3), name="three left")
def shortened_in_a_loop(x, m):
    for _ in range(3):
        x = x[1:] * x[:-1]
    return np.sum(m @ x)
