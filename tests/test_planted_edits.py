"""Wrong edits planted in the gradients of the golden programs: `srcad check` finds each, and names its line.

And harmless edits, of which it says nothing.
"""

import ast
import importlib
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import srcad
from srcad.build_step.editing.differences import agree
from srcad.build_step.editing.first_wrong_statement import first_wrong
from srcad.build_step.editing.recording import record
from srcad.cli import app
from tests.mutants import _places
from tests.test_goldens import CASES

pytestmark = pytest.mark.one_in(10, least=3)

GOLDEN = Path(__file__).parent / "golden"
WRT = {
    "leaky_integrator": ["x", "decay", "limit"],
    "rnn_loss": ["h0", "W_h", "W_x", "b"],
    "fisher_kpp": ["u0", "kappa", "rate"],
    "newton_sqrt": ["a"],
}
POINTS = """
import numpy as np



def normal(*args, **kwargs):
    return np.random.default_rng(0).normal(*args, **kwargs)


def leaky_integrator():
    return normal(0.3, 1.0, 12), 0.9, 0.4


def rnn_loss():
    weights = normal(size=(4, 4)) / 2, normal(size=(4, 3)), normal(size=4)
    return normal(size=(7, 3)), normal(size=4), *weights, normal(size=(7, 4))


def fisher_kpp():
    return np.random.default_rng(0).uniform(0.1, 0.9, (7, 6)), 0.3, 1.2, 0.15, 5


def newton_sqrt():
    return 7.3, 2.0
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with the golden programs and their gradients as built; the primals are named as nothing else is."""
    yield from built(tmp_path_factory.mktemp("planted"), WRT)


@pytest.fixture
def small_project(tmp_path):
    """With the two that are built soonest, for what builds often."""
    yield from built(tmp_path, (LEAKY, NEWTON))


def built(root, names):
    entries = []
    for name in names:
        wrt = WRT[name]
        shutil.copy(GOLDEN / f"{name}.py", root / f"planted_{name}.py")
        entries.append(f'{{ function = "planted_{name}:{name}", examples = "planted_points:{name}", wrt = {wrt} }},')
    (root / "planted_points.py").write_text(POINTS)
    (root / "pyproject.toml").write_text("[tool.srcad]\nfunctions = [\n" + "\n".join(entries) + "\n]\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SRCAD_CACHE_DIR", str(root / "cache"))
        patch.setattr(sys, "dont_write_bytecode", True)
        run(root, "build")
        yield root
    for name in [*names, "points"]:
        sys.modules.pop(f"planted_{name}", None)


def run(root, command, *args, code=0):
    result = CliRunner().invoke(app, [command, *args, "--root", str(root)])
    assert result.exit_code == code, result.output
    return result.output


def checked(root, name, edits, code):
    """What check says of the gradient with these edits, and its lines."""
    path = root / "generated" / f"{name}_grad.py"
    as_built = path.read_text()
    text = as_built
    for before, after in edits:
        assert text.count(before) == 1, (before, text.count(before))
        text = text.replace(before, after)
    assert text != as_built
    try:
        path.write_text(text)
        if code == 0:  # a wrong text is found before its compiled form is asked for
            run(root, "build")
        return run(root, "check", f"planted_{name}:{name}", code=code), text.splitlines()
    finally:
        path.write_text(as_built)


