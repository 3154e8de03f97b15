"""The ratios of every workload as bars on a logarithmic scale."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.figures import PEERS, Figures


def plot(found: list[Figures], path: Path) -> None:
    """Times of a call over that of ours: a bar to the right of 1 is slower than ours. Hollow: on quick arguments."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    measured = [one for one in found if one.timing("ours")]
    contestants = ("primal", "by hand", *PEERS)
    figure, axes = plt.subplots(figsize=(9, 1.2 + 0.72 * len(measured)), layout="constrained")
    height = 0.8 / len(contestants)
    for index, name in enumerate(contestants):
        colour = f"C{index}"
        axes.barh([0], [0], color=colour, label=name)  # for the legend, whether or not somebody has the bar
        for line, one in enumerate(measured):
            ratio, hollow = _ratio(one, name)
            if ratio is None:
                continue
            place = line + (index - (len(contestants) - 1) / 2) * height
            fill = "none" if hollow else colour
            axes.barh(place, ratio - 1.0, height, left=1.0, color=fill, edgecolor=colour, linewidth=0.8)
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(measured)), [one.name for one in measured])
    axes.invert_yaxis()
    axes.set_xlabel("time of a call / time of our gradient")
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(contestants), frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _ratio(one: Figures, name: str) -> tuple[float | None, bool]:
    """Over ours, and whether it is of the quick arguments (of a benchmark of the full ones)."""
    if name in ("primal", "by hand"):
        ours_over = one.to_primal if name == "primal" else one.to_hand
        return (1.0 / ours_over if ours_over else None), False
    peer = one.peers.get(name)
    return (peer.times_slower, peer.quick and not one.quick) if peer else (None, False)
