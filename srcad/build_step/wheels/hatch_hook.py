"""The build hook `srcad` of hatchling: `[tool.hatch.build.hooks.srcad]` writes the gradients while a wheel is built.

Only hatchling imports this module, which is found by its entry point.

>>> hatch_register_build_hook().PLUGIN_NAME
'srcad'
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.plugin import hookimpl

from srcad.build_step.wheels.wheel import built
from srcad.errors import SrcadError


class GradientsHook(BuildHookInterface[Any]):
    PLUGIN_NAME = "srcad"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        try:
            files = built(root)
        except SrcadError as error:
            self.app.abort(str(error))
        # artifacts are included where git ignores them, too
        build_data["artifacts"] += [f"/{path.relative_to(root).as_posix()}" for path in files]


@hookimpl
def hatch_register_build_hook() -> type[GradientsHook]:
    return GradientsHook
