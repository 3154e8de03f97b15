"""Element ownership, normal form: the arrays of a kernel of which each thread accesses elements of its own alone.

Then also their adjoints are accessed by one thread each, and what is added to these needs no atomic operation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from srcad.analysis.memory.alias_classes import alias_classes
from srcad.analysis.memory.to_be_recorded import ToBeRecorded, elements_read
from srcad.analysis.threads.thread_indices import Label, ThreadIndices
from srcad.ir.nodes import Assign, Effect, Expr, Function, Op, Stmt, Store
from srcad.ir.regions import Regions, regions
from srcad.ir.result_memory import root
from srcad.ir.traversal import CHANGES_ARRAY, own_exprs, walk
from srcad.ir.types import Array
from srcad.rules.kernels import LOAD, SHARED_ARRAY


@dataclass(frozen=True)
class ElementAccess:
    """An access of an element by the primal. `writes`: "", "store", "add" or "atomic"."""

    array: str
    items: tuple[Expr, ...]
    writes: str
    stmt: Stmt


def element_accesses(f: Function, places: Regions) -> Iterator[ElementAccess]:
    """All accesses of elements of arrays, in the order of the text; of whole arrays, or parts, the items are ()."""
    found = ToBeRecorded(places, alias_classes(f), f.types)
    for region in places:
        for stmt in region.stmts:
            match stmt:
                case Store(base, index, _, op):
                    place = Op("index", (base, *index))
                    yield _access(found, place, "add" if op in ("+", "-") else "store", stmt)
                    read: tuple[Expr, ...] = (*index, stmt.value)
                case Effect(Op(prim, (array, value, *items))) if prim in CHANGES_ARRAY:
                    how = prim.removeprefix("cuda.").partition(".")[0]
                    yield _access(found, Op("index", (array, *items)), how, stmt)
                    read = (value, *items)
                case _:
                    read = own_exprs(stmt)
            for expr in read:
                if isinstance(expr, Op) and expr.prim == LOAD:
                    yield _access(found, Op("index", expr.args), "", stmt)
                    continue
                for element in elements_read(expr):
                    if isinstance(f.types.get(root(element) or ""), Array):
                        yield _access(found, element, "", stmt)


def _access(found: ToBeRecorded, place: Expr, writes: str, stmt: Stmt) -> ElementAccess:
    name = root(place)
    assert name is not None
    return ElementAccess(found.group.get(name, name), found.items(place) or (), writes, stmt)


def own_elements(f: Function) -> frozenset[str]:
    """The arrays of which no element is accessed by two threads; names that may share memory have one of them.

    >>> import numpy as np
    >>> from numba import cuda
    >>> from srcad.compiler.stages import normal_form
    >>> __name__ = "user_module"
    >>> def kernel(x, y, k):
    ...     i = cuda.grid(1)
    ...     y[i, 0] = x[i] * x[i + 1] * k[i + 1]
    ...     y[i, 1] = 2.0 * y[i, 0]
    >>> f = normal_form(kernel, np.ones(9), np.ones((9, 2)), np.ones(9))
    >>> sorted(own_elements(f))
    ['k', 'y']
    """
    places = regions(f)
    indices = ThreadIndices(f, places)
    accesses: dict[str, list[tuple[Expr, ...]]] = {}
    for access in element_accesses(f, places):
        accesses.setdefault(access.array, []).append(access.items)
    shared = shared_arrays(f)
    return frozenset(a for a, found in accesses.items() if _are_apart(found, indices, a in shared))


def shared_arrays(f: Function) -> frozenset[str]:
    """The names under which a kernel makes arrays that the threads of a block share."""
    made = (s for s in walk(f.body) if isinstance(s, Assign))
    return frozenset(s.target for s in made if isinstance(s.value, Op) and s.value.prim == SHARED_ARRAY)


def _are_apart(accesses: Sequence[tuple[Expr, ...]], indices: ThreadIndices, in_block: bool) -> bool:
    """Whether the items say which thread accesses the element: some axes have the same labels in all accesses."""
    if not indices.axes:
        return False
    common: list[Label | None] = [indices.label(item) for item in accesses[0]]
    for items in accesses[1:]:
        labels = [indices.label(item) for item in items]
        common = [one if one == other else None for one, other in zip(common, labels, strict=False)]
    found = {(label.kind, label.axis) for label in common if label is not None}
    return all(
        ("grid", axis) in found or (("thread", axis) in found and (in_block or ("block", axis) in found))
        for axis in indices.axes
    )
