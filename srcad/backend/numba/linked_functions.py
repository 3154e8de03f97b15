"""Functions that are linked into generated code, compiled once for all gradients and processes.

Numba has next to a hundred functions of its own for `A @ x`, `np.linalg.solve` or `np.zeros`, and compiles them anew in
each process. Here they lie in the folder of the cache, as types and LLVM code, each under a digest of all that its code
depends on: its text and that of the functions in its closure, its types and options, the versions and the processor.
What a digest cannot say is compiled anew. The digest is in the name of the function: two of one name are one.

Importing this imports Numba.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import llvmlite  # type: ignore[import-untyped]
import numba
import numpy as np
from numba.core import compiler, config, extending, serialize, types
from numba.core.dispatcher import Dispatcher

_types: Any = types


class LinkedFunctions:
    """What is known of the functions that one target has linked. Not for several threads: Numba's lock is held."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        """Where they lie; None where nothing is to be read or written."""
        self._compiling: list[str | None] = []
        self._tags: dict[Any, str | None] = {}

    @contextmanager
    def kept_in(self, folder: Path | None) -> Iterator[None]:
        before, self.folder = self.folder, folder
        try:
            yield
        finally:
            self.folder = before

    def tag(self, uid: Any) -> str | None:
        """What is in the names of a function, by Numba's number of it, in the place of that number."""
        now = self._compiling[-1] if self._compiling else None
        return now if uid is None else self._tags.setdefault(uid, now)

    def compiled(self, context: Any, parts: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """What Numba's compiler gives for a function that these parts decide, `make()` where it is not there yet."""
        tag = _tag(context, parts) if self.folder is not None else None
        path = None if self.folder is None or tag is None else self.folder / f"{tag}.linked"
        found = None if path is None else _read(path, context)
        if found is not None:
            return found
        self._compiling.append(tag)
        try:
            made = make()
        finally:
            self._compiling.pop()
        if path is not None and _may_be_kept(made):
            _write(path, made)
        return made


# ---- what the code of a function depends on -----------------------------------------------------------


class _Unknown(Exception):
    """Nothing says in another process whether a value is this one."""


def _tag(context: Any, parts: tuple[Any, ...]) -> str | None:
    try:
        said = repr((_environment(context), tuple(_described(part, ()) for part in parts)))
    except _Unknown:
        return None
    return f"srcad{hashlib.sha256(said.encode()).hexdigest()[:32]}"


def _environment(context: Any) -> tuple[Any, ...]:
    generator = context.codegen()
    return _versions(), generator.magic_tuple(), generator.ordered_sums, type(context.error_model).__name__


def _versions() -> tuple[Any, ...]:
    """Of what Numba stands on, and how it is configured. The folder is of one version of srcad, NumPy and Numba."""
    settings = {name: value for name, value in vars(config).items() if name.isupper() and "DIR" not in name}
    plain = [(name, repr(value)) for name, value in sorted(settings.items()) if isinstance(value, int | float | str)]
    return numba.__version__, llvmlite.__version__, sys.version, plain


def _described(value: Any, around: tuple[Any, ...]) -> Any:
    """A value in words that are the same in each process, and those of no other value."""
    if any(value is one for one in around):
        raise _Unknown
    inside = (*around, value)
    match value:
        case None | bool() | int() | float() | complex() | str() | bytes():
            return type(value).__name__, repr(value)
        case tuple() | list():
            return type(value).__name__, [_described(item, inside) for item in value]
        case np.dtype():
            return "dtype", str(value)
        case np.ufunc() | BuiltinFunctionType():
            return "builtin", str(getattr(value, "__module__", "")), value.__name__
        case ModuleType():
            return "module", value.__name__
        case types.Type():
            return "type", _described_type(value)
        case type():
            return "class", value.__module__, value.__qualname__
        case extending._Intrinsic():
            return "intrinsic", _described(value._defn, inside)
        case Dispatcher():
            options = sorted((name, repr(option)) for name, option in value.targetoptions.items())
            return "dispatcher", options, _described(value.py_func, inside)
        case FunctionType():
            return _described_function(value, inside)
        case CodeType():
            numbers = (value.co_firstlineno, value.co_flags, value.co_argcount, value.co_code, value.co_names)
            return "code", numbers, value.co_varnames, _described(value.co_consts, inside)
    raise _Unknown


def _described_type(value: Any) -> Any:
    """A type of Numba. Most are described by their names; those of functions are named after addresses."""
    kind = type(value).__name__
    match value:
        case _types.Omitted():
            return kind, _described(value.value, ())
        case types.Literal():
            return kind, _described(value.literal_value, ())
        case types.ExternalFunction():
            return kind, value.symbol, str(value.sig)
        case types.DType() | types.NumberClass():
            return kind, _described_type(value.dtype)
        case types.TypeRef():
            return kind, _described(value.instance_type, ())
        case _types.Tuple() | _types.UniTuple():
            return kind, [_described_type(item) for item in value.types]
        case types.Callable() | _types.BaseNamedTuple():  # read from a file, they are equal to no others
            raise _Unknown
    if value.key != value.name and not isinstance(value, _WHOLLY_NAMED):
        raise _Unknown
    return kind, value.name


_WHOLLY_NAMED = (_types.Array, _types.SliceType, _types.MemInfoPointer, _types.List)


def _described_function(value: FunctionType, inside: tuple[Any, ...]) -> Any:
    """A function of a module that the versions say, with what is in its closure."""
    root = value.__module__.partition(".")[0] if value.__module__ else ""
    module = sys.modules.get(value.__module__ or "")
    file = getattr(module, "__file__", None)
    if root not in ("numba", "srcad") or file is None or value.__code__.co_filename != file:
        raise _Unknown
    closed = [_described(cell.cell_contents, inside) for cell in value.__closure__ or ()]
    defaults = _described((value.__defaults__, *(value.__kwdefaults__ or {}).items()), inside)
    return "function", value.__module__, value.__qualname__, _described(value.__code__, inside), defaults, closed


# ---- files --------------------------------------------------------------------------------------------

_NAMED = re.compile(r"srcad[0-9a-f]{32}|^NRT_|^llvm\.|^\.dtor\.|^srcad_huge_pages")


def _may_be_kept(made: Any) -> bool:
    """Whether the code means the same in another process: no addresses, and each function is named after what it is."""
    library = made.library
    library._ensure_finalized()
    module = library._final_module
    if made.lifted or library.holds_addresses():
        return False
    functions = [(one.name, one.is_declaration) for one in module.functions]
    # the addresses of functions of SciPy are entered by who compiles a call of one
    return all(
        not name.startswith("srcad_special_") if declared else _NAMED.search(name) for name, declared in functions
    )


def _write(path: Path, made: Any) -> None:
    made.fndesc.typemap = made.fndesc.calltypes = None  # for the compiler, which has done its work
    environments = tuple(made._find_referenced_environments())
    parts = (made.library.serialize_using_bitcode(), made.fndesc, made.environment, made.signature)
    try:
        data = serialize.dumps((*parts, made.reload_init, environments))
    except (TypeError, AttributeError, pickle.PicklingError):  # a constant that another process cannot have
        return
    draft = path.with_name(f".draft-{secrets.token_hex(8)}")
    with suppress(OSError):  # a folder that is full: the next process compiles it again
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.write_bytes(hashlib.sha256(data).digest() + data)
        os.replace(draft, path)


def _read(path: Path, context: Any) -> Any:
    """The function in a file; None where there is none, or half of one."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, data = content[:32], content[32:]
    if hashlib.sha256(data).digest() != digest:
        return None
    library, fndesc, environment, signature, reload_init, environments = pickle.loads(data)
    for load in reload_init:
        load()
    return compiler.compile_result(
        typing_context=context.typing_context,
        target_context=context,
        library=context.codegen().unserialize_library(library),
        fndesc=fndesc,
        environment=environment,
        signature=signature,
        objectmode=False,
        lifted=[],
        reload_init=reload_init,
        referenced_envs=environments,
    )
