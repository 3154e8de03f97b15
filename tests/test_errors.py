"""The text of errors, word for word, and the fence that raises those of the language."""

import pickle
import textwrap

import pytest

from srcad.errors import (
    CODES,
    AliasError,
    ArgumentError,
    CompileError,
    DerivativeError,
    InternalError,
    NonFiniteError,
    Problem,
    SrcadError,
    UnsupportedError,
    during,
    fail,
    fail_all,
)
from srcad.frontend.source.read import read
from srcad.frontend.syntax.language_subset import check_subset
from srcad.ir.nodes import Span

LINE = "    values, vectors = np.linalg.eig(A)"
MODES = Span("<modes>", "fundamental", 14, 22, 14, 38, LINE)
EIG = Problem(
    "S203",
    "no derivative rule for numpy.linalg.eig",
    MODES,
    "A depends on k, which you differentiate (k -> line 13 -> A).",
    "use np.linalg.eigh if A is symmetric; write a rule (docs/rules.md); or srcad.stop_gradient(A).",
)
EIG_TEXT = """\
srcad error S203: no derivative rule for numpy.linalg.eig

  <modes>:14, in fundamental
    14 |     values, vectors = np.linalg.eig(A)
       |                       ^^^^^^^^^^^^^^^^
  A depends on k, which you differentiate (k -> line 13 -> A).

  You can: use np.linalg.eigh if A is symmetric; write a rule (docs/rules.md); or srcad.stop_gradient(A)."""


def test_layout():
    assert str(DerivativeError(EIG)) == EIG_TEXT


def test_parts_left_out():
    assert str(Problem("S310", "no option spede")) == "srcad error S310: no option spede"
    assert str(Problem("S310", "no option spede", advice="say speed.")) == (
        "srcad error S310: no option spede\n\n  You can: say speed."
    )
    assert str(Problem("S199", "odd", MODES)) == "\n".join(["srcad error S199: odd", "", *EIG_TEXT.splitlines()[2:5]])


def test_several_problems_are_reported_together():
    error = DerivativeError(EIG, Problem("S201", "other"))
    assert str(error) == EIG_TEXT + "\n\nsrcad error S201: other"
    assert [p.code for p in error.problems] == ["S203", "S201"]


def test_path_is_relative_below_the_current_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inside = Problem("S199", "odd", Span(str(tmp_path / "examples" / "modes.py"), "f", 1, 0, 1, 1, "x"))
    outside = Problem("S199", "odd", Span(str(tmp_path.parent / "far" / "modes.py"), "f", 1, 0, 1, 1, "x"))
    assert "\n  examples/modes.py:1, in f\n" in str(inside)
    assert "\n  modes.py:1, in f\n" in str(outside)


@pytest.mark.parametrize(
    ("span", "carets"),
    [
        (Span("<f>", "f", 3, 4, 3, 4, "    x"), "    ^"),  # empty extent
        (Span("<f>", "f", 3, 4, 5, 2, "    if x:   "), "    ^^^^^"),  # to the end of its first line
        (Span("<f>", "f", 3, 1, 3, 2, "\tx"), "\t^"),  # a tab stays a tab
        (Span("<f>", "f", 3, 9, 3, 12, "x"), "         ^"),  # past the end
    ],
)
def test_carets(span, carets):
    assert str(Problem("S199", "odd", span)).splitlines()[-1] == "      | " + carets


def test_classes_by_code():
    classes = {"1": UnsupportedError, "2": DerivativeError, "3": ArgumentError, "4": AliasError, "5": CompileError}
    classes["6"] = NonFiniteError
    for code, (kind, title) in CODES.items():
        assert kind is classes.get(code[1], InternalError)
        assert title and not title.endswith(".")
        with pytest.raises(kind) as caught:
            fail(code, "message", None, "why", "advice")
        assert caught.value.problems == (Problem(code, "message", None, "why", "advice"),)
        assert isinstance(caught.value, SrcadError)


def test_titles_differ():
    titles = [title for _, title in CODES.values()]
    assert len(titles) == len(set(titles))


def test_fail_all():
    fail_all([])
    with pytest.raises(DerivativeError) as caught:
        fail_all([EIG, EIG])
    assert len(caught.value.problems) == 2


