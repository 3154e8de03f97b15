"""The same calls with srcad and with JAX: whether results have the same structure, dtypes, shapes and values.

    python -m tests.benchmarks.against_jax [--markdown FILE] [--compiled] [--only TEXT]

With JAX's 64 bits. Each call is a text, executed with the functions of `calls_of_jax`; where JAX spells it another way,
its text stands beside. A row that has to differ says why, and it is an error if it does not.
"""

from __future__ import annotations

import argparse
import inspect
import linecache
import os
import types
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import srcad

os.environ.setdefault("JAX_PLATFORMS", "cpu")

TOLERANCE = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-12}
"""The largest difference of values that agree, relative to the largest of their array; of the least precise leaf."""
NAMES = ("grad", "value_and_grad", "jvp", "vjp", "jacobian", "hessian", "hvp")
PROGRAMS = Path(__file__).with_name("calls_of_jax.py")


@dataclass(frozen=True)
class Row:
    subject: str
    ours: str
    jax: str = ""
    """Where JAX's spelling is another one."""
    why: str = ""
    """Why the results differ on purpose; empty where they have to agree."""
    refused: bool = False
    """Ours is an error."""


def rows(subject: str, *calls: str | tuple[Any, ...]) -> list[Row]:
    return [Row(subject, *((call,) if isinstance(call, str) else call)) for call in calls]


