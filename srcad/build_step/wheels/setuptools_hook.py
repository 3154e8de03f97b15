"""The command `build_py` of setuptools, after the gradients are written. Only setuptools imports this module.

In pyproject.toml:

    [tool.setuptools.cmdclass]
    build_py = "srcad.build_step.wheels.setuptools_hook.BuildPy"

>>> issubclass(BuildPy, build_py)
True
"""

from __future__ import annotations

import os
from pathlib import Path

from setuptools.command.build_py import build_py

from srcad.build_step.wheels.wheel import built, shipped
from srcad.errors import SrcadError


class BuildPy(build_py):
    def run(self) -> None:
        try:
            files = built(Path())
        except SrcadError as error:
            raise SystemExit(str(error)) from None
        super().run()
        if not self.editable_mode:
            for source, target in self._targets(files):
                self.mkpath(os.path.dirname(target))
                self.copy_file(str(source), target, preserve_mode=False)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        known = super().get_outputs(include_bytecode)
        return [*known, *(target for _, target in self._targets(shipped(Path())) if target not in known)]

    def _targets(self, files: list[Path]) -> list[tuple[Path, str]]:
        """Each file in a package of the project, and where it is copied to."""
        found = []
        for file in files:
            for package in self.packages or ():
                home = Path(self.get_package_dir(package)).resolve()
                if file.resolve().is_relative_to(home):
                    inside = file.resolve().relative_to(home)
                    found.append((file, os.path.join(self.build_lib, *package.split("."), *inside.parts)))
                    break
        return found
