"""Counts that say how the compiler is built: its size, what is there twice, how often a gradient asks each analysis.

    python -m tests.structure                   # the table
    python -m tests.structure --sample 0        # only what can be read from the files: a second
    python -m tests.structure --list tables     # what was counted, one line each

Read from the files: lines and modules; modules without a doctest, and without any test of their own; tables of names of
primitives outside the module that defines them; for some questions the modules that each have their own way to answer.
Measured on every N-th program of `tests/programs`, of which the text one reads and the text that is compiled are made:
how often each analysis runs, how often on a body it had seen before in the same gradient, and the time it all takes.
Nothing is compiled by Numba.
"""

from __future__ import annotations

import argparse
import ast
import functools
import importlib
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.programs.registry import Case, all_cases

# ---- every module of the package that is named here, as "module:what", without the name of the package -------------

PACKAGE = "srcad"
PRIMITIVES = "rules.primitives:PRIMITIVES"
DIFFERENTIATE = "api:value_and_grad"

MECHANISMS: Mapping[str, Mapping[str, str]] = {
    "aliases: which names may share memory": {
        "ir.result_memory:roots": "of one operation: the names whose memory its value may be",
        "analysis.memory.may_alias:UnionFind": "classes of names, either form, at all times at once",
        "analysis.memory.alias_conflicts:_Clashes": "pairs of names at each moment, normal form",
        "analysis.memory.flow_sensitive_aliases:_flow": "pairs of names at each moment, sequential form",
        "analysis.memory.reference_flow:ReferenceFlow": "names given what others refer to, with a direction",
        "optimize.stencils.fill_sinking:_AliasSet": "names that surely, and that perhaps, are memory filled with zeros",
        "optimize.vectorize.vector_functions:_is_checked": "two names, as LLVM will see them",
    },
    "linear forms: types": {
        "ir.linear:LinearForm": "over what can be ordered; `Dim` is one over symbols, with questions of its own",
    },
    "linear forms: sums and differences": {
        "ir.linear:LinearForm.__add__": "forms",
        "ir.linear:LinearForm.__sub__": "forms",
        "ir.length_exprs:plus": "expressions",
        "ir.length_exprs:minus": "expressions",
        "cleanup.expressions.algebraic:_AlgebraRules._offset": "an expression and a constant, int64 part by part",
    },
    "linear forms: read from expressions": {
        "typing.infer:_value": "one operation, by the types of its operands",
        "typing.typeof:linear_value": "nested, by types",
        "canonicalize.check_hoisting:_CheckHoisting._dim": "nested, by types, of sums whose operands are all known",
        "analysis.integers.value_ranges:ValueRanges.value": "nested, with minima, quotients and choices",
        "analysis.integers.element_dependence:affine_index": "nested, over names",
        "analysis.loops.parallel_loops:affine_indices": "a counter and a constant, sequential form",
        "analysis.memory.to_be_recorded:ToBeRecorded.affine": "a counter and a constant, normal form",
    },
    "linear forms: written as expressions": {
        "ir.length_exprs:linear_expression": "expressions",
        "frontend.values.growing_lists:length_atom": "operations on atoms, each a statement",
    },
    "linear forms: proofs": {
        "ir.types:Dim.bound": "of types alone: ends of ranges put in, and a sum of lengths is not negative",
        "analysis.integers.constraint_solver:is_satisfiable": "with facts: a sum of them, then Fourier and Motzkin",
    },
    "dependence: whether elements, turns or statements meet": {
        "analysis.integers.dependence:DependenceTest": "two elements in turns of loops, normal form",
        "analysis.integers.element_dependence:may_be_same_element": "two elements in turns of loops, sequential form",
        "analysis.integers.element_dependence:surely_apart": "two elements at one moment, sequential form",
        "optimize.memory.region_accesses:RegionAccesses": "elements that a loop or one turn has to itself",
        "analysis.loops.reversible_loops:ReversibleLoops": "all turns of a loop, normal form",
        "analysis.loops.parallel_loops:is_parallel": "all turns of a loop, sequential form",
        "analysis.memory.privatization:Privatization": "reads that a store of the same turn covers",
        "analysis.memory.reordering:clobbers_operands": "an expression and a statement",
        "cleanup.adjoint.loop_fission:_StencilFission._is_loop_input": "reads and the stores of earlier turns",
        "optimize.stencils.iteration_boxes:fused_nests": "two nests that only add",
        "optimize.loops.fusion:_elementwise": "two nests, turn by turn",
        "optimize.vectorize.vector_functions:_has_disjoint_stores": "all turns of a loop, as LLVM will see them",
    },
    "dead code: what nobody reads, or never runs, goes": {
        "frontend.syntax.structured_exits:_without_dead_flags": "flags, in the syntax tree",
        "canonicalize.prune:prune": "assignments, joins, carries; normal form",
        "canonicalize.unreachable_code:remove_unreachable_code": "what stands after an error that always comes",
        "cleanup.dead_code:remove_dead_code": "assignments, stores, loops, branches; sequential form",
        "cleanup.dead_code:remove_self_copies": "`x = x`, which gives what is there",
    },
    "promotion: an element or a small array becomes a number": {
        "optimize.memory.element_promotion:on_scalars": "elements with a fixed index, of a loop or of an iteration",
        "optimize.memory.scalar_replacement:replace_small_arrays": "names of small arrays, which a loop may rebind",
    },
    "types: dtype, rank or layout of an expression": {
        "typing.kinds:kind_of": "dtype, rank and promotion of an operation, by NumPy on dummies",
        "typing.kinds:kind": "nested, by `kind_of`",
        "typing.infer:infer": "lengths and layout of an operation, the rest by `kind_of`",
        "typing.typeof:typeof": "nested, by `infer`",
        "backend.python.contiguity:maybe_noncontiguous": "layout of what names may refer to",
    },
    "types: one for two": {
        "typing.join:join_types": "where paths meet",
        "typing.join:join_versions": "of values at different times: scalars, else by `join_types`",
        "optimize.shapes.shape_propagation:propagate_constant_shapes": "of all that a name is assigned",
    },
    "shapes: what is known of lengths at a place": {
        "ir.length_facts:LengthFacts": "equal lengths, either form",
        "analysis.shapes.outer_lengths:OuterLengths": "in terms of what is known outside of loops, normal form",
        "analysis.integers.value_ranges:ValueRanges": "integers and lengths as forms, and facts",
        "analysis.integers.length_forms:LengthForms": "lengths as forms, how they are spelled",
        "reverse.storage.tape_sizes:_Slicer": "in terms of the parameters, sequential form",
        "analysis.shapes.shape_environment:ShapeEnvironment": "types and facts at a place, sequential form",
    },
}
"""Question -> what answers it by a way of its own; who only asks one of these is not named."""

