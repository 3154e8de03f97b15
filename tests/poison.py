"""`np.empty` that is never empty by luck: whoever reads before writing reads NaN."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np

_empty, _empty_like = np.empty, np.empty_like


def _poison(a: Any) -> Any:
    a[...] = np.nan if a.dtype.kind in "fc" else True if a.dtype.kind == "b" else 987654321 % np.iinfo(a.dtype).max
    return a


def poisoned_empty(*args: Any, **options: Any) -> Any:
    return _poison(_empty(*args, **options))


def poisoned_empty_like(*args: Any, **options: Any) -> Any:
    return _poison(_empty_like(*args, **options))


POISONED: dict[str, Callable[..., Any]] = {"empty": poisoned_empty, "empty_like": poisoned_empty_like}


@contextmanager
def poisoned() -> Iterator[None]:
    """While this lasts, `np.empty` and `np.empty_like` give NaN (in Python; not in compiled code)."""
    with mock.patch.object(np, "empty", poisoned_empty), mock.patch.object(np, "empty_like", poisoned_empty_like):
        yield
