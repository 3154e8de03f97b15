"""The sparsity pattern of a Jacobian at a point: the generated tangents, run on sets of inputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import scipy.sparse as sp

from srcad.backend.modules import cache_files
from srcad.backend.modules.import_module import imported
from srcad.compiler.generate import Generated
from srcad.errors import fail
from srcad.frontend.values.abstract_values import leaves
from srcad.ir.types import is_float
from srcad.sparse.dependence import NONE, indices_of, inputs
from srcad.sparse.numpy_namespace import replace_names

_MOST = 30_000_000
"""Entries of a pattern."""
DENSE = "leave out sparse=True."


class TooManyEntries(Exception):
    """A pattern that takes more memory than it is worth."""


class PatternFunction:
    """What finds the pattern: a function in forward mode, of which one array has a tangent."""

    def __init__(self, generated: Generated) -> None:
        path = cache_files.store(generated.function.name, generated.dependence_code(), keep=False)
        module = imported(path, f"made_by_srcad.{path.stem}")
        replace_names(module)
        self._function = getattr(module, generated.function.name)
        self._count = sum(is_float(leaf.type) for leaf in leaves(generated.result))

    def __call__(self, flat: Sequence[Any], shape: tuple[int, ...]) -> list[Any]:
        """The dependences of the tangents of the results, each an array or one alone."""
        with np.errstate(all="ignore"):
            found = self._function(*flat, inputs(shape), NONE)
        found = found if isinstance(found, tuple) else (found,)  # one result comes alone
        return list(found[-self._count :])


def found_pattern(finder: PatternFunction, flat: Sequence[Any], shape: tuple[int, ...], name: str) -> Any:
    """The pattern at a point where the function itself runs; S331 where it is not found, or hardly sparse."""
    try:
        return boolean_matrix(finder(flat, shape), math.prod(shape))
    except TooManyEntries:
        why = f"It has more than {_MOST:,} entries that may differ from zero."
        fail("S331", f"the Jacobian of {name} is not sparse", None, why, DENSE)
    except Exception as fault:
        why = f"What its tangents depend on could not be followed ({type(fault).__name__}: {fault})."
        fail("S331", f"the pattern of the Jacobian of {name} is not found", None, why, DENSE)


def boolean_matrix(outputs: Sequence[Any], columns: int) -> Any:
    """The pattern as a sparse matrix: a row for each entry of the outputs, in their order.

    >>> boolean_matrix([inputs((2,))[::-1], NONE], 2).toarray()
    array([[False,  True],
           [ True, False],
           [False, False]])
    """
    rows = []
    count = 0
    for one in chain.from_iterable(
        out.view(np.ndarray).flat if isinstance(out, np.ndarray) else [out] for out in outputs
    ):
        rows.append(indices_of(one))
        count += len(rows[-1])
        if count > _MOST:
            raise TooManyEntries
    ends = np.cumsum([0, *map(len, rows)])
    indices = np.fromiter(chain.from_iterable(map(sorted, rows)), np.int32, count)
    return sp.csr_matrix((np.ones(count, np.bool_), indices, ends), (len(rows), columns))
