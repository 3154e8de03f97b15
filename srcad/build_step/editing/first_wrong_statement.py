"""The first statement of an edited text that computes something else than the generated text.

Both are run uncompiled. Statements are matched by their text and by what they assign; the n-th run of one is compared
with the n-th run of the other. What an edit added beside (a temporary of its own) has no match and is not compared.

>>> text = "def f(x):\\n    y = x * x\\n    # L7: z = y\\n    z = 2.0 * y\\n    return z + x\\n"
>>> print(first_wrong(text.replace("2.0 *", "3.0 *"), text, "f", [1.5]))
line 4: z = 3.0 * y
    z is 6.75, and should be 4.5
    of L7: z = y
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from srcad.build_step.editing.recording import Item, Notes, record
from srcad.build_step.editing.statements import Statement, changes

_QUOTE = re.compile(r"\s*# ((?:\w+ )?L\d+: .*)")


@dataclass(frozen=True)
class Wrong:
    """A wrong statement of an edited text, and what is wrong with it."""

    line: int
    statement: str
    what: str
    primal: str | None
    """The line of the primal that the comment above it quotes."""

    def __str__(self) -> str:
        of = "" if self.primal is None else f"\n    of {self.primal}"
        return f"line {self.line}: {self.statement}\n    {self.what}{of}"


def first_wrong(text: str, generated: str, function: str, args: Sequence[Any], in_place: bool = False) -> Wrong | None:
    """The first wrong statement of `text`, given that `generated` is right at these arguments; None if all agree.

    `in_place`: whether what the arguments hold afterwards is a result, too.
    """
    right = record(generated, function, args)
    found = record(text, function, args, like=right)
    pairs = _matched(right.statements, found.statements)
    at, what = _first_difference(right, found, pairs)
    left = None
    if at is None and in_place and (left := _left_otherwise(right, found)) is not None:
        at, what = len(found.events), f"no statement after it gives {left} the values that it should have in the end"
    if at is None:
        return None
    number, missing = _cause(right, found, pairs, at, left)
    if missing is not None:
        line = _line_after(right.statements.index(missing), right.statements, found.statements, pairs)
        return Wrong(line, missing.text, "this statement is missing before the line", _quoted(text, line))
    statement = found.statements[number]
    if number != found.events[at][0] if at < len(found.events) else False:
        what = f"it changes what a later statement reads: {what}"
    return Wrong(statement.line, statement.text, what, _quoted(text, statement.line))


# ---- matching ----------------------------------------------------------------------------------


def _matched(right: list[Statement], found: list[Statement]) -> dict[int, int]:
    """For statements of the edited text their numbers in the generated one."""
    names = _renamed(right, found)
    if names:
        found = [_with_names(statement, names) for statement in found]
    pairs: dict[int, int] = {}
    for what, a, b, c, d in changes(right, found):
        if what == "equal":
            pairs.update(zip(range(c, d), range(a, b), strict=True))
            continue
        groups: dict[Any, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for numbers, side, of in ((range(a, b), 0, right), (range(c, d), 1, found)):
            for number in numbers:
                groups[_role(of[number].node)][side].append(number)
        for ours, theirs in groups.values():
            if len(ours) == len(theirs):
                pairs.update(zip(theirs, ours, strict=True))
            elif ours and theirs:  # a statement became several: the last gives the value
                pairs[theirs[-1]] = ours[-1]
    used = set(pairs.values())
    for number, statement in enumerate(found):  # what was moved
        if number not in pairs:
            same = [n for n, one in enumerate(right) if n not in used and one.text == statement.text]
            if same:
                pairs[number] = same[0]
                used.add(same[0])
    return pairs


def _renamed(right: list[Statement], found: list[Statement]) -> dict[str, str]:
    """The names that edits gave to temporaries, with those they had."""
    before, after = _uses(right), _uses(found)
    names: dict[str, str] = {}
    for what, a, b, c, d in changes(right, found):
        if what == "replace" and b - a == d - c:
            for one, other in zip(right[a:b], found[c:d], strict=True):
                match one.node, other.node:
                    case ast.Assign(targets=[ast.Name(old)]), ast.Assign(targets=[ast.Name(new)]):
                        if old not in after and new not in before and before[old] == after[new]:
                            names[new] = old
    return names if len(set(names.values())) == len(names) else {}


def _uses(of: list[Statement]) -> dict[str, int]:
    """How often each name stands in a text."""
    counts: dict[str, int] = defaultdict(int)
    for statement in of:
        for node in _own_nodes(statement.node):
            if isinstance(node, ast.Name):
                counts[node.id] += 1
    return counts


def _with_names(statement: Statement, names: dict[str, str]) -> Statement:
    pattern = re.compile(r"\b(" + "|".join(map(re.escape, names)) + r")\b")
    return Statement(
        statement.node, statement.line, statement.depth, pattern.sub(lambda m: names[m[1]], statement.text)
    )


def _role(node: ast.stmt) -> Any:
    """What a statement is for: the names it assigns to, or its kind."""
    return frozenset(_written(node)) or type(node)


# ---- comparison --------------------------------------------------------------------------------


def _first_difference(right: Notes, found: Notes, pairs: dict[int, int]) -> tuple[int | None, str]:
    """The position of the first event of the edited text that is not as it should be, and what it is."""
    expected: dict[int, list[tuple[Item, ...]]] = defaultdict(list)
    for number, items in right.events:
        expected[number].append(items)
    seen: dict[int, int] = defaultdict(int)
    peaks = _peaks(right)
    for at, (number, items) in enumerate(found.events):
        if number in pairs:
            turns = expected[pairs[number]]
            turn, seen[number] = seen[number], seen[number] + 1
            if turn >= len(turns) and right.stopped:
                return None, ""
            if turn >= len(turns):
                return at, "it runs more often than it should"
            if what := _difference(items, turns[turn], peaks):
                return at, what
    if found.failure is not None:
        return len(found.events), f"it raises {type(found.failure[1]).__name__}: {found.failure[1]}"
    if found.stopped or right.stopped:
        return None, ""
    same = _close(found.run.returned, right.run.returned, 0.0)
    return (None, "") if same else (len(found.events), "the result is another")


def _left_otherwise(right: Notes, found: Notes) -> str | None:
    """A parameter whose array holds something else in the end."""
    if right.stopped or found.stopped:
        return None
    triples = zip(found.names, found.run.arguments, right.run.arguments, strict=False)
    return next((name for name, one, other in triples if not _close(one, other, 0.0)), None)


def _difference(items: Sequence[Item], wanted: Sequence[Item], peaks: dict[str, float]) -> str | None:
    if len(items) != len(wanted):
        return "it assigns other names than it should"
    for one, other in zip(items, wanted, strict=True):
        base, wanted_base = one.name.partition("["), other.name.partition("[")
        if base[2] != wanted_base[2]:
            return f"it writes to {one.name}, and should to {other.name}"
        if not _close(one.value, other.value, peaks.get(wanted_base[0], 0.0)):
            if "the end" in (str(one.value), str(other.value)):
                return f"the loop {'ends' if str(one.value) == 'the end' else 'goes on'} too early".replace(
                    "goes on too early", "goes on for too long"
                )
            return f"{one.name} is {_said(one.value)}, and should be {_said(other.value)}"
    return None


def _peaks(notes: Notes) -> dict[str, float]:
    """The largest value of each variable: what is below rounding of it is 0."""
    peaks: dict[str, float] = defaultdict(float)
    for _, items in notes.events:
        for item in items:
            if isinstance(item.value, np.ndarray | np.generic | int) and np.asarray(item.value).dtype.kind in "fiu":
                sizes = np.abs(np.asarray(item.value, dtype=np.float64))
                name = item.name.partition("[")[0]
                peaks[name] = max(peaks[name], float(np.max(sizes, initial=0.0, where=np.isfinite(sizes))))
    return peaks


def _close(one: Any, other: Any, peak: float) -> bool:
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(_close(a, b, peak) for a, b in zip(one, other, strict=True))
    a, b = np.asarray(one), np.asarray(other)
    if a.shape != b.shape:
        return False
    if a.dtype.kind not in "fiub" or b.dtype.kind not in "fiub":
        return bool(np.all(a == b))
    exact = 1e-4 if np.float32 in (a.dtype, b.dtype) else 1e-9
    size = float(np.max(np.abs(b), initial=0.0, where=np.isfinite(b))) if b.dtype.kind != "b" else 1.0
    return bool(np.allclose(a, b, rtol=exact, atol=exact * max(1e-3 * size, 1e-3 * peak), equal_nan=True))


def _said(value: Any) -> str:
    text = " ".join(str(value if not isinstance(value, float) else float(value)).split())
    return text if len(text) <= 70 else f"{text[:67]}..."


# ---- the cause ---------------------------------------------------------------------------------


def _cause(
    right: Notes, found: Notes, pairs: dict[int, int], at: int, left: str | None = None
) -> tuple[int, Statement | None]:
    """The number of the statement to be named; or a statement of the generated text that is missing.

    `left` is a parameter that ends with other values than it should, which no statement shows.

    A statement that was not edited is wrong through what it reads: an added statement wrote it, or one that was
    removed did not.
    """
    turn: int | None = None
    if left is not None:
        wrote = [n for n, _ in found.events if left in _written(found.statements[n].node)]
        number = [*(n for n, _ in found.events[-1:]), *wrote][-1]
    elif at == len(found.events):
        line = found.failure[0] if found.failure else 0
        number = max((n for n, one in enumerate(found.statements) if one.line <= line), default=0)
    else:
        number = found.events[at][0]
        turn = sum(event[0] == number for event in found.events[:at])
    statement = found.statements[number]
    if left is None and number in pairs and right.statements[pairs[number]].text != statement.text:
        return number, None
    names = _read(statement.node) | _written(statement.node) if left is None else {left}
    for other, _ in reversed(found.events[:at]):
        if other not in pairs and _written(found.statements[other].node) & names:
            return other, None
    present = set(pairs.values())
    before = right.events
    if number in pairs and turn is not None:
        places = [place for place, event in enumerate(right.events) if event[0] == pairs[number]]
        before = right.events[: places[turn]] if turn < len(places) else right.events
    for other, _ in reversed(before):
        missing = right.statements[other]
        if other not in present and _written(missing.node) & names:
            return number, missing
    return number, None


def _line_after(number: int, right: list[Statement], found: list[Statement], pairs: dict[int, int]) -> int:
    """The line of the edited text before which a statement of the generated one would stand."""
    back = {ours: theirs for theirs, ours in pairs.items()}
    following = next((back[n] for n in range(number + 1, len(right)) if n in back), None)
    return found[-1].line if following is None else found[following].line


def _quoted(text: str, line: int) -> str | None:
    """The nearest comment above a line that quotes the primal."""
    for above in reversed(text.splitlines()[: line - 1]):
        if quote := _QUOTE.match(above):
            return quote[1]
        if above.startswith("def "):
            break
    return None


def _written(node: ast.stmt) -> set[str]:
    match node:
        case ast.Assign(targets=targets):
            return {name for target in targets for name in _bases(target)}
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target) | ast.For(target=target):
            return set(_bases(target))
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(name)), args=args)):
            return {name, *(one.id for one in args if isinstance(one, ast.Name))} - {"np"}
    return set()


def _bases(target: ast.expr) -> Iterator[str]:
    match target:
        case ast.Name(name):
            yield name
        case ast.Subscript(value=base) | ast.Attribute(value=base) | ast.Starred(value=base):
            yield from _bases(base)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _bases(part)


def _read(node: ast.stmt) -> set[str]:
    return {one.id for one in _own_nodes(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)}


def _own_nodes(node: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement, without those of the blocks in it."""
    for name, value in ast.iter_fields(node):
        if name not in ("body", "orelse", "finalbody", "handlers"):
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, ast.AST):
                    yield from ast.walk(part)
