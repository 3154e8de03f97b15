"""Lists of one number over and over, as many times as only a run knows, whose items are assigned to."""

from tests.programs.registry import case, real


@case(real(5))
def list_mult_n(x):
    n = len(x)
    acc = [0.0] * (n + 1)
    for i in range(n):
        acc[i + 1] = acc[i] * 0.5 + x[i] ** 2
    return acc[n] * acc[1]


@case(real(5), compiled=True)
def prefix_of_integers(x):
    total = [0] * (len(x) + 1)
    for i, v in enumerate(x):
        total[i + 1] = total[i] + v * v
    return total[-1] * total[2]


@case(real(6), 3)
def dynamic_programme(x, k):
    best = [x[0]] * len(x)
    for i in range(1, len(x)):
        best[i] = max(best[i - 1] + x[i], x[i])
    m = best[0]
    for b in best:
        m = max(m, b)
    return m**2 + sum(best) + best[k]


@case(real(5))
def counts(x):
    n = [0] * len(x)
    for i in range(len(x)):
        n[i % 2] += 1
    return n[0] * x[0] ** 2 + n[1] * x[1]


@case(real(5), 0)
@case(real(5), 2, compiled=True)
def repeated_and_appended(x, n):
    h = [x[0]] * len(x)
    for i in range(n):
        h.append(x[i] * h[-1])
        h[0] = h[0] * h[-1]
    return sum(h) * h[-1]


@case(real(5))
def two_lists_swapped(x):
    n = len(x)
    old = [1.0] * n
    for t in range(4):
        new = [0.0] * n
        for i in range(n):
            new[i] = old[i] * x[i] + old[i - 1]
        old = new
    return sum(old)
