"""The docstring and the signature of a derivative, for `help`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from srcad.request import Request

WORDS = {
    "grad": "gradient",
    "value_and_grad": "value and gradient",
    "jacobian": "Jacobian",
    "adjoint": "adjoint",
    "jvp": "value and tangent",
    "vjp": "pullback",
    "tangent": "tangent",
    "columns": "Jacobian",
    "hessian": "Hessian",
    "primal": "compiled form",
}

SUFFIXES = {"jvp": "jvp", "tangent": "tangent", "jacobian": "jacobian", "columns": "jacobian", "hessian": "hessian"}
"""Of the name of a derivative that another function calls; "grad" where there is none."""

_FLAT = (
    "`.compiled` and a saved file take flat arguments: of a structure its arrays and numbers one after another, then\n"
    "what the function reads from outside. They return a flat tuple{order};\none result comes alone."
)


def call_help(name: str, request: Request, doc: str | None) -> str:
    """The docstring of the derivative of the function `name`, whose own is `doc`.

    >>> from srcad.options import Options
    >>> print(call_help("f", Request("grad", ("x",), True, False, Options()), None).partition("\\n")[0])
    The gradient of f with respect to x, called with the arguments of f.
    """
    wrt = f" with respect to {', '.join(request.wrt)}" if request.wrt else ""
    parts = [f"The {WORDS[request.mode]} of {name}{wrt}, called with the arguments of {name}.", _returns(name, request)]
    order = ""
    if request.mode in ("grad", "value_and_grad"):
        order = ": first the results, then the gradients in this order" if request.keep_value else " of the gradients"
    parts.append(_FLAT.format(order=order))
    if doc:
        parts.append(f"{name}: {inspect.cleandoc(doc)}")
    return "\n\n".join(parts) + "\n"


def _returns(name: str, request: Request) -> str:
    one = request.wrt[0] if request.wrt else ""
    if request.mode == "primal":
        return f"Returns what {name} returns."
    if request.is_forward:
        value = f"what {name} returns, and " if request.mode == "jvp" else ""
        return (
            f"Called with two tuples: the arguments of {name}, and their tangents in the same structure\n(None: zero). "
            f"Returns {value}the tangents of its floats in the same structure."
        )
    if request.mode == "adjoint":
        return (
            f"After these comes one buffer for each array among {', '.join(request.wrt)}: the cotangent of what the\n"
            "array holds afterwards goes in, that of what it held before comes out, in place. Returns the gradients\n"
            "of the numbers among them. Arguments hold afterwards what the function leaves in them."
        )
    if request.single:
        gradient = f"the gradient, in the structure, the shapes and the dtypes of {one}"
    else:
        gradient = "a tuple of gradients, each in the structure, the shapes and the dtypes of its argument"
    if request.mode == "hessian":
        return "Returns the gradient, with the gradient of each of its numbers in place of that."
    if request.mode in ("jacobian", "columns"):
        shape = "An array becomes one of the shape of the array, then that of the argument."
        return f"Returns what {name} returns, with {gradient} in\nplace of each number. {shape}"
    if request.mode == "value_and_grad":
        value = f"(value, aux), as {name} returns them" if request.has_aux else f"the value of {name}"
        return f"Returns a pair: {value};\nand {gradient}."
    aux = f"; and what {name} returns beside the value" if request.has_aux else ""
    return f"Returns {'a pair: ' if aux else ''}{gradient}{aux}."


def call_signature(function: Callable[..., Any], request: Request) -> inspect.Signature:
    """The signature of a derivative: that of the function without its return annotation."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        signature = inspect.Signature([inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)])
    parameters = list(signature.parameters.values())
    after = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)
    kinds = [p.kind for p in parameters]
    if request.is_forward:
        names = ("primals", "tangents")
        return inspect.Signature([inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in names])
    if request.mode == "adjoint" and inspect.Parameter.VAR_POSITIONAL not in kinds:
        at = next((i for i, kind in enumerate(kinds) if kind in after), len(kinds))
        name = "buffers" if "buffers" not in signature.parameters else "buffers_"
        parameters.insert(at, inspect.Parameter(name, inspect.Parameter.VAR_POSITIONAL))
    return inspect.Signature(parameters)