BRANCH = "the branch that is not taken never counts; in JAX its infinity times zero is NaN"
LOWER = "the lower triangle is read, as NumPy does, and gets the derivative; JAX symmetrises first"
FLOAT0 = "what is no float has None where JAX has an array of float0"
ROWS = [
    *rows(
        "grad",
        "grad(rosenbrock)(x)",
        "grad(weighted, 1)(x, y)",
        "grad(weighted, argnums=(0, 1))(x, y)",
        "grad(weighted, (0,))(x, y)",
        "grad(weighted, -1)(x, y)",
        "grad(with_aux, has_aux=True)(x, y)",
        "grad(with_aux, (0, 1), True)(x, y)",
        "grad(network)(params, x)",
        "grad(network, (0, 1))(params, x)",
        "grad(energy)(state)",
        "grad(cubed)(2.0)",
        "grad(attention, (0, 1))(W, xs)",
        ("grad(weighted)(x=x, y=y)", "", "arguments may be given by name; JAX raises TypeError"),
        "grad(rosenbrock)(single)",
        "grad(scaled_sum, (0, 1))(single, 2.0)",
    ),
    *rows(
        "value_and_grad",
        "value_and_grad(rosenbrock)(x)",
        "value_and_grad(weighted, (0, 1))(x, y)",
        "value_and_grad(with_aux, has_aux=True)(x, y)",
        "value_and_grad(with_aux, (1, 0), has_aux=True)(x, y)",
        "value_and_grad(network)(params, x)",
    ),
    *rows(
        "jvp",
        "jvp(weighted, (x, y), (v, x))",
        "jvp(weighted, [x, y], [v, x])",
        "jvp(network, (params, x), (ones, v))",
        "jvp(parts, (x, 2.0), (v, 0.5))",
        "jvp(energy, (state,), (State(v, x),))",
        "jvp(with_aux, (x, y), (v, x), has_aux=True)",
        "jvp(vector_with_aux, (x,), (v,), True)",
        "jvp(matrix_of, (x,), (v,))",
        "jvp(turn, (2.0, 0.3), (1.0, 0.5))",
        ("jvp(power, (x, 3), (v, None))", "jvp(lambda x: power(x, 3), (x,), (v,))"),
        ("jvp(counted, (x,), (v,))", "", FLOAT0),
    ),
    *rows(
        "vjp",
        "out, pullback = vjp(weighted, x, y); out, pullback(1.0)",
        "out, pullback = vjp(scaled, x, 2.0); out, pullback(v), pullback(x)",
        "out, pullback = vjp(parts, x, 2.0); out, pullback({'pull': v, 'energy': (0.5, -1.0)})",
        "out, pullback = vjp(network, params, x); out, pullback(2.0)",
        "out, pullback = vjp(energy, state); out, pullback(1.0)",
        "out, pullback, aux = vjp(with_aux, x, y, has_aux=True); out, pullback(1.0), aux",
        "out, pullback, aux = vjp(vector_with_aux, x, has_aux=True); out, pullback(v), aux",
        "out, pullback = vjp(turn, 2.0, 0.3); out, pullback((1.0, 0.5))",
        "out, pullback = vjp(matrix_of, x); out, pullback(A)",
        (
            "out, pullback = vjp(lambda x, n: np.sum(x) * n, x, 3); out, pullback(1.0)",
            "",
            FLOAT0,
        ),
    ),
    *rows(
        "jacobian",
        ("jacobian(matrix_of)(x)", "jacrev(matrix_of)(x)"),
        ("jacobian(matrix_of, mode='reverse')(x)", "jacrev(matrix_of)(x)"),
        ("jacobian(matrix_of, mode='forward')(x)", "jacfwd(matrix_of)(x)"),
        ("jacobian(scaled, (0, 1))(x, 2.0)", "jacfwd(scaled, (0, 1))(x, 2.0)"),
        ("jacobian(scaled, (0, 1), mode='reverse')(x, 2.0)", "jacrev(scaled, (0, 1))(x, 2.0)"),
        ("jacobian(turn, (0, 1))(2.0, 0.3)", "jacrev(turn, (0, 1))(2.0, 0.3)"),
        ("jacobian(parts)(x, 2.0)", "jacfwd(parts)(x, 2.0)"),
        ("jacobian(parts, (0, 1))(x, 2.0)", "jacfwd(parts, (0, 1))(x, 2.0)"),
        ("jacobian(vector_with_aux, has_aux=True)(x)", "jacfwd(vector_with_aux, has_aux=True)(x)"),
        (
            "jacobian(lambda p: p['out'][0] * p['out'][1])(params)",
            "jacfwd(lambda p: p['out'][0] * p['out'][1])(params)",
        ),
        ("jacobian(weighted, 1)(x, y)", "jacrev(weighted, 1)(x, y)"),
    ),
    *rows(
        "hessian",
        "hessian(rosenbrock)(x)",
        "hessian(weighted, (0, 1))(x, y)",
        "hessian(weighted, 1)(x, y)",
        "hessian(network)(params, x)",
        "hessian(energy)(state)",
        "hessian(cubed)(2.0)",
        "hessian(with_aux, has_aux=True)(x, y)",
        "hessian(attention)(W, xs)",
        "hessian(rosenbrock)(single)",
    ),
    *rows(
        "hvp",
        ("hvp(rosenbrock, (x,), (v,))", "jvp(grad(rosenbrock), (x,), (v,))[1]"),
        "jvp(grad(rosenbrock), (x,), (v,))",
        ("hvp(network, (params, x), (ones, v))", "jvp(grad(network), (params, x), (ones, v))[1]"),
        (
            "hvp(weighted, (x, y), (v, x), argnums=(0, 1))",
            "jvp(grad(weighted, (0, 1)), (x, y), (v, x))[1]",
        ),
        "grad(lambda x, v: np.sum(grad(rosenbrock)(x) * v))(x, v)",
        "out, pullback = vjp(grad(rosenbrock), x); out, pullback(v)",
    ),
    *rows(
        "higher orders",
        "grad(grad(cubed))(2.0)",
        "grad(grad(grad(cubed)))(2.0)",
        "grad(grad(grad(mixed, 0), 1), 2)(0.3, 0.7, 1.1)",
        "grad(grad(grad(mixed, 2), 2), 0)(0.3, 0.7, 1.1)",
        ("jacobian(hessian(rosenbrock))(x)", "jacfwd(hessian(rosenbrock))(x)"),
        "hessian(lambda x: jvp(rosenbrock, (x,), (2.0 * x,))[1])(x)",
    ),
    *rows(
        "derivatives inside functions",
        "grad(penalised)(W, xs)",
        "grad(adapted)({'w': x, 'b': 0.5}, y, 1.5)",
        "grad(residual)([x, y, v], xs[0])",
        "grad(newton, (0, 1))(x, y)",
        "grad(curvature, (0, 1))(x, v)",
        ("grad(volume)(x)",),
        "grad(step_and_value)(x)",
        "hessian(penalised)(W, xs)",
    ),
    *rows(
        "constants",
        "grad(target_network)(x)",
        "hessian(target_network)(x)",
        "jvp(target_network, (x,), (v,))",
    ),
    *rows(
        "branches, ties and kinks",
        "grad(leaky)(x)",
        "hessian(leaky)(x)",
        "grad(guarded)(x)",
        ("grad(unguarded)(x)", "", BRANCH),
        "grad(largest)(tied)",
        "hessian(largest)(tied)",
        "grad(between, (0, 1))(tied, tied)",
        "jvp(unguarded, (x,), (v,))",
        ("hessian(unguarded)(x)", "", BRANCH),
        ("grad(magnitude)(zero)", "", "abs has the derivative 0 at 0, JAX has 1"),
        "grad(sign_of)(zero)",
        "grad(powers)(zero)",
        "grad(sorted_sum)(tied)",
        "hessian(log_sum_exp)(tied)",
        "grad(clamped)(x)",
        "grad(clamped)(np.array([0.7, 1.0, 0.8]))",
        "grad(length)(x)",
        ("grad(length)(zero)", "", "a norm has the smallest subgradient at zero, 0; JAX has 0/0, NaN"),
    ),
    *rows(
        "linear algebra",
        "hessian(by_cholesky)(A)",
        ("hvp(of_cholesky, (A,), (V,))", "jvp(grad(of_cholesky), (A,), (V,))[1]", LOWER),
        (
            "hvp(lambda a: of_cholesky(0.5 * (a + a.T)), (A,), (V,))",
            "jvp(grad(of_cholesky), (A,), (V,))[1]",
        ),
        "hessian(by_solve, (0, 1))(A, x)",
        "hessian(by_eigh)(A)",
        ("hessian(by_eigvalsh)(A)", "", LOWER),
        ("hessian(lambda a: by_eigvalsh(0.5 * (a + a.T)))(A)", "hessian(by_eigvalsh)(A)"),
        "hessian(by_inverse)(A)",
        "hessian(by_determinant)(A)",
        "hessian(by_logdet)(A)",
        ("grad(by_svd)(A)", "", "a limit: svd has no rule yet, and is refused (S203)", True),
    ),
    *rows(
        "integers and bools",
        "grad(power)(x, 3)",
        "hessian(power)(x, 3)",
        "grad(switched)(x, True)",
        "value_and_grad(switched)(x, False)",
        ("grad(rosenbrock)(whole)", "", "refused by both: an array of integers", True),
        ("grad(cubed)(2)", "", "a Python int counts as a float; JAX raises TypeError"),
        (
            "grad(lambda p: np.sum(p['w'] ** 2) * p['n'])({'w': x, 'n': 3})",
            "",
            "a Python int counts as a float; JAX raises TypeError",
        ),
    ),
]


