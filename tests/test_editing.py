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


DESCRIBED = PRIMAL.replace(
    "    total = 0.0\n",
    '    """The energy.\n\n    Of all."""\n    # the sum of all\n    total = 0.0  # so far\n',
).replace("** 3\n", "** 3  # cubes\n")
ANEW = (
    PRIMAL.replace("    total = 0.0\n", '    """Energies."""\n\n    # nothing yet\n    total = 0.0\n    # each\n')
    .replace("    return", "    # all\n    return")
    .replace("** 3\n", "** 3  # the third power\n")
)


def test_a_primal_that_is_described_anew_has_the_same_gradient(built, project):
    text = edit(built, BEFORE, AFTER)
    for described in (DESCRIBED, ANEW):
        change(project, described)
        assert run("status").startswith("energy_grad.py: edited")
        assert "primal changed" not in run("status")
        assert run("build") == "kept       energy_grad.py (edited)\n" and built.read_text() == text
    run("check")
    assert "up to date" in run("build", "--check")
    change(project, DESCRIBED.replace("k * x[i] ** 3", "k * np.cos(x[i])"))
    assert run("build") == "merged     energy_grad.py\n"
    assert AFTER in built.read_text() and "    # the sum of all\n" in built.read_text()


def test_descriptions_of_the_primal_are_brought_up_to_date_where_nothing_was_edited(built, project):
    for described, says in ((DESCRIBED, "        The energy.\n"), (ANEW, "        Energies.\n")):
        change(project, described)
        assert "up to date" in run("build", "--check")
        assert run("build") == "written    energy_grad.py\n" and says in built.read_text()
    edit(built, "    # nothing yet\n", "    # nothing yet, in ours\n")
    run("build")
    assert "# nothing yet, in ours" in built.read_text()


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
    first = marked.splitlines().index("<<<<<<< edited") + 1
    assert "conflict   energy_grad.py" in said and f"see lines {first}, " in said
    assert AFTER in marked and ">>>>>>> generated" in marked
    assert built.with_name("energy_grad.py.orig").read_text() == edited_text
    assert "S511: energy_grad.py has conflict markers in lines" in run("build", code=2)
    assert "has conflict markers in lines" in run("build", "--check", code=1)
    assert built.read_text() == marked
    built.write_text(resolved(marked, "generated"))
    run("build")
    assert "up to date" in run("build", "--check")


def resolved(marked, kept):
    """The text with one side of every conflict."""
    found, side = [], None
    for line in marked.splitlines():
        if line.startswith(("<<<<<<<", "=======", ">>>>>>>")):
            side = {"<": "edited", "=": "generated", ">": None}[line[0]]
        elif side in (None, kept):
            found.append(line)
    return "\n".join(found) + "\n"


def test_a_backup_can_be_put_back(built, project):
    edited_text = edit(built, BEFORE, AFTER)
    change(project, EXCLUDING)
    run("build", code=1)
    backup = built.with_name("energy_grad.py.orig")
    bases = built.parent / "_machine" / "_base"
    assert len(list(bases.iterdir())) == 2
    backup.rename(built)
    change(project, CHANGED)
    assert run("build") == "merged     energy_grad.py\n"
    assert AFTER in built.read_text() and "np.cos(x[i])\n" in built.read_text() and edited_text != built.read_text()
    assert len(list(bases.iterdir())) == 1


def test_what_was_checked_for_another_primal_is_not_checked(built, project):
    """A conflict is resolved to what the file said before: the same code, for a function that it may be wrong for."""
    from srcad.backend.modules.source_digest import code_digest, record_of, with_record

    edit(built, BEFORE, AFTER)
    run("build")
    run("check")
    assert "up to date" in run("build", "--check")
    kept = built.read_text()
    change(project, EXCLUDING)
    run("build", code=1)
    built.write_text(with_record(kept, record_of(built.read_text())))
    run("build")
    assert code_digest(built.read_text()) == code_digest(kept) and record_of(built.read_text()) != record_of(kept)
    assert "has not compared it" in run("build", "--check", code=1)
    assert "first wrong statement" in run("check", code=1)


