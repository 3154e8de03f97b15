"""A recording: the operations that were executed, in their order, as lines of a program whose operands have numbers.

An entry is an input (`True` where it is differentiated) or the fields of an `Operation`. The list of entries is the
structure of the program: it contains neither the values nor the shapes of arrays. Equal lists have equal gradients.
"""

from __future__ import annotations

import keyword
import sys
from collections.abc import Callable, Hashable
from types import CodeType, FrameType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from srcad.errors import fail
from srcad.options import Options
from srcad.tape.places import OWN, Place, users_frame

if TYPE_CHECKING:
    from srcad.tape.program import Program
    from srcad.tape.tensor import Tensor
    from srcad.tape.values import Value

RESERVED = frozenset(("np", "srcad", "recorded", "slice", "float", "int", "bool"))
"""Names with a meaning in the text of a recording."""


class Operation(NamedTuple):
    """One line: its text has `{}` for each operand, the number of an earlier entry or a text."""

    text: str
    operands: tuple[int | str, ...]
    is_statement: bool = False
    """It changes an operand in place, and has no value."""

    @property
    def numbers(self) -> list[int]:
        """Those of the operands that are entries."""
        return [one for one in self.operands if type(one) is int]


Entry = bool | tuple[str, tuple[int | str, ...], bool]


class Recording:
    """What an open tape has recorded so far."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.entries: list[Entry] = []
        self.executed: dict[int, tuple[CodeType, int, np.dtype[Any] | None]] = {}
        """Of the operations, by number: the user's instruction, and the dtype of the value; None of statements and
        structures."""
        self.inputs: dict[int, Any] = {}
        """The values of the inputs, by number."""
        self.leaves: dict[int, tuple[Tensor, int]] = {}
        """The tensors among the inputs, by number, and the version that was recorded."""
        self.functions: dict[str, tuple[Hashable, Callable[..., Any]]] = {}
        """Functions of the user that are called, by the name they have in the text."""
        self.hooks: dict[int, list[str]] = {}
        """The names of the functions that change the gradient of a value."""
        self.marked: dict[int, Tensor] = {}
        """The intermediate values that have hooks, or whose gradient is kept."""
        self.retained: dict[int, Tensor] = {}
        self.written: list[tuple[int, np.ndarray[Any, Any]]] = []
        """The arrays that statements change in place, with the numbers of the statements."""
        self.newest: tuple[int, Any] | None = None
        """The number and the value of the newest operation. Not its tensor: the two would keep each other."""
        self.played: tuple[Program, list[Any]] | None = None
        """What the newest `backward` has run."""
        self.used: int | None = None
        """The number of the entry whose `backward` has been called, without `retain`."""
        self._number_of_leaf: dict[int, tuple[int, int]] = {}
        self._number_of_array: dict[int, tuple[np.ndarray[Any, Any], int]] = {}

    def operation(self, number: int) -> Operation | None:
        """An entry that is one; None of an input."""
        entry = self.entries[number]
        return None if isinstance(entry, bool) else Operation(*entry)

    def place(self, number: int) -> Place:
        """The user's expression of an operation; of an input, that of the operation that it was an input of."""
        at = next(at for at in range(number, len(self.entries)) if at in self.executed)
        return Place(*self.executed[at][:2])

    def is_differentiated(self, number: int) -> bool:
        """Whether a gradient is passed to an entry."""
        if number not in self.executed:
            return self.entries[number] is True
        dtype = self.executed[number][2]
        return dtype is None or dtype.kind == "f"

    def leaf(self, tensor: Tensor) -> int:
        """The number of a tensor that was made by no operation on this tape."""
        known = self._number_of_leaf.get(id(tensor))
        if known is not None and known[1] == tensor._version:
            return known[0]
        value = tensor._value if tensor._memory is None else tensor._memory
        if value.base is not None:  # another tensor may change it
            return self.array(value)
        number = self.input(value, tensor._is_active and value.dtype.kind == "f")
        self.leaves[number] = tensor, tensor._version
        self._number_of_leaf[id(tensor)] = number, tensor._version
        return number

    def array(self, value: np.ndarray[Any, Any]) -> int:
        """The number of a plain array, of which a copy is kept."""
        known = self._number_of_array.get(id(value))
        if known is not None and _is_equal(self.inputs[known[1]], value):
            return known[1]
        number = self.input(value.copy(order="K"))
        self._number_of_array[id(value)] = value, number  # the array is held, so that its id is not used again
        return number

    def function(self, f: Callable[..., Any]) -> str:
        """The name of a function of the user, by which it is called in the text."""
        key = function_key(f)
        wanted = getattr(f, "__name__", type(f).__name__).strip("<>")
        if not wanted.isidentifier() or keyword.iskeyword(wanted) or wanted in RESERVED:
            wanted = "function"
        name, count = wanted, 0
        while name in self.functions and self.functions[name][0] != key:
            count += 1
            name = f"{wanted}_{count}"
        self.functions.setdefault(name, (key, f))
        return name

    def hook(self, tensor: Tensor, f: Callable[[Any], Any]) -> None:
        """Change the gradient of an intermediate value by `f`."""
        self.hooks.setdefault(tensor._number, []).append(self.function(f))
        self.marked[tensor._number] = tensor

    def retain(self, tensor: Tensor) -> None:
        """Keep the gradient of an intermediate value."""
        self.retained[tensor._number] = self.marked[tensor._number] = tensor

    def statement(self, text: str, operands: tuple[int | str, ...], changed: np.ndarray[Any, Any]) -> None:
        """An operation that changes its first operand, an array, in place."""
        self.written.append((self.add(text, operands, True), changed))

    def add(self, text: str, operands: tuple[int | str, ...], is_statement: bool) -> int:
        """Append a statement, or an operation whose value is a structure; its number is returned."""
        number = len(self.entries)
        self.entries.append((text, operands, is_statement))
        frame = users_frame(sys._getframe(1))
        self.executed[number] = frame.f_code, frame.f_lasti, None
        return number

    def result(self, out: Any, text: str, operands: tuple[int | str, ...], kind: type[Value], frame: FrameType) -> Any:
        """Append an operation, and return the tensor of its value. `frame` is the user's, or one on the way there."""
        number = len(self.entries)
        self.entries.append((text, operands, False))  # to make an `Operation` takes three times as long
        while OWN[frame.f_code.co_filename] and frame.f_back is not None:
            frame = frame.f_back
        self.executed[number] = frame.f_code, frame.f_lasti, out.dtype
        self.newest = number, out
        tensor = object.__new__(kind)
        tensor._value = out
        tensor._recording = self
        tensor._number = number
        tensor._is_active = True
        return tensor

    def refuse_changed(self) -> None:
        """S354 for an input that was changed in place since it was recorded, and for a value with hooks."""
        for statement, array in self.written:
            if any(np.may_share_memory(tensor._value, array) for tensor in self.marked.values()):
                what = "a tensor with a hook, or whose gradient is kept, is changed in place"
                why = "It has a gradient before the change, and another one after it."
                fail("S354", what, self.place(statement).span, why, "make a new tensor: h = h + x.")
        for number, (tensor, version) in self.leaves.items():
            if tensor._version != version:
                fail(
                    "S354",
                    f"{tensor.name or 'a tensor'} has been changed in place since the tape recorded it",
                    self.place(number).span,
                    "The gradient would be that at other values.",
                    "change it after backward.",
                )

    def input(self, value: Any, differentiated: bool = False) -> int:
        """Append an input, a number or an array, whose number is returned."""
        number = len(self.entries)
        self.entries.append(differentiated)
        self.inputs[number] = value
        return number


