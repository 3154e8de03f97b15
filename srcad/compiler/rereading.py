"""A generated text read again, edited or not, to compile what it says now."""

from __future__ import annotations

from dataclasses import replace

from srcad.backend.modules.text_functions import function_of
from srcad.backend.python.module_text import unchecked_name
from srcad.backend.python.name_clashes import rename_clashes, with_distinct_names
from srcad.backend.python.statements import free_sums
from srcad.compiler.generate import Generated, generate
from srcad.errors import fail
from srcad.frontend.values.abstract_values import Leaf
from srcad.ir.nodes import Var
from srcad.ir.types import Array, Type, dim
from srcad.options import Options
from srcad.request import Request


def reread(text: str, generated: Generated, options: Options) -> Generated:
    """What a file made for `generated` says now, for the same types; S506 where it takes other parameters.

    Sums of adjoints have no order: that holds for the statements that are as they were generated. The others are read
    as a user's.
    """
    function = function_of(text, _name_in(text, generated))
    code = getattr(function, "py_func", function).__code__
    takes = {parameter.name: parameter.type for parameter in generated.takes}
    found = code.co_varnames[: code.co_argcount]
    if tuple(takes) != found:
        name = generated.function.name
        fail(
            "S506",
            f"{name} takes {', '.join(found)} in its file, and {', '.join(takes)} as it is generated",
            advice="keep the parameters as they are; or give the function another name and a file of its own.",
        )
    arguments = {name: Leaf(Var(name), _own(name, known)) for name, known in takes.items()}
    functions = with_distinct_names((*generated.beside, generated.function))
    free = frozenset().union(*(free_sums(rename_clashes(f)) for f in functions))
    request = Request("primal", (), True, False, options)
    made = generate(function, arguments, (), request, free_sums=free)
    named = replace(made.function, name=generated.function.name)
    return replace(made, name=generated.name, function=named, defaults=generated.defaults)


def _name_in(text: str, generated: Generated) -> str:
    inner = unchecked_name(generated.function)
    return inner if f"def {inner}(" in text else generated.function.name


def _own(name: str, known: Type) -> Type:
    """The type with symbols of the parameter itself for its lengths."""
    if not isinstance(known, Array):
        return known
    dims = [
        length if not length.terms else dim(replace(length.terms[0][0], name=name, axis=axis))
        for axis, length in enumerate(known.dims)
    ]
    return replace(known, dims=tuple(dims))
