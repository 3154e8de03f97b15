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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
    if left is not None:
        return _caused(text, right, found, pairs, at, _last_write(found, left), None, what, left)
    # what a function is given is wrong where it is called
    if at in found.callers and not _is_edited(right, found, pairs, found.events[at][0]):
        return _wrong_call(text, right, found, pairs, at, what)
    number, turn = _place(found, at)
    return _caused(text, right, found, pairs, at, number, turn, what)


def _wrong_call(text: str, right: Notes, found: Notes, pairs: dict[int, int], at: int, what: str) -> Wrong:
    """The statement that calls a function with other arguments than it should, or what made these."""
    number = _statement_on(found, found.callers[at])
    function = found.statements[found.events[at][0]].function
    return _caused(text, right, found, pairs, at, number, None, f"it calls {function}, of which {what}")


def _caused(
    text: str,
    right: Notes,
    found: Notes,
    pairs: dict[int, int],
    at: int,
    place: int,
    turn: int | None,
    what: str,
    left: str | None = None,
) -> Wrong:
    number, missing = _cause(right, found, pairs, at, place, turn, left)
    if missing is not None:
        line = _line_after(right.statements.index(missing), right.statements, found.statements, pairs)
        return Wrong(line, missing.text, "this statement is missing before the line", _quoted(text, line))
    statement = found.statements[number]
    if number != place and at < len(found.events):
        what = f"it changes what a later statement reads: {what}"
    return Wrong(statement.line, statement.text, what, _quoted(text, statement.line))


# ---- matching ----------------------------------------------------------------------------------


def _matched(right: list[Statement], found: list[Statement]) -> dict[int, int]:
    """For statements of the edited text their numbers in the generated one."""
    functions = dict.fromkeys(statement.function for statement in found)
    names = {one: found_in for one in functions if (found_in := _renamed(right, found, one))}
    found = [_with_names(one, names[one.function]) if one.function in names else one for one in found]
    pairs: dict[int, int] = {}
    for what, a, b, c, d in changes(right, found):
        if what == "equal":
            pairs.update(zip(range(c, d), range(a, b), strict=True))
            continue
        groups: dict[Any, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for numbers, side, of in ((range(a, b), 0, right), (range(c, d), 1, found)):
            for number in numbers:
                groups[of[number].function, _role(of[number].node)][side].append(number)
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


def _renamed(right: list[Statement], found: list[Statement], function: str) -> dict[str, str]:
    """The names that edits gave to temporaries of a function, with those they had."""
    right, found = ([one for one in of if one.function == function] for of in (right, found))
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
    return replace(statement, text=pattern.sub(lambda m: names[m[1]], statement.text))


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
            if what := _difference(items, turns[turn], peaks[right.statements[pairs[number]].function]):
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


def _difference(items: Sequence[Item], wanted: Sequence[Item], peaks: Mapping[str, float]) -> str | None:
    if len(items) != len(wanted):
        return "it assigns other names than it should"
    if sorted(map(_base, items)) == sorted(map(_base, wanted)):  # `a, b = ...` may have become `b, a = ...`
        items, wanted = sorted(items, key=_base), sorted(wanted, key=_base)
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


def _base(item: Item) -> str:
    return item.name.partition("[")[0]


def _peaks(notes: Notes) -> dict[str, dict[str, float]]:
    """The largest value of each variable of each function: what is below rounding of it is 0."""
    peaks: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for number, items in notes.events:
        own = peaks[notes.statements[number].function]
        for item in items:
            if isinstance(item.value, np.ndarray | np.generic | int) and np.asarray(item.value).dtype.kind in "fiu":
                sizes = np.abs(np.asarray(item.value, dtype=np.float64))
                name = item.name.partition("[")[0]
                own[name] = max(own[name], float(np.max(sizes, initial=0.0, where=np.isfinite(sizes))))
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


def _place(found: Notes, at: int) -> tuple[int, int | None]:
    """The number of the statement of an event, and its turn; at the end, of the statement that failed."""
    if at == len(found.events):
        return _statement_on(found, found.failure[0] if found.failure else 0), None
    number = found.events[at][0]
    return number, sum(event[0] == number for event in found.events[:at])


def _last_write(found: Notes, name: str) -> int:
    """The number of the last statement that writes to the name."""
    wrote = [n for n, _ in found.events if name in _written(found.statements[n].node)]
    return [*(n for n, _ in found.events[-1:]), *wrote][-1]


def _statement_on(found: Notes, line: int) -> int:
    return max((n for n, one in enumerate(found.statements) if one.line <= line), default=0)


def _cause(
    right: Notes, found: Notes, pairs: dict[int, int], at: int, number: int, turn: int | None, left: str | None
) -> tuple[int, Statement | None]:
    """The number of the statement to be named; or a statement of the generated text that is missing.

    `left` is a parameter that ends with other values than it should, which no statement shows.

    A statement that was not edited is wrong through what it reads: an added statement wrote it, or one that was
    removed did not.
    """
    statement = found.statements[number]
    if left is None and _is_edited(right, found, pairs, number):
        return number, None
    names = _read(statement.node) | _written(statement.node) if left is None else {left}
    for other, _ in reversed(found.events[:at]):
        if other not in pairs and _gives(found.statements[other], statement.function, names):
            return other, None
    present = set(pairs.values())
    before = right.events
    if number in pairs and turn is not None:
        places = [place for place, event in enumerate(right.events) if event[0] == pairs[number]]
        before = right.events[: places[turn]] if turn < len(places) else right.events
    for other, _ in reversed(before):
        missing = right.statements[other]
        if other not in present and _gives(missing, statement.function, names):
            return number, missing
    # what a function that it calls does to an array that it is given
    within = _called(found.statements, statement)
    for other, _ in reversed(found.events[:at]):
        if other not in pairs and found.statements[other].function in within:
            return other, None
    for other, _ in reversed(right.events):
        if other not in present and right.statements[other].function in within:
            return number, right.statements[other]
    return number, None


def _is_edited(right: Notes, found: Notes, pairs: dict[int, int], number: int) -> bool:
    return number in pairs and right.statements[pairs[number]].text != found.statements[number].text


def _called(statements: Sequence[Statement], start: Statement) -> set[str]:
    """The functions of the text that a statement calls, directly or through others."""
    found: set[str] = set()
    pending = [start]
    while pending:
        for node in _own_nodes(pending.pop().node):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in found:
                found.add(node.func.id)
                pending += [one for one in statements if one.function == node.func.id]
    return found


def _gives(statement: Statement, function: str, names: set[str]) -> bool:
    """Whether a statement of this function writes to one of its names."""
    return statement.function == function and bool(_written(statement.node) & names)


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
