"""Functions that srcad differentiates as modules of torch: with parameters, and as criteria."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from srcad.interop.torch_function import TorchFunction, as_torch


class AutoModule(torch.nn.Module):
    """The module that calls `f(*inputs, **parameters)`; the parameters are trained, saved and moved as torch's are.

    They are given by name, as arrays, tensors or numbers of float32 or float64, and copied. `f` is a function, or
    what `as_torch` made of one with options. A module is copied and pickled where `f` is: a function of a module.

    >>> import numpy as np
    >>> def line(x, weight, bias):
    ...     return weight * x + bias
    >>> module = AutoModule(as_torch(line, target="python"), weight=np.array([2.0, 3.0]), bias=1.0)
    >>> module(torch.ones(2, dtype=torch.float64)).sum().backward()
    >>> [(name, parameter.grad.tolist()) for name, parameter in module.named_parameters()]
    [('weight', [1.0, 1.0]), ('bias', 2.0)]
    """

    def __init__(self, f: Callable[..., Any], /, **parameters: Any) -> None:
        super().__init__()
        self.function = f if isinstance(f, TorchFunction) else as_torch(f)
        for name, value in parameters.items():
            known = value if isinstance(value, torch.Tensor) else torch.as_tensor(np.asarray(value))
            self.register_parameter(name, torch.nn.Parameter(known.detach().clone()))

    def forward(self, *inputs: Any) -> Any:
        """`f` of the inputs and the parameters."""
        return self.function(*inputs, **dict(self.named_parameters(recurse=False, remove_duplicate=False)))

    def extra_repr(self) -> str:
        return self.function.__name__


class AutoCriterion(AutoModule):
    """The module that calls a loss, `f(input, target)`, which has no parameters.

    >>> import numpy as np
    >>> criterion = AutoCriterion(as_torch(lambda x, y: np.mean((x - y) ** 2), target="python"))
    >>> criterion(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    tensor(2.)
    """

    def __init__(self, f: Callable[..., Any], /) -> None:
        super().__init__(f)

    def forward(self, input: Any, target: Any) -> Any:
        """The loss."""
        return self.function(input, target)
