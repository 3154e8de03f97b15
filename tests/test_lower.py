"""Lowering: the normal form of every program of the corpus, interpreted, computes what Python computes."""

from __future__ import annotations

import functools
import math
import time
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pytest

from srcad.errors import SrcadError, UnsupportedError
from srcad.frontend.builder import Builder
from srcad.frontend.inline import inline_rule
from srcad.ir.nodes import Const, For, Function, If, Param, Slice, Var, While
from srcad.ir.types import ONE, Array, Scalar, Symbol, dim
from srcad.ir.verify import Malformed, verify
from srcad.ir.walk import walk
from srcad.rules.table import RULES
from tests.lowering import check, lowered
from tests.programs.registry import all_cases, real

CORPUS = all_cases()


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_corpus(case) -> None:
    check(case.function, *case.args)


# ---- language --------------------------------------------------------------------------------------

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
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p[0].__name__)
def test_program(program, capsys) -> None:
    function, *args = program
    check(function, *args)


def test_captures_are_read_at_each_call() -> None:
    found = lowered(globals_used, 2.0)
    assert [captured.name for captured in found.captures] == ["SCALE", "TABLE"]
    assert [param.name for param in found.function.params] == ["x", "SCALE", "TABLE_w", "TABLE_n"]
    assert [param.path for param in found.function.params][2:] == ["TABLE['w']", "TABLE['n']"]
    assert found.captures[0].read() == SCALE


def test_functions_used_are_guarded() -> None:
    found = lowered(calls_keyword_soup, 0.7)
    assert [(guard.name, guard.read()) for guard in found.guards] == [("keyword_soup", keyword_soup)]


# ---- form ------------------------------------------------------------------------------------------


def nested(u, n):
    total = 0.0
    for step in range(n):
        for i in range(1, u.shape[0] - 1):
            if u[i] > 0:
                total += u[i - 1] * step
    return total


def test_equal_input_gives_equal_output() -> None:
    assert lowered(nested, x5, 3).function == lowered(nested, x5, 3).function


def test_loops_stay_loops() -> None:
    kinds = [type(stmt) for stmt in walk(lowered(nested, x5, 3).function.body)]
    assert kinds.count(For) == 2 and kinds.count(If) == 1 and kinds.count(While) == 0


def test_lowering_is_fast() -> None:
    lowered(nested, x5, 3)
    start = time.perf_counter()
    lowered(nested, x5, 3)
    assert time.perf_counter() - start < 0.1


def test_verifier_sees_what_is_wrong() -> None:
    function = lowered(nested, x5, 3).function
    with pytest.raises(Malformed, match="twice"):
        verify(Function("f", function.params, function.body * 2, (), function.types))
    with pytest.raises(Malformed, match="not defined"):
        verify(Function("f", (), (), (Var("y"),), {}))
    with pytest.raises(Malformed, match="no type"):
        verify(Function("f", (Param("y", "y"),), (), (), {}))


# ---- types -----------------------------------------------------------------------------------------


def test_builder_knows_lengths() -> None:
    b = Builder()
    n = dim(Symbol("x", 0))
    x = b.fresh("x", Array("float32", (n, dim(4)), "C"))
    assert b.typeof(b.op("index", x, Slice(Const(1), Const(-1)))) == Array("float32", (n - 2, dim(4)), "C")
    assert b.typeof(b.op("index", x, Slice(), Const(0))) == Array("float32", (n,), "A")
    assert b.typeof(b.op("np.transpose", x, axes=(1, 0))) == Array("float32", (dim(4), n), "F")
    assert b.typeof(b.op("index", x, Const(None), Const(0))).dims == (ONE, dim(4))
    rows = b.op("shape", x, axis=0)
    assert b.typeof(b.op("np.zeros", b.op("-", rows, Const(2)))) == Array("float64", (n - 2,), "C")
    assert b.typeof(b.op("*", x, Const(0.5))).dtype == "float32"
    assert b.typeof(b.op("*", x, b.op("np.sum", b.op("astype", x, dtype="float64")))).dtype == "float64"
    assert b.typeof(b.op("np.sum", x, axis=1)) == Array("float32", (n,), "C")
    assert b.op("+", Const(1), Const(2)) == Const(3)
    assert b.typeof(b.op("/", Const(1), rows)) == Scalar("float64")


def test_rules_are_inlined() -> None:
    b = Builder()
    a = b.fresh("A", Array("float64", (dim(Symbol("A", 0, True)), dim(Symbol("A", 1, True)))))
    v = b.fresh("x", Array("float64", (dim(Symbol("A", 1, True)),)))
    y = b.op("@", a, v)
    rule = next(rule for rule in RULES["@"] if rule.ranks == (2, 1))
    d_a, d_x = inline_rule(b, rule.function, (y, y, a, v), {})
    assert b.typeof(d_a).dims == b.typeof(a).dims
    assert b.typeof(d_x).dims == b.typeof(v).dims


# ---- errors ----------------------------------------------------------------------------------------


def refuses_type_change(x):
    y = 0.0
    for i in range(len(x)):
        y = y + x
    return y


def refuses_dynamic_index(x, i):
    return [x, 2 * x, np.ones(3)][i]


def refuses_attribute_store(layer):
    layer.slope = 2.0
    return layer.slope


def refuses_missing_name(x):
    if x > 0:
        y = x
    return undefined_name * y  # noqa: F821


def refuses_shape(x):
    return np.zeros(3) + np.zeros(4) + x


def refuses_ambiguous(x):
    return 1.0 if x > 0 else 2.0


def refuses_count(x):
    a, b, c = x, x
    return a


@pytest.mark.parametrize(
    ("function", "args", "code", "under"),
    [
        (refuses_type_change, (x5,), "S119", "y"),
        (refuses_dynamic_index, (x5, 1), "S123", "[x, 2 * x, np.ones(3)][i]"),
        (refuses_attribute_store, (Layer(A34, x5),), "S118", "layer.slope"),
        (refuses_missing_name, (1.0,), "S120", "undefined_name"),
        (refuses_shape, (x5,), "S127", "np.zeros(3) + np.zeros(4)"),
        (refuses_ambiguous, (x5,), "S127", "x > 0"),
        (refuses_count, (1.0,), "S127", "a, b, c = x, x"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_refused(function, args, code, under) -> None:
    with pytest.raises(SrcadError) as caught:
        lowered(function, *args)
    (problem,) = caught.value.problems
    assert isinstance(caught.value, UnsupportedError)
    assert problem.code == code, caught.value
    span = problem.span
    assert span.text[span.column : span.end_column] == under, caught.value
