"""A build that is killed loses no edit and leaves no file half written; equal builds write equal bytes."""

import os
import random
import shutil
import subprocess
import sys

import pytest

PYPROJECT = """
[tool.srcad]
functions = [
  { function = "killed_primal:energy", signature = "float64(float64[:], float64)", wrt = ["x", "k"] },
  { function = "killed_primal:scaled", signature = "float64(float64[:, :])" },
]
"""
PRIMAL = """
import numpy as np


def energy(x, k):
    total = 0.0
    for i in range(len(x)):
        total += np.sin(x[i]) * x[i]
    for i in range(len(x)):
        total = total + k * x[i] ** 3
    return total * k


def scaled(x):
    return np.sum(x @ x) * 1.5
"""
BEFORE = "d_x[i] += sin_saved[i] * d_total + np.cos(x[i]) * x[i] * d_total"
AFTER = "d_x[i] += (sin_saved[i] + np.cos(x[i]) * x[i]) * d_total  # ours"
FACTORS = [f"{n}.25" for n in range(2, 7)]
KILLS = 20
BUILDS = r"""
# builds, each in a process of its own that begins warm. A command is `whole`, `after SECONDS` or `at N`: killed after a
# time, or before the N-th change of a file or folder of the project
import os, select, signal, sys, time
from pathlib import Path
from srcad.build_step import files

def build():
    sys.modules.pop("killed_primal", None)
    for _ in files.build(Path("."), jobs=1):
        pass

changes = [0]

def count(most):
    def hook(event, args):
        if event == "open":
            writes = isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
            path = args[0]
        else:
            writes, path = event in ("os.rename", "os.remove", "os.mkdir", "os.chmod"), args[0] if args else None
        if writes and (isinstance(path, int) or isinstance(path, str | os.PathLike) and "generated" in str(path)):
            if changes[0] == most:
                os.kill(os.getpid(), signal.SIGKILL)
            changes[0] += 1
    sys.addaudithook(hook)

build()
print("ready", flush=True)
for line in sys.stdin:
    command, _, number = line.strip().partition(" ")
    start = time.monotonic()
    child = os.fork()
    if not child:
        count(int(number) if command == "at" else -1)
        build()
        print(changes[0], flush=True)
        os._exit(0)
    if command == "after":
        time.sleep(float(number))
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    print("killed" if os.WIFSIGNALED(status) else f"ended {status}", time.monotonic() - start, flush=True)
"""


def environment(tmp_path, **more):
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return {**os.environ, "PYTHONPATH": root, "SRCAD_CACHE_DIR": str(tmp_path / "cache"), **more}


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "killed_primal.py").write_text(PRIMAL)
    return folder


def contents(project):
    folder = project / "generated"
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Builder:
    def __init__(self, project, tmp_path):
        self._process = subprocess.Popen(
            [sys.executable, "-B", "-c", BUILDS],
            cwd=project, env=environment(tmp_path), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout.readline() == "ready\n"

    def build(self, command="whole"):
        """Whether it was killed, how many changes it made, where it was not, and how long it took."""
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        said = self._process.stdout.readline().split()
        changes = None
        if said[0] not in ("killed", "ended"):
            changes, said = int(said[0]), self._process.stdout.readline().split()
        assert said[0] == "killed" or said[1] == "0"
        return said[0] == "killed", changes, float(said[-1])

    def close(self):
        self._process.stdin.close()
        assert self._process.wait() == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_a_killed_build_loses_no_edit(project, tmp_path):
    """With an edit and one change of the primal after the other to be merged: killed before every change of a file
    in turn, and at random moments. The next build then gives what it gives without kills, byte for byte."""
    builder = Builder(project, tmp_path)
    built = project / "generated" / "energy_grad.py"
    text = built.read_text()
    assert text.count(BEFORE) == 1
    built.write_text(text.replace(BEFORE, AFTER))
    start = contents(project)

    def change(factor):
        (project / "killed_primal.py").write_text(
            PRIMAL.replace("k * x[i] ** 3", f"{factor} * k * np.cos(x[i])").replace("1.5", factor)
        )

    expected, most, whole = {}, 0, 0.0
    for factor in FACTORS:
        shutil.rmtree(project / "generated")
        for place, content in start.items():
            (project / "generated" / place).parent.mkdir(parents=True, exist_ok=True)
            (project / "generated" / place).write_bytes(content)
        change(factor)
        _, changes, whole = builder.build()
        expected[factor], most = contents(project), max(most, changes)
        own = built.read_text()
        assert AFTER in own and f"{factor} * k" in own and "x[i] ** 3" not in own
    assert most >= 15

    random.seed(3)
    moments = [f"at {n}" for n in range(most)]
    moments += [f"after {random.uniform(0.0, whole):.4f}" for _ in range(5 * KILLS)]  # some builds are done by then
    killed, drafts, before = 0, 0, expected[FACTORS[-1]]
    for number, moment in enumerate(moments):
        if killed == KILLS:
            break
        factor = FACTORS[number % len(FACTORS)]
        change(factor)
        killed += builder.build(moment)[0]
        after = expected[factor]
        for place, content in contents(project).items():
            if ".draft-" in place:
                drafts += 1
            elif place != "_machine/_build.json":
                assert content in (before.get(place), after.get(place)), (moment, place)
        assert set(before) & set(after) <= set(contents(project))
        builder.build()
        assert contents(project) == after, (moment, factor)
        before = after
    builder.close()
    assert killed == KILLS and drafts >= 5


@pytest.mark.one_in(2, least=1)
@pytest.mark.parametrize("seed", ["1", "2"])
def test_equal_builds_write_equal_bytes(project, tmp_path, seed):
    """In another folder, in one process or two, in other orders of sets and dictionaries."""
    other = tmp_path / "elsewhere" / "copy"
    shutil.copytree(project, other)
    for folder, jobs, hashes in ((project, "1", "0"), (other, "2", seed)):
        command = [sys.executable, "-B", "-c", "from srcad.cli import app; app()", "build", "--jobs", jobs]
        subprocess.run(command, cwd=folder, env=environment(tmp_path, PYTHONHASHSEED=hashes), check=True)
    ours, theirs = contents(project), contents(other)
    assert ours == theirs and {"energy_grad.py", "_machine/energy_grad.py", "_machine/_build.json"} <= set(ours)
    assert str(tmp_path).encode() not in b"".join(ours.values())


def test_a_draft_that_is_removed_while_it_is_used_is_written_again(tmp_path, monkeypatch):
    from srcad.backend.modules import cache_files
    from srcad.errors import SrcadError

    (tmp_path / "_machine" / "_base").mkdir(parents=True)
    replace, removed = os.replace, []

    def and_remove(draft, path):
        if len(removed) < most:
            removed.append(draft)
            cache_files.remove_drafts(tmp_path, "_machine")
        return replace(draft, path)

    monkeypatch.setattr(cache_files.os, "replace", and_remove)
    for place, most in ((tmp_path / "a.py", 1), (tmp_path / "_machine" / "_base" / "b.txt", 2)):
        removed.clear()
        cache_files.write_atomically(place, "text\n")
        assert place.read_text() == "text\n" and len(removed) == most
    most = 3
    removed.clear()
    with pytest.raises(SrcadError, match="S503"):
        cache_files.write_atomically(tmp_path / "a.py", "other\n")
    assert (tmp_path / "a.py").read_text() == "text\n" and not list(tmp_path.rglob(".draft-*"))
