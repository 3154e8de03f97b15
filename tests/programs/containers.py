"""Parameters in dicts, lists, tuples, namedtuples and dataclasses; tuples and lists inside functions."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tests.programs.registry import case, real, single


class Layer(NamedTuple):
    W: np.ndarray
    b: np.ndarray


class Point(NamedTuple):
    x: float
    y: float


@dataclass
class Camera:
    focal: float
    centre: np.ndarray


@dataclass(frozen=True)
class Model:
    layers: list
    camera: Camera


def layer(seed, n=2, m=3):
    return Layer(real(n, m, seed=seed), real(n, seed=seed + 1))


@case({"a": 0.7, "b": 1.2}, compiled=True)
def dict_of_floats(p):
    return p["a"] * p["b"] + p["a"] ** 2


@case({"W": real(2, 3), "b": real(2)}, real(3), compiled=True)
def dict_of_arrays(p, x):
    return np.sum(np.tanh(p["W"] @ x + p["b"]))


@case([0.7, 1.2, -0.3])
@case((0.7, 1.2, -0.3))
def sequence_of_floats(p):
    return p[0] * p[1] + p[-1] ** 2 * p[0]


@case([real(2), real(3)], wrt=0)
def ragged_list_of_arrays(p):
    return np.sum(p[0]) * np.sum(p[1] * p[1])


@case([real(2), real(3), real(2, 2)])
def loop_over_a_ragged_list(p):
    s = 0.0
    for a in p:
        s = s * 0.5 + np.sum(a * a)
    return s


@case([layer(1, 3, 3), layer(3, 2, 3)], real(3))
def list_of_namedtuples(layers, x):
    for W, b in layers:
        x = np.tanh(W @ x + b)
    return np.sum(x * x)


@case([layer(1, 3, 3), layer(3, 2, 3)], real(3))
def list_of_namedtuples_by_attribute(layers, x):
    for i in range(len(layers)):
        x = np.sin(layers[i].W @ x + layers[i].b)
    return np.sum(x * x)


@case(Point(0.4, 0.9), compiled=True)
def namedtuple_argument(p):
    return p.x * p.y + p[0] * p.x


@case(Camera(1.3, real(2)), real(2, seed=1), compiled=True)
def dataclass_argument(camera, x):
    return camera.focal * np.sum((x - camera.centre) ** 2)


@case(Model([layer(1), layer(2)], Camera(1.3, real(2))), real(3))
def nested_dataclass(model, x):
    s = 0.0
    for one in model.layers:
        s += np.sum((one.W @ x + one.b) * model.camera.centre)
    return s * model.camera.focal


@case({"a": {"b": [0.3, (0.4, real(2))]}})
def deeply_nested(p):
    return p["a"]["b"][0] * np.sum(p["a"]["b"][1][1]) + p["a"]["b"][1][0] ** 2


@case({"a": 0.7, "unused": real(2, 2)})
def unused_leaf_gets_zeros(p):
    return p["a"] ** 3


@case({"w": single(3)}, single(3), tolerance=2e-5)
def float32_leaves(p, x):
    return np.sum(p["w"] * x * x)


@case({"a": 0.7, "b": 1.2})
def loop_over_dict_items(p):
    s = 1.0
    for name, v in p.items():
        s = s * v + len(name)
    for v in p.values():
        s = s + v * v
    for k in p:
        s = s * p[k]
    return s


@case({"a": 0.7, "b": 1.2})
def integer_keys_and_get(p):
    q = {0: p["a"], 1: p["b"] * p["a"]}
    q[2] = q[0] * q[1]
    return q[2] * q[1] + q.get(0, 1.0)


@case(0.7)
def tuple_inside(x):
    t = (x, x * x)
    a, (b, c) = t[0], (t[1], 3 * x)
    return a * b + c * t[1]


@case(0.7)
def starred_assignment(x):
    first, *rest = (x, x * x, 3 * x)
    return first * rest[0] + rest[1] ** 2


@case(0.7)
def list_built_by_append(x):
    items = []
    items.append(x)
    items.append(x * x)
    items[0] = items[1] * 2
    return items[0] * items[1] + len(items) * x


@case(0.7, 4)
def list_grown_in_a_loop(x, n):
    items = [x]
    for i in range(n):
        items.append(items[-1] * x + i)
    return items[n] * items[1]


@case(real(3))
def list_comprehension(x):
    squares = [x[i] * x[i] for i in range(3)]
    return squares[0] * squares[2] + sum(squares)


@case((0.3, 0.6, 0.9))
def comprehension_over_parameters(p):
    q = [v * v for v in p]
    return sum(v * w for v, w in zip(p, q)) + sum(q)


@case(0.7)
def namedtuple_made_inside(x):
    p = Point(x, x * x)
    q = p._replace(x=p.y)
    return p.x * q.x + q.y


@case(0.7)
def dataclass_made_inside(x):
    c = Camera(x, np.array([x, 2.0]))
    return c.focal * np.sum(c.centre**2)


@case([real(3), real(3, seed=1)])
def list_of_arrays_written(p):
    a = [p[0] * 1.0, p[1] * 1.0]
    a[0][1] = p[1][2] * p[0][0]
    a[1] += a[0]
    return np.sum(a[0] * a[1])


@case((real(3), 0.5), wrt=0)
def tuple_unpacked_in_the_body(p):
    x, a = p
    return np.sum(x * x) * a


@case([real(2, 2), real(2, 2, seed=1)], real(2))
def argument_twice_in_a_list(ws, x):
    for W in ws + ws:
        x = np.tanh(W @ x)
    return x[0] * x[1]


@case({"x": 3, "y": 2.0}, wrt=0)
def int_leaf_counts_as_float(p):
    return p["x"] ** 2 * p["y"]


@case(0.6, (1, 2, 3), wrt=0)
def static_tuple_of_ints(x, ks):
    s = 0.0
    for k in ks:
        s += x**k
    return s


@case({"a": None, "b": 0.5}, wrt=0)
def none_leaf(p):
    if p["a"] is None:
        return p["b"] ** 2
    return p["b"]


@case({"kind": "square", "x": 0.5}, wrt=0, gradient={"kind": None, "x": 1.0})
def string_beside_numbers(p):
    return p["x"] ** 2 if p["kind"] == "square" else p["x"]


@case(real(4))
def items_of_a_vector_that_changes(x):
    kept = [e for e in x]
    listed = list(x)
    x[0] = 5.0
    total = x[0] * x[1]
    for one in listed:
        total += one * one
    return total * kept[0] + listed[1] * listed[-1]


@case(real(3), 0)
def list_that_the_last_turn_leaves(x, k):
    d = 0
    s = 0.0
    while d < 3 and (t := 2.0) >= x[k]:
        d += 1
        y = []
        for i in range(len(x)):
            y.append(x * d)
        s += t
    return np.sum(y[1] ** 2) + s
