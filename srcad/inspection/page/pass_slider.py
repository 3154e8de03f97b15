"""What the compiler had after each pass, for the slider of the page: as JSON, each different line once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from srcad.compiler.manager import Form
from srcad.compiler.stages import Stage
from srcad.inspection.page.comparison import Comparison
from srcad.inspection.page.tokens import coloured
from srcad.ir.printer import lines


def slider_data(shown: Comparison, stages: Sequence[Stage]) -> str:
    """`lines` are [HTML, statements of the source, note, indentation]; a stage has the numbers of its lines.

    `fresh` are the positions of lines that the stage before has not; `gone` is the number of those that are no more.
    `at` is the place of the printed gradient among the stages.

    >>> import srcad
    >>> from srcad.compiler.stages import recorded
    >>> __name__ = "user_module"
    >>> def f(x):
    ...     return x * x
    >>> with recorded() as stages:
    ...     made = srcad.grad(f, target="python").specialisation(2.0).generated
    >>> data = json.loads(slider_data(Comparison(made), stages))
    >>> [one["name"] for one in data["stages"][:2]], data["at"] == len(data["stages"])
    (['lower', 'reverse'], True)
    >>> [data["lines"][number][0] for number in data["stages"][0]["rows"]][1]
    '    %product.0 = <i class="active">x</i> * <i class="active">x</i>'
    """
    table: dict[tuple[str, str, str, int], int] = {}
    found: list[dict[str, Any]] = []
    before: Counter[str] = Counter()
    stages = last_run(stages)
    # what is compiled is made of the printed gradient anew, calls inlined
    at = next((n for n, one in enumerate(stages) if one.unit.lowered is None), len(stages))
    at = sum(one.changed for one in stages[:at])
    for stage in stages:
        if stage.changed:
            rows, fresh = [], []
            now: Counter[str] = Counter()
            for position, row in enumerate(_rows(shown, stage)):
                rows.append(table.setdefault(row[1:], len(table)))
                now[row[0]] += 1
                if now[row[0]] > before[row[0]]:
                    fresh.append(position)
            gone = (before - now).total()
            called = {"name": stage.of.name, "form": stage.of.gives.value}
            found.append({**called, "rows": rows, "fresh": fresh, "gone": gone})
            before = now
    return json.dumps({"lines": [*table], "stages": found, "at": at}, separators=(",", ":")).replace("<", "\\u003c")


def last_run(stages: Sequence[Stage]) -> Sequence[Stage]:
    """The stages of the gradient itself from the source on, not those of functions beside it.

    A function may be made again, if the first text did not suit its arguments.
    """
    starts = [n for n, one in enumerate(stages) if one.of.takes is Form.SOURCE]
    own = [one for one in stages[starts[-1] if starts else 0 :] if one.unit.asked.source is not None]
    before = [None, *(one.unit.function for one in own)]
    return [replace(one, changed=one.unit.function != old) for one, old in zip(own, before, strict=False)]


def _rows(shown: Comparison, stage: Stage) -> list[tuple[str, str, str, str, int]]:
    f = stage.unit.function
    printed = lines(f)
    codes = coloured("\n".join(line for line, _ in printed), lambda line, name: shown.role(f, name))
    rows = []
    for (text, span), code in zip(printed, codes, strict=True):
        of = "" if span is None else " ".join(shown.ids((span,)))
        note = "" if span is None else shown.quoted(span)
        rows.append((text, code, of, note, len(text) - len(text.lstrip())))
    return rows
