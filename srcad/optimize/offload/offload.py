"""Offloading: a function in sequential form as kernels, and a host function that launches them.

Each parallel nest becomes a kernel. Scalars and serial loops around them stay on the host; what else touches elements
of arrays is run by one thread of the device.
"""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.loops.parallel_loops import memory_reads
from srcad.analysis.memory.liveness import Path
from srcad.backend.cuda.device_program import DeviceProgram, Kernel
from srcad.cleanup.adjoint.loop_fission import ascending_loop
from srcad.errors import fail
from srcad.ir.nodes import (
    Assign,
    AugAssign,
    Block,
    Comment,
    Const,
    For,
    Function,
    If,
    Op,
    Slice,
    Stmt,
    Store,
    While,
)
from srcad.ir.traversal import (
    defined,
    names,
    ops,
    own_exprs,
    walk,
    with_blocks,
)
from srcad.ir.types import Array
from srcad.optimize.memory.array_contraction import inner_blocks
from srcad.optimize.offload.definite_assignment import exposed, surely_assigned
from srcad.optimize.offload.device_statements import runs_on_device, touches_elements
from srcad.optimize.offload.host_block import HostBlock
from srcad.optimize.offload.host_names import undefined_names, without_names_of_text
from srcad.optimize.offload.kernels import Kernels, Launched
from srcad.optimize.offload.parallel_nests import ParallelNests, zeros_of_iterations
from srcad.optimize.offload.vector_products import lower_vector_products
from srcad.optimize.offload.whole_arrays import lower_whole_arrays
from srcad.typing.typeof import typeof

_FEW = 64
"""Iterations of a parallel loop in a serial one: with no more, one thread runs both."""
_ON_HOST = frozenset(
    {
        "index",
        "np.transpose",
        "reshape",
        "np.empty",
        "np.zeros",
        "array",
        "@",
        "select",
        "list.pop",
        "list.item",
        "copy",
        "np.ascontiguousarray",
    }
)
"""Operations that give arrays, and that the host has for arrays of the device."""
_TAKES_ARRAYS = frozenset({"index", "shape", "size", "len", "append"})


def offload(f: Function, deterministic: bool = False) -> DeviceProgram:
    """The kernels, and the function that launches them; S527 for what neither can do.

    Where `deterministic`, no sum depends on the order in which threads add to it.
    """
    f = lower_vector_products(without_names_of_text(f))
    f = lower_whole_arrays(f, zeros_of_iterations(f))
    work = _Offloading(f, deterministic)
    body = work.block(f.body, (), frozenset().union(*map(names, f.results)))
    host = replace(f, body=_without_unused_arrays(replace(f, body=body)), types=work.types)
    return DeviceProgram(tuple(work.made), replace(host, body=(*undefined_names(host), *host.body)))


