"""Array lengths as linear forms over unknowns, and the expressions that the unknowns of a form stand for.

The form of an axis in a type may be negative (`x[1:-1]` of one element has none): the length is the form, or 0. For
arrays of integers that are never stored into (`np.nonzero`, `np.arange`, a sorting permutation) the range of the items
is known, too.
"""

from __future__ import annotations

from collections.abc import Callable

from srcad.analysis.integers.constraint_solver import Facts
from srcad.analysis.integers.value_ranges import ZERO, Form, ValueRanges
from srcad.analysis.memory.may_alias import may_alias
from srcad.ir.length_exprs import linear_expression
from srcad.ir.linear import LinearForm
from srcad.ir.nodes import Const, Expr, Function, Op, Stmt, Var
from srcad.ir.regions import regions
from srcad.ir.traversal import block_stores, names
from srcad.ir.types import Array, Dim
from srcad.rules.traits import having

_SAME_ITEMS = having(lambda p: p.elements)


class LengthForms:
    """The forms of the lengths of a function, which are defined statement by statement.

    >>> import numpy as np
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.printer import expr_text
    >>> def inner(x):
    ...     y = x[1:-1]
    ...     for i in range(3):
    ...         print(y)
    ...     return y
    >>> f = normal_form(inner, np.ones(5))
    >>> lengths, now = LengthForms(f), ValueRanges(f.types)
    >>> for name in ("x", "%y.0"):
    ...     lengths.define(name, None, now)
    >>> n, inside = lengths.of("x", 0, now), lengths.of("%y.0", 0, now)
    >>> now.is_nonnegative(inside), now.is_nonnegative(inside - n + 2)  # it is max(n - 2, 0)
    (True, True)
    >>> expr_text(lengths.written(n - inside, f.body[-1]))
    'shape(x, axis=0) - shape(%y.0, axis=0)'
    """

    def __init__(self, f: Function) -> None:
        self._f = f
        self._types = f.types
        self._regions = regions(f)
        self._spelling: dict[int, list[Expr]] = {}
        self._derived: dict[int, tuple[Form, Callable[[Expr], Expr], tuple[Form, ...]]] = {}
        """Unknowns that are computed from a form: how, and the facts that follow."""
        self._of_form: dict[tuple[Form, int], Form] = {}
        shared = may_alias(f.body, f.types)
        self._written = frozenset(shared.class_of(n) for n in block_stores(f.body))
        self._memory = shared.class_of
        self._aliases = shared.aliases
        self._given = frozenset(param.name for param in f.params)
        self._items: dict[str, tuple[Form, Form]] = {}

    # ---- lengths -----------------------------------------------------------------------------

    def define(self, name: str, value: Expr | None, now: ValueRanges) -> None:
        known = self._types.get(name)
        if not isinstance(known, Array):
            return
        for axis in range(known.rank):
            form = self._by_type(name, axis, known.dims[axis], now)
            now.define(name, form, axis)
            self.call(form, Op("shape", (Var(name),), (("axis", axis),)))
        self._learn_items(name, known, value, now)

    def of(self, name: str, axis: int, now: ValueRanges) -> Form | None:
        return now.form(name, axis)

    def _by_type(self, name: str, axis: int, d: Dim, now: ValueRanges) -> Form:
        if not d.terms:
            return ZERO + d.const
        total = ZERO + d.const
        for symbol, coefficient in d.terms:
            form = None if (symbol.name, symbol.axis) == (name, axis) else now.form(symbol.name, symbol.axis)
            if form is None:
                length = now.unknown()
                now.add_fact(length)
                return length
            total = total.plus(form, coefficient)
        return total if now.is_nonnegative(total) else self._or_zero(total, now)

    def _or_zero(self, form: Form, now: ValueRanges) -> Form:
        length = self._of_form.get((form, 0)) or now.unknown()
        self._derive(length, form, 0, lambda e: Op("max", (e, Const(0))), (length - form, length), now)
        return length

    def divided(self, form: Form, by: int, now: ValueRanges) -> Form:
        """The form divided, rounded up."""
        result = self._of_form.get((form, by)) or now.unknown()
        rest = result * by - form

        def make(e: Expr) -> Expr:
            return Op("//", (Op("+", (e, Const(by - 1))), Const(by)))

        self._derive(result, form, by, make, (rest, -rest + (by - 1)), now)
        return result

    def _derive(
        self, made: Form, form: Form, by: int, make: Callable[[Expr], Expr], facts: tuple[Form, ...], now: ValueRanges
    ) -> None:
        self._of_form[form, by] = made
        self._derived[made.terms[0][0]] = form, make, facts
        now.add_fact(*facts)

    # ---- unknowns ----------------------------------------------------------------------------

    def call(self, form: Form, expr: Expr) -> None:
        """The form is the value of this expression, wherever the names in it are defined."""
        if form.const == 0 and len(form.terms) == 1 and form.terms[0][1] == 1:
            known = self._spelling.setdefault(form.terms[0][0], [])
            if expr not in known:
                known.append(expr)

    def varies(self, form: Form, first: int) -> bool:
        """Whether the form depends on an unknown with this number or a greater one."""
        return any(self.varies(self._derived[u][0], first) if u in self._derived else u >= first for u, _ in form.terms)

    def depends(self, form: Form, first: int, now: ValueRanges) -> bool:
        """As `varies`, where numbers of pairs are those of their forms."""
        return any(self.varies(LinearForm.unknown(u), first) for u in now.unknowns(form))

    def facts(self, forms: tuple[Form, ...], facts: Facts[int]) -> Facts[int]:
        """The facts, and those on the unknowns that are computed from others."""
        for form in forms:
            for u, _ in form.terms:
                if u in self._derived:
                    facts = facts.with_facts(*self._derived[u][2])
        return facts

    def written(self, form: Form, stmt: Stmt) -> Expr | None:
        """The form as an expression over names defined before a loop; None where it has an unknown without one."""
        named: dict[int, Expr] = {}
        for u, _ in form.terms:
            one = self._named(u, stmt)
            if one is None:
                return None
            named[u] = one
        return linear_expression(form, named.__getitem__)

    def _named(self, unknown: int, stmt: Stmt) -> Expr | None:
        for expr in self._spelling.get(unknown, ()):
            if all(self.is_known(name, stmt) for name in names(expr)):
                return expr
        if unknown in self._derived:
            form, make, _ = self._derived[unknown]
            inner = self.written(form, stmt)
            return None if inner is None else make(inner)
        return None

    def is_known(self, name: str, loop: Stmt) -> bool:
        """Whether the name is defined before the loop."""
        home = self._regions.definitions.get(name)
        turn = self._regions.body_of(loop, "loop")
        place = None if home is None else home.region.place_of(turn)
        return home is not None and place is not None and home.position < place

    def is_constant(self, array: str) -> bool:
        """Whether nothing in the function writes to the memory of the array."""
        return self._memory(array) not in self._written

    def is_alone(self, array: str) -> bool:
        """Whether the function makes the array, and no other name has its memory."""
        return array not in self._given and len(self._aliases(array)) == 1

    # ---- items -------------------------------------------------------------------------------

    def _learn_items(self, name: str, known: Array, value: Expr | None, now: ValueRanges) -> None:
        self._items.pop(name, None)
        if known.dtype not in ("int64", "uint64") or not self.is_constant(name):
            return
        match value:
            case Op("nonzero", (Var(source),), static):
                axis = dict(static).get("axis", 0)
                length = now.form(source, axis) if isinstance(axis, int) else None
                if length is not None:
                    self._items[name] = ZERO, length
            case Op("runtime.stable_order", (Var(source), *_)):
                length = now.form(source, 0)
                if length is not None:
                    self._items[name] = ZERO, length
            case Op("np.arange", (start, stop, Const(1))):
                self._items[name] = now.value(start), now.value(stop)
            case Op(prim, (Var(source), *_)) if prim in _SAME_ITEMS and source in self._items:
                self._items[name] = self._items[source]

    def learn_place(self, name: str, value: Expr | None, now: ValueRanges) -> None:
        """Add the facts on an integer that is read from an array, or is a position in one."""
        match value:
            case Op("index", (Var(source), *_)) if source in self._items:
                low, high = self._items[source]
                item = now.value(Var(name))
                now.add_fact(item - low, high - item - 1)
            case Op("np.argmax" | "np.argmin", (Var(source),), ()):
                length = now.form(source, 0)
                if length is not None and now.form(source, 1) is None:
                    now.add_fact(length - now.value(Var(name)) - 1)
            case Op("np.searchsorted", (Var(source), *_)):
                length = now.form(source, 0)
                if length is not None:
                    now.add_fact(length - now.value(Var(name)))
