"""Language subset check: the syntactic constructs that srcad does not compile are refused before lowering.

Only what syntax alone can decide is refused here. What depends on types and values (a call of a function without
source, a comprehension over an array, recursion) is refused by lowering, where they are known.
"""

from __future__ import annotations

import gast

from srcad.errors import Problem, fail_all
from srcad.frontend.source.read import Source, span
from srcad.frontend.syntax.control_exits import contains_exit
from srcad.frontend.syntax.generator_functions import yields_of
from srcad.frontend.syntax.inserted_blocks import is_insertion, refusals


def check_subset(source: Source) -> None:
    """Raise one `UnsupportedError` with every construct of the function that is outside the language.

    >>> from srcad.errors import UnsupportedError
    >>> from srcad.frontend.source.read import read
    >>> def f(x):
    ...     global calls
    ...     y = yield x
    >>> try:
    ...     check_subset(read(f))
    ... except UnsupportedError as error:
    ...     print(*[problem.code for problem in error.problems])
    S108 S106
    """
    found: list[Problem] = []
    yields = yields_of(source.tree)
    for node in gast.walk(source.tree):
        if id(node) in yields:
            continue
        if isinstance(node, gast.With) and is_insertion(source, node):
            found += refusals(source, node)
            continue
        refusal = _refusal(node)
        if refusal is not None:
            code, message, why, advice = refusal
            found.append(Problem(code, message, span(source, node), why, advice))
    # in the order of the text; of constructs that start at one position, the outer first
    found.sort(key=lambda problem: (problem.span.line, problem.span.column) if problem.span else (0, 0))
    fail_all(found)


def _refusal(node: gast.AST) -> tuple[str, str, str, str] | None:
    match node:
        case gast.Try() if contains_exit(node.finalbody):
            return (
                "S103",
                "finally that leaves",
                "It leaves after an error, too, which is then forgotten.",
                "return, break or continue behind it.",
            )
        case gast.TryStar():
            return (
                "S103",
                "try with except*",
                "Nothing in the language raises groups of errors.",
                "write except.",
            )
        case gast.Yield() | gast.YieldFrom():
            return (
                "S106",
                "a yield whose value is used",
                "Nothing is sent to a generator: the loop that asks for its items has no other way to it.",
                "write yield as a statement of its own, and pass values as arguments.",
            )
        case gast.AsyncFunctionDef(name=name):  # await and the others stand in no other place
            return (
                "S107",
                f"{name} is async",
                "Compiled code runs from its first line to its last.",
                "await the values in the caller, and pass them in.",
            )
        case gast.Global(names=names):
            return (
                "S108",
                f"global {', '.join(names)}: a function may read globals, not bind them",
                "A gradient that changed globals would not be a function of its arguments.",
                "pass the value in as an argument, and return the new one.",
            )
        case gast.Constant(value=bytes()):
            return _outside("bytes")
        case gast.Set() | gast.SetComp():
            return _outside("a set")
        case gast.TypeAlias():
            return ("S199", "a type alias inside a function", "It computes nothing.", "move it out of the function.")
        case _:
            return None


def _outside(kind: str) -> tuple[str, str, str, str]:
    return (
        "S117",
        f"{kind} is not in the language",
        "Values are numbers, strings, arrays, and tuples, lists and dicts of them.",
        "use a tuple, a list or an array.",
    )
