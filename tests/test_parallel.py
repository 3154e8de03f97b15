"""Loops on threads: the numbers of the serial text in any order of iterations, equal bits at any number of threads.

In Python, `prange` gives its blocks in a random order, and all memory that is not set is NaN: an iteration that reads
what another one wrote gets another number.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.backend.modules import cache_files
from srcad.backend.modules.import_module import load
from srcad.dispatch.pytree import flatten
from srcad.optimize.loops import parallelization
from tests.numeric import copied, worst_error
from tests.poison import poisoned
from tests.programs.registry import Case, all_cases


def shuffled(count: int) -> list[int]:
    order = list(range(count))
    random.Random(count).shuffle(order)
    return order


@pytest.fixture
def whatever_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallelization, "LEAST_WORK", -(10**15))


def on_threads(function: Callable[..., Any], wrt: tuple[int, ...], args: tuple[Any, ...]) -> tuple[Any, str]:
    """(value, gradient) by the text for threads, which Python runs; and the text."""
    derivative = srcad.value_and_grad(function, wrt, target="python", parallel=True, cache=False)
    one = derivative.specialisation(*args)
    text = one.generated.machine_text()
    run = getattr(load(cache_files.store(one.generated.name, text)), one.generated.function.name)
    run.__globals__["prange"] = shuffled
    with warnings.catch_warnings(), poisoned(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return one.finish(run(*one.flat(flatten(args)[0]))), text


@pytest.mark.one_in(5)
@pytest.mark.parametrize("case", all_cases(), ids=lambda c: c.name)
@pytest.mark.usefixtures("whatever_the_work")
def test_corpus(case: Case) -> None:
    derivative = srcad.value_and_grad(case.function, case.wrt, target="python")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        value, gradient = derivative(*copied(case.args))
    (again, same), text = on_threads(case.function, case.wrt, copied(case.args))
    close = 1e-4 if "float32" in text else 1e-9
    np.testing.assert_allclose(again, value, rtol=close, atol=1e-300)
    assert worst_error(same, gradient) < close, text
