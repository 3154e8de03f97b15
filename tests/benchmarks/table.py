"""The figures as a table for the terminal (Rich) and for a page (Markdown), and the verdicts on the targets."""

from __future__ import annotations

import math
from typing import Any

from rich.markup import escape
from rich.table import Table

from tests.benchmarks.figures import PATIENCE, PEERS, Figures, Peer, Timing, verdicts

HEADER = (
    *("workload", "primal", "by hand", "ours", "ours / primal", "ours / hand"),
    *(f"{name} / ours" for name in PEERS),
    *("saved (of hand)", "memory: hand, ours", "text + Numba"),
)
NOTES = """\
Times in ms: median of the rounds, and in brackets the fastest, from which the ratios are. *q*: on the quick
arguments, since a call of this peer on the full ones takes too long. *>*: stopped after {patience:g} s. *saved*: bytes
that our gradient keeps from its forward sweep for the reverse sweep, and their ratio to those of the adjoint by hand.
*memory*: what a call takes at its peak. *text + Numba*: seconds of the first call."""


def row(one: Figures) -> list[str]:
    """The cells under `HEADER`, of a workload that was measured."""
    ours = one.contestants.get("ours")
    compiled = f"{ours.first:.1f}" if ours else "-"
    if ours and ours.text is not None:
        compiled = f"{ours.text:.2f} + {ours.first - ours.text:.1f}"
    saved = "-" if one.saved is None else f"{_megabytes(one.saved)} ({_number(one.saved_to_hand)})"
    memory = [one.contestants[name].memory if name in one.contestants else None for name in ("hand", "ours")]
    return [
        one.name,
        *(_times(one.timing(name)) for name in ("primal", "hand", "ours")),
        _number(one.to_primal),
        _number(one.to_hand),
        *(_peer(one.peers.get(name), one.quick) for name in PEERS),
        saved,
        "-" if None in memory else ", ".join(map(_megabytes, memory)),
        compiled,
    ]


def problems(found: list[Figures]) -> list[str]:
    """A line for each workload, and each peer of one, that was not measured, and why."""
    lines = [f"{one.name}: {one.error}" for one in found if one.error]
    for one in found:
        lines += [f"{one.name}, {name}: {peer.error}" for name, peer in one.peers.items() if peer.error]
    return lines


def markdown(found: list[Figures], machine: dict[str, Any]) -> str:
    """A section of a page: where, the table, the verdicts, what failed."""
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items() if number)
    lines = [
        f"{machine['processor']}, one thread; Python {machine['python']}; {versions}.",
        "",
        _line(HEADER),
        _line(["---"] + ["---:"] * (len(HEADER) - 1)),
        *(_line(row(one)) for one in found if one.timing("ours")),
        "",
        NOTES.format(patience=PATIENCE),
        "",
        _line(("target", "found", "met")),
        _line(("---", "---", "---")),
        *(_line((verdict.target, verdict.found, _met(verdict.met))) for verdict in verdicts(found)),
    ]
    if failed := problems(found):
        lines += ["", "Not measured:", "", *(f"- {line}" for line in failed)]
    return "\n".join(lines) + "\n"


def shown(found: list[Figures]) -> list[Table]:
    """For the terminal: the figures (in two tables, to be narrow), then the verdicts."""
    ours, others = Table(title=escape("ms: median [fastest]; ratios of the fastest")), Table()
    split = HEADER.index(f"{PEERS[0]} / ours")
    rows = [row(one) for one in found if one.timing("ours")]
    for table, part in ((ours, slice(1, split)), (others, slice(split, None))):
        table.add_column(HEADER[0], no_wrap=True)
        for name in HEADER[part]:
            table.add_column(name, justify="right")
        for cells in rows:
            table.add_row(*map(escape, (cells[0], *cells[part])))
    targets = Table()
    for name in ("target", "found", "met"):
        targets.add_column(name)
    for verdict in verdicts(found):
        style = {True: "green", False: "red", None: "dim"}[verdict.met]
        targets.add_row(escape(verdict.target), escape(verdict.found), f"[{style}]{_met(verdict.met)}[/]")
    return [ours, others, targets]


def _line(cells: Any) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _met(met: bool | None) -> str:
    return {True: "yes", False: "no", None: "-"}[met]


def _times(timing: Timing | None) -> str:
    return "-" if timing is None else f"{1e3 * timing.median:.4g} [{1e3 * timing.fastest:.4g}]"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    if math.isinf(value):
        return "∞"
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def _peer(peer: Peer | None, all_quick: bool) -> str:
    if peer is None:
        return "-"
    if peer.error or peer.times_slower is None:
        return "failed"
    return ("> " if peer.bound else "") + _number(peer.times_slower) + (" q" if peer.quick and not all_quick else "")


def _megabytes(size: int | None) -> str:
    if size is None:
        return "-"
    return f"{size} B" if size < 10_000 else f"{size / 1e6:.3g} MB"
