"""Where generated text is written: in the user's own cache, or a folder of the process, with the modes of files."""

from __future__ import annotations

import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import srcad
from srcad.backend.modules import cache_files

PROGRAM = """
import srcad
def f(x):
    return x * x
print(srcad.grad(f{options})(3.0))
"""


def run(tmp_path: Path, options: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM.format(options=options))
    places = {key: value for key, value in os.environ.items() if key not in ("SRCAD_CACHE_DIR", "XDG_CACHE_HOME")}
    known = {"PYTHONPATH": str(Path(srcad.__file__).parent.parent), "TMPDIR": str(tmp_path)}
    return subprocess.run(
        [sys.executable, path], env=places | known | environment, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("options", [", cache=False", ', target="python"'])
def test_nothing_is_kept_where_nothing_is_asked_for(tmp_path: Path, options: str) -> None:
    """A cache that cannot be written to is no matter, even one that was chosen; the process leaves nothing behind."""
    (tmp_path / "file").write_text("")
    done = run(tmp_path, options, SRCAD_CACHE_DIR=str(tmp_path / "file" / "cache"))
    assert (done.stdout, done.stderr) == ("6.0\n", "")
    assert sorted(os.listdir(tmp_path)) == ["file", "program.py"]


def test_a_home_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    done = run(tmp_path, HOME=str(tmp_path / "home"))
    assert done.stdout == "6.0\n"
    assert "srcad compiles anew in each process" in done.stderr and "Set SRCAD_CACHE_DIR" in done.stderr
    assert sorted(os.listdir(tmp_path)) == ["home", "program.py"]


def test_a_chosen_cache_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run(tmp_path, SRCAD_CACHE_DIR=str(tmp_path / "file" / "cache"))
    assert "srcad error S503: the cache folder" in done.stderr and "use cache=False" in done.stderr
    assert "During handling" not in done.stderr and "direct cause" not in done.stderr


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where others may write to it, ours is one of our own inside."""
    for mode, inside in ((0o755, False), (0o777, True), (0o700, False)):
        chosen = tmp_path / f"{mode:o}"
        chosen.mkdir()
        chosen.chmod(mode)
        monkeypatch.setenv("SRCAD_CACHE_DIR", str(chosen))
        path = cache_files.store("f", "x = 1\n")
        assert stat.S_IMODE(chosen.stat().st_mode) == mode
        assert (path.parent != chosen) == inside and path.parent.stat().st_mode & 0o022 == 0
    monkeypatch.setenv("SRCAD_CACHE_DIR", str(tmp_path / "new"))
    assert stat.S_IMODE(cache_files.store("f", "x = 1\n").parent.stat().st_mode) == 0o700


def test_files_have_the_mode_of_the_umask_and_keep_their_own(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        new, old, link = tmp_path / "new.py", tmp_path / "old.py", tmp_path / "link.py"
        old.write_text("")
        old.chmod(0o664)
        link.symlink_to(old)
        cache_files.write_atomically(new, "x = 1\n")
        cache_files.write_atomically(link, "x = 2\n")
    finally:
        os.umask(before)
    assert stat.S_IMODE(new.stat().st_mode) == 0o644
    assert link.is_symlink() and old.read_text() == "x = 2\n" and stat.S_IMODE(old.stat().st_mode) == 0o664
    assert sorted(os.listdir(tmp_path)) == ["link.py", "new.py", "old.py"]


@pytest.mark.parametrize("name", ["loss (step 1)", "../../oops", "class", "", 'a"""b', "a\nb"])
def test_names_of_functions_are_what_anybody_wrote_into_them(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRCAD_CACHE_DIR", str(tmp_path / "cache"))

    def square(x: float) -> float:
        return x * x

    square.__name__ = name
    for target in ("python", "cpu"):
        gradient = srcad.grad(square, target=target)
        assert gradient(3.0) == 6.0 and "def square_grad(x" in gradient.source
    assert os.listdir(tmp_path) == ["cache"]


def test_names_of_keys_are_what_anybody_wrote_into_them() -> None:
    def f(p):  # type: ignore[no-untyped-def]
        return p['a"""b'] * p["\\N{x}"] * p["\n"] * p["class"] * p["d_result"] * p["np"] * p[(1, 2)]

    keys = ['a"""b', "\\N{x}", "\n", "class", "d_result", "np", (1, 2)]
    gradient = srcad.grad(f, target="python")({key: 2.0 for key in keys})
    assert gradient == {key: 64.0 for key in keys}


@srcad.grad
def decorated(x: float) -> float:
    return x**3


def test_a_decorated_function_pickles() -> None:
    assert pickle.loads(pickle.dumps(decorated)) is decorated
    plain = srcad.value_and_grad(os.path.basename)
    assert pickle.loads(pickle.dumps(plain)).__wrapped__ is os.path.basename
