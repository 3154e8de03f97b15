"""Parallel nests: the loops of a function whose iterations become threads of a kernel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from srcad.analysis.loops.concurrent_iterations import Concurrency
from srcad.analysis.memory.liveness import Path
from srcad.cleanup.adjoint.loop_fission import ascending_loop
from srcad.ir.nodes import (
    Assign,
    Block,
    Const,
    Expr,
    For,
    Function,
    If,
    Op,
    Stmt,
)
from srcad.ir.runtime_checks import check, is_check
from srcad.ir.traversal import (
    blocks,
    defined,
    names,
    walk,
    with_blocks,
)
from srcad.ir.types import Array, Type
from srcad.optimize.loops.check_fission import Fission
from srcad.optimize.loops.concurrent_loops import ConcurrentLoops
from srcad.optimize.memory.array_contraction import inner_blocks
from srcad.optimize.offload.device_statements import runs_on_device, touches_elements
from srcad.optimize.offload.kernels import Kernels, Launched, lengths_of
from srcad.optimize.offload.row_views import without_row_views


class ParallelNests:
    """The kernels of the parallel nests of a function, by the path of their outermost loop."""

    def __init__(self, f: Function, kernels: Kernels) -> None:
        self.types = f.types
        self.loops = ConcurrentLoops(f)
        self._kernels = kernels
        self._nests: dict[Path, tuple[Launched | Stmt, ...]] = {}
        once = {s.target for s in f.body if isinstance(s, Assign)}
        written = Counter(name for s in walk(f.body) for name in defined((with_blocks(s, [() for _ in blocks(s)]),)))
        self._changing = {name for name, count in written.items() if count > 1 or name not in once}

    def of(self, loop: For, path: Path) -> tuple[Launched | Stmt, ...]:
        """The kernels of a parallel nest: of its checks if it has any, and of what it does. None for another loop.

        What is asked of lengths and of numbers alone is a statement of the host.
        """
        if path not in self._nests:
            self._nests[path] = self._kernels_of(loop, path)
        return self._nests[path]

    def _kernels_of(self, loop: For, path: Path) -> tuple[Launched | Stmt, ...]:
        parts = self.loops.split(loop, path)
        left = loop if parts is None else parts.loop
        found = self.loops.concurrency(left, path)
        if isinstance(found, str) or found.fallible or (names(loop.start) | names(loop.stop)) & defined((loop,)):
            return ()
        if parts is not None and found.lengths:
            return ()
        asked = self._of_lengths(left, found) if parts is None else self._of_checks(parts)
        done = self._of_levels(self._levels(loop, path, left, found), found)
        return () if asked is None or not done else (*asked, *done)

    def _levels(self, loop: For, path: Path, left: For, found: Concurrency) -> list[For]:
        """The loops of a perfect nest whose iterations may all run at once, `left` first: what is left of `loop`."""
        levels = [ascending_loop(left)]
        while len(left.body) == 1 and isinstance(inner := left.body[0], For):
            at = next(at for at, stmt in enumerate(loop.body) if not is_check(stmt))
            path = (*path, "body", at)
            more = self.loops.concurrency(inner, path)
            if isinstance(more, str) or not {*more.arrays} <= {*found.arrays} or more.private != found.private:
                break
            if (names(inner.start) | names(inner.stop)) & defined((levels[0],)):
                break
            levels.append(ascending_loop(inner))
            within = loop.body[at]
            assert isinstance(within, For)
            loop, left = within, inner
        return levels

    def _of_lengths(self, loop: For, found: Concurrency) -> Block:
        """Python's error for an array of a negative length, which no thread could raise."""
        loop = ascending_loop(loop)
        asked = tuple(
            check(Op(">=", (length, Const(0))), "ValueError", ("negative dimensions are not allowed",))
            for length in found.lengths
        )
        return (If(Op("<", (loop.start, loop.stop)), asked, ()),) if asked else ()

    def _of_checks(self, parts: Fission) -> tuple[Launched | Stmt, ...] | None:
        """What asks the checks before the loop does anything; None where no thread can."""
        asking = parts.own_checks(self.types)
        if isinstance(asking, For):
            body = without_row_views(asking.body, self.types)
            if not runs_on_device(body, self.types, checks=True):
                return None
            own = tuple(sorted(defined(body)))
            return self._kernels.of_nest([ascending_loop(replace(asking, body=body))], Concurrency((), (), own, ()), {})
        if not runs_on_device((asking,), self.types, checks=True):
            return None
        if touches_elements(asking, self.types):
            return (self._kernels.of_block((asking,), frozenset()),)
        return (asking,)

    def _of_levels(self, levels: list[For], found: Concurrency) -> tuple[Launched, ...]:
        levels = [*levels[:-1], replace(levels[-1], body=without_row_views(levels[-1].body, self.types))]
        if not runs_on_device(_without_arrays(levels[-1].body, self.types), self.types):
            return ()
        return self._kernels.of_nest(levels, found, {name: self._allocation(name) for name in found.private})

    def _allocation(self, name: str) -> Op:
        """What allocates one of the arrays of which each iteration has its own, as of before the loop."""
        kind = self.types[name]
        assert isinstance(kind, Array)
        made = self.loops.allocation(name)
        known = isinstance(made, Op) and made.prim in ("np.empty", "np.zeros")
        args = made.args if isinstance(made, Op) and known and self._stay(made.args) else lengths_of(name, self.types)
        prim = "np.zeros" if self.loops.is_zeros(name) else "np.empty"
        return Op(prim, args, () if kind.dtype == "float64" else (("dtype", kind.dtype),))

    def _stay(self, lengths: tuple[Expr, ...]) -> bool:
        """Whether the lengths are the same everywhere."""
        return not any(names(length) & self._changing for length in lengths)


def zeros_of_iterations(f: Function) -> frozenset[str]:
    """The arrays of zeros of which the iterations of some loop may each have their own."""
    loops = ConcurrentLoops(f)
    found: set[str] = set()

    def visit(block: Block, path: Path) -> None:
        for at, stmt in enumerate(block):
            here = (*path, at)
            if isinstance(stmt, For):
                parts = loops.split(stmt, here)
                done = loops.concurrency(stmt if parts is None else parts.loop, here)
                if isinstance(done, Concurrency):
                    found.update(filter(loops.is_zeros, done.private))
            for name, inner in inner_blocks(stmt):
                visit(inner, (*here, name))

    visit(f.body, ())
    return frozenset(found)


def _without_arrays(body: Block, types: Mapping[str, Type]) -> Block:
    kept = [s for s in body if not (isinstance(s, Assign) and isinstance(types.get(s.target), Array))]
    return tuple(with_blocks(s, [_without_arrays(b, types) for _, b in inner_blocks(s)]) for s in kept)
