"""Import of a file as a module: a generated one as `srcad.generated.<file>`; where an import failed."""

from __future__ import annotations

import sys
import traceback
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

PACKAGE = "srcad.generated"


def imported(path: Path, name: str, registered: bool = False) -> ModuleType:
    """A new module of this name, made of the file. Raises what the file raises; ImportError if it is no Python file.

    `registered`: it stands in `sys.modules` from the start, as modules that import each other need.
    """
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ImportError(f"there is no Python file {path}")
    module = module_from_spec(spec)
    if registered:
        sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        if registered:
            sys.modules.pop(name, None)
        raise
    return module


def load(path: Path) -> ModuleType:
    """The module in a generated file; the same file gives the same module.

    It is registered in `sys.modules`, where Numba and pickle look it up.

    >>> from srcad.backend.modules.cache_files import store
    >>> load(store("double", "def double(x):\\n    return 2.0 * x\\n", keep=False)).double(3.0)
    6.0
    """
    name = f"{PACKAGE}.{path.stem}"
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return known
    module = imported(path, name)
    # registered when complete: another thread may import it at the same time, and the first one registered is used
    if known is None:
        return sys.modules.setdefault(name, module)
    sys.modules[name] = module
    return module


def raised_at(fault: Exception) -> str:
    """The file and line of an error that a module raised while it was imported.

    >>> try:
    ...     compile("x = ", "model.py", "exec")
    ... except SyntaxError as fault:
    ...     raised_at(fault)
    'model.py:1'
    """
    if isinstance(fault, SyntaxError):
        return f"{fault.filename}:{fault.lineno}"
    where = traceback.extract_tb(fault.__traceback__)[-1]
    return f"{where.filename}:{where.lineno}"
