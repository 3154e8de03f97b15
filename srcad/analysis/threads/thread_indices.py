"""Thread indices, normal form: which integers of a kernel say which thread it is that runs.

Two threads of a grid differ in the index along some axis of it. An integer is *labelled* where it is such an index plus
a constant, or the index of a loop that begins there and steps over all the threads (a grid-stride loop): then no two
threads ever have the same one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from srcad.ir.nodes import Assign, Const, Expr, For, Function, Op, Var
from srcad.ir.regions import Regions
from srcad.ir.traversal import ops, own_exprs, walk
from srcad.rules.kernels import BLOCK, BLOCK_SIZE, GRID_BLOCKS, LETTERS, THREAD, axes_of


@dataclass(frozen=True)
class Label:
    """`kind` says among which threads the integer differs: those of the grid (`grid`), of the block (`thread`), or of
    other blocks (`block`). `offset` is the constant that is added."""

    kind: str
    axis: int
    offset: int = 0


class ThreadIndices:
    """The labels of the integers of one kernel.

    >>> import numpy as np
    >>> from numba import cuda
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.regions import regions
    >>> __name__ = "user_module"
    >>> def kernel(x):
    ...     i = cuda.threadIdx.x + cuda.blockIdx.x * cuda.blockDim.x
    ...     for j in range(i, x.shape[0], cuda.gridsize(1)):
    ...         x[j] = 2.0 * x[j + 1]
    >>> f = normal_form(kernel, np.ones(9))
    >>> indices = ThreadIndices(f, regions(f))
    >>> loop = f.body[-1]
    >>> indices.label(Var(loop.index)), indices.axes
    (Label(kind='grid', axis=0, offset=0), frozenset({0}))
    """

    def __init__(self, f: Function, regions: Regions) -> None:
        self._definitions = regions.definitions
        found = [axes_of(op.prim, op.static) for s in walk(f.body) for e in own_exprs(s) for op in ops(e)]
        self.axes = frozenset(range(max(found, default=0)))
        """The axes of the grid that the kernel asks for: the launch has no others."""

    def label(self, item: Expr) -> Label | None:
        match item:
            case Var(name):
                definition = self._definitions.get(name)
                node = definition.node if definition is not None else None
                if isinstance(node, Assign):
                    return self.label(node.value)
                return self._of_loop(node) if isinstance(node, For) and node.index == name else None
            case Op("cuda.grid", _, static):
                return Label("grid", int(str(dict(static)["axis"])))
            case Op("int", (inner,)):
                return self.label(inner)
            case Op("+", (one, other)):
                return self._sum(one, other) or self._shifted(one, other) or self._shifted(other, one)
            case Op(prim) if (axis := _axis(prim, THREAD)) is not None:
                return Label("thread", axis)
            case Op(prim) if (axis := _axis(prim, BLOCK)) is not None:
                return Label("block", axis)
        return None

    def _shifted(self, index: Expr, by: Expr) -> Label | None:
        label = self.label(index)
        if label is None or not isinstance(by, Const) or type(by.value) is not int or label.offset + by.value < 0:
            return None  # a negative index counts from the end
        return replace(label, offset=label.offset + by.value)

    def _sum(self, one: Expr, other: Expr) -> Label | None:
        """`threadIdx.x + blockIdx.x * blockDim.x` is `grid(1)`."""
        for own, start in ((one, other), (other, one)):
            label, whole = self.label(own), self._value(start)
            if label is None or (label.kind, label.offset) != ("thread", 0):
                continue
            letter = LETTERS[label.axis]
            if self._is_product(whole, f"{BLOCK}.{letter}", f"{BLOCK_SIZE}.{letter}"):
                return Label("grid", label.axis)
        return None

    def _of_loop(self, loop: For) -> Label | None:
        """That of the index of a loop which steps over all threads."""
        label, step = self.label(loop.start), self._value(loop.step)
        if label is None:
            return None
        letter = LETTERS[label.axis]
        match label.kind, step:
            case "grid", Op("cuda.gridsize", _, static) if dict(static)["axis"] == label.axis:
                return label
            case "grid", _ if self._is_product(step, f"{BLOCK_SIZE}.{letter}", f"{GRID_BLOCKS}.{letter}"):
                return label
            case "thread", Op(prim) if prim == f"{BLOCK_SIZE}.{letter}":
                return label
        return None

    def _value(self, e: Expr) -> Expr:
        """The operation that a name stands for."""
        while isinstance(e, Var) and e.name in self._definitions:
            node = self._definitions[e.name].node
            if not isinstance(node, Assign):
                break
            e = node.value
        return e

    def _is_product(self, e: Expr, one: str, other: str) -> bool:
        if not isinstance(e, Op) or e.prim != "*":
            return False
        return sorted(getattr(self._value(arg), "prim", "") for arg in e.args) == sorted((one, other))


def _axis(prim: str, name: str) -> int | None:
    of, _, letter = prim.rpartition(".")
    return LETTERS.index(letter) if of == name else None
