"""Lists of arrays, appended to under conditions and in `while` loops."""

import numpy as np

from tests.programs.registry import case, real


@case(real(4, 3))
def rows_conditional(x):
    rows = []
    for r in x:
        if r[0] > 0:
            rows.append(np.exp(r))
    return np.sum(np.array(rows) ** 2)


@case(real(3), 0.1, compiled=True)
def trajectory(x, dt):
    states = [x]
    t = 0.0
    while t < 1.0 and np.sum(states[-1] ** 2) > 0.01:
        x = states[-1]
        states.append(x + dt * (np.roll(x, 1) - x) * x)
        t += dt * (1.0 + np.sum(x**2))
    return np.sum(np.stack(states) ** 2) + len(states) * states[-1][0]


@case(real(3), 0.1)
def trajectory_of_copies(x, dt):
    x = x.copy()
    states = []
    t = 0.0
    while t < 1.0:
        x = x - dt * np.sin(x)
        states.append(x.copy())
        if np.sum(x) > 0.5:
            states.append(x * 2.0)
        t += dt * (1.0 + x[0] ** 2)
    s = 0.0
    for k, row in enumerate(states):
        s += np.sum(row**2) * k
    return s


@case(real(5, 2), 5, compiled=True)
def nested_rows(x, n):
    pairs = []
    for i in range(n):
        for j in range(i):
            if x[i, 0] * x[j, 1] > 0:
                pairs.append(x[i] * x[j])
    return sum(np.sum(p) * p[0] for p in pairs) + len(pairs)


@case(real(4, 3))
def comprehension_of_rows(x):
    rows = [r * r for r in x if r[1] > 0]
    return np.sum(np.vstack(rows)) * rows[0][0]
