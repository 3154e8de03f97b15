"""The meaning of normal form, as plainly as can be: it is run on NumPy values, statement by statement.

Slow, and obviously right: what the compiler makes of a function is compared with it in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from typing_extensions import assert_never

from srcad.ir.nodes import (
    Assign,
    AugAssign,
    Block,
    Comment,
    Const,
    Effect,
    Expr,
    For,
    Function,
    If,
    Op,
    Return,
    Slice,
    Stmt,
    Store,
    Undef,
    Var,
    While,
)
from srcad.ir.runtime_checks import check_of
from srcad.rules.primitives import PRIMITIVES

_UNDEFINED = object()


class Raised(Exception):
    """A check has failed: the name of the error and its message."""


def interpret(function: Function, arguments: Sequence[Any], env: dict[str, Any] | None = None) -> tuple[Any, ...]:
    """The results for flat arguments. Arrays are references: a store changes the caller's array.

    `env` is where the values of the names are kept.
    """
    env = {} if env is None else env
    env.update(zip((param.name for param in function.params), arguments, strict=True))
    with np.errstate(all="ignore"):
        _run(function.body, env)
        return tuple(_value(result, env) for result in function.results)


def _value(expr: Expr, env: Mapping[str, Any]) -> Any:
    match expr:
        case Var(name):
            value = env[name]
            if value is _UNDEFINED:
                raise UnboundLocalError(name)
            return value
        case Const(value):
            return value
        case Undef():
            return _UNDEFINED
        case Slice(lower, upper, step):
            return slice(*(None if part is None else _value(part, env) for part in (lower, upper, step)))
        case Op(prim, args, static):
            return _apply(prim, [_value(arg, env) for arg in args], dict(static))
        case _:
            assert_never(expr)


def _apply(prim: str, args: Sequence[Any], static: Mapping[str, Any]) -> Any:
    result = PRIMITIVES[prim](*args, **static)
    return result[()] if isinstance(result, np.ndarray) and result.ndim == 0 else result


def _arrival(expr: Expr, env: Mapping[str, Any]) -> Any:
    """A value that may be undefined, as long as nobody reads it."""
    return env[expr.name] if isinstance(expr, Var) else _value(expr, env)


def _run(block: Block, env: dict[str, Any]) -> None:
    for stmt in block:
        _step(stmt, env)


def _step(stmt: Stmt, env: dict[str, Any]) -> None:
    match stmt:
        case Assign(target, value):
            env[target] = _arrival(value, env)
        case Store(base, index, value, op):
            _store(_value(base, env), tuple(_value(i, env) for i in index) or ..., _value(value, env), op)
        case If(cond, then, orelse, joins):
            taken = bool(_value(cond, env))
            _run(then if taken else orelse, env)
            for join in joins:
                env[join.target] = _arrival(join.then if taken else join.orelse, env)
        case For(index, start, stop, step, body, carried, leave):
            values = [_arrival(carry.init, env) for carry in carried]
            for i in range(*(int(_value(bound, env)) for bound in (start, stop, step))):
                env.update({carry.arg: value for carry, value in zip(carried, values, strict=True)})
                env[index] = i
                _run(body, env)
                left = leave is not None and bool(_value(leave, env))
                values = [_arrival(carry.next, env) for carry in carried]
                if left:
                    break
            env.update({carry.result: value for carry, value in zip(carried, values, strict=True)})
        case While(test, cond, body, carried):
            env.update({carry.arg: _arrival(carry.init, env) for carry in carried})
            while True:
                _run(test, env)
                if not _value(cond, env):
                    break
                _run(body, env)
                env.update({carry.arg: _arrival(carry.next, env) for carry in carried})
            env.update({carry.result: env[carry.arg] for carry in carried})
        case Effect(call):
            _effect(call, [_value(arg, env) for arg in call.args])
        case Comment():
            return
        case AugAssign() | Return():
            raise ValueError(f"{type(stmt).__name__} is no statement of normal form")
        case _:
            assert_never(stmt)


def _store(base: Any, index: Any, value: Any, op: str | None) -> None:
    base[index] = value if op is None else PRIMITIVES[op](base[index], value)


def _effect(call: Op, args: Sequence[Any]) -> None:
    match call.prim:
        case "check":
            if not args[0]:
                found = check_of(Effect(Op(call.prim, tuple(map(Const, args)), call.static)))
                assert found is not None
                text = "".join(str(part.value) if isinstance(part, Const) else str(part) for part in found.message)
                raise Raised(found.error, text)
        case "within":
            index, length = args
            if not -length <= index < length:
                raise Raised("IndexError", f"index {index} is out of bounds for length {length}")
        case _:
            PRIMITIVES[call.prim](*args)
