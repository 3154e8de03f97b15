"""Writing normal form, one statement after another: names, types, and the block that statements go to.

Lowering writes whole functions with it; the reverse transform writes what rules say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

import numpy as np

from srcad.errors import fail
from srcad.ir.nodes import Assign, Atom, Const, Expr, Function, Op, Slice, Span, Stmt, Undef, Var
from srcad.ir.runtime_checks import check
from srcad.ir.types import Array, Dim, Opaque, Scalar, Type, dim, unknown
from srcad.rules.primitives import PRIMITIVES
from srcad.typing.infer import Operand, TypeMismatch, infer, kind_of
from srcad.typing.length_demands import Axis, Demand, Filled, Fit, demands
from srcad.typing.slices import UNKNOWN, Bound

_FOLDED = frozenset({"elementwise"})

_LONGEST_QUOTE = 48
"""In characters: what an error shows of an expression."""


class Builder:
    """The state of writing: where statements go, which names exist, and their types."""

    def __init__(self) -> None:
        self.types: dict[str, Type] = {}
        self.span: Span | None = None
        self.place: Callable[[], Span | None] = lambda: self.span
        """What errors point to: lowering knows the expression, not only its statement."""
        self.function: str | None = None
        """The function that is compiled: lines of others are quoted with their names."""
        self.checks = False
        """Whether what is written is the program itself, whose errors are to be raised. What rules say cannot fail."""
        self.strong: set[str] = set()
        """Scalars that NumPy does not take as plain Python numbers (an element of an array)."""
        self.made: dict[Expr, Op] = {}
        """How numbers were computed, of those that are no elements of arrays."""
        self.implied: dict[Expr, Expr] = {}
        """For some booleans, a condition that they follow from."""
        self.counters: dict[str, int] = {}
        self.created: list[str] = []
        """Every name in the order of its making: what was made inside a loop is seen here."""
        self.tape: dict[str, str] = {}
        """Names that values are kept under (`Function.tape`)."""
        self._blocks: list[list[Stmt]] = [[]]

    @classmethod
    def resume(cls, f: Function) -> Builder:
        """A builder that goes on where the one that wrote `f` stopped: no name of its is made again."""
        builder = cls()
        builder.types = dict(f.types)
        builder.tape = dict(f.tape)
        for name in f.types:
            base, _, version = name.rpartition(".")
            if base:  # a parameter has no version
                builder.counters[base] = max(builder.counters.get(base, 0), int(version) + 1)
        return builder

    @property
    def statements(self) -> list[Stmt]:
        """The block that statements go to now."""
        return self._blocks[-1]

    def fresh(self, base: str, type: Type) -> Var:
        """A new name `base.0`, `base.1`, ... of the given type."""
        count = self.counters.get(base, 0)
        self.counters[base] = count + 1
        name = f"{base}.{count}"
        self.created.append(name)
        self.types[name] = type
        self.strong.discard(name)
        for known in (self.made, self.implied):
            known.pop(Var(name), None)  # of an attempt that was given up
        return Var(name)

    def keep(self, base: str, type: Type, one_per: str = "turn") -> Var:
        """A new name that values are kept under for the reverse sweep."""
        made = self.fresh(base, type)
        self.tape[made.name] = one_per
        return made

    def emit(self, statement: Stmt) -> None:
        self._blocks[-1].append(statement)

    @contextmanager
    def block(self) -> Iterator[list[Stmt]]:
        """What is emitted inside goes to the list given."""
        statements: list[Stmt] = []
        self._blocks.append(statements)
        depth = len(self._blocks)
        try:
            yield statements
        finally:
            # an error from deeper inside may have left blocks open
            del self._blocks[depth - 1 :]

    def typeof(self, expr: Expr) -> Type:
        """The type of an atom, or of an operation on atoms."""
        match expr:
            case Var(name):
                return self.types[name]
            case Const(value):
                return _type_of_constant(value)
            case Op(prim, args, static):
                return infer(prim, [self._operand(arg) for arg in args], dict(static), unknown())[0]
            case Slice():
                return Opaque("slice")
            case Undef():
                return Opaque("undefined")

    def is_weak(self, expr: Expr) -> bool:
        """Whether NumPy takes the scalar as a plain Python number, which does not widen the dtype of an array."""
        if isinstance(expr, Var):
            type = self.types[expr.name]
            return (
                isinstance(type, Scalar) and type.dtype in ("bool", "int64", "float64") and expr.name not in self.strong
            )
        return isinstance(expr, Const)

    def op(self, prim: str, *args: Expr, hint: str = "", **static: object) -> Atom:
        """Write `fresh = prim(*args, **static)`, or give the constant where all is constant."""
        if args and _constants(prim, args):
            folded = _fold(prim, args, static)
            if folded is not None:
                return folded
        known = PRIMITIVES.get(prim)
        base = "%" + (hint or (known and known.noun) or prim.rpartition(".")[2])
        name = f"{base}.{self.counters.get(base, 0)}"
        try:
            type, weak = infer(prim, [self._operand(arg) for arg in args], static, name)
        except TypeMismatch as error:
            self._refuse(prim, args, str(error))
        if self.checks:
            self.demand(demands(prim, [self._operand(arg) for arg in args], static), args)
            name = f"{base}.{self.counters.get(base, 0)}"
            type, weak = infer(prim, [self._operand(arg) for arg in args], static, name)
        target = self.fresh(base, type)
        if isinstance(type, Scalar) and not weak:
            self.strong.add(target.name)
        made = Op(prim, args, tuple(sorted(static.items())))
        if isinstance(type, Scalar) and prim not in ("index", "list.item", "list.pop"):
            self.made[target] = made
        self.emit(Assign(target.name, made, self.span))
        return target

    def identity(self, prim: str, value: Atom, *others: Atom) -> Atom:
        """Write `fresh = prim(value, *others)`, an operation that gives its first operand."""
        target = self.fresh("%" + prim.rpartition(".")[2], self.typeof(value))
        if not self.is_weak(value):
            self.strong.add(target.name)
        self.emit(Assign(target.name, Op(prim, (value, *others)), self.span))
        return target

    def check(self, condition: Atom, error: str, *message: str | Expr, place: Span | None = None) -> None:
        """Raise the error at run time where the condition does not hold; its message begins with the place.

        `message` are texts and integers: `check(fits, "ValueError", "lengths ", n, " and ", m, " do not fit")`.
        """
        if self.checks and condition != Const(True):
            self.emit(check(condition, error, (self.where(place), *message), self.span, derived=True))

    def demand(self, wanted: Sequence[Demand | Filled], args: Sequence[Expr], place: Span | None = None) -> None:
        """Ask at run time for what operands have to be. Where errors point to is the expression, or `place`."""
        for one in wanted:
            if isinstance(one, Filled):
                lengths = [self._length(axis, args) for axis in one.axes]
                holds = self._all(self.op("!=", length, Const(0)) for length in lengths)
                self.check(holds, "ValueError", one.text, place=place)
                continue
            holds = self._all(self._fit(fit, args) for fit in one.fits)
            self.check(holds, one.error, *self._shapes(one, args), place=place)

    def _fit(self, fit: Fit, args: Sequence[Expr]) -> Atom:
        a, b = self._length(fit.one, args), self._length(fit.other, args)
        if isinstance(a, Const):
            a, b = b, a
        never = _differ(fit.one.length, fit.other.length)
        holds: Atom = Const(False) if never else self.op("==", a, b)
        for axis in fit.free:
            holds = self._either(holds, self.op("==", self._length(axis, args), Const(1)))
        return holds

    def _either(self, a: Atom, b: Atom) -> Atom:
        if Const(True) in (a, b):
            return Const(True)
        if self.meaning(a, 2) == self.meaning(b, 2):  # that a length has to be 1, or may be
            return a
        return b if a == Const(False) else a if b == Const(False) else self.op("or", a, b)

    def meaning(self, expr: Expr, depth: int) -> Expr:
        """How a number was computed, in operations of operations, so many deep."""
        made = self.made.get(expr)
        if made is None or not depth:
            return expr
        return Op(made.prim, tuple(self.meaning(arg, depth - 1) for arg in made.args), made.static)

    def _all(self, conditions: Iterable[Atom]) -> Atom:
        total: Atom = Const(True)
        for one in conditions:
            if Const(False) in (total, one):
                return Const(False)
            total = one if total == Const(True) else total if one == Const(True) else self.op("and", total, one)
        return total

    def _length(self, axis: Axis, args: Sequence[Expr]) -> Atom:
        if axis.length is not None and not axis.length.terms:
            return Const(axis.length.const)
        arg = args[axis.operand]
        assert isinstance(arg, Var | Const)
        return arg if axis.axis is None else self.op("shape", arg, axis=axis.axis)

    def _shapes(self, wanted: Demand, args: Sequence[Expr]) -> list[str | Expr]:
        """What is wrong, with the shapes of the operands as Python shows them; of vectors, their lengths."""
        shapes = [[self._length(axis, args) for axis in axes] for axes in wanted.shown]
        vectors = all(len(shape) == 1 for shape in shapes) and len(shapes) > 1
        first, *after = wanted.text
        message: list[str | Expr] = [first.replace("shape", "length") if vectors else first]
        for shape, text in zip(shapes, after, strict=True):
            shown: list[str | Expr] = [shape[0]] if shape else []
            for length in shape[1:]:
                shown += [", ", length]
            message += [*shown, text] if vectors else ["(", *shown, ",)" if len(shape) == 1 else ")", text]
        return message

    def where(self, place: Span | None = None) -> str:
        """The line and the expression, as the user wrote them: `L5: x[i + 1]: `."""
        span = place or self.place() or self.span
        if span is None:
            return ""
        one_line = span.end_line == span.line
        text = (span.text[span.column : span.end_column] if one_line else span.text[span.column :] + " ...").strip()
        text = text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE].rstrip() + " ..."
        name = f"{span.function} " if self.function not in (None, span.function) else ""
        return f"{name}L{span.line}: {text}: "

    def type_of_op(self, prim: str, *args: Expr, **static: object) -> Type:
        """The type `op` would give its result, which is not written."""
        try:
            return infer(prim, [self._operand(arg) for arg in args], static, unknown())[0]
        except TypeMismatch as error:
            self._refuse(prim, args, str(error))

    def dtype_of_op(self, prim: str, *args: Expr) -> str:
        """The dtype `op` would give an elementwise result, whatever the lengths."""
        try:
            return kind_of(prim, [self._operand(arg) for arg in args], {})[0]
        except TypeMismatch as error:
            self._refuse(prim, args, str(error))

    def _refuse(self, prim: str, args: Sequence[Expr], reason: str) -> NoReturn:
        kinds = ", ".join(described(self.typeof(arg)) for arg in args)
        fail("S127", f"{prim} does not take {kinds}" if kinds else f"{prim} needs arguments", self.place(), reason)

    def _operand(self, expr: Expr) -> Operand:
        if isinstance(expr, Slice):
            bounds = self._bound(expr.lower), self._bound(expr.upper), self._bound(expr.step)
            return Operand(expr, Opaque("slice"), False, bounds)
        return Operand(expr, self.typeof(expr), self.is_weak(expr))

    def _bound(self, expr: Expr | None) -> Bound:
        if expr is None:
            return None
        type = self.typeof(expr)
        return type.dim if isinstance(type, Scalar) and type.dim is not None else UNKNOWN


def _differ(a: Dim | None, b: Dim | None) -> bool:
    """Whether two lengths surely are not the same."""
    if a is None or b is None:
        return False
    return (
        (a.is_one and b.is_not_one)
        or (b.is_one and a.is_not_one)
        or (not a.terms and not b.terms and a.const != b.const)
    )


def described(type: Type) -> str:
    """A type in words, for messages.

    >>> described(Array("float64", (dim(3), dim(4))))
    'a float64 array of 2 axes'
    """
    match type:
        case Scalar("bool"):
            return "a bool"
        case Scalar(dtype):
            return f"a number ({dtype})"
        case Array(dtype, dims):
            return f"a {dtype} array of {len(dims)} {'axis' if len(dims) == 1 else 'axes'}"
        case Opaque(name):
            return "a string" if name == "str" else name
        case _:
            return "a list"


def _type_of_constant(value: object) -> Type:
    match value:
        case bool():
            return Scalar("bool")
        case int():
            return Scalar("int64", dim(value))
        case float():
            return Scalar("float64")
        case str():
            return Opaque("str")
        case _:
            return Opaque("None")


def _constants(prim: str, args: Sequence[Expr]) -> bool:
    known = PRIMITIVES.get(prim)
    return (
        known is not None
        and known.kind in _FOLDED
        and all(isinstance(arg, Const) and isinstance(arg.value, bool | int | float) for arg in args)
        and prim != "stop_gradient"
    )


def _fold(prim: str, args: Sequence[Expr], static: dict[str, object]) -> Const | None:
    """The result as a constant, where it is a plain Python number; a fault is left to run time."""
    try:
        with np.errstate(all="ignore"):
            value = PRIMITIVES[prim](*[arg.value for arg in args if isinstance(arg, Const)], **static)
    except (ArithmeticError, ValueError, TypeError):
        return None
    return Const(value) if type(value) in (bool, int, float) else None
