"""Sequential form executed statement by statement, and random programs in it: what the tests of passes stand on."""

from __future__ import annotations

import operator
import random
from collections.abc import Iterable
from typing import Any

from srcad.ir.nodes import (
    Assign,
    AugAssign,
    Block,
    Carry,
    Comment,
    Const,
    Effect,
    Expr,
    For,
    Function,
    If,
    Join,
    Op,
    Param,
    Return,
    Slice,
    Stmt,
    Store,
    Var,
    While,
)
from srcad.ir.types import Array, Scalar, Type, dim
from srcad.rules.primitives import PRIMITIVES

IN_PLACE = {
    "+": operator.iadd, "-": operator.isub, "*": operator.imul, "/": operator.itruediv, "//": operator.ifloordiv,
    "%": operator.imod, "**": operator.ipow, "&": operator.iand, "|": operator.ior, "^": operator.ixor,
}  # fmt: skip


class Execution:
    """Runs a block on an environment; `env` holds the values of names."""

    def __init__(self, env: dict[str, Any]) -> None:
        self.env = env
        self.result: tuple[Any, ...] = ()

    def run(self, block: Block) -> dict[str, Any]:
        for stmt in block:
            self.step(stmt)
        return self.env

    def step(self, stmt: Stmt) -> None:
        env = self.env
        match stmt:
            case Assign(target, value):
                env[target] = self.value(value)
            case AugAssign(target, op, value):
                env[target] = IN_PLACE[op](env[target], self.value(value))
            case Store(base, index, value, op):
                new, place = self.value(value), tuple(map(self.value, index)) or ...
                memory = self.value(base)
                memory[place] = new if op is None else IN_PLACE[op](memory[place], new)
            case If(cond, then, orelse, joins):
                taken = bool(self.value(cond))
                self.run(then if taken else orelse)
                self.together((j.target, j.then if taken else j.orelse) for j in joins)
            case For(index, start, stop, step, body, carried, exit):
                turns = range(self.value(start), self.value(stop), self.value(step))
                self.together((c.arg, c.init) for c in carried)
                for i in turns:
                    env[index] = i
                    self.run(body)
                    leave = exit is not None and self.value(exit)
                    self.together((c.arg, c.next) for c in carried)
                    if leave:
                        break
                self.together((c.result, Var(c.arg)) for c in carried)
            case While(test, cond, body, carried):
                self.together((c.arg, c.init) for c in carried)
                while True:
                    self.run(test)
                    if not self.value(cond):
                        break
                    self.run(body)
                    self.together((c.arg, c.next) for c in carried)
                self.together((c.result, Var(c.arg)) for c in carried)
            case Effect(call):
                self.value(call)
            case Return(values):
                self.result = tuple(map(self.value, values))
            case Comment():
                pass
            case _:
                raise AssertionError(stmt)

    def together(self, assignments: Iterable[tuple[str, Expr]]) -> None:
        """All are read before any is written."""
        pairs = list(assignments)
        self.env |= {target: self.value(value) for target, value in pairs}

    def value(self, expr: Expr) -> Any:
        match expr:
            case Var(name):
                return self.env[name]
            case Const(value):
                return value
            case Slice(lower, upper, step):
                return slice(*(None if part is None else self.value(part) for part in (lower, upper, step)))
            case Op("and", (a, b)):
                return self.value(a) and self.value(b)
            case Op("or", (a, b)):
                return self.value(a) or self.value(b)
            case Op("select", (cond, a, b)):
                return self.value(a) if self.value(cond) else self.value(b)
            case Op(prim, args, static):
                return PRIMITIVES[prim](*map(self.value, args), **dict(static))
        raise AssertionError(expr)


FLOAT = Scalar("float64")
INT = Scalar("int64")
VECTOR = Array("float64", (dim(4),))
SCALARS = ("s.0", "s.1", "d_s.0", "d_s.1", "d_r.0")
ARRAYS = ("u.0", "u.1", "d_u.0", "d_u.1", "%v.0")
PARAMS = ("a", "b", "x")


def adjoints_in(names: Iterable[str]) -> dict[str, str]:
    """Those that are meant as adjoints here."""
    return {name: name.removeprefix("d_") for name in names if name.startswith("d_")}


