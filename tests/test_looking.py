"""The page of a gradient: nothing of a text is lost or taken for markup, and each line has the partners that it has."""

from __future__ import annotations

import ast
import html.parser
import json
import math
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import srcad
from srcad.cli import app
from srcad.compiler.generate import Generated
from srcad.compiler.stages import recorded
from srcad.inspection.page.comparison import Comparison
from srcad.inspection.page.pass_slider import last_run, slider_data
from srcad.inspection.page.rendering import page
from srcad.ir.printer import text as printed
from tests import test_calls
from tests.programs.registry import Case, all_cases
from tests.test_calls import floats

pytestmark = pytest.mark.one_in(10, least=3)

AREAS = ("models", "scientific", "calls", "while_loops", "memory", "left_early")


def programs() -> list[Case]:
    """The first case of each program of some areas."""
    found: dict[Any, Case] = {}
    for case in all_cases():
        if case.name.partition(":")[0] in AREAS:
            found.setdefault(case.function, case)
    kept = [Case(f, tuple(args), floats(args), f"kept:{name}") for name, (f, *args) in test_calls.ALL.items()]
    return [*found.values(), *kept]


def made_for(case: Case) -> Generated:
    return srcad.value_and_grad(case.function, case.wrt, target="python").specialisation(*case.args).generated


class Reader(html.parser.HTMLParser):
    """The lines of a page, as what is in them: the text without marks, attributes, marks."""

    def __init__(self, given: str) -> None:
        super().__init__()
        self.lines: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.tags: list[str] = []
        self._texts: list[str] = []
        self._mark = False
        self.feed(given)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        if tag in ("span", "i", "b", "small", "tr", "td"):
            assert {*given} <= {"class", "style", "data-n", "data-of", "data-tape", "data-note"}, attrs
        if (given.get("class") or "").split(" ")[0] == "line":
            self._texts = []
            self.lines.append(("", given, []))
        self._mark = tag == "small"

    def handle_data(self, data: str) -> None:
        if not self.lines:
            return
        if self._mark:
            self.lines[-1][2].append(data)
        else:
            self._texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "small":
            self._mark = False
        if tag == "span" and self._texts:
            _, attributes, marks = self.lines[-1]
            shown = "".join(self._texts)
            assert shown.endswith("\n")
            self.lines[-1] = (shown[:-1].rstrip(" ") if marks else shown[:-1], attributes, marks)
            self._texts = []


def hostile(x: float, n: int) -> float:
    """</script><script>alert("x")</script> & <b>"""
    y = 0.0  # <img src=x onerror='alert(1)'> &amp; "quotes"
    for k in range(n):
        if k<n and x>0.0:  # fmt: skip
            y += math.sin(x) ** k  # "</script><script>alert(2)</script>"
    if n > 1000:
        raise ValueError("</script><i> & '''")
    return y


def page_of(function: Any, *args: Any, **options: Any) -> tuple[str, Generated]:
    with recorded() as stages:
        derivative = srcad.grad(function, **options)
        made = derivative.specialisation(*args).generated
        _ = made.compiled
    return page(made, stages, derivative.plan(*args)), made


def test_texts_are_shown_as_they_are() -> None:
    shown, made = page_of(hostile, 0.3, 4)
    read = Reader(shown)
    source = Path(__file__).read_text(encoding="utf-8").split("\n")
    first = hostile.__code__.co_firstlineno
    assert [text for text, _, _ in read.lines][:9] == source[first - 1 : first + 8]
    lines = made.text().rstrip("\n").split("\n")
    assert [text for text, _, _ in read.lines][-len(lines) :] == lines
    assert read.tags.count("script") == 2 and not {"img", "link", "iframe"} & {*read.tags}
    assert "://" not in shown.replace("http://www.w3.org/2000/svg", "")  # nothing is fetched


def test_equal_gradients_have_equal_pages() -> None:
    assert page_of(hostile, 0.3, 4)[0] == page_of(hostile, 0.3, 4)[0]
    assert os.path.dirname(__file__) not in page_of(hostile, 0.3, 4)[0]


WITHOUT = {"lstm": (53,)}
"""Lines that bind a result of a call to names: no line of the gradient is for them alone."""


@pytest.mark.parametrize("case", programs(), ids=lambda case: case.name)
def test_lines_have_their_partners(case: Case) -> None:
    made = made_for(case)
    shown = Comparison(made)
    sources = {one.of[0]: row for row in (r for part in shown.parts for r in part.rows) for one in [row] if row.of}
    for one, row in sources.items():
        if "active" in row.kind and row.number not in WITHOUT.get(case.function.__name__, ()):
            partners = [other for other in shown.rows if one in other.of and other.kind != "around"]
            assert partners, row.text
            assert ("reversed" in row.kind) == any(other.kind == "adjoint" for other in partners)
    # the text quotes the line that it reverses: what the page says must be the same, and stand in the source
    quoting = 0
    for row, below in zip(shown.rows, shown.rows[1:], strict=False):
        words = row.text.strip().removeprefix("# ").split(": ", 1)
        if row.text.strip().startswith("# ") and len(words) == 2 and words[0].split("L")[-1].isdigit():
            number = int(words[0].split("L")[-1])
            quoted = [sources[one] for one in row.of if sources[one].number == number or one.endswith(f".{number}")]
            assert {*row.of} == {*below.of} and quoted, row.text
            lines = [r.text.strip() for part in shown.parts for r in part.rows if r.number == number]
            assert any(line.startswith(words[1].removesuffix(" ...")) for line in lines), row.text
            quoting += 1
    assert quoting or "# L" not in made.text()


