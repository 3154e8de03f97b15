"""Copies that nothing tells from what they are of: neither is written to, and the copy is no result."""

from __future__ import annotations

from dataclasses import replace

from srcad.analysis.memory.may_alias import may_alias
from srcad.ir.names import is_temporary
from srcad.ir.nodes import Assign, Expr, Function, Op, Var
from srcad.ir.traversal import block_stores, names, walk, without_definitions


def share_unwritten_copies(f: Function) -> Function:
    """The array itself for a copy of it that the user has not named, of a function in normal form.

    >>> import itertools
    >>> import numpy as np
    >>> from srcad.canonicalize.prune import prune
    >>> from srcad.compiler.stages import normal_form
    >>> from srcad.ir.printer import text
    >>> __name__ = "user_module"
    >>> def products(x):
    ...     total = 0.0
    ...     for a, b in itertools.product(x, repeat=2):
    ...         total += a * b
    ...     return total
    >>> print(text(prune(share_unwritten_copies(normal_form(products, np.ones(3))))))
    products(x: float64[x.0]):
        total.0 = 0.0
        %n.0 = len(x)
        %n.1 = len(x)
        %product.0 = 1 * %n.0
        %product.1 = %product.0 * %n.1
        total.3 = for %i.0 in range(0, %product.1, 1) carrying total.1 = total.0:
            %remainder.0 = %i.0 % %n.1
            b.0 = x[%remainder.0]
            %quotient.0 = %i.0 // %n.1
            a.0 = x[%quotient.0]
            %product.2 = a.0 * b.0
            total.2 = total.1 + %product.2
            yield total.2
        return total.3
    """
    copies: dict[str, Var] = {}
    for stmt in walk(f.body):
        match stmt:
            case Assign(target, Op("copy", (Var(name) as of,))) if (
                is_temporary(target) and f.types[target] == f.types[name]
            ):
                copies[target] = of
    if not copies:
        return f
    aliases = may_alias(f.body, f.types)
    changed = {aliases.class_of(name) for name in block_stores(f.body)}
    kept = changed | {aliases.class_of(name) for result in f.results for name in names(result)}
    mapping: dict[str, Expr] = {}
    for copy, of in copies.items():
        if aliases.class_of(copy) not in kept and aliases.class_of(of.name) not in changed:
            mapping[copy] = mapping.get(of.name, of)  # a copy of a copy
    return replace(f, body=without_definitions(f.body, mapping)) if mapping else f
