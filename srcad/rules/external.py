"""Functions of the user that are operations of their own: they are called as they are, and never read.

>>> import math
>>> @external
... def beat(x):
...     return math.sin(x) * math.sin(1.1 * x)
>>> PRIMITIVES[PRIMITIVE_OF[beat]](0.0)
0.0
>>> imported("external.beat") == ("beat", "srcad.rules.external", f"beat{_OF_PROCESS}{_PROCESS}")
True

The generated text imports such a function from the module that it is in. One that is in none (a local function, a
lambda) is an attribute of this module, in the process that has it.
"""

from __future__ import annotations

import hashlib
import sys
import warnings
from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypeVar
from uuid import uuid4

import numpy as np

from srcad.errors import NumericalDerivativeWarning, fail
from srcad.rules.primitives import PRIMITIVE_OF, PRIMITIVES, row

F = TypeVar("F", bound=Callable[..., Any])

_PREFIX = "external."
_FUNCTIONS: dict[str, Any] = {}
"""By their names in generated text, each of which is one function."""
_OF_PROCESS, _PROCESS = "_of_process_", uuid4().hex[:12]
"""A function that no module has is imported by a name that other processes do not know: there it could be another."""


@dataclass(frozen=True)
class _Meaning:
    """The function, asked on values for what is taken for granted of it elsewhere."""

    function: Any
    elementwise: bool
    returns: str

    def __call__(self, *args: Any) -> Any:
        arrays = [a for a in args if isinstance(a, np.ndarray)]
        if self.returns and all(a.size == 1 for a in arrays):  # of which only the type is asked
            dtype, _, axes = self.returns.partition("[")
            return np.ones((1,) * axes.count(":"), dtype.strip())[()]
        before = [a.copy() for a in arrays]
        made = self.function(*args)
        if any(np.may_share_memory(made, a) for a in arrays):
            raise TypeError("what it returns is not new: it shares memory with an argument")
        if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(arrays, before, strict=True)):
            raise TypeError("it writes into an argument")
        if self.elementwise and np.shape(made) != (want := np.broadcast_shapes(*map(np.shape, args))):
            raise TypeError(f"it has partials, so it is elementwise; it gives the shape {np.shape(made)} for {want}")
        return made


def external(function: F | None = None, *, returns: str = "") -> Any:
    """Make a function an operation of its own: it is called, not read. A decorator, or a function for what exists.

    It takes numbers and arrays by position, and returns one number or array, which is new; it changes nothing. The type
    of that is found by a call with arguments of one element, unless `returns` says it: "float64", "float64[:]",
    "float64[:, :]". Compiled code calls what Numba compiles, what it has compiled, and functions of `ctypes`.

    Its derivative is given by `partials`, `vjp`, `vjp_into`, `jvp` or `linear`. Without one it has none, and S203 is
    raised where one is needed.
    """
    if function is None:
        return lambda found: external(found, returns=returns)
    _add(function, "external", returns)
    return function


def opaque(function: F | None = None, *, differences: bool = False, returns: str = "") -> Any:
    """`external`, of a function that is differentiated by central differences, where `differences` asks for it.

    A derivative then costs two calls of the function, in reverse mode two for each number in an argument, and has about
    two thirds of the digits. A `NumericalDerivativeWarning` says so. Second derivatives have a third of them; write a
    rule where they matter.
    """
    if function is None:
        return lambda found: opaque(found, differences=differences, returns=returns)
    external(function, returns=returns)
    if differences:
        name = PRIMITIVE_OF[key_of(function)]
        PRIMITIVES[name] = replace(PRIMITIVES[name], differences=True)
        warnings.warn(
            f"{getattr(function, '__name__', 'a function')} is differentiated by differences: two thirds of the digits "
            "are right at best, and reverse mode calls it twice for each number in an argument",
            NumericalDerivativeWarning,
            stacklevel=2,
        )
    return function


