"""The LLVM code of the functions that Numba compiles for srcad: optimised, linked into callers, made machine code.

Importing this imports Numba.
"""

from __future__ import annotations

import re
from typing import Any

import llvmlite.binding  # type: ignore[import-untyped]
from numba.core import codegen
from numba.core.environment import lookup_environment

from srcad.backend.numba import light_overloads


class Codegen(codegen.JITCPUCodegen):
    """The LLVM code generator. `ordered_sums`: loops with ordered float reductions are vectorised too."""

    ordered_sums = False

    class _library_class(codegen.JITCodeLibrary):
        """The code of a function and of those that it calls. It becomes machine code when its address is asked for:
        a function that is called by compiled code only is linked into its callers, and has none of its own."""

        _loaded = False

        def _finalize_final_module(self) -> None:
            self._finalized = True

        def get_pointer_to_function(self, name: str) -> int:
            self._ensure_finalized()
            if not self._loaded:
                self._loaded = True
                super()._finalize_final_module()
            address: int = super().get_pointer_to_function(name)
            return address

        def _finalize_dynamic_globals(self) -> None:
            super()._finalize_dynamic_globals()
            # an address that only this process knows: such code is not for a cache
            self._dynamic_globals += [one.name for one in _unresolved(self._final_module)]

        def _optimize_final_module(self) -> None:
            self._final_module: Any = _with_own_calls(self._final_module)
            with light_overloads.loops_for_llvm(self._codegen.ordered_sums):
                super()._optimize_final_module()

        def holds_addresses(self) -> bool:
            """Whether the code has addresses that only this process knows."""
            names = [one.name for one in self._final_module.global_variables]
            return any(name.startswith(("numba.dynamic.globals", _UNRESOLVED)) for name in names)

        def set_environments(self) -> None:
            """Enter the addresses of the environments of all functions that are linked into the machine code."""
            for variable in self._final_module.global_variables:
                if variable.name.startswith(_ENVIRONMENT) and (found := lookup_environment(variable.name)):
                    self._codegen.set_env(variable.name, found)


_UNRESOLVED = codegen.RuntimeLinker.PREFIX
_ENVIRONMENT = "_ZN08NumbaEnv"


def _unresolved(module: Any) -> list[Any]:
    return [one for one in module.global_variables if one.name.startswith(_UNRESOLVED)]


def _with_own_calls(module: Any) -> Any:
    """A module of LLVM in which functions that call themselves do so directly.

    Numba's call such a function by an address that is entered when the function has been compiled. Nobody enters it
    when a caller comes from the cache: that ends the process.
    """
    defined = {function.name for function in module.functions if not function.is_declaration}
    names = [one.name.removeprefix(_UNRESOLVED) for one in _unresolved(module)]
    own = [name for name in names if name in defined]
    if not own:
        return module
    text = str(module)
    for name in own:
        address, direct = f'@"{_UNRESOLVED}{name}"', f'@".srcad.direct${name}"'
        text = text.replace(address, direct)
        declared = re.compile(rf"^{re.escape(direct)} = external .*?global (.*?)$", re.MULTILINE)
        text = declared.sub(rf'{direct} = internal constant \1 @"{name}"', text)
    made = llvmlite.binding.parse_assembly(text)
    made.name = module.name
    return made
