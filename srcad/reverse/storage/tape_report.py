"""Tape inventory: what a finished gradient saves for its reverse sweep, as its text declares it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from srcad.analysis.memory.liveness import liveness
from srcad.ir.calls import recursive
from srcad.ir.nodes import Assign, Block, Comment, Const, Expr, Function, Op, Saved, Var
from srcad.ir.result_memory import root
from srcad.ir.traversal import names, own_exprs, section_start, walk
from srcad.ir.types import Array, ListOf, Scalar
from srcad.reverse.adjoint.call_adjoints import results_of_primal


@dataclass(frozen=True)
class TapeEntry:
    """One name of the tape."""

    name: str
    size: str
    """Its size, in words."""
    lines: tuple[int, ...]
    """The lines of the source whose reversal reads it."""
    dtype: str
    grows: bool
    """Whether it grows while the forward sweep runs, because its size is not known before."""


def with_returned_tape(f: Function) -> Function:
    """The function, whose tape has the names of what the forward sweeps of functions that it calls save and return.

    Those that it stores into arrays or lists of its own are on its tape there.
    """
    start = section_start(f.body, "reverse")
    read = liveness(f.body[start:], f.types, (), {p.name for p in f.params}).before_all
    several: dict[str, Op] = {}
    """Of a name that has several results, the call."""
    found: dict[str, Saved] = {}
    for at, part in enumerate(f.body):
        for stmt in walk((part,)):
            match stmt:
                case Assign(target, Op("call") as call):
                    several[target] = call
                case Assign(target, Op("result", (of,), ((_, int(result)),))) if at >= start or target in read:
                    origin = several[of.name] if isinstance(of, Var) else of
                    if isinstance(origin, Op) and result >= results_of_primal(origin):
                        found[target] = Saved(target)
    return replace(f, tape={**f.tape, **found}) if found else f


def tape_entries(f: Function) -> tuple[TapeEntry, ...]:
    """All that is saved, in the order of the text."""
    backward = f.body[section_start(f.body, "reverse") + 1 :]
    definitions: dict[str, list[Expr]] = {}
    for stmt in walk(f.body):
        if isinstance(stmt, Assign) and stmt.target in f.tape:
            definitions.setdefault(stmt.target, []).append(stmt.value)
    found = []
    for name, values in definitions.items():
        grows = any(_grows(name, value) for value in values)
        whole = isinstance(f.types[name], Array) and isinstance(values[0], Op) and values[0].prim in ("call", "result")
        size = "an array" if whole else _size(f.tape[name].one_per, values[0], grows)
        found.append(TapeEntry(name, size, tuple(_reading_lines(backward, name)), _dtype(f, name), grows))
    return tuple(found)


def tape_of_called(functions: Sequence[Function]) -> tuple[TapeEntry, ...]:
    """What functions keep while they call themselves: on a tape that they are given, or each level on its own.

    Others return what they save: it is on the tape of their callers.
    """
    own = recursive(functions)
    levels = tuple(
        replace(one, name=f"{one.name} of {f.name}", size=f"{one.size}, for each level of the recursion")
        for f in functions
        if f.name in own and not _lists_given(f)
        for one in tape_entries(f)
    )
    lists: dict[str, TapeEntry] = {}
    for f in functions:
        for name in _lists_given(f):
            lines = {*_lines_of_popped(f, name), *(lists[name].lines if name in lists else ())}
            unit = {"bool": "bools", "int64": "integers"}.get(_dtype(f, name), "floats")
            known = f.types[name]
            what = "arrays" if isinstance(known, ListOf) and isinstance(known.item, Array) else unit
            size = f"{what} of each call, grown on demand"
            lists[name] = TapeEntry(name, size, tuple(sorted(lines)), _dtype(f, name), True)
    return (*levels, *lists.values())


def _lists_given(f: Function) -> list[str]:
    """The lists of the tape that the function is given."""
    return [p.name for p in f.params if isinstance(f.types[p.name], ListOf)]


def _lines_of_popped(f: Function, items: str) -> set[int]:
    """The lines whose reversal reads what is popped from a list."""
    values = [(s.target, s.value) for s in walk(f.body) if isinstance(s, Assign)]
    popped = [target for target, value in values if value == Op("list.pop", (Var(items),))]
    return {line for name in popped for line in _reading_lines(f.body, name)}


def docstring_lines(found: Sequence[TapeEntry]) -> list[str]:
    """A line for each, as the docstring of the gradient has them.

    >>> print(*docstring_lines([TapeEntry("h_saved", "n floats", (3,), "float64", False)]), sep="\\n")
    h_saved  n floats   read by line 3
    """
    width = max((len(one.name) for one in found), default=0)
    return [
        f"{one.name:<{width}}  {one.size}" + (f"   {read}" if (read := read_by(one.lines)) else "") for one in found
    ]


def read_by(lines: Sequence[int]) -> str:
    """
    >>> read_by((3, 4))
    'read by lines 3, 4'
    """
    return f"read by line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))}" if lines else ""


def _grows(name: str, value: Expr) -> bool:
    match value:
        case Op("list.new"):
            return True
        case Op("np.concatenate", (Var(grown), _)):
            return grown == name
    return False


def _dtype(f: Function, name: str) -> str:
    known = f.types[name]
    known = known.item if isinstance(known, ListOf) else known
    assert isinstance(known, Scalar | Array), name
    return known.dtype


def _size(one_per: str, value: Expr, grows: bool) -> str:
    match value:
        case Op("np.empty", dims, static):
            unit = {"bool": "bools", "int64": "integers"}.get(str(dict(static).get("dtype", "")), "floats")
            if grows:
                row = f"one {unit[:-1]}" if len(dims) == 1 else f"{' x '.join(map(_length_text, dims[1:]))} {unit}"
                return f"{row} per turn of the loop, grown on demand"
            return f"{' x '.join(map(_length_text, dims))} {unit}"
        case Op("list.new"):
            return f"list of arrays, one per {one_per}"
        case Op("copy", (Var(name),)):
            return f"a copy of {name}"
        case Op("copy", (part,)) if (whole := root(part)) is not None:
            return f"a copy of a part of {whole}"
        case _:
            return "one value"


def _length_text(e: Expr) -> str:
    """A length for readers: `rows - 2` for `max(rows - 2, 0)`."""
    match e:
        case Var(name):
            return name
        case Const(value):
            return str(value)
        case Op("max", (inner, Const(0))):
            text = _length_text(inner)
            return f"({text})" if " " in text else text
        case Op("shape", (x,), static):
            return f"{_length_text(x)}.shape[{dict(static)['axis']}]"
        case Op("size", (x,)):
            return f"{_length_text(x)}.size"
        case Op("*" | "//" as prim, (a, b)):
            texts = [f"({_length_text(e)})" if _is_sum(e) else _length_text(e) for e in (a, b)]
            return f"{texts[0]} {prim} {texts[1]}"
        case Op("+" | "-" as prim, (a, b)):
            return f"{_length_text(a)} {prim} {_length_text(b)}"
        case Op(prim, args):
            return f"{prim}({', '.join(map(_length_text, args))})"
        case _:
            return "?"


def _is_sum(e: Expr) -> bool:
    return isinstance(e, Op) and e.prim in ("+", "-")


def _reading_lines(block: Block, name: str) -> list[int]:
    """The lines whose reversal reads the name; a loop, which has no line of its own there, counts as its first."""
    lines = set()
    for stmt in walk(block):
        if not isinstance(stmt, Comment) and any(name in names(e) for e in own_exprs(stmt)):
            span = stmt.span or next((s.span for s in walk((stmt,)) if not isinstance(s, Comment) and s.span), None)
            if span is not None:
                lines.add(span.line)
    return sorted(lines)
