"""What each line of a generated text computes or reverses, saves and reads."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from srcad.backend.python.name_clashes import rename_clashes
from srcad.backend.python.statement_sources import statement_sources
from srcad.ir.nodes import Function, Span


@dataclass(frozen=True)
class LineFacts:
    """What is known of one line."""

    spans: tuple[Span, ...] = ()
    """The places in the primal that it computes or reverses; of a loop that has none of its own, those inside it."""
    around: bool = False
    """It is the head of such a loop, or a comment."""
    adjoint: bool = False
    """It assigns an adjoint."""
    allocates: tuple[str, ...] = ()
    """Names of the tape that it makes, empty."""
    saves: tuple[str, ...] = ()
    """Names of the tape that it writes to."""
    loads: tuple[str, ...] = ()
    """Names of the tape that it reads."""


def line_facts(functions: Sequence[Function], text: str) -> dict[int, LineFacts]:
    """For each line of the functions in a module text that belongs to a statement; comments that quote one, too.

    >>> import numpy as np, srcad
    >>> __name__ = "user_module"
    >>> def f(x):
    ...     for _ in range(3):
    ...         x = np.sin(x)
    ...     return x
    >>> made = srcad.grad(f, target="python").specialisation(1.0).generated
    >>> text = made.text()
    >>> lines = text.splitlines()
    >>> for line, facts in line_facts(made.printed, text).items():
    ...     if facts.adjoint or facts.saves:
    ...         print([span.line for span in facts.spans], facts.saves, facts.loads, lines[line - 1].strip())
    [] ('x_saved',) () x_saved[turn] = x
    [] () () d_x = d_result
    [3] () ('x_saved',) d_x = np.cos(x_saved[turn]) * d_x
    """
    definitions = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    found: dict[int, LineFacts] = {}
    for f in functions:
        printed = rename_clashes(f)
        facts = _Facts(statement_sources(f, text), frozenset(printed.tape), frozenset(printed.adjoints))
        facts.block(definitions[f.name].body)
        found |= facts.found
    lines = text.splitlines()
    for at in range(len(lines), 0, -1):
        below = found.get(at + 1, LineFacts()).spans
        if at not in found and any(f"L{span.line}: " in lines[at - 1] for span in below):
            found[at] = LineFacts(below, around=True)
    return dict(sorted(found.items()))


@dataclass
class _Facts:
    own: Mapping[int, Span]
    tape: frozenset[str]
    adjoints: frozenset[str]
    found: dict[int, LineFacts] = field(default_factory=dict)

    def block(self, block: Sequence[ast.stmt], above: tuple[Span, ...] = ()) -> tuple[Span, ...]:
        """The spans of all statements of a block, each once."""
        return tuple(dict.fromkeys(span for stmt in block for span in self.statement(stmt, above)))

    def statement(self, stmt: ast.stmt, above: tuple[Span, ...]) -> tuple[Span, ...]:
        own: tuple[Span, ...] = (self.own[stmt.lineno],) if stmt.lineno in self.own else ()
        if isinstance(stmt, ast.If | ast.For | ast.While):
            inner = self.block(stmt.body, own) + self.block(stmt.orelse, own)
            head = stmt.iter if isinstance(stmt, ast.For) else stmt.test
            around = bool(inner) and not own
            self.add(stmt.lineno, head.end_lineno, own or tuple(dict.fromkeys(inner)), [head], (), around=around)
            return own + inner
        if isinstance(stmt, ast.Raise):  # of a check, which is one statement with its condition
            own = own or above
        targets = [*_targets(stmt), *self.added_to(stmt)]
        self.add(stmt.lineno, stmt.end_lineno, own, [stmt], targets, _is_new(stmt))
        return own

    def added_to(self, stmt: ast.stmt) -> Iterator[ast.Name]:
        """The adjoints that a call of another function adds to."""
        match stmt:
            case ast.Expr(value=ast.Call(func=ast.Name(), args=args)):
                yield from (arg for arg in args if isinstance(arg, ast.Name) and arg.id in self.adjoints)

    def add(
        self,
        first: int,
        last: int | None,
        spans: tuple[Span, ...],
        read: Sequence[ast.AST],
        targets: Sequence[ast.Name],
        new: bool = False,
        around: bool = False,
    ) -> None:
        written = {target.id for target in targets}
        parts = [node for one in read for node in ast.walk(one)]
        asked = [node.value for node in parts if isinstance(node, ast.Attribute) and node.attr in ("shape", "size")]
        names = [n.id for n in parts if isinstance(n, ast.Name) and n not in (*targets, *asked)]
        loads = tuple(dict.fromkeys(name for name in names if name in self.tape))
        saves = tuple(sorted(written & self.tape))
        facts = LineFacts(
            spans,
            around,
            bool(written & self.adjoints),
            saves if new else (),
            () if new else saves,
            () if new else tuple(name for name in loads if name not in saves),
        )
        for line in range(first, (last or first) + 1):
            self.found[line] = facts


def _targets(stmt: ast.stmt) -> Iterator[ast.Name]:
    """The names that a statement assigns, or whose memory it writes to."""
    match stmt:
        case ast.Assign(targets=found):
            places = found
        case ast.AugAssign(target=one):
            places = [one]
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr="append"))):
            places = [owner]
        case _:
            return
    for place in places:
        for part in place.elts if isinstance(place, ast.Tuple) else [place]:
            while isinstance(part, ast.Subscript | ast.Attribute):
                part = part.value
            if isinstance(part, ast.Name):
                yield part


def _is_new(stmt: ast.stmt) -> bool:
    """Whether it assigns an array that is to be filled, or an empty list."""
    match stmt:
        case ast.Assign(value=ast.List() | ast.ListComp()):
            return True
        case ast.Assign(value=ast.Call(func=ast.Attribute(attr="empty"))):
            return True
    return False
