"""`Plan`: the tape memory of one call, computed from the lengths of its arguments before it runs."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from srcad.backend.python.module_text import module_text
from srcad.compiler.generate import Generated
from srcad.errors import fail
from srcad.reverse.storage.tape_report import TapeEntry, read_by

Shape = tuple[int, ...]
_LISTED = 8


@dataclass(frozen=True)
class Saved:
    """One array or scalar on the tape. `lines` are those of your source whose derivative reads it."""

    name: str
    bytes: int | None
    """None where it is not known before the call."""
    shape: Shape | None
    dtype: str
    lines: tuple[int, ...]
    size: str
    """Its size, in words."""
    grows: bool
    """It grows on demand."""
    most: int | None
    """An upper bound in bytes: for an array that grows in a `for` with an early exit, that of all its iterations.
    None: no bound is known."""

    def cells(self) -> tuple[str, str, str, str]:
        """The entries of a row of the table."""
        if self.bytes is not None:
            size = memory(self.bytes)
        elif self.most is not None:
            size = f"at most {memory(self.most)}"
        else:
            size = "grows" if self.grows else "not known"
        return self.name, self.size.removesuffix(", grown on demand"), size, read_by(self.lines)


@dataclass(frozen=True)
class Plan:
    """What a call saves in its forward sweep for its reverse sweep (the tape), beside the arguments and the arrays that
    the function allocates anyway. Printed, it is a table, the largest first; 1 MB are 10**6 bytes.

    An array in a branch that the call does not take has 0 bytes. A scalar always counts.

    >>> import srcad
    >>> def f(x, steps):
    ...     for _ in range(steps):
    ...         x = x * np.sin(x)
    ...     return np.sum(x)
    >>> print(srcad.grad(f, target="python").plan(np.ones(100), 10))
    keeps 16.0 kB for the reverse sweep
    x_saved     steps x x.shape[0] floats   8.0 kB   read by line 1
    sin_saved   steps x x.shape[0] floats   8.0 kB   read by line 1
    """

    saved: tuple[Saved, ...] = ()

    @property
    def bytes(self) -> int:
        """The sum of all sizes that are known."""
        return sum(entry.bytes or 0 for entry in self.saved)

    @property
    def most(self) -> int | None:
        """An upper bound in bytes, a `for` with an early exit counted with all its iterations; None: no bound is known.
        An array that grows may reserve twice as much, of which the system supplies what is used."""
        sizes = [entry.most for entry in self.saved if entry.most is not None]
        return sum(sizes) if len(sizes) == len(self.saved) else None

    @property
    def exact(self) -> bool:
        """Whether all sizes are known: nothing grows on demand, none depends on values the function computes."""
        return all(entry.bytes is not None for entry in self.saved)

    def biggest_first(self) -> list[Saved]:
        """The entries by descending size, those of unknown size last."""
        return sorted(self.saved, key=lambda entry: -1 if entry.most is None else entry.most, reverse=True)

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
    rows = [entry.cells() for entry in saved]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
    return [f"{a:<{widths[0]}}   {b:<{widths[1]}}   {c:>{widths[2]}}   {d}".rstrip() for a, b, c, d in rows]


def memory(count: int) -> str:
    """A number of bytes in a readable unit.

    >>> memory(960), memory(23_400_000)
    ('960 bytes', '23.4 MB')
    """
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} byte{'' if count == 1 else 's'}"


def memory_planner(generated: Generated) -> Callable[[Sequence[Any]], Plan]:
    """The plan as a function of the flat arguments of the primal. It evaluates lengths only."""
    size_query = generated.sizes()
    padding = [None] * (len(generated.function.params) - len(generated.lowered.function.params))
    scope: dict[str, Any] = {}
    exec(compile(module_text(size_query.function, "Sizes."), f"<sizes of {generated.name}>", "exec"), scope)
    lengths = scope[size_query.function.name]

    def plan(flat: Sequence[Any]) -> Plan:
        shapes: dict[str, list[Shape]] = {entry.name: [] for entry in generated.kept}
        unknown = set(size_query.unknown)
        try:
            with np.errstate(all="ignore"):
                found = lengths(*flat, *padding)
        except (ArithmeticError, IndexError, ValueError):
            # compiled, the function would continue with an undefined integer
            unknown |= set(size_query.names)
        else:
            for name, shape in zip(size_query.names, found, strict=True):
                shapes[name] += [] if shape is None else [tuple(map(int, shape))]
        unknown |= {entry.name for entry in generated.kept if entry.grows} - set(size_query.names)
        known = [
            _saved(entry, generated, None if entry.name in unknown else shapes[entry.name]) for entry in generated.kept
        ]
        return Plan((*known, *(_saved(entry, generated, None) for entry in generated.kept_by_recursion)))

    return plan


def _saved(entry: TapeEntry, generated: Generated, shapes: list[Shape] | None) -> Saved:
    """The entry of one name; of several arrays under one name in sequence, the largest."""
    if shapes is None:
        return Saved(entry.name, None, None, entry.dtype, entry.lines, entry.size, entry.grows, None)
    rank = getattr(generated.function.types[entry.name], "rank", 0)
    shape = max(shapes, key=math.prod) if shapes else (0,) * rank
    size = math.prod(shape) * np.dtype(entry.dtype).itemsize
    if entry.grows:
        return Saved(entry.name, None, None, entry.dtype, entry.lines, entry.size, True, size)
    return Saved(entry.name, size, shape, entry.dtype, entry.lines, entry.size, False, size)


def refuse_above(most: int, name: str, plan: Plan) -> None:
    """Raise S314 for a call that is known to save more than `most` bytes."""
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
