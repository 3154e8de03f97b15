"""`srcad.interop` where the other library is not there, or not asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from srcad.interop.arguments import apart, by_position


def run(text: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", text], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_srcad_imports_neither() -> None:
    assert run("import sys, srcad, srcad.interop; print({'torch', 'jax'} & {*sys.modules})") == "set()\n"


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_missing(name: str) -> None:
    text = (
        f"import sys; sys.modules[{name!r}] = None\ntry: import srcad.interop.{name}\nexcept ImportError as e: print(e)"
    )
    assert f"pip install 'srcad[{name}]'" in run(text)


def test_arguments_by_position() -> None:
    class Scaled:
        def __call__(self, x: float, scale: float, shift: float = 0.0) -> float:
            return scale * x + shift

    assert by_position(Scaled(), (1.0,), {"shift": 2.0, "scale": 3.0}) == (1.0, 3.0, 2.0)
    with pytest.raises(Exception, match="S306"):
        by_position(Scaled(), (1.0,), {"width": 2.0})


def test_apart() -> None:
    x = np.ones(4)
    fixed = np.broadcast_to(2.0, 3)
    found = apart((x[1:], x[::2], fixed, "word", x * 2.0), (x,))
    arrays = [one for one in found if isinstance(one, np.ndarray)] + [x]
    assert found[3] == "word" and all(one.flags.writeable for one in arrays)
    assert not any(np.may_share_memory(a, b) for a in arrays for b in arrays if a is not b)
