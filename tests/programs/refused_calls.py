"""More programs srcad must refuse: for the arguments they are called with, or for what they do with values."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from tests.programs.refused import REFUSED, Refusal, refused, takes_one
from tests.programs.registry import real


@refused(np.array([1, 2, 3]), code="S3")
def integer_array_differentiated(x):
    return np.sum(x * x)


@refused(np.array([True, False]), code="S3")
def boolean_array_differentiated(x):
    return np.sum(x * 2.0)


@refused(np.array([1 + 2j]), code="S116")
def complex_array_sorted(x):
    return np.sum(np.abs(np.sort(x)))


@refused(1 + 2j, code="S202")
def complex_number_returned(x):
    return x * x


@refused("text", code="S207 S3")
def string_differentiated(x):
    return 2.0


@refused(None, code="S207 S3")
def none_differentiated(x):
    return 2.0


@refused(np.array([1.0, 2.0], dtype=object), code="S3")
def object_array(x):
    return np.sum(x * x)


@refused({"a": {1.0, 2.0}}, code="S3")
def set_leaf(p):
    return 2.0


@refused([], code="S207 S3")
def empty_container(p):
    return 2.0


@refused(np.array(["a", "b"]), code="S3")
def string_array(x):
    return 2.0


OVERLAP = real(6)


@refused(OVERLAP[:4], OVERLAP[2:], code="S3 S4", wrt=(0, 1))
def overlapping_arguments_written(x, y):
    x[0] = y[1] * 2
    return np.sum(x * y)


@refused(OVERLAP, OVERLAP, code="S3 S4", wrt=(0, 1))
def same_argument_twice_written(x, y):
    x *= y
    return np.sum(x * y)


@refused(real(3), code="S1")
def wrong_unpacking(x):
    a, b = (x[0], x[1], x[2])
    return a * b


@refused(real(3), code="S1 S2")
def too_many_indices(x):
    return x[0, 1] * x[0]


@refused(real(3), code="S1")
def index_by_a_float(x):
    return x[0.5] * x[0]


@refused(real(3), code="S1")
def index_by_a_string(x):
    return x["a"]


@refused(real(3), real(4), code="S1 S3")
def shapes_that_never_fit(x, y):
    a = np.zeros((2, 3))
    b = np.zeros((2, 4))
    return np.sum(a * x[0] + b * y[0])


@refused(0.7, code="S1")
def calls_a_number(x):
    return x(2.0)


@refused(0.7, code="S1")
def attribute_assignment(x):
    takes_one.factor = x
    return x * x


@refused({"a": 1.0}, code="S1")
def missing_key(p):
    return p["b"] * p["a"]


@refused(0.7, code="S1")
def loops_over_a_number(x):
    s = 0.0
    for v in x:
        s += v
    return s


@refused(0.7, code="S1")
def string_arithmetic(x):
    return x * 2.0 + "a"


@refused(real(3), code="S1")
def condition_of_an_array(x):
    if x > 0:
        return np.sum(x)
    return x[0]


@refused(0.7, code="S1 S2")
def eval_of_text(x):
    return eval("x * x")


@refused(real(3), code="S1 S2")
def random_without_rule(x):
    return np.sum(x) * np.random.default_rng(0).gamma(x[0])


@refused(0.7, code="S3", wrt=1)
def no_such_position(x):
    return x * x


@refused(0.7, code="S3", wrt="y")
def no_such_name(x):
    return x * x


@refused(code="S1 S3")
def called_without_arguments(x):
    return x * x


@refused(0.7, 0.8, code="S1 S3")
def called_with_too_many(x):
    return x * x


@refused(0.7, code="S2 S1")
def rounds_to_int(x):
    return int(x * 10)


# Which array is written to is not known when compiling: refused, not guessed.


@refused(real(4), code="S4")
def alias_chosen_by_a_condition(x):
    a = x * 1.0
    b = x * 2.0
    t = a if x[0] > 0 else b
    t[0] = x[1] * x[2]
    t *= x[3]
    return np.sum(a * a) + np.sum(b)


@refused(real(4), code="S4")
def conditional_rebind_to_another_array_then_write(x):
    a = x * 2
    b = x * 3
    y = a
    if x[0] > 0:
        y = b
    y[1] = x[2] * x[2]
    return np.sum(a * x) + np.sum(b * b) + y[0]


@refused(real(3), 2, code="S4")
def row_aliases_of_one_buffer(x, n):
    m = np.zeros((2, 3))
    cur = m[0]
    nxt = m[1]
    cur[:] = x
    for _ in range(n):
        nxt[1:] = cur[:-1] * cur[1:]
        nxt[0] = cur[0]
        cur, nxt = nxt, cur
    return np.sum(cur * x) + np.sum(m)


REFUSED.append(Refusal(np.sin, (0.7,), ("S1",)))
REFUSED.append(Refusal(math.sin, (0.7,), ("S1",)))
REFUSED.append(Refusal(operator.add, (0.7, 0.3), ("S1",)))
REFUSED.append(Refusal(eval("lambda x: x * x"), (0.7,), ("S1",)))
exec_scope: dict[str, Any] = {}
exec("def made_by_exec(x):\n    return x * x\n", exec_scope)
REFUSED.append(Refusal(exec_scope["made_by_exec"], (0.7,), ("S1",)))
REFUSED.append(Refusal(3.0, (0.7,), ("S1", "S3")))  # type: ignore[arg-type]


@refused(0.7, code="S121")
def evaluates_text(x):
    return eval("x * x")


@refused(real(2, 3), code="S123")
def axis_from_values(x):
    return np.sum(np.sum(x, axis=1 if x[0, 0] > 0 else 0) ** 2)


LOG: list[float] = []
TABLE = {"a": 1.0}


@refused(0.7, code="S108")
def appends_to_a_global(x):
    LOG.append(x)
    return x * x


@refused(0.7, code="S108")
def writes_to_a_global(x):
    TABLE["a"] = x
    return x * TABLE["a"]


@refused(0.7, code="S108")
def extends_a_global(x):
    global_list = LOG
    global_list += [x]
    return x * x


@refused(0.7, code="S123")
def key_made_of_values(x):
    return {"0.7": x}[f"{x}"]


@refused(0.7, code="S127")
def array_of_text(x):
    return x * np.zeros(2, dtype="U3")
