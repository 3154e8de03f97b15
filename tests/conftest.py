"""Options of the tests."""

from __future__ import annotations

import compileall
import gc
import os
import zlib
from collections.abc import Generator
from pathlib import Path

import pytest

os.environ.setdefault("SRCAD_VERIFY", "1")  # each pass is verified, whatever is compiled


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write our present output into tests/golden")
    parser.addoption("--all", action="store_true", help="run all cases of the tests that take a sample of theirs")
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


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "one_in(n, least=4): of the cases of each test function only one in `n` is run, but `least` of them: "
        "always the same, others for each function. With --all, with -k, or where one is asked for, all are run",
    )
    if not hasattr(config, "workerinput"):
        # hundreds of processes import srcad: without its bytecode, as where PYTHONDONTWRITEBYTECODE is set, that takes
        # twice as long
        compileall.compile_dir(Path(__file__).parents[1] / "srcad", quiet=2)
    config.addinivalue_line("markers", "thorough: takes a minute, and is run only where all cases are")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--all") or config.getoption("keyword") or any("[" in arg for arg in config.args):
        return
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("one_in"):
            cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    left_out = {item for item in items if item.get_closest_marker("thorough")}
    for name, of_one in cases.items():
        mark = of_one[0].get_closest_marker("one_in")
        assert mark is not None
        kept = min(len(of_one), max(mark.kwargs.get("least", 4), -(-len(of_one) // mark.args[0])))
        first = zlib.crc32(name.encode())
        taken = {(first + k * len(of_one) // kept) % len(of_one) for k in range(kept)}
        left_out.update(item for k, item in enumerate(of_one) if k not in taken)
    if left_out:
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))
