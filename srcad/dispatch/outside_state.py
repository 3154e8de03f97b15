"""What functions and objects from outside of a function may do to one another, as far as their code says.

>>> changes_state(len), changes_state(np.sum)
(False, False)
"""

from __future__ import annotations

import dis
import sys
from contextlib import _GeneratorContextManager, nullcontext
from logging import Logger
from random import Random
from types import BuiltinFunctionType, FunctionType, GeneratorType, MethodType, ModuleType
from typing import Any
from warnings import catch_warnings

import numpy as np

NUMBERS = (bool, int, float, np.bool_, np.integer, np.floating)
_LIBRARIES = frozenset(sys.stdlib_module_names) | {"numpy", "scipy", "builtins", "srcad"}
GENERATORS = (np.random.Generator, np.random.RandomState)
_SELF_CONTAINED = (Random, *GENERATORS, Logger)
_CATCH_NOTHING = (np.errstate, catch_warnings, nullcontext)
_SIMPLE_MODULES = frozenset({"math", "numpy", "builtins"})
_EFFECTS = frozenset({"random", "print", "input", "open", "setattr", "next", "exec", "eval", "warn", "save", "seterr"})


def is_immutable(value: Any) -> bool:
    if isinstance(value, tuple | frozenset):
        return all(map(is_immutable, value))
    return value is None or isinstance(value, (*NUMBERS, str, bytes, complex, range))


def is_self_contained(value: Any) -> bool:
    """Whether an object has only a state of its own: a generator of random numbers, or a logger."""
    return isinstance(value, _SELF_CONTAINED)


def is_of_library(value: Any) -> bool:
    """Whether a function, a class or an object is one of NumPy, SciPy or the standard library, and calls no other."""
    inner = [getattr(value, name, None) for name in ("__wrapped__", "pyfunc", "func")]
    if not isinstance(value, type) and any(callable(one) and not is_of_library(one) for one in inner):
        return False
    if isinstance(value, MethodType):
        return is_of_library(value.__self__) and is_of_library(value.__func__)
    if isinstance(value, BuiltinFunctionType) and not isinstance(value.__self__, ModuleType | type | None):
        return is_self_contained(value.__self__)
    named = value if callable(value) else type(value)
    module = value.__name__ if isinstance(value, ModuleType) else getattr(named, "__module__", None)
    return str(module or "builtins").partition(".")[0] in _LIBRARIES


def is_data(value: Any) -> bool:
    """Whether a value from outside is neither a function, nor a module or a class of a library."""
    if isinstance(value, type | ModuleType):
        return not is_of_library(value)
    return not callable(value)


def changes_state(value: Any) -> bool:
    """Whether a function, or what it calls, has to do with objects that can be changed, or binds variables outside."""
    if is_of_library(value):
        return False
    found = _functions(value, [])
    return not found or any(
        _rebinds(function.__code__)
        or any(is_data(one) and not is_immutable(one) for one in _outside(function).values())
        for function in found
    )


def reads_data(value: Any) -> bool:
    """Whether a function, or what it calls, reads a variable from outside that is no function."""
    if is_of_library(value):
        return False
    found = _functions(value, [])
    return not found or any(is_data(one) for function in found for one in _outside(function).values())


def is_simple(value: Any) -> bool:
    """Whether a function of Python, with all that it calls, only computes: it may be executed once more."""
    found = _functions(value, []) if isinstance(value, FunctionType) else []
    outside = [one for function in found for one in _outside(function).values()]
    calls = [one for one in outside if not is_data(one) and not isinstance(one, FunctionType)]
    modules = {one.__name__ if isinstance(one, ModuleType) else getattr(one, "__module__", None) for one in calls}
    names = {name for function in found for name in _mentioned(function.__code__)}
    return (
        bool(found)
        and not changes_state(value)
        and {str(name).partition(".")[0] for name in modules} <= _SIMPLE_MODULES
        and names.isdisjoint(_EFFECTS)
    )


def prints(value: Any) -> bool:
    """Whether a function, or what it calls, prints."""
    return any("print" in _mentioned(function.__code__) for function in _functions(value, []))


def catches_nothing(manager: Any) -> bool:
    """Whether a context manager certainly lets the errors of a block pass.

    >>> from contextlib import suppress
    >>> catches_nothing(np.errstate(all="ignore")), catches_nothing(suppress(ValueError))
    (True, False)
    """
    if isinstance(manager, _CATCH_NOTHING):
        return True
    made_by = getattr(manager, "gen", None)
    if isinstance(manager, _GeneratorContextManager) and isinstance(made_by, GeneratorType):
        code = list(dis.get_instructions(made_by.gi_code))
        after = [code[at + 1] for at, one in enumerate(code) if one.opname == "POP_EXCEPT"]
        return all(one.opname == "RERAISE" for one in after)
    leave = getattr(type(manager), "__exit__", None)
    if not isinstance(leave, FunctionType):
        return False
    code = list(dis.get_instructions(leave.__code__))
    before = [code[at - 1] for at, one in enumerate(code) if one.opname == "RETURN_VALUE"]
    return all(one.opname == "LOAD_CONST" and not one.argval for one in before)


def _functions(value: Any, seen: list[Any]) -> list[FunctionType]:
    """The functions of Python that a call of a value may lead to."""
    if isinstance(value, MethodType):
        value = value.__func__
    if isinstance(value, type):
        inside = [one for one in vars(value).values() if isinstance(one, FunctionType)]
    else:
        inside = [value] if isinstance(value, FunctionType) else []
    for function in inside:
        if not any(function is one for one in seen):
            seen.append(function)
            for one in _outside(function).values():
                if callable(one) and not is_of_library(one):
                    _functions(one, seen)
    return seen


def _outside(function: FunctionType) -> dict[str, Any]:
    """The variables from outside that a function mentions, with their values."""
    found = {name: function.__globals__[name] for name in _mentioned(function.__code__) if name in function.__globals__}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not bound yet
            found[name] = []
    return found


def _mentioned(code: Any) -> set[str]:
    inner = [one for one in code.co_consts if hasattr(one, "co_names")]
    return set(code.co_names).union(*map(_mentioned, inner))


def _rebinds(code: Any) -> bool:
    """Whether code binds a variable of a scope around it."""
    inner = [one for one in code.co_consts if hasattr(one, "co_names")]
    bound = {"STORE_GLOBAL": None, "STORE_DEREF": code.co_freevars}
    return any(map(_rebinds, inner)) or any(
        one.opname in bound and (bound[one.opname] is None or one.argval in bound[one.opname])
        for one in dis.get_instructions(code)
    )
