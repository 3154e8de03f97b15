"""The text for threads, run by Python: its blocks in a random order, all memory that is not set NaN."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np

import srcad
from srcad.backend.modules import cache_files
from srcad.backend.modules.import_module import load
from srcad.dispatch.pytree import flatten
from srcad.optimize.loops import blocked_loops, work_estimate
from tests.poison import poisoned


def shuffled(count: int) -> list[int]:
    order = list(range(count))
    random.Random(int(count)).shuffle(order)
    return order


def on_threads(function: Callable[..., Any], wrt: tuple[int, ...], args: tuple[Any, ...]) -> tuple[Any, str]:
    """(value, gradient) by the text for threads, which Python runs with its blocks in a random order; and the text."""
    call, text = threads_in_python(function, wrt, args)
    return call(*args), text


def threads_in_python(
    function: Callable[..., Any],
    wrt: tuple[int, ...],
    args: tuple[Any, ...],
    order: Callable[[int], list[int]] = shuffled,
) -> tuple[Callable[..., Any], str]:
    """What calls the text for threads, made for such arguments, in Python; and the text."""
    derivative = srcad.value_and_grad(function, wrt, target="python", parallel=True, cache=False)
    one = derivative.specialisation(*args)
    text = one.generated.machine_text()
    run = getattr(load(cache_files.store(one.generated.name, text)), one.generated.function.name)
    run.__globals__["prange"] = order

    def call(*args: Any) -> Any:
        with warnings.catch_warnings(), poisoned(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return one.finish(run(*one.flat(flatten(args)[0])))

    return call, text


@contextmanager
def forced(blocks: int = 64) -> Iterator[None]:
    """Threads whatever the work, and so many blocks."""
    whatever = mock.patch.object(work_estimate, "LEAST_WORK", -(10**15))
    with whatever, mock.patch.multiple(blocked_loops, BLOCKS=blocks, CYCLES_OF_SUM=0):
        yield


def is_on_threads(text: str) -> bool:
    return "prange(" in text.partition("def ")[2]
