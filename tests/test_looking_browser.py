"""The page in a browser: partners light up, keys move, the slider shows the passes, nothing is too wide."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import srcad
from srcad.compiler.stages import recorded
from srcad.inspection.page.rendering import page
from tests.chromium import PROGRAM, Page, chromium
from tests.golden.fisher_kpp import fisher_kpp
from tests.test_looking import hostile, recurrence

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed")

FAULTS = ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled")
LIT = """Array.from(document.querySelectorAll(".pane.gradient .line.lit:not(.around)"),
    one => one.textContent.trim()).join("\\n")"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pages")
    given: dict[str, tuple[Any, ...]] = {
        "recurrence": (recurrence, np.ones(30), np.ones(30), 40),
        "hostile": (hostile, 0.3, 4),
        "fisher": (fisher_kpp, np.ones((5, 5)), 0.3, 1.2, 0.15, 2),
    }
    for name, (function, *args) in given.items():
        with recorded() as stages:
            derivative = srcad.grad(function)
            one = derivative.specialisation(*args).generated
            _ = one.compiled
        (made / f"{name}.html").write_text(page(one, stages, derivative.plan(*args)), encoding="utf-8")
        (made / f"{name}_cells.html").write_text(2 * derivative._repr_html_(), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    with chromium() as page:
        yield page


@pytest.fixture
def shown(browser: Page, folder: Path) -> Iterator[Page]:
    browser.show(1280)
    browser.open(folder / "recurrence.html")
    yield browser
    assert not [event for event in browser.events if event["method"] in FAULTS]
    asked = [e["params"]["request"]["url"] for e in browser.events if e["method"] == "Network.requestWillBeSent"]
    assert all(url.startswith("file:") and url.endswith(".html") for url in asked)


def source_line(text: str) -> str:
    lines = Path(recurrence.__code__.co_filename).read_text(encoding="utf-8").splitlines()
    start = recurrence.__code__.co_firstlineno
    number = next(n for n in range(start, start + 9) if text in lines[n - 1])
    return f'.pane.source .line[data-n="{number}"]'


def focused(shown: Page) -> str:
    return str(shown.evaluate("document.activeElement.textContent.trim()"))


def test_pointing_at_a_line_lights_its_partners(shown: Page) -> None:
    shown.point(source_line("h = np.tanh"))
    lit = shown.evaluate(LIT)
    assert "h = np.tanh(w * h + x)" in lit and "d_w += h * d_product" in lit and "np.sum" not in lit
    said = shown.evaluate("document.querySelector('.said').innerText")
    assert "a derivative passes" in said and "d_w += h * d_product" in said
    visible = shown.evaluate("""(() => {
        const box = document.querySelector(".pane.gradient .scroll").getBoundingClientRect();
        return Array.from(document.querySelectorAll(".pane.gradient .adjoint.lit"))
            .some(one => one.getBoundingClientRect().bottom <= box.bottom);
    })()""")
    assert visible, "what reverses it is scrolled into view"
    shown.point(".pane.source .head")
    shown.call("Input.dispatchMouseEvent", type="mouseMoved", x=0, y=0)
    shown.point("h1")


def test_a_saved_value_is_lit_where_it_is_read(shown: Page) -> None:
    shown.evaluate("document.querySelector('.mark.load').closest('.line').classList.add('probe')")
    shown.point(".probe")
    assert shown.evaluate("document.querySelectorAll('.lit-tape .mark.save').length") >= 2  # made, and written
    assert "9.6 kB" in shown.evaluate("document.querySelector('.probe .mark').textContent")


def test_keys_move_keep_and_clear(shown: Page) -> None:
    shown.evaluate(f"document.querySelector('{source_line('def recurrence')}').focus()")
    for _ in range(3):
        shown.press("ArrowDown")
    assert focused(shown).startswith("h = np.tanh(w * h + x)")
    shown.press("ArrowRight")
    ways = [focused(shown)]
    while ways[-1] not in ways[:-1]:  # from line to line of the same statement, and round
        shown.press("ArrowRight")
        ways.append(focused(shown))
    assert {"h = np.tanh(w * h + x)", "d_w += h * d_product", "d_h = w * d_product"} <= {*ways}
    shown.press("ArrowLeft")
    assert "h = np.tanh(w * h + x)" in focused(shown)
    shown.press("Enter")
    shown.point(source_line("return"))
    assert "np.tanh" in shown.evaluate("document.querySelector('.here').textContent")  # it is kept
    assert shown.evaluate("document.querySelectorAll('.kept').length") == 1
    shown.press("Escape")
    assert shown.evaluate("document.querySelectorAll('.lit, .here, .kept').length") == 0
    assert shown.evaluate("document.activeElement === document.body")
    shown.point(source_line("h = np.zeros"))
    assert "np.zeros" in shown.evaluate("document.querySelector('.here').textContent")


def test_the_slider_follows_a_line_through_the_passes(shown: Page) -> None:
    shown.evaluate(f"document.querySelector('{source_line('h = np.tanh')}').click()")
    words = "document.querySelector('.passes output').textContent"
    assert "as it is printed" in shown.evaluate(words)
    seen = []
    for _ in range(60):
        shown.press("[")
        seen.append(shown.evaluate(words))
        assert shown.evaluate("document.querySelectorAll('.pane.gradient .line.lit').length"), seen[-1]
        if seen[-1].startswith("1 of"):
            break
    assert any("after reverse (sweeps)" in one for one in seen) and "after lower" in seen[-1]
    assert shown.evaluate("document.querySelectorAll('.fresh').length") > 5
    shown.evaluate("document.querySelector('.passes input').focus()")
    shown.press("End")
    assert "after" in shown.evaluate(words) and "(sequential form)" in shown.evaluate(words)
    texts = "Array.from(document.querySelectorAll('.pane.gradient .code')).filter(one => one.offsetParent)"
    assert shown.evaluate(f"{texts}.length") == 1


def test_a_variable_of_the_graph_lights_its_lines(shown: Page) -> None:
    shown.evaluate("document.querySelector('.node.saved').classList.add('probe')")
    shown.point(".probe rect")
    assert "np.tanh(w * h + x)" in shown.evaluate(LIT)
    assert "saved for the reverse sweep" in shown.evaluate("document.querySelector('.said').innerText")


@pytest.mark.parametrize("name", ["recurrence", "hostile", "fisher", "fisher_cells"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_window(browser: Page, folder: Path, name: str, scheme: str) -> None:
    browser.show(1280, scheme=scheme)
    browser.open(folder / f"{name}.html")
    for width in (400, 480, 640, 859, 860, 1024, 1280):
        browser.show(width, scheme=scheme)
        assert browser.evaluate("document.documentElement.scrollWidth") <= width, width
        wide = browser.evaluate("""Array.from(document.querySelectorAll(".line, .said, .head"))
            .filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent)""")
        assert wide == [], width
    ink, paper = browser.evaluate("""(() => {
        const style = getComputedStyle(document.querySelector(".srcad-view"));
        return [style.color, style.backgroundColor];
    })()""")
    light = [sum(map(int, one[4:-1].split(", "))) for one in (ink, paper)]
    assert (light[0] < 200 and light[1] > 600) if scheme == "light" else (light[0] > 600 and light[1] < 200)
    assert not [event for event in browser.events if event["method"] in FAULTS]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_can_be_read(shown: Page, scheme: str) -> None:
    """Contrast of 4.5 at least, as WCAG asks for text of this size, on plain and on lit lines."""
    shown.show(1280, scheme=scheme)
    shown.evaluate(f"document.querySelector('{source_line('h = np.tanh')}').click()")
    worst = shown.evaluate("""(() => {
        function parts(c) { return c.match(/[\\d.]+/g).slice(0, 3).map(v => { v /= 255;
            return v <= 0.04045 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4); }); }
        function light(c) { const p = parts(c); return 0.2126 * p[0] + 0.7152 * p[1] + 0.0722 * p[2]; }
        function under(e) { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
            if (c !== "rgba(0, 0, 0, 0)") return c; } return "rgb(255, 255, 255)"; }
        return Array.from(document.querySelectorAll(".line, .line *, .said *, h1, h2, h3, p, td, th, output"), e => {
            const a = light(getComputedStyle(e).color), b = light(under(e));
            return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.className + ": " + e.textContent];
        }).sort((a, b) => a[0] - b[0])[0];
    })()""")
    assert worst[0] >= 4.5, worst


def test_two_cells_of_a_notebook_do_not_disturb_each_other(browser: Page, folder: Path) -> None:
    browser.show(1000)
    browser.open(folder / "fisher_cells.html")
    assert browser.evaluate("document.querySelectorAll('.srcad-view[data-ready]').length") == 2
    browser.evaluate("document.querySelectorAll('.srcad-view')[1].querySelector('.line.reversed').focus()")
    lit = "document.querySelectorAll('.srcad-view')[{}].querySelectorAll('.lit').length"
    assert browser.evaluate(lit.format(0)) == 0 and browser.evaluate(lit.format(1)) > 0
