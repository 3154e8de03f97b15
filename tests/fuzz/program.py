"""A program that was written: its text, and how it is to be called."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

PREAMBLE = """import math
from dataclasses import dataclass

import numpy as np

import srcad


@dataclass
class Pair:
    a: object
    b: object

"""


@dataclass(frozen=True)
class Program:
    """The text defines `program`, `arguments`, and where another call is tried after the first, `others`."""

    text: str
    mode: str
    wrt: tuple[int, ...]
    checkpoint: tuple[str, ...] = ()

    def called(self) -> str:
        """The call as one writes it."""
        name = {"primal": "jit", "second": "hessian"}.get(self.mode, self.mode)
        wrt = "" if self.mode == "primal" else f", {self.wrt}"
        more = f", checkpoint={self.checkpoint}" if self.checkpoint else ""
        return f"srcad.{name}(program{wrt}{more})(*arguments())"

    def own(self) -> str:
        """The text from the first function on, and the call."""
        lines = self.text.splitlines()
        first = next(at for at, line in enumerate(lines) if line.startswith("def "))
        return "\n".join((*lines[first:], "", f"# {self.called()}"))

    def shown(self) -> str:
        """The text of a file that can be tried again."""
        fields = {"mode": self.mode, "wrt": self.wrt, "checkpoint": self.checkpoint}
        return f"{self.text}\n# {self.called()}\nCALLED = {fields!r}\n"

    @staticmethod
    def read(path: Path) -> Program:
        text, _, called = path.read_text().rpartition("CALLED = ")
        return Program(text, **ast.literal_eval(called))


def loaded(program: Program, folder: Path) -> ModuleType:
    """The program as a module of a real file, so that its source can be read."""
    name = "fuzz_" + hashlib.sha256(program.text.encode()).hexdigest()[:16]
    path = folder / f"{name}.py"
    path.write_text(program.text)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[name]
    return module
