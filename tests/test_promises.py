"""The promises of a call, each with programs that would show it broken. Most run as plain Python, which is fast."""

import pickle
import statistics
import subprocess
import sys
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

import srcad
from srcad.errors import ArgumentError, SrcadError, UnsupportedError
from tests.numeric import numeric_gradient, worst_error
from tests.programs.registry import real

plain = {"target": "python"}
Pair = namedtuple("Pair", "x y")


@dataclass
class Layer:
    w: object
    b: object


# ---- arguments are never modified --------------------------------------------------------------


def writes_everywhere(p, x, rows):
    p["layers"][0].w[0] = 2.0 * x[1]
    p["layers"][0].w[1:] *= x[0]
    x += p["b"]
    rows[0][:] = x
    x[0] = 0.5 * x[1] * np.sum(rows[1])
    p["b"][-1] = x[0]
    p["extra"] = x * 2.0
    p["layers"].append(x)
    return np.sum(p["layers"][0].w * x) + np.sum(p["b"] ** 2) + np.sum(rows[0] * p["extra"])


def kept(value):
    return pickle.dumps(value)


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_arguments_are_never_modified(target):
    def made():
        p = {"layers": [Layer(np.array([1.0, 2.0, 3.0]), 1.0)], "b": np.array([0.3, 0.2, 0.1])}
        return p, np.array([0.5, 0.6, 0.7]), [np.ones(3), np.array([1.0, 2.0, 3.0])]

    args, before = made(), kept(made())
    df = srcad.grad(writes_everywhere, (0, 1, 2), target=target)
    first = df(*args)
    assert kept(args) == before
    assert kept(df(*args)) == kept(first)  # equal calls, equal bits
    value, _ = srcad.value_and_grad(writes_everywhere, (0, 1, 2), **plain)(*args)
    assert kept(args) == before
    assert value == writes_everywhere(*made())
    srcad.check_grad(writes_everywhere, *args, argnums=(0, 1, 2), **plain)
    assert kept(args) == before


def test_a_read_only_argument_may_be_written_to_inside():
    def f(x):
        x[0] = 2.0
        return np.sum(x * x)

    x = np.arange(1.0, 4.0)
    x.setflags(write=False)
    for target in ("python", "cpu"):
        np.testing.assert_array_equal(srcad.grad(f, target=target)(x), [0.0, 4.0, 6.0])
    np.testing.assert_array_equal(srcad.grad(f, **plain)(np.broadcast_to(1.0, (3,))), [0.0, 2.0, 2.0])


# ---- what is outside is read at each call ------------------------------------------------------

factor = 2.0
table = np.array([1.0, 2.0])
axis = 0
shape = {"axes": [0], "keep": False}
names = ["a", "b"]
acts = {"act": np.sin, "more": [np.cos]}


@dataclass
class Settings:
    axis: int = 0
    rate: float = 0.5


settings = Settings()
space = SimpleNamespace(power=2, rate=3.0, act=np.sin)


def inner(x):
    return factor * x


class Model:
    scale = 1.0

    def __init__(self):
        self.w = np.array([1.0, 2.0])
        self.depth = 1
        self.act = np.sin

    @property
    def twice(self):
        return 2.0 * self.depth

    def loss(self, x):
        for i in range(self.depth):
            x = self.act(self.w[i] * x)
        return x * self.scale * self.twice

    def __call__(self, x):
        return x * x * self.scale


model = Model()


def here():
    return sys.modules[__name__]


def difference(f, x):
    return (f(x + 1e-6) - f(x - 1e-6)) / 2e-6


def check(df, f, *xs):
    for x in xs or (0.4,):
        np.testing.assert_allclose(df(x), difference(f, x), rtol=1e-6, atol=1e-8)


def test_globals(monkeypatch):
    def f(x):
        return inner(x) * np.sum(table) * x

    df = srcad.grad(f, **plain)
    check(df, f)
    monkeypatch.setattr(here(), "factor", 5.0)  # read by the function it calls
    check(df, f)
    monkeypatch.setattr(here(), "factor", 7)
    check(df, f)
    table[0] = 11.0
    check(df, f)
    monkeypatch.setattr(here(), "table", np.ones((2, 2)))
    check(df, f)
    monkeypatch.setattr(here(), "inner", lambda x: x * x * x)
    check(df, f)


