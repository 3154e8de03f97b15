"""A function that srcad differentiates, as one operation of torch's graph.

Forward is the forward sweep of `srcad.vjp`, backward the pullback that it gives. Where torch asks for a backward that
can be differentiated (`create_graph=True`), the pullback is itself taken as such an operation, so any order is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np
from optree import PyTreeSpec
from typing_extensions import Unpack

from srcad.api import vjp
from srcad.dispatch.pytree import flatten, places, unflatten
from srcad.errors import fail
from srcad.interop.arguments import apart, by_position, pulled_back
from srcad.options import Choices

try:
    import torch
except ImportError as error:
    raise ImportError("srcad.interop.torch needs PyTorch: pip install 'srcad[torch]'") from error


def as_torch(f: Callable[..., Any], **options: Unpack[Choices]) -> TorchFunction:
    """`f` on tensors, for torch to differentiate through: its derivative is the one that srcad makes.

    Arguments and results have any structure that `srcad.vjp` takes, with tensors for arrays, and for numbers those
    without axes. It is differentiated by the float32 and float64 tensors that require a gradient. What is no tensor is
    passed on as it is. Arrays and floats of the result are tensors. Options are those of `srcad.vjp`.

    Tensors are on the CPU and are read where they are, without a copy. Raises S302 and S305 for others.

    >>> import torch
    >>> square = as_torch(lambda x, k: k * x * x, target="python")
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> square(x, 3.0).sum().backward()
    >>> x.grad
    tensor([ 6., 12.])
    """
    return TorchFunction(f, options)


class TorchFunction:
    """What `as_torch` returns: `f` on tensors. `.function` is `f`; it is pickled and copied where `f` is."""

    def __init__(self, function: Callable[..., Any], options: Choices) -> None:
        self.function = function
        self.options = options
        self.__name__ = str(getattr(function, "__name__", type(function).__name__))
        self.__doc__ = getattr(function, "__doc__", None)
        # texts are made once for each set of arguments that is differentiated
        self._vjp = lru_cache(None)(lambda argnums: vjp(function, argnums=argnums, **options))
        self._pulled = lru_cache(None)(lambda argnums: TorchFunction(pulled_back(function, argnums), options))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """`f` of the arguments."""
        args = by_position(self.function, args, kwargs)
        leaves, spec = flatten(args)
        _refuse_unreadable(args, leaves)
        tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
        call = _Call(self, spec, leaves)
        made = iter(_Operation.apply(call, *tensors))
        return unflatten(call.result_spec, [next(made) if one is None else one[0] for one in call.constants])

    def __repr__(self) -> str:
        return f"<srcad: {self.__name__} on tensors>"

    def __reduce__(self) -> tuple[Any, ...]:
        return TorchFunction, (self.function, self.options)


@dataclass
class _Call:
    """One call: its arguments, then what it returned, and the pullback."""

    of: TorchFunction
    spec: PyTreeSpec
    leaves: list[Any]
    argnums: tuple[int, ...] = ()
    """The arguments that it is differentiated by."""
    pullback: Callable[[Any], Any] | None = None
    result_spec: Any = None
    constants: list[tuple[Any] | None] = field(default_factory=list)
    """Of the leaves of the result: what is no tensor, in a tuple; None for a tensor."""
    floats: list[bool] = field(default_factory=list)
    """Of the leaves of the result: whether they have a cotangent."""

    @property
    def owners(self) -> list[int]:
        """Of each leaf, the argument that it is in."""
        return [at for at, part in enumerate(self.spec.children()) for _ in range(part.num_leaves)]

    def among_tensors(self, of_leaves: Iterable[Any]) -> list[Any]:
        """Those of the leaves that are tensors."""
        return [one for one, leaf in zip(of_leaves, self.leaves, strict=True) if isinstance(leaf, torch.Tensor)]

    def arguments(self, tensors: tuple[Any, ...]) -> Any:
        """The arguments with these in the place of tensors."""
        given = iter(tensors)
        return unflatten(self.spec, [next(given) if isinstance(leaf, torch.Tensor) else leaf for leaf in self.leaves])

    def run(self, needed: tuple[bool, ...], arrays: tuple[Any, ...]) -> list[Any]:
        """The tensors among the results."""
        owners = self.among_tensors(self.owners)
        self.argnums = tuple(sorted({owner for owner, is_needed in zip(owners, needed, strict=True) if is_needed}))
        result, self.pullback = self.of._vjp(self.argnums or None)(*self.arguments(arrays))
        parts, self.result_spec = flatten(result)
        made = list(map(_as_tensor, apart(parts, arrays)))
        self.constants = [None if isinstance(one, torch.Tensor) else (one,) for one in made]
        self.floats = [isinstance(one, torch.Tensor) and one.is_floating_point() for one in made]
        return [one for one in made if isinstance(one, torch.Tensor)]

    def cotangent(self, given: tuple[Any, ...], differentiable: bool) -> Any:
        """The cotangent in the structure of the result: tensors, or arrays."""
        whole = iter(given)
        parts = []
        for constant, is_float in zip(self.constants, self.floats, strict=True):
            one = None if constant is not None else next(whole)
            parts.append(None if not is_float else one if differentiable else as_array(one))
        return unflatten(self.result_spec, parts)

    def gradients(self, tensors: tuple[Any, ...], given: tuple[Any, ...]) -> list[Any]:
        """One for each tensor among the arguments, None where there is none."""
        if torch.is_grad_enabled():
            return self._by_tensor(self.of._pulled(self.argnums)(self.arguments(tensors), self.cotangent(given, True)))
        assert self.pullback is not None
        found = apart(self._by_tensor(self.pullback(self.cotangent(given, False))), map(as_array, given))
        return [None if d is None else torch.as_tensor(d, dtype=x.dtype) for d, x in zip(found, tensors, strict=True)]

    def _by_tensor(self, found: tuple[Any, ...]) -> list[Any]:
        """Of what a pullback gives for each of `argnums`, the leaves for tensors."""
        by_argument = {at: iter(flatten(one)[0]) for at, one in zip(self.argnums, found, strict=True)}
        return self.among_tensors([next(by_argument[at]) if at in by_argument else None for at in self.owners])


class _Operation(torch.autograd.Function):
    """The call as torch sees it: from the tensors among the arguments to those among the results."""

    @staticmethod
    def forward(ctx: Any, call: _Call, *tensors: Any) -> tuple[Any, ...]:
        made = call.run(ctx.needs_input_grad[1:], tuple(map(as_array, tensors)))
        ctx.call = call
        ctx.save_for_backward(*tensors)
        ctx.mark_non_differentiable(*[one for one in made if not one.is_floating_point()])
        return tuple(made)

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> tuple[Any, ...]:
        return (None, *ctx.call.gradients(ctx.saved_tensors, cotangents))


def as_array(tensor: Any) -> Any:
    """The memory of a tensor as an array; a number for one without axes."""
    array = tensor.detach().numpy(force=True)
    return array if array.ndim else array[()]


def _as_tensor(value: Any) -> Any:
    """Arrays and floats as tensors, other values as they are."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    if isinstance(value, float | np.floating):
        return torch.tensor(value, dtype=torch.float32 if isinstance(value, np.float32) else torch.float64)
    return value


_DTYPES = {torch.float32, torch.float64, torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}


def _refuse_unreadable(args: tuple[Any, ...], leaves: list[Any]) -> None:
    for at, leaf in enumerate(leaves):
        if isinstance(leaf, torch.Tensor):
            if leaf.device.type != "cpu" or leaf.layout is not torch.strided:
                _refuse("S302", args, at, f"a tensor on {leaf.device}, {leaf.layout}", "on the CPU, and dense")
            if leaf.dtype not in _DTYPES:
                _refuse("S305", args, at, f"a tensor of {leaf.dtype}", "of float32, float64, integers or bools")


def _refuse(code: str, args: tuple[Any, ...], at: int, what: str, which: str) -> NoReturn:
    fail(code, f"{places(args, 'args')[at]} is {what}", None, f"srcad reads tensors {which}.", "convert it before.")