_SMALL = 4096
"""Bytes of an array that are compared faster than by NumPy."""


def _is_equal(kept: np.ndarray[Any, Any], value: np.ndarray[Any, Any]) -> bool:
    """Whether an array is what its copy is, bit by bit: 0.0 and -0.0 have other gradients."""
    if kept.shape != value.shape or kept.dtype != value.dtype:
        return False
    if value.nbytes <= _SMALL:
        return kept.tobytes() == value.tobytes()
    if value.dtype.kind == "f" and value.itemsize <= 8:
        kept, value = kept.view(f"u{value.itemsize}"), value.view(f"u{value.itemsize}")
    return bool((kept == value).all())


def function_key(f: Callable[..., Any]) -> Hashable:
    """What two functions of one behaviour have in common: a lambda in a loop is a new object in each iteration.

    >>> made = [lambda g: 2.0 * g for _ in range(2)]
    >>> made[0] == made[1], function_key(made[0]) == function_key(made[1])
    (False, True)
    """
    if type(f) is not FunctionType:
        return f
    cells = tuple(_same(cell.cell_contents) for cell in f.__closure__ or ())
    defaults = tuple(map(_same, f.__defaults__ or ()))
    keywords = tuple((name, _same(value)) for name, value in (f.__kwdefaults__ or {}).items())
    return f.__code__, id(f.__globals__), cells, defaults, keywords


class _Same:
    """Equal to another of the same object, which is kept."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)


def _same(value: object) -> Hashable:
    if isinstance(value, bool | int | float | str | type(None)):
        return type(value), repr(value)
    return _Same(value)