def test_containers_changed_in_place(monkeypatch):
    def f(x):
        for _ in names:
            x = x * x
        return acts["act"](x) + acts["more"][0](x)

    df = srcad.grad(f, **plain)
    check(df, f)
    names.append("c")
    check(df, f)
    acts["act"] = np.exp
    check(df, f)
    acts["more"][0] = np.sqrt
    check(df, f)
    names.clear()
    check(df, f)


def test_attributes_of_objects(monkeypatch):
    def f(x):
        return model.loss(x) + space.rate * x**space.power + space.act(x)

    df, method, called = srcad.grad(f, **plain), srcad.grad(model.loss, **plain), srcad.grad(model, **plain)
    changes = [
        (model, "depth", 2), (model, "w", np.array([3.0, 0.5])), (model, "act", np.tanh), (Model, "scale", 4.0),
        (space, "power", 3), (space, "rate", 0.1), (space, "act", np.cos),
    ]  # fmt: skip
    for thing, name, value in changes:
        monkeypatch.setattr(thing, name, value)
        check(df, f)
        check(method, model.loss)
        check(called, model)
    model.w[0] = -1.0
    check(df, f)
    check(method, model.loss)


def test_modules(monkeypatch):
    from tests import numeric

    def f(x):
        return numeric.probe(x)

    monkeypatch.setattr(numeric, "probe", inner, raising=False)
    df = srcad.grad(f, **plain)
    check(df, f)
    monkeypatch.setattr(numeric, "probe", lambda x: x * x * x)
    check(df, f)


def test_closures_and_defaults():
    k, weights = 2.0, [1.0, np.array([2.0, 3.0])]

    def helper(x, w=np.array([1.0, 2.0])):
        return np.sum(w) * x * x

    def f(x):
        return k * x * weights[0] * np.sum(weights[1]) + helper(x)

    df = srcad.grad(f, **plain)
    check(df, f)
    k = 3.0
    check(df, f)
    weights[0] = 10
    weights[1] = 4.0
    check(df, f)
    helper.__defaults__[0][0] = 20.0
    check(df, f)


def test_an_array_as_default():
    def f(x, w=np.array([1.0, 2.0])):
        return np.sum(w * x)

    assert srcad.grad(f, **plain)(3.0) == 3.0


def test_what_is_outside_is_not_changed():
    log = []

    def f(x):
        log.append(x)
        return x * x

    with pytest.raises(UnsupportedError, match="S108: a list from outside the function is changed"):
        srcad.grad(f, **plain)(1.0)


# ---- integers that must be known ---------------------------------------------------------------


def total(x, along, keep=False, n=1):
    for _ in range(n):
        x = x * 1.5
    return np.sum(np.sum(x, axis=along, keepdims=keep) ** 2)


def test_an_axis_may_be_an_argument():
    x = np.arange(6.0).reshape(2, 3)
    df = srcad.grad(total, **plain)
    for along in (0, 1, -1, (0, 1), 0):
        for keep in (False, True):
            for n in (1, 2):
                want = 2.0 * 1.5 ** (2 * n) * np.broadcast_to(np.sum(x, axis=along, keepdims=True), x.shape)
                np.testing.assert_allclose(df(x, along, keep, n), want)
    np.testing.assert_allclose(srcad.grad(partial(total, along=1), **plain)(x), df(x, 1))
    # how often to turn need not be known: one text serves all
    assert "for " in df.source_for(x, 1, False, 2) and df.source_for(x, 1, False, 2) == df.source_for(x, 1, False, 5)
    assert "along" not in df.source_for(x, 1).split("def ")[1].split(":")[0]


def test_an_axis_may_be_global(monkeypatch):
    def f(x):
        return np.sum(np.sum(x, axis=axis) ** 2) + settings.rate * np.sum(np.mean(x, axis=settings.axis) ** 2)

    def g(x):
        return np.sum(np.sum(x, axis=shape["axes"][0], keepdims=shape["keep"]) ** 2 * np.ones((2, 2)))

    x = np.array([[1.0, 2.0], [3.0, 5.0]])
    df, dg = srcad.grad(f, **plain), srcad.grad(g, **plain)

    def agrees():
        for d, function in ((df, f), (dg, g)):
            want = [[difference(lambda t, at=at, fn=function: fn(x + t * at), 0.0) for at in row] for row in units]
            np.testing.assert_allclose(d(x), want, rtol=1e-6)

    units = [[np.outer(np.eye(2)[i], np.eye(2)[j]) for j in range(2)] for i in range(2)]
    agrees()
    monkeypatch.setattr(here(), "axis", 1)
    agrees()
    monkeypatch.setattr(settings, "axis", 1)
    agrees()
    monkeypatch.setattr(settings, "rate", 7.0)
    agrees()
    shape["axes"][0] = 1
    agrees()
    shape["keep"] = True
    agrees()


