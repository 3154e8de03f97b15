"""`AdjointKernel`: the adjoint of a kernel, to be launched as the kernel itself is.

`adjoint[blocks, threads](*args, *buffers)` allocates what the threads save, and launches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from srcad.backend.cuda import device_arrays
from srcad.backend.cuda.compilation import load_module
from srcad.backend.modules import cache_files
from srcad.compiler.kernel_text import KernelText
from srcad.dispatch.memory_plan import Plan
from srcad.errors import fail
from srcad.ir.types import Array

Shape = tuple[int, ...]


class AdjointKernel:
    """The adjoint of a kernel for arguments of some types. `planned` gives the plan for the arguments of a launch.

    It takes the arguments of the kernel, flat, and a buffer for each of `argnums`.
    """

    def __init__(self, text: KernelText, planned: Callable[[Sequence[Any]], Plan]) -> None:
        self._text = text
        self._planned = planned
        self.__name__ = text.name
        self.source: str = text.text()
        self._counts: Any = None
        self._kernel = _loaded(text.name, self.source)

    @property
    def dispatcher(self) -> Any:
        """The kernel as Numba has it. Where the threads save in arrays, it takes these too, as `.source` lists them."""
        return self._kernel

    def save(self, path: str | Path) -> Path:
        """Write the kernel to a file that can be imported without srcad; it needs NumPy and Numba for CUDA."""
        cache_files.write_atomically(Path(path), self.source)
        return Path(path)

    def __getitem__(self, configuration: Any) -> Callable[..., None]:
        """The launch with this configuration: blocks, threads of a block, and perhaps a stream.

        Raises S361 where the grid has an axis that the kernel does not ask for.
        """
        given = configuration if isinstance(configuration, tuple) else (configuration,)
        if len(given) < 2:
            fail("S361", f"{self.__name__}[...] takes blocks and threads", None, None, "write kernel[blocks, threads].")
        blocks, threads = map(_lengths, given[:2])
        for what, lengths in (("blocks", blocks), ("threads", threads)):
            if prod(lengths[self._text.axes :]) != 1:
                why = "Threads that differ along an axis that the kernel does not ask for would do the same work twice."
                known = f"{self._text.axes} {'axis' if self._text.axes == 1 else 'axes'}"
                fail("S361", f"{what} = {lengths} have more axes than {self.__name__}, which has {known}", None, why)
        count = prod(blocks) * prod(threads)

        def launch(*args: Any) -> None:
            self._check(args)
            kept = self._kept(args[: self._text.primal], given, count)
            self._kernel[given](*args, *kept)

        return launch

    def _check(self, args: Sequence[Any]) -> None:
        """S306 and S309 for arguments that are missing, and for buffers that are not like their arrays."""
        buffers = self._text.buffers
        wanted = self._text.primal + len(buffers)
        if len(args) != wanted:
            names = ", ".join(p.name for p in self._text.function.params[:wanted])
            fail(
                "S306",
                f"{self.__name__} takes {wanted} arguments, and {len(args)} are given",
                None,
                f"They are {names}.",
            )
        given = dict(zip((p.name for p in self._text.function.params), args, strict=False))
        for buffer in buffers:
            own = given[buffer.name]
            shape = (1,) if buffer.like is None else tuple(given[buffer.like].shape)
            known = buffer.type
            assert isinstance(known, Array)
            found = getattr(own, "shape", None), str(getattr(own, "dtype", type(own).__name__))
            if found != (shape, known.dtype):
                what = f"the adjoint buffer {buffer.name} is {found[1]} {found[0]}, and not {known.dtype} {shape}"
                fail("S309", what, advice="pass an array of that shape: the gradient is added to it.")

        self._refuse_overlap(given)

    def _refuse_overlap(self, given: Mapping[str, Any]) -> None:
        """S308 for an array that is written to, and lies in memory where another one does."""
        generated, params = self._text.generated, self._text.function.params
        of = {p.name: primal.name for p, primal in zip(params, generated.lowered.function.params, strict=False)}
        arrays = {name: array for name, array in given.items() if getattr(array, "shape", ())}
        for name, array in arrays.items():
            if of.get(name) in generated.written or name not in of:
                for other in arrays.keys() - {name}:
                    if device_arrays.may_overlap(array, arrays[other]):
                        why = f"{name} is written to, and what is known of arrays would not hold."
                        fail("S308", f"{name} and {other} overlap in memory", None, why, f"pass a copy of {other}.")

    # ---- what the threads save -----------------------------------------------------------------

    def _kept(self, args: Sequence[Any], configuration: tuple[Any, ...], threads: int) -> list[Any]:
        """Arrays for what the threads save, of the lengths that these arguments need."""
        if not self._text.tape:
            return []
        from numba import cuda

        plan = self._planned(args)
        known = {one.name: one.shape for one in plan.saved if one.bytes is not None}
        if not known.keys() >= set(self._text.tape):
            known |= self._counted(args, configuration)
        types = self._text.function.types
        shapes = [(name, (*(known[name] or ()), threads)) for name in self._text.tape]
        return [cuda.device_array(shape, np.dtype(types[name].dtype)) for name, shape in shapes]  # type: ignore[union-attr]

    def _counted(self, args: Sequence[Any], configuration: tuple[Any, ...]) -> dict[str, Shape | None]:
        """The lengths that the threads ask for, by a run that saves nothing and writes to copies."""
        from numba import cuda

        if self._counts is None:
            self._counts = _loaded(f"{self.__name__}_counts", self._text.counts_text())
        ranks = [len(self._text.function.types[name].dims) - 1 for name in self._text.tape]  # type: ignore[union-attr]
        sizes = cuda.to_device(np.zeros(sum(ranks), np.int64))
        written = self._text.generated.written
        names = [p.name for p in self._text.generated.lowered.function.params]
        copies = [device_arrays.copied(arg) if name in written else arg for name, arg in zip(names, args, strict=True)]
        self._counts[configuration](*copies, sizes)
        lengths = iter(sizes.copy_to_host().tolist())
        return {
            name: tuple(next(lengths) for _ in range(rank)) for name, rank in zip(self._text.tape, ranks, strict=True)
        }


def _lengths(given: Any) -> Shape:
    return tuple(map(int, given)) if isinstance(given, tuple | list) else (int(given),)


def _loaded(name: str, text: str) -> Any:
    return getattr(load_module(cache_files.store(name, text, keep=False)), name)
