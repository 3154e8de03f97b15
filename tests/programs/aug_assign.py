"""`+=` and its kin: rebinding for numbers, in place for arrays."""

import numpy as np

from tests.programs.registry import case, positive, real


@case(0.7, 1.3, compiled=True)
def on_scalars(x, y):
    s = x
    s += y * s
    s -= x
    s *= s
    s /= y + 2
    s **= 2
    s += s
    return s * x


@case(1.7, 0.6)
def integer_like_on_scalars(x, y):
    s = x * 5
    s %= y
    t = x * 3
    t //= y
    return s * x + t * x


@case(positive(3), positive(3, seed=1), compiled=True)
def on_arrays(x, y):
    s = x * 1.0
    s += y * s
    s -= x
    s *= s
    s /= y + 2
    s **= 2
    s += s
    return np.sum(s * x)


@case(real(3))
def array_plus_itself(x):
    x += x
    x *= x
    return np.sum(x)


@case(real(3), real(3, seed=1))
def name_used_again(x, y):
    z = x * 1.0
    z += y
    w = z * x
    return np.sum(w * z)


@case(real(3), 0.7)
def scalar_into_array(x, a):
    x += a
    x *= a
    x /= a
    x -= a * a
    return np.sum(x * x)


@case(real(3))
def alias_sees_it(x):
    y = x * 1.0
    z = y
    y += 1
    y *= x
    return np.sum(z * z)


@case(real(3))
def rebinding_hides_it(x):
    y = x * 1.0
    z = y
    y = y + 1
    y = y * x
    return np.sum(z * y)


@case(real(4), 3)
def accumulates_in_a_loop(x, n):
    total = np.zeros(4)
    for k in range(n):
        total += x**k
        total *= x
    return np.sum(total)


@case(0.7, 4)
def multiplies_in_a_loop(x, n):
    p = 1.0
    s = 0.0
    for k in range(n):
        p *= x
        s += p / (k + 1)
    return s * p


@case(real(3))
def element_of_a_list(x):
    items = [x[0], x[1] * 2]
    items[0] += items[1] * x[2]
    items[1] *= items[0]
    return items[0] * items[1]


@case({"a": 0.4, "b": real(2)})
def element_of_a_dict(p):
    q = {"a": p["a"], "b": p["b"] * 2}
    q["a"] += q["a"] * q["b"][0]
    q["b"] *= q["a"]
    return np.sum(q["b"]) * q["a"]


@case(real(3, 3))
def with_index_and_ellipsis(a):
    b = a * 1.0
    b[...] += a[0]
    b[1] -= b[0]
    b[:, 1] *= b[:, 0]
    b[2, 2] /= 2 + b[0, 0] ** 2
    return np.sum(b * b)


@case(real(3), real(3, 1))
def broadcast_is_out_of_place(x, c):
    y = c + x
    y += x
    y += c
    y *= x[0]
    return np.sum(y * y)


@case(0.7, 1.2)
def conditional(x, y):
    s = x * y
    if s > 0.5:
        s += x
    if s > 0.8:
        s *= y
    else:
        s -= y * y
    return s * s


@case(real(1, 4), compiled=True)
def all_of_a_row_plus_a_number_of_it(p):
    data = p * 2.0
    for _ in range(1):
        data[:,] += data[data.shape[0] - 1, 2]
    return data[0, 2] * data[0, 1]
