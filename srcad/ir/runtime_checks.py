"""Run-time checks: statements that raise an error, with its location and values, where a condition does not hold.

A check is a statement of both forms, `Effect(Op("check", (condition, *values), ...))`. It is never dead code, it stays
before the statements that rely on it, and it belongs to the forward sweep.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from srcad.ir.nodes import Const, Effect, Expr, Op, Span, Stmt


@dataclass(frozen=True)
class Check:
    """`if not condition: raise error(message)`."""

    condition: Expr
    error: str
    """The class as in source text: `ValueError`, `np.linalg.LinAlgError`; `AssertionError` stands for an `assert`."""
    message: tuple[str | Expr, ...]
    """Text parts, and integer expressions between them."""
    derived: bool = False
    """Whether an operation requires it, and it is not in the program."""


def check(
    condition: Expr, error: str, message: Sequence[str | Expr], span: Span | None = None, *, derived: bool = False
) -> Effect:
    """The statement.

    >>> from srcad.ir.nodes import Var
    >>> from srcad.ir.notation import show
    >>> print(show((check(Op("==", (Var("n"), Const(3))), "ValueError", ("3 items, not ", Var("n"))),)))
    check(n == 3, n, derived=False, error='ValueError', texts=('3 items, not ', ''))
    """
    texts, values = [""], []
    for part in message:
        match part:
            case (str() as text) | Const(text):
                texts[-1] += str(text)
            case _:
                values.append(part)
                texts.append("")
    static = (("derived", derived), ("error", error), ("texts", tuple(texts)))
    return Effect(Op("check", (condition, *values), static), span)


def check_of(stmt: Stmt) -> Check | None:
    """The check that the statement is; None for any other statement."""
    match stmt:
        case Effect(Op("check", (condition, *values), static)):
            known = dict(static)
            texts = known["texts"]
            assert isinstance(texts, tuple)
            message: list[str | Expr] = [texts[0]]
            for value, text in zip(values, texts[1:], strict=True):
                message += [value, text]
            return Check(condition, str(known["error"]), tuple(p for p in message if p != ""), bool(known["derived"]))
    return None


def within(index: Expr, length: Expr, where: str, span: Span | None = None) -> Effect:
    """A marker: Python checks here whether the index is within an axis of that length.

    `canonicalize/index_checks` replaces it by a check, where one is needed.
    """
    return Effect(Op("within", (index, length), (("where", where),)), span)


def is_check(stmt: Stmt) -> bool:
    return isinstance(stmt, Effect) and stmt.call.prim == "check"


def negated(condition: Expr) -> Expr:
    """The opposite of a condition on integers and bools, as one would write it.

    >>> from srcad.ir.nodes import Var
    >>> from srcad.ir.printer import expr_text
    >>> n, m = Var("n"), Var("m")
    >>> expr_text(negated(Op("or", (Op("==", (n, m)), Op("==", (n, Const(1)))))))
    '(not (n == m)) and (not (n == 1))'
    """
    match condition:
        case Op("and" | "or" as prim, (a, b)):
            return Op("or" if prim == "and" else "and", (negated(a), negated(b)))
        case Op("not", (inner,)):
            return inner
        case Const(bool(value)):
            return Const(not value)
        case _:
            return Op("not", (condition,))