# ---- the two sides -------------------------------------------------------------------------------------------------


def programs(text: str, name: str) -> dict[str, Any]:
    """The names of a module with this text, whose source can be found."""
    file = f"<{name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    module = types.ModuleType(name)
    exec(compile(text, file, "exec"), module.__dict__)
    return module.__dict__


def of_srcad(compiled: bool) -> dict[str, Any]:
    options = {} if compiled else {"target": "python"}
    made = {name: partial(getattr(srcad, name), **options) for name in NAMES}
    return {**programs(PROGRAMS.read_text(), "calls_of_srcad"), **made}


def of_jax() -> dict[str, Any]:
    import jax

    jax.config.update("jax_enable_x64", True)
    text = PROGRAMS.read_text().replace("import numpy as np", "import jax.numpy as np")
    ours = "from srcad import grad, hessian, jacobian, jvp, stop_gradient, value_and_grad\n"
    assert ours in text
    text = text.replace(
        ours,
        "from jax import grad, hessian, jacfwd, jacrev, jacrev as jacobian, jvp, value_and_grad, vjp\n"
        "from jax.lax import stop_gradient\n",
    )
    return programs(text, "calls_of_jax_by_jax")


def called(text: str, names: dict[str, Any]) -> Any:
    """The value of the last statement, an expression; the exception where one is raised."""
    *before, last = text.split("; ")
    known = dict(names)
    source = "".join(f"{line}\n" for line in before) + f"result = {last}\n"
    file = f"<{text}>"  # a lambda in it has a source, too
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    try:
        exec(compile(source, file, "exec"), known)
    except Exception as error:
        return error
    return known["result"]


