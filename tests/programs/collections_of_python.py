"""`collections`: deques, dicts with default values, counters; lists of run-time length that are popped anywhere."""

from collections import Counter, OrderedDict, defaultdict, deque

import numpy as np

from tests.programs.registry import case

V = np.array([0.5, 1.2, -0.7, 2.0, 0.4])


@case(V, compiled=True)
def moving_window(x):
    w = deque(maxlen=3)
    total = 0.0
    for e in x:
        w.append(e)
        total += sum(w) / len(w) * e
    return total


@case(V, compiled=True)
def queue(x):
    q = deque(x)
    total = 0.0
    k = 1.0
    while q:
        total += q.popleft() ** 2 * k
        if q:
            total += q.pop() * k
        k += 1.0
    return total


@case(V)
def both_ends(x):
    q = deque([x[0]])
    for e in x:
        if e > 0:
            q.appendleft(e * e)
        else:
            q.append(e)
    return sum(a * b for a, b in zip(q, x)) * len(q)


@case(V)
def known_items(x):
    q = deque([x[0], x[1]], 3)
    q.extend([x[2], x[3]])
    q.extendleft([x[4]])
    kept = q.copy()
    q.clear()
    return kept[0] * kept[-1] + len(q) + kept.maxlen * kept.popleft()


@case(V)
def list_as_a_queue(x):
    todo = [x[0], x[1]]
    total = 0.0
    while todo:
        a = todo.pop(0)
        total += a * a
        if total < 3.0:
            todo.insert(1, a * 1.1)
            todo.append(0.5 * a)
    return total


@case(V)
def list_emptied(x):
    seen = []
    total = 0.0
    for e in x:
        if e < 0:
            total += sum(seen) ** 2
            seen.clear()
        seen.append(e)
    return total * sum(seen)


@case(V)
def sums_by_label(x):
    sums = defaultdict(float)
    for label, e in zip(["a", "b", "a", "c", "b"], x):
        sums[label] += e * e
    return sums["a"] * sums["b"] + len(sums) * sums["c"] + sums.get("d", 1.0)


@case(V)
def lists_by_label(x):
    groups = defaultdict(list)
    for label, e in zip("abacb", x):
        groups[label].append(e)
    return sum(sum(g) ** 2 for g in groups.values()) * len(groups)


@case(V)
def nested_defaults(x):
    table = defaultdict(lambda: defaultdict(float))
    for a, b, e in (("p", "q", x[0]), ("p", "r", x[1]), ("p", "q", x[2])):
        table[a][b] += e
    return table["p"]["q"] * table["p"]["r"]


@case(V)
def counted(x):
    counts = Counter("abab") + Counter() if False else Counter("abab")
    order = OrderedDict(first=x[0], second=x[1])
    return counts["a"] * order["first"] * order["second"] + counts["z"] * x[2] + len(counts) * x[3]


@case(V)
def numbers_beside_an_array(x):
    total = 0.0
    for w, e in zip([1.0, 2.0, 0.5], x):
        total += w * e * e
    named = dict(zip(("p", "q"), x))
    return total * named["p"] * named["q"]
