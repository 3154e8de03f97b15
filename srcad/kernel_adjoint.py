"""`KernelAdjoint`: the adjoint of a kernel of CUDA's, made for the types of its arguments.

>>> import numpy as np
>>> from numba import cuda
>>> from srcad.options import Options
>>> __name__ = "user_module"
>>> def scale(x, a):
...     i = cuda.grid(1)
...     if i < x.shape[0]:
...         x[i] = a * x[i]
>>> made = KernelAdjoint.of(scale, ("x", "a"), Options(target="cuda"))
>>> print(made.source_for(np.ones(8), 2.0).partition("reverse")[2].partition("\\n")[2])
    if i < x.shape[0]:
        # L4: x[i] = a * x[i]
        d_new = d_x[i]
        d_x[i] = 0.0
        d_a_own = item * d_new
        d_x[i] += a * d_new
    else:
        d_a_own = 0.0
    cuda.atomic.add(d_a, 0, d_a_own)
<BLANKLINE>
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import CellType, FunctionType, ModuleType
from typing import Any, NoReturn

import numpy as np

from srcad.backend.cuda.compilation import refuse_captured
from srcad.backend.cuda.device_arrays import stand_in
from srcad.compiler.kernel_text import KernelText
from srcad.derivative import Derivative
from srcad.dispatch.adjoint_buffers import split
from srcad.dispatch.adjoint_kernel import AdjointKernel
from srcad.dispatch.memory_plan import Plan
from srcad.dispatch.pytree import flatten
from srcad.dispatch.signature import Argnums, Parameters
from srcad.dispatch.specialisation import Specialisation
from srcad.errors import fail
from srcad.frontend.calls.kernel_calls import is_cuda
from srcad.options import Options
from srcad.request import Request

_INDICES = frozenset({"grid", "gridsize", "threadIdx", "blockIdx", "syncthreads"})
_OF_CALLS = ("max_tape", "on_nonfinite")
_LENGTH = 16
"""Of each axis of an array that stands for one of its type: a kernel is the same for all lengths."""


def is_kernel(f: Callable[..., Any]) -> bool:
    """Whether it is a kernel: compiled as one by `cuda.jit`, or a function that asks which thread runs it.

    >>> from numba import cuda
    >>> def copied(x, y):
    ...     y[cuda.grid(1)] = x[cuda.grid(1)]
    >>> is_kernel(copied), is_kernel(cuda.jit(device=True)(copied)), is_kernel(lambda x: 2.0 * x)
    (True, False, False)
    """
    if type(f).__module__.startswith("numba.cuda."):
        # the second is that of Numba's simulator
        return not (getattr(f, "targetoptions", {}).get("device") or getattr(f, "_device", False))
    function: Any = getattr(f, "py_func", f)
    if not isinstance(function, FunctionType):
        return False
    names = {*function.__code__.co_names}
    seen = [function.__globals__.get(name) for name in names]
    seen += [cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)]
    return bool(_INDICES & names) and any(isinstance(one, ModuleType) and is_cuda(one) for one in seen)


def _is_filled(cell: CellType) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:  # a variable of the function around, which has no value yet
        return False


class KernelAdjoint(Derivative):
    """The adjoint of a kernel. `.kernel(*args)` is compiled for arguments of the types of these, and launched as the
    kernel is; `.source_for(*args)` is its text."""

    @classmethod
    def of(cls, f: Callable[..., Any], argnums: Argnums, options: Options) -> KernelAdjoint:
        if unknown := [name for name in _OF_CALLS if getattr(options, name) is not None]:
            why = "Nobody sees what the threads of a launch compute, or save, before it is over."
            fail("S310", f"the adjoint of a kernel has no option {unknown[0]}", None, why, "leave it out.")
        wrt = Parameters.of(f).wrt(argnums)
        return cls(f, Request("adjoint", wrt, not isinstance(argnums, tuple), False, options, kernel=True))

    def kernel(self, *args: Any, **kwargs: Any) -> AdjointKernel:
        """The adjoint kernel for arguments of the types of these, on the host or on the device.

        It is launched with the configuration of the kernel, `[blocks, threads]`, and takes the arguments of the kernel,
        then a buffer for each of `argnums`, in this order: for an array one of its shape, which has the cotangent of
        what the kernel leaves in the array, and gets that of what it was before; for a number an array of one element,
        to which the gradient is added.

        Raises S520 to S522, S524 and S525 for what a kernel cannot do, S523 where there is no CUDA target.
        """
        one = self.specialisation(*args, **kwargs)
        return AdjointKernel(KernelText(one.generated), lambda given: one.plan([_of_shape(leaf) for leaf in given]))

    def specialisation(self, *args: Any, **kwargs: Any) -> Specialisation:
        args, kwargs, _ = split(self._parameters, args, kwargs)
        one = super().specialisation(*map(_of_type, args), **{name: _of_type(arg) for name, arg in kwargs.items()})
        refuse_captured([captured.name for captured in one.generated.lowered.captures])
        return one

    @property
    def source(self) -> str:
        return KernelText(self._current().generated).text()

    def source_for(self, *args: Any, **kwargs: Any) -> str:
        return KernelText(self.specialisation(*args, **kwargs).generated).text()

    def plan(self, *args: Any, **kwargs: Any) -> Plan:
        """What each thread saves in its forward sweep, in bytes; nothing is run."""
        args, kwargs, _ = split(self._parameters, args, kwargs)
        leaves = flatten(self._parameters.values(args, kwargs))[0]
        return self.specialisation(*args, **kwargs).plan([_of_shape(leaf) for leaf in leaves])

    def save(self, path: str | Path) -> Path:
        """Write the kernel to a file that can be imported without srcad; it needs NumPy and Numba for CUDA."""
        return AdjointKernel(KernelText(self._current().generated), lambda _: Plan()).save(path)

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        advice = "write kernel = adjoint.kernel(*args), then kernel[blocks, threads](*args, *buffers)."
        fail("S361", f"the adjoint of the kernel {self.__name__} is called, and not launched", None, None, advice)

    def _flat(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> NoReturn:
        """Of a trace or a profile, for which the text would run in Python."""
        fail("S361", f"the adjoint of the kernel {self.__name__} runs on a device, or in Numba's simulator, alone")

    def batched(self, in_axes: Any = 0) -> NoReturn:
        fail("S361", f"the adjoint of the kernel {self.__name__} has no batches", None, None, "give it a further axis.")

    def device(self, *args: Any, **kwargs: Any) -> NoReturn:
        fail("S361", f"{self.__name__} is a kernel, and no device function", None, None, "take .kernel(*args).")


def _of_type(value: Any) -> Any:
    """An array of the same type as one on the host or on the device; numbers as they are."""
    shape = getattr(value, "shape", ())
    return stand_in(value, (_LENGTH,) * len(shape)) if shape else value


def _of_shape(value: Any) -> Any:
    """An array of the same shape that has no memory of its own: a plan asks for lengths alone."""
    shape = getattr(value, "shape", ())
    return np.broadcast_to(np.zeros((), np.dtype(value.dtype)), shape) if shape else value
