"""Programs of the language, to be lowered: what the corpus of programs to differentiate does not hold."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from tests.programs.registry import real

x5, A34 = real(5), real(3, 4)


def chained(x, a):
    calls = 0
    total = 0.0
    for i in range(len(x)):
        if -1.0 < (y := x[i] * a) <= 0.5 < 2.0:
            total += y
            calls += 1
    return total, calls, y


def walrus_in_while(a):
    x = a
    turns = 0
    while (err := abs(x * x - a)) > 1e-9:
        x = 0.5 * (x + a / x)
        turns += 1
    return x, err, turns


def becomes_float(x):
    total = 0
    for v in x:
        total += v
    return total


def rebinding(x):
    y = x[0]
    y = y * x
    y = np.sum(y)
    y = (y, x)
    return y[0] * y[1]


def read_before_bound_later(x):
    total = 0.0
    for i in range(len(x)):
        if i > 0:
            total += previous * x[i]  # noqa: F821
        previous = x[i]
    return total


def inner_name_of_an_earlier_turn(x, n):
    total = 0.0
    for i in range(4):
        for j in range(n - i):
            last = x[j] * i
        total += last
    return total, last, i


def loop_variables_after(x):
    for i in range(3, 11, 2):
        pass
    for k in range(len(x), 0, -2):
        x[k - 1] *= 2.0
    return i, k


def starred(p):
    first, *rest, last = p
    (a, b), c = (first, last), rest
    return a * b + sum(c)


def swapped(a, b, n):
    for _ in range(n):
        a, b = b, a + b
    return a, b


def closures(x, k):
    def scale(v, by=k):
        return v * by + offset

    offset = 2.0
    square = lambda t: t * t  # noqa: E731
    g = functools.partial(scale, by=3.0)
    return sum(square(f(x)) for f in (scale, g))


def keyword_soup(x, *rest, scale=2.0, **more):
    out = x * scale
    for r in rest:
        out = out + r
    for name, value in more.items():
        out = out * value if name == "times" else out - value
    return out


def calls_keyword_soup(x):
    options = {"times": 3.0, "minus": 1.0}
    return keyword_soup(x, x * 2, 1.0, scale=0.5, **options) + keyword_soup(*(x, x))


class Pair(NamedTuple):
    a: np.ndarray
    b: float = 2.0

    def total(self):
        return np.sum(self.a) * self.b


@dataclass
class Layer:
    W: np.ndarray
    b: np.ndarray
    slope: float = 0.1

    @property
    def rows(self):
        return self.W.shape[0]

    def __call__(self, x):
        return self.apply(x)

    def apply(self, x):
        y = self.W @ x + self.b
        return np.where(y > 0, y, self.slope * y)


def records(layer, pair, x):
    h = layer.apply(x)
    other = replace(layer, slope=pair.b)
    p = Pair(h, b=3.0)._replace(b=0.5)
    a, b = p
    return other.apply(x) * layer.rows + a * b + pair.total()


def lists(params, x):
    hs = []
    for W, b in params:
        x = np.tanh(W @ x + b)
        hs.append(x)
    hs[0] = hs[0] * 2.0
    hs += [x, x]
    hs.extend([x[::-1]])
    sizes = {f"h{i}": h.size for i, h in enumerate(hs)}
    return np.stack(hs[-2:]), len(hs), hs.pop(1), sizes["h0"]


def indexed_list(params, x):
    for i in range(len(params)):
        x = params[i] @ x
    for i in range(len(params) - 1, -1, -1):
        x = x @ params[i]
    return x


def static_while(params, x):
    i = 0
    while i < len(params):
        x = params[i] @ x
        i += 1
    return x


def comprehension(x, ks):
    table = [x[i] * ks[i] for i in range(2) if i != 5]
    named = {k: v for k, v in zip("ab", table)}
    return named["a"] * sum(v**2 for v in named.values()), max(table), min(table[0], 0.0, x[0])


def views(y):
    v = y[2:5]
    v *= 3.0
    w = y[::-2]
    w[1:] += v[0]
    m = np.zeros((2, 3))
    for row in m:
        row += y[:3]
    m.T[0] = y[0]
    m[..., -1] = 7.0
    m[:, None][0] -= 1.0
    return m, y


def augmented(x, n):
    x[0] += 1.0
    x[1] -= 0.5
    x[2] *= 2.0
    x[3] /= 3.0
    x[4] **= 2
    x //= 0.25
    x %= n
    return x


def ternaries(a, b, flag):
    c = a if a > b else b
    d = (a or b) + (a and b)
    e = not flag or (a > 0.0 and 1.0 / a > 2.0)
    f = a if flag else 1
    return c, d, e, f, 1 if e else 2


def static_choices(x, mode, bias):
    if mode == "double":
        x = 2 * x
    elif mode in ("square", "cube"):
        x = x ** (2 if mode == "square" else 3)
    if bias is not None:
        x = x + bias
    if isinstance(x, np.ndarray) and x.ndim == 1:
        x = x[:, np.newaxis]
    return x


def printing(x):
    """A docstring."""
    assert x.size > 0, f"empty: {x}"
    print("x is", x[0], f"and {x[1]:.2f}", sep=" ")
    pass
    return x[0]


def zero_turns(x, n):
    y = x[0]
    for i in range(n, 0):
        y = np.sum(x)
    for j in range(0):
        y = None
    return y * 1.0


def wide_zip(x, y, z):
    total = 0.0
    for i, (a, (b, c)) in enumerate(zip(x, zip(y, reversed(z))), start=1):
        total += i * a * b - c
    for r in reversed(range(2, len(x) + 2, 3)):
        total += r
    return total


def broken_out(x, limit):
    found = -1
    for i, v in enumerate(x):
        if v < limit:
            continue
        found = i
        break
    else:
        return 100.0
    k = 0
    while True:
        k += 1
        if k * 0.5 > limit:
            break
    return found + k


def mixed(x, i):
    y = x.copy()
    y[[0, 2]] += 1.0
    y[y > 0.5] *= 2.0
    y[i] = x[i[::-1]]
    return y[y < 0.0].sum() + x.reshape(-1, 1)[i, 0].sum()


def shape_of_unknown_axis(a, axis):
    return a.shape[axis] * 1.0


def float32_stays(x):
    y = 0.5 * x + 1
    s = 0.0
    for v in x:
        s += 2 * v
    return y, s


SCALE = 1.5
TABLE = {"w": np.arange(3.0), "n": 2}


def globals_used(x):
    return x * SCALE + np.sum(TABLE["w"]) * TABLE["n"] + math.pi


def collected(W, h, xs):
    hs = [h]
    for t in range(xs.shape[0]):
        h = np.tanh(W @ h + xs[t])
        hs.append(h)
    return np.stack(hs), hs[-1] * 2.0, len(hs), hs[2][1], sum(hs)


def grown_twice_a_turn(x, n):
    items = [x, 2 * x]
    for i in range(1, n, 2):
        items.append(items[-1] * x + i)
        items.append(items[i] * 0.5)
    total = 0.0
    for k, v in enumerate(items):
        total += k * v
    return sum(items), total, max(items), items[1:][-1], np.mean(items), np.array(items)


def grown_from_nothing(xs):
    losses = []
    outs = []
    for i, x in enumerate(xs):
        losses.append(np.sum(x) * i)
        outs.append(x * 2)
    return sum(losses) / len(losses), np.concatenate(outs), np.stack(outs, axis=1), min(losses)


def looped_comprehensions(x, W, n):
    hs = [np.tanh(W @ (x * v)) for v in x]
    dot = sum(x[i] * x[i - 1] for i in range(n))
    positive = sum([v * v for v in x if v > 0])
    return np.stack(hs), dot, positive, max(v * 2 for v in x), sum(a * b for a, b in zip(x, x[::-1]))


PROGRAMS = [
    (chained, x5, 1.3),
    (walrus_in_while, 2.0),
    (becomes_float, x5),
    (becomes_float, np.zeros(0)),
    (rebinding, x5),
    (read_before_bound_later, x5),
    (inner_name_of_an_earlier_turn, x5, 3),
    (loop_variables_after, x5),
    (starred, (1.0, 2.0, 3.0, 4.0)),
    (swapped, 1, 0.5, 7),
    (swapped, 1.0, 2.0, 0),
    (closures, 0.7, 1.1),
    (calls_keyword_soup, 0.7),
    (records, Layer(real(4, 5), real(4)), Pair(x5), x5),
    (lists, [(real(5, 5), x5), (real(5, 5, seed=2), x5)], x5),
    (indexed_list, [real(3, 4), real(2, 3), real(5, 2)], real(4)),
    (static_while, (real(3, 4), real(2, 3)), real(4)),
    (comprehension, x5, x5),
    (views, real(6)),
    (augmented, x5, 0.7),
    (ternaries, 0.3, -0.2, True),
    (ternaries, 0.0, 4.0, False),
    (static_choices, x5, "double", None),
    (static_choices, x5, "cube", 2.0),
    (static_choices, 2.0, "square", x5),
    (printing, x5),
    (zero_turns, x5, 3),
    (wide_zip, x5, x5 * 2, x5 + 1),
    (broken_out, x5, 0.1),
    (broken_out, x5, 9.0),
    (mixed, x5, np.array([3, 1, 3])),
    (shape_of_unknown_axis, A34, -1),
    (float32_stays, x5.astype(np.float32)),
    (globals_used, 2.0),
    (collected, real(5, 5), x5, real(3, 5)),
    (grown_twice_a_turn, 0.7, 6),
    (grown_twice_a_turn, 0.7, 1),
    (grown_from_nothing, A34),
    (looped_comprehensions, x5, real(4, 5), 4),
]