def test_errors_pickle():
    error = pickle.loads(pickle.dumps(DerivativeError(EIG)))
    assert type(error) is DerivativeError and str(error) == EIG_TEXT


def test_fault_of_our_own_names_the_pass():
    with pytest.raises(InternalError) as caught, during("prune"):
        raise KeyError("x.1")
    assert str(caught.value) == textwrap.dedent("""\
        srcad error S901: the pass prune failed (KeyError: 'x.1')

          This is a fault of srcad, not of your function.

          You can: report it, with the function and the types of its arguments.""")
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(DerivativeError), during("prune"):
        fail("S203", "passes through")


# ---- the fence -----------------------------------------------------------------------------------


def uses_try(x):
    try:
        y = 1.0 / x
    finally:
        return 0.0


def uses_sent_value(x):
    y = yield x
    return y


async def is_async(x):
    return x


async def awaits(x):
    return [await y async for y in x]


def uses_global(x):
    global counter
    counter = x
    return x


def uses_set(x):
    return x in {1.0, 2.0}


def uses_bytes(x):
    return x, b"bytes"


FENCED = {
    uses_try: ["S103"],
    uses_sent_value: ["S106"],
    is_async: ["S107"],
    awaits: ["S107"],
    uses_global: ["S108"],
    uses_set: ["S117"],
    uses_bytes: ["S117"],
}


@pytest.mark.parametrize("function", FENCED, ids=lambda f: f.__name__)
def test_fence(function):
    with pytest.raises(UnsupportedError) as caught:
        check_subset(read(function))
    assert [p.code for p in caught.value.problems] == FENCED[function]
    for problem in caught.value.problems:
        assert problem.why and problem.advice and problem.span.line >= function.__code__.co_firstlineno


def uses_much(x):
    global counter
    try:
        y = yield x
    finally:
        return {x}


def test_everything_is_reported_at_once():
    line = uses_much.__code__.co_firstlineno
    with pytest.raises(UnsupportedError) as caught:
        check_subset(read(uses_much))
    problems = caught.value.problems
    assert [(p.code, p.span.line - line) for p in problems] == [("S108", 1), ("S103", 2), ("S106", 3), ("S117", 5)]
    file = str(problems[0]).splitlines()[2].split(":")[0].strip()
    width = " " * len(str(line))
    assert str(caught.value) == textwrap.dedent(f"""\
        srcad error S108: global counter: a function may read globals, not bind them

          {file}:{line + 1}, in uses_much
            {line + 1} |     global counter
            {width} |     ^^^^^^^^^^^^^^
          A gradient that changed globals would not be a function of its arguments.

          You can: pass the value in as an argument, and return the new one.

        srcad error S103: finally that leaves

          {file}:{line + 2}, in uses_much
            {line + 2} |     try:
            {width} |     ^^^^
          It leaves after an error, too, which is then forgotten.

          You can: return, break or continue behind it.

        srcad error S106: a yield whose value is used

          {file}:{line + 3}, in uses_much
            {line + 3} |         y = yield x
            {width} |             ^^^^^^^
          Nothing is sent to a generator: the loop that asks for its items has no other way to it.

          You can: write yield as a statement of its own, and pass values as arguments.

        srcad error S117: a set is not in the language

          {file}:{line + 5}, in uses_much
            {line + 5} |         return {{x}}
            {width} |                ^^^
          Values are numbers, strings, arrays, and tuples, lists and dicts of them.

          You can: use a tuple, a list or an array.""")


def inside_the_fence(x, *more, k=2, **named):
    """Everything that syntax alone does not decide passes."""
    assert x > 0.0, f"x is {x}"
    if (y := x * k) > 2.0 or not more:
        raise ValueError("late")
    a, *rest = [v for v in more if v], 1.0
    table = {"y": y, **named}
    g = lambda z: z[..., None, ::2] @ z  # noqa: E731
    for i, v in enumerate(more):
        while v < 1.0:
            v += table["y"] if i else sum(w for w in rest)
            continue
        else:
            break
    return g(a)


def test_the_language_passes():
    check_subset(read(inside_the_fence))
