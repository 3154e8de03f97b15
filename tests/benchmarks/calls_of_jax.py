"""The functions and arguments of `against_jax`. It executes this text twice: as it is, and with JAX in the place of
NumPy and srcad, so that both differentiate the same programs and programs call the derivatives of each."""

from typing import NamedTuple

import numpy as np

from srcad import grad, hessian, jacobian, jvp, stop_gradient, value_and_grad

x = np.array([1.2, 0.7, -0.3])
y = np.array([0.4, -1.1, 0.9])
v = np.array([1.0, 0.5, -2.0])
W = np.array([[0.3, -0.2, 0.5], [0.1, 0.8, -0.4]])
A = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]])
V = np.array([[0.3, -0.1, 0.2], [-0.1, 0.4, 0.6], [0.2, 0.6, -0.5]])
xs = np.array([[0.1, 0.2, -0.4], [0.3, -0.5, 0.7]])
tied = np.array([2.0, 1.0, 2.0])
zero = np.zeros(3)
single = np.array([1.2, 0.7, -0.3], dtype=np.float32)
whole = np.array([3, 1, 2])
params = {"hidden": {"w": W, "b": np.array([0.1, -0.2])}, "out": [np.array([1.5, -0.5]), 0.25]}
ones = {"hidden": {"w": np.ones((2, 3)), "b": np.ones(2)}, "out": [np.ones(2), 1.0]}


class State(NamedTuple):
    place: np.ndarray
    speed: np.ndarray


state = State(x, y)


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def weighted(x, y):
    return np.sum(x * x * y) + np.prod(np.cos(y))


def with_aux(x, y):
    return np.sum(np.sin(x) * y), {"twice": 2.0 * x, "pair": (y, 3)}


def vector_with_aux(x):
    return np.tanh(x) * x[0], np.sum(x)


def network(p, x):
    h = np.tanh(p["hidden"]["w"] @ x + p["hidden"]["b"])
    return np.sum((p["out"][0] * h + p["out"][1]) ** 2)


def energy(s):
    return 0.5 * np.sum(s.speed**2) + np.sum(np.cos(s.place))


def scaled(x, s):
    return s * np.tanh(x)


def scaled_sum(x, s):
    return np.sum(s * np.tanh(x))


def parts(x, s):
    return {"pull": s * np.sin(x), "energy": (0.5 * np.sum(x * x), s * s)}


def matrix_of(x):
    return np.outer(x, np.exp(x))


def turn(a, b):
    return a * np.cos(b), a * np.sin(b)


def cubed(x):
    return x**3


def power(x, n):
    total = 0.0
    for _ in range(n):
        total = total + np.sum(np.sin(total + x))
    return total


def switched(x, squared):
    return np.sum(x * x) if squared else np.sum(x)


def counted(x):
    return np.sum(x * x), len(x)


def mixed(x, y, z):
    return np.sin(x * y) * np.exp(y * z) + x * z**3


def penalised(w, xs):
    def model(x):
        return np.sum(np.tanh(w @ x))

    slope = grad(model)
    total = 0.0
    for x in xs:
        d_x = slope(x)
        total += (np.sqrt(np.sum(d_x * d_x)) - 1.0) ** 2
    return total / len(xs)


def adapted(p, x, y):
    def loss(p, x, y):
        return np.sum((p["w"] @ np.tanh(x) + p["b"] - y) ** 2)

    d_p = grad(loss)(p, x, y)
    tuned = {"w": p["w"] - 0.1 * d_p["w"], "b": p["b"] - 0.1 * d_p["b"]}
    return loss(tuned, x, y)


def residual(w, points):
    def u(t):
        return np.sum(w[0] * np.tanh(w[1] * t + w[2]))

    d_u = grad(u)
    d2_u = grad(d_u)
    total = 0.0
    for t in points:
        total += (d2_u(t) + u(t)) ** 2
    return total


def newton(x, y):
    def loss(x):
        return np.sum((x - y) ** 4) + np.sum(x * x)

    for _ in range(3):
        x = x - np.linalg.solve(hessian(loss)(x), grad(loss)(x))
    return np.sum(x * y)


def curvature(x, v):
    def f(x):
        return np.sum(np.sin(x) * x[0])

    return np.sum(jvp(grad(f), (x,), (v,))[1] ** 2)


def volume(x):
    def moved(x):
        return np.stack((x[0] * np.cos(x[1]), x[0] * np.sin(x[1]), x[2] * x[0]))

    return np.log(np.abs(np.linalg.det(jacobian(moved)(x))))


def step_and_value(x):
    def f(x):
        return np.sum(np.cosh(x))

    value, d_x = value_and_grad(f)(x)
    return value - 0.5 * np.sum(d_x * d_x)


def target_network(x):
    return np.sum((np.sin(x) - stop_gradient(np.cos(x) * x)) ** 2)


def leaky(x):
    return np.sum(np.where(x > 0.0, x * x, 0.1 * np.sin(x)))


def guarded(x):
    return np.sum(np.where(x > 0.0, np.sqrt(np.where(x > 0.0, x, 1.0)), 0.0))


def unguarded(x):
    return np.sum(np.where(x > 0.0, np.sqrt(x), 0.0))


def clamped(x):
    return np.sum(np.clip(x, 0.7, 1.0) ** 2)


def sorted_sum(x):
    return np.sum(np.sort(x) * np.array([1.0, 2.0, 3.0]))


def largest(x):
    return np.max(x) ** 2


def between(x, y):
    return np.sum(np.maximum(x, y) * np.minimum(x, 2.0 * y))


def magnitude(x):
    return np.sum(np.abs(x))


def sign_of(x):
    return np.sum(np.sign(x) * (x + 2.0))


def powers(x):
    return np.sum(x**0 + x**1 + x**2 + x**3.0)


def length(x):
    return np.linalg.norm(x)


def log_sum_exp(x):
    m = np.max(x)
    return m + np.log(np.sum(np.exp(x - m)))


def by_cholesky(a):
    return np.sum(np.log(np.diag(np.linalg.cholesky(a @ a.T))))


def of_cholesky(a):
    return np.sum(np.cos(np.linalg.cholesky(a)))


def by_solve(a, b):
    return b @ np.linalg.solve(a, np.sin(b))


def by_eigh(a):
    values, vectors = np.linalg.eigh(a @ a.T)
    return np.sum(np.sqrt(values)) + np.sum(vectors[0] ** 2 * values)


def by_eigvalsh(a):
    return np.sum(np.linalg.eigvalsh(a) ** 3)


def by_inverse(a):
    return np.sum(np.sin(np.linalg.inv(a)))


def by_determinant(a):
    return np.linalg.det(a) ** 2


def by_logdet(a):
    return np.linalg.slogdet(a)[1]


def by_svd(a):
    return np.sum(np.sin(np.linalg.svd(a)[1]))


def attention(q, k):
    scores = q @ k.T / np.sqrt(3.0)
    weights = np.exp(scores - np.max(scores, axis=1, keepdims=True))
    return np.sum((weights / np.sum(weights, axis=1, keepdims=True)) @ k)
