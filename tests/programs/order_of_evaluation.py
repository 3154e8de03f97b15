"""What Python evaluates first: a function that is called on the way writes into the array that the rest reads."""

import numpy as np

from tests.programs.registry import case

POINT = np.array([0.7, -0.4, 1.3, 0.9])


def double_first(a):
    a[0] *= 2.0
    return a[0] * a[1]


def shift(a, by):
    a[:] = a + by
    return by


def where(a):
    a[1] += 0.5
    return 1


@case(POINT)
def augmented_element(x):
    a = x * 1.0
    a[0] *= double_first(a)
    a[1] += double_first(a)
    a[2] -= double_first(a) * a[2]
    return np.sum(a * a)


@case(POINT)
def augmented_element_of_a_row(x):
    a = np.outer(x, x)
    r = a[0]
    a[0, 0] *= double_first(r)
    a[1][0] /= 2.0 + double_first(a[1])
    return np.sum(a * a)


@case(POINT)
def augmented_elements_by_array(x):
    a = x * 1.0
    a[[0, 2]] *= shift(a, 0.3)
    a[a > 0.5] += double_first(a)
    return np.sum(a * a)


@case(POINT)
def augmented_slice(x):
    a = x * 1.0
    a[:2] *= double_first(a)
    a[1:] -= shift(a, x[2])
    return np.sum(a * a)


@case(POINT)
def augmented_where_the_index_writes(x):
    a = x * 1.0
    a[where(a)] *= double_first(a)
    a[where(a) + where(a)] += a[where(a)]
    return np.sum(a * a)


@case(POINT)
def augmented_where_the_value_moves_the_index(x):
    a = x * 1.0
    k = np.array([0, 1])

    def move():
        k[0] = 2
        return 0.5

    a[k[0]] += move()
    a[k] *= move() + shift(k, 1)
    return np.sum(a * a * np.arange(4))


@case(POINT)
def augmented_name(x):
    s = x[0]
    s += (s := x[1]) * s
    s *= (t := s + 1.0) * t
    a = x * 1.0
    b = a
    a *= (a := x + 2.0)
    return s + np.sum(a * b)


@case(POINT)
def augmented_entry_of_a_dict(x):
    d = {"a": x[0], "b": x * 1.0}

    def change():
        d["a"] = x[3]
        d["b"][0] = 5.0
        return d["a"] * d["b"][1]

    d["a"] += change()
    d["b"] *= change()
    return d["a"] * np.sum(d["b"])


@case(POINT)
def augmented_entry_that_is_bound_anew(x):
    d = {"b": x * 1.0}

    def change():
        d["b"] = x * 3.0
        return 2.0

    d["b"] *= change()
    return np.sum(d["b"] ** 2)


@case(POINT)
def operands(x):
    a = x * 1.0
    p = a[0] + double_first(a)
    q = double_first(a) + a[0]
    r = a[0] * a[1] - shift(a, x[1]) * a[0]
    s = np.sum(a[:2] * shift(a, 0.1))
    t = np.sum(a) ** 2 + double_first(a) * np.sum(a)
    return p * q + r * s + t


@case(POINT)
def arguments(x):
    a = x * 1.0

    def f(p, q, r=1.0, *, s=2.0):
        return p + 2.0 * q + 3.0 * r * s

    one = f(a[0], double_first(a), a[0], s=a[0])
    two = f(double_first(a), a[0], s=double_first(a), r=a[0])
    three = f(s=a[0], q=double_first(a), p=a[0], r=a[1])
    return one * two + three + f(*(a[0], double_first(a)), **{"r": a[0], "s": shift(a, 0.5)}) * a[0]


@case(POINT)
def arguments_of_numpy(x):
    a = x * 1.0
    one = np.maximum(a[0], double_first(a))
    two = np.where(a[0] > 1.0, double_first(a), a[0])
    three = np.dot(a, a * double_first(a))
    return one * two + three + max(a[0], double_first(a), a[0])


@case(POINT)
def stored_value_before_place(x):
    a = x * 1.0
    a[where(a)] = double_first(a) * a[1]
    b = a[:2] = a[2:] * double_first(a)
    return np.sum(a * a) + np.sum(b)


@case(POINT)
def places_one_after_the_other(x):
    a = x * 1.0
    i, a[i] = 2, a[0] * a[1]
    a[i], i = a[i - 1] * 2.0, 0
    a[i], a[where(a)], a[3] = a[1], a[0], double_first(a)
    return np.sum(a * a * a)


