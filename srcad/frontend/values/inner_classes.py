"""Classes that are defined inside the function being lowered: which they are, and the frame that their methods are in.

Python makes such a class anew at each call. Here it is made while compiling; what its methods read from the function
around them is looked up in the frame of that function, as for inner functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from srcad.frontend.source.read import Source
    from srcad.frontend.values.context import Frame

_made: WeakSet[type] = WeakSet()


@dataclass(frozen=True, eq=False)
class DefinedIn:
    """What a closure cell of a method has where the variable is one of the function being lowered."""

    frame: Frame


_capturing: WeakSet[type] = WeakSet()


def note_inner_class(cls: type, captures: bool) -> None:
    """Note a class that was made while compiling, and whether its methods read variables of the function around it."""
    _made.add(cls)
    if captures:
        _capturing.add(cls)


def reads_frame(value: object) -> bool:
    """Whether the methods of a class read the frame of the function that is being lowered."""
    return isinstance(value, type) and any(base in _capturing for base in value.__mro__)


def is_inner_class(value: object) -> bool:
    """Whether a class was made while compiling: its attributes do not change.

    >>> is_inner_class(int), is_inner_class(2.0)
    (False, False)
    """
    return isinstance(value, type) and value in _made


def defining_frame(source: Source) -> Frame | None:
    """The frame around the class of a method; None for a function that reads nothing from such a frame."""
    for cell in source.closure.values():
        try:
            value = cell.cell_contents
        except ValueError:  # not yet assigned
            continue
        if isinstance(value, DefinedIn):
            return value.frame
    return None
