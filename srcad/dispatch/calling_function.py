"""A derivative as a Python function with a source: one line that calls it, so that it can be differentiated again.

>>> import inspect
>>> calls = calling_function("f_grad", "The gradient of f.", inspect.signature(lambda x, *, k=2.0: 0.0), pow)
>>> print(inspect.getsource(calls).rstrip())
def f_grad(x, *, k=None):
    \"\"\"The gradient of f.\"\"\"
    return derivative(x, k=k)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any

from srcad.backend.modules import cache_files
from srcad.backend.modules.import_module import imported
from srcad.frontend.source.read import DERIVATIVE_OF

_Kind = inspect._ParameterKind


def calling_function(
    name: str, summary: str, signature: inspect.Signature, called: Callable[..., Any]
) -> Callable[..., Any]:
    """A function of this name and these parameters that returns what `called` does; its defaults are those given."""
    inner = "derivative"
    while inner in signature.parameters or inner == name:
        inner += "_"
    takes, given = [], []
    for at, parameter in enumerate(signature.parameters.values()):
        own = parameter.name
        before = list(signature.parameters.values())[:at]
        if parameter.kind is _Kind.KEYWORD_ONLY and not any(
            one.kind in (_Kind.KEYWORD_ONLY, _Kind.VAR_POSITIONAL) for one in before
        ):
            takes.append("*")
        if parameter.kind is not _Kind.POSITIONAL_ONLY and before and before[-1].kind is _Kind.POSITIONAL_ONLY:
            takes.append("/")
        star = {_Kind.VAR_POSITIONAL: "*", _Kind.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        takes.append(f"{star}{own}" + ("" if parameter.default is parameter.empty else "=None"))
        given.append(f"{own}={own}" if parameter.kind is _Kind.KEYWORD_ONLY else f"{star}{own}")
    if signature.parameters and [*signature.parameters.values()][-1].kind is _Kind.POSITIONAL_ONLY:
        takes.append("/")
    text = f'def {name}({", ".join(takes)}):\n    """{summary}"""\n    return {inner}({", ".join(given)})\n'
    path = cache_files.store(name, text, keep=False)
    module = imported(path, f"made_by_srcad.{path.stem}")  # a module of srcad would be a library
    setattr(module, inner, called)
    of = called
    while hasattr(of, "__wrapped__"):
        of = of.__wrapped__
    module.__dict__[DERIVATIVE_OF] = of
    function: FunctionType = getattr(module, name)
    defaults = [p for p in signature.parameters.values() if p.default is not p.empty]
    function.__defaults__ = tuple(p.default for p in defaults if p.kind is not _Kind.KEYWORD_ONLY) or None
    function.__kwdefaults__ = {p.name: p.default for p in defaults if p.kind is _Kind.KEYWORD_ONLY} or None
    return function
