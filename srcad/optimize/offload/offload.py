"""Offloading: a function in sequential form as kernels, and a host function that launches them.

Each parallel nest becomes a kernel. Scalars and serial loops around them stay on the host; what else touches elements
of arrays is run by one thread of the device.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from srcad.analysis.loops.concurrent_iterations import Concurrency
from srcad.analysis.loops.parallel_loops import memory_reads
from srcad.analysis.memory.liveness import Path
from srcad.backend.cuda.device_program import LAUNCH, NAMES, DeviceProgram, Kernel
from srcad.cleanup.adjoint.loop_fission import ascending_loop
from srcad.errors import fail
from srcad.ir.names import fresh_name
from srcad.ir.nodes import (
    Assign,
    AugAssign,
    Block,
    Comment,
    Const,
    Effect,
    Expr,
    For,
    Function,
    If,
    Op,
    Slice,
    Stmt,
    Store,
    Var,
    While,
)
from srcad.ir.runtime_checks import check, is_check
from srcad.ir.traversal import (
    blocks,
    defined,
    names,
    ops,
    own_exprs,
    rename,
    replace_names,
    walk,
    with_blocks,
)
from srcad.ir.types import Array, Scalar, Type
from srcad.optimize.loops.check_fission import Fission
from srcad.optimize.loops.concurrent_loops import ConcurrentLoops
from srcad.optimize.memory.array_contraction import inner_blocks
from srcad.optimize.offload.definite_assignment import exposed, surely_assigned
from srcad.optimize.offload.device_statements import runs_on_device, touches_elements
from srcad.optimize.offload.host_block import HostBlock
from srcad.optimize.offload.kernels import Kernels, Launched, lengths_of
from srcad.optimize.offload.row_views import without_row_views
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
    f = lower_vector_products(_without_names_of_text(f))
    f = lower_whole_arrays(f, _zeros_of_iterations(f))
    work = _Offloading(f, deterministic)
    body = work.block(f.body, (), frozenset().union(*map(names, f.results)))
    host = replace(f, body=_without_unused_arrays(replace(f, body=body)), types=work.types)
    return DeviceProgram(tuple(work.made), replace(host, body=(*_undefined(host), *host.body)))


class _Offloading:
    def __init__(self, f: Function, deterministic: bool) -> None:
        self.types = dict(f.types)
        self.f = replace(f, types=self.types)
        self.made: list[Kernel] = []
        self._kernels = Kernels(self.types, deterministic)
        self._nests: dict[Path, tuple[Launched | Stmt, ...]] = {}
        self.loops = ConcurrentLoops(self.f)
        once = {s.target for s in f.body if isinstance(s, Assign)}
        written = Counter(name for s in walk(f.body) for name in defined((with_blocks(s, [() for _ in blocks(s)]),)))
        self._changing = {name for name, count in written.items() if count > 1 or name not in once}

    def block(self, block: Block, path: Path, after: frozenset[str]) -> Block:
        """The statements of the host for a block; what follows it may read the names in `after`."""
        live = _live(block, after)
        done = HostBlock()
        waiting: list[Stmt] = []
        for at, stmt in enumerate(block):
            here = (*path, at)
            if isinstance(stmt, For) and (launches := self._nest(stmt, here)):
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

    # ---- parallel nests ------------------------------------------------------------------------

    def _nest(self, loop: For, path: Path) -> tuple[Launched | Stmt, ...]:
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
                if isinstance(inner, For) and not _is_short(inner) and self._nest(inner, here):
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


def _zeros_of_iterations(f: Function) -> frozenset[str]:
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


def _without_names_of_text(f: Function) -> Function:
    """The function without variables that are called as what the text of the program uses."""
    types = {name: kind for name, kind in f.types.items() if name not in NAMES}
    taken = {**types, **{name: Scalar("int64") for name in NAMES}}
    new = {name: fresh_name(f"{name}_", f.types[name], taken) for name in sorted({*f.types} & NAMES)}
    types |= {new[name]: f.types[name] for name in new}
    params = tuple(replace(p, name=new.get(p.name, p.name)) for p in f.params)
    tape = {new.get(name, name): saved for name, saved in f.tape.items()}
    results = tuple(replace_names(e, {old: Var(name) for old, name in new.items()}) for e in f.results)
    name = f"{f.name}_on_device" if f.name in NAMES else f.name
    return replace(f, name=name, params=params, body=rename(f.body, new), results=results, types=types, tape=tape)


def _undefined(host: Function) -> Block:
    """Values for names that kernels take, though on some paths nothing has assigned them, nor reads them."""
    taken = {n for s in walk(host.body) if isinstance(s, Effect) and s.call.prim == LAUNCH for n in names(s.call)}
    unsure = (exposed(host.body) - {p.name for p in host.params}) & taken
    return tuple(Assign(name, _blank(host.types[name])) for name in sorted(unsure))


def _blank(kind: Type) -> Expr:
    static = () if getattr(kind, "dtype", "float64") == "float64" else (("dtype", getattr(kind, "dtype", None)),)
    if isinstance(kind, Array):
        return Op("np.empty", (Const(0),) * kind.rank, static)
    return Op("astype", (Const(0),), static) if static else Const(0.0)


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


def _without_arrays(body: Block, types: Mapping[str, Type]) -> Block:
    kept = [s for s in body if not (isinstance(s, Assign) and isinstance(types.get(s.target), Array))]
    return tuple(with_blocks(s, [_without_arrays(b, types) for _, b in inner_blocks(s)]) for s in kept)


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
