"""Options of the tests."""

from __future__ import annotations

import gc
import os

import pytest

os.environ.setdefault("SRCAD_VERIFY", "1")  # each pass is verified, whatever is compiled


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write our present output into tests/golden")
    parser.addoption(
        "--compile-all", action="store_true", help="compile every program of the corpus, not one of each kind"
    )


def pytest_sessionstart() -> None:
    gc.disable()  # until all tests are collected: next to nothing of them is garbage


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()  # the collected tests stay to the end: each full collection would go over all of them
    gc.set_threshold(50_000)  # a compilation leaves next to no garbage in cycles
    gc.enable()


def pytest_configure(config: pytest.Config) -> None:
    # of programs that compare; tests of the warning ask for it. A line in pyproject.toml would import srcad too early
    config.addinivalue_line("filterwarnings", "ignore::srcad.ZeroDerivativeWarning")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))
