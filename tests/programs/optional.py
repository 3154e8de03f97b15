"""Values that may be None, which only a run knows: in branches, loops, attributes, results and arguments."""

from dataclasses import dataclass

import numpy as np

from tests.programs.registry import case

V = np.array([0.7, -0.4, 1.3])
NONE = np.array([-0.7, -0.4, -1.3])


@case(V, 2, compiled=True)
@case(V, 0)
def weights_on_one_path(x, n):
    w = None
    if n > 1:
        w = x * 2.0
    y = np.sum(x)
    if w is not None:
        y = y + np.sum(w * w)
    return y


@case(V, compiled=True)
@case(NONE)
@case(np.array([-1.0, 0.3, 0.5, 2.0, -0.1]))
def product_of_the_positive(x):
    found = None
    for v in x:
        if v > 0:
            found = v if found is None else found * v
    return np.sum(x) if found is None else found**2


@case(V)
@case(NONE)
def largest_of_the_positive(x):
    best, where = None, -1
    for i in range(len(x)):
        if x[i] > 0 and (best is None or x[i] > best):
            best, where = x[i], i
    if best is None:
        return np.sum(x)
    return best**2 * (where + 1)


@case(V)
@case(NONE)
def none_again(x):
    before = x[0] * 2.0
    total = 0.0
    for v in x:
        if before is not None:
            total += before * v
        before = v if v > 0 else None
    return total + np.sum(x)


@case(V)
@case(NONE)
def rows_added_up(x):
    rows = None
    for i in range(len(x)):
        if x[i] > 0:
            row = x * x[i]
            rows = row if rows is None else rows + row
    total = np.sum(x * x)
    if rows is not None:
        rows[0] *= 2.0
        total = total + np.sum(rows)
    return total


class Tracker:
    def __init__(self, start=None):
        self.last = start
        self.count = 0

    def update(self, v):
        if v > 0:
            if self.last is not None:
                self.count += 1
                self.last = 0.5 * self.last + v
            else:
                self.last = v

    def get(self):
        return self.last if self.last is not None else -1.0


@case(V)
@case(NONE)
def attribute_of_an_object(x):
    tracker = Tracker()
    for v in x:
        tracker.update(v)
    return tracker.get() * np.sum(x) + tracker.count * x[0]


@dataclass
class State:
    position: float
    velocity: float = None


@case(V)
@case(np.array([0.7, -0.8, 1.3]))
def field_of_a_dataclass(x):
    state = State(x[0])
    if x[1] > -0.5:
        state.velocity = x[2]
    for _ in range(3):
        if state.velocity is not None:
            state.position = state.position + 0.1 * state.velocity
            state.velocity = state.velocity * 0.9
        else:
            state.position = state.position * 1.1
    return state.position


def first_above(x, limit):
    for i in range(len(x)):
        if x[i] > limit:
            return x[i]
    return None


@case(V)
@case(NONE)
def result_of_a_function(x):
    a = first_above(x, 1.0)
    b = first_above(x, -2.0)
    total = x[0]
    if a is not None:
        total += a * 3.0
    if a is not None and b is not None:
        total += a * b
    return total


def scaled(y, w=None):
    return np.sum(y) if w is None else np.sum(y * w)


@case(V)
@case(NONE)
def handed_on(x):
    w = x if x[0] > 0 else None
    items = [w, None]
    if x[1] < 0:
        items[1] = x * 3.0
    return scaled(x, w) * scaled(x, w=w) + sum(scaled(w) for w in items if w is not None)


@case(V)
@case(NONE)
def matched(x):
    found = None
    for v in x:
        if v > 0:
            found = v
    match found:
        case None:
            return x[0]
        case _:
            return found * x[1]


@case(V, NONE)
def the_same_array(x, w):
    y = x
    z = x.copy()
    if y is x:
        w = w * 2.0
    if z is not x:
        w = w + z
    if w is z:
        w = w * 5.0
    return np.sum(w * y)