def test_a_merge_that_cannot_be_read_is_a_conflict(built, project):
    text = edit(built, BEFORE, BEFORE.replace("sin_saved[i]", "open('f')"))
    change(project, CHANGED)
    said = run("build", code=1)
    assert "conflict   energy_grad.py" in said and "do not fit together" in said and "open" in said
    assert "np.cos(x[i])\n" in built.read_text() and "open('f')" in built.read_text()
    assert built.with_name("energy_grad.py.orig").read_text() == text


def test_force_overwrites_and_keeps_every_backup(built, project):
    fresh = built.read_text()
    first = edit(built, BEFORE, AFTER)
    assert run("build", "--force") == "written    energy_grad.py\n" and built.read_text() == fresh
    second = edit(built, BEFORE, AFTER.replace("ours", "again"))
    run("build", "--force")
    assert built.with_name("energy_grad.py.orig").read_text() == first
    assert built.with_name("energy_grad.py.orig2").read_text() == second
    files = forms(built)
    assert run("build", "--force") == "unchanged  energy_grad.py\n" and forms(built) == files


def test_what_srcad_did_not_write_is_left(project):
    (project / "generated").mkdir()
    target = project / "generated" / "energy_grad.py"
    target.write_text("mine = 1\n")
    assert "S504: energy_grad.py was not written by srcad" in run("build", code=2)
    assert target.read_text() == "mine = 1\n"
    run("build", "--force")
    assert target.with_name("energy_grad.py.orig").read_text() == "mine = 1\n"


def test_without_git_or_the_base_nothing_is_lost(built, project, monkeypatch):
    text = edit(built, BEFORE, AFTER)
    change(project, CHANGED)
    with monkeypatch.context() as context:
        context.setenv("PATH", str(project))
        assert "git cannot be run" in run("build", code=2)
    assert built.read_text() == text
    for base in (built.parent / "_machine" / "_base").iterdir():
        base.unlink()
    assert "the text it was generated as is lost" in run("build", code=2)
    assert built.read_text() == text


def test_the_same_change_made_by_hand_is_no_edit(built, project):
    old = built.read_text()
    change(project, CHANGED)
    run("build")
    new = built.read_text()
    change(project, PRIMAL)
    run("build", "--force")
    assert built.read_text() == old
    change(project, CHANGED)
    built.write_text("\n".join([*new.splitlines()[:-1], old.splitlines()[-1]]) + "\n")
    assert run("build") == "written    energy_grad.py\n" and built.read_text() == new


def test_a_file_that_is_saved_while_it_is_built_is_read_again(built, project, monkeypatch):
    from srcad.compiler import shipment

    change(project, CHANGED)
    write_form = shipment.Shipment.write_form
    saved = []

    def and_edit(self, path):
        if not saved:
            saved.append(edit(built, BEFORE, AFTER))
        return write_form(self, path)

    monkeypatch.setattr(shipment.Shipment, "write_form", and_edit)
    assert run("build") == "merged     energy_grad.py\n"
    assert AFTER in built.read_text()


def test_stopped_at_any_write_no_edit_is_lost(built, project, monkeypatch):
    from srcad.backend.modules import cache_files
    from srcad.build_step.editing import settle
    from srcad.compiler import base_texts, shipment

    edit(built, BEFORE, AFTER)
    writes, write_atomically = [], cache_files.write_atomically
    for stop in range(6):
        change(project, PRIMAL.replace("k * x[i] ** 3", f"{stop}.5 * k * np.cos(x[i])"))
        before, done = built.read_text(), []

        def write(path, text, done=done, stop=stop):
            if len(done) == stop:
                raise KeyboardInterrupt
            done.append(path.name)
            write_atomically(path, text)

        with monkeypatch.context() as context:
            for module in (settle, base_texts, shipment):
                context.setattr(module, "write_atomically", write)
            sys.modules.pop("edit_primal", None)
            CliRunner().invoke(app, ["build"])
        assert built.read_text() == before or done[-1] == built.name
        writes.append(len(done))
        run("build")
        assert AFTER in built.read_text() and f"{stop}.5 * " in built.read_text()
        assert f"{stop - 1}.5 * " not in built.read_text()
    assert writes == [0, 1, 2, 3, 3, 3]


INSERTING = """
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
