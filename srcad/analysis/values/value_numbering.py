"""Value numbering: which scalars are equal because they are computed alike (`p[0]` and `p[0]`, no store in between).

Two operations of one primitive on equal operands have equal values. A value computed in a loop is compared with those
that the same iteration computed before it, in the same block or in an enclosing one of that loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count

from srcad.analysis.memory.alias_classes import AliasClasses
from srcad.ir.nodes import Assign, Block, Const, Expr, For, If, Op, Store, Var, While
from srcad.ir.result_memory import root
from srcad.ir.traversal import blocks, walk
from srcad.ir.types import Scalar, Type
from srcad.rules.primitives import PRIMITIVES


def value_numbers(body: Block, types: Mapping[str, Type], aliases: AliasClasses) -> dict[str, str]:
    """For a name, the first one that has the same value wherever the name itself has one; normal form.

    >>> from srcad.ir.notation import parse
    >>> body = parse('''
    ... %a.0 = p[0]
    ... %b.0 = p[0]
    ... p[0] = %a.0
    ... %c.0 = p[0]
    ... ''')
    >>> floats = dict.fromkeys(("%a.0", "%b.0", "%c.0"), Scalar("float64"))
    >>> value_numbers(body, floats, AliasClasses({"p": "p"}, frozenset({"p"})))
    {'%b.0': '%a.0'}
    """
    numbering = _ValueNumbering(types, aliases)
    numbering.block(body, {}, {})
    return numbering.first


class _ValueNumbering:
    def __init__(self, types: Mapping[str, Type], aliases: AliasClasses) -> None:
        self.types = types
        self.aliases = aliases
        self.first: dict[str, str] = {}
        self.copies: dict[str, Expr] = {}
        self.versions = count(1)

    def block(self, block: Block, results: dict[object, str], memory: dict[str, int]) -> None:
        """`results`: the result of each operation, by key; `memory`: the version of each stored alias class."""
        for stmt in block:
            match stmt:
                case Assign(target, Var() as source):
                    self.copies[target] = self._canonical(source)
                case Assign(target, Op() as op) if isinstance(self.types.get(target), Scalar):
                    key = self._key(op, memory)
                    if key is not None and results.setdefault(key, target) != target:
                        self.first[target] = results[key]
                case If(_, then, orelse):
                    for branch in (then, orelse):
                        self.block(branch, dict(results), dict(memory))
                case For() | While():
                    # earlier iterations may have stored before this one starts
                    self._bump_versions((stmt,), memory)
                    self.block(tuple(s for inner in blocks(stmt) for s in inner), {}, dict(memory))
            self._bump_versions((stmt,), memory)

    def _bump_versions(self, block: Block, memory: dict[str, int]) -> None:
        for group in {self.aliases.class_of.get(root(s.base) or "", "") for s in walk(block) if isinstance(s, Store)}:
            memory[group] = next(self.versions)

    def _key(self, op: Op, memory: Mapping[str, int]) -> object:
        match op:
            case Op("index", (Var(array), *items)) if all(isinstance(item, Var | Const) for item in items):
                version = memory.get(self.aliases.class_of.get(array, ""), 0) if array in self.aliases.written else 0
                return ("index", array, version, *map(self._operand_key, items))
            case Op(prim, args, static) if PRIMITIVES[prim].kind == "elementwise":
                if all(map(self._is_scalar, args)):
                    return (prim, static, *map(self._operand_key, args))
        return None

    def _canonical(self, e: Expr) -> Expr:
        if not isinstance(e, Var):
            return e
        return self.copies.get(e.name, Var(self.first.get(e.name, e.name)))

    def _operand_key(self, e: Expr) -> object:
        """Equal for equal atoms; 1, 1.0 and True differ."""
        return repr(self._canonical(e))

    def _is_scalar(self, e: Expr) -> bool:
        return isinstance(e, Const) or (isinstance(e, Var) and isinstance(self.types.get(e.name), Scalar))