def test_parameters_by_name_and_number():
    def f(p, x, n):
        for i in range(n):
            x = p[f"W{i}"] * x
        return x

    def g(layers, x, n):
        for i in range(n):
            x = np.tanh(layers[i] @ x)
        return np.sum(x)

    assert srcad.grad(f, **plain)({"W0": 3.0, "W1": 5.0}, 2.0, 2) == {"W0": 10.0, "W1": 6.0}
    assert srcad.grad(f, **plain)({"W0": 3.0, "W1": 5.0}, 2.0, 1) == {"W0": 2.0, "W1": 0.0}
    layers = [np.ones((3, 2)), np.ones((1, 3))]
    first, second = srcad.grad(g, **plain)(layers, np.array([0.1, 0.2]), 2)
    assert first.shape == (3, 2) and second.shape == (1, 3) and np.all(first != 0)


def split_into_as_many_as_asked(x, k):
    a, b = np.split(x, k)
    return np.sum(a * b)


def list_of_run_time_length(x, n):
    made = [0.0] * n
    for i in range(n):
        made[i] = x[i] * x[i]
    return made[0] * made[-1]


class Net:
    def __init__(self):
        self.weights = [np.full((2, 3), 0.3), np.array([[0.5, -0.2]])]
        self.acts = [np.tanh, np.sin]
        self.axis = 0

    def __call__(self, x):
        for i in range(len(self.weights)):
            x = self.acts[i](self.weights[i] @ x)
        return np.sum(x, axis=self.axis)


net = Net()


def object_with_layers(x):
    return net(x) * net.weights[0][0, 1]


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (split_into_as_many_as_asked, (real(6), 2)),
        (list_of_run_time_length, (real(4), 4)),
        (object_with_layers, (real(3),)),
    ],
)
def test_what_has_to_be_known(f, args):
    assert worst_error(srcad.grad(f, **plain)(*args), numeric_gradient(f, args, 0)) < 1e-7


# ---- kinds and structures ----------------------------------------------------------------------


@pytest.mark.parametrize("target", ["python", "cpu"])
def test_float32_in_float32_out(target):
    def f(p, x):
        h = np.tanh(p["W"] @ x + p["b"])
        return 0.5 * np.sum(h * h)

    p = {"W": np.ones((2, 3), np.float32), "b": np.zeros(2, np.float32)}
    value, g = srcad.value_and_grad(f, (0, 1), target=target)(p, np.ones(3, np.float32))
    assert type(value) is np.float32
    assert g[0]["W"].dtype == g[0]["b"].dtype == g[1].dtype == np.float32
    scalar = srcad.grad(lambda x: x * x, target=target)(np.float32(3.0))
    assert type(scalar) is np.float32 and scalar == 6.0


def test_float32_and_an_integer_compiled():
    def f(W, x):
        h = np.tanh(W @ x)
        return np.sum(h * h) / h.size

    g = srcad.grad(f, (0, 1))(np.ones((2, 3), np.float32), np.ones(3, np.float32))
    assert g[0].dtype == g[1].dtype == np.float32


def test_zeros_of_its_own_shape():
    def f(x, unused):
        return np.sum(x)

    unused = {"a": np.ones((2, 3), np.float32), "n": 3, "none": None, "t": (1.0, "text")}
    g = srcad.grad(f, "unused", **plain)(np.ones(2), unused)
    assert g["a"].shape == (2, 3) and g["a"].dtype == np.float32 and not g["a"].any()
    assert g["n"] == 0.0 and type(g["n"]) is float and g["none"] is None and g["t"] == (0.0, None)
    empty = srcad.grad(f, **plain)(np.zeros((0, 4)), 1.0)
    assert empty.shape == (0, 4)


def test_integers():
    df = srcad.grad(lambda x, n: x**n, (0, 1), **plain)
    assert df(2, 3)[0] == 12.0
    with pytest.raises(ArgumentError, match="S301"):
        df(np.array([2]), 3)
    with pytest.raises(ArgumentError, match="S301"):
        df(2.0, np.array([1, 2]))
    with pytest.raises(ArgumentError, match="S302"):
        df(True, 3)


