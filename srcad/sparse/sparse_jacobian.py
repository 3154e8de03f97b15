"""`SparseJacobian`: the callable that finds the pattern of a Jacobian once, and then computes it in a few sweeps.

>>> import srcad
>>> def differences(x):
...     return x[1:] * x[1:] - x[:-1]
>>> df = srcad.jacobian(differences, sparse=True, target="python")
>>> print(df(np.array([1.0, 2.0, 3.0])).toarray(), df.sweeps)
[[-1.  4.  0.]
 [ 0. -1.  6.]] 2
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from srcad.derivative import Derivative
from srcad.dispatch.signature import Argnums, Parameters
from srcad.errors import SrcadError, fail
from srcad.options import Options
from srcad.pullback import Vjp
from srcad.request import Request
from srcad.sparse.compression import Plan, by_columns, by_rows, by_symmetry
from srcad.sparse.pattern import DENSE, PatternFunction, found_pattern
from srcad.sparse.sweeps import Sweeps, Vector

_ROUNDING = 1000.0
"""In units of the precision: how far a product with the matrix may be from the derivative in that direction."""
_MOST_KEPT = 64


class SparseJacobian:
    """The Jacobian of `f` with respect to one array, a `scipy.sparse.csr_matrix`: called with f's arguments.

    Its rows are the floats that `f` returns, its columns the entries of the array, both in their order. The first call
    finds the pattern, for the branches that it takes; each call checks it, by one more sweep, in a direction in which
    all moves, and finds it anew where it does not hold.
    """

    def __init__(
        self, function: Callable[..., Any], argnums: Argnums, options: Options, symmetric: bool = False
    ) -> None:
        self.__wrapped__ = function
        self.__name__: str = getattr(function, "__name__", "function")
        self._made_of = (function, argnums, options, symmetric)
        self._at = at = _place(function, argnums)
        self._symmetric = symmetric
        self._tangent = Derivative(function, Request("tangent" if symmetric else "jvp", (), False, False, options))
        self._vjp = Vjp(function, at, False, options)
        self._finders: dict[object, PatternFunction] = {}
        self._plans: dict[object, Plan] = {}
        self._newest: Plan | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        sweeps = Sweeps(self._tangent, self._vjp, self._at, args, kwargs)
        direction = _moving(sweeps.x.size)
        want = sweeps.forward(direction)
        known = self._plans.get(sweeps.key)
        if known is not None and known.pattern.shape[0] == len(want):
            made = _computed(known, sweeps)
            if _agree(made, direction, want, _ROUNDING * sweeps.eps):
                self._newest = known
                return made
        pattern = self._pattern(sweeps)
        if (
            known is not None and known.pattern.shape == pattern.shape
        ):  # two branches, taken in turn, are one pattern after each was taken
            pattern = pattern + known.pattern
        for plan in self._plans_for(pattern):
            try:
                made = _computed(plan, sweeps)
            except SrcadError:
                if plan.transposed:  # reverse mode refuses what forward mode takes
                    continue
                raise
            if _agree(made, direction, want, np.sqrt(sweeps.eps), overflow=True):
                self._keep(sweeps.key, plan)
                return made
        why = "The product of the matrix and a direction is not the derivative in this direction, beyond rounding."
        fail("S331", f"the Jacobian of {self.__name__} is not what its pattern says", None, why, DENSE)

    def sparsity(self, *args: Any, **kwargs: Any) -> Any:
        """The pattern of the Jacobian for these arguments, a boolean `scipy.sparse.csr_matrix`.

        It has each entry that may differ from zero on the branches that the call takes, and may have others.
        """
        sweeps = Sweeps(self._tangent, self._vjp, self._at, args, kwargs)
        sweeps.forward(_moving(sweeps.x.size))  # what the function raises is raised here
        return self._pattern(sweeps)

    @property
    def sweeps(self) -> int:
        """How many sweeps the newest call took, the check aside."""
        return 0 if self._newest is None else self._newest.count

    @property
    def source(self) -> str:
        """The text of the newest sweep in forward mode."""
        return self._tangent.source

    def __repr__(self) -> str:
        what = "Hessian" if self._symmetric else "Jacobian"
        return f"<srcad: sparse {what} of {self.__name__}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return SparseJacobian, self._made_of

    def _pattern(self, sweeps: Sweeps) -> Any:
        one = sweeps.tangent
        if one not in self._finders:
            self._finders[one] = PatternFunction(one.generated)
        return found_pattern(self._finders[one], sweeps.flat(), sweeps.x.shape, self.__name__)

    def _plans_for(self, pattern: Any) -> Iterator[Plan]:
        """The best plan, and one for where that is not taken."""
        if self._symmetric:
            yield by_symmetry(
                pattern
            )  # not where the gradient has a kink: its derivatives may differ from their mirror images
        else:
            longest_row = int(np.diff(pattern.indptr).max(initial=0))
            longest_column = int(np.bincount(pattern.indices).max(initial=0))
            # a sweep back costs two forward, and there are at least as many forward as the longest row has entries
            if 2 * longest_column < longest_row and 2 * (rows := by_rows(pattern)).count < longest_row:
                yield rows
        yield by_columns(pattern)

    def _keep(self, key: object, plan: Plan) -> None:
        if len(self._plans) >= _MOST_KEPT:
            self._plans.clear()
        self._plans[key] = self._newest = plan


def _place(function: Callable[..., Any], argnums: Argnums) -> int:
    """The position of the argument that is differentiated."""
    parameters = Parameters.of(function)
    names = parameters.wrt(argnums)
    if isinstance(argnums, tuple):
        fail(
            "S330", f"a sparse Jacobian is that of one argument, not of the tuple {argnums!r}", None, None, "name one."
        )
    return parameters.place(
        names[0], 1 + argnums if isinstance(argnums, int) and argnums >= 0 else len(parameters.names)
    )


def _computed(plan: Plan, sweeps: Sweeps) -> Any:
    sweep = sweeps.backward if plan.transposed else sweeps.forward
    return plan.matrix(sweep(direction.astype(sweeps.x.dtype)) for direction in plan.directions())


def _moving(n: int) -> Vector:
    """A direction in which each entry moves, each by another amount; the same in each call."""
    random = np.random.default_rng(n)
    moved: Vector = random.uniform(1.0, 2.0, n) * random.choice([-1.0, 1.0], n)
    return moved


def _agree(matrix: Any, direction: Vector, want: Vector, tolerance: float, overflow: bool = False) -> bool:
    """Whether the derivative in a direction is the product with the matrix, but for rounding of its terms.

    With `overflow`, only rows in which both are finite are asked. There is no matrix where an entry was not expected.
    """
    if matrix is None:
        return False
    with np.errstate(all="ignore"):
        product = matrix @ direction
        size = abs(matrix) @ abs(direction)
        finite = np.isfinite(product) & np.isfinite(want)
        near = abs(product - want) <= tolerance * size
    return bool(np.all(near | ~finite)) and (overflow or bool(np.all(np.isfinite(product) == np.isfinite(want))))
