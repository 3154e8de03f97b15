"""Text -> module: from a real file, under a name that says where it comes from."""

from __future__ import annotations

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
    spec.loader.exec_module(module)
    # entered when it is whole: another thread may ask for it, and the first that enters it has the name
    if known is None:
        module = sys.modules.setdefault(name, module)
    else:
        sys.modules[name] = module
    return module
