"""`Tensor`: an array whose operations are recorded by the open tape."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from srcad.errors import fail
from srcad.tape.arithmetic import Arithmetic, ufunc_operation
from srcad.tape.calls import call, item
from srcad.tape.gradients import differentiate, refuse_unrecorded
from srcad.tape.in_place import change
from srcad.tape.methods import Methods
from srcad.tape.operations import unary
from srcad.tape.places import entered, here
from srcad.tape.state import STATE

if TYPE_CHECKING:
    from srcad.tape.grad_function import GradFunction


_TRANSPOSED = unary(operator.attrgetter("T"), "{}.T", 2)


class Tensor(Arithmetic, Methods):
    """A copy of an array of NumPy, or a number. While a tape is open, what is computed with it is recorded.

    NumPy's functions, operators, indices and methods apply to it at once. With `requires_grad`, `backward` adds the
    gradient to `.grad`. The name stands in the text of the tape.

    >>> from srcad import Tape
    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> with Tape(target="python") as tape:
    ...     loss = np.sum(x * x)
    >>> loss.backward()
    >>> x.grad
    array([2., 4.])

    Raises S301 for integers that require a gradient.
    """

    grad: Any = None
    _hooks: tuple[Callable[[Any], Any], ...] = ()

    def __init__(self, value: Any, requires_grad: bool = False, name: str | None = None) -> None:
        if isinstance(value, Tensor):
            value = value._value
        self._set(value)
        if requires_grad and self._value.dtype.kind != "f":
            why = f"It is of {self._value.dtype}."
            fail("S301", "a tensor that requires a gradient and is not of floats", here(), why)
        self._is_active = requires_grad
        self.name = name

    # ---- what it is ----------------------------------------------------------------------------

    @property
    def value(self) -> Any:
        """The array, which cannot be written to, or the number.

        Of a tensor that no tape has made, it may be assigned: the new value is copied.
        """
        if not isinstance(self._value, np.ndarray):
            return self._value
        view = self._value.view()
        view.flags.writeable = False
        return view

    @value.setter
    def value(self, new: Any) -> None:
        if self._recording is not None:
            fail("S354", "the value of a recorded tensor is assigned", here())
        self._set(new)
        self._version += 1

    def _set(self, value: Any) -> None:
        self._memory = np.array(value)
        self._value = self._memory.view()
        self._value.flags.writeable = False

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self._value)

    @property
    def ndim(self) -> int:
        return np.ndim(self._value)

    @property
    def size(self) -> int:
        return int(np.size(self._value))

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.asarray(self._value).dtype

    @property
    def T(self) -> Tensor:
        made: Tensor = _TRANSPOSED(self)
        return made

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are computed for it: given for a leaf, else found from what it was computed from."""
        return self._is_active and not self._is_lost and self.dtype.kind == "f"

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made it."""
        return self._recording is None

    @property
    def grad_fn(self) -> GradFunction | None:
        """The operation that made it, as a node of a graph to be walked or printed; None for a leaf."""
        from srcad.tape.grad_function import GradFunction

        return None if self._recording is None else GradFunction(self._recording, self._number)

    def item(self) -> Any:
        """The number, as a constant: no gradient passes through it."""
        return np.asarray(self._value).item()

    def detach(self) -> Tensor:
        """A copy as a constant: no gradient passes through it, and it may be used on other tapes."""
        return Tensor(self._value)

    # ---- gradients -----------------------------------------------------------------------------

    def backward(self, cotangent: Any = None, retain: bool = False) -> None:
        """Add the gradient of this tensor to `.grad` of each tensor that requires one.

        A tensor that is not a number takes a cotangent of its shape. With `retain`, the tape may be asked again.
        Raises S201, S321, S350, S351, S354.
        """
        if self._recording is None:
            refuse_unrecorded(self)
        differentiate(self._recording, self._number, self._value, cotangent, retain)

    def retain_grad(self) -> None:
        """Keep the gradient of an intermediate value in `.grad`, too, after its hooks."""
        if self._recording is not None and self.requires_grad:
            self._recording.retain(self)

    def register_hook(self, hook: Callable[[Any], Any]) -> None:
        """Replace the gradient that passes this tensor by `hook(gradient)`.

        The hook of an intermediate value is compiled with the gradient, so it is in srcad's language. That of a leaf is
        called with the gradient of each `backward`.
        """
        if self._recording is None:
            self._hooks = (*self._hooks, hook)
        else:
            self._recording.hook(self, hook)

    def zero_grad(self) -> None:
        self.grad = None

    # ---- NumPy's protocols ---------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, kind: str, *inputs: Any, **options: Any) -> Any:
        if not options and kind == "__call__" and (operation := ufunc_operation(ufunc)) is not None:
            return operation(*inputs)
        if kind != "__call__" or options.get("out") is not None:
            what = f"np.{ufunc.__name__}" + ("" if kind == "__call__" else f".{kind}")
            why = "A plain array is changed in place." if "out" in options else None
            advice = "write x = x + y, with a new tensor, or NumPy's function for it (np.sum for np.add.reduce)."
            fail("S353", f"{what} cannot be recorded in this form", here(), why, advice)
        return call(ufunc, inputs, options)

    def __array_function__(self, function: Any, _: Any, args: Any, options: Any) -> Any:
        return call(function, args, options)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        self._refuse_leaving("turned into a plain array")
        return np.array(self.value, dtype=dtype) if copy or dtype is not None else np.asarray(self.value)

    # ---- Python's protocols --------------------------------------------------------------------

    def __getitem__(self, index: Any) -> Any:
        return item(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        change(self, operator.setitem, "=", value, index)

    def __len__(self) -> int:
        return len(self._value)

    def __iter__(self) -> Iterator[Any]:
        return (self[at] for at in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self._value)

    def __float__(self) -> float:
        self._refuse_leaving("turned into a float")
        return float(self._value)

    def __int__(self) -> int:
        return int(self._value)

    def __index__(self) -> int:
        return operator.index(self._value)

    def __format__(self, spec: str) -> str:
        return format(self._value, spec)

    def __repr__(self) -> str:
        about = "" if self._recording is None else f", grad_fn={self.grad_fn!r}"
        about = ", requires_grad=True" if self._recording is None and self.requires_grad else about
        return f"Tensor({np.array2string(np.asarray(self._value), separator=', ')}{about})"

    def _refuse_leaving(self, how: str) -> None:
        if self.requires_grad and STATE.recording is not None:
            why = "What is computed with that would be a constant to the gradient."
            advice = "use functions of NumPy, or say that it is a constant: .item(), .detach()."
            if (called := entered()) is not None:
                why = f"{called} computes element by element, or in compiled code, which a tape does not see. {why}"
                advice = f"record the call as a whole: tape.call({called}, ...)."
            fail("S352", f"a recorded tensor is {how}", here(), why, advice)
