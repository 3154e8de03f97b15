"""The lines of a printed function, each with the place in the primal that it computes or reverses."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from srcad.backend.python.comment_nodes import Remark, Verbatim, source
from srcad.backend.python.name_clashes import rename_clashes
from srcad.backend.python.statements import to_ast
from srcad.ir.nodes import Function, Span


def statement_sources(function: Function, text: str) -> dict[int, Span]:
    """For the first line of each statement of the function in its module text, the span of the primal.

    >>> from srcad.backend.python.module_text import module_text
    >>> from srcad.ir.nodes import Assign, Var
    >>> where = Span("model.py", "f", 7, 4, 7, 9, "    y = x")
    >>> f = Function("f", (), (Assign("y", Var("x"), where),), (Var("y"),), {})
    >>> {line: span.text for line, span in statement_sources(f, module_text(f, "Text.")).items()}
    {7: '    y = x'}
    """
    module = ast.parse(text)
    (parsed,) = (node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == function.name)
    printed = to_ast(rename_clashes(function))
    return {line: span for line, span in _pairs(printed.body, parsed.body) if span is not None}


def _pairs(printed: Sequence[ast.stmt], parsed: Sequence[ast.stmt]) -> Iterator[tuple[int, Span | None]]:
    statements = [node for node in printed if not isinstance(node, Remark | Verbatim)]
    if not statements:  # a body of comments alone is printed with `pass`
        return
    for ours, read in zip(statements, parsed, strict=True):
        yield read.lineno, source(ours)
        for part in ("body", "orelse"):
            yield from _pairs(getattr(ours, part, ()), getattr(read, part, ()))
