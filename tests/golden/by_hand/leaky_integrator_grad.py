"""Gradient of leaky_integrator, as a careful person would have written it.

source  leaky_integrator.py:4
wrt     x, decay, limit
keeps   acc_saved   len(x) floats   read by line 7
        took_if     len(x) bools    read by line 8
"""

import numpy as np


def leaky_integrator_grad(x, decay, limit, d_result=1.0):
    # ---- forward sweep -----------------------------------------------------
    n = len(x)
    acc_saved = np.empty(n)
    took_if = np.empty(n, dtype=np.bool_)

    acc = 0.0
    for i in range(n):
        acc_saved[i] = acc
        acc = decay * acc + x[i]
        took_if[i] = acc > limit
        if took_if[i]:
            acc = limit + 0.1 * (acc - limit)

    # ---- reverse sweep -----------------------------------------------------
    d_x = np.zeros_like(x)
    d_decay = 0.0
    d_limit = 0.0

    # L10: return acc * acc
    d_acc = 2.0 * acc * d_result
    for i in range(n - 1, -1, -1):
        if took_if[i]:
            # L9: acc = limit + 0.1 * (acc - limit)
            d_limit += d_acc - 0.1 * d_acc
            d_acc = 0.1 * d_acc
        # L7: acc = decay * acc + x[i]
        d_decay += acc_saved[i] * d_acc
        d_x[i] += d_acc
        d_acc = decay * d_acc

    return d_x, d_decay, d_limit
