"""The parameters of an abstract function, and which arguments of a call `argnums` names.

>>> from srcad.frontend.values.abstract_values import Partial
>>> scaled = Partial(Constant(lambda k, x, shift=0.0: k * x + shift), (Constant(2.0),))
>>> print(signature_of(None, scaled))
(x, shift=0.0)
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from srcad.frontend.values.abstract_values import Abstract, Closure, Constant, Partial
from srcad.frontend.values.context import Context
from srcad.request import Differentiation

_Parameter = inspect.Parameter
_POSITIONAL = (_Parameter.POSITIONAL_ONLY, _Parameter.POSITIONAL_OR_KEYWORD)
_ANYTHING = inspect.Signature([_Parameter("arguments", _Parameter.VAR_POSITIONAL)])


def signature_of(ctx: Context, function: Abstract) -> inspect.Signature:
    """The parameters that a caller supplies; those of a function that does not say are any by position."""
    match function:
        case Closure(tree, _, defaults):
            return _of_tree(tree.args, dict(defaults))
        case Partial(Constant(Differentiation()), (inner,), ()):
            return signature_of(ctx, inner)
        case Partial(inner, given, named):
            return _without(signature_of(ctx, inner), len(given), dict(named))
        case Constant(value):
            try:
                return inspect.signature(getattr(value, "py_func", value), follow_wrapped=False)
            except (TypeError, ValueError):
                return _ANYTHING
    return _ANYTHING


def _of_tree(spec: Any, defaults: Mapping[str, Abstract]) -> inspect.Signature:
    def parameter(node: Any, kind: Any) -> inspect.Parameter:
        return _Parameter(node.id, kind, default=defaults.get(node.id, _Parameter.empty))

    found = [parameter(node, _Parameter.POSITIONAL_ONLY) for node in spec.posonlyargs]
    found += [parameter(node, _Parameter.POSITIONAL_OR_KEYWORD) for node in spec.args]
    found += [parameter(spec.vararg, _Parameter.VAR_POSITIONAL)] if spec.vararg is not None else []
    found += [parameter(node, _Parameter.KEYWORD_ONLY) for node in spec.kwonlyargs]
    found += [parameter(spec.kwarg, _Parameter.VAR_KEYWORD)] if spec.kwarg is not None else []
    return inspect.Signature(found)


def _without(signature: inspect.Signature, count: int, named: Mapping[str, object]) -> inspect.Signature:
    """Without the first parameters by position, and without those given by name."""
    left = []
    for parameter in signature.parameters.values():
        if parameter.kind in _POSITIONAL and count:
            count -= 1
        elif parameter.name not in named:
            left.append(parameter)
    return inspect.Signature(left)


def argument_places(
    ctx: Context,
    signature: inspect.Signature,
    argnums: int | str | tuple[int | str, ...],
    args: Sequence[Abstract],
    keywords: Mapping[str, Abstract],
) -> list[tuple[int | str, str]]:
    """Where each argument that `argnums` names stands in the call, by position or by keyword, and a name for it."""
    chosen = argnums if isinstance(argnums, tuple) else (argnums,)
    positional = [p.name for p in signature.parameters.values() if p.kind in _POSITIONAL]
    star = next((p.name for p in signature.parameters.values() if p.kind is _Parameter.VAR_POSITIONAL), None)
    found: list[tuple[int | str, str]] = []
    for item in chosen:
        place: int | str | None = None
        if isinstance(item, int) and not isinstance(item, bool):
            at = item if item >= 0 or star is not None else item + len(positional)
            if 0 <= at < len(args):
                place, name = at, positional[at] if at < len(positional) else f"{star or 'argument'}_{at}"
            elif 0 <= at < len(positional) and positional[at] in keywords:
                place = name = positional[at]
        elif isinstance(item, str):
            name = item
            if item in keywords:
                place = item
            elif item in positional and positional.index(item) < len(args):
                place = positional.index(item)
        if place is None:
            known = item in signature.parameters if isinstance(item, str) else 0 <= item < len(positional)
            what = "is not given in this call" if known else "is no parameter of the function"
            listed = ", ".join(signature.parameters) or "none"
            ctx.fail("S307", f"argnums {item!r} {what}", f"Its parameters are: {listed}.")
        found.append((place, name))
    if not found or len({place for place, _ in found}) < len(found):
        ctx.fail("S307", f"argnums {argnums!r} names {'a parameter twice' if found else 'no parameter'}")
    return found
