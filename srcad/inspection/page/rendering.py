"""The page of a gradient, and its compact form for notebooks."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from importlib.resources import files
from string import Template

from srcad.compiler.generate import Generated
from srcad.compiler.stages import Stage
from srcad.dispatch.memory_plan import Plan, memory
from srcad.inspection.explanation import SAID
from srcad.inspection.graph.dependence_graph import dependence_graph
from srcad.inspection.graph.drawing import drawing
from srcad.inspection.page.comparison import Comparison, Row
from srcad.inspection.page.pass_slider import slider_data
from srcad.ir.nodes import Span

MARK = '<meta name="generator" content="srcad">'
"""What stands in each page: a file without it is not overwritten."""


def page(made: Generated, stages: Sequence[Stage], plan: Plan | None = None, remarks: Sequence[str] = ()) -> str:
    """One HTML document that needs nothing else: no file, no network. With a plan, what is saved has its bytes.

    The first of the remarks is a sentence, the others are lines of code; they stand above everything.

    >>> import srcad
    >>> __name__ = "user_module"
    >>> def f(x):
    ...     return x * x
    >>> text = page(srcad.grad(f, target="python").specialisation(2.0).generated, [])
    >>> text.startswith("<!doctype html>"), "://" in text.replace("http://www.w3.org/2000/svg", "")
    (True, False)
    """
    shown = Comparison(made, plan)
    graph = dependence_graph(made).dependences
    return Template(_file("page.html")).substitute(
        mark=MARK,
        title=html.escape(made.function.name),
        about=html.escape(_about(made)),
        made=html.escape(made.header.what),
        remarks=_remarks(remarks),
        css=_file("graph.css") + _file("page.css"),
        script=_file("page.js"),
        source=_parts(shown),
        gradient=_block(shown.rows),
        tables=_tables(shown, plan),
        graph=drawing(graph, lambda one: f'data-of="{" ".join(shown.ids(one.spans))}" tabindex="-1"'),
        passes=slider_data(shown, stages),
    )


def compact(made: Generated) -> str:
    """The source and its gradient alone, as an element of a page: for notebooks."""
    shown = Comparison(made)
    return Template(_file("compact.html")).substitute(
        css=_file("page.css"), script=_file("page.js"), source=_parts(shown), gradient=_block(shown.rows)
    )


def _file(name: str) -> str:
    return files("srcad.inspection.page").joinpath(name).read_text(encoding="utf-8")


def _about(made: Generated) -> str:
    wrt = f" with respect to {', '.join(made.header.wrt)}" if made.header.wrt else ""
    return f"{made.header.what}{wrt}, {made.header.source}"


def _remarks(remarks: Sequence[str]) -> str:
    if not remarks:
        return ""
    newline = "\n"
    first, *others = map(html.escape, remarks)
    return f'<section class="remarks"><p>{first}</p><pre>{newline.join(others)}</pre></section>'


def _parts(shown: Comparison) -> str:
    return "".join(f"<h3>{html.escape(part.title)}</h3>{_block(part.rows)}" for part in shown.parts)


def _block(rows: Iterable[Row]) -> str:
    return f'<pre class="code">{"".join(map(_line, rows))}</pre>'


def _line(row: Row) -> str:
    given = {
        "class": f"line {row.kind}".strip(),
        "data-n": str(row.number),
        "data-of": " ".join(row.of),
        "data-tape": " ".join(dict.fromkeys(row.tape)),
        "data-note": "\n".join(dict.fromkeys(row.notes)),
        "style": f"--i:{len(row.text) - len(row.text.lstrip())}",
    }
    attributes = " ".join(f'{name}="{html.escape(value)}"' for name, value in given.items() if value)
    marks = "".join(f' <small class="mark {kind}">{html.escape(text)}</small>' for kind, text in row.marks)
    return f"<span {attributes}>{row.code}{marks}\n</span>"


def _tables(shown: Comparison, plan: Plan | None) -> str:
    made = shown.made
    paths = {param.name: param.path for param in shown.primal.params}
    roles = [
        ([paths.get(one.name, one.name), SAID[one.role], _where(shown, one.spans)], one.spans) for one in made.roles
    ]
    saved = (*made.kept, *made.kept_by_recursion)
    kept = [([one.name, shown.sizes.get(one.name, one.size), one.dtype, _read_on(one.lines)], ()) for one in saved]
    recovered = []
    for one in made.recoveries:
        spans = () if one.span is None else (one.span,)
        recovered.append(([one.of.lstrip("%"), one.how, one.why, *map(shown.quoted, spans)], spans))
    title = "What is saved"
    if plan is not None and plan.bytes:
        title += f": {memory(plan.bytes)}{'' if plan.exact else ', and what is not known before the call'}"
    return (
        _table(shown, "Parameters", ("parameter", "is", "lines"), roles)
        + _table(shown, title, ("name", "size", "of", "read by"), kept)
        + _table(shown, "How the reverse sweep gets what it reads", ("value", "is", "since", "line"), recovered)
    )


def _table(
    shown: Comparison, title: str, columns: Sequence[str], rows: Sequence[tuple[Sequence[str], Sequence[Span]]]
) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{html.escape(one)}</th>" for one in columns)
    body = "".join(
        f'<tr data-of="{" ".join(shown.ids(spans))}">{"".join(f"<td>{html.escape(cell)}</td>" for cell in cells)}</tr>'
        for cells, spans in rows
    )
    table = f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'
    return f"<section><h2>{html.escape(title)}</h2>{table}</section>"


def _where(shown: Comparison, spans: Iterable[Span]) -> str:
    return ", ".join(dict.fromkeys(shown.quoted(span).partition(":")[0] for span in spans))


def _read_on(lines: Sequence[int]) -> str:
    return ", ".join(f"L{line}" for line in lines)
