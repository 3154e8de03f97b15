"""Definitions for a shipped module that Numba compiles and that calls functions of `scipy.special`.

Numba does not know these. SciPy has C functions of doubles for Cython: the module looks up their addresses when it is
imported, and tells Numba to call them for each element.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence

from srcad.ir.nodes import Expr, Function
from srcad.ir.traversal import ops, own_exprs, walk
from srcad.rules.special import PREFIX

IMPORTS = """\
import ctypes
import re

import numpy as np
from numba import njit, vectorize
from numba.extending import get_cython_function_address, overload
from scipy import special
from scipy.special import cython_special
"""
_LOOK_UP = '''\
def of_doubles(name, count):
    """The function of so many doubles that SciPy has for Cython."""
    said = f'"double ({"double, " * count}int __pyx_skip_dispatch)"'
    for mangled, capsule in cython_special.__pyx_capi__.items():
        if said in repr(capsule) and re.sub(r"^__pyx_fuse_[\\d_]*", "", mangled) == name:
            address = get_cython_function_address("scipy.special.cython_special", mangled)
            takes = [*[ctypes.c_double] * count, ctypes.c_int]
            return ctypes.CFUNCTYPE(ctypes.c_double, *takes)(address)
    raise ImportError(f"this version of SciPy has no {name} for Cython")
'''
_OF_ELEMENTS = """\
{looked_up}@vectorize(["float32({single})", "float64({double})"])
def elements_of_{name}({args}):
    return {called}


@overload(special.{name})
def calls_{name}({args}):
    return lambda {args}: elements_of_{name}({args})
"""


def special_functions(functions: Sequence[Function]) -> dict[str, int]:
    """The functions of `scipy.special` that are called, each with the number of its arguments.

    >>> from srcad.ir.nodes import Op, Var
    >>> special_functions([Function("f", (), (), (Op("special.xlogy", (Var("x"), Var("y"))),), {})])
    {'xlogy': 2}
    """
    called = (op for one in functions for e in _expressions(one) for op in ops(e) if op.prim.startswith(PREFIX))
    return dict(sorted((op.prim.removeprefix(PREFIX), len(op.args)) for op in called))


def _expressions(function: Function) -> Iterator[Expr]:
    for stmt in walk(function.body):
        yield from own_exprs(stmt)
    yield from function.results


def definitions(called: dict[str, int]) -> str:
    """The text that makes Numba call these functions."""
    from srcad.backend.numba import special_functions as known  # which imports SciPy

    parts = [_LOOK_UP]
    for name, count in called.items():
        args = ", ".join("xyzw"[:count])
        kinds = {kind: ", ".join([kind] * count) for kind in ("float32", "float64")}
        written = known.WRITTEN.get(name)
        looked_up = f'c_{name} = of_doubles("{known.OTHER_NAMES.get(name, name)}", {count})\n\n\n'
        if written is not None:
            own = re.sub(r": Any(?=[,)])", "", inspect.getsource(written)).replace(" -> Any:", ":", 1)
            looked_up = f"BERNOULLI = {known.BERNOULLI!r}\n\n\n@njit\n{own}\n\n"
        filled = _OF_ELEMENTS.format(
            name=name,
            args=args,
            looked_up=looked_up,
            called=f"c_{name}({args}, 0)" if written is None else f"{written.__name__}({args})",
            single=kinds["float32"],
            double=kinds["float64"],
        )
        parts.append(filled)
    return "\n\n".join(parts)