class _Offloading:
    def __init__(self, f: Function, deterministic: bool) -> None:
        self.types = dict(f.types)
        self.f = replace(f, types=self.types)
        self.made: list[Kernel] = []
        self._kernels = Kernels(self.types, deterministic)
        self._nests = ParallelNests(self.f, self._kernels)

    def block(self, block: Block, path: Path, after: frozenset[str]) -> Block:
        """The statements of the host for a block; what follows it may read the names in `after`."""
        live = _live(block, after)
        done = HostBlock()
        waiting: list[Stmt] = []
        for at, stmt in enumerate(block):
            here = (*path, at)
            if isinstance(stmt, For) and (launches := self._nests.of(stmt, here)):
                self._flush(waiting, done, live[at])
                for launched in launches:
                    if isinstance(launched, Launched):
                        self._launch(launched, done)
                    else:
                        done.add(launched)
            elif self._is_for_one_thread(stmt, here) or self._joins(stmt, waiting):
                waiting.append(stmt)
            elif self._is_independent(stmt, waiting):
                done.add(stmt)
            else:
                self._flush(waiting, done, live[at])
                self._refuse_unknown(stmt)
                later = live[at + 1]
                if isinstance(stmt, For | While):  # what the next iteration reads
                    later |= live[at]
                if isinstance(stmt, While):
                    later |= names(stmt.cond) | exposed(stmt.body)
                within = [self.block(b, (*here, name), later) for name, b in inner_blocks(stmt)]
                done.add(with_blocks(stmt, within))
        self._flush(waiting, done, after)
        return done.finished()

    def _launch(self, launched: Launched, done: HostBlock) -> None:
        self.made.append(launched.kernel)
        done.launch(launched)

    # ---- one thread ----------------------------------------------------------------------------

    def _is_for_one_thread(self, stmt: Stmt, path: Path) -> bool:
        if isinstance(stmt, Comment) or not touches_elements(stmt, self.types):
            return False
        return runs_on_device((stmt,), self.types, checks=True) and not self._has_parallel(stmt, path)

    def _has_parallel(self, stmt: Stmt, path: Path) -> bool:
        """Whether a loop in the statement is better run by many threads."""
        for name, block in inner_blocks(stmt):
            for at, inner in enumerate(block):
                here = (*path, name, at)
                if isinstance(inner, For) and not _is_short(inner) and self._nests.of(inner, here):
                    return True
                if self._has_parallel(inner, here):
                    return True
        return False

    def _joins(self, stmt: Stmt, waiting: list[Stmt]) -> bool:
        """Whether the statement computes with what the waiting ones compute, so that the same thread may run it."""
        if not waiting or not runs_on_device((stmt,), self.types, checks=True):
            return False
        made = defined(tuple(waiting))
        return any(names(e) & made for one in walk((stmt,)) for e in own_exprs(one))

    def _is_independent(self, stmt: Stmt, waiting: list[Stmt]) -> bool:
        """Whether the statement, which stays on the host, may come before the waiting ones."""
        if not waiting or not isinstance(stmt, Assign) or memory_reads(stmt.value, self.types):
            return False
        self._refuse_unknown(stmt)
        used = {n for one in walk(tuple(waiting)) for e in own_exprs(one) for n in names(e)}
        used |= defined(tuple(waiting))
        return stmt.target not in used and not names(stmt.value) & defined(tuple(waiting))

    def _flush(self, waiting: list[Stmt], done: HostBlock, live: frozenset[str]) -> None:
        if not waiting:
            return
        block = tuple(waiting)
        waiting.clear()
        if not any(isinstance(stmt, Store | For | While | If | AugAssign) for stmt in walk(block)):
            for stmt in block:  # each element is a small copy
                done.add(stmt)
            return
        self._launch(self._kernels.of_block(block, live), done)

    # ---- what stays on the host ----------------------------------------------------------------

    def _refuse_unknown(self, stmt: Stmt) -> None:
        for expr in own_exprs(stmt):
            for op in ops(expr):
                self._refuse_unless_known(op, stmt)
        if isinstance(stmt, AugAssign) and isinstance(self.types.get(stmt.target), Array):
            self._refuse("an operation on whole arrays", stmt)
        if isinstance(stmt, Store) and stmt.op is not None:
            self._refuse("an operation on whole arrays", stmt)

    def _refuse_unless_known(self, op: Op, stmt: Stmt) -> None:
        if op.prim.startswith("external."):
            self._refuse(_described(op), stmt)
        if isinstance(typeof(op, self.types), Array):
            if op.prim not in _ON_HOST or not self._is_view_of_numba(op):
                self._refuse(_described(op), stmt)
        elif not op.prim.startswith("list") and op.prim not in _TAKES_ARRAYS and self._takes_array(op):
            self._refuse(_described(op), stmt)

    def _is_view_of_numba(self, op: Op) -> bool:
        """Whether arrays of Numba's have the view: no new axes, steps forward."""
        match op:
            case Op("index", (_, *items)):
                steps = [item.step for item in items if isinstance(item, Slice)]
                forward = all(
                    s is None or (isinstance(s, Const) and (not s.value or (isinstance(s.value, int) and s.value > 0)))
                    for s in steps
                )
                return forward and Const(None) not in items
        return True

    def _takes_array(self, op: Op) -> bool:
        return any(isinstance(typeof(arg, self.types), Array) for arg in op.args)

    def _refuse(self, what: str, stmt: Stmt) -> None:
        why = "It is neither a loop whose iterations may run at once, nor an operation that the device has."
        advice = "write it with loops over elements; or run it on the host."
        fail("S527", f"{what} is not possible on the device", getattr(stmt, "span", None) or self.f.span, why, advice)


def _live(block: Block, after: frozenset[str]) -> list[frozenset[str]]:
    """The names that may be read from each statement on, and after the last."""
    found = [after]
    for stmt in reversed(block):
        found.append(exposed((stmt,)) | (found[-1] - surely_assigned((stmt,))))
    return found[::-1]


def _described(op: Op) -> str:
    return f"a call of {op.prim.removeprefix('runtime.').removeprefix('external.')}"


def _is_short(loop: For) -> bool:
    loop = ascending_loop(loop)
    match loop.start, loop.stop:
        case Const(int(low)), Const(int(high)):
            return high - low <= _FEW
    return False


def _without_unused_arrays(f: Function) -> Block:
    """The body without arrays that nothing mentions: each thread has one of its own."""
    mentioned = {n for s in walk(f.body) for e in own_exprs(s) for n in names(e)}
    mentioned |= {n for e in f.results for n in names(e)}

    def kept(block: Block) -> Block:
        return tuple(
            with_blocks(s, [kept(b) for _, b in inner_blocks(s)])
            for s in block
            if not (isinstance(s, Assign) and isinstance(s.value, Op) and s.value.prim in ("np.empty", "np.zeros"))
            or s.target in mentioned
        )

    return kept(f.body)
