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

from dataclasses import replace

from srcad.ir.nodes import Assign, AugAssign, Block, Comment, Effect, For, Function, Span, Stmt, Store
from srcad.ir.traversal import blocks, walk, with_blocks

FORWARD = "---- forward sweep -----------------------------------------------------"
REVERSE = "---- reverse sweep -----------------------------------------------------"
ITERATION = "forward"
RERUN = "forward again"
"""Above the second run of a segment."""
ITERATION_REVERSED = "and back"
"""Above the two halves of an iteration of an interleaved loop."""
VALUE = "---- value -------------------------------------------------------------"
WIDTH = 100
INDENT = 4


def annotate(f: Function) -> Function:
    """Put `# L7: <the line>` above each group of statements that reverse a line.

    Lines of another function than the differentiated one are named after it: `# norm L3: ...`.
    """
    at = next(i for i, s in enumerate(f.body) if s == Comment(REVERSE))
    function = f.span.function if f.span is not None else None

    def comment(span: Span, depth: int) -> Comment:
        where = f"L{span.line}" if span.function == function else f"{span.function} L{span.line}"
        text = f"{where}: {span.text.strip()}"
        width = WIDTH - INDENT * depth - len("# ")
        if len(text) > width:
            text = text[: width - 4].rstrip() + " ..."
        return Comment(text)

    def go(block: Block, depth: int, last: tuple[str, int] | None = None) -> Block:
        out: list[Stmt] = []
        if Comment(ITERATION_REVERSED) in block:
            # the first half of an iteration is the primal itself
            middle = block.index(Comment(ITERATION_REVERSED)) + 1
            return block[:middle] + go(block[middle:], depth)
        for i, stmt in enumerate(block):
            if stmt == Comment(VALUE):
                return (*out, *(block[i:] if len(block) - i > 2 else block[i + 1 :]))
            inner = blocks(stmt)
            span = _shared_line(block, i) if inner else _span(stmt)
            if span is not None and (span.file, span.line) != last:
                last = (span.file, span.line)
                out.append(comment(span, depth))
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
