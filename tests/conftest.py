"""Options of the tests."""

from __future__ import annotations

import os

import pytest

os.environ.setdefault("SRCAD_VERIFY", "1")  # each pass is verified, whatever is compiled


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write our present output into tests/golden")
    parser.addoption(
        "--compile-all", action="store_true", help="compile every program of the corpus, not one of each kind"
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))
