"""What is asked of each pass under test and with `debug=True`: that what it gives is well-formed, as it says.

>>> from dataclasses import replace
>>> from srcad.compiler.unit import without_source
>>> from srcad.ir.nodes import Return, Var
>>> before = without_source(Function("f", (), (), (), {}), "primal")
>>> after = replace(before, function=Function("f", (), (Return((Var("y"),)),), (), {}))
>>> verifier(before)(after, Pass("forget", lambda unit: unit, Form.SEQUENTIAL, Form.SEQUENTIAL))
Traceback (most recent call last):
    ...
srcad.ir.verify.Malformed: f: y is read where nothing has given it a value
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable

from srcad.analysis.memory.may_alias import MayAlias, may_alias
from srcad.compiler.manager import Form, Pass
from srcad.compiler.unit import Unit
from srcad.ir.nodes import Comment, Function
from srcad.ir.verify import Malformed, verify, verify_sequential, verify_sweeps
from srcad.rules.primitives import PRIMITIVES
from srcad.typing.verify_types import verify_types

KNOWN = ChainMap(PRIMITIVES, {"range": PRIMITIVES["index"]})
"""Functions of users become primitives at any time."""
_ORDER = ("forward", "reverse", "value")


def verifier(before: Unit) -> Callable[[Unit, Pass], None]:
    """A check of what a pass makes of `before`: names, types, primitives, form and sections.

    The pass must not have changed what it was given: bodies are frozen, but tables of types are not.
    """
    given = before.function
    types, tape = dict(given.types), dict(given.tape)

    def check(after: Unit, one: Pass) -> None:
        if given.types != types or given.tape != tape:
            raise Malformed(f"{one.name} has changed what it was given")
        f = after.function
        if f is given:
            return
        match one.gives:
            case Form.NORMAL:
                verify(f, KNOWN)
            case Form.SWEEPS:
                verify_sweeps(f, KNOWN)
            case Form.SEQUENTIAL:
                verify_sequential(f, KNOWN)
        verify_types(f, precisely=one.gives is Form.NORMAL)
        _verify_sections(f)
        if one.keeps_aliases and after.aliases is not None:
            _verify_aliases(f, after.aliases)

    return check


def _verify_sections(f: Function) -> None:
    """Both sweeps begin once at most, and in order."""
    found = [s.section for s in f.body if isinstance(s, Comment) and s.section in _ORDER]
    if found != sorted(set(found), key=_ORDER.index):
        raise Malformed(f"{f.name}: sections {', '.join(map(str, found))}")


def _verify_aliases(f: Function, known: MayAlias) -> None:
    """Names that may share memory were known to, before the pass."""
    for together in may_alias(f.body, f.types).members.values():
        classes = {known.class_of(name) for name in together}
        if len(classes) > 1:
            raise Malformed(f"{f.name}: {', '.join(sorted(classes))} share memory, which was not known before the pass")
