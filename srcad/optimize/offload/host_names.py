"""Names of the host function: none that its text means something by, none without a value."""

from __future__ import annotations

from dataclasses import replace

from srcad.backend.cuda.device_program import LAUNCH, NAMES
from srcad.ir.names import fresh_name
from srcad.ir.nodes import (
    Assign,
    Block,
    Const,
    Effect,
    Expr,
    Function,
    Op,
    Var,
)
from srcad.ir.traversal import (
    names,
    rename,
    replace_names,
    walk,
)
from srcad.ir.types import Array, Scalar, Type
from srcad.optimize.offload.definite_assignment import exposed


def without_names_of_text(f: Function) -> Function:
    """The function without variables that are called as what the text of the program uses."""
    types = {name: kind for name, kind in f.types.items() if name not in NAMES}
    taken = {**types, **{name: Scalar("int64") for name in NAMES}}
    new = {name: fresh_name(f"{name}_", f.types[name], taken) for name in sorted({*f.types} & NAMES)}
    types |= {new[name]: f.types[name] for name in new}
    params = tuple(replace(p, name=new.get(p.name, p.name)) for p in f.params)
    tape = {new.get(name, name): saved for name, saved in f.tape.items()}
    results = tuple(replace_names(e, {old: Var(name) for old, name in new.items()}) for e in f.results)
    name = f"{f.name}_on_device" if f.name in NAMES else f.name
    return replace(f, name=name, params=params, body=rename(f.body, new), results=results, types=types, tape=tape)


def undefined_names(host: Function) -> Block:
    """Values for names that kernels take, though on some paths nothing has assigned them, nor reads them."""
    taken = {n for s in walk(host.body) if isinstance(s, Effect) and s.call.prim == LAUNCH for n in names(s.call)}
    unsure = (exposed(host.body) - {p.name for p in host.params}) & taken
    return tuple(Assign(name, _blank(host.types[name])) for name in sorted(unsure))


def _blank(kind: Type) -> Expr:
    static = () if getattr(kind, "dtype", "float64") == "float64" else (("dtype", getattr(kind, "dtype", None)),)
    if isinstance(kind, Array):
        return Op("np.empty", (Const(0),) * kind.rank, static)
    return Op("astype", (Const(0),), static) if static else Const(0.0)
