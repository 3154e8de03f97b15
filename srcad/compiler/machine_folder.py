"""The folder `_machine` beside generated files: their compiled forms, and the modules of srcad that these need.

A readable file stands alone. Where `_machine` lies beside it, what it defines runs in its compiled form.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

from srcad import backend, runtime, vector_math
from srcad.backend.modules import source_digest
from srcad.backend.python.argument_checks import length_check, of_any_length, said
from srcad.compiler.generate import Generated
from srcad.ir.types import Array, Scalar, Type
from srcad.options import Options

FOLDER = "_machine"
_SUPPORT = "_support"
_NOTE = "# Written by srcad, not for reading or editing.\n# ruff: noqa\n# mypy: ignore-errors\n# fmt: off\n"

_FOOTER = """

# ---- compiled form: of this text, in the folder _machine if it is there ------------------
if "__file__" in globals():
    _spec = PathFinder.find_spec("_machine", [dirname(abspath(__file__))])
    if _spec and _spec.loader:
        _machine = module_from_spec(_spec)
        _spec.loader.exec_module(_machine)
        FUNCTION = _machine.compiled(FUNCTION)
"""
_IMPORTS = """\
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from os.path import abspath, dirname
"""
_START = """\
\"\"\"What readable files import: `compiled`, from a package that is named after what is in `_support`.\"\"\"

import sys
import warnings
from importlib import import_module
from types import ModuleType

_package = sys.modules.setdefault("PACKAGE", ModuleType("PACKAGE"))
_package.__path__ = [*getattr(_package, "__path__", ()), *__path__]
try:
    compiled = import_module("PACKAGE._support.compiled_forms").compiled
except ImportError as fault:  # a part of the folder was not shipped
    warnings.warn(f"{__path__[0]} is not complete: what lies beside it runs slower ({fault})", stacklevel=2)

    def compiled(function):
        return function
"""


def with_footer(text: str, function: str) -> str:
    """A readable module with the lines at its end that replace its function by the compiled form.

    They find the folder wherever the module is: a script, in a package, in a zip file. They say nothing of what is in
    it, so that another version of srcad leaves the readable file as it is. Where the folder lacks the compiled forms
    (`_base` and `_build.json` lie in it too), Python takes it for a namespace package, which has no loader.
    """
    first = next(line for line in text.splitlines() if line.startswith(("import ", "from ")))
    text = text.replace(f"\n{first}\n", f"\n{_IMPORTS}\n{first}\n", 1)
    return text + _FOOTER.replace("FUNCTION", function)


def files(generated: Generated, options: Options, stem: str, text: str) -> dict[str, str]:
    """The text of each file of the folder, by its path in it, for a readable file `stem`.py with this text."""
    return {f"{stem}.py": _form(generated, options, text), **_support()}


def needed(folder: Path, files: list[str]) -> list[Path]:
    """What the compiled forms of these readable files in a folder consist of."""
    needed = [*files, *(name for name in _support() if name.endswith(".py"))] if files else []
    return [folder / FOLDER / name for name in needed]


def is_of_srcad(text: str) -> bool:
    """Whether srcad wrote this file of the folder."""
    return text.startswith(_NOTE)


def is_form(form: str, text: str, other: str) -> bool:
    """Whether a compiled form is of this text, and does what the other form does."""
    of_text = f"CODE = {source_digest.code_digest(text)!r}\n" in form
    return of_text and source_digest.alike(_DIGESTS.sub("", form), _DIGESTS.sub("", other))


_DIGESTS = re.compile(r"^(TEXT|CODE) = .*$", re.MULTILINE)


def _form(generated: Generated, options: Options, text: str) -> str:
    takes = list(map(of_any_length, generated.takes))
    module = generated.machine_text(
        helpers_from=f"{_package()}.{_SUPPORT}.runtime",
        machine_from=f"{_package()}.{_SUPPORT}.vector_math",
        special_from=f"{_package()}.{_SUPPORT}.special_functions",
        entry=length_check(generated.function.name, takes),
    )
    _, _, code = module.partition('\n"""\n')
    facts = {
        "TEXT": hashlib.sha256(text.encode()).hexdigest(),
        "CODE": source_digest.code_digest(text),
        "TAKES": [_kind(parameter.type) for parameter in takes],
        "SUPPORT": f"{_package()}.{_SUPPORT}",
        "SAID": said(generated.function.name, takes),
        "FASTMATH": options.fastmath,
        "LAYOUTS": generated.layouts,
    }
    end = "\n".join(f"{name} = {value!r}" for name, value in facts.items())
    return f'{_NOTE}"""Compiled form of {generated.name}."""\n\n{code.strip()}\n\n\n{end}\n'


def _kind(type: Type) -> tuple[str, int, str]:
    """Dtype, rank and layout of a parameter, as its form asks for them."""
    if isinstance(type, Array):
        return type.dtype, type.rank, type.layout
    assert isinstance(type, Scalar)
    return type.dtype, 0, "A"


@cache
def _support() -> dict[str, str]:
    """What compiled forms need beside them."""
    return {
        ".gitattributes": "* linguist-generated\n",  # hosts of git fold the folder in a review
        "__init__.py": _NOTE + _START.replace("PACKAGE", _package()),
        **_modules(),
    }


@cache
def _package() -> str:
    """The name of the package of the folder: of another version another, so that none runs with modules of another.

    It is the same wherever the folder is, since Numba's cache refers to modules by their names.
    """
    return f"srcad_forms_{hashlib.sha256(repr(_modules()).encode()).hexdigest()[:8]}"


_NOT_SHIPPED = ("__init__", "cache_key", "compilation")
"""What srcad alone calls to compile; all else says how."""


@cache
def _modules() -> dict[str, str]:
    """Copies of modules of srcad, with imports of one another."""
    numba = Path(str(backend.__file__)).parent / "numba"  # the modules there import Numba
    modules = [
        *(Path(str(module.__file__)) for module in (runtime, vector_math, source_digest)),
        *(path for path in sorted(numba.glob("*.py")) if path.stem not in _NOT_SHIPPED),
    ]
    return {f"{_SUPPORT}/__init__.py": _NOTE, **{f"{_SUPPORT}/{module.name}": _copy(module) for module in modules}}


def _copy(module: Path) -> str:
    text = module.read_text(encoding="utf-8")
    text = re.sub(r"^from srcad(\.\w+)* import (?=\w+(, \w+)*$)(?!code_digest)", "from . import ", text, flags=re.M)
    return _NOTE + text.replace("from srcad.backend.modules.source_digest import", "from .source_digest import")
