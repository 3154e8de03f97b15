"""float32 beside whole numbers: indices, lengths and shapes stay whole, whatever the floats around them."""

from __future__ import annotations

import numpy as np

from tests.programs.registry import case

X = np.array([0.3, 0.7, 0.25, 0.9], np.float32)


@case(X, tolerance=1e-4, step=1e-2, name="single")
@case(X, tolerance=1e-4, step=1e-2, name="single compiled", compiled=True)
def index_made_of_an_element(x):
    return x[int(x[0] * 5) % len(x)] * x[0]


@case(X, tolerance=1e-4, step=1e-2, name="single")
def index_made_of_a_place(x):
    n = np.argmax(x) % len(x)
    return x[n] * x[0] + x[int(np.floor(x[1] * 3)) % len(x)]


@case(X, tolerance=1e-4, step=1e-2, name="single")
def shape_beside_an_element(x):
    y = np.full((2, len(x)), x[0])
    return np.sum(y * y) + np.sum(np.full_like(x, len(x)) * x)


@case(X, tolerance=1e-4, step=1e-2, name="single")
def index_made_of_a_condition(x):
    return x[int(x[0] > 0.2) + len(x) - 2] * x[1] + x[np.count_nonzero(x > 0.5) % len(x)]
