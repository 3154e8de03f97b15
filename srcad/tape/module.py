"""`Module`: parameters and what is computed with them, as an object with `forward` and `backward`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from typing_extensions import Unpack

from srcad.dispatch.pytree import flatten, leaves_like, unflatten
from srcad.errors import fail
from srcad.options import Choices
from srcad.tape.places import here
from srcad.tape.tape import Tape
from srcad.tape.tensor import Tensor


class Module:
    """The base class of layers. Its parameters are the tensors among its attributes that require a gradient.

    Attributes may be modules, and lists, tuples and dicts of modules and tensors. A tensor without a name takes that of
    the attribute it is assigned to.

    >>> class Linear(Module):
    ...     def __init__(self, inputs, outputs):
    ...         self.weight = Tensor(np.ones((outputs, inputs)), requires_grad=True)
    ...     def forward(self, x):
    ...         return self.weight @ x
    >>> layer = Linear(2, 1)
    >>> with Tape(target="python"):
    ...     loss = np.sum(layer(np.array([3.0, 4.0])))
    >>> loss.backward()
    >>> layer.weight.grad, list(layer.named_parameters())
    (array([[3., 4.]]), ['weight'])
    """

    def forward(self, *inputs: Any) -> Any:
        """What the module computes. Inputs and results may be nested."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward")

    def __call__(self, *inputs: Any) -> Any:
        return self.forward(*inputs)

    def backward(self, inputs: tuple[Any, ...], cotangent: Any, **options: Unpack[Choices]) -> tuple[Any, ...]:
        """Run `forward` on a tape of its own, and pass a cotangent of its result back.

        The gradients of the parameters are added to their `.grad`. `inputs` are those of `forward`, in a tuple or a
        list. Returns the gradient of each input, in its structure; None in the place of what is no float. Raises S321
        for inputs that are no tuple, and a cotangent that does not fit.
        """
        if not isinstance(inputs, tuple | list):
            what = f"inputs of type {type(inputs).__name__}, not the tuple of the arguments of forward"
            fail("S321", what, here(), advice="write backward((x,), cotangent) for one input.")
        leaves, spec = flatten(inputs)
        values = [np.asarray(getattr(leaf, "_value", leaf)) for leaf in leaves]
        moving = [Tensor(value, value.dtype.kind == "f") for value in values]
        with Tape(**options):
            out = self.forward(*unflatten(spec, moving))
            results, structure = flatten(out)
            cotangents = leaves_like(structure, cotangent)
            if cotangents is None:
                why = f"{type(self).__name__}.forward returns {structure}."
                fail("S321", "a cotangent that is not in the structure of the output", here(), why)
            total: Any = 0.0
            for result, of_result in zip(results, cotangents, strict=True):
                if of_result is not None:
                    total = total + weighted(result, of_result)
        if isinstance(total, Tensor):
            total.backward()
        return tuple(unflatten(spec, [one.grad for one in moving]))

    def parameters(self) -> list[Tensor]:
        """The parameters, each once."""
        return list(self.named_parameters().values())

    def named_parameters(self) -> dict[str, Tensor]:
        """The parameters by the path of their first attribute, as `cell.weight`."""
        found: dict[str, Tensor] = {}
        known: set[int] = set()
        for name, tensor in _parameters(self):
            if id(tensor) not in known:
                known.add(id(tensor))
                found[name] = tensor
        return found

    def zero_grad(self) -> None:
        """Forget the gradients of the parameters."""
        for tensor in self.parameters():
            tensor.zero_grad()

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Tensor) and value.name is None and value.is_leaf:
            value.name = name
        super().__setattr__(name, value)


def weighted(result: Any, cotangent: Any) -> Any:
    """The sum of a result times its cotangent."""
    weights = np.asarray(getattr(cotangent, "_value", cotangent))
    if weights.shape != np.shape(result):
        why = f"It has shape {weights.shape}; the result has shape {np.shape(result)}."
        fail("S321", "a cotangent that does not fit the output", here(), why)
    return np.sum(result * weights)


def _parameters(owner: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(owner, Tensor):
        if owner.requires_grad and owner.is_leaf:
            yield "", owner
        return
    parts: Any = ()
    if isinstance(owner, Module):
        parts = vars(owner).items()
    elif isinstance(owner, dict):
        parts = owner.items()
    elif isinstance(owner, list | tuple):
        parts = enumerate(owner)
    for key, part in parts:
        for name, tensor in _parameters(part):
            yield f"{key}.{name}".rstrip("."), tensor
