"""Tables for the terminal, as text."""

from __future__ import annotations

import io
from collections.abc import Sequence


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> str:
    """A table as text; the columns named in `right` are aligned to the right.

    >>> print(table("two lines", ["line", "share"], [["L7", "75 %"], ["L9", "25 %"]], right=["share"]))
    two lines
     line  share
     L7     75 %
     L9     25 %
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made = Table(title=Text(title), title_justify="left", title_style="", box=None)
    made.show_header = bool(columns)
    for column in columns or [""] * max(map(len, rows), default=0):
        made.add_column(column, justify="right" if column in right else "left", no_wrap=True)
    for row in rows:
        made.add_row(*map(Text, row))
    out = io.StringIO()
    # as wide as it needs: a line of code that is cut is no help
    Console(file=out, width=400, color_system=None).print(made)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines())
