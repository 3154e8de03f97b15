"""`Plan`: the memory that one call keeps from its forward sweep for its reverse sweep, known before it runs."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from srcad.backend.python.module_text import module_text
from srcad.compiler.pipeline import Generated
from srcad.errors import fail
from srcad.reverse.storage.tape_report import TapeEntry, read_by

Shape = tuple[int, ...]
_LISTED = 8


@dataclass(frozen=True)
class Saved:
    """One array or number that is kept. `lines` are those of your source whose derivative reads it."""

    name: str
    bytes: int | None
    """None where it is not known before the call."""
    shape: Shape | None
    dtype: str
    lines: tuple[int, ...]
    size: str
    """How big it is, in words."""
    grows: bool
    """Room is made for it on demand."""
    most: int | None
    """In bytes, what it cannot exceed: of what grows in a `for` that may be left early, all its turns. None: there is
    no limit that is known."""

    def cells(self) -> tuple[str, str, str, str]:
        """As a row of a table."""
        if self.bytes is not None:
            size = memory(self.bytes)
        elif self.most is not None:
            size = f"at most {memory(self.most)}"
        else:
            size = "grows" if self.grows else "not known"
        return self.name, self.size.removesuffix(", grown on demand"), size, read_by(self.lines)


@dataclass(frozen=True)
class Plan:
    """What a call keeps from its forward sweep for its reverse sweep, beside the arguments and the arrays that the
    function makes anyway. Printed, it is a table, the biggest first; 1 MB are 10**6 bytes.

    An array in a branch that the call does not take has no bytes. A lone number always has its own.
    """

    saved: tuple[Saved, ...] = ()

    @property
    def bytes(self) -> int:
        """Of everything whose size is known."""
        return sum(one.bytes or 0 for one in self.saved)

    @property
    def most(self) -> int | None:
        """What the call cannot exceed, a `for` that may be left early counted with all its turns; None: no limit is
        known. What grows may have room for twice as much, of which the system gives what is used."""
        sizes = [one.most for one in self.saved if one.most is not None]
        return sum(sizes) if len(sizes) == len(self.saved) else None

    @property
    def exact(self) -> bool:
        """Whether all sizes are known: nothing grows on demand, none depends on numbers the function computes."""
        return all(one.bytes is not None for one in self.saved)

    def biggest_first(self) -> list[Saved]:
        """What is not known comes last."""
        return sorted(self.saved, key=lambda one: -1 if one.most is None else one.most, reverse=True)

    def __str__(self) -> str:
        if not self.saved:
            return "keeps nothing for the reverse sweep"
        known = memory(self.bytes)
        if self.most is not None and not self.exact:
            known = f"at most {memory(self.most)}"
        elif not self.exact:
            more = "what is not known before the call"
            known = f"{known}, and {more}," if self.bytes else more
        return "\n".join((f"keeps {known} for the reverse sweep", *table(self.biggest_first())))

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def table(saved: Sequence[Saved]) -> list[str]:
    """Aligned rows: name, size in words, bytes, the lines that read it."""
    rows = [one.cells() for one in saved]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
    return [f"{a:<{widths[0]}}   {b:<{widths[1]}}   {c:>{widths[2]}}   {d}".rstrip() for a, b, c, d in rows]


def memory(count: int) -> str:
    """Bytes as one would say them.

    >>> memory(960), memory(23_400_000)
    ('960 bytes', '23.4 MB')
    """
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} byte{'' if count == 1 else 's'}"


def memory_planner(made: Generated) -> Callable[[Sequence[Any]], Plan]:
    """The plan as a function of the flat arguments that the primal takes. It computes lengths, and nothing else."""
    asked = made.sizes()
    spare = [None] * (len(made.function.params) - len(made.lowered.function.params))
    scope: dict[str, Any] = {}
    exec(compile(module_text(asked.function, "Sizes."), f"<sizes of {made.name}>", "exec"), scope)
    lengths = scope[asked.function.name]

    def plan(flat: Sequence[Any]) -> Plan:
        shapes: dict[str, list[Shape]] = {one.name: [] for one in made.kept}
        unknown = set(asked.unknown)
        try:
            with np.errstate(all="ignore"):
                found = lengths(*flat, *spare)
        except (ArithmeticError, IndexError, ValueError):
            # compiled, the function would go on with some number or other
            unknown |= set(asked.names)
        else:
            for name, shape in zip(asked.names, found, strict=True):
                shapes[name] += [] if shape is None else [tuple(map(int, shape))]
        unknown |= {one.name for one in made.kept if one.grows} - set(asked.names)
        return Plan(tuple(_saved(one, made, None if one.name in unknown else shapes[one.name]) for one in made.kept))

    return plan


def _saved(one: TapeEntry, made: Generated, shapes: list[Shape] | None) -> Saved:
    """One entry; of several arrays that follow one another under a name, the largest."""
    if shapes is None:
        return Saved(one.name, None, None, one.dtype, one.lines, one.size, one.grows, None)
    rank = getattr(made.function.types[one.name], "rank", 0)
    shape = max(shapes, key=math.prod) if shapes else (0,) * rank
    size = math.prod(shape) * np.dtype(one.dtype).itemsize
    if one.grows:
        return Saved(one.name, None, None, one.dtype, one.lines, one.size, True, size)
    return Saved(one.name, size, shape, one.dtype, one.lines, one.size, False, size)


def refuse_above(most: int, name: str, plan: Plan) -> None:
    """Stop a call that is known to keep more than `most` bytes."""
    if plan.bytes <= most:
        return
    least = "" if plan.exact else "at least "
    rows = plan.biggest_first()
    listed = table(rows[:_LISTED])
    if len(rows) > _LISTED:
        listed.append(f"and {len(rows) - _LISTED} more")
    fail(
        "S314",
        f"{name} keeps {least}{plan.bytes:,} bytes for its reverse sweep, and max_tape is {most:,}",
        why="\n".join(listed),
        advice="pass a smaller input; or raise max_tape.",
    )