class Writer:
    """A random program, equal for equal seeds. `a` and `b` are vectors, `x` a number, all given."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.types: dict[str, Type] = {"a": VECTOR, "b": VECTOR, "x": FLOAT}
        self.types |= dict.fromkeys(SCALARS, FLOAT) | dict.fromkeys(ARRAYS, VECTOR)
        self.count = 0

    def program(self) -> Block:
        start: list[Stmt] = [Assign(n, Const(self.random.choice((0.0, 0.5)))) for n in SCALARS]
        start += [Assign(n, Op("np.zeros_like", (Var("a"),))) for n in ARRAYS]
        self.random.shuffle(start)
        return (*start, *self.block(depth=0, size=12, scalars=[*SCALARS, "x"], indices=[]))

    def fresh(self, base: str, type: Type) -> str:
        name = f"{base}.{self.count + 10}"
        self.count += 1
        self.types[name] = type
        return name

    def block(self, depth: int, size: int, scalars: list[str], indices: list[str]) -> Block:
        scalars = list(scalars)
        arrays = [*ARRAYS, "a", "b"]
        out: list[Stmt] = []
        for _ in range(self.random.randint(1, size)):
            out += self.statement(depth, scalars, arrays, indices)
        return tuple(out)

    def statement(self, depth: int, scalars: list[str], arrays: list[str], indices: list[str]) -> list[Stmt]:
        pick = self.random
        kind = pick.choice("zero aug aug aug set temp temp temp element element array view take nest".split())
        number = self.scalar(2, scalars, arrays, indices)
        match kind:
            case "zero":
                return [Assign(pick.choice(SCALARS), Const(0.0))]
            case "aug":
                return [AugAssign(pick.choice(SCALARS), pick.choice("+-"), number)]
            case "set":
                return [Assign(pick.choice(SCALARS), number)]
            case "temp":
                name = self.fresh("%t", FLOAT)
                scalars.append(name)
                return [Assign(name, number)]
            case "element":
                item = self.item(indices)
                array = Var(pick.choice(ARRAYS[:4] if pick.random() < 0.8 else ("a", "b")))
                return [Store(array, (item,), pick.choice((Const(0.0), number)), pick.choice((None, "+", "+", "-")))]
            case "take":
                source, item = Var(pick.choice(ARRAYS[:4])), self.item(indices)
                if pick.random() < 0.5:
                    name = self.fresh("%t", FLOAT)
                    scalars.append(name)
                    taken, zero = Op("index", (source, item)), Store(source, (item,), Const(0.0))
                else:
                    name = self.fresh("%w", VECTOR)
                    arrays.append(name)
                    taken = Op("copy", (Op("index", (source, Slice())),))
                    zero = Store(source, (), Const(0.0))
                return [Assign(name, taken), zero]
            case "array":
                target = pick.choice(ARRAYS)
                value = self.array(1, scalars, arrays, indices)
                match pick.randrange(5):
                    case 0:
                        return [Assign(target, Op("np.zeros_like", (Var("a"),)))]
                    case 1:
                        return [Assign(target, Op("copy", (Var(pick.choice(arrays)),)))]
                    case 2:
                        return [AugAssign(target, "+", value)]
                    case 3:
                        return [Store(Var(target), (), value, pick.choice((None, "+", "-")))]
                    case _:
                        return [Assign(target, value)]
            case "view":
                name = self.fresh("%w", VECTOR)
                step = pick.choice((None, Const(-1)))
                value = pick.choice(
                    (Var(pick.choice(arrays)), Op("index", (Var(pick.choice(arrays)), Slice(step=step))))
                )
                arrays.append(name)
                return [Assign(name, value)]
        if depth > 2:
            return []
        match pick.randrange(4):
            case 0 | 1:
                cond = Op("<", (number, self.scalar(1, scalars, arrays, indices)))
                then = self.block(depth + 1, 4, scalars, indices)
                return [If(cond, then, self.block(depth + 1, 4, scalars, indices) if pick.random() < 0.7 else ())]
            case 2:
                index = self.fresh("i", INT)
                body = self.block(depth + 1, 5, scalars, [*indices, index])
                return [For(index, Const(0), Const(pick.randint(0, 3)), Const(1), body)]
            case _:
                k, t = self.fresh("k", INT), self.fresh("%test", Scalar("bool"))
                body = self.block(depth + 1, 4, scalars, indices)
                test: Block = (Assign(t, Op("<", (Var(k), Const(pick.randint(0, 3))))),)
                return [Assign(k, Const(0)), While(test, Var(t), (*body, AugAssign(k, "+", Const(1))))]

    def item(self, indices: list[str]) -> Expr:
        if indices and self.random.random() < 0.6:
            return Var(self.random.choice(indices))
        return Const(self.random.randint(0, 3))

    def scalar(self, depth: int, scalars: list[str], arrays: list[str], indices: list[str]) -> Expr:
        pick = self.random

        def inner() -> Expr:
            return self.scalar(depth - 1, scalars, arrays, indices)

        leaf = pick.choice((Var(pick.choice(scalars)), Var(pick.choice(scalars)), Const(pick.choice((1.0, 0.5, -2.0)))))
        if depth == 0:
            return leaf
        match pick.randrange(8):
            case 0 | 1:
                return leaf
            case 2:
                return Op("index", (Var(pick.choice(arrays)), self.item(indices)))
            case 3:
                return Op("np.sum", (Var(pick.choice(arrays)),))
            case 4:
                return Op("neg", (inner(),))
            case 5:
                return Op("np.tanh", (inner(),))
            case _:
                return Op(pick.choice("+-*"), (inner(), inner()))

    def array(self, depth: int, scalars: list[str], arrays: list[str], indices: list[str]) -> Expr:
        pick = self.random
        leaf = Var(pick.choice(arrays))
        match pick.randrange(5):
            case 0:
                return Op("*", (self.scalar(0, scalars, arrays, indices), leaf))
            case 1:
                return Op("neg", (leaf,))
            case 2:
                return Op(pick.choice("+-*"), (leaf, Var(pick.choice(arrays))))
            case 3:
                return Op("np.tanh", (Op(pick.choice("+*"), (leaf, Const(1.0))),))
            case _:
                return leaf


class NormalWriter:
    """A random function in normal form: every name assigned once, joins and carries explicit."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.types: dict[str, Type] = {"a": VECTOR, "b": VECTOR, "x": FLOAT}
        self.count = 0

    def fresh(self, type: Type) -> Var:
        user, temporary = ("s", "%t") if type == FLOAT else ("u", "%w") if type == VECTOR else ("i", "%i")
        base = self.random.choice((user, temporary, user + "2"))
        name = f"{base}.{self.count}"
        self.count += 1
        self.types[name] = type
        return Var(name)

    def function(self) -> Function:
        scope = [Var(n) for n in PARAMS]
        body = self.block(0, 14, scope)
        results = tuple(self.random.sample(scope, k=min(len(scope), 4)))
        params = tuple(Param(n, n) for n in PARAMS)
        return Function("f", params, body, results, self.types, adjoints=adjoints_in(self.types))

    def of(self, scope: list[Var], type: Type) -> Var:
        return self.random.choice([v for v in scope if self.types[v.name] == type])

    def atom(self, scope: list[Var]) -> Expr:
        return self.of(scope, FLOAT) if self.random.random() < 0.8 else Const(self.random.choice((0.5, 1.0, -1.0)))

    def block(self, depth: int, size: int, scope: list[Var]) -> Block:
        """Statements; what they define is added to `scope`."""
        out: list[Stmt] = []
        for _ in range(self.random.randint(1, size)):
            out += self.statement(depth, scope)
        return tuple(out)

    def statement(self, depth: int, scope: list[Var]) -> list[Stmt]:
        pick = self.random
        match pick.randrange(10 if depth < 3 else 7):
            case 0 | 1:
                return self.assign(scope, Op(pick.choice("+-*"), (self.atom(scope), self.atom(scope))))
            case 2:
                return self.assign(scope, pick.choice((self.atom(scope), Op("np.tanh", (self.atom(scope),)))))
            case 3:
                array = self.of(scope, VECTOR)
                element = Op("index", (array, Const(pick.randint(0, 3))))
                return self.assign(scope, pick.choice((element, Op("np.sum", (array,)))))
            case 4:
                array, other = self.of(scope, VECTOR), self.of(scope, VECTOR)
                whole = Op("index", (array, Slice()))
                made = (Op("copy", (array,)), Op("+", (array, other)), Op("*", (array, other)))
                value = pick.choice((array, whole, *made, *made))
                return self.assign(scope, value, VECTOR)
            case 5 | 6:
                op = pick.choice((None, "+", "*"))
                return [Store(self.of(scope, VECTOR), (Const(pick.randint(0, 3)),), self.atom(scope), op)]
            case 7:
                return self.choice(depth, scope)
            case _:
                return self.loop(depth, scope)

    def assign(self, scope: list[Var], value: Expr, type: Type = FLOAT) -> list[Stmt]:
        target = self.fresh(type)
        scope.append(target)
        return [Assign(target.name, value)]

    def choice(self, depth: int, scope: list[Var]) -> list[Stmt]:
        first, second = list(scope), list(scope)
        cond = Op("<", (self.atom(scope), self.atom(scope)))
        then, orelse = self.block(depth + 1, 4, first), self.block(depth + 1, 4, second)
        joins = []
        for _ in range(self.random.randint(0, 3)):
            type = self.random.choice((FLOAT, VECTOR))
            target = self.fresh(type)
            joins.append(Join(target.name, self.of(first, type), self.of(second, type)))
            scope.append(target)
        test = self.fresh(Scalar("bool"))
        return [Assign(test.name, cond), If(test, then, orelse, tuple(joins))]

    def loop(self, depth: int, scope: list[Var]) -> list[Stmt]:
        inner = list(scope)
        heads: list[tuple[Var, Var]] = []
        for _ in range(self.random.randint(0, 3)):
            type = self.random.choice((FLOAT, VECTOR))
            arg = self.fresh(type)
            heads.append((arg, self.of(scope, type)))
            inner.append(arg)
        body = self.block(depth + 1, 4, inner)
        carried = []
        for arg, init in heads:
            type = self.types[arg.name]
            result = self.fresh(type)
            carried.append(Carry(arg.name, init, self.of(inner, type), result.name))
            scope.append(result)
        index = self.fresh(INT)
        turns = Const(self.random.randint(0, 3))
        if self.random.random() < 0.5:
            return [For(index.name, Const(0), turns, Const(1), body, tuple(carried))]
        count, test, after = self.fresh(INT), self.fresh(Scalar("bool")), self.fresh(INT)
        counted = Carry(index.name, Const(0), count, after.name)
        head: Block = (Assign(test.name, Op("<", (index, turns))),)
        body = (*body, Assign(count.name, Op("+", (index, Const(1)))))
        return [While(head, test, body, (*carried, counted))]
