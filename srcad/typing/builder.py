"""IR builder for the normal form: fresh names with inferred types, and the insertion point of statements.

Lowering writes whole functions with it; the reverse transform writes adjoint statements by derivative rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal, NoReturn

import numpy as np

from srcad.errors import fail
from srcad.ir.names import base
from srcad.ir.nodes import Assign, Atom, Const, Expr, Function, Op, Recovery, Saved, Slice, Span, Stmt, Undef, Var
from srcad.ir.runtime_checks import check
from srcad.ir.source_lines import without_comment
from srcad.ir.types import Array, Dim, Opaque, Scalar, Type, unknown
from srcad.rules.primitives import PRIMITIVES
from srcad.typing.infer import Operand, infer
from srcad.typing.kinds import ComplexOperand, TypeMismatch, kind_of, kind_of_type, type_of_constant
from srcad.typing.length_demands import Axis, Demand, Filled, Fit, demands
from srcad.typing.slices import UNKNOWN, Bound

_FOLDABLE = frozenset({"elementwise"})

_LONGEST_QUOTE = 48
"""Limit on the characters of an expression in an error message."""


class Builder:
    """The insertion point, the names defined so far, and their types.

    >>> from srcad.ir.notation import show
    >>> from srcad.ir.printer import type_text
    >>> from srcad.ir.types import dim
    >>> builder = Builder()
    >>> builder.types["x"] = Array("float32", (dim(9),))
    >>> sine = builder.op("np.sin", Var("x"))
    >>> result = builder.op("*", builder.op("+", Const(1.0), Const(2.0)), sine)  # the sum is folded
    >>> print(show(tuple(builder.statements)))
    %sin.0 = np.sin(x)
    %product.0 = 3.0 * %sin.0
    >>> type_text(builder.types[result.name])
    'float32[9]'
    """

    def __init__(self) -> None:
        self.types: dict[str, Type] = {}
        self.span: Span | None = None
        self.place: Callable[[], Span | None] = lambda: self.span
        """The source span for errors: lowering knows the expression, not only its statement."""
        self.function: str | None = None
        """The function that is compiled: a message names the function of lines of any other."""
        self.checks = False
        """Whether the program itself is written, whose errors have to be raised. Derivative rules cannot fail."""
        self.definitions: dict[Expr, Op] = {}
        """The operations that define scalars, but for elements of arrays; and parts of complex arrays."""
        self.implied: dict[Expr, Expr] = {}
        """For some booleans, a condition that implies them."""
        self.undefined: set[str] = set()
        """Names that are undefined on some path."""
        self.counters: dict[str, int] = {}
        self.again = False
        """As in `Function`."""
        self.created: list[str] = []
        """Every name in the order of definition: a suffix of it was defined inside a loop."""
        self.tape: dict[str, Saved] = {}
        """The names of tape values (`Function.tape`)."""
        self.adjoints: dict[str, str] = {}
        """The adjoints and whose they are (`Function.adjoints`)."""
        self.recoveries: tuple[Recovery, ...] = ()
        """How the reverse sweep comes by what it reads (`Function.recoveries`)."""
        self._blocks: list[list[Stmt]] = [[]]

    @classmethod
    def resume(cls, f: Function) -> Builder:
        """A builder that continues that of `f`: fresh names differ from all names of `f`."""
        builder = cls()
        builder.types = dict(f.types)
        builder.tape = dict(f.tape)
        builder.adjoints = dict(f.adjoints)
        builder.recoveries = f.recoveries
        builder.again = f.again
        for name in f.types:
            base, _, version = name.rpartition(".")
            if base:  # a parameter has no version
                builder.counters[base] = max(builder.counters.get(base, 0), int(version) + 1)
        return builder

    @property
    def statements(self) -> list[Stmt]:
        """The block at the insertion point."""
        return self._blocks[-1]

    @property
    def before(self) -> Iterator[Stmt]:
        """The statements before the insertion point: those of its block, and of the open blocks around it."""
        return (statement for block in self._blocks for statement in block)

    @property
    def depth(self) -> int:
        """How many blocks are open."""
        return len(self._blocks)

    def fresh(self, base: str, type: Type) -> Var:
        """A new name `base.0`, `base.1`, ... of the given type."""
        count = self.counters.get(base, 0)
        self.counters[base] = count + 1
        name = f"{base}.{count}"
        self.created.append(name)
        self.types[name] = type
        for table in (self.definitions, self.implied):
            table.pop(Var(name), None)  # left by an abandoned attempt
        self.undefined.discard(name)
        return Var(name)

    def keep(self, of: str, ending: str, type: Type, one_per: Literal["turn", "stretch", "snapshot"] = "turn") -> Var:
        """A new name for values of the variable `of` that the forward sweep saves: its own with an ending."""
        target = self.fresh(of + ending, type)
        self.tape[target.name] = Saved(of, one_per)
        return target

    def adjoint(self, base: str, type: Type, of: str) -> Var:
        """A new name for an adjoint of the variable `of`."""
        target = self.fresh(base, type)
        self.adjoints[target.name] = of
        return target

    def built(self, f: Function) -> Function:
        """The function with what is known of its names."""
        adjoints = dict(self.adjoints)
        return replace(f, types=self.types, tape=self.tape, adjoints=adjoints, recoveries=self.recoveries)

    def variable(self, name: str) -> str:
        """The variable, without a version: of a name of the tape, the one whose values it saves."""
        return self.tape[name].of if name in self.tape else base(name)

    def emit(self, statement: Stmt) -> None:
        self._blocks[-1].append(statement)

    @contextmanager
    def block(self) -> Iterator[list[Stmt]]:
        """Open a nested block: what is emitted inside the `with` goes to the list it gives."""
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
                return type_of_constant(value)
            case Op(prim, args, static):
                return infer(prim, [self._operand(arg) for arg in args], dict(static), unknown())
            case Slice():
                return Opaque("slice")
            case Undef():
                return Opaque("undefined")

    def is_weak(self, expr: Expr) -> bool:
        """Whether NumPy promotes the scalar as a Python number, which does not widen the dtype of an array."""
        type = self.typeof(expr)
        return isinstance(type, Scalar) and type.weak is not False

    def op(self, prim: str, *args: Expr, hint: str = "", **static: object) -> Atom:
        """Emit `fresh = prim(*args, **static)`, or fold it where all operands are constant."""
        if args and _is_foldable(prim, args):
            folded = _fold(prim, args, static)
            if folded is not None:
                return folded
        primitive = PRIMITIVES.get(prim)
        base = "%" + (hint or (primitive and primitive.noun) or prim.rpartition(".")[2])
        name = f"{base}.{self.counters.get(base, 0)}"
        try:
            type = infer(prim, [self._operand(arg) for arg in args], static, name)
        except TypeMismatch as error:
            self._refuse(prim, args, error)
        if self.checks:
            self.demand(demands(prim, [self._operand(arg) for arg in args], static), args)
            name = f"{base}.{self.counters.get(base, 0)}"
            type = infer(prim, [self._operand(arg) for arg in args], static, name)
        target = self.fresh(base, type)
        value = Op(prim, args, tuple(sorted(static.items())))
        is_scalar = isinstance(type, Scalar) and prim not in ("index", "list.item", "list.pop")
        if is_scalar or prim in ("real", "imag"):
            self.definitions[target] = value
        self.emit(Assign(target.name, value, self.span))
        return target

    def flat(self, expr: Expr) -> Expr:
        """Emit the operations of a nested expression, each by itself."""
        if not isinstance(expr, Op):
            return expr
        return self.op(expr.prim, *map(self.flat, expr.args), hint="", **dict(expr.static))

    def identity(self, prim: str, value: Atom, *others: Atom) -> Atom:
        """Emit `fresh = prim(value, *others)`, an operation that is the identity on its first operand."""
        target = self.fresh("%" + prim.rpartition(".")[2], self.typeof(value))
        self.emit(Assign(target.name, Op(prim, (value, *others)), self.span))
        return target

    def real_part(self, value: Atom) -> Atom:
        """The real part of a complex value; that of an array is a view."""
        return self.op("np.real" if isinstance(self.typeof(value), Scalar) else "real", value, hint="part")

    def check(self, condition: Atom, error: str, *message: str | Expr, place: Span | None = None) -> None:
        """Emit a run-time check: the message of its error begins with the source location.

        `message` are texts and integers: `check(fits, "ValueError", "lengths ", n, " and ", m, " do not fit")`.
        """
        if self.checks and condition != Const(True):
            self.emit(check(condition, error, (self.where(place), *message), self.span, derived=True))

    def demand(self, wanted: Sequence[Demand | Filled], args: Sequence[Expr], place: Span | None = None) -> None:
        """Emit run-time checks of shape constraints. Errors point to the current expression, or to `place`."""
        for one in wanted:
            if isinstance(one, Filled):
                lengths = [self._length(axis, args) for axis in one.axes]
                holds = self._and(self.op("!=", length, Const(0)) for length in lengths)
                self.check(holds, "ValueError", one.text, place=place)
                continue
            holds = self._and(self._fit(fit, args) for fit in one.fits)
            self.check(holds, one.error, *self._shapes(one, args), place=place)

    def _fit(self, fit: Fit, args: Sequence[Expr]) -> Atom:
        a, b = self._length(fit.one, args), self._length(fit.other, args)
        if isinstance(a, Const):
            a, b = b, a
        never = _certainly_differ(fit.one.length, fit.other.length)
        holds: Atom = Const(False) if never else self.op("==", a, b)
        for axis in fit.free:
            holds = self._or(holds, self.op("==", self._length(axis, args), Const(1)))
        return holds

    def _or(self, a: Atom, b: Atom) -> Atom:
        if Const(True) in (a, b):
            return Const(True)
        if self.defining_expr(a, 2) == self.defining_expr(b, 2):  # both say that one length is 1
            return a
        return b if a == Const(False) else a if b == Const(False) else self.op("or", a, b)

    def defining_expr(self, expr: Expr, depth: int) -> Expr:
        """The scalar as the nested expression that defines it, up to this depth."""
        value = self.definitions.get(expr)
        if value is None or not depth:
            return expr
        return Op(value.prim, tuple(self.defining_expr(arg, depth - 1) for arg in value.args), value.static)

    def _and(self, conditions: Iterable[Atom]) -> Atom:
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
        """The message, with the shapes of the operands in Python's notation, or the lengths of vectors."""
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
        text = (
            span.text[span.column : span.end_column] if one_line else without_comment(span.text)[span.column :] + " ..."
        ).strip()
        text = text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE].rstrip() + " ..."
        name = f"{span.function} " if self.function not in (None, span.function) else ""
        return f"{name}L{span.line}: {text}: "

    def type_of_op(self, prim: str, *args: Expr, **static: object) -> Type:
        """The type of the result of `op`, without emitting it."""
        try:
            return infer(prim, [self._operand(arg) for arg in args], static, unknown())
        except TypeMismatch as error:
            self._refuse(prim, args, error)

    def dtype_of_op(self, prim: str, *args: Expr) -> str:
        """The dtype of the result of an elementwise `op`, whatever the lengths, without emitting it."""
        try:
            return kind_of(prim, args, [kind_of_type(self._operand(arg).type) for arg in args], {}).dtype
        except TypeMismatch as error:
            self._refuse(prim, args, error)

    def _refuse(self, prim: str, args: Sequence[Expr], error: TypeMismatch) -> NoReturn:
        if isinstance(error, ComplexOperand):
            advice = "give it the real and the imaginary part, z.real and z.imag."
            fail("S116", f"{prim} of complex numbers", self.place(), None, advice)
        kinds = ", ".join(described(self.typeof(arg)) for arg in args)
        what = f"{prim} does not take {kinds}" if kinds else f"{prim} needs arguments"
        fail("S127", what, self.place(), str(error))

    def _operand(self, expr: Expr) -> Operand:
        if isinstance(expr, Slice):
            bounds = self._bound(expr.lower), self._bound(expr.upper), self._bound(expr.step)
            return Operand(expr, Opaque("slice"), bounds)
        type = self.typeof(expr)
        if isinstance(type, Scalar) and type.weak is None:
            type = replace(type, weak=True)
        return Operand(expr, type)

    def _bound(self, expr: Expr | None) -> Bound:
        if expr is None:
            return None
        type = self.typeof(expr)
        return type.dim if isinstance(type, Scalar) and type.dim is not None else UNKNOWN


