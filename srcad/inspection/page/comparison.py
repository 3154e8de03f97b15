"""A primal and its gradient, line by line: what each line has to do with the others."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import dedent

import numpy as np

from srcad.backend.python.name_clashes import rename_clashes
from srcad.canonicalize.prune import prune
from srcad.compiler.generate import Generated
from srcad.dispatch.memory_plan import Plan, memory
from srcad.inspection.page.active_names import active_places, active_variables, place_of, printed_as
from srcad.inspection.page.excerpts import Excerpt, Place, excerpts
from srcad.inspection.page.partners import LineFacts, line_facts
from srcad.inspection.page.tokens import coloured
from srcad.ir.nodes import Comment, Function, Recovery, Span
from srcad.ir.traversal import walk

_NAMES_ALONE = "nothing is computed here that is asked for: no result depends on it, or it only names a value"


@dataclass(frozen=True)
class Row:
    """A line as it is shown."""

    number: int
    text: str
    code: str
    """As HTML."""
    of: tuple[str, ...] = ()
    """The statements of the source that it is, computes or reverses."""
    tape: tuple[str, ...] = ()
    """The names of the tape that it writes to or reads."""
    kind: str = ""
    marks: tuple[tuple[str, str], ...] = ()
    """What is shown behind the code: a class and a text."""
    notes: tuple[str, ...] = ()
    """What is said of it where it is looked at."""


@dataclass(frozen=True)
class Part:
    """A function of the source."""

    title: str
    rows: tuple[Row, ...]


class Comparison:
    """The lines of a primal, of all functions that it calls, and of what was generated from it.

    >>> import srcad
    >>> __name__ = "user_module"
    >>> def f(x, n):
    ...     y = x * x
    ...     return y * n
    >>> made = Comparison(srcad.grad(f, target="python").specialisation(1.0, 2).generated)
    >>> for row in made.parts[0].rows:
    ...     print(row.text, row.of, row.kind, row.notes)
    def f(x, n): ()  ()
        y = x * x ('0.2',) active reversed ('a derivative passes; reversed on line 17',)
        return y * n ('0.3',) active reversed ('a derivative passes; reversed on line 15',)
    """

    def __init__(self, made: Generated, plan: Plan | None = None) -> None:
        self.made = made
        self.text = made.text()
        self.primal = prune(made.lowered.function)
        self.facts = line_facts(made.printed, self.text)
        primals = ((self.primal, made.active), *made.called)
        statements = [stmt for primal, _ in primals for stmt in walk(primal.body)]
        own = [stmt.span for stmt in statements if not isinstance(stmt, Comment) and stmt.span]
        printed = [span for facts in self.facts.values() for span in facts.spans]
        self.sources = excerpts(made.source, [*own, *printed])
        self.active = active_variables(made, primals, self.sources)
        self._printed = printed_as({name for names in self.active.values() for name in names})
        self.places = active_places(primals, self.sources)
        self.sizes = _sizes(made, plan)
        self._computed = {place for span in own if (place := place_of(span, self.sources)) is not None}
        self.parts = tuple(map(self._part, self.sources))
        self.rows = tuple(self._gradient_rows())

    # ---- names for the page -------------------------------------------------------------------

    def ids(self, spans: Iterable[Span]) -> tuple[str, ...]:
        """Of the statements of the source that spans are in: the number of the function and the line."""
        places = dict.fromkeys(place_of(span, self.sources) for span in spans)
        return tuple(self._id(place) for place in places if place is not None)

    def _id(self, place: Place) -> str:
        file, line = place
        at = next(n for n, one in enumerate(self.sources) if one.file == file and line in one.statements)
        return f"{at}.{line}"

    def quoted(self, span: Span) -> str:
        """A line of the source, named after its function where that is another one."""
        own = self.sources[0].function == span.function
        return f"{'' if own else f'{span.function} '}L{span.line}: {span.text.strip()}"

    def role(self, f: Function, name: str) -> str | None:
        """What a name of a function on its way through the compiler stands for: the class of its HTML."""
        if name in f.tape:
            return "tape"
        if name in f.adjoints or any(param.seed and param.name == name for param in f.params):
            return "adjoint"
        return "active" if self._printed.fullmatch(name) else None

    # ---- the source ---------------------------------------------------------------------------

    def _part(self, one: Excerpt) -> Part:
        active = self.active[one]
        shown = dedent("\n".join(one.lines))
        codes = coloured(shown, lambda line, name: "active" if name in active else None)
        rows = []
        for at, (text, code) in enumerate(zip(shown.split("\n"), codes, strict=True)):
            number = one.first + at
            place = one.place(number)
            if place in self._computed:
                rows.append(self._source_row(number, text, code, place))
            elif place is None or place[1] == one.first:
                rows.append(Row(number, text, code))
            else:
                rows.append(Row(number, text, code, (self._id(place),), notes=(_NAMES_ALONE,)))
        where = one.file.replace("\\", "/").rpartition("/")[2]
        return Part(f"{one.function}, {where}:{one.first}" if one.function else where, tuple(rows))

    def _source_row(self, number: int, text: str, code: str, place: Place) -> Row:
        here = [(n, one) for n, one in self.facts.items() if not one.around and place in self._places(one)]
        reversing = [n for n, facts in here if facts.adjoint]
        other = [n for n, facts in here if not facts.adjoint]
        notes, marks, tape = [], [], []
        kind = "active reversed" if reversing else "active" if place in self.places else ""
        said = "a derivative passes" if place in self.places else "no derivative passes"
        if place in self.places and not reversing:
            said += "; no line of the gradient is needed to reverse it"
        if reversing and place not in self.places:
            said += " from what is read; the adjoint of what is overwritten ends"
        said += f"; computed on {_lines(other)}" if other else ""
        said += f"; reversed on {_lines(reversing)}" if reversing else ""
        notes.append(said)
        for one in self.made.recoveries:
            if one.span is not None and place_of(one.span, self.sources) == place and number == place[1]:
                name = one.of.lstrip("%")
                notes.append(f"{name} is {one.how}: {one.why}")
                if one.how == "saved":
                    names = [(f, n) for f in self._saving(one) for n, saved in f.tape.items() if saved.of == name]
                    tape += [self._tape_id(f, n) for f, n in names] if len(names) == 1 else []
                    size = self._size(*names[0]) if len(names) == 1 else ""
                    marks.append(("save", f"{name} is saved{size}"))
        return Row(number, text, code, (self._id(place),), tuple(tape), kind, tuple(marks), tuple(notes))

    def _saving(self, one: Recovery) -> list[Function]:
        """The functions whose forward sweep saves a value; an adjoint that takes it as a parameter does not."""
        forward = [f for f in self.made.printed if one in f.recoveries]
        return [f for f in forward if not {p.name for p in f.params} & {*f.tape}]

    def _places(self, facts: LineFacts) -> set[Place | None]:
        return {place_of(span, self.sources) for span in facts.spans}

    # ---- the gradient -------------------------------------------------------------------------

    def _gradient_rows(self) -> list[Row]:
        of_line = _function_of_line(self.made.printed, self.text)
        written: dict[tuple[str, str], list[int]] = defaultdict(list)
        read: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number, f in of_line.items():
            if of_line.get(number - 1) is not f:
                for param in f.params:
                    written[f.name, param.name].append(number)
            facts = self.facts.get(number, LineFacts())
            for name in facts.saves:
                written[f.name, name].append(number)
            for name in facts.loads:
                read[f.name, name].append(number)
        rows = []
        main = rename_clashes(self.made.printed[-1])
        codes = coloured(self.text.rstrip("\n"), lambda line, name: self.role(of_line.get(line + 1, main), name))
        for number, (text, code) in enumerate(zip(self.text.rstrip("\n").split("\n"), codes, strict=True), 1):
            facts, f = self.facts.get(number, LineFacts()), of_line.get(number, main)
            notes = [self.quoted(span) for span in facts.spans[:4]]
            if facts.adjoint and not facts.spans:
                notes.append("an adjoint begins, or is handed on to another name: this reverses no line of the source")
            marks: list[tuple[str, str]] = []
            for name in (*facts.allocates, *facts.saves):
                verb = "keeps" if name in facts.allocates else "saves"
                marks.append(("save", f"{verb} {name}{self._size(f, name)}"))
                places = written[f.name, name], read[f.name, name]
                notes.append(f"{name} is written on {_lines(places[0])}, read on {_lines(places[1])}")
            for name in facts.loads:
                marks.append(("load", f"reads {name}{self._size(f, name)}"))
                notes.append(f"{name} is written on {_lines(written[f.name, name])}")
            tape = tuple(self._tape_id(f, name) for name in (*facts.allocates, *facts.saves, *facts.loads))
            kind = "adjoint" if facts.adjoint else "around" if facts.around else ""
            if facts is self.facts.get(number - 1):  # a further line of one statement
                marks = []
            rows.append(Row(number, text, code, self.ids(facts.spans), tape, kind, tuple(marks), tuple(notes)))
        return rows

    def _size(self, f: Function, name: str) -> str:
        """Of a name of the tape, as far as it is known; of functions beside, each call may have its own."""
        own = f.name == self.made.printed[-1].name and name in self.sizes
        return f", {self.sizes[name]}" if own else ""

    def _tape_id(self, f: Function, name: str) -> str:
        """A name of the tape, told from that of another function."""
        return name if f.name == self.made.printed[-1].name else f"{f.name}.{name}"


def _function_of_line(functions: Sequence[Function], text: str) -> dict[int, Function]:
    """The function of each line of a module text that is in one."""
    printed = {f.name: rename_clashes(f) for f in functions}
    found: dict[int, Function] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name in printed:
            found |= dict.fromkeys(range(node.lineno, (node.end_lineno or node.lineno) + 1), printed[node.name])
    return found


def _sizes(made: Generated, plan: Plan | None) -> Mapping[str, str]:
    """How big what is saved is: in bytes where the arguments are known, else in words."""
    if plan is not None:
        return {one.name: one.cells()[2] for one in plan.saved}
    return {
        one.name: memory(np.dtype(one.dtype).itemsize) if one.size == "one value" else one.size for one in made.kept
    }


def _lines(numbers: Sequence[int]) -> str:
    """
    >>> _lines([3]), _lines([3, 4, 7, 8, 9])
    ('line 3', 'lines 3, 4, 7 to 9')
    """
    if not numbers:
        return "no line"
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    shown = [f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return f"line{'s' if len(numbers) > 1 else ''} {', '.join(shown)}"