LEAKY, RNN, FISHER, NEWTON = WRT
OUTER = "                "  # the indentation of the innermost statements of fisher_kpp
SWAPPED = (
    "            d_limit += 0.9 * d_acc\n            d_acc = 0.1 * d_acc\n",
    "            d_acc = 0.1 * d_acc\n            d_limit += 0.9 * d_acc\n",
)
STORED = "                u_saved[step, i - 1, j - 1] = u[i, j]\n"
STEPPED = f"{OUTER}u[i, j] += dt * (kappa * lap_saved[step, i, j] + rate * u[i, j] * (1.0 - u[i, j]))\n"
# of what, what was there, what was planted, what the line that is to be named says
WRONG = [
    (LEAKY, "d_limit += 0.9 * d_acc", "d_limit -= 0.9 * d_acc", None),
    (LEAKY, "d_acc = 0.1 * d_acc", "d_acc = 0.2 * d_acc", None),
    (LEAKY, "d_decay += acc_saved[i] * d_acc", "d_decay += d_acc", None),
    (LEAKY, "d_x[i] += d_acc", "d_x[i - 1] += d_acc", None),
    (LEAKY, *SWAPPED, "d_limit += 0.9 * d_acc"),
    (LEAKY, "d_acc = 2.0 * acc * d_result", "d_acc = acc * d_result", None),
    (LEAKY, "took_if[i] = acc > limit", "took_if[i] = acc < limit", None),
    (LEAKY, "        d_acc = decay * d_acc\n", "", "return d_x, d_decay, d_limit"),
    (LEAKY, "range(len(x) - 1, -1, -1)", "range(len(x) - 1, 0, -1)", "for i in range(len(x) - 1, 0, -1):"),
    (LEAKY, "return d_x, d_decay, d_limit", "return d_x, d_limit, d_decay", None),
    (LEAKY, "        acc_saved[i] = acc\n", "", "  acc = decay * acc + x[i]"),
    (RNN, "(1.0 - tanh * tanh)", "(1.0 + tanh * tanh)", "(1.0 + tanh * tanh)"),
    (RNN, "d_hs[t] += W_h.T @ d_sum", "d_hs[t] += W_h @ d_sum", None),
    (RNN, "d_sum[:, None] * hs[t]", "d_sum[:, None] * hs[t + 1]", "d_sum[:, None] * hs[t + 1]"),
    (RNN, "d_hs[t] += W_h.T @ d_sum", "d_hs[t] = W_h.T @ d_sum", None),
    (RNN, "tanh = hs[t + 1]", "tanh = hs[t]", None),
    (RNN, "d_hs[1:] += d_err", "d_hs[:-1] += d_err", None),
    (RNN, "d_err = err * d_result", "d_err = 0.5 * err * d_result", None),
    (RNN, "d_h0 = d_hs[0].copy()", "d_h0 = d_hs[1].copy()", None),
    (RNN, "        d_b += d_sum\n", "", "d_W_x += d_sum[:, None] * xs[t]"),
    (FISHER, f"{OUTER}u[i, j] = u_saved[step, i - 1, j - 1]\n", "", "d_sum = dt * d_u[i, j]"),
    (FISHER, "u[i, j] = u_saved[step, i - 1, j - 1]", "u[i, j] = u_saved[step, i - 1, j - 2]", None),
    (FISHER, "(1.0 - u[i, j]) * d_sum", "(u[i, j] - 1.0) * d_sum", "(u[i, j] - 1.0) * d_sum"),
    (FISHER, "rate * d_product - rate * u[i, j] * d_sum", "rate * d_product", "d_u[i, j] += rate * d_product"),
    (FISHER, "d_lap[i, j] = kappa * d_sum", "d_lap[i, j] += kappa * d_sum", None),
    (FISHER, "d_u[i, j] -= 4.0 * d_lap[i, j]", "d_u[i, j] += 4.0 * d_lap[i, j]", None),
    (FISHER, "d_u[i + 1, j] += d_lap[i, j]", "d_u[j + 1, i] += d_lap[i, j]", None),
    (FISHER, STORED + STEPPED, STEPPED + STORED, "u_saved[step, i - 1, j - 1] = u[i, j]"),
    (NEWTON, "part = 0.5 * d_x / x", "part = 0.5 * d_x * x", None),
    (NEWTON, "d_x = 0.5 * d_x - a / x * part", "d_x = 0.5 * d_x + a / x * part", None),
    (NEWTON, "a / x * part", "x / a * part", "x / a * part"),
    (NEWTON, "        x = x_stack[turn]\n", "", "part = 0.5 * d_x / x"),
    (NEWTON, "d_x = d_result", "d_x = 2.0 * d_result", None),
    (NEWTON, "    d_a += d_x\n", "", "return d_a"),
    (NEWTON, "range(turns - 1, -1, -1)", "range(turns)", "for turn in range(turns):"),
    # loops that do not end
    (NEWTON, "while abs(x * x - a) > tol:", "while abs(x * x + a) > tol:", None),
    (NEWTON, "  x = 0.5 * (x + a / x)", "  x = 0.5 * (x - a / x)", None),
    (NEWTON, "def _newton_sqrt_grad(a, tol, d_result=1.0)", "def _newton_sqrt_grad(tol, a, d_result=1.0)", None),
    # an index that does not exist; a name that does not; a wrong statement among harmless edits; one added
    (NEWTON, "x = x_stack[turn]", "x = x_stack[turn + 100]", None),
    (LEAKY, "d_decay += acc_saved[i] * d_acc", "d_decay += acc_save[i] * d_acc", None),
    (NEWTON, "d_a += part\n", "d_a += part\n        d_x = 0.9 * d_x\n", "d_x = 0.9 * d_x"),
    (
        NEWTON,
        "part = 0.5 * d_x / x\n        d_a += part\n        d_x = 0.5 * d_x - a / x * part",
        "half = 0.5 * d_x\n        share = half / x  # ours\n        d_a += share\n        d_x = half - share * a",
        "d_x = half - share * a",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "before", "after", "named"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_edit_is_found_at_its_line(project, name, before, after, named):
    said, lines = checked(project, name, [(before, after)], code=1)
    wanted = [at for at, line in enumerate(lines, 1) if (named or after) in line]
    assert len(wanted) == 1, wanted
    assert f"{name}_grad.py:{wanted[0]}: " in said, said


def test_there_are_thirty():
    assert len(WRONG) >= 30


HARMLESS = [
    (NEWTON, [("part = 0.5", "share = 0.5"), ("d_a += part", "d_a += share"), ("x * part", "x * share")]),
    (NEWTON, [("d_x = 0.5 * d_x - a / x * part", "d_x = 0.5 * (d_x - 2.0 * a * part / x)")]),
    (NEWTON, [("x_stack = np.empty(16)", "x_stack = np.empty(4)  # seldom more")]),
    (LEAKY, [("    d_limit = 0.0\n", ""), ("d_decay = 0.0\n", "d_decay = 0.0\n    d_limit = 0.0\n")]),
    (LEAKY, [("        d_acc = decay * d_acc\n", "        d_next = d_acc\n        d_acc = d_next * decay\n")]),
    (LEAKY, [("d_limit += 0.9 * d_acc", "d_limit += d_acc - 0.1 * d_acc")]),
    (RNN, [("d_b += d_sum\n", "d_b = d_b + d_sum\n")]),
    (RNN, [("d_W_h += d_sum[:, None] * hs[t]", "d_W_h += np.outer(d_sum, hs[t])")]),
    (
        FISHER,
        [
            ("d_u[i, j] += rate * d_product - rate * u[i, j] * d_sum", "d_u[i, j] += rate * d_product\n@here"),
            ("@here", f"{OUTER}d_u[i, j] -= rate * u[i, j] * d_sum"),
        ],
    ),
    (FISHER, [("d_rate = 0.0\n", "d_rate = 0.0  # per second\n    # of diffusion\n")]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "edits"), HARMLESS, ids=range(len(HARMLESS)))
def test_a_harmless_edit_raises_no_alarm(project, name, edits):
    said, _ = checked(project, name, edits, code=0)
    assert said == f"right      {name}_grad.py\n"


def test_an_edited_file_is_up_to_date_when_it_was_checked(small_project):
    project = small_project
    path = project / "generated" / "newton_sqrt_grad.py"
    as_built = path.read_text()
    path.write_text(as_built.replace("part = 0.5 * d_x / x", "part = d_x / (2.0 * x)"))
    run(project, "build")
    assert "newton_sqrt_grad.py was edited by hand" in run(project, "build", "--check", code=1)
    status = run(project, "status")
    assert "newton_sqrt_grad.py: edited, not checked\n       - part = 0.5 * d_x / x\n" in status
    assert "leaky_integrator_grad.py: up to date\n" in status and "+ part = d_x / (2.0 * x)\n" in status
    run(project, "check", "planted_newton_sqrt:newton_sqrt")
    assert "newton_sqrt_grad.py: edited, checked\n" in run(project, "status")
    assert "up to date" in run(project, "build", "--check")
    path.write_text(path.read_text().replace("d_x / (2.0 * x)", "d_x / (2.5 * x)"))
    assert "compiled form out of date, not checked" in run(project, "status")
    run(project, "build")
    assert "newton_sqrt_grad.py was edited by hand" in run(project, "build", "--check", code=1)


def test_check_of_what_is_not_there(project):
    assert "S505" in run(project, "check", "planted_newton_sqrt:other", code=2)


@pytest.mark.one_in(8, least=1)
@pytest.mark.parametrize("name", WRT)
def test_every_wrong_mutant_is_named_at_its_line(name):
    """Every operator, sign, index, constant and comparison changed, every statement dropped, each alone."""
    text = ast.unparse(ast.parse((GOLDEN / f"{name}_grad.py").read_text()))  # a line for each statement
    args, function, missed, wrong = CASES[name][1][0], f"{name}_grad", [], 0
    if name == FISHER:
        args = (args[0][:5, :4].copy(), *args[1:-1], 2)  # enough
    right = record(text, function, args, noting=False)
    for number, (what, line) in enumerate(list(_places(ast.parse(text)))):
        tree = ast.parse(text)
        list(_places(tree, change=number))
        mutant = ast.unparse(ast.fix_missing_locations(_WithoutPass().visit(tree)))
        found = record(mutant, function, args, noting=False, like=right)
        if not found.failure and not found.stopped and agree(found.run.returned, right.run.returned):
            continue  # seldom: a stack that grows when it need not
        wrong += 1
        first = first_wrong(mutant, text, function, args)
        statement = text.splitlines()[line - 1].strip()
        if first is None or (first.statement != statement if what == "dropped" else first.line != line):
            missed.append((what, line, statement, first))
    assert not missed and wrong > 30


class _WithoutPass(ast.NodeTransformer):
    """Dropped statements are gone, as an edit would leave it."""

    def generic_visit(self, node):
        super().generic_visit(node)
        for block in ("body", "orelse"):
            if isinstance(getattr(node, block, None), list):
                kept = [one for one in getattr(node, block) if not isinstance(one, ast.Pass)]
                setattr(node, block, kept or ([ast.Pass()] if block == "body" else []))
        return node


# ---- functions that stay functions -----------------------------------------------------------------------------------

CALLING = """import numpy as np


def rhs(y, p):
    root = np.sqrt(p[0] + y * y)
    wave = np.sin(root) * y
    pull = root * p[1] - wave
    return pull * root


def step(y, p, n):
    for i in range(n):
        k = rhs(y, p)
        y = y + 0.1 * rhs(y + 0.05 * k, p)
    return np.sum(y * y)


def tree(values, lo, hi):
    if hi - lo == 1:
        x = values[lo]
        return x * np.sin(x)
    mid = (lo + hi) // 2
    return tree(values, lo, mid) * tree(values, mid, hi)


def product(values):
    return tree(values, 0, len(values))
"""
STEP, TREE = "step", "product"
ARGUMENTS = {
    STEP: (np.array([0.3, 1.2]), np.array([0.7, 0.4]), 4),
    TREE: (np.array([0.7, 1.1, 1.9, 0.4, 1.3]),),
}


@pytest.fixture(scope="module")
def calling(tmp_path_factory):
    """The texts of gradients with functions beside them."""
    root = tmp_path_factory.mktemp("calling")
    (root / "planted_calling.py").write_text(CALLING)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root))
        module = importlib.import_module("planted_calling")
        wrt = {STEP: ("y", "p"), TREE: ("values",)}
        made = {
            name: srcad.grad(getattr(module, name), wrt[name], target="python").source_for(*ARGUMENTS[name])
            for name in ARGUMENTS
        }
    sys.modules.pop("planted_calling", None)
    return made


