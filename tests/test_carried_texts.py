"""A derivative that is pickled as byte code is read where it arrives, though its file is not there."""

import marshal
import pickle
import subprocess
import sys
from types import FunctionType

import numpy as np
import pytest

import srcad
from srcad.errors import UnsupportedError
from srcad.frontend.source.carried_texts import texts_to_carry
from srcad.frontend.source.read import read
from srcad.frontend.source.source_text import carried

FAR_AWAY = """
import marshal, pickle, sys
from types import FunctionType
import numpy as np
remake, codes, arguments = pickle.load(sys.stdin.buffer)
names = {"np": np, "__name__": "__main__"}
for name, code in codes.items():
    names[name] = FunctionType(marshal.loads(code), names)
derivative = remake[0](names["loss"], *remake[1])
print(derivative(*arguments), derivative.source)
"""

SCRIPT = """
import numpy as np
def scaled(x):
    return 3.0 * x
def loss(x):
    return np.sum(scaled(x) ** 2)
"""


def script(tmp_path, text=SCRIPT):
    """The names of a script that was run as `__main__`."""
    file = tmp_path / "script.py"
    file.write_text(text)
    names = {"__name__": "__main__", "__file__": str(file)}
    exec(compile(text, str(file), "exec"), names)
    return file, names


def moved(function):
    """As cloudpickle leaves it: byte code that names no file."""
    code = function.__code__.replace(co_filename="<dynamic-code>")
    return FunctionType(code, function.__globals__, function.__name__, function.__defaults__, function.__closure__)


@pytest.fixture(autouse=True)
def nothing_carried():
    before = dict(carried)
    yield
    carried.clear()
    carried.update(before)


def test_in_another_process(tmp_path):
    file, names = script(tmp_path)
    derivative = srcad.grad(names["loss"], target="python")
    remake, (_, *rest) = derivative.__reduce__()
    codes = {name: marshal.dumps(moved(names[name]).__code__) for name in ("loss", "scaled")}
    given = pickle.dumps(((remake, rest), codes, (np.ones(2),)))
    file.unlink()
    done = subprocess.run([sys.executable, "-c", FAR_AWAY], input=given, capture_output=True, check=True)
    printed = done.stdout.decode()
    assert (
        printed.startswith("[18. 18.]")
        and "source  script.py:5" in printed
        and "# scaled L4: return 3.0 * x" in printed
    )


def test_nothing_is_carried_of_what_can_be_imported():
    assert texts_to_carry(script) == ()
    assert srcad.grad(texts_to_carry).__reduce__()[1][2] == ()


def test_functions_that_are_named_come_along(tmp_path):
    (tmp_path / "other").mkdir()
    other, far = script(tmp_path / "other", "def far(x):\n    return -x\n")
    file, names = script(tmp_path, "def near(x):\n    return (lambda y: far(y))(x)\n")
    names["far"] = far["far"]
    assert {text.file for text in texts_to_carry(names["near"])} == {str(file), str(other)}


def test_recursion_and_empty_cells_end():
    def outer():
        def loss(x):
            return x if x < 1.0 else loss(x - 1.0) + later

        found = texts_to_carry(loss)
        later = 1.0
        return found

    assert len(outer()) == 1


def test_a_carried_text_is_not_trusted(tmp_path):
    """Another function of the same name and line is not mistaken for the one that is called."""
    file, names = script(tmp_path)
    carried.update(dict.fromkeys(texts_to_carry(names["loss"])))
    _, changed = script(tmp_path, SCRIPT.replace("** 2", "** 3"))
    with pytest.raises(UnsupportedError, match="S101"):
        read(moved(changed["loss"]))
    assert read(moved(names["loss"])).lines[5] == "    return np.sum(scaled(x) ** 2)"


def test_without_a_source_nothing_is_carried():
    assert texts_to_carry(eval("lambda x: x")) == texts_to_carry(np.sin) == ()
