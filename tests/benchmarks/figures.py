"""What is measured of a workload, and the ratios that the targets speak of. Times are seconds, memory is bytes."""

from __future__ import annotations

import math
import os
import platform
import statistics
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

OWN = ("primal", "hand", "ours")
PEERS = ("jax", "torch", "autograd", "tangent")
_PACKAGES = "srcad numba numpy scipy jax jaxlib torch autograd tangent-ad".split()
PATIENCE = 30.0
"""Seconds that the first call of a peer may take."""


@dataclass
class Timing:
    """Of one call, over several rounds."""

    median: float
    fastest: float
    calls: int


@dataclass
class Contestant:
    """`first` is the first call, which compiles; `text` the part of it that srcad takes to write the gradient.

    `memory` is what a call takes above what the process held before it, at its peak.
    """

    first: float
    timing: Timing | None = None
    text: float | None = None
    memory: int | None = None


@dataclass
class Peer:
    """`ours` was timed in turn with `timing`, on the same arguments: the quick ones where the peer is too slow.

    Where `bound`, the peer was stopped, and `timing` is how long it had had.
    """

    first: float | None = None
    timing: Timing | None = None
    ours: Timing | None = None
    quick: bool = False
    bound: bool = False
    error: str | None = None

    @property
    def times_slower(self) -> float | None:
        """How many times as long as ours a call takes (at least, where `bound`)."""
        return _ratio(self.timing, self.ours)


@dataclass
class Figures:
    """Of one workload. `error` says why it has none, or lacks some."""

    name: str
    kind: str = ""
    quick: bool = False
    error: str | None = None
    contestants: dict[str, Contestant] = field(default_factory=dict)
    peers: dict[str, Peer] = field(default_factory=dict)
    difference: float | None = None
    saved: int | None = None
    hand_saved: int | None = None

    def timing(self, name: str) -> Timing | None:
        found = self.contestants.get(name)
        return found.timing if found else None

    @property
    def to_primal(self) -> float | None:
        return _ratio(self.timing("ours"), self.timing("primal"))

    @property
    def to_hand(self) -> float | None:
        return _ratio(self.timing("ours"), self.timing("hand"))

    @property
    def saved_to_hand(self) -> float | None:
        if self.saved is None or self.hand_saved is None:
            return None
        if self.hand_saved == 0:
            return math.inf if self.saved else 1.0
        return self.saved / self.hand_saved

    def as_json(self) -> dict[str, Any]:
        ratios = {"to_primal": self.to_primal, "to_hand": self.to_hand}
        ratios |= {name: peer.times_slower for name, peer in self.peers.items()}
        return asdict(self) | {"ratios": ratios}

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> Figures:
        plain = {name: value for name, value in given.items() if name != "ratios"}
        plain["contestants"] = {
            name: Contestant(**one | {"timing": _timing(one["timing"])}) for name, one in given["contestants"].items()
        }
        plain["peers"] = {
            name: Peer(**one | {"timing": _timing(one["timing"]), "ours": _timing(one["ours"])})
            for name, one in given["peers"].items()
        }
        return cls(**plain)


def _timing(given: dict[str, Any] | None) -> Timing | None:
    return Timing(**given) if given else None


def _ratio(above: Timing | None, below: Timing | None) -> float | None:
    """Of the fastest rounds: on a machine that does other things too, those drift least."""
    return above.fastest / below.fastest if above and below else None


# ---- targets -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    target: str
    found: str
    met: bool | None
    """None: nothing was measured."""


SLACK = 4096
"""Bytes that may be saved above the target: a stack that starts small, a flag."""


def verdicts(found: list[Figures]) -> Iterator[Verdict]:
    """Whether each target is met by the workloads that were measured. One that failed counts nowhere."""
    to_primal = {one.name: one.to_primal for one in found if one.to_primal is not None}
    to_hand = {one.name: one.to_hand for one in found if one.to_hand is not None}
    for title, ratios, middle, worst in (
        ("gradient / primal", to_primal, 3.0, 6.0),
        ("ours / by hand", to_hand, 1.1, 1.5),
    ):
        median = statistics.median(ratios.values()) if ratios else None
        shown = "-" if median is None else f"{median:.2f}"
        yield Verdict(f"{title}: median at most {middle}", shown, None if median is None else median <= middle)
        yield _extreme(f"{title}: worst at most {worst}", ratios, max, lambda value, worst=worst: value <= worst)
    for kinds, text, least in (
        (("loop",), "loops: 3 times faster", 3.0),
        (("array", "blas"), "arrays: no slower", 1.0),
    ):
        for name in PEERS:
            slower = {
                one.name: one.peers[name].times_slower or 0.0
                for one in found
                if one.kind in kinds and name in one.peers and one.peers[name].times_slower is not None
            }
            yield _extreme(f"{text} than {name}", slower, min, lambda value, least=least: value >= least)
    kept = [one for one in found if one.saved_to_hand is not None]
    over = [one for one in kept if (one.saved or 0) > 1.2 * (one.hand_saved or 0) + SLACK]
    shown = ", ".join(f"{one.name} {one.saved_to_hand:.3g}" for one in over) or "none over"
    yield Verdict("saved bytes at most 1.2 of by hand", shown if kept else "-", not over if kept else None)


def _extreme(target: str, ratios: dict[str, float], pick: Any, met: Callable[[float], bool]) -> Verdict:
    if not ratios:
        return Verdict(target, "-", None)
    name = pick(ratios, key=lambda one: ratios[one])
    return Verdict(target, f"{ratios[name]:.3g} ({name})", met(ratios[name]))


# ---- where it was measured -----------------------------------------------------------------------


def machine() -> dict[str, Any]:
    """Versions, processor and system: what the figures depend on."""
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return {
        "python": platform.python_version(),
        "versions": versions,
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
