"""A smaller program that fails in the same way: lines taken out, blocks opened, expressions replaced by their parts."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.fuzz.program import Program

Fails = Callable[[Program], bool]


def minimised(program: Program, fails: Fails, tries: int = 300) -> Program:
    """The smallest found in so many tries. `fails` says of a program whether it fails as the first does."""
    plain = replace(program, text=ast.unparse(ast.parse(program.text)) + "\n")
    if not fails(plain):
        return program
    program, left = plain, tries
    if program.checkpoint and fails(without := replace(program, checkpoint=())):
        program = without
    smaller = True
    while smaller and left > 0:
        smaller = False
        at = 0
        while left > 0:
            shorter = _nth(program.text, at)
            if shorter is None:
                break
            at += 1
            if shorter == program.text or len(shorter) > len(program.text) + 4:
                continue
            left -= 1
            candidate = replace(program, text=shorter)
            if fails(candidate):
                program, smaller = candidate, True
                at = max(0, at - 1)
    return program


def _nth(text: str, number: int) -> str | None:
    """The text with one change; the changes are numbered, the largest first."""
    tree = ast.parse(text)
    change = next((change for at, change in enumerate(_changes(tree)) if at == number), None)
    if change is None:
        return None
    change()
    try:
        return ast.unparse(ast.fix_missing_locations(tree)) + "\n"
    except Exception:
        return text


def _changes(tree: ast.Module) -> Iterator[Callable[[], None]]:
    functions = [one for one in tree.body if isinstance(one, ast.FunctionDef)]
    for one in tree.body:
        if isinstance(one, ast.FunctionDef | ast.ClassDef) and one.name not in ("program", "arguments", "others"):
            yield lambda one=one: tree.body.remove(one)
    written = [one for one in functions if one.name not in ("arguments", "others")]
    blocks = [block for one in written for block in _blocks(one)]
    for block in blocks:
        for at in range(len(block)):
            yield lambda block=block, at=at: _take(block, at, [])
            stmt = block[at]
            for inner in (getattr(stmt, "body", None), getattr(stmt, "orelse", None)):
                if inner and not isinstance(stmt, ast.FunctionDef) and isinstance(inner, list):
                    yield lambda block=block, at=at, inner=inner: _take(block, at, inner)
            if getattr(stmt, "orelse", None):
                yield lambda stmt=stmt: stmt.orelse.clear()
    for one in written:
        for parent in ast.walk(one):
            for name, value in ast.iter_fields(parent):
                if isinstance(value, ast.expr) and _replaceable(parent, name):
                    for part in _parts(value):
                        yield lambda parent=parent, name=name, part=part: setattr(parent, name, part)
                elif isinstance(value, list):
                    for at, item in enumerate(value):
                        if isinstance(item, ast.expr) and _replaceable(parent, name):
                            for part in _parts(item):
                                yield lambda value=value, at=at, part=part: value.__setitem__(at, part)


def _blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for child in ast.walk(node):
        for name in ("body", "orelse"):
            block = getattr(child, name, None)
            if isinstance(block, list):
                yield block


def _take(block: list[ast.stmt], at: int, instead: list[ast.stmt]) -> None:
    block[at : at + 1] = copy.deepcopy(instead)
    if not block:
        block.append(ast.Pass())


def _replaceable(parent: ast.AST, name: str) -> bool:
    """Not what is stored to, and not the name of what is called."""
    if name in ("target", "targets", "func", "ctx", "defaults", "keywords", "returns"):
        return False
    return not isinstance(parent, ast.Attribute)


def _parts(expr: ast.expr) -> Iterator[ast.expr]:
    match expr:
        case ast.BinOp(left, _, right):
            yield from (left, right)
        case ast.UnaryOp(_, operand):
            yield operand
        case ast.Call(_, args):
            yield from (arg for arg in args if not isinstance(arg, ast.Starred))
            if isinstance(expr.func, ast.Attribute) and not isinstance(expr.func.value, ast.Name):
                yield expr.func.value
        case ast.IfExp(_, body, orelse):
            yield from (body, orelse)
        case ast.BoolOp(_, values):
            yield from values
        case ast.NamedExpr(_, value):
            yield value
        case ast.Subscript(value, _) if not isinstance(value, ast.Name):
            yield value
        case ast.Compare(left, _, comparators) if len(comparators) > 1:
            yield ast.Compare(left, expr.ops[:1], comparators[:1])
        case ast.List(elts) | ast.Tuple(elts) if len(elts) > 1 and isinstance(expr.ctx, ast.Load):
            for at in range(len(elts)):
                yield type(expr)(elts[:at] + elts[at + 1 :], expr.ctx)
    if isinstance(expr, ast.BinOp | ast.Call | ast.IfExp):
        yield ast.Constant(0.5)
