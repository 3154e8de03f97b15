"""What a person edits in a generated file stays: through builds, changes of the primal, formatters and kills."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

import srcad
from srcad.cli import app
from tests.editing_project import (  # noqa: F401
    AFTER,
    BEFORE,
    CHANGED,
    EXCLUDING,
    PRIMAL,
    PYPROJECT,
    built_fixture,
    change,
    edit,
    forms,
    project_fixture,
    run,
)


def test_an_edited_file_is_kept_byte_for_byte_and_compiled(built, project):
    text = edit(built, BEFORE, AFTER)
    form = built.parent / "_machine" / built.name
    before = form.read_text()
    assert run("build") == "kept       energy_grad.py (edited)\n"
    assert built.read_text() == text and form.read_text() != before
    files = forms(built)
    assert run("build") == "kept       energy_grad.py (edited)\n" and forms(built) == files


def test_a_comment_is_an_edit_that_needs_no_check(built):
    text = edit(built, "# L11: return total * k", "# L11: return total * k, the last line")
    run("build")
    assert built.read_text() == text
    assert "up to date" in run("build", "--check")


def test_a_function_that_only_moved_changes_nothing_in_an_edited_file(built, project):
    text = edit(built, BEFORE, AFTER)
    change(project, "# a line\n\n" + PRIMAL)
    assert run("build") == "kept       energy_grad.py (edited)\n" and built.read_text() == text


def test_edits_and_a_changed_primal_are_merged(built, project):
    edit(built, BEFORE, AFTER)
    change(project, CHANGED)
    assert "energy changed, and the edited energy_grad.py did not" in run("build", "--check", code=1)
    assert run("build") == "merged     energy_grad.py\n"
    text = built.read_text()
    assert AFTER in text and "np.cos(x[i])\n" in text and "x[i] ** 3" not in text
    assert run("build") == "kept       energy_grad.py (edited)\n" and built.read_text() == text
    change(project, CHANGED.replace("total * k", "total * 2.0 * k"))
    assert run("build") == "merged     energy_grad.py\n"  # with the text of the last build for its base
    assert AFTER in built.read_text() and "2.0 * total" in built.read_text()
    assert len(list((built.parent / "_machine" / "_base").iterdir())) == 1


@pytest.mark.parametrize("formatter", ["ruff", "black"])
def test_a_formatted_and_edited_file_is_merged(built, project, formatter):
    if formatter == "black":
        pytest.importorskip("black")
    edit(built, BEFORE, AFTER)
    (project / "ruff.toml").write_text("line-length = 60\n")
    (project / "pyproject.toml").write_text(PYPROJECT + "[tool.black]\nline-length = 60\n")
    subprocess.run(
        [sys.executable, "-m", *(["ruff", "format"] if formatter == "ruff" else ["black"]), str(built)], check=True
    )
    formatted = built.read_text()
    assert AFTER not in formatted
    change(project, PRIMAL.replace("def energy(x, k):", "def energy(x, k, scale=1.0):").replace("* k\n", "* scale\n"))
    (project / "pyproject.toml").write_text(
        PYPROJECT.replace("float64)", "float64, float64)") + "[tool.black]\nline-length = 60\n"
    )
    assert run("build") == "merged     energy_grad.py\n"
    assert "# ours" in built.read_text() and "scale" in built.read_text()
    assert not srcad.load(built)(srcad_x(), 0.7, 1.0)[0].shape == ()


def srcad_x():
    import numpy as np

    return np.linspace(0.2, 1.5, 4)


def test_conflicts_are_marked_and_refused_until_they_are_resolved(built, project):
    edited_text = edit(built, BEFORE, AFTER)
    change(project, EXCLUDING)
    said = run("build", code=1)
    marked = built.read_text()
    first = marked.splitlines().index("INSERTING = """
import numpy as np
import srcad


def energy(x, k):
    y = k * x
    with srcad.insert_gradient_of(y) as d_y:
        d_y = 0.25 * np.clip(d_y, -1.0, 1.0)
    return np.sum(y * y)
"""


def test_an_inserted_gradient_is_compared_with_the_generated_text(project):
    change(project, INSERTING)
    run("build")
    assert "right" in run("check")
    edit(project / "generated" / "energy_grad.py", "d_x = k * d_y", "d_x = 3.0 * d_y")
    said = run("check", code=1)
    assert "it gives another result than the generated text\n" in said and "energy_grad.py:" in said
    assert "d_x = 3.0 * d_y" in said and "finite differences" not in said


def test_a_file_of_an_earlier_version_is_not_taken_for_edited(built):
    from srcad.backend.modules.source_digest import digest, with_record

    text = built.read_text()
    built.write_text(with_record(text, digest(text, lines=True)))
    assert run("build") == "written    energy_grad.py\n" and built.read_text() == text
