"""`try` that goes on after an error: handlers that give another value, leave a loop, or try again."""

import contextlib
import math

import numpy as np

from tests.programs.registry import case

V = np.array([0.7, -0.4, 1.3])
W = np.array([0.7, 0.4, 1.3])


class ModelError(Exception):
    pass


class Diverged(ModelError):
    pass


def checked_log(v):
    if v <= 0:
        raise ValueError("not positive")
    return np.log(v)


@case(V, compiled=True)
@case(W)
def falls_back(x):
    total = 0.0
    for v in x:
        try:
            total += checked_log(v)
        except ValueError:
            total += 3.0 * v
    return total


@case(V)
@case(W)
def leaves_the_loop_in_between(x):
    total = 0.0
    try:
        for v in x:
            total += v * v
            total += checked_log(v)
            total *= 1.1
    except ValueError:
        total = total * 2.0
    return total


@case(V)
@case(W)
def goes_on_with_the_next(x):
    total = 0.0
    for v in x:
        try:
            y = checked_log(v)
            if y > 0.2:
                break
        except ValueError:
            total += v
            continue
        else:
            total += y
        finally:
            total += 0.01 * v
        total += y * y
    return total


@case(V)
@case(W)
def tries_again(x):
    shift = 1.0
    for attempt in range(5):
        try:
            y = checked_log(x[1] + shift * attempt)
            break
        except ValueError:
            shift = shift * 1.5 + 0.1 * x[0]
    else:
        y = 0.0
    return y * shift


class Sum:
    def __init__(self):
        self.total = 0.0
        self.count = 0

    def add(self, v):
        self.count += 1
        self.total += v
        if v < 0:
            raise ModelError(f"negative: {v}")
        self.total += v * v


@case(V, compiled=True)
@case(W)
def attributes_set_before_the_error(x):
    added = Sum()
    for v in x:
        try:
            added.add(v)
        except ModelError:
            added.total -= 0.3 * v
    return added.total * added.count


@case(V)
@case(W)
def stores_before_the_error(x):
    z = x.copy()
    try:
        for i in range(4):
            z[i] = z[i] * 2.0
            z[i] = z[i] + checked_log(x[i])
    except ValueError:
        z[0] = z[0] * 3.0
    except IndexError:
        z[1] = 0.5 * z[0]
    return np.sum(z)


@case(V)
@case(W)
def appended_before_the_error(x):
    found = []
    try:
        for v in x:
            found.append(v * 2.0)
            found.append(checked_log(v))
    except ValueError:
        pass
    return sum(found)


@case(V)
@case(W)
def while_raises(x):
    i = 0
    t = 1.0
    try:
        while t + checked_log(x[i]) < 100.0:
            t = t + x[i] * t
            i += 1
    except ValueError:
        t = t * 3.0
    except IndexError:
        t = t + 5.0 * x[i - 1]
    return t


def grown(v):
    a = np.sin(v) + v
    b = np.cos(a) * a
    if v < -0.3:
        raise ModelError(f"{v} is too small")
    for k in range(3):
        b = b + a * k
        if b > 6.0:
            raise Diverged("too large")
    return b


@case(V, compiled=True)
@case(W)
def two_handlers(x):
    total = grown(x[0])
    for v in x:
        try:
            total += grown(2.0 * v) * grown(v)
        except Diverged:
            total += v
        except Exception:
            total += 2.0 * v
    return total


@case(V)
@case(W)
def handler_raises_for_another(x):
    t = x[0]
    try:
        try:
            t = t + checked_log(x[1])
        except ValueError as error:
            t = t * 2.0
            raise ModelError("outer") from error
        t = t * 3.0
    except ValueError:
        t = 100.0
    except ModelError:
        t = t * t
    return t


def positive(x):
    for v in x:
        if v < 0:
            raise ValueError("negative")
        yield v * v


@case(V)
@case(W)
def generator_raises(x):
    t = 0.0
    try:
        for w in positive(x):
            t += w
    except ValueError:
        t *= 5.0
    return t


@case(V)
@case(W)
def bound_before_the_error(x):
    try:
        a = x[0] * 2.0
        b = checked_log(x[1])
        c = b * x[2]
    except ValueError:
        b = 4.0 * x[1]
        c = a
    return a + b * c


@case(0.0, gradient=1.0)
@case(2.0)
def division_of_numbers(x):
    try:
        y = 1.0 / x
    except ZeroDivisionError:
        y = 0.0
    return y + x


@case(-1.5)
@case(800.0)
@case(2.0)
def functions_of_math(x):
    try:
        return math.log(x) + math.exp(x)
    except ValueError:
        return 2.0 * x
    except OverflowError:
        return 3.0 * x


@case(V)
@case(W)
def first_to_raise_in_a_comprehension(x):
    try:
        z = np.array([checked_log(v) for v in x])
    except ValueError:
        z = x * x
    return np.sum(z * z)


POSITIVE = np.array([[2.0, 1.0], [1.0, 3.0]])
INDEFINITE = np.array([[1.0, 2.0], [2.0, 1.5]])


@case(POSITIVE, compiled=True)
@case(INDEFINITE)
def cholesky_with_jitter(K):
    jitter = 1e-3
    while True:
        try:
            L = np.linalg.cholesky(K + jitter * np.eye(len(K)))
            break
        except np.linalg.LinAlgError:
            jitter *= 7.0
    return np.sum(np.log(np.diag(L)))


@case(POSITIVE)
@case(np.array([[1.0, 2.0], [2.0, 4.0]]), gradient=np.ones((2, 2)))
def singular_matrix(A):
    try:
        return np.sum(np.linalg.solve(A, np.array([1.0, 2.0])))
    except np.linalg.LinAlgError:
        return np.sum(A)


@case(V)
@case(W)
def suppressed(x):
    total = 0.0
    for v in x:
        with contextlib.suppress(ValueError, KeyError):
            total += 2.0 * v
            total += checked_log(v)
            total += 10.0 * v
    return total


@case(V)
@case(W)
def suppressed_return(x):
    with contextlib.suppress(ValueError):
        return checked_log(x[1])
    return x[0] * x[1]


@case({"a": 1.5, "b": 2.0}, V)
@case({"a": 1.5, "c": 2.0}, W)
def known_when_compiling(p, x):
    squares = (x[0] * x[0], x[1])
    try:
        t = p["a"] * p["c"]
    except KeyError:
        t = p["a"] * 3.0
    try:
        t += squares[2] * x[0]
    except IndexError:
        t *= squares[-1]
    return t