def test_structures():
    def f(p):
        return p["z"].x * p["z"].y + p["a"][0] * p["a"][1][0] + p["m"].w * p["m"].b

    p = {"z": Pair(2.0, 3.0), "a": [5.0, (7.0,)], "m": Layer(np.float64(11.0), np.array(13.0))}
    g = srcad.grad(f, **plain)(p)
    assert list(g) == ["z", "a", "m"] and g["z"] == Pair(3.0, 2.0) and type(g["z"]) is Pair
    assert g["a"] == [7.0, (5.0,)] and type(g["a"]) is list and type(g["a"][1]) is tuple
    assert type(g["m"]) is Layer and g["m"].w == 13.0 and g["m"].b == np.array(11.0)
    ordered = OrderedDict(b=2.0, a=3.0)
    again = srcad.grad(lambda p: p["a"] * p["b"], **plain)(ordered)
    assert type(again) is OrderedDict and list(again) == ["b", "a"] and again["b"] == 3.0
    assert srcad.grad(lambda p: p["a"] * p["b"], **plain)({"b": 2.0, "a": 3.0}) == {"b": 3.0, "a": 2.0}


def test_a_structure_without_end():
    p = [1.0]
    p.append(p)
    with pytest.raises(ArgumentError, match="S302"):
        srcad.grad(lambda p: p[0], **plain)(p)


def test_argnums():
    def f(x, y, *, k=2.0):
        return x * y * k

    assert srcad.grad(f, -1, **plain)(3.0, 5.0) == 15.0  # the last parameter is k
    assert srcad.grad(f, np.int64(1), **plain)(3.0, 5.0) == 6.0
    assert srcad.grad(f, ("k", "x"), **plain)(3.0, 5.0, k=7.0) == (15.0, 35.0)
    for wrong in (3, -4, "z", True, 1.0, None, (), (0, 0), ("x", 0), ((0,),)):
        with pytest.raises(ArgumentError, match="S307"):
            srcad.grad(f, wrong, **plain)
    with pytest.raises(ArgumentError, match=r"S307(?s:.*)give a tuple: argnums=\(0, 1\)"):
        srcad.grad(f, [0, 1], **plain)


# ---- functions of every kind -------------------------------------------------------------------


class Kinds:
    @staticmethod
    def static(x):
        return x * x

    @classmethod
    def of_class(cls, x):
        return cls.static(x) * 2.0


def test_functions_of_every_kind():
    assert srcad.grad(Kinds.static, **plain)(3.0) == 6.0
    assert srcad.grad(Kinds.of_class, **plain)(3.0) == 12.0
    assert srcad.grad(Kinds().of_class, **plain)(3.0) == 12.0
    assert srcad.grad(srcad.jit(Kinds.static), **plain)(3.0) == 6.0
    squared = srcad.jit(Kinds.static, **plain)
    assert srcad.grad(lambda x: squared(x) * x, **plain)(2.0) == 12.0
    slope = srcad.grad(Kinds.static, **plain)
    assert srcad.grad(lambda x: slope(x) * x, **plain)(2.0) == 8.0
    assert srcad.grad(lambda x: srcad.grad(Kinds.static)(x), **plain)(2.0) == 2.0
    for nothing in (3, None, Kinds, np.sin, np.sum, len):
        with pytest.raises(SrcadError, match="S101"):
            srcad.grad(nothing, **plain)(1.0)


def test_an_error_inside_a_library_is_shown_at_the_call():
    def f(x):
        return statistics.mean([x, x])

    with pytest.raises(SrcadError) as caught:
        srcad.grad(f, **plain)(1.0)
    (problem,) = caught.value.problems
    assert problem.code == "S203" and problem.span.file == __file__
    assert problem.span.text[problem.span.column : problem.span.end_column].startswith("statistics.mean(")


# ---- what Python refuses -----------------------------------------------------------------------


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize("length", [1, 3])
def test_too_many_or_too_few_to_unpack(target, length):
    def f(x):
        a, b = x
        return a * b

    df = srcad.grad(f, target=target)
    np.testing.assert_array_equal(df(np.array([2.0, 3.0])), [3.0, 2.0])
    with pytest.raises((ValueError, SrcadError)):
        df(np.ones(length))


