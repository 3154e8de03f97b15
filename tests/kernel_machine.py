"""A machine that runs kernels in Python, one thread after the other between barriers, and finds races.

A kernel becomes a generator that yields at each barrier. The elements that each thread reads, writes and adds to
atomically are recorded between two barriers of a block, and between blocks in the whole launch: where one thread
writes, no other may do anything with the same element; where one adds atomically, no other may read. Memory that
nobody has written to is NaN.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Element = tuple[str, tuple[int, ...]]


@dataclass
class Accesses:
    """Who did what with one element."""

    reads: set[Any] = field(default_factory=set)
    writes: set[Any] = field(default_factory=set)
    atomics: set[Any] = field(default_factory=set)

    @property
    def race(self) -> bool:
        everyone = self.reads | self.writes | self.atomics
        return bool(self.writes and len(everyone) > 1) or any(self.atomics - {who} for who in self.reads)


class Recorded:
    """An array that records who accesses its elements."""

    def __init__(self, name: str, array: np.ndarray[Any, Any], machine: Machine) -> None:
        self.name, self.array, self.machine = name, array, machine
        self.shape, self.ndim, self.size, self.dtype = array.shape, array.ndim, array.size, array.dtype

    def __len__(self) -> int:
        return len(self.array)

    def _place(self, index: Any) -> tuple[int, ...]:
        items = index if isinstance(index, tuple) else (index,)
        assert len(items) == self.ndim, f"{self.name}[{index}] is no element"
        assert all(-n <= i < n for i, n in zip(items, self.shape)), f"{self.name}[{index}] is out of bounds"
        return tuple(int(i) % n for i, n in zip(items, self.shape))

    def __getitem__(self, index: Any) -> Any:
        if len(index if isinstance(index, tuple) else (index,)) < self.ndim:
            return Row(self, index if isinstance(index, tuple) else (index,))
        place = self._place(index)
        self.machine.record("reads", self.name, place)
        return self.array[place]

    def __setitem__(self, index: Any, value: Any) -> None:
        if index is Ellipsis or index == slice(None):
            for place in np.ndindex(*self.shape):
                self[place] = value
            return
        place = self._place(index)
        self.machine.record("writes", self.name, place)
        self.array[place] = value

    def add(self, index: Any, value: Any) -> None:
        place = self._place(index)
        self.machine.record("atomics", self.name, place)
        self.array[place] += value

    def maximum(self, index: Any, value: Any) -> None:
        place = self._place(index)
        self.machine.record("atomics", self.name, place)
        self.array[place] = max(self.array[place], value)


class Row:
    """A part of an array, by its first indices."""

    def __init__(self, whole: Recorded, first: tuple[int, ...]) -> None:
        self.whole, self.first = whole, first
        self.shape = whole.shape[len(first) :]

    def __getitem__(self, index: Any) -> Any:
        return self.whole[(*self.first, *(index if isinstance(index, tuple) else (index,)))]


@dataclass(frozen=True)
class Axes:
    x: int
    y: int = 1
    z: int = 1


class _Arrays:
    def __init__(self, make: Callable[[Any, Any], Any]) -> None:
        self.array = make


class _Atomic:
    @staticmethod
    def add(array: Recorded, index: Any, value: Any) -> None:
        array.add(index, value)

    @staticmethod
    def max(array: Recorded, index: Any, value: Any) -> None:
        array.maximum(index, value)


class Machine:
    """`numba.cuda`, as a kernel sees it; `launch` runs one."""

    def __init__(self, seed: int = 0) -> None:
        self.races: list[str] = []
        self.atomic = _Atomic()
        self.shared = _Arrays(self._shared)
        self.local = _Arrays(self._local)
        self._order = np.random.default_rng(seed)

    # ---- what a kernel asks ----------------------------------------------------------------------

    def grid(self, ndim: int) -> Any:
        found = [getattr(self.blockIdx, a) * getattr(self.blockDim, a) + getattr(self.threadIdx, a) for a in "xyz"]
        return found[0] if ndim == 1 else tuple(found[:ndim])

    def gridsize(self, ndim: int) -> Any:
        found = [getattr(self.gridDim, a) * getattr(self.blockDim, a) for a in "xyz"]
        return found[0] if ndim == 1 else tuple(found[:ndim])

    def _local(self, shape: Any, dtype: Any) -> np.ndarray[Any, Any]:
        return _unwritten(shape, dtype)

    def _shared(self, shape: Any, dtype: Any) -> Recorded:
        count = self._made[self._who] = self._made.get(self._who, 0) + 1
        if count not in self._memory:
            self._memory[count] = Recorded(f"shared {count}", _unwritten(shape, dtype), self)
        return self._memory[count]

    # ---- the launch --------------------------------------------------------------------------------

    def record(self, what: str, name: str, place: tuple[int, ...]) -> None:
        getattr(self._interval.setdefault((name, place), Accesses()), what).add(self._who)
        if not name.startswith("shared "):
            getattr(self._launch.setdefault((name, place), Accesses()), what).add(self.blockIdx)

    def launch(self, kernel: Callable[..., Any] | str, blocks: Any, threads: Any, *args: Any) -> None:
        """Run a kernel: a function, or the text of one."""
        self._launch: dict[Element, Accesses] = {}
        self.gridDim, self.blockDim = (Axes(*(one if isinstance(one, tuple) else (one,))) for one in (blocks, threads))
        made, names = _generator(kernel, self)
        given = [
            Recorded(name, arg, self) if isinstance(arg, np.ndarray) else arg
            for name, arg in zip(names, args, strict=True)
        ]
        for z, y, x in itertools.product(*(range(n) for n in (self.gridDim.z, self.gridDim.y, self.gridDim.x))):
            self.blockIdx = Axes(x, y, z)
            self._run_block(made, given)
        self._report(self._launch, "blocks")

    def _run_block(self, made: Callable[..., Iterator[None]], given: list[Any]) -> None:
        size = self.blockDim
        places = [Axes(x, y, z) for z in range(size.z) for y in range(size.y) for x in range(size.x)]
        self._memory: dict[int, Recorded] = {}
        self._made: dict[Any, int] = {}
        running = {place: made(*given) for place in places}
        while running:
            self._interval: dict[Element, Accesses] = {}
            done = []
            for at in self._order.permutation(len(running)):
                place = list(running)[at]
                self.threadIdx, self._who = place, (self.blockIdx, place)
                if next(running[place], "done") == "done":
                    done.append(place)
            self._report(self._interval, "threads")
            assert len(done) in (0, len(running)), "not all threads come to the barrier"
            running = {} if done else running

    def _report(self, found: dict[Element, Accesses], who: str) -> None:
        self.races += [f"{name}{list(place)}: {who} {one}" for (name, place), one in found.items() if one.race]


def _unwritten(shape: Any, dtype: Any) -> np.ndarray[Any, Any]:
    dtype = np.dtype(getattr(dtype, "name", dtype))
    return np.full(shape, np.nan if dtype.kind == "f" else 77, dtype)


class _Yielding(ast.NodeTransformer):
    """A barrier as a `yield`; what a kernel declares of Numba is left out."""

    def visit_Expr(self, node: ast.Expr) -> Any:
        if ast.unparse(node.value).endswith("cuda.syncthreads()"):
            return ast.Expr(ast.Yield(ast.Constant("barrier")))
        return node


def _generator(kernel: Callable[..., Any] | str, machine: Machine) -> tuple[Callable[..., Iterator[None]], list[str]]:
    if isinstance(kernel, str):
        text, scope = kernel, {}
        body = ast.parse(text).body
    else:
        function: Any = getattr(kernel, "py_func", kernel)
        scope = {**function.__globals__, **inspect.getclosurevars(function).nonlocals}
        scope = {name: getattr(value, "py_func", value) for name, value in scope.items()}
        body = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    definition = next(node for node in body if isinstance(node, ast.FunctionDef))
    definition.decorator_list = []
    definition = _Yielding().visit(definition)
    definition.body.append(ast.Expr(ast.Constant(0)))
    definition.body.append(ast.If(ast.Constant(False), [ast.Expr(ast.Yield())], []))
    kept = [node for node in body if isinstance(node, ast.Import)]
    module = ast.fix_missing_locations(ast.Module([*kept, definition], []))
    exec(compile(module, "<kernel>", "exec"), scope)
    scope["cuda"] = machine
    return scope[definition.name], [arg.arg for arg in definition.args.args]