ANALYSES: Mapping[str, Sequence[str]] = {
    "aliases": ("analysis.memory.alias_classes:_classes",),
    "sharing": ("analysis.memory.may_alias:_may_alias",),
    "holders": ("analysis.memory.flow_sensitive_aliases:_flow",),
    "liveness": ("analysis.memory.liveness:_liveness",),
    "regions": ("ir.regions:regions",),
    "Overwrites": ("analysis.memory.to_be_recorded:ToBeRecorded",),
    "Dependence": ("analysis.integers.dependence:DependenceTest",),
    "Scratch": ("analysis.memory.privatization:Privatization",),
    "activity": ("analysis.values.activity:active_names",),
    "value numbers": ("analysis.values.value_numbering:value_numbers",),
    "lengths as forms": ("analysis.integers.length_forms:LengthForms",),
    "feasible": ("analysis.integers.fourier_motzkin:is_feasible",),
    "eliminate": ("analysis.integers.fourier_motzkin:eliminated",),
    "infer": ("typing.infer:infer",),
    "typeof": ("typing.typeof:typeof",),
}
"""Analysis -> the functions or classes of which each call from outside is a run of it."""

OF_A_BODY = frozenset({"aliases", "sharing", "holders", "liveness", "regions"})
"""Those whose first argument is a function or a block: a run on one that equals an earlier one is counted again."""

# --------------------------------------------------------------------------------------------------------------------

TESTS = Path(__file__).parent
ROOT = TESTS.parent / PACKAGE
NAMED = {
    "tables": "tables: two names or more",
    "mixed": "tables with one name more, which is none of a primitive",
    "comparisons": "comparisons: `prim == ...`, `prim in (...)`",
    "patterns": "patterns: `case Op(... | ...)`",
}
LISTS = ("doctests", "tests", *NAMED, "mechanisms")


def resolved(where: str) -> Any:
    """What a "module:what" names."""
    module, _, path = where.partition(":")
    return functools.reduce(getattr, path.split("."), importlib.import_module(f"{PACKAGE}.{module}"))


