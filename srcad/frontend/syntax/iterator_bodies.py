"""Functions of itertools, and builtins that are lazy, as generator functions. What they loop over may be a generator.

They are those of Python's documentation in what they do: each asks for an item when it is asked for one.

>>> list(numbered([3.0, 4.0], 1)), list(part([0, 1, 2, 3, 4], 1, 4, 2))
([(1, 3.0), (2, 4.0)], [1, 3])
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def numbered(items: Any, start: Any = 0) -> Iterator[Any]:
    k = start
    for value in items:
        yield k, value
        k += 1


def beside(before: Any, items: Any, after: Any) -> Iterator[Any]:
    """`zip` of a generator and of sequences before and after it, in Python's order."""
    first = [len(other) for other in before]
    then = [len(other) for other in after]
    k = 0
    if all(k < n for n in first):
        for value in items:
            if not all(k < n for n in then):
                return
            yield (*[other[k] for other in before], value, *[other[k] for other in after])
            k += 1
            if not all(k < n for n in first):
                return


def results(function: Any, items: Any) -> Iterator[Any]:
    for value in items:
        yield function(value)


def results_of_rows(function: Any, rows: Any) -> Iterator[Any]:
    for row in rows:
        yield function(*row)


def selected(function: Any, items: Any) -> Iterator[Any]:
    for value in items:
        if function(value):
            yield value


def not_selected(function: Any, items: Any) -> Iterator[Any]:
    for value in items:
        if not function(value):
            yield value


def taken_while(function: Any, items: Any) -> Iterator[Any]:
    for value in items:
        if not function(value):
            return
        yield value


def dropped_while(function: Any, items: Any) -> Iterator[Any]:
    dropping = True
    for value in items:
        dropping = dropping and function(value)
        if not dropping:
            yield value


def each(items: Any) -> Iterator[Any]:
    """`iter(items)`."""
    yield from items


def first_items(items: Any, stop: Any) -> Iterator[Any]:
    k = 0
    if k < stop:
        for value in items:
            yield value
            k += 1
            if k >= stop:
                return


def part(items: Any, start: Any, stop: Any, step: Any = 1) -> Iterator[Any]:
    k = 0
    if start < stop:
        for value in items:
            if k >= start and (k - start) % step == 0:
                yield value
            k += 1
            if k >= stop:
                return


def part_from(items: Any, start: Any, step: Any = 1) -> Iterator[Any]:
    for k, value in enumerate(items):
        if k >= start and (k - start) % step == 0:
            yield value


def chained(iterables: Any) -> Iterator[Any]:
    for items in iterables:
        yield from items


def counted(start: Any = 0, step: Any = 1) -> Iterator[Any]:
    value = start
    while True:
        yield value
        value = value + step


def repeated(value: Any, times: Any) -> Iterator[Any]:
    for _ in range(times):
        yield value


def repeated_forever(value: Any) -> Iterator[Any]:
    while True:
        yield value


def in_a_cycle(items: Any) -> Iterator[Any]:
    if len(items) > 0:
        while True:
            yield from items


def compressed(items: Any, selectors: Any) -> Iterator[Any]:
    for value, selector in zip(items, selectors, strict=False):
        if selector:
            yield value


def beside_longest(columns: Any, fill: Any) -> Iterator[Any]:
    for k in range(max([len(column) for column in columns])):
        yield tuple([column[k] if k < len(column) else fill for column in columns])


def combinations_of(items: Any, r: Any, start: Any = 0) -> Iterator[Any]:
    if r == 0:
        yield ()
    else:
        for i in range(start, len(items)):
            for rest in combinations_of(items, r - 1, i + 1):
                yield (items[i], *rest)


def combinations_with_repeats(items: Any, r: Any, start: Any = 0) -> Iterator[Any]:
    if r == 0:
        yield ()
    else:
        for i in range(start, len(items)):
            for rest in combinations_with_repeats(items, r - 1, i):
                yield (items[i], *rest)


def permutations_of(items: Any, r: Any, taken: Any = ()) -> Iterator[Any]:
    if r == 0:
        yield ()
    else:
        for i in range(len(items)):
            if all(i != other for other in taken):
                for rest in permutations_of(items, r - 1, (*taken, i)):
                    yield (items[i], *rest)


def running(function: Any, items: Any, start: Any) -> Iterator[Any]:
    total = start
    yield total
    for value in items:
        total = function(total, value)
        yield total


def products_of(columns: Any) -> Iterator[Any]:
    if len(columns) == 0:
        yield ()
    else:
        for value in columns[0]:
            for rest in products_of(columns[1:]):
                yield (value, *rest)


def first_item(items: Any) -> Any:
    for value in items:
        return value
    raise StopIteration


def first_item_or(items: Any, default: Any) -> Any:
    for value in items:
        return value
    return default


def unchanged(value: Any = None) -> Iterator[Any]:
    """`contextlib.nullcontext`."""
    yield value
