"""One function on its way through the compiler, and what has been found out about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from srcad.analysis.memory.may_alias import MayAlias
from srcad.analysis.values.parameter_roles import ParameterRole
from srcad.analysis.values.step_functions import StepInput
from srcad.compiler.called_functions import CalledFunctions, PrepareCalled
from srcad.compiler.sweep_pairs import SweepPair
from srcad.frontend.lowering.lower import Lowered
from srcad.frontend.source.read import Source
from srcad.frontend.values.abstract_values import Abstract
from srcad.ir.nodes import Function
from srcad.options import Options
from srcad.request import Request
from srcad.reverse.adjoint.call_adjoints import Wanted
from srcad.reverse.driver import Reversal
from srcad.reverse.storage.tape_report import TapeEntry


@dataclass(frozen=True)
class Asked:
    """What the compiler is asked for."""

    source: Source | None
    arguments: Mapping[str, Abstract]
    wrt: tuple[str, ...]
    """The flat parameters to differentiate with respect to."""
    request: Request
    fixed: bool = False
    """Whether integers and bools that the function reads from outside are constants of the text."""
    zero_d: frozenset[str] = frozenset()
    """Arguments that are 0-d arrays."""
    free_sums: frozenset[str] = frozenset()
    """Statements of the source, as text, that add to a sum whose order does not matter."""
    tables: bool = True
    """Whether tuples and lists of numbers from outside may be parameters as arrays."""
    calls: bool = True
    """Whether calls of functions that do not call themselves may stay calls."""
    inlined: frozenset[int] = frozenset()
    """Functions whose calls do not stay, by the ids of their trees."""
    taped: frozenset[int] | None = frozenset()
    """Functions that save on a tape, by the ids of their trees; None where none may."""
    wanted: Wanted | None = None
    """Of the adjoint of a function that is called."""
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """The shapes of arrays in the call that the function is generated for, by name."""
    integers: Mapping[str, int] = field(default_factory=dict)
    """The integers in that call, by name."""
    elements: Mapping[str, np.ndarray] = field(default_factory=dict)
    """The arrays of integers in that call, by name."""
    apart: bool = False
    """Whether loops over arrays may be unrolled, for as many items as there are in that call."""

    @property
    def sizes(self) -> dict[tuple[str, int | None], int]:
        """The lengths of arrays in that call, by name and axis, and its integers, by name and None."""
        lengths = {(name, axis): n for name, shape in self.shapes.items() for axis, n in enumerate(shape)}
        return lengths | {(name, None): value for name, value in self.integers.items()}


@dataclass(frozen=True)
class Unit:
    """Two units are equal if their functions are: facts follow from those."""

    asked: Asked = field(compare=False)
    function: Function
    lowered: Lowered | None = field(default=None, compare=False)
    written: frozenset[str] = field(default=frozenset(), compare=False)
    """Flat parameters whose memory the primal writes to."""
    steps: tuple[StepInput, ...] = field(default=(), compare=False)
    """What is differentiated with respect to, and enters through comparisons and the like alone."""
    roles: tuple[ParameterRole, ...] = field(default=(), compare=False)
    """Whether a gradient passes from each parameter, and if not, why."""
    active: frozenset[str] = field(default=frozenset(), compare=False)
    """The names of the primal through which a derivative passes."""
    reversal: Reversal | None = field(default=None, compare=False)
    """What is to be reversed, until both sweeps are written down."""
    tape: tuple[TapeEntry, ...] = field(default=(), compare=False)
    """What the forward sweep saves for the reverse sweep."""
    pair: SweepPair | None = field(default=None, compare=False)
    """Where the sweeps are two functions, the two; then `function` is the forward one."""
    aliases: MayAlias | None = field(default=None, compare=False)
    """Names of the function that may share memory, while a pass says that this holds still."""
    called: CalledFunctions | None = field(default=None, compare=False)
    """The functions that it calls."""
    prepare_called: PrepareCalled | None = field(default=None, compare=False)
    """Brings the functions that are called to normal form."""
    differentiate: Callable[..., Any] | None = field(default=None, compare=False)
    """The derivative of a function in normal form, for functions that need one for their value."""


def without_source(f: Function, mode: str, wrt: tuple[str, ...] = ()) -> Unit:
    """A function that no source was read for, with the options as they are by default."""
    return Unit(Asked(None, {}, wrt, Request(mode, wrt, True, False, Options())), f)
