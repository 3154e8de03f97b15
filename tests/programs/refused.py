"""Programs srcad must refuse: outside the language, or without a derivative.

Each raises a `SrcadError` of the given class that shows a line; never a raw error of Python, gast, NumPy or Numba,
and never a number.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.programs.registry import real


@dataclass(frozen=True)
class Refusal:
    """`codes`: one of these; a code's first letter and digit (`S1`) stands for its whole class."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    codes: tuple[str, ...]
    wrt: Any = 0

    @property
    def name(self) -> str:
        return getattr(self.function, "__name__", "unnamed")


REFUSED: list[Refusal] = []


def refused(*args: Any, code: str, wrt: Any = 0) -> Callable[[Any], Any]:
    def register(function: Any) -> Any:
        REFUSED.append(Refusal(function, args, tuple(code.split()), wrt))
        return function

    return register


COUNTER = 0


@refused(0.7, code="S103")
def uses_try(x):
    try:
        y = x * x
    except ValueError:
        y = x
    finally:
        return y


LOCK = threading.Lock()


@refused(0.7, code="S105")
def uses_with(x):
    with LOCK:
        y = x * x
    return y


class _Catches:
    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        return True


@refused(0.7, code="S105")
def manager_that_catches_errors(x):
    with _Catches():
        if x > 1.0:
            raise ValueError
        y = x * x
    return y


@refused(0.7, code="S106")
def uses_yield(x):
    yield x * x


@refused(0.7, code="S106")
def uses_yield_from(x):
    yield from [x, x]


@refused(0.7, code="S107")
async def uses_async(x):
    return x * x


@refused(0.7, code="S108")
def uses_global(x):
    global COUNTER
    COUNTER = COUNTER + 1
    return x * x


def _counted():
    calls = 0.0

    def f(x):
        nonlocal calls
        calls += x
        return calls

    return f


refused(0.7, code="S108")(_counted())


@refused(real(3), code="S109")
def deletes_an_element(x):
    del x[0]
    return np.sum(x)


@refused(0.7, code="S110")
def defines_a_class_with_a_run_time_value(x):
    class Thing:
        scale = x

    return x * Thing.scale


@refused(real(2), code="S110")
def defines_a_class_with_a_list(x):
    class Bag:
        items = []

        def add(self, v):
            self.items.append(v)

    one, other = Bag(), Bag()
    one.add(x[0])
    other.add(x[1])
    return sum(one.items)


@refused(0.7, code="S110")
def defines_a_class_with_a_call(x):
    class Thing:
        scale = registered(2.0)

    return x * Thing.scale


def registered(value):
    return value


@refused(0.7, code="S111")
def alternatives_with_names(x):
    match (x, 2.0 * x):
        case (1.0, y) | (y, 1.0):
            return y * y
    return x


@refused(0.7, code="S112")
def imports_what_is_not_there(x):
    import modul_that_is_not_there as m

    return m.sin(x)


@refused(0.7, code="S202")
def complex_result(x):
    return x + 2j


@refused(0.7, code="S116")
def complex_numbers_ordered(x):
    return x if x * 1j < 2j else 2.0 * x


@refused(0.7, code="S1 S2")
def set_literal(x):
    s = {x, 2 * x}
    return sum(s)


@refused(0.7, code="S1")
def formatted_string_as_a_number(x):
    return float(f"{x}") * x


@refused(0.7, code="S1")
def unknown_name(x):
    return x * undefined_name  # noqa: F821


@refused(0.7, code="S1")
def used_before_it_is_bound(x):
    z = y * x  # noqa: F821
    y = x
    return z + y


@refused(0.7, code="S1")
def never_bound_where_read(x):
    if x > 100:
        pass
    else:
        y = x
        y = y * 2
    del_me = x
    return del_me * later  # noqa: F821


@refused(0.7, code="S1 S2")
def unknown_attribute(x):
    return x.nothing * x


@refused(real(3), code="S1 S2")
def unknown_method(x):
    return x.frobnicate()


@refused(real(3), code="S1 S2")
def unknown_numpy_function(x):
    return np.no_such_function(x)


@refused(0.7, code="S1 S2")
def wrong_number_of_arguments(x):
    return math.sin(x, x, x)


def takes_one(x):
    return x * x


@refused(0.7, code="S1")
def wrong_call_of_a_user_function(x):
    return takes_one(x, x)


@refused(0.7, code="S1")
def unknown_keyword_of_a_user_function(x):
    return takes_one(x, power=2)


@refused(real(4), code="S1 S2")
def no_rule_for_frexp(x):
    return np.sum(np.frexp(x)[0])


@refused(real(3), code="S201")
def returns_an_array(x):
    return x * x


@refused(0.7, code="S201")
def returns_a_pair(x):
    return x, x * x


@refused(0.7, code="S2")
def returns_an_integer(x):
    return 3 if x > 0 else 2


@refused(0.7, code="S2")
def returns_a_boolean(x):
    return x > 0


@refused(0.7, code="S2")
def returns_nothing(x):
    y = x * x
    y = y + 1


@refused(0.7, code="S2")
def returns_a_string(x):
    return "a number"


@refused(real(3), code="S113")
def generator_used_twice(x):
    kept = (v * v for v in x)
    pair = (kept, kept)
    return sum(pair[0]) + sum(pair[1])


def _endless(x):
    while True:
        yield x
        x = x * 0.5


@refused(0.7, code="S129")
def all_items_of_an_endless_generator(x):
    return sum(_endless(x))


@refused(real(3), real(2, 3), code="S128")
def rows_written_to_masked_places(x, m):
    y = x * 1.0
    y[x > 0.0] = m[1:]
    return np.sum(y)


@refused(np.array([0.4, 0.8]), 0.5, code="S119")
def choice_of_two_structures_returned(x, a):
    return x > 0.3 if x[0] >= a else (3,)
