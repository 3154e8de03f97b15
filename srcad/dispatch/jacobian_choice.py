"""Whether a Jacobian is made in forward or in reverse mode, where nobody says.

>>> import srcad
>>> def powers(x):
...     return np.array([x, x**2, x**3])
>>> print(srcad.jacobian(powers, target="python").source_for(2.0).rpartition("\\n\\n")[2].rstrip())
def powers_jacobian(x):
    t_y = np.array([1.0, 2.0 * x, 3 * x ** 2])
    return t_y
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from srcad.dispatch.signature import Parameters
from srcad.dispatch.value_specialisation import ValueSpecialisation
from srcad.errors import SrcadError
from srcad.frontend.values.abstract_values import leaves as output_leaves
from srcad.ir.types import Array, Type
from srcad.request import Request, prefers_forward


def forward_is_better(parameters: Parameters, values: tuple[Any, ...], leaves: Sequence[Any], request: Request) -> bool:
    """Whether a Jacobian at these values is made in forward mode (`request.prefers_forward`)."""
    primal = replace(request, mode="primal", either=False)
    try:
        made, arguments = ValueSpecialisation(parameters, values, list(leaves), primal, frozenset()).generate_for_call()
    except SrcadError:
        return False  # the error is that of the Jacobian
    outputs = [leaf.type for leaf in output_leaves(made.result)]
    mixed = len(outputs) > 1 and any(isinstance(one, Array) for one in outputs)
    shapes = {leaf.name: np.shape(leaves[leaf.position]) for leaf in arguments.leaves}
    positions = [at for name in request.wrt for at in parameters.argument(name, values).positions]
    if any(np.iscomplexobj(leaves[at]) for at in positions):
        return False  # of which each number is two real ones
    inputs = sum(int(np.size(leaves[at])) for at in positions if not isinstance(leaves[at], str))
    sizes = [_size(one, shapes) for one in outputs]
    known = [size for size in sizes if size is not None]
    # an array of a length that the call does not say is taken to be as long as what is differentiated
    total = sum(known) if len(known) == len(sizes) else inputs
    return prefers_forward(inputs, total, mixed)


def _size(t: Type, shapes: Mapping[str, tuple[int, ...]]) -> int | None:
    """The numbers in an output, where its lengths follow from those of the arguments."""
    if not isinstance(t, Array):
        return 1
    lengths = []
    for d in t.dims:
        total = d.const
        for symbol, factor in d.terms:
            shape = shapes.get(symbol.name, ())
            if symbol.axis is None or symbol.axis >= len(shape):
                return None
            total += factor * shape[symbol.axis]
        lengths.append(total)
    return math.prod(lengths)
