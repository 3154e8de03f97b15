"""What the user wrote about the primal stands in the text, once, where it helps, and never changes code."""

from __future__ import annotations

import ast
import inspect
import itertools
import linecache
import textwrap

import numpy as np
import pytest

import srcad
from srcad.backend.modules.source_digest import code_digest
from srcad.frontend.source.comments import statement_comments
from tests.golden.fisher_kpp import fisher_kpp
from tests.golden.leaky_integrator import leaky_integrator
from tests.golden.newton_sqrt import newton_sqrt
from tests.golden.rnn_loss import rnn_loss
from tests.test_goldens import CASES

pytestmark = pytest.mark.one_in(10, least=3)

numbered = itertools.count()


def from_text(text):
    name = f"<described {next(numbered)}>"
    linecache.cache[name] = (len(text), None, [f"{line}\n" for line in text.split("\n")], name)
    names = {"np": np}
    exec(compile(text, name, "exec"), names)
    return names[next(node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))]


def text_of(function, *args, derivative=srcad.grad, **options):
    return derivative(function, target="python", **options).source_for(*args)


def described(u, n, twice):
    """Diffusion with \\ and \"\"\" in its words.

    More of it.
    """
    # u_t = k * u_xx
    # in finite differences \
    for i in range(n):  # steps of time
        # ==== the Laplacian ====
        lap = u[2:] + u[:-2] - 2.0 * u[1:-1]  # “three points” """
        # TODO: a better one
        u[1:-1] = u[1:-1] + 0.1 * lap * lap
    # u = 3
    # print(u)
    if n > 3:  # type: ignore
        # L3: never
        u = u * u
    # doubled
    elif twice:
        u = u * 2  # noqa: E501

    # not of this

    total = np.sum(
        u  # inside
        * u
    )  # energy
    return total


def test_where_comments_stand():
    text = text_of(described, np.ones(5), 3, True, derivative=srcad.value_and_grad)
    assert '\n        Diffusion with \\\\ and \\"\\"\\" in its words.\ntakes ' in text
    forward, reverse = text[text.index("---- forward") :].split("# ---- reverse")
    comments = [line for line in forward.splitlines() if line.lstrip().startswith("#")]
    assert comments == [
        "    # u_t = k * u_xx",
        "    # in finite differences \\",
        "    # steps of time",
        "        # the Laplacian",
        '        # “three points” """',
        "    # energy",
    ]
    assert "    # steps of time\n    for i in range(n):\n        # the Laplacian\n" in forward
    quotes = [line for line in reverse.splitlines() if line.lstrip().startswith("#")]
    assert quotes and not any("three points" in line or "noqa" in line for line in quotes)
    ast.parse(text)


def test_a_comment_of_a_helper_stands_once():
    def norm(v):
        # the square root of the sum
        return np.sqrt(np.sum(v * v)) + np.sin(np.sum(v))

    def both(a, b):
        return np.exp(norm(a) * norm(b)) ** 2

    text = text_of(both, np.ones(3), np.ones(3))
    assert text.count("the square root of the sum") == 1


def test_the_text_of_a_primal_has_its_comments():
    text = text_of(described, np.ones(5), 3, True, derivative=srcad.jit)
    assert "    # in finite differences \\\n    # steps of time\n    for i in range(n):\n" in text


@pytest.mark.parametrize(
    ("comment", "kept"),
    [
        ("# F = m * a", ["F = m * a"]),
        ("#: the mass", ["the mass"]),
        ("# why: see the paper", ["why: see the paper"]),
        ("# y = 0.5", []),
        ("# y = np.exp(x)", []),
        ("# for i in range(3):", []),
        ("# return y", []),
        ("# pylint: disable=all", []),
        ("# fmt: off", []),
        ("# FIXME negative", []),
        ("# ---- reverse sweep ----", ["reverse sweep"]),
        ("# norm L3: y = x", []),
        ("# srcad build: text 0123", []),
        ("##########", []),
        ("#", []),
        ("# a\tb\x0bc\u2028d\u202ee", ["a b c d e"]),
    ],
)
def test_comments_that_help(comment, kept):
    node = ast.parse("y = x").body[0]
    assert list(statement_comments([f"y = x  {comment}"], node)) == kept
    below = ast.parse("\ny = x").body[0]
    assert list(statement_comments([comment, "y = x"], below)) == kept


def test_what_is_no_comment():
    lines = ['s = """', "# no comment", '"""; y = x + "#1"']
    assert statement_comments(lines, ast.parse("\n".join(lines)).body[1]) == ()


NASTY = [
    "it ends in \\",
    '"""',
    "'''",
    "ünïcödé ☃",
    "a {brace} % s",
    "y = x +",
    "if x:",
    "def f(:",
    "x" * 300,
    "\f page",
]
SWAPS = """
def swaps(x, n):
    a = x[0]
    b = x[1]
    for i in range(n):
        t = a
        a = 0.5 * b
        b = t
        u = x[0]
        x[0] = x[1]
        x[1] = u
    rows, cols = len(x), len(x)
    if n > 2:
        a = a * b
    elif n > 1:
        b = b * 2.0
    else:
        if a > 0.0:
            b = b + rows
    k = 0
    while True:
        if k >= n:
            break
        a = a * 1.5
        k += 1
    return a * b * cols + np.sum(x * x)
"""
TEXTS = {
    **{
        f.__name__: (textwrap.dedent(inspect.getsource(f)), CASES[f.__name__][1][0])
        for f in (fisher_kpp, leaky_integrator, newton_sqrt, rnn_loss)
    },
    "swaps": (SWAPS, (np.array([0.3, 0.7, 0.2]), 3)),
}


def with_comments(text, rng):
    """The text with comments above and at the end of its statements."""
    starts = {node.lineno for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt)}
    out = []
    for number, line in enumerate(text.splitlines(), 1):
        indent = line[: len(line) - len(line.lstrip())]
        if number in starts and indent and not line.lstrip().startswith('"""'):
            out += [f"{indent}# {rng.choice(NASTY)} {number}" for _ in range(rng.integers(0, 3))]
            if rng.integers(0, 2) and not line.rstrip().endswith(("(", '"""')):
                line += f"  # {rng.choice(NASTY)}"
        out.append(line)
    return "\n".join(out) + "\n"


@pytest.mark.parametrize("derivative", [srcad.grad, srcad.value_and_grad, srcad.jit])
@pytest.mark.parametrize("name", TEXTS)
def test_comments_never_change_code(name, derivative):
    text, args = TEXTS[name]
    wrt = {} if derivative is srcad.jit else {"argnums": CASES[name][0] if name in CASES else (0,)}
    bare = text_of(from_text(text), *args, derivative=derivative, **wrt)
    carried = 0
    for seed in range(8):
        commented = with_comments(text, np.random.default_rng(seed))
        assert ast.dump(ast.parse(commented)) == ast.dump(ast.parse(text))
        found = text_of(from_text(commented), *args, derivative=derivative, **wrt)
        numbers = srcad.backend.modules.source_digest  # line numbers in messages differ
        assert code_digest(numbers._QUOTED.sub("L: ", found)) == code_digest(numbers._QUOTED.sub("L: ", bare))
        carried += found.count("☃")
    assert carried
