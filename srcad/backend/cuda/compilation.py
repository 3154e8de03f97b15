"""The interface to Numba's CUDA target: compilation of device functions, translation of its errors.

`numba.cuda` is imported when the first device function is made, not before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from srcad.backend.modules.import_module import load
from srcad.backend.numba.compilation import translated
from srcad.backend.python.argument_checks import TypedParameters, notation
from srcad.errors import fail
from srcad.ir.types import Array

_NEEDS = (
    "install srcad[cuda] on a machine with a GPU of NVIDIA's; or set NUMBA_ENABLE_CUDASIM=1, for Numba's simulator."
)


def refuse_captured(captured: Sequence[str]) -> None:
    """S520 for variables from outside that are no constants.

    >>> refuse_captured(("rate",))
    Traceback (most recent call last):
    srcad.errors.CompileError: srcad error S520: rate is read from outside of the function, and is no integer
    <BLANKLINE>
      You can: pass rate as an argument.
    """
    if captured:
        what = f"{captured[0]} is read from outside of the function, and is no integer"
        fail("S520", what, advice=f"pass {captured[0]} as an argument.")


def refuse_unchecked(takes: TypedParameters, captured: Sequence[str]) -> None:
    """S520 for variables from outside that are no constants, S522 for lengths that the text relies on."""
    refuse_captured(captured)
    for one in takes:
        if isinstance(one.type, Array) and any(length.is_one or length.is_not_one for length in one.type.dims):
            why = (
                f"The text is for a {one.name} of that length, and no other is right: on the device, nobody checks it."
            )
            advice = "write it with loops over elements."
            fail("S522", f"a device function cannot check the shape of {one.name}", None, why, advice)


def load_module(path: Path) -> ModuleType:
    """The module with kernels that is in this file; S523 where there is no CUDA target, or no library that it needs."""
    try:
        return load(path)
    except ImportError as error:
        if error.name == "cupy":
            fail("S523", "products of matrices on a device are those of CuPy, which is not installed here")
        fail("S523", f"Numba has no CUDA target here: {error}", advice=_NEEDS)


def device_function(function: Callable[..., Any], takes: TypedParameters) -> Callable[..., Any]:
    """The dispatcher of a function in device form, compiled for these types alone; S523 where there is no device."""
    try:
        from numba import cuda
    except ImportError as error:
        fail("S523", f"Numba has no CUDA target here: {error}", advice=_NEEDS)
    made: Any = cuda.jit(device=True)(function)
    if not hasattr(made, "compile_device"):  # the simulator runs it as it is
        return made  # type: ignore[no-any-return]
    from numba import types
    from numba.core import sigutils
    from numba.cuda import CudaSupportError

    normalize: Any = sigutils.normalize_signature
    args, _ = normalize(f"({', '.join(notation(one.type) for one in takes)},)")
    omitted: Any = types.Omitted
    defaults = tuple(map(omitted, function.__defaults__ or ()))
    try:
        made.compile_device(args)
        if defaults:  # of the cotangent, which may be left out
            made.compile_device((*args[: -len(defaults)], *defaults))
    except CudaSupportError:
        fail("S523", "there is no GPU to compile a device function for", advice=_NEEDS)
    except Exception as error:
        raise translated(error, function) from error
    made.disable_compile()
    return made  # type: ignore[no-any-return]
