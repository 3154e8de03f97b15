"""Gradient of newton_sqrt, as a careful person would have written it.

source  newton_sqrt.py:4
wrt     a
keeps   x_stack     one float per turn of the loop, grown on demand   read by line 7
"""

import numpy as np


def newton_sqrt_grad(a, tol, d_result=1.0):
    # ---- forward sweep -----------------------------------------------------
    x_stack = np.empty(16)
    turns = 0

    x = a
    while abs(x * x - a) > tol:
        if turns == x_stack.size:
            x_stack = np.concatenate((x_stack, np.empty_like(x_stack)))
        x_stack[turns] = x
        turns += 1
        x = 0.5 * (x + a / x)

    # ---- reverse sweep -----------------------------------------------------
    d_a = 0.0

    # L8: return x
    d_x = d_result
    while turns > 0:
        turns -= 1
        x = x_stack[turns]
        # L7: x = 0.5 * (x + a / x)
        d_a += 0.5 * d_x / x
        d_x = 0.5 * d_x - 0.5 * d_x * a / (x * x)
    # L5: x = a
    d_a += d_x

    return d_a
