"""Shared accesses: elements that other threads of a kernel may write are loaded and stored by primitives of kernels.

What the compiler knows of arrays holds for memory that one thread alone writes to. So the arrays of a kernel that are
written to, but for those in the local memory of a thread, are handled as unknown: each load is evaluated once, in its
place, and saved where the reverse sweep needs its value.
"""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.memory.alias_classes import alias_classes
from srcad.analysis.threads.barriers import has_barrier, refuse_divergent_barriers
from srcad.analysis.threads.element_ownership import (
    ElementAccess,
    element_accesses,
    own_elements,
    shared_arrays,
)
from srcad.errors import fail
from srcad.ir.nodes import Assign, Block, Effect, Function, Op, Slice, Span, Stmt, Store, Var
from srcad.ir.regions import regions
from srcad.ir.traversal import CHANGES_ARRAY, blocks, ops, own_exprs, reads, walk, with_blocks
from srcad.ir.types import Array
from srcad.rules.kernels import ADD, LOAD, STORE
from srcad.rules.traits import SHAPE_READS
from srcad.typing.builder import Builder


def share_accesses(f: Function, builder: Builder) -> Function:
    """Rewrite the accesses of a kernel in normal form, and note of which arrays each thread has elements of its own.

    >>> import numpy as np
    >>> from numba import cuda
    >>> from srcad.canonicalize.index_checks import remove_index_checks
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.printer import text
    >>> __name__ = "user_module"
    >>> def kernel(x, y):
    ...     i = cuda.grid(1)
    ...     y[i] += x[i]
    >>> f = remove_index_checks(normal_form(kernel, np.ones(9), np.ones(9)))
    >>> print(text(share_accesses(f, Builder.resume(f))))
    kernel(x: float64[x.0], y: float64[y.0]):
        i.0 = cuda.grid(axis=0, ndim=1)
        %n.0 = shape(x, axis=0)
        %item.0 = x[i.0]
        %n.1 = shape(y, axis=0)
        cuda.add(y, %item.0, i.0)

    Raises S524 for what is done with whole arrays, S525 where threads access an element without a barrier between.
    """
    refuse_divergent_barriers(f)
    work = _Sharing(f, builder)
    _refuse_races(f, work)
    return replace(f, body=work.block(f.body), own_elements=work.own)


class _Sharing:
    def __init__(self, f: Function, builder: Builder) -> None:
        self.f = f
        self.builder = builder
        self.own = own_elements(f)
        aliases = alias_classes(f)
        self.group = aliases.class_of
        made = shared_arrays(f)
        outside = {self.group[p.name] for p in f.params if p.name in self.group}
        written = {self.group[name] for name in aliases.written}
        groups = (outside & written) | {self.group[name] for name in made}
        self.shared = frozenset(name for name, group in self.group.items() if group in groups)
        """The names of arrays whose elements are accessed by primitives of kernels."""

    def block(self, block: Block) -> Block:
        return tuple(new for stmt in block for new in self._statement(stmt))

    def _statement(self, stmt: Stmt) -> Block:
        match stmt:
            case Assign(target, Op("index", (Var(array), *items)), span) if array in self.shared:
                if isinstance(self.f.types[target], Array) or self.group[array] != array:
                    self._refuse(array, span)
                return (replace(stmt, value=Op(LOAD, (Var(array), *items))),)
            case Store(Var(array), index, value, op, span) if array in self.shared:
                known = self.f.types[array]
                partly = not isinstance(known, Array) or len(index) != known.rank or self.group[array] != array
                if partly or any(isinstance(item, Slice) for item in index):
                    self._refuse(array, span)
                with self.builder.block() as emitted:
                    self.builder.span = span
                    if op == "-":
                        value = self.builder.op("neg", value)
                    prim = STORE if op is None else ADD
                    self.builder.emit(Effect(Op(prim, (Var(array), value, *index)), span))
                return tuple(emitted)
            case Effect(Op(prim, (Var(array), *_)), span) if prim in CHANGES_ARRAY:
                if array not in self.shared or self.group[array] != array:
                    self._refuse(array, span)
                return (stmt,)
        for expr in own_exprs(stmt):
            whole = next((name for name in reads(expr) if name in self.shared), None)
            if whole is not None and not (isinstance(expr, Op) and expr.prim in SHAPE_READS):
                self._refuse(whole, getattr(stmt, "span", None))
        return (with_blocks(stmt, map(self.block, blocks(stmt))),)

    def _refuse(self, array: str, span: Span | None) -> None:
        name = self.builder.variable(array).lstrip("%")
        why = "The kernel writes to it, and its threads share it: they access it element by element."
        advice = "index each of its axes, in a loop over the elements."
        fail("S524", f"an operation on the whole of {name}, or on a part of it, in a kernel", span, why, advice)


def _refuse_races(f: Function, work: _Sharing) -> None:
    """S525 for an array without barriers of which a thread may read what another one writes."""
    if has_barrier(f.body):
        return
    found: dict[str, list[ElementAccess]] = {}
    for access in element_accesses(f, regions(f)):
        if access.array in work.shared and access.array not in work.own:
            found.setdefault(access.array, []).append(access)
    for array, accesses in found.items():
        reads = [one for one in accesses if not one.writes]
        in_one_place = len({one.items for one in accesses}) == 1
        if not reads or (in_one_place and not any(one.writes == "atomic" for one in accesses)):
            continue
        name = work.builder.variable(array).lstrip("%")
        why = f"The kernel writes to {name} and reads it at an index that is not the thread's own, without a barrier:\n"
        why += "which value is read depends on the order of the threads."
        advice = "write to another array than is read; or, within a block, put cuda.syncthreads() between."
        fail(
            "S525",
            f"a thread may read an element of {name} that another one writes",
            getattr(reads[0].stmt, "span", None),
            why,
            advice,
        )


def refuse_outside_kernels(f: Function) -> None:
    """S524 for what only a kernel has, in a function that is none."""
    for stmt in walk(f.body):
        for expr in own_exprs(stmt):
            found = next((op.prim for op in ops(expr) if op.prim.startswith("cuda.")), None)
            if found is not None:
                why = 'What depends on the thread has a derivative by srcad.adjoint(kernel, ..., target="cuda") alone.'
                advice = "take that of the kernel; or pass the index of the thread as an argument."
                fail("S524", f"{found} in a function that is no kernel", getattr(stmt, "span", None), why, advice)