def test_equality_is_that_of_python():
    def f(x):
        total = 0.0
        for k, same in enumerate(
            (
                (1, 2) == [1, 2],
                {"a": 1, "b": 2} == {"a": 2, "b": 1},
                {"a": 1, "b": 2} == {"b": 2, "a": 1},
                Layer(1, 2) == Layer(1, 2),
                Layer(1, 2) == Layer(1, 3),
                Pair(1, 2) == (1, 2),
                2 in frozen,
                5 in frozen,
                [] == (),
            )
        ):
            if same:
                total += x**k
        return total

    check(srcad.grad(f, **plain), f, 1.3)


frozen = frozenset({1, 2, 3})


# ---- text and files ----------------------------------------------------------------------------


def relaxed(A, B, steps):
    for _ in range(steps):
        B[1:-1] = 0.5 * (A[:-2] + A[2:])
        A[1:-1] = 0.5 * (B[:-2] + B[2:])


def test_a_saved_file_runs_alone(tmp_path):
    def f(x, w):
        for i in range(x.size):
            if x[i] > 0.0:
                w = w * np.tanh(x[i])
        return w

    df = srcad.grad(f, (0, 1))
    x = np.array([1.0, -2.0, 3.0])
    want = df(x, 2.0)
    df.save(tmp_path / "alone.py")
    code = (
        "import sys\nfor name in ('srcad', 'optree', 'gast'): sys.modules[name] = None\n"
        "import numpy as np, alone\n"
        "found = alone.f_grad(np.array([1.0, -2.0, 3.0]), 2.0)\n"
        "print(repr([list(map(float, found[0])), float(found[1])]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert eval(done.stdout) == [list(want[0]), want[1]]


@pytest.mark.parametrize("target", ["python", "cpu"])
@pytest.mark.parametrize("steps", [0, 1, 4])
def test_adjoint_of_a_stencil(target, steps):
    rng = np.random.default_rng(1)
    A, B, d_A, d_B = (rng.normal(size=6) for _ in range(4))
    a, b, da, db = A.copy(), B.copy(), d_A.copy(), d_B.copy()
    srcad.adjoint(relaxed, ("A", "B"), target=target)(a, b, steps, da, db)
    left = A.copy(), B.copy()
    relaxed(*left, steps)
    np.testing.assert_array_equal(a, left[0])
    np.testing.assert_array_equal(b, left[1])
    # the map is linear: <adjoint of the seed, v> = <seed, map of v>
    v, w = rng.normal(size=6), rng.normal(size=6)
    moved = v.copy(), w.copy()
    relaxed(*moved, steps)
    np.testing.assert_allclose(da @ v + db @ w, d_A @ moved[0] + d_B @ moved[1])


def test_check_grad_names_the_worst_entry():
    def f(p):
        return np.sum(p["a"] * p["b"]) + p["c"] * srcad.stop_gradient(p["c"])

    p = {"a": np.ones(3), "b": np.arange(3.0), "c": 5.0}
    with pytest.raises(ArgumentError, match=r'S312(?s:.*)differ most at p\["c"\]: reverse 5, differences 10'):
        srcad.check_grad(f, p, **plain)


def test_turns_that_never_come():
    def f(x, n):
        total = 0.0
        for i in range(n):
            total += x * i
        while n > 5:
            total *= x
            n -= 1
        return total

    for target in ("python", "cpu"):
        df = srcad.value_and_grad(f, target=target)
        assert df(2.0, 0) == (0.0, 0.0) and df(2.0, -3) == (0.0, 0.0) and df(2.0, 1) == (0.0, 0.0)
        assert df(2.0, 3) == (6.0, 3.0)


def test_pickling_keeps_the_request():
    df = srcad.value_and_grad(partial(total, along=1), "x", **plain)
    again = pickle.loads(pickle.dumps(df))
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(again(x)[1], df(x)[1])
    assert again.options == df.options and again.source == df.source


def test_overlap():
    def f(x, y):
        x[0] = y[0]
        return np.sum(x * y)

    both = np.arange(6.0).reshape(2, 3)
    df = srcad.grad(f, (0, 1), **plain)
    df(both[0], both[1])
    df(both[:, 0], both[:, 1])
    with pytest.raises(ArgumentError, match="S308"):
        df(both[0], both[0])
    with pytest.raises(ArgumentError, match="S308"):
        df(both[:, 0], both[:, 0][::-1])
    with pytest.raises(ArgumentError, match="S308"):
        srcad.grad(lambda p: f(p[0], p[1]), **plain)((both[0], both[0]))