@case(POINT)
def an_array_taken_apart_into_itself(x):
    a = x * 1.0
    a[1], a[0] = a[:2]
    a[3], a[2], b = a[1:]
    m = np.outer(a, x)
    m[1], m[0] = m[:2]
    return np.sum(a * a * a) + np.sum(m * m) + b


@case(POINT)
def swapped(x):
    a = x * 1.0
    a[0], a[1] = a[1], a[0]
    a[:2], a[2:] = a[2:], a[:2]
    return np.sum(a * np.arange(1.0, 5.0) ** 2 * a)


@case(POINT)
def comparisons(x):
    a = x * 1.0
    s = 0.0
    if a[0] < double_first(a) + 2.0 < a[0] + 4.0:
        s += a[0]
    if a[1] > 0.0 or double_first(a) < a[0]:
        s += a[0] * 2.0
    if a[1] > 0.0 and double_first(a) < a[0]:
        s += a[0] * 3.0
    if not (0.0 < a[1] < double_first(a)):
        s += a[0] * 4.0
    return s * a[0]


@case(POINT)
def choice(x):
    a = x * 1.0
    b = a[0] if double_first(a) > 0.0 else a[0] * a[1]
    c = double_first(a) if a[0] > 0.0 else shift(a, 1.0)
    d = a[0] or double_first(a)
    e = (a[0] > 9.0) and double_first(a)
    return b * c + a[0] * d + e * a[0]


@case(POINT)
def comprehensions(x):
    a = x * 1.0
    some = [double_first(a) + a[0] for _ in range(2)]
    all_of = np.array([v * shift(a, 0.1) for v in a])
    total = sum(double_first(a) for v in a if v > 0.5)
    return np.sum(all_of) + some[0] * some[1] + total * a[0]


@case(POINT)
def questions_stop_early(x):
    a = x * 1.0
    s = 0.0
    if any(double_first(a) < -0.5 for _ in range(4)):
        s += a[0]
    if all(double_first(a) > -2.0 for _ in range(4)):
        s += 2.0 * a[0]
    return s + a[0] * a[0]


@case(POINT)
def walrus(x):
    a = x * 1.0
    b = (c := a[0]) + (c := double_first(a)) * c
    d = [c := c * 2.0, c]
    e = (n := 1) + a[n]
    return b + d[0] * d[1] + e + a[(n := 2)] * a[n]


@case(POINT)
def slices(x):
    a = x * 1.0

    def two():
        a[2] *= 3.0
        return 2

    b = a[where(a) : where(a) + two()] * double_first(a)
    c = a[two() :] * 1.0
    return np.sum(b) * np.sum(c)


@case(POINT)
def displays(x):
    a = x * 1.0
    d = {"p": a[0], "q": double_first(a), "r": a[0]}
    t = (a[0], double_first(a), a[0])
    v = [a[0], *(double_first(a), a[0]), a[1]]
    w = np.array([a[0], double_first(a), a[0]])
    return d["p"] * d["q"] * d["r"] + t[0] * t[1] * t[2] + v[0] * v[1] * v[2] + w[0] * w[1] * w[2]


@case(POINT)
def defaults_and_closures(x):
    a = x * 1.0

    def early(v=a[0]):
        return v * a[0]

    k = 2.0

    def late():
        return k * a[0]

    before = early() + late()
    a[0] = x[1]
    k = x[2]
    return before * early() + late()


@case(POINT)
def loops_over_what_changes(x):
    a = x * 1.0
    s = 0.0
    for i, v in enumerate(a):
        s += v * a[3]
        a[(i + 1) % 4] *= 1.5
    for v, w in zip(a, a[::-1], strict=True):
        s += v * w * double_first(a)
    n = 2
    for _ in range(n):
        n = 5
        s *= a[0]
    return s


@case(POINT)
def conditions_of_loops(x):
    a = x * 1.0
    s = 0.0
    while double_first(a) > -3.0 and a[0] < 9.0:
        s += a[0]
    while (v := double_first(a)) > -30.0:
        s += v
    return s * a[0]


@case(POINT)
def returned(x):
    a = x * 1.0

    def both():
        return a[0], double_first(a), a[0]

    p, q, r = both()
    return p * q + r * a[0]


@case(POINT)
def results_that_are_views(x):
    a = x * 1.0

    def part():
        a[1] *= 2.0
        return a[1:]

    b = part() * part()
    c = np.sum(part()) + np.sum(a)
    return np.sum(b) * c
