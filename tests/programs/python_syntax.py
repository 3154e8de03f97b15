"""Small parts of Python: slices, conversions, strings as keys, `while ... else`, lists changed in every way."""

import numpy as np

from tests.programs.registry import case, real


@case(0.5, 3)
def raise_message(x, n):
    if n < 1:
        raise ValueError(f"n is {n}, x is {x:.3f}")
    if x < 0:
        raise ValueError("negative")
    return x**3


@case(0.5, 3)
def raise_in_else(x, n):
    if n == 1:
        y = x
    elif n == 3:
        y = x * x
    else:
        raise NotImplementedError(n)
    return y


@case(0.5, "sq")
def raise_string(x, mode):
    if mode == "sq":
        return x * x
    elif mode == "cube":
        return x**3
    else:
        raise ValueError(f"unknown mode {mode}")


@case(0.5)
def while_else(x):
    while x < 10:
        x = x * 2
        if x == 7:
            break
    else:
        x = x * x
    return x


@case(real(3, 4), 2)
def row_slices(q, d):
    return np.sum(np.array([np.exp(q[i, :d]) for i in range(3)]))


@case(0.5)
def chained_comparison(x):
    if 0 < x <= 1 != 3:
        return x * x
    return x


@case(real(5))
def slices_objects(x):
    s = slice(1, None, 2)
    t = slice(None, -1)
    return np.sum(x[s] ** 2) + np.sum(x[t]) * len(range(10)[s]) + s.start


@case(3.7)
def conversions(x):
    return int(x) * x + float(2) * x + round(x) * x + round(x, 1) * 0 + bool(x) * x + int("3") * x + float("2.5") * x


@case(0.5)
def string_keys(x):
    names = ["a", "b", "c"]
    p = {n: x ** (i + 1) for i, n in enumerate(names)}
    p["d"] = p["a"] * p["b"]
    total = 0.0
    for k in sorted(p):
        total += p[k] * (2 if k.startswith("b") else 1)
    key = "-".join(names)
    return total + len(key)


@case(0.5, "relu")
def string_dispatch(x, name):
    table = {"relu": lambda v: v if v > 0 else 0.0, "sq": lambda v: v * v}
    return table[name](x) + table["sq"](x)


@case(0.5)
def fstring_known(x):
    d = {f"w{i}": x * i for i in range(3)}
    return d["w1"] + d[f"w{2}"]


@case(0.5)
def prints(x):
    y = x * x
    if y > 100:
        print(f"large {y:.2f}", x)
    return y


@case(real(5), 3)
def while_pop_front(x, n):
    q = [x[i] for i in range(3)]
    s = 0.0
    while q:
        v = q.pop(0)
        s = s * 0.7 + v * v
    return s


@case(real(5), compiled=True)
def insert_remove(x):
    q = [x[0], x[1]]
    q.insert(1, x[2])
    q.extend([x[3], x[4]])
    q.reverse()
    q = q + [x[0] ** 2]
    q[1:3] = [x[0]]
    q += [x[1] * 3]
    return q[0] * q[1] + q[2] * q[3] + q[-1]


@case(real(3))
def list_mult_index(x):
    acc = [0.0] * 4
    for i in range(3):
        acc[i + 1] = acc[i] + x[i] ** 2
    return acc[3] * acc[1]


@case(real(5))
def tuple_accumulate(x):
    state = (0.0, 1.0)
    for v in x:
        a, b = state
        state = (a + v * b, b * 0.9)
    return state[0] * state[1]


@case(real(4))
def zip_star(x):
    pairs = [(x[0], x[1]), (x[2], x[3])]
    a, b = zip(*pairs)
    return a[0] * a[1] + b[0] * b[1]


@case(real(5))
def isinstance_len(x):
    if not isinstance(x, np.ndarray) or len(x) == 0:
        raise TypeError("array please")
    return np.sum(x) * len(x)
