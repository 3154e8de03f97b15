"""Functions that a program may call: some write into their arguments, some give a view, some both."""

from __future__ import annotations

import random

CHOICES: dict[str, tuple[tuple[int, ...], str]] = {
    "scaled": (
        (1, 0),
        """
def scaled(u, c):
    u *= c
""",
    ),
    "bumped": (
        (1,),
        """
def bumped(u):
    for i in range(len(u)):
        u[i] = np.sin(u[i]) + 0.1 * i
    return u
""",
    ),
    "middle": (
        (1,),
        """
def middle(v):
    return v[1:]
""",
    ),
    "same": (
        (1,),
        """
def same(x, *, n=2):
    return x
""",
    ),
    "first_row": (
        (2,),
        """
def first_row(M):
    return M[0]
""",
    ),
    "norm": (
        (1,),
        """
def norm(x):
    total = 0.0
    for e in x:
        if e > 0.6:
            return total
        total += e * e
    return total
""",
    ),
    "soft": (
        (0,),
        """
def soft(t, k=2.0):
    if t > 0.3:
        return t * k
    return math.tanh(t)
""",
    ),
    "pair": (
        (1, 0),
        """
def pair(u, c):
    return u * c, c * c
""",
    ),
    "mixed": (
        (1, 1),
        """
def mixed(a, b):
    n = min(len(a), len(b))
    for i in range(n):
        a[i] += 0.5 * b[i]
    return a[0] + b[-1]
""",
    ),
    "moved": (
        (2, 0),
        """
def moved(M, c):
    M[:, 0] = c
    M[-1] *= 0.5
    return np.sum(M)
""",
    ),
    "taken": (
        (1,),
        """
def taken(d_x):
    x = d_x.copy()
    x[0] = 0.0
    d_x[-1] = 0.2
    return x
""",
    ),
    "either": (
        (1, 1),
        """
def either(a, b):
    return a if a[0] > b[0] else b
""",
    ),
    "named": (
        (0, 0),
        """
def named(result, turns):
    d_x = result * turns
    took_if = d_x + turns
    return took_if * d_x
""",
    ),
    "counted": (
        (1,),
        """
def counted(x):
    i = 0
    s = 0.0
    while i < len(x) and s < 0.8:
        s += abs(x[i])
        i += 1
    else:
        s *= 0.5
    return s
""",
    ),
    "transposed": (
        (2,),
        """
def transposed(A):
    return A.T
""",
    ),
    "viewed": (
        (1, 0),
        """
def viewed(x, c):
    v = x[::-1]
    v[:1] *= c
    return v
""",
    ),
}
"""By name: the ranks of the parameters (0: a float), and the text."""


def helpers(random: random.Random) -> tuple[list[str], tuple[tuple[str, tuple[int, ...]], ...]]:
    """The text of some, and their names with the ranks of their parameters."""
    names = random.sample(list(CHOICES), random.choice((0, 1, 2, 2, 3)))
    return [CHOICES[name][1].strip() + "\n" for name in names], tuple((name, CHOICES[name][0]) for name in names)
