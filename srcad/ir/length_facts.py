"""What is known of lengths at a place of a program, beside what types say: frozen, so that places can share it.

>>> from srcad.ir.types import Symbol
>>> n, m, k = (dim(Symbol(name, 0)) for name in "nmk")
>>> here = NOTHING.with_equal((n, m), (k, m - 2))
>>> here.are_equal(n + 1, m + 1), here.are_equal(k, n - 2), here.are_equal(k + 1, n - 1)
(True, True, False)

Nothing follows for `k + 1`, as the length `n - 2` is 0 where the form is negative.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from srcad.ir.types import Dim, Symbol, dim


@dataclass(frozen=True)
class LengthFacts:
    """Equal lengths. A length is a linear form over symbols; where the form is negative, the length is 0.

    A symbol is one value that does not change while the facts hold: whoever walks over a program drops the facts on
    values that may have changed (`restricted`). What is no linear form, as `min(n, m)`, is a symbol of its own.
    """

    symbols: Mapping[Symbol, Dim] = field(default_factory=dict)
    """The symbols that equal another symbol or a constant: as integers, so that they can be replaced in any form."""
    forms: Mapping[Dim, Dim] = field(default_factory=dict)
    """Other forms, and a length that each is equal to: only as lengths."""

    # ---- questions ---------------------------------------------------------------------------

    def representative(self, d: Dim) -> Dim:
        """The form in representatives of its symbols: the same for integers that are known to be equal."""
        equal = self.symbols
        if not equal or not any(s in equal for s, _ in d.terms):
            return d
        return d.replaced(self._of_symbol)

    def are_equal(self, a: Dim, b: Dim) -> bool:
        """Whether the two lengths are certainly equal."""
        return self._root(self.representative(a)) == self._root(self.representative(b))

    def is_at_least(self, a: Dim, b: Dim) -> bool:
        """Whether `a` is certainly at least `b`, as forms; so it is as lengths."""
        return (self.representative(a) - self.representative(b)).is_index

    def equal_to(self, d: Dim) -> Iterator[Dim]:
        """The lengths that are equal to this one, the representative first."""
        root = self._root(self.representative(d))
        yield root
        for other in (*map(dim, self.symbols), *self.forms):
            if other != root and self._root(other) == root:
                yield other

    # ---- more facts, or fewer ----------------------------------------------------------------

    def with_equal(self, *pairs: tuple[Dim, Dim]) -> LengthFacts:
        """The facts, and that the lengths of each pair are equal."""
        if not pairs:
            return self
        new = LengthFacts(dict(self.symbols), dict(self.forms))
        for a, b in pairs:
            new._link(a, b)
        return new

    def with_equal_integers(self, a: Dim, b: Dim) -> LengthFacts:
        """The facts, and that two integers are equal, which need not be lengths; forms say nothing here.

        The type of `x[1:].shape[0]` is `n - 1`, also where its value is 0: two such are not equal as forms.
        """
        a, b = self.representative(a), self.representative(b)
        match a, b:
            case (Dim(((_, 1),), 0), Dim(((_, 1),), 0) | Dim((), _)) | (Dim((), _), Dim(((_, 1),), 0)) if a != b:
                new = LengthFacts(dict(self.symbols), dict(self.forms))
                new._join(a, b)
                return new
        return self

    def restricted(self, remains: Callable[[Dim], bool]) -> LengthFacts:
        """The facts on lengths that remain what they are."""
        if not self.symbols and not self.forms:
            return self
        kept: dict[Dim, Dim] = {}
        pairs: list[tuple[Dim, Dim]] = []
        for d in (*map(dim, self.symbols), *self.forms):
            if remains(d):
                # a class may lose its representative
                root = self._root(d)
                other = root if remains(root) else kept.setdefault(root, d)
                pairs.append((d, other))
        return NOTHING.with_equal(*pairs)

    # ---- classes -----------------------------------------------------------------------------

    def _of_symbol(self, symbol: Symbol) -> Dim:
        known = self.symbols.get(symbol)
        if known is None:
            return dim(symbol)
        while known.terms and (further := self.symbols.get(known.terms[0][0])) is not None:
            known = further
        return known

    def _root(self, d: Dim) -> Dim:
        while True:
            match d:
                case Dim(((symbol, 1),), 0):
                    return self._of_symbol(symbol)
                case Dim((), const):
                    return d if const >= 0 else dim(0)
                case _ if d in self.forms:
                    d = self.forms[d]
                case _:
                    return d

    def _link(self, a: Dim, b: Dim) -> None:
        """Add a pair to facts that are being built."""
        self._spell(a)
        self._spell(b)
        a, b = self.representative(a), self.representative(b)
        match a, b:
            case Dim(((x, 1),), c), Dim(((y, 1),), d) if c == d != 0 and a.is_index and b.is_index:
                a, b = dim(x), dim(y)  # neither form is negative, so that the forms are equal
        self._join(self._root(a), self._root(b))

    def _spell(self, d: Dim) -> None:
        """Keep a form as it is written: in some places only its own symbols are known."""
        form = self.representative(d)
        if form != d and d != dim(d.terms[0][0]):
            self._join(self._root(d), self._root(form))

    def _join(self, a: Dim, b: Dim) -> None:
        """Make one class of two, of which these are the representatives: a constant, else a symbol, else a form."""
        symbols, forms = self.symbols, self.forms
        assert isinstance(symbols, dict) and isinstance(forms, dict)
        match a, b:
            case _ if a == b or not (a.terms or b.terms):
                return  # two constants: nothing gets here
            case Dim(((x, 1),), 0), Dim(((y, 1),), 0):
                # if one of them is known not to be 1, so is the other
                first, second = (y, x) if x.not_one and not y.not_one else (x, y)
                symbols[first] = dim(second)
            case (Dim(((x, 1),), 0), Dim((), _) as constant) | (Dim((), _) as constant, Dim(((x, 1),), 0)):
                symbols[x] = constant
            case (Dim(((_, 1),), 0) | Dim((), _), _):
                forms[b] = a
                return
            case _:
                forms[a] = b
                return
        for form in tuple(forms):  # forms that the symbol is in are equal to others now
            self._join(self._root(form), self._root(self.representative(form)))


NOTHING = LengthFacts()
"""No fact: only what types say."""
