"""`raise` behind conditions, in loops, helpers and methods, where the error is not raised."""

from tests.programs.registry import case


@case(0.5, 3)
def raise_after_statements(x, n):
    y = x * x
    if x > 10:
        z = y * 2
        y = z
        raise ValueError("large")
    elif x > 0.2:
        y = y * 3
    else:
        w = y
        raise ValueError("small")
    return y + n


@case(0.5, 3, compiled=True)
def raise_in_loop(x, n):
    y = x
    for i in range(n):
        x = x * 1.1
        if x > 100:
            y = x * 2
            raise OverflowError(f"diverged at {i}")
        else:
            y = x * y
    return x * y


def fail(n):
    raise ValueError(f"bad {n}")


@case(0.5, 3)
def raised_by_a_helper(x, n):
    d = {"a": x}
    if n > 5:
        fail(n)
    else:
        d["a"] = x * x
    if x < 0:
        return fail(n)
    return d["a"] * 2


@case(2.0)
def solver(a):
    x = a
    for it in range(50):
        dx = (x * x - a) / (2 * x)
        x = x - dx
        if abs(dx) < 1e-12:
            break
    else:
        raise RuntimeError("no convergence")
    return x


@case(0.5, 3)
def validated(x, n):
    if not isinstance(n, int):
        raise TypeError("n")
    if n < 0 or x < -5:
        msg = "negative"
        raise ValueError(msg)
    return x**n


class Tank:
    def __init__(self, v):
        self.v = v

    def take(self, q):
        if q > self.v:
            left = self.v
            raise ValueError("empty")
        self.v -= q
        return q * q


@case(2.0, 0.3, compiled=True)
def method_raises(v, q):
    t = Tank(v)
    s = 0.0
    for i in range(4):
        s += t.take(q) * t.v
    return s
