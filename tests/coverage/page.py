"""The page of the documentation: totals of each module, then one line a function."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from tests.coverage.functions import function_of

KINDS = ("right", "refused", "wrong")

_HEAD = """# Coverage

Calls of the functions of NumPy and SciPy, as programs write them. One is *right* where its value is NumPy's and its
gradient that of central differences, *refused* where there is an error, and *wrong* where there is neither. Of a
symmetric matrix, the others may share the derivative between an entry and its mirror image as they like.

`python -m tests.coverage.numpy_functions --with {others} --markdown docs/coverage.md` made this page, with
{versions}. Tangent is not in it: its last version, 0.1.9, imports internals of a TensorFlow that Python 3.11 does
not have.
"""


@dataclass(frozen=True)
class Row:
    """What became of one call through each library."""

    module: str
    text: str
    outcomes: tuple[str, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(one.partition(":")[0] for one in self.outcomes)


def page(rows: list[Row], libraries: list[str], versions: str) -> str:
    """The text of the page, in Markdown."""
    ours = sum(row.kinds[0] == "right" for row in rows)
    by_any = sum("right" in row.kinds for row in rows)
    lines = [
        *_HEAD.format(versions=versions, others=",".join(libraries[1:]).lower()).split("\n"),
        f"Of the {by_any} calls that any of them has right, srcad has {ours}: {100.0 * ours / max(by_any, 1):.1f} %.",
        "",
        *_totals(rows, libraries),
    ]
    for module in dict.fromkeys(row.module for row in rows):
        lines += ["", f"## {module}", "", *_functions([row for row in rows if row.module == module], libraries)]
    for k, library in enumerate(libraries):
        wrong = [f"- `{_shown(row.text)}`: {row.outcomes[k][7:]}" for row in rows if row.kinds[k] == "wrong"]
        lines += ["", f"## Calls that {library} has wrong", "", *(wrong or ["None."])]
    return "\n".join(lines) + "\n"


def _totals(rows: list[Row], libraries: list[str]) -> list[str]:
    head = [f"{library}: {kind}" for library in libraries for kind in KINDS]
    lines = [f"| calls of | all | {' | '.join(head)} |", f"|---|--:|{'--:|' * len(head)}"]
    modules = list(dict.fromkeys(row.module for row in rows))
    for module in [*modules, "all"]:
        chosen = [row for row in rows if module in (row.module, "all")]
        counts = [str(sum(r.kinds[k] == kind for r in chosen)) for k in range(len(libraries)) for kind in KINDS]
        lines.append(f"| {module} | {len(chosen)} | {' | '.join(counts)} |")
    return lines


def _functions(rows: list[Row], libraries: list[str]) -> list[str]:
    lines = [f"| function | calls | {' | '.join(libraries)} |", f"|---|--:|{'---|' * len(libraries)}"]
    of: dict[str, list[Row]] = {}
    for row in rows:
        of.setdefault(function_of(row.text), []).append(row)
    for name in sorted(of, key=str.lower):
        cells = [_cell(of[name], k) for k in range(len(libraries))]
        lines.append(f"| `{name}` | {len(of[name])} | {' | '.join(cells)} |")
    return lines


def _cell(rows: list[Row], at: int) -> str:
    counts = Counter(row.kinds[at] for row in rows)
    codes = sorted({found[1] for row in rows if (found := re.match(r"refused: (S\d+)", row.outcomes[at]))})
    shown = [kind if len(counts) == 1 else f"{counts[kind]} {kind}" for kind in KINDS if counts[kind]]
    return ", ".join(shown) + (f" ({', '.join(codes)})" if codes else "")


def _shown(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|")
