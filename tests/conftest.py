"""Options of the tests."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator

import pytest

os.environ.setdefault("SRCAD_VERIFY", "1")  # each pass is verified, whatever is compiled


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write our present output into tests/golden")
    parser.addoption(
        "--compile-all", action="store_true", help="compile every program of the corpus, not one of each kind"
    )


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """The tests, of which there are many, stay to the end: no garbage collection has to go over them."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000)  # what a compilation leaves is hardly ever a cycle
        gc.enable()


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))
