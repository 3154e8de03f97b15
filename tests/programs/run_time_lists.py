"""Lists whose length only a run knows: appended to under conditions and in `while`, popped from, items assigned."""

import numpy as np

from tests.programs.registry import case, real


@case([0.3, 0.4, 0.5])
def next_item_changed(x):
    s = 0.0
    for i, v in enumerate(x):
        s += v * v
        if i + 1 < len(x):
            x[i + 1] = x[i + 1] * v
    return s


@case({"a": 0.3, "b": 0.5})
def dict_changed_while_read(d):
    s = 0.0
    for k, v in d.items():
        d["b"] = d["b"] * v
        s += v * v
    return s


@case(real(7), compiled=True)
def pops_and_appends(x):
    st = []
    s = 0.0
    for v in x:
        if v > 0:
            st.append(v * v)
        elif len(st) > 0:
            a = st.pop()
            st.append(a * v)
            s += a * 3
    while len(st) > 0:
        s = s * 0.5 + st.pop() ** 2
    return s


@case(real(5), 5, compiled=True)
def nested_appends(x, n):
    out = [x[0]]
    for i in range(n):
        for j in range(i):
            if x[i] * x[j] > 0.0:
                out.append(x[i] * x[j] * out[-1])
        if x[i] > 0:
            out.append(x[i])
    return sum(out) * len(out)


@case(real(5), 5)
def while_in_for(x, n):
    out = []
    for i in range(n):
        v = abs(x[i]) + 0.1
        while v < 3.0:
            out.append(v * x[i])
            v *= 1.7
    s = 0.0
    for k, o in enumerate(out):
        s += o * o * k
    return s


@case(0.2, 3, compiled=True)
def for_in_while(x, n):
    out = [x]
    while out[-1] < 2.0:
        for i in range(n):
            out.append(out[-1] * (1.3 + x * i))
        if len(out) > 5:
            out.pop()
    return sum(out) + out[2] * out[-2]


@case(real(6), compiled=True)
def item_stores(x):
    out = []
    for v in x:
        if v > 0:
            out.append(v)
    for i in range(len(out)):
        out[i] = out[i] ** 2 * (out[i - 1] if i > 0 else 1.0)
    out[-1] = out[-1] * 2.0
    out[0] += x[0]
    return sum(out) * out[-1]


@case(real(6))
def array_taken_before_change(x):
    out = []
    for v in x:
        if v > 0:
            out.append(v)
    a = np.array(out)
    b = np.asarray(out)
    c = out[1:]
    out[1] = 7.0 * x[1] ** 2
    out.append(3.0)
    return np.sum(a**2) + np.sum(b) * 2 + sum(c) + sum(out)


@case(real(6))
def two_names(x):
    a = []
    b = a
    for v in x:
        if v > 0:
            b.append(v * v)
        else:
            a.append(v)
    return sum(a) * len(b) + b[0]


@case(real(6))
def closure_appends(x):
    trace = []

    def step(v):
        if v > 0:
            trace.append(v)
        return v * v

    s = 0.0
    for v in x:
        s += step(v)
    return s * sum(trace)


@case(real(6))
def early_exit(x):
    out = []
    for v in x:
        if v < -1.0:
            break
        if v < 0:
            continue
        out.append(v)
        if sum(out) > 2.0:
            return sum(out) * x[1]
    return sum(o * o for o in out)


@case(real(6))
def empty_in_the_end(x):
    out = []
    for v in x:
        if v > 100:
            out.append(v)
    return sum(out) + x[0] * len(out) + x[1] ** 2


@case(real(6))
def branch_append_outside(x):
    out = [x[0]]
    for v in x:
        if v > 0:
            out.append(v)
    if x[1] > 0:
        out.append(x[1] ** 2)
    else:
        out.append(x[2] ** 2)
        out.append(1.0)
    return sum(out) * out[-1]


@case(real(6))
def integers_in_list(x):
    idx = [i for i in range(len(x)) if x[i] > 0]
    s = 0.0
    for i in idx:
        s += x[i] ** 2 * i
    return s + len(idx)


@case(real(6))
def extend_and_max(x):
    out = [v for v in x if v > 0]
    out.extend([x[0] ** 2, x[1]])
    return max(out) * min(out) + len(out)


@case(0.9)
def newton_trace(a):
    xs = [1.0]
    while abs(xs[-1] ** 2 - a) > 1e-09:
        xs.append(0.5 * (xs[-1] + a / xs[-1]))
    return xs[-1] + 0.1 * sum(xs)


@case(real(6))
def sieve(x):
    alive = list(x)
    s = 0.0
    while len(alive) > 1:
        alive = [a * b for a, b in zip(alive, alive[1:])]
        s += alive[0]
    return s


@case(real(8))
def filter_twice(x):
    pos = list(filter(lambda v: v > 0, x))
    return sum(pos) + sum((p * q for p, q in zip(pos, pos[1:])))


@case(real(6))
def heap_object_list(x):
    class_ = []
    for i, v in enumerate(x):
        if v > 0:
            class_.append(i)
    return sum(x[i] ** 3 for i in class_)
