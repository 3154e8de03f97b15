"""Text -> module: from a real file, under a name that says where it comes from."""

from __future__ import annotations

import linecache
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType


def load(path: Path) -> ModuleType:
    """The module in a generated file; the same file gives the same module.

    It is entered in `sys.modules` (Numba and pickle look there), under `srcad.generated.<file>`.
    """
    name = f"srcad.generated.{path.stem}"
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return known
    spec = spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    linecache.checkcache(str(path))
    return module