def _certainly_differ(a: Dim | None, b: Dim | None) -> bool:
    """Whether two lengths are certainly different."""
    if a is None or b is None:
        return False
    return (
        (a.is_one and b.is_not_one)
        or (b.is_one and a.is_not_one)
        or (not a.terms and not b.terms and a.const != b.const)
    )


def described(type: Type) -> str:
    """A type in words, for error messages.

    >>> from srcad.ir.types import dim
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


def _is_foldable(prim: str, args: Sequence[Expr]) -> bool:
    primitive = PRIMITIVES.get(prim)
    return (
        primitive is not None
        and primitive.kind in _FOLDABLE
        and not primitive.external
        and all(isinstance(arg, Const) and isinstance(arg.value, bool | int | float | complex) for arg in args)
        and prim not in ("stop_gradient", "cut_gradient")
    )


def _fold(prim: str, args: Sequence[Expr], static: dict[str, object]) -> Const | None:
    """The result as a constant, where it is a Python number; an error is left to run time."""
    try:
        with np.errstate(all="ignore"):
            value = PRIMITIVES[prim](*[arg.value for arg in args if isinstance(arg, Const)], **static)
    except (ArithmeticError, ValueError, TypeError):
        return None
    return Const(value) if type(value) in (bool, int, float, complex) else None
