"""The table of safety conditions is of the compiler as it is; `python -m tests.safety` judges the tests by it."""

from __future__ import annotations

import ast
from dataclasses import replace

import pytest

from tests.safety import REPOSITORY, judge, problem
from tests.safety_conditions import CONDITIONS, Condition


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda c: c.name)
def test_the_text_is_there_once(condition: Condition) -> None:
    """Whoever rewrites a condition says in the table what it is now."""
    assert problem(condition) is None
    assert condition.text != condition.without and condition.tests


def named(text: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda c: c.name)
def test_what_stands_in_its_place_is_defined(condition: Condition) -> None:
    """Without the condition the compiler still runs: a test must notice what it does, not that it crashes."""
    whole = (REPOSITORY / "srcad" / condition.module).read_text()
    assert named(whole.replace(condition.text, condition.without)) <= named(whole)


def test_names_differ() -> None:
    assert len({c.name for c in CONDITIONS}) == len(CONDITIONS)


def test_what_is_removed_is_noticed_and_what_is_not_removed_is_not() -> None:
    condition = next(c for c in CONDITIONS if c.name == "copy elision: another name lives on")
    assert judge(condition).noticed
    assert judge(replace(condition, without=condition.text)).text == "not noticed"
    assert not judge(replace(condition, text="no such text")).noticed
