"""What a user may choose about a derivative."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from srcad.errors import fail

_TARGETS = ("cpu", "python")


@dataclass(frozen=True)
class Options:
    """`target="python"` runs the same text uncompiled; `debug` checks indices and keeps every pass checked.

    `max_tape` is in bytes: a call that is known to keep more for its reverse sweep is refused before it runs.
    """

    target: str = "cpu"
    parallel: bool = False
    fastmath: bool = False
    debug: bool = False
    cache: bool = True
    max_tape: int | None = field(default=None, repr=False)  # no part of what the text depends on

    @classmethod
    def of(cls, given: Mapping[str, object]) -> Options:
        """Options from keyword arguments; an unknown one, or a value that is not to be had, is an error."""
        known = [f.name for f in fields(cls)]
        for name, value in given.items():
            if name not in known:
                fail("S310", f"there is no option {name!r}", why=f"The options are {', '.join(known)}.")
            if name == "max_tape":
                if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
                    fail("S310", f"the option max_tape is a whole number of bytes, not {value!r}")
            elif name != "target" and not isinstance(value, bool):
                fail("S310", f"the option {name} is True or False, not {value!r}")
        options = cls(**given)  # type: ignore[arg-type]
        if options.target not in _TARGETS:
            fail("S310", f"there is no target {options.target!r}", why=f"The targets are {', '.join(_TARGETS)}.")
        if options.parallel:
            fail(
                "S310",
                "parallel=True is not there yet",
                why="Sums of a parallel loop would race, or change from run to run.",
            )
        return options