@pytest.mark.parametrize("case", programs(), ids=lambda case: case.name)
def test_saved_values_are_named_where_they_are_written_and_read(case: Case) -> None:
    made = made_for(case)
    shown = Comparison(made)
    definitions = {one.name: one for one in ast.parse(shown.text).body if isinstance(one, ast.FunctionDef)}
    first = definitions[made.function.name].lineno
    for entry in made.kept:  # functions beside it have names of their own
        marks = [mark for row in shown.rows[first - 1 :] for mark in row.marks]
        found = [(kind, said) for kind, said in marks if said.split()[1].rstrip(",") == entry.name]
        assert {said.split()[0] for _, said in found} - {"keeps"} == {"saves", "reads"}, entry.name
        assert all(said.endswith(f", {shown.sizes[entry.name]}") for _, said in found)
    for row in shown.rows:  # each assignment of such a name has a mark
        target = row.text.strip().partition(" = ")[0].partition("[")[0]
        if target in made.function.tape and " = " in row.text and row.number > first:
            assert any(kind == "save" for kind, _ in row.marks), row.text


def recurrence(w: Any, x: Any, steps: int) -> float:
    h = np.zeros(len(x))
    for _ in range(steps):
        h = np.tanh(w * h + x)
    return np.sum(h * h)  # type: ignore[no-any-return]


def test_bytes_are_those_of_the_call() -> None:
    shown, made = page_of(recurrence, np.ones(30), np.ones(30), 40)
    marks = [mark for _, _, found in Reader(shown).lines for mark in found]
    assert made.kept and f"reads {made.kept[0].name}, 9.6 kB" in marks
    assert any(mark.startswith("saves ") and mark.endswith(", 9.6 kB") for mark in marks)


def helper(z: Any, scale: float) -> Any:
    y = z * scale
    return np.sum(y * y)


def calling(params: Any, n: int) -> Any:
    w = params["w"]
    count = n + 1
    return helper(w, 2.0) * count


def test_active_names_are_coloured() -> None:
    shown = Comparison(srcad.grad(calling, target="python").specialisation({"w": np.ones(3)}, 2).generated)
    marked = {part.title.partition(",")[0]: " ".join(row.code for row in part.rows) for part in shown.parts}
    names = {"calling": (("params", "w"), ("n", "count")), "helper": (("z", "y"), ("scale",))}
    for function, (active, constant) in names.items():
        for name in active:
            assert f'<i class="active">{name}</i>' in marked[function], name
        for name in constant:
            assert f'<i class="active">{name}</i>' not in marked[function], name


@pytest.mark.parametrize(
    ("function", "args"), [(recurrence, (np.ones(3), np.ones(3), 2)), (test_calls.saved_in_a_loop, (0.3, 5))]
)
def test_the_slider_has_what_each_pass_gave(function: Any, args: tuple[Any, ...]) -> None:
    with recorded() as stages:
        derivative = srcad.grad(function)
        made = derivative.specialisation(*args).generated
        _ = made.compiled
    data = json.loads(slider_data(Comparison(made), stages))
    changed = [stage for stage in last_run(stages) if stage.changed]
    assert [one["name"] for one in data["stages"]] == [stage.of.name for stage in changed]
    assert {stage.unit.function.name.removesuffix("_grad") for stage in changed} == {function.__name__}
    before: list[str] = []
    for one, stage in zip(data["stages"], changed, strict=True):
        rows = [data["lines"][number] for number in one["rows"]]
        lines = [text for text, _, _ in Reader("".join(f'<span class="line">{row[0]}\n</span>' for row in rows)).lines]
        assert "\n".join(lines) == printed(stage.unit.function)
        fresh = [lines[at] for at in one["fresh"]]
        assert sorted([*lines]) == sorted([*fresh, *_common(lines, before)])
        assert one["gone"] == len(before) - len(_common(lines, before))
        before = lines
    assert data["stages"][data["at"] - 1]["name"] == "annotate" and data["at"] < len(data["stages"])


def _common(lines: list[str], before: list[str]) -> list[str]:
    left = [*before]
    found = []
    for line in lines:
        if line in left:
            left.remove(line)
            found.append(line)
    return found