# ---- the comparison ------------------------------------------------------------------------------------------------


@dataclass
class Found:
    row: Row
    shown: str
    """The structure and the shapes of ours."""
    problem: str
    """How the two results differ; empty where they agree."""
    difference: float
    """Of values, relative to the largest of the array; NaN where they cannot be compared."""

    refused: bool = False

    @property
    def right(self) -> bool:
        return bool(self.problem) == bool(self.row.why) and self.refused == self.row.refused


def compared(row: Row, ours: Any, theirs: Any) -> Found:
    if isinstance(ours, Exception) or isinstance(theirs, Exception):
        what = f"{outline(ours)}; JAX: {outline(theirs)}"
        return Found(row, outline(ours), what, float("nan"), isinstance(ours, Exception))
    shape, their_shape = outline(ours), outline(theirs)
    if shape != their_shape:
        return Found(row, shape, f"{shape}; JAX: {their_shape}", float("nan"))
    pairs = list(zip(leaves(ours), leaves(theirs), strict=True))
    tolerance = max((TOLERANCE.get(leaf.dtype, 0.0) for leaf in leaves(ours)), default=0.0)
    same = all(apart(a, b) <= tolerance for a, b in pairs)
    problem = "" if same else f"values {brief(ours)}; JAX: {brief(theirs)}"
    return Found(row, shape, problem, max((apart(a, b) for a, b in pairs), default=0.0))


def outline(tree: Any) -> str:
    """The structure, with the kind and shape of each leaf; keys of dicts in order, which JAX sorts."""
    if isinstance(tree, Exception):
        return type(tree).__name__
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{key}: {outline(tree[key])}" for key in sorted(tree)) + "}"
    if isinstance(tree, tuple):
        name = type(tree).__name__ if hasattr(tree, "_fields") else ""
        return f"{name}({', '.join(map(outline, tree))}{',' if len(tree) == 1 else ''})"
    if isinstance(tree, list):
        return f"[{', '.join(map(outline, tree))}]"
    if tree is None:
        return "None"
    array = np.asarray(tree)
    kind = array.dtype.name if array.dtype.names is None and array.dtype.kind != "V" else "float0"
    return f"{kind}{list(array.shape)}" if array.shape else kind


def leaves(tree: Any) -> list[Any]:
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in leaves(tree[key])]
    if isinstance(tree, (tuple, list)):
        return [leaf for item in tree for leaf in leaves(item)]
    return [] if tree is None else [np.asarray(tree)]


def apart(a: Any, b: Any) -> float:
    if a.dtype.kind != "f":
        return 0.0 if np.array_equal(a, b) else float("inf")
    if not np.array_equal(np.isfinite(a), np.isfinite(b)):
        return float("inf")
    a, b = a[np.isfinite(a)], b[np.isfinite(b)]
    return float(np.max(np.abs(a - b)) / max(np.max(np.abs(b)), 1e-300)) if np.any(a != b) else 0.0


def brief(tree: Any) -> str:
    return ", ".join(np.array2string(leaf.ravel(), precision=4, threshold=9) for leaf in leaves(tree))


# ---- the signatures ------------------------------------------------------------------------------------------------

ABSENT = {
    "holomorphic": "no complex numbers",
    "allow_int": "a pullback gives None for integers",
    "reduce_axes": "no named axes",
}


