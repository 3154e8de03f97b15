"""`while`: nobody knows the number of turns before."""

import numpy as np

from tests.programs.registry import case, real


@case(7.3, 2.0, wrt=0, compiled=True)
@case(0.5, 2.0, wrt=0, name="no turn")
@case(7.3, 1e-13, wrt=0, name="converged")
def newton(a, tol):
    x = a
    while abs(x * x - a) > tol:
        x = 0.5 * (x + a / x)
    return x


@case(0.9, 0)
@case(0.9, 1)
@case(0.9, 40, name="more than a stack first holds", compiled=True)
def counter(x, n):
    s = x
    i = 0
    while i < n:
        s = np.sin(s * x) + x
        i += 1
    return s


@case(0.9, 5)
def counts_down(x, n):
    s = 1.0
    while n:
        s = s * x + n
        n -= 1
    return s


@case(0.02)
@case(0.5)
@case(3.0)
def turns_depend_on_the_value(x):
    y = x
    n = 0
    while y < 1:
        y = y * 2 + x
        n = n + 1
    return y * y + n * x


@case(0.3, 3, compiled=True)
@case(0.3, 0)
def while_in_for(x, n):
    s = x
    for i in range(n):
        t = s
        while t < 2 + i:
            t = t * 1.5 + x
        s = s + np.sin(t)
    return s


@case(0.3)
def for_in_while(x):
    s = x
    k = 1
    while s < 5:
        for j in range(k):
            s = s * 1.2 + x
        k += 1
    return s * s


@case(0.3)
def while_in_while(x):
    a = x
    total = 0.0
    while a < 4:
        b = a
        while b < 6:
            b = b * b * 0.3 + b + x
        total += b
        a = a + 1.5
    return total * total


@case(real(6))
def walks_an_array(x):
    i = 0
    s = 0.0
    while i < len(x):
        if x[i] > 0:
            s += x[i] ** 2
            i += 1
        else:
            s = s * x[i] + x[i]
            i += 2
    return s


@case(real(5))
def array_in_place(x):
    y = x.copy()
    k = 0
    while np.sum(y * y) > 0.1:
        y *= 0.7
        y[k % 5] += 0.01 * x[0]
        k += 1
    return np.sum(y * x)


@case(real(3), compiled=True)
def array_rebound(x):
    y = x
    k = 0
    while np.max(np.abs(y)) > 0.3:
        y = np.tanh(y * 0.9) * 0.8
        k += 1
    return np.sum(y * y) * k


@case(0.7)
def condition_with_and(x):
    s = x
    i = 0
    while i < 10 and s < 3:
        s = s * 1.3
        i += 1
    return s * i


@case(0.7)
def while_else(x):
    s = x
    while s < 3:
        s = s * s + 1
    else:
        s = s * x
    return s


@case(0.7)
@case(0.1)
def while_else_with_break(x):
    s = x
    i = 0
    while i < 5:
        s = s * 2
        if s > 4:
            s = s - x * x
            break
        i += 1
    else:
        s = s * x
    return s * s


@case(0.7, compiled=True)
@case(0.2)
def while_true_break(x):
    s = x
    while True:
        s = s + np.sin(s)
        if s > 2:
            break
        s = s * 1.1
    return s * x


@case(0.7)
def continue_in_while(x):
    i = 0
    s = x
    while i < 6:
        i += 1
        if i % 3 == 0:
            continue
        s = np.sin(s + i * x)
    return s


@case(12.0, 1.0)
def bisection(b, a):
    lo, hi = 0.0, b
    while hi - lo > 1.0:
        mid = 0.5 * (lo + hi)
        if mid * mid > 20:
            hi = mid
        else:
            lo = mid
    return lo * a + hi * hi


@case(0.4)
def variable_first_bound_in_while(x):
    k = 0
    while k < 3:
        t = x * (k + 1)
        k += 1
    return t * t * k


@case(20.3, 3.1)
def euclid_like(a, b):
    while b > 0.5:
        a, b = b, a % b
    return a * a + b


@case(0.35, 4)
def returns_out_of_while(x, n):
    s = x
    k = 0
    while True:
        s = s * 1.4 + x
        k += 1
        if k > n:
            return s * k


@case(0.9, 1.1, 0, wrt=(0, 1))
@case(0.9, 1.1, 16, wrt=(0, 1), name="as many turns as a stack first holds")
@case(0.9, 1.1, 17, wrt=(0, 1), name="one more")
@case(0.9, 1.1, 70, wrt=(0, 1), name="grown twice", compiled=True)
def two_values_of_each_turn(x, y, n):
    a = x
    b = y
    i = 0
    while i < n:
        a = 0.5 * np.sin(a * b) + 0.3 * y
        b = 0.4 * np.cos(b + a * a) + 0.5 * x
        i += 1
    return a * b


@case(0.9, 3, compiled=True)
@case(0.9, 33, compiled=True)
def saved_in_some_turns_only(x, n):
    s = x
    i = 0
    while i < n:
        t = s * x
        if i % 3 == 1:
            s = np.sin(t) + x
        else:
            s = t / (2.0 + s * s)
        i += 1
    return s


@case(np.array([0.9, 4.0, 0.3]), compiled=True)
def turns_of_each_item(x):
    """The stack goes on growing from item to item; its top is back at zero for each."""
    total = 0.0
    for i in range(len(x)):
        y = x[i]
        k = 0
        while y < 60.0 + 5.0 * i:
            y = y + 0.1 * y / (1.0 + y * y) + 0.3
            k += 1
        total += y * k
    return total


@case(real(7), 6, wrt=0, compiled=True)
def several_saved_in_a_turn(x, n):
    """Seven numbers a turn do not divide the room there is for sixteen."""
    t = x * 1.0
    s = 0.0
    for i in range(n):
        q = 0
        while q < 4:
            q += 1
            for z in range(7):
                t[z] = 0.3 * np.sin(t[z]) + x[z]
        s += t[i]
    return s


@case(real(2), real(2, seed=1))
def read_before_the_turn_binds_it(w, a):
    out = 0
    while out < 4:
        for _ in range(out, 2, 2):
            stop = w[0]
        stop = a[0] * stop
        out += 1
    return stop


@case(real(2), real(2, seed=1))
def read_before_the_turn_of_a_for_binds_it(w, a):
    for out in range(4):
        if out < 2:
            stop = w[0] * out
        stop = a[0] * stop + w[1]
    return stop


@case(real(3), real(3, seed=1))
def an_array_read_before_the_turn_binds_it(w, a):
    for out in range(4):
        if out < 1:
            part = w[1:]
        part = a[:2] * part
    return np.sum(part)
