"""The Python part of a text: a function that computes what is inactive, and one that calls the compiled one with it."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gast
import numpy as np

from srcad import handed_over
from srcad.backend.python.writer import write
from srcad.compiler.python_function_text import (
    called_names,
    copied_tree,
    copy_of,
    function_text,
    global_names,
    renamed,
    without_unread,
)
from srcad.compiler.value_kinds import item_of, kind_of, zero_of
from srcad.errors import fail
from srcad.frontend.lowering.lower import Lowered
from srcad.frontend.source.outside_imports import OutsideName, outside_name
from srcad.frontend.source.read import HandedOver, PythonPart, span
from srcad.frontend.syntax.inactive_text import Returned, with_returned_values
from srcad.frontend.values.abstract_values import Abstract, Constant, Leaf, Seq, leaves
from srcad.frontend.values.abstract_values import Mapping as Dictionary
from srcad.ir.nodes import Var

ACTIVE = "_active"
"""The ending of the function that is given what Python computes."""
_HELPERS = ("noted", "each", "as_array", "parts", "deepcopy")
_NUMPY, _DEEPCOPY = "import numpy as np", "from copy import deepcopy"
_SHAPES = frozenset({"shape", "ndim", "size", "dtype"})
_IMMUTABLE = (bool, int, float, complex, np.generic, str)


@dataclass(frozen=True)
class InactiveFunctions:
    """Two functions as text, with what they import."""

    imports: tuple[str, ...]
    helpers: tuple[tuple[str, str], ...]
    """The functions of `srcad.handed_over` that they call, with their names here."""
    text: str
    parameters: tuple[str, ...]
    """Those of the second function."""

    def imports_with_helpers(self) -> tuple[str, ...]:
        """The imports, where srcad is."""
        named = [own if own == name else f"{name} as {own}" for name, own in self.helpers]
        return (*self.imports, f"from srcad.handed_over import {', '.join(named)}") if named else self.imports

    def text_with_helpers(self) -> str:
        """The text with copies of the functions that it calls."""
        text = "\n\n\n".join(copy_of(getattr(handed_over, name)) for name, _ in self.helpers)
        for name, own in self.helpers:
            text = re.sub(rf"\b{name}\(", f"{own}(", text)
        return f"{self.text}\n\n\n{text}" if text else self.text


def inactive_functions(
    name: str,
    part: PythonPart,
    lowered: Lowered,
    arguments: Mapping[str, Abstract],
    takes: Sequence[str],
    defaults: Sequence[str],
    imports: bool,
) -> InactiveFunctions:
    """The functions before the one named `name`, which takes the parameters `takes`, the last ones with `defaults`.

    `arguments` are the structures of its arguments. Where it `imports`, S363 is raised for what a file cannot have.
    """
    whole, inactive = name.removesuffix(ACTIVE), f"{part.whole.name}_inactive"
    made = _Made(part, lowered, arguments, takes, (whole, inactive, name), imports)
    values = [one.variable for one in part.values]
    tree = made.python_function(inactive)
    own, given = made.parameters(), made.given()
    first = len(own) - len(defaults)
    params = [one if at < first else f"{one}={defaults[at - first]}" for at, one in enumerate(own)]
    call = f"{inactive}({', '.join(map(made.argument, _params(tree)))})"
    before = f"{', '.join(values)} = {call}" if values else call
    lines = [f"def {whole}({', '.join(params)}):", f"    {before}", *(f"    {check}" for check in made.checks())]
    calling = ast.parse("\n".join([*lines, f"    return {name}({', '.join(given)})"]))
    texts = [function_text(tree), write(calling)]
    called = {one for text in texts for one in called_names(text)}
    helpers = [(helper, name) for helper, name in made.names.items() if name in called and helper != "deepcopy"]
    if "each" in dict(helpers) and "noted" not in dict(helpers):
        helpers.append(("noted", made.names["noted"]))
    copies = [_DEEPCOPY] if called & {"deepcopy"} or "noted" in dict(helpers) else []
    if made.names["deepcopy"] != "deepcopy" and made.names["deepcopy"] in called:
        copies.append(f"{_DEEPCOPY} as {made.names['deepcopy']}")
    numpy = [_NUMPY] if any("np." in text for text in texts) or "as_array" in dict(helpers) else []
    found = dict.fromkeys([*copies, *numpy, *made.imports])
    return InactiveFunctions(tuple(found), tuple(sorted(helpers)), "\n\n\n".join(texts), tuple(own))


class _Made:
    def __init__(
        self,
        part: PythonPart,
        lowered: Lowered,
        arguments: Mapping[str, Abstract],
        takes: Sequence[str],
        functions: Sequence[str],
        imports: bool,
    ) -> None:
        self._part, self._arguments, self._takes, self._asks = part, arguments, takes, imports
        named = dict(zip((one.name for one in lowered.function.params), takes, strict=False))
        self._names = {flat: named[flat] for flat in named}
        cells = {id(one.cell): one for one in part.values}
        self._captured = {cells[c.scope].name: c for c in lowered.captures if c.scope in cells}
        self._others = {c.name: c for c in lowered.captures if c.scope not in cells}
        self._guarded = {cells[g.scope].name for g in lowered.guards if g.scope in cells}
        loaded = (n for n in gast.walk(part.rest) if isinstance(n, gast.Name) and _is_load(n))
        self._read_by_rest = {node.id for node in loaded}
        self.imports: list[str] = []
        nodes = [*gast.walk(part.tree), *gast.walk(part.rest)]
        self._functions = functions
        self._variables = (
            {n.id for n in nodes if isinstance(n, gast.Name)} | {*takes} | {c.variable for c in part.values}
        )
        self.names = {name: _unused(name, {*self._variables, *functions}) for name in _HELPERS}
        """Those that the functions of `srcad.handed_over` have here."""

    # ---- the Python part -----------------------------------------------------------------------

    def python_function(self, name: str) -> ast.FunctionDef:
        """The function that returns the values, of the parameters that it reads."""
        (tree,) = gast.gast_to_ast(gast.Module([copied_tree(self._part.tree)], [])).body
        tree.name, tree.decorator_list, tree.returns = name, [], None
        values = [
            Returned(one.name, one.variable, one.in_loop, isinstance(one.first, _IMMUTABLE), zero_of(one.first))
            for one in self._part.values
        ]
        tree = without_unread(with_returned_values(tree, values, self.names))
        taken = _all_params(tree)
        read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        captured = [n for n in self._others if n in read and n not in taken and isinstance(self._others[n].value, Leaf)]
        params = [ast.arg(n) for n in (*(n for n in taken if n in read), *captured)]
        tree.args = ast.arguments([], params, None, [], [], None, [])
        return self._imported(ast.fix_missing_locations(tree))

    def _imported(self, tree: ast.FunctionDef) -> ast.FunctionDef:
        """The function with what it reads from outside as a file has it."""
        stored = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
        stored |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
        instead: dict[str, str] = {}
        bound = {"np": _NUMPY, **dict.fromkeys([*self._functions, *self.names.values()], "")}
        bound["deepcopy"] = _DEEPCOPY
        for name in global_names(tree):
            found = None if name in self.names.values() else self._outside(name)
            if found is None:
                continue
            alias, line = found.bound, found.line
            if found.variable is not None:
                while alias in stored | self._variables or bound.get(alias, line) != line:
                    alias, line = f"{alias}_", f"{found.line} as {alias}_"
                instead[name] = f"{alias}.{found.variable}"
            if self._asks and (bound.get(alias, line) != line or name in stored):
                self._refuse(f"it reads {name} from outside, and that name has another meaning there", "rename it.")
            bound[alias] = line
            self.imports.append(line)
        return renamed(tree, instead)

    def _outside(self, name: str) -> OutsideName | None:
        whole = self._part.whole
        found: OutsideName | None = None
        if name in whole.closure:
            cell: Any = whole.closure[name]
            if hasattr(cell, "names"):  # of a function that is written out here
                found = outside_name(cell.name, cell.names)
                if found is not None and found.variable is None and found.bound != name:
                    found = OutsideName(f"{found.line.partition(' as ')[0]} as {name}", name)
        elif name in whole.globals:
            found = outside_name(name, whole.globals)
        else:  # of Python; or it raises a NameError, as it did
            return None
        if found is None and self._asks:
            self._refuse(*self._why(name))
        return found

    def _why(self, name: str) -> tuple[str, str]:
        if name in self._part.whole.closure:
            what, way = "a variable of a function around it", "pass it as an argument, or move it to a module."
        else:
            home = self._part.whole.globals.get("__name__")
            of = "the program that is run" if home == "__main__" else f"{home}, which cannot be imported"
            what, way = f"a variable of {of}", "move it, and the function, to a module, and import that."
        return f"it reads {name}, {what}", way

    def _refuse(self, why: str, advice: str) -> None:
        whole = self._part.whole
        what = f"the inactive code of {whole.name} cannot be in a file: {why}"
        fail(
            "S363",
            what,
            span(whole, whole.tree),
            "In a file it is a function of Python, which imports what it reads.",
            advice,
        )

    # ---- the function that calls both ----------------------------------------------------------

    def parameters(self) -> list[str]:
        """Those of the compiled function without the values, and what only Python reads."""
        handed = {self._names[flat] for one in self._captured.values() for flat in _flat(one.value)}
        opaque = [name for name in self._arguments if self._is_opaque(name) and name in self._python_reads]
        first = [self._names[flat] for one in self._arguments.values() for flat in _flat(one) if flat in self._names]
        found: list[str] = []
        for name, one in self._arguments.items():
            found += [name] if name in opaque else [self._names[f] for f in _flat(one) if f in self._names]
        return [*found, *(one for one in self._takes if one not in first and one not in handed)]

    @property
    def _python_reads(self) -> set[str]:
        return {node.id for node in gast.walk(self._part.tree) if isinstance(node, gast.Name)}

    def _is_opaque(self, name: str) -> bool:
        """Whether an argument is no number, and the rest does not know it."""
        value = self._arguments[name]
        return isinstance(value, Constant) and name not in self._read_by_rest

    def argument(self, name: str) -> str:
        """What the Python part is given for a parameter: what it may write into is copied."""
        if name not in self._arguments:
            return self._names[_flat(self._others[name].value)[0]]
        value = self._arguments[name]
        if self._is_opaque(name):
            return name
        text = self._structure(name, value)
        is_read_only = isinstance(value, Leaf) and (not hasattr(value.type, "dims") or self._asks_shapes_only(name))
        return text if is_read_only or isinstance(value, Constant) else f"{self.names['deepcopy']}({text})"

    def _structure(self, name: str, value: Abstract) -> str:
        match value:
            case Leaf(Var(flat)):
                return self._names.get(flat, flat)
            case Constant(inner) if inner is None or isinstance(inner, bool | int | str):
                return repr(inner)
            case Seq(items, kind):
                inside = ", ".join(self._structure(name, item) for item in items)
                return f"[{inside}]" if kind == "list" else f"({inside}{',' if len(items) == 1 else ''})"
            case Dictionary(pairs):
                return f"{{{', '.join(f'{key!r}: {self._structure(name, item)}' for key, item in pairs)}}}"
        if self._asks:
            self._refuse(f"it reads {name}, which has more in it than numbers", "pass its numbers as arguments.")
        return name

    def _asks_shapes_only(self, name: str) -> bool:
        known = set()
        for node in gast.walk(self._part.tree):
            match node:
                case gast.Attribute(value=gast.Name() as one, attr=attr) if attr in _SHAPES:
                    known.add(id(one))
                case gast.Call(func=gast.Name(id="len"), args=[gast.Name() as one]):
                    known.add(id(one))
        nodes = gast.walk(self._part.tree)
        return all(id(n) in known for n in nodes if isinstance(n, gast.Name) and n.id == name and _is_load(n))

    def checks(self) -> list[str]:
        """Statements that refuse values other than those that the text was made for, and that it does not read."""
        only = [one for one in self._part.values if one.name in self._guarded and one.name not in self._captured]
        return [self._parts(one, None) for one in only]

    def _parts(self, one: HandedOver, known: Abstract | None, numbers: bool = False) -> str:
        kind = kind_of(one.first, known, numbers)
        if kind is None and self._asks:
            what = f"a value of {one.said} has more in it than numbers, strings, lists, tuples and dicts"
            self._refuse(what, "let the inactive code take the numbers out.")
        return f"{self.names['parts']}({one.variable}, {kind or 'object'})"

    def given(self) -> list[str]:
        """The arguments of the compiled function."""
        texts: dict[str, str] = {}
        several: dict[str, str] = {}
        for one in self._part.values:
            if one.name not in self._captured:
                continue
            captured = self._captured[one.name]
            flat = [self._names[name] for name in _flat(captured.value)]
            if one.in_loop:
                texts[flat[0]] = f"{self.names['as_array']}({one.variable}, {item_of(one.first)})"
            elif captured.is_table:
                rows = np.array(one.first).shape
                text = f"np.array({self._parts(one, None, numbers=True)})"
                texts[flat[0]] = text if len(rows) == 1 else f"{text}.reshape{rows}"
            elif isinstance(captured.value, Leaf):
                texts[flat[0]] = f"*{self._parts(one, captured.value)}"
            else:
                several[flat[0]] = f"*{self._parts(one, captured.value)}"
                texts |= dict.fromkeys(flat, "")
        found = [several.get(name) or texts.get(name, name) for name in self._takes]
        return [text for text in found if text]


def _unused(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _params(tree: ast.FunctionDef) -> list[str]:
    return [one.arg for one in tree.args.args]


def _all_params(tree: ast.FunctionDef) -> list[str]:
    spec = tree.args
    found = [*spec.posonlyargs, *spec.args, spec.vararg, *spec.kwonlyargs, spec.kwarg]
    return [one.arg for one in found if one is not None]


def _flat(value: Abstract) -> list[str]:
    return [leaf.atom.name for leaf in leaves(value) if isinstance(leaf.atom, Var)]


def _is_load(node: Any) -> bool:
    return isinstance(node.ctx, gast.Load)