def signatures() -> list[tuple[str, str, str]]:
    """For each name of JAX's: its parameters, ours, and what is wrong with ours."""
    import jax

    found = []
    for theirs, name in (
        *((name, name) for name in ("grad", "value_and_grad", "jvp", "vjp", "hessian")),
        ("jacfwd", "jacobian"),
        ("jacrev", "jacobian"),
    ):
        wanted = [p for p in inspect.signature(getattr(jax, theirs)).parameters.values() if p.name not in ABSENT]
        given = list(inspect.signature(getattr(srcad, name)).parameters.values())
        problems = []
        for at, parameter in enumerate(wanted[1:], 1):
            ours = next((p for p in given if p.name == parameter.name), None)
            if ours is None or ours.kind != parameter.kind:
                problems.append(f"{parameter.name} is {'absent' if ours is None else ours.kind.description}")
            elif ours.kind is not inspect.Parameter.KEYWORD_ONLY and given[at] is not ours:
                problems.append(f"{parameter.name} has another position")
        options = {p.name for p in inspect.signature(srcad.jit).parameters.values()} - {"f"}
        found.append((f"{theirs}({listed(wanted)})", f"{name}({listed(given, options)})", "; ".join(problems)))
    return found


def listed(parameters: list[inspect.Parameter], hidden: Collection[str] = ()) -> str:
    """Without the options that all of ours take."""
    shown: list[str] = []
    keywords = False
    for p in parameters:
        if p.name in hidden:
            continue
        if p.kind is inspect.Parameter.KEYWORD_ONLY and not keywords:
            keywords = True
            if not any(q.kind is inspect.Parameter.VAR_POSITIONAL for q in parameters):
                shown.append("*")
        star = "*" if p.kind is inspect.Parameter.VAR_POSITIONAL else ""
        shown.append(f"{star}{p.name}" + ("" if p.default is p.empty else f"={p.default!r}"))
    return ", ".join(shown)


# ---- the table -----------------------------------------------------------------------------------------------------


def markdown(found: list[Found], names: list[tuple[str, str, str]]) -> str:
    lines = ["| JAX | srcad | agree |", "|---|---|---|"]
    lines += [f"| `{theirs}` | `{ours}` | {problem or 'yes'} |" for theirs, ours, problem in names]
    lines += ["", "| | call | JAX, where spelled otherwise | result of ours | largest relative difference |"]
    lines += ["|---|---|---|---|---|"]
    subject = ""
    for one in found:
        row = one.row
        first = "" if row.subject == subject else row.subject
        subject = row.subject
        result = "; ".join(filter(None, (one.problem or one.shown, row.why)))
        value = "" if np.isnan(one.difference) else f"{one.difference:.0e}"
        theirs = f"`{row.jax}`" if row.jax else ""
        mark = "" if one.right else "**WRONG** "
        lines.append(f"| {first} | `{row.ours}` | {theirs} | {mark}{result} | {value} |".replace("\n", " "))
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there")
    parser.add_argument("--compiled", action="store_true", help="compile ours; the same text runs in Python otherwise")
    parser.add_argument("--only", metavar="TEXT", help="of calls that contain it")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    ours, theirs = of_srcad(options.compiled), of_jax()
    found = []
    for row in ROWS:
        if options.only and options.only not in row.ours:
            continue
        one = compared(row, called(row.ours, ours), called(row.jax or row.ours, theirs))
        found.append(one)
        state = "ok" if one.right else "WRONG"
        print(f"{state:6}{row.ours:75} {one.difference:.0e} {one.problem}", flush=True)
    names = signatures()
    wrong = [one.row.ours for one in found if not one.right] + [theirs for theirs, _, problem in names if problem]
    on_purpose = sum(bool(one.row.why) for one in found)
    print(f"{len(found)} calls, {on_purpose} differ, as their rows say; not as they should be: {wrong or 'none'}")
    if options.markdown:
        options.markdown.write_text(markdown(found, names))
    if wrong:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