@pytest.mark.parametrize("make", [srcad.jit, srcad.jacobian, srcad.adjoint, srcad.value_and_grad])
def test_every_mode_has_a_page(make: Any) -> None:
    made = make(recurrence, target="python").specialisation(np.ones(3), np.ones(3), 2).generated
    lines = [text for text, _, _ in Reader(page(made, [])).lines]
    assert all(line in lines for line in made.text().rstrip("\n").split("\n"))


def test_lambdas_and_texts_of_prompts_have_a_page() -> None:
    double = lambda x: (x
                        * 2.0)  # fmt: skip
    shown = Comparison(srcad.grad(double, target="python").specialisation(1.0).generated)
    assert [row.text.strip() for row in shown.parts[0].rows] == ["double = lambda x: (x", "* 2.0)  # fmt: skip"]
    (statement,) = {row.of for row in shown.parts[0].rows}
    assert statement == (f"0.{double.__code__.co_firstlineno}",) and statement in [row.of for row in shown.rows]


def test_a_notebook_shows_both_texts() -> None:
    gradient = srcad.grad(recurrence, target="python")
    assert "S316" in gradient._repr_html_()
    gradient(np.ones(3), np.ones(3), 2)
    lines = [text for text, _, _ in Reader(gradient._repr_html_()).lines]
    assert lines[-len(gradient.source.splitlines()) :] == gradient.source.rstrip("\n").split("\n")
    assert lines[0].startswith("def recurrence(")


def test_the_files_of_the_page_are_in_the_wheel(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parent.parent
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, check=True, cwd=root, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith((".html", ".css", ".js"))}
    folder = root / "srcad" / "inspection" / "page"
    there = {path.relative_to(root).as_posix() for path in folder.iterdir() if path.suffix in (".html", ".css", ".js")}
    assert packed == there and len(there) == 5


# ---- the command -----------------------------------------------------------------------------------------------------

PRIMAL = """
import numpy as np

def energy(x, k):
    for _ in range(3):
        x = k * x * np.sin(x)
    return np.sum(x)

def made():
    return np.ones(50), 2.0
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "viewed_primal.py").write_text(PRIMAL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return tmp_path


def run(*args: str, code: int = 0) -> str:
    sys.modules.pop("viewed_primal", None)
    result = CliRunner().invoke(app, ["view", *args])
    assert result.exit_code == code, result.output
    return result.output


def test_the_command_writes_a_page(project: Path) -> None:
    asked = ("--signature", "(float64[::1], float64)")
    assert run("viewed_primal:energy", *asked).split() == ["written", "energy_grad.html"]
    shown = (project / "energy_grad.html").read_text(encoding="utf-8")
    assert (
        shown.startswith("<!doctype html>")
        and '"name":"reverse"' in shown
        and '"name":"lower_array_statements"' in shown
    )
    assert run("viewed_primal.py:energy", *asked, "--output", "here.html").split() == ["written", "here.html"]
    assert (project / "here.html").read_text(encoding="utf-8") == shown
    run("viewed_primal:energy", "--examples", "viewed_primal:made")  # a page of ours is written again
    assert (project / "energy_grad.html").read_text(encoding="utf-8") != shown


LISTED = """
[tool.srcad]
functions = [{ function = "viewed_primal:energy", signature = "(float64[::1], float64)" }]
"""


def test_a_file_that_was_edited_is_not_taken_for_what_is_shown(project: Path) -> None:
    (project / "pyproject.toml").write_text(LISTED)
    CliRunner().invoke(app, ["build"])
    file = project / "generated" / "energy_grad.py"
    run("viewed_primal:energy")
    assert "is not what is shown" not in (project / "energy_grad.html").read_text(encoding="utf-8")
    before = file.read_text(encoding="utf-8")
    wrong = before.replace("return d_x", "return 2.0 * d_x  # <b>")
    assert wrong != before
    file.write_text(wrong, encoding="utf-8")
    run("viewed_primal:energy")
    shown = (project / "energy_grad.html").read_text(encoding="utf-8")
    assert "generated/energy_grad.py is not what is shown" in shown and "+ return 2.0 * d_x" in shown
    run("viewed_primal:energy", "--wrt", "k")  # another gradient than that of the file
    assert "is not what is shown" not in (project / "energy_grad.html").read_text(encoding="utf-8")
    file.write_text("def energy_grad(:\n", encoding="utf-8")
    run("viewed_primal:energy")
    assert "it is no Python" in (project / "energy_grad.html").read_text(encoding="utf-8")


def test_the_command_overwrites_no_other_file(project: Path) -> None:
    (project / "energy_grad.html").write_text("<p>mine")
    assert "S503" in run("viewed_primal:energy", "--signature", "(float64[::1], float64)", code=2)
    assert (project / "energy_grad.html").read_text() == "<p>mine"
    there = str(project / "none" / "a.html")
    assert "S503" in run("viewed_primal:energy", "--signature", "(float64[::1], float64)", "--output", there, code=2)
    assert "S313" in run("viewed_primal:nothing", code=2)
    assert "S316" in run("viewed_primal:energy", code=2)
