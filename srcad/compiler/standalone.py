"""Generated modules that leave the house: one file that imports NumPy and Numba, helpers and all.

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def volumes(x):
...     return np.sum(np.prod(x, axis=0))
>>> made = srcad.grad(volumes, target="python").specialisation(np.ones((3, 2))).generated
>>> text = standalone_module(made, Options(target="python"))
>>> print(*(line for line in text.splitlines() if line.startswith(("import", "def"))), sep="\\n")
import numpy as np
def _volumes_grad(x, d_result=1.0):
def volumes_grad(x, d_result=1.0):
def product_of_others_first(x):
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable
from typing import Any

from srcad import runtime
from srcad.backend.numba.compilation import decorator
from srcad.backend.python.module_text import helpers_of
from srcad.compiler import machine_folder
from srcad.compiler.generate import Generated
from srcad.compiler.shipped_special import IMPORTS, definitions, special_functions
from srcad.errors import fail
from srcad.ir.calls import recursive
from srcad.options import Options

_SCIPY = "needs   SciPy beside NumPy and Numba, which reaches BLAS and LAPACK through it"
_SPECIAL = "needs   SciPy, of which it calls special functions"
_TRANSFORMS = "runs    as Python where its compiled form is not beside it: Numba has no np.fft"
_HEADING = "# ---- what NumPy or Numba lacks "


def standalone_module(generated: Generated, options: Options, with_form: bool = True) -> str:
    """The text of the file: the function asks for the types it relies on, and what it calls stands below it.

    With a compiled form beside it, its last lines look for that.
    """
    has_form = options.target != "python"
    transforms = has_form and "np.fft." in generated.code()
    compiles = has_form and not transforms  # by itself
    # from Numba's cache a function that calls itself ends the process (numba/numba#6061)
    special = special_functions(generated.printed)
    cached = not recursive(generated.beside) and not special  # nor what knows addresses of this process
    inactive = generated.inactive(imports=True)
    choices: dict[str, Any] = {"helpers_from": None, "decorator": decorator(options, cached) if compiles else None}
    if inactive is not None and generated.pair is not None:
        what = f"a file has no pullback of {generated.source.name}, which has inactive code"
        why = "Its second function reads what the inactive code gave to the first."
        fail("S363", what, None, why, "save the gradient; or pass what is computed there as an argument.")
    if inactive is not None:
        choices |= {"more_imports": inactive.imports, "after": inactive.text_with_helpers()}
    text = generated.text(asks=True, **choices)
    names = [*_with_theirs(helpers_of(*generated.printed))]
    parts = [_definition(name, compiles) for name in names]
    if special:
        text = text.replace('\n"""\n', f'\n{_SPECIAL}\n"""\n', 1)
    if special and compiles:
        parts.append(definitions(special).rstrip())
        text = text.replace(
            "\nimport numpy as np\nfrom numba import njit\nfrom scipy import special\n", f"\n{IMPORTS}", 1
        )
    helpers = "\n\n\n".join(parts)
    if names and compiles:
        more = "from numba.extending import register_jitable"
        text = _with_line(text, "from numba import njit, vectorize" if special else "from numba import njit", more)
    if "math." in helpers and "\nimport math\n" not in text:
        text = text.replace("\nimport numpy as np\n", "\nimport math\n\nimport numpy as np\n", 1)
    if compiles and _calls_scipy(text + helpers):
        text = text.replace('\n"""\n', f'\n{_SCIPY}\n"""\n', 1)
        # code from Numba's cache, which asks nobody, would end the process where there is none
        text = text.replace("\nfrom numba import njit\n", "\nimport scipy  # noqa: F401\nfrom numba import njit\n", 1)
    if helpers:
        text += f"\n\n{_HEADING}{'-' * (78 - len(_HEADING))}\n\n\n{helpers}\n"
    if transforms:
        text = text.replace('\n"""\n', f'\n{_TRANSFORMS}\n"""\n', 1)
    if has_form and with_form:
        text = machine_folder.with_footer(text, generated.function.name)
    return text


def _with_line(text: str, line: str, more: str) -> str:
    return text.replace(f"{line}\n", f"{line}\n{more}\n", 1)


def _with_theirs(names: Iterable[str]) -> dict[str, None]:
    """Helpers and those that they call, in the order in which they stand in `srcad.runtime`."""
    wanted, open_ = set(), set(names)
    known = {name: helper for name, helper in vars(runtime).items() if inspect.isfunction(helper)}
    while open_:
        name = open_.pop()
        wanted.add(name)
        open_ |= set(known[name].__code__.co_names) & set(known) - wanted
    return {name: None for name in known if name in wanted}


def _definition(name: str, compiles: bool) -> str:
    text = inspect.getsource(getattr(runtime, name)).rstrip("\n")
    text = re.sub(r": Any(?=[,)])", "", text).replace(" -> Any:", ":", 1)
    return f"@register_jitable\n{text}" if compiles else text


def _calls_scipy(text: str) -> bool:
    """Whether Numba compiles something of it to a call of BLAS or LAPACK."""
    return any(_is_product(node) for node in ast.walk(ast.parse(text)))


def _is_product(node: ast.AST) -> bool:
    match node:
        case ast.BinOp(op=ast.MatMult()):
            return True
        case ast.Attribute(value=ast.Name(id="np"), attr="dot" | "vdot" | "linalg"):
            return True
    return False
