"""Import of a generated file as a module named `srcad.generated.<file>`."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType


def load(path: Path) -> ModuleType:
    """The module in a generated file; the same file gives the same module.

    It is registered in `sys.modules`, where Numba and pickle look it up.

    >>> from srcad.backend.modules.cache_files import store
    >>> load(store("double", "def double(x):\\n    return 2.0 * x\\n", keep=False)).double(3.0)
    6.0
    """
    name = f"srcad.generated.{path.stem}"
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return known
    spec = spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    # registered when complete: another thread may import it at the same time, and the first one registered is used
    if known is None:
        module = sys.modules.setdefault(name, module)
    else:
        sys.modules[name] = module
    return module
