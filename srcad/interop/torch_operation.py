"""A module or loss of torch as an operation of ours: it is called, and torch gives its derivative.

Its backward runs the module again, with a graph, and then torch's own backward: nothing is kept between the sweeps but
the arguments. So the module has to be a function of its arguments, and what is none is refused. Compiled code calls
it in Numba's object mode.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import numpy as np
import torch

from srcad.errors import fail
from srcad.interop.torch_function import as_array
from srcad.rules import external, vjp

_ORDERS = 3
"""So many derivatives of an operation exist. The tangent of one is made of the two that follow it."""


def functionalize(module: Callable[..., Any], *examples: Any) -> tuple[Callable[..., Any], dict[str, Any]]:
    """`(f, params)`: a torch module as a function that srcad differentiates, and its parameters by name, as arrays.

    `f(params, *inputs)` is called inside functions of ours, compiled or not; of what has no parameters (a loss, a
    function on tensors) it is `f(*inputs)`. `params` share the memory of the module's parameters; frozen ones
    (`requires_grad=False`) and buffers stay in the module. `examples` are inputs as `f` will have them, arrays and
    numbers, of any lengths: the module is run on them, which says the dtype and the number of axes of the one tensor
    that it returns.

    Derivatives are there to the second order. A gradient runs the module twice. What that writes into its buffers is
    dropped. Raises S302 where the module is not on the CPU, or returns anything but one tensor of floats. A call raises
    S206 where the module draws random numbers (`module.eval()` stops dropout), writes into an argument, or returns
    another type than for the examples.

    >>> import srcad
    >>> f, params = functionalize(torch.nn.Linear(2, 1, bias=False, dtype=torch.float64), np.ones(2))
    >>> __name__ = "user_module"
    >>> def loss(params, x):
    ...     return np.sum(f(params, x))
    >>> srcad.grad(loss, target="python")(params, np.array([3.0, 4.0]))
    {'weight': array([[3., 4.]])}
    """
    parameters, function = {}, module
    if isinstance(module, torch.nn.Module):
        parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
        function = _of_parameters(module, tuple(parameters))
    name = str(getattr(module, "__name__", type(module).__name__)).replace("<lambda>", "lambda_")
    for parameter in parameters.values():
        if parameter.device.type != "cpu":
            fail("S302", f"{name} is on {parameter.device}", advice="move it: module.cpu().")
    params = {key: as_array(parameter) for key, parameter in parameters.items()}
    names = tuple(params)
    operation = _operation(function, name, (*params.values(), *examples), _ORDERS)

    def with_parameters(params: Any, *inputs: Any) -> Any:
        return operation(*[params[name] for name in names], *inputs)

    def without_parameters(*inputs: Any) -> Any:
        return operation(*inputs)

    return (with_parameters if params else without_parameters), params


def _of_parameters(module: Any, names: Sequence[str]) -> Callable[..., Any]:
    """The module as a function of its parameters, then the inputs."""

    def function(*tensors: Any) -> Any:
        buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
        given = dict(zip(names, tensors, strict=False))
        return torch.func.functional_call(module, {**buffers, **given}, tensors[len(names) :])

    return function


def _operation(function: Callable[..., Any], name: str, examples: Sequence[Any], orders: int) -> Callable[..., Any]:
    """An operation of ours that calls a function on tensors, with `orders` derivatives."""
    called = _Called(function, name, [_is_float(one) for one in examples])
    result = called.run(*examples)
    if not np.array_equal(result, called.run(*examples), equal_nan=True):
        called.refuse("gives two results for equal arguments", "make it a function of its arguments.")
    called.returns = _type_of(result)
    operation = _in_object_mode(called)
    external(operation, returns=called.returns)
    if orders:
        gradient = _operation(called.gradient, f"{name}_vjp", (result, *examples), orders - 1)
        kinds = ["number" if not np.ndim(one) else "array" for one in examples]
        _add_rule(operation, gradient, [k if f else "constant" for k, f in zip(kinds, called.floats, strict=True)])
    return operation


def _add_rule(operation: Callable[..., Any], gradient: Callable[..., Any], kinds: Sequence[str]) -> None:
    known = tuple(kinds)

    @vjp(operation)
    def by_torch(d_y: Any, y: Any, *args: Any) -> Any:
        flat = gradient(d_y, *args)
        parts: list[Any] = []
        start = 0
        for arg, kind in zip(args, known):  # noqa: B905
            if kind == "array":
                parts.append(flat[start : start + arg.size].reshape(arg.shape))
                start += arg.size
            elif kind == "number":
                parts.append(flat[start])
                start += 1
            else:
                parts.append(None)
        return tuple(parts)


class _Called:
    """A function on tensors, called with arrays."""

    def __init__(self, function: Callable[..., Any], name: str, floats: Sequence[bool]) -> None:
        self.function = function
        self.name = name
        self.floats = floats
        self.returns = ""

    def run(self, *args: Any) -> Any:
        """The result, an array or a number, of arrays and numbers."""
        if [_is_float(one) for one in args] != self.floats:
            self.refuse("is given an integer for a float, or a float for an integer", "convert it before.")
        tensors = list(map(_as_tensor, args))
        versions, random = [one._version for one in tensors], torch.get_rng_state()
        with torch.no_grad():
            made = self.function(*tensors)
        if not isinstance(made, torch.Tensor) or not made.is_floating_point() or made.device.type != "cpu":
            fail("S302", f"{self.name} returns something else than a tensor of floats on the CPU", advice="wrap it.")
        if versions != [one._version for one in tensors]:
            self.refuse("writes into an argument", "use what returns a new tensor (inplace=False).")
        if not torch.equal(random, torch.get_rng_state()):
            why = "The reverse sweep runs it again, and would draw others."
            self.refuse("draws random numbers", "use module.eval(), or draw before and pass them.", why)
        result = as_array(made.clone(memory_format=torch.contiguous_format))  # it may be memory of the module
        if self.returns not in ("", _type_of(result)):
            why = f"For the examples it returns {self.returns}."
            self.refuse(f"returns {_type_of(result)}", "functionalize it again, with such inputs as examples.", why)
        return result

    def gradient(self, d_y: Any, *tensors: Any) -> Any:
        """On tensors: those of all arguments of floats, one after another; a function that can be taken again."""
        create_graph = torch.is_grad_enabled()
        with torch.enable_grad():
            given = [
                one if one.requires_grad or not is_float else one.detach().requires_grad_()
                for one, is_float in zip(tensors, self.floats, strict=True)
            ]
            made = self.function(*given)
            if not made.requires_grad:
                fail("S203", f"torch has no derivative of {self.name}: what it returns has no graph")
            wanted = [one for one, is_float in zip(given, self.floats, strict=True) if is_float]
            found = torch.autograd.grad(
                made, wanted, d_y, create_graph=create_graph, allow_unused=True, materialize_grads=True
            )
            return torch.cat([one.reshape(-1) for one in found])

    def refuse(self, what: str, advice: str, why: str | None = None) -> None:
        fail("S206", f"{self.name}, a function of torch, {what}", None, why, advice)


def _in_object_mode(called: _Called) -> Callable[..., Any]:
    """A Python function; where it is compiled, a call of it leaves the compiled code for Python."""
    from numba import objmode

    # the number makes the code of each module different, since compiled code is kept by that, for other processes too
    text = f"""
def {called.name}(*args):
    module = {uuid4().hex!r}
    with objmode(made={called.returns.replace(":]", "::1]")!r}):
        made = run(*args)
    return made
"""
    scope: dict[str, Any] = {"objmode": objmode, "run": called.run}
    exec(text, scope)
    made: Callable[..., Any] = scope[called.name]
    return made


def _as_tensor(value: Any) -> Any:
    """An array as a tensor in its memory, where torch can have it there."""
    array = np.asarray(value)
    readable = array.flags.writeable and all(stride >= 0 for stride in array.strides)
    return torch.from_numpy(array if readable else array.copy())


def _is_float(value: Any) -> bool:
    return np.asarray(value).dtype.kind == "f"


def _type_of(value: Any) -> str:
    """As `external(returns=)` has it.

    >>> _type_of(np.ones((2, 2))), _type_of(1.0)
    ('float64[:, :]', 'float64')
    """
    array = np.asarray(value)
    return f"{array.dtype}[{', '.join(':' * array.ndim)}]" if array.ndim else str(array.dtype)
