"""`[tool.srcad]`: its keys, what a build leaves out, orphans, processes. Files of one entry: test_cli.py."""

import importlib
import importlib.util
import json
import shutil
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from srcad.build_step import records
from srcad.build_step.toml_lines import places_of
from srcad.cli import app
from srcad.dispatch.specialisation import Specialisation

pytestmark = pytest.mark.one_in(10, least=3)

tomllib = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")

MODEL = """
import numpy as np
import srcad
from build_helpers import helper, other

AXIS = 0
ROW = 0
FACTOR = 3.0
KIND = "square"


def energy(x, k, along=AXIS, power=2):
    # how it is made
    total = np.sum(helper(x), axis=along)
    if KIND == "square":
        total = np.sum(total**power)
    else:
        total = np.sum(total)
    return k * total * FACTOR + np.sum(np.sum(x, axis=ROW) ** 3)


def by_layout(x):
    along = AXIS if x.flags.c_contiguous else ROW
    return np.sum(np.sum(x, axis=along) ** 2)


def volume(x: float, y: float):
    return x * y, x / y


def fill(x, y, k):
    for i in range(len(x)):
        y[i] = k * x[i] * x[i]


def example():
    return np.ones((3, 4)), 2.0


def unrelated(x):
    return x
"""
HELPERS = """
def helper(x):
    return x * x


def other(x):
    return x * x
"""
ENERGY = '{ function = "build_model:energy", examples = "build_model:example" }'
MODULES = ("build_model", "build_helpers")


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "build_model.py").write_text(MODEL)
    (tmp_path / "build_helpers.py").write_text(HELPERS)
    listed(tmp_path, ENERGY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SRCAD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    forget()


def listed(project, *entries, more=""):
    text = ",\n  ".join(entries)
    (project / "pyproject.toml").write_text(f"[tool.srcad]\n{more}\nfunctions = [\n  {text}\n]\n")


def forget():
    for name in MODULES:
        sys.modules.pop(name, None)


def run(*args, code=0):
    forget()
    result = CliRunner().invoke(app, list(args))
    assert result.exit_code == code, result.output
    return result.output


def change(path, before, after):
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


@pytest.fixture
def compiled_again(monkeypatch):
    """Builds, and says for how many entries the text was made anew, and what was said."""
    count = [0]
    shipment = Specialisation.shipment

    def counted(one):
        count[0] += 1
        return shipment(one)

    monkeypatch.setattr(Specialisation, "shipment", counted)

    def build():
        count[0] = 0
        said = run("build", "--jobs", "1")
        return count[0], said.split()[0]

    return build


# ---- what is not compiled again --------------------------------------------------------------------


def test_what_is_unchanged_is_not_compiled_again(project, compiled_again):
    assert compiled_again() == (1, "written")
    assert compiled_again() == (0, "unchanged")
    change(project / "build_model.py", "    return x\n", "    return x + x  # in another function\n")
    change(project / "build_model.py", "return x + x  #", "return x + x  # still")
    assert compiled_again() == (0, "unchanged")
    assert "up to date" in run("build", "--check")


CHANGES = {
    "a helper in another module": ("build_helpers.py", "return x * x", "return x * x * x"),
    "a global constant": ("build_model.py", "ROW = 0", "ROW = 1"),
    "a global string": ("build_model.py", '"square"\n\n', '"plain"\n\n'),
    "a default": ("build_model.py", "along=AXIS", "along=1"),
    "the value of a default": ("build_model.py", "AXIS = 0", "AXIS = 1"),
    "the type of a default": ("build_model.py", "power=2", "power=2.0"),
    "the type of a global": ("build_model.py", "FACTOR = 3.0", "FACTOR = np.float32(3.0)"),
    "an import of another function": ("build_model.py", "import helper,", "import other as helper,"),
    "the rank of an example": ("build_model.py", "np.ones((3, 4))", "np.ones((3, 4, 2))"),
    "the dtype of an example": ("build_model.py", "np.ones((3, 4))", "np.ones((3, 4), np.float32)"),
    "a length of an example": ("build_model.py", "np.ones((3, 4))", "np.ones((1, 4))"),
    "an option": ("pyproject.toml", " }", ", fastmath = true }"),
    "the mode": ("pyproject.toml", " }", ', mode = "value" }'),
    "the parameters": ("pyproject.toml", " }", ', wrt = ["k", "x"] }'),
    "whether it is compiled": ("pyproject.toml", " }", ", compiled = false }"),
    "comments, which come along": ("build_model.py", "    # how it is made", "    # how it was made"),
    "lines, which are quoted": ("build_model.py", "import srcad\n", "import srcad\n\n\n"),
    "a file": ("generated/energy_grad.py", "2.0", "4.0"),
    "a compiled form": ("generated/_machine/energy_grad.py", "2.0", "4.0"),
    "the support of compiled forms": ("generated/_machine/_support/runtime.py", "return", "return 1 +"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_is_changed_is_compiled_again(project, compiled_again, what):
    place, before, after = CHANGES[what]
    change(project / "build_model.py", "helper, other\n", "helper, other  # two\n")
    (project / "build_helpers.py").write_text(
        HELPERS.replace("x * x", "x * x * 1.5", 1) if "import" in what else HELPERS
    )
    assert compiled_again() == (1, "written")
    change(project / place, before, after)
    if place == "generated/energy_grad.py":  # an edit is never passed over
        assert "kept       energy_grad.py (edited)" in run("build", "--jobs", "1")
        return
    count, _ = compiled_again()
    assert count == 1
    assert compiled_again() == (0, "unchanged")
    run("build", "--prune")  # of the form that is not wanted
    assert "up to date" in run("build", "--check")


def test_another_version_compiles_again(project, compiled_again, monkeypatch):
    compiled_again()
    monkeypatch.setattr(np, "__version__", "1.0.0")
    assert compiled_again() == (1, "unchanged")
    monkeypatch.setattr(records, "_srcad_digest", lambda: "another srcad")
    assert compiled_again() == (1, "unchanged")
    assert compiled_again() == (0, "unchanged")


def test_a_file_that_is_missing_is_written_again(project, compiled_again):
    compiled_again()
    for place in ("generated/energy_grad.py", "generated/_machine/energy_grad.py", "generated/_machine/__init__.py"):
        (project / place).unlink()
        assert compiled_again() == (1, "written")
        assert (project / place).exists()


def test_what_only_weaker_types_read_counts(project, compiled_again):
    """The text is for arrays of any layout, since both axes are the same: then one changes."""
    listed(project, '{ function = "build_model:by_layout", signature = "(float64[:, ::1],)" }')
    x = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    assert compiled_again() == (1, "written")
    gradient = imported(project / "generated" / "by_layout_grad.py").by_layout_grad
    assert np.allclose(gradient(x), 2.0 * np.sum(x, axis=0))
    assert compiled_again() == (0, "unchanged")
    change(project / "build_model.py", "ROW = 0", "ROW = 1")
    assert compiled_again() == (1, "written")
    gradient = imported(project / "generated" / "by_layout_grad.py").by_layout_grad
    with pytest.raises(TypeError, match="by_layout_grad takes x"):
        gradient(x)
    assert np.allclose(gradient(np.ascontiguousarray(x)), 2.0 * np.sum(x, axis=0))


@pytest.mark.parametrize("spoiled", ["", "[]", "{", '{"energy_grad.py": {"made_of": 3}}', '{"energy_grad.py": []}'])
def test_records_that_cannot_be_read_are_none(project, compiled_again, spoiled):
    compiled_again()
    (project / "generated" / "_machine" / "_build.json").write_text(spoiled)
    assert compiled_again() == (1, "unchanged")


def test_edited_files_have_no_record(project, compiled_again):
    compiled_again()
    change(project / "generated" / "energy_grad.py", "2.0", "4.0")
    record = json.loads((project / "generated" / "_machine" / "_build.json").read_text())
    assert list(record) == ["energy_grad.py"]
    assert "kept       energy_grad.py (edited)" in run("build")
    record = (project / "generated" / "_machine" / "_build.json").read_text()
    assert json.loads(record) == {}


def imported(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---- several entries, processes --------------------------------------------------------------------

SEVERAL = (
    ENERGY,
    '{ function = "build_model:energy", examples = "build_model:example", mode = "value", name = "energy_value" }',
    '{ function = "build_model:energy", examples = "build_model:example", wrt = "k", name = "energy_by_k" }',
    '{ function = "build_model:volume", mode = "jacobian", wrt = ["x", "y"] }',
    '{ function = "build_model:volume", mode = "primal" }',
    '{ function = "build_model:volume", mode = "primal", target = "python", name = "volume_plain" }',
    '{ function = "build_model:fill", mode = "adjoint", wrt = ["x", "y"], '
    'signature = "(float64[:], float64[:], float64)" }',
)


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_several_entries_in_every_mode(project):
    listed(project, *SEVERAL)
    said = run("build", "--jobs", "1")
    assert said.split()[1::2] == [
        "energy_grad.py",
        "energy_value.py",
        "energy_by_k.py",
        "volume_jacobian.py",
        "volume_primal.py",
        "volume_plain.py",
        "fill_adjoint.py",
    ]
    assert set(said.split()[::2]) == {"written"}
    once = tree(project / "generated")
    assert "up to date" in run("build", "--check")
    shutil.rmtree(project / "generated")
    assert run("build", "--jobs", "2") == said  # in the same order
    assert tree(project / "generated") == once
    assert set(run("build").split()[::2]) == {"unchanged"}

    def module(name):
        return imported(project / "generated" / f"{name}.py")

    x, k = np.arange(12.0).reshape(3, 4), 2.0
    value = 3.0 * k * np.sum(np.sum(x * x, axis=0) ** 2)
    more = np.sum(np.sum(x, axis=0) ** 3)
    by_x = 3.0 * k * 4.0 * np.sum(x * x, axis=0) * x + 3.0 * np.sum(x, axis=0) ** 2
    assert np.allclose(module("energy_grad").energy_grad(x, k, 2, 3.0), by_x)
    found = module("energy_value").energy_grad(x, k, 2, 3.0)
    assert np.isclose(found[0], value + more) and np.allclose(found[1], by_x)
    assert np.isclose(module("energy_by_k").energy_grad(x, k, 2, 3.0), value / k)
    assert module("volume_jacobian").volume_jacobian(3.0, 2.0) == (2.0, 3.0, 0.5, -0.75)
    assert module("volume_primal").volume(3.0, 2.0) == module("volume_plain").volume(3.0, 2.0) == (6.0, 1.5)
    a, y, d_a, d_y = np.arange(3.0), np.zeros(3), np.zeros(3), np.ones(3)
    module("fill_adjoint").fill_adjoint(a, y, k, d_a, d_y)
    assert np.allclose(d_a, 2 * k * a) and not d_y.any() and np.allclose(y, k * a * a)


def test_an_error_in_another_process_is_told_and_the_others_stay(project):
    listed(project, ENERGY, '{ function = "build_model:volume" }', '{ function = "build_model:nothing" }')
    assert "S20" in run("build", "--jobs", "2", code=2)
    assert (project / "generated" / "energy_grad.py").exists()
    assert "energy_grad.py" in (project / "generated" / "_machine" / "_build.json").read_text()


def test_without_a_compiled_form(project):
    listed(project, ENERGY, more="compiled = false")
    run("build")
    text = (project / "generated" / "energy_grad.py").read_text()
    assert "_machine" not in text and not list((project / "generated" / "_machine").glob("*.py"))
    assert "up to date" in run("build", "--check")
    listed(project, ENERGY.replace(" }", ", compiled = true }"), SEVERAL[4], more="compiled = false")
    run("build")
    assert (project / "generated" / "_machine" / "energy_grad.py").exists()
    assert not (project / "generated" / "_machine" / "volume_primal.py").exists()


def test_a_folder_without_compiled_forms_does_no_harm(project):
    """As where git ignores them, but not what else lies there."""
    run("build")
    machine = project / "generated" / "_machine"
    for path in [*machine.glob("*.py"), *machine.glob("_support/*")]:
        path.unlink()
    assert (machine / "_build.json").exists()
    assert imported(project / "generated" / "energy_grad.py").energy_grad(np.ones((3, 4)), 2.0, 2, 3.0).shape == (3, 4)


# ---- orphans ---------------------------------------------------------------------------------------


def test_orphans_are_reported_and_pruned(project):
    listed(project, *SEVERAL[:3])
    run("build", "--jobs", "1")
    folder = project / "generated"
    (folder / "notes.py").write_text("# of a person\n")
    (folder / "_machine" / "notes.py").write_text("# of a person\n")
    change(folder / "energy_by_k.py", '"""Gradient', '"""The gradient')
    listed(project, ENERGY)
    said = run("build")
    for name in ("energy_by_k.py", "energy_value.py", "_machine/energy_by_k.py", "_machine/energy_value.py"):
        assert f"orphan     {name} " in said
        assert f"no entry makes {name} any more" in run("build", "--check", code=1)
    assert "notes" not in said
    said = run("build", "--prune")
    assert "removed    energy_value.py" in said and "removed    _machine/energy_value.py" in said
    assert "orphan     energy_by_k.py (no entry makes it; it was edited: remove it yourself)" in said
    assert {path.name for path in folder.glob("*.py")} == {"energy_grad.py", "energy_by_k.py", "notes.py"}
    assert (folder / "_machine" / "notes.py").exists() and not (folder / "_machine" / "energy_value.py").exists()
    assert (folder / "_machine" / "energy_by_k.py").exists()  # of a file that stays
    (folder / "energy_by_k.py").unlink()
    run("build", "--prune")
    assert "up to date" in run("build", "--check")


def test_a_form_that_is_wanted_no_more_is_an_orphan(project):
    run("build")
    listed(project, ENERGY.replace(" }", ", compiled = false }"))
    assert "orphan     _machine/energy_grad.py" in run("build")
    run("build", "--prune")
    assert "up to date" in run("build", "--check")


# ---- the keys --------------------------------------------------------------------------------------

FAULTS = (
    ("functions = []", 2, "no functions are listed"),
    ('functions = [{ signature = "(int64,)" }]', 2, "an entry names no function"),
    ('functions = [{ function = "a:b", colour = "red" }]', 2, "there is no key 'colour'"),
    ('functions = [{ function = "a:b", arguments = "a:c" }]', 2, "there is no key 'arguments'"),
    ('functions = [{ function = "a:b", fastmth = true }]', 2, "You can: write fastmath."),
    ('functions = [{ function = "a:b", fastmath = "yes" }]', 2, "fastmath is true or false, not 'yes'"),
    ('functions = [{ function = "a:b", wrt = 3 }]', 2, "wrt is a name, or a list of names, not 3"),
    ('functions = [{ function = "a:b" }, # one\n { function = "a:c", wrt = [\n "x",\n # "y"\n 3] }]', 6, "3 is none"),
    ('functions = [{ function = "a:b", name = "../evil" }]', 2, "the name '../evil' is none that Python can import"),
    ('functions = [{ function = "a:b", name = "class" }]', 2, "the name 'class' is none that Python can import"),
    ('functions = [{ function = "a:b", mode = "jacobain" }]', 2, 'You can: write mode = "jacobian".'),
    ('functions = [{ function = "a:b", mode = "jacobian", has_aux = true }]', 2, "has_aux is for gradients"),
    ('functions = [{ function = "a:b", mode = "primal", wrt = "x" }]', 2, "the primal is not differentiated"),
    ('functions = [{ function = "a:b", target = "cuda" }]', 2, "target is one of cpu, python, not 'cuda'"),
    ('functions = [{ function = "a:b", target = "python", compiled = true }]', 2, "is not compiled"),
    ('functions = [{ function = "a:b", signature = "()", examples = "a:c" }]', 2, "both signature and examples"),
    ('functions = ["a:b"]', 2, 'You can: write { function = "a:b" }.'),
    ('functions = "a:b"', 2, "functions is a list of entries, not 'a:b'"),
    ("folder = 3", 2, "folder is a string, not 3"),
    ('colour = "red"', 2, "there is no key 'colour'"),
    ('folders = "red"', 2, "You can: write folder."),
    (
        '[[tool.srcad.functions]]\nfunction = "a:b"\n[[tool.srcad.functions]]\nfunction = "a:c"\nmax_tape = 1',
        6,
        "max_tape",
    ),
    (
        '[[tool.srcad.functions]]\nfunction = "a:b"\n\n[[tool.srcad.functions]]\n"function" = "c:b"',
        6,
        "both be written",
    ),
    ('[[tool.srcad.functions]]\nfunction = "a:b"\n[[tool.srcad.functions]]\n wrt = "x"', 4, "names no function"),
    ('functions = [{ function = "build_model:energy", signature = "what" }]', 2, "none that Numba reads"),
    ('functions = [{ function = "a:b", max_tape = 3 }]', 2, "there is no key 'max_tape'"),
)


@pytest.mark.parametrize(("text", "line", "said"), FAULTS)
def test_entries_that_cannot_be_read(project, text, line, said):
    (project / "pyproject.toml").write_text(f"[tool.srcad]\n{text}\n")
    shown = run("build", code=2)
    assert said in shown and f"pyproject.toml:{line}, in [tool.srcad]" in shown, shown
    assert shown.startswith("srcad error S505")


def test_a_module_that_failed_is_not_taken_for_a_whole_one(project):
    """In a second attempt the error is the same, and not that a function is missing."""
    (project / "build_bad.py").write_text("1 / 0\n\ndef f(x: float):\n    return x\n")
    for _ in range(2):
        said = run("show", "build_bad.py:f", code=2)
        assert "S313: build_bad.py cannot be imported: ZeroDivisionError" in said and "build_bad.py:1" in said
    (project / "build_bad.py").write_text("def f(x: float):\n    return x\n")
    assert "def f_grad(x" in run("show", "build_bad.py:f")
    sys.modules.pop("build_bad")


def test_files_that_cannot_be_read(project):
    for text, said in (
        ("[tool.srcad\n", "pyproject.toml cannot be read"),
        ("[tool]\nsrcad = 3\n", "pyproject.toml:2, in [tool.srcad]"),
        ("tool = 3\n", "tool is a table, not 3"),
        ("[project]\n", "[tool.srcad] in pyproject.toml: no functions are listed"),
    ):
        (project / "pyproject.toml").write_text(text)
        assert said in run("build", code=2)
    (project / "pyproject.toml").write_bytes(b"\xff")
    assert "S505: pyproject.toml cannot be read" in run("build", code=2)
    (project / "pyproject.toml").unlink()
    assert "S505: there is no pyproject.toml" in run("build", code=2)


def test_show_takes_the_entry_that_is_asked_for(project):
    listed(project, *SEVERAL)
    assert "d_x" in run("show", "build_model:energy")
    assert "wrt     k" in run("show", "build_model:energy", "--wrt", "k")
    assert "def volume_jacobian(x, y)" in run("show", "build_model:volume")
    assert "def volume(x, y)" in run("show", "build_model:volume", "--mode", "primal")
    assert "there is no mode 'jacobean'" in run("show", "build_model:volume", "--mode", "jacobean", code=2)


KEYS = st.sampled_from(["a", "b-c", '"a.b"', "'q # ]'", '"\\u00e9"'])
SCALARS = st.sampled_from(
    ["1", "1.5", "1979-05-27T07:32:00Z", '"a#b]"', "'x, y'", '"""a\n"b""""', "'''\n]''c'''", "true"]
)


@st.composite
def values(draw, depth=2):
    kind = draw(st.integers(0, 2 if depth else 0))
    if kind == 0:
        return draw(SCALARS)
    if kind == 1:
        items = draw(st.lists(values(depth=depth - 1), max_size=3))
        between = draw(st.sampled_from([", ", ",\n  ", ", # ] }\n\n"]))
        return f"[{between.join(items)}{draw(st.sampled_from(['', chr(10)]))}]"
    keys = draw(st.lists(KEYS, unique=True, max_size=3))
    return "{ " + ", ".join(f"{key} = {draw(values(depth=depth - 1))}" for key in keys) + " }"


@st.composite
def documents(draw):
    tables = []
    for name in draw(
        st.lists(st.sampled_from(["[t]", "[t.u]", "[[v]]", "[v.w]", "[[ v . x ]]", "[[v.x]]"]), max_size=6)
    ):
        keys = draw(st.lists(KEYS, unique=True, max_size=3))
        tables.append(name + " # [no]\n" + "".join(f"{key} = {draw(values())} # x\n" for key in keys))
    return "\n".join(tables)


def paths(value, at=()):
    if at:
        yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from paths(item, (*at, key))


@given(documents())
def test_every_key_of_a_toml_file_is_found_at_its_line(text):
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    found = places_of(text)
    lines = text.split("\n")
    for path in paths(table):
        implicit = path not in found  # of `[v.w]`: v
        assert not implicit or any(other[: len(path)] == path for other in found), (path, text)
        if not implicit:
            token = found[path]
            assert lines[token.line - 1][token.column :].startswith(token.text.partition("\n")[0])
            if isinstance(path[-1], str) and token.text not in "[{":
                assert path[-1].encode("unicode_escape").decode()[:1] in token.text or token.text[0] in "\"'"
    assert len([p for p in paths(table)]) >= len(found)
