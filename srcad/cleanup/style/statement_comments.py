"""Comments of the user's stand above the statements that they stand at in the primal.

>>> from srcad.ir.nodes import Assign, Var
>>> from srcad.ir.notation import show
>>> where = Span("model.py", "f", 7, 4, 7, 9, "    y = x  # a copy", ("a copy",))
>>> f = Function("f", (), (Assign("y", Var("x"), where), Assign("z", Var("y"), where)), (Var("z"),), {})
>>> print(show(carry_comments(f).body))
# a copy
y = x
z = y
"""

from __future__ import annotations

from dataclasses import replace
from textwrap import wrap

from srcad.ir.nodes import Block, Comment, Function, If, Span, Stmt
from srcad.ir.runtime_checks import check_of
from srcad.ir.traversal import blocks, section_start, with_blocks

_WIDTH = 100
_INDENT = 4
_LONGEST = 3
"""Lines of a comment; what is longer is in the primal."""


def carry_comments(f: Function) -> Function:
    """Put the comments of each statement above the first one in the forward sweep that computes something of it.

    The reverse sweep quotes the primal, and has none; but for the first halves of iterations that are reversed one by
    one. A check is not what a comment is about.
    """
    seen: set[tuple[str, int]] = set()

    def go(block: Block, depth: int) -> Block:
        out: list[Stmt] = []
        for stmt in block:
            span = _span(stmt)
            if span is not None and (span.file, span.line) not in seen:
                seen.add((span.file, span.line))
                out.append(_comment(span, depth))
            inner = [go(b, depth + 1) for b in blocks(stmt)]
            if isinstance(stmt, If) and len(stmt.orelse) == 1 and isinstance(stmt.orelse[0], If):
                inner[1] = inner[1][-1:]  # it stays an `elif`
            out.append(with_blocks(stmt, inner))
        return tuple(out)

    def halves(block: Block, depth: int) -> Block:
        """A block of the reverse sweep."""
        middle = section_start(block, "iteration reversed")
        if middle < len(block):
            return go(block[:middle], depth) + block[middle:]
        return tuple(with_blocks(s, [halves(b, depth + 1) for b in blocks(s)]) for s in block)

    at, value = section_start(f.body, "reverse"), section_start(f.body, "value")
    return replace(f, body=go(f.body[:at], 1) + halves(f.body[at:value], 1) + go(f.body[max(at, value) :], 1))


def _span(stmt: Stmt) -> Span | None:
    if isinstance(stmt, Comment) or check_of(stmt) is not None or stmt.span is None:
        return None
    return stmt.span if stmt.span.comments else None


def _comment(span: Span, depth: int) -> Comment:
    width = _WIDTH - _INDENT * depth - len("# ")
    lines = [line for text in span.comments for line in wrap(text, width)]
    if len(lines) > _LONGEST:
        lines = [*lines[: _LONGEST - 1], f"{lines[_LONGEST - 1][: width - 4]} ..."]
    return Comment("\n".join(lines))