def missing() -> list[str]:
    """The names above that name nothing any more."""
    named = [PRIMITIVES, DIFFERENTIATE]
    for several in (*MECHANISMS.values(), *ANALYSES.values()):
        named += several
    gone = []
    for where in named:
        try:
            resolved(where)
        except (ImportError, AttributeError) as error:
            gone.append(f"{where}: {error}")
    return gone


# ---- what can be read from the files -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Module:
    name: str
    """Without the name of the package; empty for the package itself."""
    path: Path
    text: str

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @property
    def folder(self) -> str:
        """The folder just below the package."""
        inside = self.path.relative_to(ROOT).parts
        return inside[0] if len(inside) > 1 else "."

    @property
    def is_empty(self) -> bool:
        return not self.text.strip()

    @property
    def has_doctest(self) -> bool:
        return ">>>" in self.text


def modules() -> list[Module]:
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found.append(Module(name, path, path.read_text(encoding="utf-8")))
    return found


def imported_by_tests(known: frozenset[str]) -> frozenset[str]:
    """The modules that some file of the tests imports, or imports something from."""
    found: set[str] = set()
    for path in sorted(TESTS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    inside = {name.removeprefix(PACKAGE).removeprefix(".") for name in found if name.split(".")[0] == PACKAGE}
    return frozenset(inside & known)


@dataclass(frozen=True)
class Place:
    module: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {self.text}"


class Names(ast.NodeVisitor):
    """Where a module names primitives: in tables, comparisons and patterns.

    A table has two of them at least, and no other names; or as many others as there may be `strangers`.
    """

    def __init__(self, module: str, primitives: frozenset[str], strangers: int = 0) -> None:
        self.module = module
        self.primitives = primitives
        self.strangers = strangers
        self.tables: list[Place] = []
        self.comparisons: list[Place] = []
        self.patterns: list[Place] = []
        """Patterns of two primitives or more; one alone says which operation is meant, and is no table."""

    def visit_Assign(self, node: ast.Assign) -> None:
        self._assigned(node, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._assigned(node, node.value)

    def _assigned(self, node: ast.Assign | ast.AnnAssign, value: ast.expr) -> None:
        """However many literals it is made of, what is assigned is one table."""
        before = len(self.tables)
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            # a string of names that is split later on
            if self._is_table(value.value.split()):
                self._add(self.tables, node)
        else:
            self.visit(value)
        if len(self.tables) > before:
            del self.tables[before:]
            self._add(self.tables, node)

    def visit_Compare(self, node: ast.Compare) -> None:
        named = False
        self.visit(node.left)
        for other in node.comparators:
            strings = [other.value] if isinstance(other, ast.Constant) else _strings(other)
            if strings is None:
                self.visit(other)
            else:
                named = named or self._all_primitives(strings)
        if named and _is_primitive(node.left):
            self._add(self.comparisons, node)

    def visit_MatchClass(self, node: ast.MatchClass) -> None:
        first = node.patterns[0] if node.patterns and getattr(node.cls, "id", "") == "Op" else None
        while isinstance(first, ast.MatchAs) and first.pattern is not None:
            first = first.pattern
        if isinstance(first, ast.MatchOr):
            values = [_text(p.value) for p in first.patterns if isinstance(p, ast.MatchValue)]
            if len(values) > 1 and self._all_primitives(values):
                self._add(self.patterns, node)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        text = _text(function.value) if isinstance(function, ast.Attribute) and function.attr == "split" else None
        if text is not None:
            if self._is_table(text.split()):
                self._add(self.tables, node)
        else:
            self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> None:
        strings = _strings(node)
        if strings is not None and self._is_table(strings):
            self._add(self.tables, node)
        else:
            super().generic_visit(node)

    def _all_primitives(self, names: Sequence[object]) -> bool:
        return bool(names) and all(name in self.primitives for name in names)

    def _is_table(self, names: Sequence[object]) -> bool:
        known = sum(name in self.primitives for name in names)
        return known > 1 and len(names) - known <= self.strangers

    def _add(self, places: list[Place], node: Any) -> None:
        text = ast.unparse(node)
        places.append(Place(self.module, node.lineno, text if len(text) <= 90 else f"{text[:87]}..."))


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _strings(node: ast.AST) -> list[object] | None:
    """The elements of a literal, or the keys of a dict, where all are constants."""
    match node:
        case ast.Set(elts=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts):
            found: list[object] = []
            for part in parts:
                inner = _strings(part.value) if isinstance(part, ast.Starred) else None
                if isinstance(part, ast.Constant):
                    found.append(part.value)
                elif inner is not None:
                    found += inner
                else:
                    return None
            return found
        case ast.Dict(keys=keys) if keys:
            constants: list[object] = [key.value for key in keys if isinstance(key, ast.Constant)]
            return constants if len(constants) == sum(key is not None for key in keys) else None
    return None


def _is_primitive(node: ast.expr) -> bool:
    """Whether an expression is called as the name of a primitive is."""
    return "prim" in (node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", ""))


def names_of_primitives(found: Sequence[Module]) -> dict[str, list[Place]]:
    """By what is listed."""
    primitives, home = frozenset(resolved(PRIMITIVES)), PRIMITIVES.partition(":")[0]
    places: dict[str, list[Place]] = {"tables": [], "mixed": [], "comparisons": [], "patterns": []}
    for module in found:
        if module.name != home:
            tree = ast.parse(module.text)
            names, more = Names(module.name, primitives), Names(module.name, primitives, 1)
            names.visit(tree)
            more.visit(tree)
            places["tables"] += names.tables
            places["mixed"] += [place for place in more.tables if place not in names.tables]
            places["comparisons"] += names.comparisons
            places["patterns"] += names.patterns
    return places


# ---- what is measured ----------------------------------------------------------------------------------------------


class Runs:
    """Counts the runs of each analysis, from when it is put in place until it is taken away."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self.again: Counter[str] = Counter()
        """Of the runs, those on a body that equals one that was asked about before."""
        self._within: set[str] = set()
        self._seen: set[tuple[str, Any]] = set()

    def clear(self) -> None:
        self.count, self.again, self._seen = Counter(), Counter(), set()

    def note(self, analysis: str, args: tuple[Any, ...]) -> None:
        self.count[analysis] += 1
        if analysis in OF_A_BODY and args:
            asked = analysis, getattr(args[0], "body", args[0])
            self.again[analysis] += asked in self._seen
            self._seen.add(asked)

    @contextmanager
    def counted(self) -> Iterator[None]:
        undo: list[Callable[[], None]] = []
        try:
            for analysis, several in ANALYSES.items():
                for where in several:
                    undo += self._counts(analysis, resolved(where))
            yield
        finally:
            for step in reversed(undo):
                step()

    def _counts(self, analysis: str, target: Any) -> list[Callable[[], None]]:
        """Count the calls of a function, or of a class, wherever it has been imported to; how to stop that."""
        if isinstance(target, type):
            made: Any = vars(target)["__init__"]
            note = self.note

            @functools.wraps(made)
            def init(self: Any, *args: Any, **kwargs: Any) -> None:
                note(analysis, args)
                made(self, *args, **kwargs)

            setattr(target, "__init__", init)
            return [functools.partial(setattr, target, "__init__", made)]

        @functools.wraps(target)
        def call(*args: Any, **kwargs: Any) -> Any:
            if analysis in self._within:  # it calls itself
                return target(*args, **kwargs)
            self.note(analysis, args)
            self._within.add(analysis)
            try:
                return target(*args, **kwargs)
            finally:
                self._within.discard(analysis)

        undo: list[Callable[[], None]] = []
        for module in _loaded():
            for name, value in list(vars(module).items()):
                if value is target:
                    setattr(module, name, call)
                    undo.append(functools.partial(setattr, module, name, target))
        return undo


def _loaded() -> list[ModuleType]:
    return [m for name, m in list(sys.modules.items()) if name.split(".")[0] == PACKAGE and isinstance(m, ModuleType)]


def both_texts(case: Case) -> tuple[float, float]:
    """Make the text one reads, and the one that is compiled; seconds of the processor for each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.process_time()
        derivative = resolved(DIFFERENTIATE)(case.function, case.wrt, target="python")
        generated = derivative.specialisation(*case.args).generated
        generated.text()
        read = time.process_time()
        generated.machine_text()
        return read - start, time.process_time() - read


def times(cases: Sequence[Case], repeat: int) -> tuple[float, float]:
    """Seconds for the texts of all programs, the least of several tries of each."""
    for module in modules():
        if module.name:  # what is imported late is no time of the compiler's
            importlib.import_module(f"{PACKAGE}.{module.name}")
    both_texts(cases[0])
    best = [[min(t) for t in zip(*(both_texts(case) for _ in range(repeat)), strict=True)] for case in cases]
    return sum(t[0] for t in best), sum(t[1] for t in best)


def runs(cases: Sequence[Case]) -> list[tuple[Counter[str], Counter[str]]]:
    """Of each gradient, the runs of each analysis, and those on a body that had been seen."""
    work, found = Runs(), []
    with work.counted():
        for case in cases:
            work.clear()
            both_texts(case)
            found.append((work.count, work.again))
    return found


# ---- the table -----------------------------------------------------------------------------------------------------


def line(what: str, *values: object) -> None:
    print(f"{what:<58}", *(f"{value:>9}" for value in values))


def title(text: str, *columns: str) -> None:
    print()
    line(text, *columns)
    print("-" * (58 + 10 * len(columns)))


def files(places: Sequence[Place]) -> int:
    return len({place.module for place in places})


def table_of_files(found: Sequence[Module], asked: Sequence[str]) -> None:
    title(f"{PACKAGE}: size", "lines", "modules")
    line("all", sum(m.lines for m in found), len(found))
    for folder in sorted({m.folder for m in found}):
        inside = [m for m in found if m.folder == folder]
        line(f"  {folder}", sum(m.lines for m in inside), len(inside))
    largest, size = Counter(m.path.parent for m in found).most_common(1)[0]
    line(f"largest folder: {largest.relative_to(ROOT.parent)}", "", size)
    longest = max(found, key=lambda m: m.lines)
    line(f"longest file: {longest.path.relative_to(ROOT.parent)}", longest.lines)

    filled = [m for m in found if not m.is_empty]
    imported = imported_by_tests(frozenset(m.name for m in found))
    untold = [m for m in filled if not m.has_doctest]
    untested = [m for m in untold if m.name not in imported]
    title("tests", "modules")
    line("with something in them", len(filled))
    line("without a doctest", len(untold))
    line("without a doctest, and no test imports from them", len(untested))
    listed("doctests", asked, [m.name for m in untold])
    listed("tests", asked, [m.name for m in untested])

    places = names_of_primitives(found)
    title("names of primitives outside their module", "number", "modules")
    for what, text in NAMED.items():
        line(text, len(places[what]), files(places[what]))
    for what in NAMED:
        listed(what, asked, list(map(str, places[what])))

    title("mechanisms for one question", "number", "modules")
    for question, several in MECHANISMS.items():
        line(question, len(several), len({where.partition(":")[0] for where in several}))
    told: list[str] = []
    for question, several in MECHANISMS.items():
        told += [question, *(f"    {where} - {what}" for where, what in several.items())]
    listed("mechanisms", asked, told)


def listed(what: str, asked: Sequence[str], lines: Sequence[str]) -> None:
    if what in asked:
        print(f"\n{what}:", *lines, sep="\n    ")


def table_of_runs(cases: Sequence[Case], repeat: int) -> None:
    read, compiled = times(cases, repeat)
    found = runs(cases)
    title(f"runs per gradient, of {len(cases)} programs", "mean", "most", "again", "most")
    for analysis in ANALYSES:
        counts = [count[analysis] for count, _ in found]
        again = [seen[analysis] for _, seen in found]
        repeated = (f"{sum(again) / len(cases):.1f}", max(again)) if analysis in OF_A_BODY else ("", "")
        line(f"  {analysis}", f"{sum(counts) / len(cases):.1f}", max(counts), *repeated)
    print("again: on a body that equals one of an earlier run in the same gradient")
    title(f"own time for {len(cases)} programs", "seconds")
    line("the text one reads", f"{read:.2f}")
    line("the text that is compiled, from it", f"{compiled:.2f}")
    line("both", f"{read + compiled:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sample", type=int, default=20, metavar="N", help="every N-th program; 0 for none")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="tries for the time of each program")
    parser.add_argument("--list", nargs="+", choices=LISTS, default=[], help="say what was counted")
    asked = parser.parse_args()
    gone = missing()
    if gone:
        sys.exit("\n".join(["the tables of this script name what is not there:", *gone]))
    table_of_files(modules(), asked.list)
    if asked.sample:
        table_of_runs(all_cases()[:: asked.sample], max(asked.repeat, 1))


if __name__ == "__main__":
    main()
