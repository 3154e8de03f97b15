"""Comments that tie the reverse sweep to the lines it reverses, and the notes on what is kept."""

from __future__ import annotations

from dataclasses import replace

from srcad.ir.nodes import (
    Assign,
    AugAssign,
    Block,
    Comment,
    Const,
    Effect,
    Expr,
    For,
    Function,
    Op,
    Span,
    Stmt,
    Store,
    Var,
)
from srcad.ir.walk import blocks, names, own_exprs, walk, with_blocks
from srcad.reverse.slots import FIRST_SIZE

FORWARD = "---- forward sweep -----------------------------------------------------"
REVERSE = "---- reverse sweep -----------------------------------------------------"
TURN = "forward"
TURN_BACK = "and back"
"""Above the two halves of a turn of a fused loop."""
VALUE = "---- value -------------------------------------------------------------"
WIDTH = 100
INDENT = 4


def annotate(f: Function) -> Function:
    """Put `# L7: <the line>` above each group of statements that reverse a line.

    Lines of another function than the differentiated one are named after it: `# norm L3: ...`.
    """
    at = next(i for i, s in enumerate(f.body) if s == Comment(REVERSE))
    own = f.span.function if f.span is not None else None

    def comment(span: Span, depth: int) -> Comment:
        where = f"L{span.line}" if span.function == own else f"{span.function} L{span.line}"
        text = f"{where}: {span.text.strip()}"
        room = WIDTH - INDENT * depth - len("# ")
        if len(text) > room:
            text = text[: room - 4].rstrip() + " ..."
        return Comment(text)

    def go(block: Block, depth: int, last: tuple[str, int] | None = None) -> Block:
        out: list[Stmt] = []
        if Comment(TURN_BACK) in block:
            # the first half of a turn is the primal itself
            middle = block.index(Comment(TURN_BACK)) + 1
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
    mine = _only_line(block[at])
    for other in block[max(at - 1, 0) : at + 2 : 2] if at else block[1:2]:
        found = _only_line(other)
        if mine is not None and found is not None and (mine.file, mine.line) == (found.file, found.line):
            return mine
    return None


def _only_line(stmt: Stmt) -> Span | None:
    if not isinstance(stmt, For):
        return None
    spans = [span for s in walk(stmt.body) if (span := _span(s)) is not None]
    return spans[0] if spans and len({(s.file, s.line) for s in spans}) == 1 else None


def kept(f: Function) -> tuple[str, ...]:
    """One note for each value kept for the reverse sweep: its name, its size, the lines that read it."""
    at = next(i for i, s in enumerate(f.body) if s == Comment(REVERSE))
    backward = f.body[at + 1 :]
    notes = []
    for stmt in walk(f.body):
        if isinstance(stmt, Assign) and _is_kept(stmt.target):
            lines = _reading_lines(backward, stmt.target)
            by = f"   read by line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))}" if lines else ""
            notes.append((stmt.target, _size(stmt), by))
    seen: dict[str, str] = {}
    for name, size, by in notes:
        seen.setdefault(name, f"{size}{by}")
    width = max((len(n) for n in seen), default=0)
    return tuple(f"{name:<{width}}  {text}" for name, text in seen.items())


def _is_kept(name: str) -> bool:
    base = name.rstrip("0123456789").rstrip("_.")
    return base.endswith(("_saved", "_stack", "took_if"))


def _size(stmt: Assign) -> str:
    match stmt.value:
        case Op("np.empty", dims, static):
            unit = {"bool": "bools", "int64": "integers"}.get(str(dict(static).get("dtype", "")), "floats")
            if dims == (Const(FIRST_SIZE),):
                return f"one {unit[:-1]} per turn of the loop, grown on demand"
            return f"{' x '.join(map(_words, dims))} {unit}"
        case Op("list.new"):
            return "list of arrays, one per turn"
        case _:
            return "one value"


def _words(e: Expr) -> str:
    """A length as one would say it: `rows - 2` for `max(rows - 2, 0)`."""
    match e:
        case Var(name):
            return name
        case Const(value):
            return str(value)
        case Op("max", (inner, Const(0))):
            text = _words(inner)
            return f"({text})" if " " in text else text
        case Op("shape", (x,), static):
            return f"{_words(x)}.shape[{dict(static)['axis']}]"
        case Op("size", (x,)):
            return f"{_words(x)}.size"
        case Op(prim, (a, b)) if prim in ("+", "-", "*", "//"):
            return f"{_words(a)} {prim} {_words(b)}"
        case Op(prim, args):
            return f"{prim}({', '.join(map(_words, args))})"
        case _:
            return "?"


def _reading_lines(block: Block, name: str) -> list[int]:
    """The lines whose reversal reads the name; a loop, which has no line of its own there, goes by its first."""
    lines = set()
    for stmt in walk(block):
        if not isinstance(stmt, Comment) and any(name in names(e) for e in own_exprs(stmt)):
            span = stmt.span or next((s.span for s in walk((stmt,)) if not isinstance(s, Comment) and s.span), None)
            if span is not None:
                lines.add(span.line)
    return sorted(lines)
