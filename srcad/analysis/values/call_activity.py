"""Through which arguments of a call a derivative passes, by what the function does with them.

>>> import numpy as np
>>> from srcad.compiler.stages import normal_form
>>> __name__ = "user_module"
>>> def f(x, y, z):
...     return x * np.sign(y)
>>> functions = {"f": normal_form(f, 1.0, 1.0, 1.0)}
>>> number = Scalar("float64")
>>> called = with_constant_arguments(functions)(Called("f", tuple((name, number) for name in "xyz"), (number,)))
>>> sorted(called.constant), sorted(called.by_steps)
([1, 2], [1])
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import replace

from srcad.analysis.memory.modified_parameters import written_parameters
from srcad.analysis.values.activity import active_names
from srcad.analysis.values.step_functions import step_inputs
from srcad.ir.called import Called
from srcad.ir.calls import with_callees
from srcad.ir.nodes import Function, Var
from srcad.ir.types import Scalar as Scalar


def with_constant_arguments(functions: Mapping[str, Function]) -> Callable[[Called], Called]:
    """What says of a call of one of these functions, in normal form, which arguments are constants of it.

    A function that calls itself is asked again, beginning with the answer that no derivative passes, until nothing
    changes.
    """
    constant = {name: frozenset(range(len(f.params))) for name, f in functions.items()}
    by_steps: dict[str, frozenset[int]] = dict.fromkeys(functions, frozenset())

    def told(called: Called) -> Called:
        return replace(called, constant=constant[called.name], by_steps=by_steps[called.name])

    def changes(known: dict[str, frozenset[int]], found: Callable[[Function], Container[str]], wanted: bool) -> bool:
        before = dict(known)
        for name, f in functions.items():
            names = found(with_callees(f, told))
            known[name] = frozenset(at for at, p in enumerate(f.params) if (p.name in names) is wanted)
        return before != known

    while changes(constant, _active, wanted=False):
        pass
    while changes(by_steps, _stepped, wanted=True):
        pass
    return told


def _active(f: Function) -> frozenset[str]:
    left = [Var(name) for name in written_parameters(f)]  # what a function leaves in its arguments is a result, too
    return active_names(f, [p.name for p in f.params], [*f.results, *left])


def _stepped(f: Function) -> frozenset[str]:
    outputs = {str(at): result for at, result in enumerate(f.results)}
    return frozenset(one.input for one in step_inputs(f, [p.name for p in f.params], outputs))
