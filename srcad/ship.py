"""Generated modules that leave the house: they import NumPy and Numba, and helpers from a file beside them."""

from __future__ import annotations

from pathlib import Path

from srcad import runtime
from srcad.backend.jit import decorator
from srcad.backend.text import uses_helpers
from srcad.options import Options
from srcad.pipeline import Generated

RUNTIME = "_runtime.py"


def shipped(generated: Generated, options: Options, file_name: str) -> list[tuple[str, str]]:
    """The files to write, as (name, text): the module, and `_runtime.py` only if it uses helpers."""
    choice = None if options.target == "python" else decorator(options)
    files = [(file_name, generated.text(helpers_from="._runtime", decorator=choice))]
    if uses_helpers(generated.function):
        files.append((RUNTIME, _runtime_text()))
    return files


def _runtime_text() -> str:
    """`srcad/runtime.py`, its functions made known to Numba."""
    text = Path(runtime.__file__).read_text(encoding="utf-8")
    text = text.replace("import numpy as np\n", "import numpy as np\nfrom numba.extending import register_jitable\n", 1)
    return text.replace("\ndef ", "\n@register_jitable\ndef ")
