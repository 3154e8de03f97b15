"""`with` and `try` around what is differentiated: users' context managers, handlers that raise, what comes at last."""

import contextlib

import numpy as np

from tests.programs.registry import case

V = np.array([0.5, 1.2, 0.7])


@contextlib.contextmanager
def scaled(s):
    s = s * 2
    yield s


@contextlib.contextmanager
def restored(state, value):
    before = state["k"]
    state["k"] = value
    try:
        yield
    finally:
        state["k"] = before


class Tape:
    def __init__(self):
        self.items = []
        self.depth = 0

    def __enter__(self):
        self.depth += 1
        return self

    def __exit__(self, kind, error, trace):
        self.depth -= 1
        self.items.append(1.5)


@case(0.7, compiled=True)
def generator_manager(x):
    with scaled(x) as y:
        r = y * x
    return r * y


@case(V)
def state_is_restored(x):
    state = {"k": 1.0}
    with restored(state, x[0]), scaled(x[1]) as y:
        total = state["k"] * y
    return total * state["k"] * x[2]


@case(V)
def return_inside(x):
    state = {"k": 2.0}
    with restored(state, x[0]):
        if x[1] > 1.0:
            return state["k"] * x[1]
    return state["k"]


@case(V)
def left_early(x):
    tape = Tape()
    total = 0.0
    for e in x:
        with tape as t:
            if e > 1.0:
                continue
            total += e * t.depth
            if e > 0.6:
                break
    return total * sum(tape.items) + tape.depth


@case(V)
def null_context(x):
    with contextlib.nullcontext(x * 2.0) as y:
        z = np.sum(y * x)
    return z


@case(V)
def local_manager(x):
    @contextlib.contextmanager
    def halved(v):
        yield 0.5 * v

    with halved(x) as y:
        return np.sum(y**3)


@case(V)
def at_last(x):
    steps = []
    for e in x:
        try:
            if e > 1.0:
                continue
            steps.append(e)
        finally:
            steps.append(0.5 * e)
    return sum(s * s for s in steps)


@case(V)
def result_before_what_comes_at_last(x):
    y = x.copy()
    try:
        return y[0] * y[1]
    finally:
        y[0] = 100.0


@case(V)
def handlers_that_raise(x):
    try:
        y = np.sum(np.log(x))
        if y > 100.0:
            return 0.0
    except (ValueError, FloatingPointError) as error:
        raise RuntimeError("no logarithm") from error
    except Exception:
        print("failed")
        raise
    else:
        y = y * 2.0
    finally:
        z = y + x[0]
    return y * z