WRONG_BESIDE = [
    # in a forward sweep, an adjoint, a function that calls itself
    (STEP, "wave = sin * y", "wave = sin + y", None),
    (STEP, "return product, root, sin, pull", "return product, root, pull, sin", None),
    (STEP, "d_root += p[1] * d_pull", "d_root -= p[1] * d_pull", None),
    (STEP, "d_p[1] += np.sum(root * d_pull)", "d_p[0] += np.sum(root * d_pull)", None),
    (STEP, "    d_y += sin * d_wave\n", "", "d_root += np.cos(root)"),
    (STEP, "    d_p[0] += np.sum(d_sum)\n", "", "def step_grad("),
    (STEP, "pull = root * d_result\n", "pull = root * d_result\n    d_y += 0.1 * d_pull\n", "d_y += 0.1 * d_pull"),
    (STEP, "= pull * d_result\n", "= pull * d_result\n    d_root = 2.0 * d_root\n", "d_root = 2.0 * d_root"),
    (STEP, "def rhs_adjoint(y, p, root, sin, pull,", "def rhs_adjoint(y, p, root, pull, sin,", None),
    # where they are called
    (STEP, "rhs_forward(total, p)", "rhs_forward(total + 0.1, p)", None),
    (STEP, "total = y_1 + 0.05 * k", "total = y_1 + 0.06 * k", None),
    (STEP, "k, root_saved[i], sin_saved[i], pull", "k, sin_saved[i], root_saved[i], pull", None),
    (TREE, "result = x * sin", "result = x + sin", None),
    (TREE, "d_x = sin * d_result + np.cos(x) * x * d_result", "d_x = sin * d_result + np.cos(x) * d_result", None),
    (TREE, "        d_values[lo] += d_x\n", "        d_values[lo] = d_x\n        d_values[lo] += d_x\n", "[lo] = d_x"),
    (TREE, "d_values, value_1 * d_result, saved)", "d_values, value * d_result, saved)", "lo, mid, d_values, value *"),
    (TREE, "values, lo, mid, d_values", "values, mid, hi, d_values", "mid, hi, d_values, value_1"),
    (TREE, "        x = values[lo]\n        sin", "        x = values[hi - 2]\n        sin", "x = values[hi - 2]"),
    (TREE, "len(values), d_values, d_result, saved)", "len(values) - 1, d_values, d_result, saved)", None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "before", "after", "named"), WRONG_BESIDE, ids=range(len(WRONG_BESIDE)))
