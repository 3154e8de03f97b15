"""Functions with inactive code, whose saved text imports from this module: see test_saved_inactive_code.py."""

import json
import random

import numpy as np

GAIN = 2.0
EVENTS: list = []


def note(what):
    EVENTS.append(what)
    return what


def loaded(path):
    note(path)
    return {"scale": 1.5, "rows": [2.0, 3.0]}


def of_table(x, path):
    table = loaded(path)
    return x[0] * table["scale"] + x[1] ** 2 * table["rows"][0] + x[2] * table["rows"][1]


def walk(x, steps, rng):
    state = 1.0
    for _ in range(steps):
        state = state + x[0] * state * 0.1 * rng.standard_normal()
    return state * GAIN


def jobs(x, n):
    rng = random.Random(n)
    total = 0.0
    while rng.random() < 0.7:
        job = rng.randrange(5)
        note(job)
        total = total + x[0] ** 2 * job
    return total


def rows_in_one_buffer(x, n):
    buffer = np.zeros(3)
    total = 0.0
    items = [1, 2, 3]
    random.Random(0).shuffle(items)
    for i in range(n):
        buffer[i] = items.pop()
        total += np.sum(buffer * x)
    return total**2


def by_a_condition(x, n):
    total = np.sum(x**2)
    if n > 3:
        rng = np.random.default_rng(n)
        total = total + np.sum(x * rng.normal(size=3))
    return total


def by_a_text(x, n):
    kind = json.loads('["cubed", "tanh"]')[n % 2]
    note(kind)
    if kind == "tanh":
        return np.sum(np.tanh(x))
    return np.sum(x**3)


def with_its_names(x, n):
    noted = sorted({3, 1, 2})
    parts = json.loads("[1.5, 2.5]")
    deepcopy = parts[0] * x[0] ** 2
    return deepcopy * noted[1] + parts[1] * x[1]


def left_early(x, n):
    if n == 0:
        note("early")
        return np.sum(x)
    rng = np.random.default_rng(n)
    return np.sum(x * rng.normal(size=3))


def argument_changed(x, w):
    v = w * 2.0
    v[0] = random.Random(1).random()
    w[1] = v[0]
    return np.sum(x * v) * np.sum(x * w)


def drawn_in(z, seed):
    draws = np.random.default_rng(seed)
    return z * draws.normal(size=3) * GAIN


def of_a_callee(x, seed):
    z = drawn_in(x, seed)
    return np.sum(z * z)


def example():
    return np.array([0.7, 1.3, 0.4]), 4
