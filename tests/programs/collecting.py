"""Lists that are built item by item, comprehensions with conditions, trees in lists."""

import numpy as np

from tests.programs.registry import case, real


@case(0.5)
def closure_counts(x):

    def make():
        count = 0

        def inc(v):
            nonlocal count
            count += 1
            return v * count

        return inc

    f, g = (make(), make())
    return f(x) + f(x) + g(x) * f(x)


@case(real(6))
def append_under_condition(x):
    out = []
    for v in x:
        if v > 0:
            out.append(v * v)
    s = 0.0
    for o in out:
        s += o
    return s * len(out)


@case(real(6))
def append_condition_sum(x):
    out = []
    for v in x:
        if v > 0:
            out.append(v * v)
    return sum(out)


@case(real(6))
def append_condition_array(x):
    out = []
    for v in x:
        if v > 0:
            out.append(v * v)
    a = np.array(out)
    return np.sum(a**2) / len(out)


@case(0.9, compiled=True)
def append_in_while(x):
    xs = [x]
    while xs[-1] < 50.0:
        xs.append(xs[-1] * 2.0)
    return sum(xs)


@case(0.9)
def while_trajectory(x):
    xs = []
    t = 0.0
    while t < 1.0:
        x = x - 0.1 * x**2
        xs.append(x)
        t += 0.1
    return np.mean(np.array(xs)) + xs[-1] * xs[0]


@case(real(5))
def stack_pop(x):
    st = [x[0]]
    s = 0.0
    k = 0
    while st:
        v = st.pop()
        s += v
        if k < 4:
            k += 1
            st.append(v * x[k])
            if v > 0:
                st.append(x[k])
    return s


@case(real(4, 3))
def rows_collected(x):
    rows = []
    for r in x:
        rows.append(np.exp(r) / np.sum(np.exp(r)))
    return np.sum(np.stack(rows) ** 2)


@case(real(4), 2)
def list_runtime_index(x, k):
    ys = [x[0] * x[1], x[2] ** 2, x[3]]
    return ys[k] * ys[0]


@case([0.3, 0.4, 0.5], 1)
def list_arg_runtime_index(p, k):
    return p[k] ** 2 * p[0]


@case([real(3), real(3, seed=1)], 1)
def array_list_runtime_index(p, k):
    return np.sum(p[k] ** 2) * p[0][1]


@case([0.3, [0.4, 0.5], [[0.1]]])
def tree_in_lists(t):

    def total(t):
        if isinstance(t, list):
            return sum(total(u) for u in t) * 1.5
        return t * t

    return total(t)


def tree_sum(t):
    if isinstance(t, list):
        return sum(tree_sum(u) for u in t) * 1.5
    return t * t


@case([0.3, [0.4, 0.5], [[0.1]]], compiled=True)
def tree_recursive_global(t):
    return tree_sum(t)


@case(real(5))
def comp_condition(x):
    return sum([v * v for v in x if v > 0])


@case(real(5))
def gen_condition(x):
    return sum(v * v for v in x if v > 0)


@case(real(5))
def comp_condition_array(x):
    a = np.array([v * v for v in x if v > 0])
    return a.sum() + len(a)


@case(real(5), compiled=True)
def comp_two(x):
    return sum(x[i] * x[j] for i in range(len(x)) for j in range(i))


@case(real(5))
def dict_comp(x):
    d = {i: x[i] ** 2 for i in range(4)}
    return d[0] * d[3]