def test_a_wrong_edit_in_a_function_beside_is_found_at_its_line(calling, name, before, after, named):
    generated = calling[name]
    assert generated.count(before) == 1, generated
    text = generated.replace(before, after)
    wrong = first_wrong(text, generated, f"{name}_grad", ARGUMENTS[name])
    lines, said = text.split("\n"), (named or after).strip("\n")
    wanted = [at for at, line in enumerate(lines, 1) if said == line] or [
        at for at, line in enumerate(lines, 1) if said in line
    ]
    assert len(wanted) == 1, wanted
    assert wrong is not None and wrong.line == wanted[0], wrong
    if "# L" in text.split("\n")[wrong.line - 2]:
        assert wrong.primal is not None and wrong.primal in text.split("\n")[wrong.line - 2]


HARMLESS_BESIDE = [
    (STEP, [("d_wave = -d", "d_swell = -d"), ("sin * d_wave", "sin * d_swell"), ("y * d_wave", "y * d_swell")]),
    (STEP, [("d_p[1] += np.sum(root * d_pull)", "part = root * d_pull\n    d_p[1] += np.sum(part)")]),
    (TREE, [("d_values[lo] += d_x", "d_values[lo] = d_values[lo] + d_x")]),
    (TREE, [("value * d_result, ", "d_result * value, "), ("mid = (lo + hi) // 2", "mid = lo + (hi - lo) // 2")]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "edits"), HARMLESS_BESIDE, ids=range(len(HARMLESS_BESIDE)))
