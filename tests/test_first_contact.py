"""Where people first meet srcad: notebooks, prompts, `python -c`, doctests. A source that can be had is had."""

from __future__ import annotations

import doctest
import importlib.util
import linecache
import os
import pty
import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import numpy as np

import srcad

PROGRAM = """\
import numpy as np, srcad
def f(x):
    return np.sum(np.sin(x) ** 2)
print(srcad.grad(f, target="python")(np.array([0.5, 1.0])))
"""
GRADIENT = str(np.sin(2.0 * np.array([0.5, 1.0])))


def run(*arguments: str, **options: object) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=120, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def test_command_line() -> None:
    assert GRADIENT in run("-c", PROGRAM)


def test_standard_input_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "program.txt"
    path.write_text(PROGRAM)
    with path.open() as file:
        assert GRADIENT in run(stdin=file)


def test_a_pipe_is_gone_and_the_error_says_what_to_do() -> None:
    done = subprocess.run([sys.executable, "-"], input=PROGRAM, capture_output=True, text=True, timeout=120)
    assert "srcad error S101: f has no source that can be read" in done.stderr
    assert "came through a pipe" in done.stderr and "put the function into a file and import it" in done.stderr


def test_prompt(tmp_path: Path) -> None:
    """The plain prompt, driven through a terminal: what was typed is in the history."""
    typed = (
        PROGRAM.replace("\nprint", "\n\nprint") + "g = lambda t: t ** 3\nprint(srcad.grad(g, target='python')(2.0))\n"
    )
    ours, theirs = pty.openpty()
    # the basic prompt of every version; no history of the user's
    places = {
        "PYTHON_BASIC_REPL": "1",
        "PYTHON_HISTORY": str(tmp_path / "history"),
        "HOME": str(tmp_path),
        "TERM": "dumb",
    }
    process = subprocess.Popen(
        [sys.executable, "-q", "-i"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | places,
        close_fds=True,
    )
    os.close(theirs)
    os.write(ours, (typed + "exit()\n").encode())
    seen = b""
    try:
        while chunk := os.read(ours, 4096):
            seen += chunk
    except OSError:  # the other end was closed
        pass
    assert process.wait(timeout=60) == 0
    assert GRADIENT in seen.decode() and "12.0" in seen.decode(), seen.decode()


def test_made_by_exec_with_a_text_that_python_knows() -> None:
    text = "def made(x):\n    return x * x * x\n"
    names: dict[str, object] = {}
    # as the error for a text that Python does not know advises
    linecache.cache["<made>"] = (len(text), None, text.splitlines(True), "<made>")
    exec(compile(text, "<made>", "exec"), names)
    assert srcad.grad(names["made"], target="python")(2.0) == 12.0  # type: ignore[arg-type]


def test_doctest() -> None:
    text = """
    >>> import numpy as np, srcad
    >>> def f(x):
    ...     return np.sum(x ** 2)
    >>> srcad.grad(f, target="python")(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    example = doctest.DocTestParser().get_doctest(text, {}, "example", None, None)
    assert doctest.DocTestRunner().run(example).failed == 0


def test_imports_by_importlib(tmp_path: Path) -> None:
    path = tmp_path / "by_importlib.py"
    path.write_text("import numpy as np\ndef f(x):\n    return np.sum(x ** 2)\n")
    spec = importlib.util.spec_from_file_location("some.package.by_importlib", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)  # in no table of modules
    spec.loader.exec_module(module)
    assert list(srcad.grad(module.f, target="python")(np.ones(2))) == [2.0, 2.0]


FIRST_CELLS = {
    "the import and the function": "import numpy as np\nimport srcad\n" + PROGRAM.partition("\n")[2],
    "the function alone": PROGRAM.partition("\n")[2],
    "timed": "%%time\n" + PROGRAM,
    "captured and timed": "%%capture\n%%time\n" + PROGRAM + "value = srcad.grad(f, target='python')(0.5)",
    "what was captured": "print(value)",
    "magics on lines": "%matplotlib --list\n!true\n" + PROGRAM,
    "a lambda, assigned": "print(srcad.grad(lambda x: np.sin(x) ** 2, target='python')(np.float64(0.5)))",
    "decorated": "@srcad.grad\ndef df(x: float):\n    return np.sin(x) ** 2\ndf",
    "shown before a call, without types": "srcad.grad(f)",
}


def test_notebook(tmp_path: Path) -> None:
    """A real kernel runs cells of every form; none of them may raise."""
    (tmp_path / "changing.py").write_text("import numpy as np\ndef h(x):\n    return np.sum(x ** 2)\n")
    reload = [
        "%load_ext autoreload\n%autoreload 2\nimport changing\n"
        "print(srcad.grad(changing.h, target='python')(np.ones(2)))",
        "import os, pathlib\npath = pathlib.Path('changing.py')\n"
        "path.write_text('import numpy as np\\n\\ndef h(x):\\n    return np.sum(x ** 3)\\n')\nos.utime(path, (1, 2e9))",
        "print(srcad.grad(changing.h, target='python')(np.ones(2)))",
    ]
    cells = [nbformat.v4.new_code_cell(text) for text in [*FIRST_CELLS.values(), *reload]]
    notebook = nbformat.v4.new_notebook(cells=cells)
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources).execute()
    shown = ["".join(o.get("text", "") + str(o.get("data", "")) for o in cell.outputs) for cell in cells]
    for at, name in enumerate(FIRST_CELLS):
        if name in ("the import and the function", "the function alone", "timed", "magics on lines"):
            assert GRADIENT in shown[at], name
    assert "0.84147" in shown[4] and "0.84147" in shown[6]
    assert "text/html" in shown[7] and "text/html" in shown[8]
    assert "[2. 2.]" in shown[9] and "[3. 3.]" in shown[11]
