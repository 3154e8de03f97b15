"""Library functions defined by inlining: builtins and functions of functools and itertools that are loops.

What they loop over may be anything: an array, a range, `zip` or `map` of these.

>>> from srcad.compiler.stages import normal_form
>>> from srcad.ir.printer import text
>>> from functools import reduce
>>> __name__ = "__main__"  # a user's function
>>> def f(x):
...     return reduce(lambda a, b: a * b, x, 1.0)
>>> import numpy as np
>>> print(text(normal_form(f, np.ones(3))))
f(x: float64[x.0]):
    %n.0 = len(x)
    %total.2 = for %i.0 in range(0, %n.0, 1) carrying %total.0 = 1.0:
        %value.0 = x[%i.0]
        %total.1 = %total.0 * %value.0
        yield %total.1
    return %total.2
"""

from __future__ import annotations

from typing import Any


def copied_items(into: Any, items: Any, count: Any) -> None:
    for k in range(count):
        into[k] = items[k]


def taken_out(items: Any, count: Any, at: Any) -> Any:
    k = at + count if at < 0 else at
    if not 0 <= k < count:
        raise IndexError("pop index out of range")
    value = items[k]
    for j in range(k, count - 1):
        items[j] = items[j + 1]
    return value


def put_in(items: Any, count: Any, at: Any, value: Any) -> None:
    k = max(at + count, 0) if at < 0 else min(at, count)
    for j in range(count, k, -1):
        items[j] = items[j - 1]
    items[k] = value


def append_to_window(items: Any, value: Any, most: Any) -> None:
    if len(items) >= most:
        items.pop(0)
    items.append(value)


def prepend_to_window(items: Any, value: Any, most: Any) -> None:
    if len(items) >= most:
        items.pop()
    items.insert(0, value)


def collected(items: Any) -> Any:
    found = []
    for value in items:
        found.append(value)
    return found


def repeat_in_place(items: Any, count: Any) -> None:
    once = list(items)
    if count <= 0:
        items.clear()
    for _ in range(count - 1):
        items.extend(once)


def last_items(items: Any, most: Any) -> Any:
    kept = list(items)
    return kept[max(len(kept) - most, 0) :]


def added(items: Any, start: Any) -> Any:
    total = start
    for value in items:
        total = total + value
    return total


def reduced(function: Any, items: Any, start: Any) -> Any:
    total = start
    for value in items:
        total = function(total, value)
    return total


def accumulated(function: Any, items: Any, start: Any) -> Any:
    total = start
    found = [total]
    for value in items:
        total = function(total, value)
        found.append(total)
    return found


def first_with_least_key(items: Any, best: Any, key: Any) -> Any:
    least = key(best)
    for value in items:
        own = key(value)
        if own < least:
            best = value
            least = own
    return best


def first_with_greatest_key(items: Any, best: Any, key: Any) -> Any:
    greatest = key(best)
    for value in items:
        own = key(value)
        if own > greatest:
            best = value
            greatest = own
    return best


def any_true(items: Any) -> Any:
    found = False
    for value in items:
        if not found and value:
            found = True
    return found


def all_true(items: Any) -> Any:
    found = True
    for value in items:
        if found and not value:
            found = False
    return found


def first_true(items: Any) -> Any:
    found = False
    for value in items:
        if value:
            found = True
            break
    return found


def first_false(items: Any) -> Any:
    found = True
    for value in items:
        if not value:
            found = False
            break
    return found


def same(value: Any) -> Any:
    return value


def sum_of_two(a: Any, b: Any) -> Any:
    return a + b


def item_taken(key: Any, value: Any) -> Any:
    return value[key]


def attribute_taken(names: Any, value: Any) -> Any:
    for name in names:
        value = getattr(value, name)
    return value


def method_called(name: Any, args: Any, keywords: Any, value: Any) -> Any:
    return getattr(value, name)(*args, **keywords)