def test_a_harmless_edit_in_a_function_beside_raises_no_alarm(calling, name, edits):
    text = generated = calling[name]
    for before, after in edits:
        assert text.count(before) in (1, 2), before
        text = after.join(text.rsplit(before, 1))
    assert text != generated
    assert first_wrong(text, generated, f"{name}_grad", ARGUMENTS[name]) is None


def test_a_harmless_edit_in_one_function_does_not_hide_a_wrong_one_in_another(calling):
    text = calling[STEP].replace("d_wave = -d_pull", "d_root = d_root + 0.0\n    d_wave = -d_pull")
    text = text.replace("d_sum = np.zeros(y.shape[0])", "d_sum = np.ones(y.shape[0])")
    wrong = first_wrong(text, calling[STEP], "step_grad", ARGUMENTS[STEP])
    assert wrong is not None and "np.ones" in wrong.statement


def test_check_names_a_statement_in_a_function_beside(tmp_path, monkeypatch):
    """From the file that was built, which has a check of the arguments around the function."""
    monkeypatch.setenv("SRCAD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "planted_calls.py").write_text(CALLING + "\n\ndef points():\n    return (np.linspace(0.5, 2.0, 5),)\n")
    entry = '{ function = "planted_calls:product", examples = "planted_calls:points", wrt = ["values"] }'
    (tmp_path / "pyproject.toml").write_text(f"[tool.srcad]\nfunctions = [{entry}]\n")
    try:
        run(tmp_path, "build")
        assert run(tmp_path, "check") == "right      product_grad.py\n"
        path = tmp_path / "generated" / "product_grad.py"
        text = path.read_text()
        before = "d_x = sin * d_result + np.cos(x) * x * d_result"
        assert text.count(before) == 1
        path.write_text(text.replace(before, "d_x = sin * d_result - np.cos(x) * x * d_result"))
        said = run(tmp_path, "check", code=1)
        wanted = text[: text.index(before)].count("\n") + 1
        assert f"product_grad.py:{wanted}: " in said and "of L21: return x * np.sin(x)" in said, said
    finally:
        sys.modules.pop("planted_calls", None)
