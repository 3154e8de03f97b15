"""Source comments: each group of adjoint statements is preceded by the primal line that it reverses.

>>> import numpy as np, srcad
>>> __name__ = "user_module"
>>> def wave(x):
...     y = x * x
...     return np.sin(y) * x
>>> source = srcad.grad(wave, target="python").source_for(1.0)
>>> print(source[source.index("    # L3") : source.index("    return d_x")].rstrip())
    # L3: return np.sin(y) * x
    d_x = np.sin(y) * d_result
    d_y = np.cos(y) * x * d_result
    # L2: y = x * x
    d_x += 2.0 * x * d_y
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from srcad.ir.nodes import Assign, AugAssign, Block, Comment, Effect, For, Function, If, Span, Stmt, Store, While
from srcad.ir.source_lines import without_comment
from srcad.ir.traversal import blocks, section_start, walk, with_blocks

FORWARD = Comment("---- forward sweep -----------------------------------------------------", "forward")
REVERSE = Comment("---- reverse sweep -----------------------------------------------------", "reverse")
VALUE = Comment("---- value -------------------------------------------------------------", "value")
ITERATION = Comment("forward", "iteration")
RERUN = Comment("forward again", "iteration again")
ITERATION_REVERSED = Comment("and back", "iteration reversed")
WIDTH = 100
INDENT = 4


def annotate(f: Function) -> Function:
    """Put `# L7: <the line>` above each group of statements that reverse a line.

    Lines of another function than the differentiated one are named after it: `# norm L3: ...`. A comment at the end of
    the line is left out: the forward sweep has it.
    """
    at = section_start(f.body, "reverse")
    function = f.span.function if f.span is not None else None

    def cut(lines: Iterable[str], depth: int) -> list[str]:
        width = WIDTH - INDENT * depth - len("# ")
        return [line if len(line) <= width else line[: width - 4].rstrip() + " ..." for line in lines]

    def comment(span: Span, depth: int) -> Comment:
        where = f"L{span.line}" if span.function == function else f"{span.function} L{span.line}"
        line = without_comment(span.text) if span.above is None else span.text
        return Comment("\n".join(cut((*(span.above or ()), f"{where}: {line.strip()}"), depth)))

    def go(block: Block, depth: int, last: tuple[str, int] | None = None) -> Block:
        out: list[Stmt] = []
        middle = section_start(block, "iteration reversed") + 1
        if middle <= len(block):  # the first half of an iteration is the primal itself
            return block[:middle] + go(block[middle:], depth)
        for i, stmt in enumerate(block):
            if isinstance(stmt, Comment) and stmt.section == "value":
                return (*out, *(block[i:] if len(block) - i > 2 else block[i + 1 :]))
            inner = blocks(stmt)
            span = _shared_line(block, i) if inner else _span(stmt)
            if span is not None and (span.file, span.line) != last:
                last = (span.file, span.line)
                out.append(comment(span, depth))
            elif isinstance(stmt, If | For | While) and stmt.span is not None and stmt.span.above:
                out.append(Comment("\n".join(cut(stmt.span.above, depth))))
            if inner:
                above = None if span is None else last
                stmt = with_blocks(stmt, [go(b, depth + 1, above) for b in inner])
                last = above
            out.append(stmt)
        return tuple(out)

    return replace(f, body=f.body[: at + 1] + go(f.body[at + 1 :], 1))


def _span(stmt: Stmt) -> Span | None:
    return stmt.span if isinstance(stmt, Assign | AugAssign | Store | Effect) else None


def _shared_line(block: Block, at: int) -> Span | None:
    """The line that a loop reverses together with the loop before or after it, and nothing else."""
    span = _only_line(block[at])
    for other in block[max(at - 1, 0) : at + 2 : 2] if at else block[1:2]:
        other_span = _only_line(other)
        if span is not None and other_span is not None and (span.file, span.line) == (other_span.file, other_span.line):
            return span
    return None


def _only_line(stmt: Stmt) -> Span | None:
    if not isinstance(stmt, For):
        return None
    spans = [span for s in walk(stmt.body) if (span := _span(s)) is not None]
    return spans[0] if spans and len({(s.file, s.line) for s in spans}) == 1 else None