def name_of(target: object, elementwise: bool = False) -> str:
    """The primitive that a rule is for: named, a known function, or one that becomes an operation of its own here."""
    if not isinstance(target, str) and key_of(target) not in PRIMITIVE_OF:
        if not callable(target):
            raise TypeError(f"{target!r} is no function")
        _add(target, "elementwise" if elementwise else "external")
    name = target if isinstance(target, str) else PRIMITIVE_OF[key_of(target)]
    if name not in PRIMITIVES:
        raise TypeError(f"srcad knows no operation called {name!r}; a rule is for a function, or for one of those")
    return name


def key_of(function: Any) -> object:
    """What `PRIMITIVE_OF` knows a function by: itself, where it can. (Functions of `ctypes` cannot be hashed.)"""
    try:
        hash(function)
    except TypeError:
        return ("external", id(function))
    return function


def _add(function: Any, kind: str, returns: str = "") -> None:
    own = str(getattr(function, "__name__", "function")).strip("<>")
    label, count = own, 0
    while _FUNCTIONS.get(label, function) is not function:
        count += 1
        label = f"{own}_{count}"
    _FUNCTIONS[label] = function
    meaning = _Meaning(function, kind == "elementwise", returns)
    row(_PREFIX + label, meaning, kind, key_of(function), external=True, noun=f"{label}_value")


def with_other_name(prim: str, taken: Container[str]) -> str:
    """The same primitive, under a name that is not taken in the text."""
    own, count = prim, 0
    while prim.removeprefix(_PREFIX) in taken or (prim in PRIMITIVES and called(prim) is not called(own)):
        count += 1
        prim = f"{own}_{count}"
    if prim not in PRIMITIVES:
        _FUNCTIONS[prim.removeprefix(_PREFIX)] = called(own)
        PRIMITIVES[prim] = replace(PRIMITIVES[own], name=prim)
    return prim


def is_external(prim: str) -> bool:
    return prim.startswith(_PREFIX)


def called(prim: str) -> Any:
    """The function itself."""
    return _FUNCTIONS[prim.removeprefix(_PREFIX)]


def imported(prim: str) -> tuple[str, str, str]:
    """The name of the function in generated text, the module that this imports it from, and its name there."""
    label = prim.removeprefix(_PREFIX)
    function = _FUNCTIONS[label]
    module, name = str(getattr(function, "__module__", "")), str(getattr(function, "__name__", ""))
    if getattr(sys.modules.get(module), name, None) is function:
        return label, module, name
    for module, found in list(sys.modules.items()):
        # not a text of ours that has imported it
        if isinstance(found, ModuleType) and found.__spec__ is not None and not module.startswith("srcad."):
            names = [name for name, value in vars(found).items() if value is function]
            if names:
                return label, module, names[0]
    return label, __name__, f"{label}{_OF_PROCESS}{_PROCESS}"


def digest(prim: str) -> str:
    """What changes where the function does, as far as it can be seen."""
    function = called(prim)
    code = getattr(getattr(function, "py_func", function), "__code__", None)
    return hashlib.sha256(repr(_content(code)).encode()).hexdigest()[:12] if code is not None else ""


def _content(code: CodeType) -> tuple[Any, ...]:
    constants = [_content(one) if isinstance(one, CodeType) else one for one in code.co_consts]
    return code.co_code, constants, code.co_names


def is_python(prim: str) -> bool:
    """Whether Numba has to compile the function before compiled code can call it."""
    return isinstance(called(prim), FunctionType)


def __getattr__(name: str) -> Any:
    label, separator, process = name.partition(_OF_PROCESS)
    if not separator:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if process != _PROCESS:
        fail(
            "S313",
            f"{label}, which a generated file calls, was a function of the process that wrote the file",
            why="No module had it, so that other processes cannot import it.",
            advice=f"make {label} in a module, and generate the file again; or edit its import in the file.",
        )
    return _FUNCTIONS[label]
