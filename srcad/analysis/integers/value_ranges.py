"""Range analysis: symbolic bounds on the integers of a function, at one program point.

Every unknown value is numbered (an unknown), and a name stands for a linear form over unknowns. An assignment changes
the form of its name and nothing else, so that a fact, once added, holds as long as control flow does not leave the
region where it was added. Overflow of 64 bits is ignored, as it is in the lengths of arrays; integers of other types
are not tracked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count

from srcad.analysis.integers.constraint_solver import Facts, is_nonnegative
from srcad.ir.linear import LinearForm
from srcad.ir.nodes import Const, Expr, Op, Var
from srcad.ir.types import Array, Scalar, Type
from srcad.rules.primitives import PRIMITIVES
from srcad.rules.traits import COMPARISONS, having

Form = LinearForm[int]
"""An unknown is the number of one value, which never changes. The greater the number, the later it was introduced."""

ZERO: Form = LinearForm()

_NONNEGATIVE = having(lambda p: p.nonnegative)
_TRUTHS = having(lambda p: p.dtype == "bool" and not p.lazy)
_JOINED = having(lambda p: p.dtype == "joined")
"""The result is int64 where all operands are."""

Key = tuple[str, int | None]
"""A name (axis None), or the length of an array's axis."""


class ValueRanges:
    """The abstract state at one point. It is updated statement by statement; a branch works on a copy.

    >>> from srcad.ir.notation import parse
    >>> now = ValueRanges({"i": Scalar("int64"), "n": Scalar("int64")})
    >>> (test,) = parse("test = i >= 0 and i < n")
    >>> now.assume(test.value)
    >>> i, n = now.value(Var("i")), now.value(Var("n"))
    >>> now.is_nonnegative(n - 1), now.is_nonnegative(i - 1)  # n >= 1, i >= 1?
    (True, False)

    What is packed into a triangle, row by row, is in bounds:

    >>> def pairs(k):
    ...     return parse(f"p = ({k} - 1) * {k} // 2")[0].value
    >>> length, row = now.value(pairs("n")), now.value(pairs("i"))
    >>> now.holds(length - (row + i - 1) - 1), now.holds(length - (row + i) - 1)
    (True, False)
    """

    def __init__(self, types: Mapping[str, Type]) -> None:
        self._types = types
        self._numbers = count()
        self._forms: dict[Key, Form] = {}
        self._facts: Facts[int] = Facts()
        self._products: dict[Form, tuple[Form, Form]] = {}
        """Unknowns that are products, and their factors."""
        self._pairs: dict[Form, Form] = {}
        """For a form n, the unknown that is n (n - 1) / 2."""
        self._sums: dict[int, Form] = {}
        """Unknowns whose value is also known as a form over earlier ones."""

    def copy(self) -> ValueRanges:
        new = ValueRanges(self._types)
        new._numbers, new._forms, new._facts = self._numbers, dict(self._forms), self._facts
        # what a value is computed from does not depend on the place
        new._products, new._pairs, new._sums = self._products, self._pairs, self._sums
        return new

    # ---- names -------------------------------------------------------------------------------

    def assign(self, name: str, value: Form | None) -> None:
        """The name has this form from here on; without one, an unknown value."""
        for key in [key for key in self._forms if key[0] == name]:
            del self._forms[key]
        if value is not None and self.is_counter(name):
            self._forms[name, None] = value
            self._learn_from_type(name)

    def define(self, name: str, value: Form, axis: int | None = None) -> None:
        """As `assign`, for a name that is assigned once; with an axis, for a length of the array."""
        self._forms[name, axis] = value
        if axis is None:
            self._learn_from_type(name)

    @property
    def facts(self) -> Facts[int]:
        return self._facts

    def form(self, name: str, axis: int | None = None) -> Form | None:
        """The form of a name, where it has one."""
        return self._forms.get((name, axis))

    def forget(self, names: Iterable[str]) -> None:
        for name in names:
            self.assign(name, None)

    def is_counter(self, name: str) -> bool:
        """Whether the name is an int64."""
        known = self._types.get(name)
        return isinstance(known, Scalar) and known.dtype == "int64"

    def _learn_from_type(self, name: str) -> None:
        """Add the fact that the type of a name implies: a counter is never negative."""
        known = self._types[name]
        if isinstance(known, Scalar) and known.dim is not None and known.dim.is_index:
            self.add_fact(self._forms[name, None])

    # ---- facts -------------------------------------------------------------------------------

    def unknown(self) -> Form:
        return LinearForm.unknown(self.fresh())

    def fresh(self) -> int:
        """The next number of an unknown: those introduced later have greater ones."""
        return next(self._numbers)

    def add_fact(self, *facts: Form) -> None:
        self._facts = self._facts.with_facts(*facts)

    def is_nonnegative(self, form: Form) -> bool:
        return self._facts.imply(form)

    def holds(self, form: Form) -> bool:
        """`is_nonnegative`, with more effort (elimination)."""
        return is_nonnegative(form, self._facts)

    def assume(self, cond: Expr, truth: bool = True) -> None:
        """Add the facts that `cond` has this truth value."""
        match cond:
            case Op("not", (inner,)):
                self.assume(inner, not truth)
            case Op("and" | "or" as prim, (a, b)) if truth == (prim == "and"):
                self.assume(a, truth)
                self.assume(b, truth)
            case Op(prim, (a, b)) if prim in COMPARISONS and self.is_int64(a) and self.is_int64(b):
                difference = self.value(a) - self.value(b)
                match prim if truth else PRIMITIVES[prim].negation:
                    case "<":
                        self.add_fact(-difference - 1)
                    case "<=":
                        self.add_fact(-difference)
                    case ">":
                        self.add_fact(difference - 1)
                    case ">=":
                        self.add_fact(difference)
                    case "==":
                        self.add_fact(difference, -difference)

    # ---- expressions -------------------------------------------------------------------------

    def value(self, expr: Expr) -> Form:
        """The value of an expression as a linear form; the facts that its operations imply are added."""
        match expr:
            case Const(value) if type(value) is int:
                return LinearForm.constant(value)
            case Var(name) if self.is_counter(name):
                if (name, None) not in self._forms:
                    self._forms[name, None] = self.unknown()
                    self._learn_from_type(name)
                return self._forms[name, None]
            case Op("shape", (Var(name),), static):
                return self._length(name, int(dict(static)["axis"]))  # type: ignore[call-overload]
            case Op("len", (Var(name),)) if isinstance(self._types.get(name), Array):
                return self._length(name, 0)
            case Op("+", (a, b)):
                return self.value(a) + self.value(b)
            case Op("-", (a, b)):
                return self.value(a) - self.value(b)
            case Op("neg", (a,)):
                return -self.value(a)
            case Op("int", (a,)) if self.is_int64(a):
                return self.value(a)
            case Op("*", (a, b)):
                return self._product(self.value(a), self.value(b))
            case Op("//", (a, b)):
                return self._quotient(self.value(a), self.value(b))
            case Op("%", (a, b)):
                return self._remainder(self.value(a), self.value(b))
            case Op("min" | "np.minimum", (a, b)):
                return -self._greater(-self.value(a), -self.value(b))
            case Op("max" | "np.maximum", (a, b)):
                return self._greater(self.value(a), self.value(b))
            case Op("abs", (a,)):
                form = self.value(a)
                result = self._greater(form, -form)
                self.add_fact(result)
                return result
            case Op("select", (cond, a, b)):
                return self._selected(cond, a, b)
        result = self.unknown()
        match expr:
            case Op(prim) if prim in _NONNEGATIVE:
                self.add_fact(result)
            case Op("int", (Op(prim),)) if prim in _TRUTHS:
                self.add_fact(result, -result + 1)
        return result

    def _length(self, name: str, axis: int) -> Form:
        if (name, axis) not in self._forms:
            self._forms[name, axis] = self.unknown()
            self.add_fact(self._forms[name, axis])
        return self._forms[name, axis]

    def _product(self, a: Form, b: Form) -> Form:
        if not a.terms or not b.terms:
            return b * a.const if not a.terms else a * b.const
        result = self.unknown()
        self._products[result] = (a, b)
        if self.is_nonnegative(a) and self.is_nonnegative(b):
            self.add_fact(result)
        return result

    def number_of_pairs(self, n: Form) -> Form:
        """n (n - 1) / 2, as a length of a packed triangle or a position in it.

        Where 0 <= m < n, it is at least m more than that of m: the row m of the triangle is between them.
        """
        if not n.terms:
            return LinearForm.constant(n.const * (n.const - 1) // 2)
        if n not in self._pairs:
            self._pairs[n] = self.unknown()
        result = self._pairs[n]
        self.add_fact(result)
        for other, pairs in list(self._pairs.items()):
            for m, of_m, more, of_more in ((other, pairs, n, result), (n, result, other, pairs)):
                if self.is_nonnegative(more - m - 1) and self.is_nonnegative(m):
                    self.add_fact(of_more - of_m - m)
        return result

    def _quotient(self, a: Form, b: Form) -> Form:
        if b == LinearForm.constant(2) and a in self._products:
            x, y = self._products[a]
            if abs((y - x).const) == 1 and not (y - x).terms:
                return self.number_of_pairs(y if (y - x).const == 1 else x)
        result = self.unknown()
        if self.is_nonnegative(a) and self.is_nonnegative(b):
            self.add_fact(result, a - result)
        if not b.terms and b.const > 0:
            rest = a - result * b.const
            self.add_fact(rest, -rest + (b.const - 1))
        return result

    def _remainder(self, a: Form, b: Form) -> Form:
        result = self.unknown()
        if self.is_nonnegative(b):
            self.add_fact(result)  # Numba's `a % 0` is 0
        if self.is_nonnegative(b - 1):
            self.add_fact(b - result - 1, *([a - result] if self.is_nonnegative(a) else []))
        return result

    def _greater(self, a: Form, b: Form) -> Form:
        """The maximum: bounded below by both, and above by a common bound of both."""
        result = self.unknown()
        self.add_fact(result - a, result - b)
        for one, other in ((a, b), (b, a)):
            if self.is_nonnegative(one - other):
                self.add_fact(one - result)
        if self.is_nonnegative(-a) and self.is_nonnegative(-b):
            self.add_fact(-result)
        return result

    def _selected(self, cond: Expr, a: Expr, b: Expr) -> Form:
        ways = []
        for truth, part in ((True, a), (False, b)):
            way = self.copy()
            way.assume(cond, truth)
            ways.append((way, way.value(part)))
        return self.one_of(ways, ())

    # ---- sums and numbers of pairs -----------------------------------------------------------

    def equate(self, unknown: Form, form: Form) -> None:
        """The unknown, which may have a name, has the value of the form."""
        self._sums[unknown.terms[0][0]] = form
        self.add_fact(unknown - form, form - unknown)

    def separate(self, unknown: Form) -> None:
        """The unknown has no other form after all."""
        self._sums.pop(unknown.terms[0][0], None)

    def in_full(self, form: Form) -> Form:
        """The form with other forms of its unknowns in their places, which say how it depends on earlier ones."""
        return form.replaced(lambda u: self.in_full(self._sums[u]) if u in self._sums else LinearForm.unknown(u))

    def with_value(self, form: Form, number: int, value: Form) -> Form:
        """The form with an unknown replaced by a form, in numbers of pairs as well."""

        def replaced(u: int) -> Form:
            n = self._pairs_of(u)
            return LinearForm.unknown(u) if n is None else self.number_of_pairs(self.with_value(n, number, value))

        return form.with_value(number, value).replaced(replaced)

    def unknowns(self, form: Form) -> frozenset[int]:
        """The unknowns that decide the value, and are no numbers of pairs."""
        found = frozenset[int]()
        for u, _ in form.terms:
            n = self._pairs_of(u)
            found |= {u} if n is None else self.unknowns(n)
        return found

    def recall(self, form: Form) -> None:
        """Add what is known everywhere of the numbers of pairs in the form."""
        self.with_value(form, -1, ZERO)

    def _pairs_of(self, unknown: int) -> Form | None:
        """The n of an unknown that is n (n - 1) / 2."""
        pairs = LinearForm.unknown(unknown)
        return next((n for n, other in self._pairs.items() if other == pairs), None)

    # ---- joins of control flow ---------------------------------------------------------------

    def join(self, one: ValueRanges, other: ValueRanges) -> None:
        """Continue after two branches that started here: what holds in both remains."""
        before = self._forms
        self._forms = {}
        for key in one._forms.keys() & other._forms.keys():
            a, b = one._forms[key], other._forms[key]
            if a == b:
                self._forms[key] = a
            elif key[1] is None:
                earlier = (before[key],) if key in before else ()
                self._forms[key] = self.one_of([(one, a), (other, b)], earlier)

    def one_of(self, ways: list[tuple[ValueRanges, Form]], earlier: tuple[Form, ...], hard: bool = False) -> Form:
        """A value that is one of these, with its common bounds; `hard`: prove them with more effort."""
        result = self.unknown()
        for limit in (ZERO, *earlier, *(form for _, form in ways)):
            if all((way.holds if hard else way.is_nonnegative)(form - limit) for way, form in ways):
                self.add_fact(result - limit)
            if all((way.holds if hard else way.is_nonnegative)(limit - form) for way, form in ways):
                self.add_fact(limit - result)
        return result

    # ---- types -------------------------------------------------------------------------------

    def is_int64(self, expr: Expr) -> bool:
        """Whether an expression is certainly an int64 scalar."""
        match expr:
            case Var(name):
                return self.is_counter(name)
            case Const(value):
                return type(value) is int
            case Op("shape" | "len" | "size"):
                return True
            case Op("int", (a,)):
                return not isinstance(a, Const)
            case Op("index", (Var(name), *items)):
                known = self._types.get(name)
                whole = isinstance(known, Array) and known.rank == len(items) and known.dtype == "int64"
                return whole and all(map(self.is_int64, items))
            case Op("np.argmax" | "np.argmin" | "np.count_nonzero", _, ()):
                return True
            case Op("select", (_, a, b)):
                return self.is_int64(a) and self.is_int64(b)
            case Op(prim, args) if prim in _JOINED:
                return all(map(self.is_int64, args))
        return False
