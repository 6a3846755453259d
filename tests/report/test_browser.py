# SPDX-License-Identifier: MIT
"""Pages in a real browser: what they draw and list, and that they ask nothing of a network.

A browser that is missing is a failure: `ci/packages --checks` installs it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browser_rig import Browser
from report_rig import NASTY, leave_run
from selenium.webdriver.common.keys import Keys

from testbed.report.overview import write_overview
from testbed.report.page import write_report
from testbed.scenario.verdict import Outcome, Verdict

COLOUR = """
const canvas = document.getElementById("timeline");
const copy = Object.assign(document.createElement("canvas"), {
  width: canvas.width,
  height: canvas.height,
});
const probe = copy.getContext("2d", { willReadFrequently: true });
probe.fillStyle = getComputedStyle(canvas).getPropertyValue(arguments[0]).trim();
probe.fillRect(0, 0, 1, 1);
const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
probe.clearRect(0, 0, copy.width, copy.height);
probe.drawImage(canvas, 0, 0);
const { data } = probe.getImageData(0, 0, copy.width, copy.height);
let count = 0;
for (let i = 0; i < data.length; i += 4) {
  if (data[i] === r && data[i + 1] === g && data[i + 2] === b && data[i + 3] === 255) count++;
}
return count;
"""
"""How many pixels of the time line have one of the page's colours."""


def show(
    browser: Browser, page: Path, outcome: Outcome = Outcome.PASS, accesses: int = 200
) -> None:
    write_report(leave_run(page.parent, outcome, accesses=accesses))
    browser.open(page)
    browser.wait_until("document.querySelector('#activity .row') !== null")


def found(browser: Browser) -> tuple[int, int]:
    """How many lines of activity are listed, and of how many."""
    match = re.fullmatch(r"([\d,]+) of ([\d,]+) lines", browser.text("#found"))
    assert match is not None
    listed, total = (int(number.replace(",", "")) for number in match.groups())
    return listed, total


def test_a_step_says_as_much_as_there_is_room_for(browser: Browser, page: Path) -> None:
    show(browser, page)
    whole = "guest boot: booting guest0"
    texts = browser.run(
        """
        const context = document.getElementById("timeline").getContext("2d");
        return [1000, 90, 60, 20].map((room) => {
          const text = fitted(context, arguments[0], room);
          return [text, context.measureText(text).width <= room];
        });""",
        whole,
    )
    assert all(fits for _, fits in texts), texts
    assert (texts[0][0], texts[3][0]) == (whole, "")
    for text, _ in texts[1:3]:
        assert text.endswith("…")
        assert whole.startswith(text[:-1])
    assert 4 < len(texts[2][0]) < len(texts[1][0])


def test_a_passing_run_has_every_lane(browser: Browser, page: Path) -> None:
    show(browser, page)
    assert browser.text("h1") == "PASS uart on arm-virt"
    lanes = browser.find("#timeline").get_attribute("aria-label")
    assert lanes == (
        "Time line of scenario stages, host stages, guest stages, testbed.log, host console,"
        " guest0 console, serial@1000, DMA, interrupt; the same is listed below"
    )
    for colour in ("--step", "--line", "--read", "--write", "--dma", "--wire", "--refused"):
        assert browser.run(COLOUR, colour) > 0, f"nothing is drawn in {colour}"
    assert "#first" not in browser.run("return document.body.innerHTML")
    assert browser.texts("#consoles .head span") == ["Seconds", "testbed", "host", "guest0"]
    assert any("[    0.1] host boots" in text for text in browser.texts("#consoles .row"))
    assert "reg = <0x1000 0x100>" in browser.text(".tree .rewritten")


def test_a_failing_run_begins_with_what_matters(browser: Browser, page: Path) -> None:
    show(browser, page, Outcome.FAIL)
    assert browser.texts("section h2")[0] == "What matters first"
    assert f"guest0 died: {NASTY}" in browser.text("#first")
    assert browser.run(COLOUR, "--failed") > 0


def test_what_machines_print_does_nothing(browser: Browser, page: Path) -> None:
    show(browser, page, Outcome.ERROR)
    assert browser.run("return document.title") == "ERROR uart"
    assert browser.all("img") == []
    assert any(NASTY in text for text in browser.texts("#consoles .row"))


def test_the_search_filters_what_devices_did(browser: Browser, page: Path) -> None:
    show(browser, page, accesses=200)
    listed, total = found(browser)
    assert listed == total == 2 + 1 + 400 + 2
    search = browser.find("#search")
    search.send_keys("serial w WINDOW+0x6")
    browser.wait_until("document.querySelectorAll('#activity .row').length > 0")
    # Every eighth access is at this offset; these are written.
    browser.wait_until("document.getElementById('found').textContent.startsWith('25 of')")
    browser.wait_until("document.querySelectorAll('#activity .row').length === 25")
    assert all("W window+0x6/1=" in text for text in browser.texts("#activity .row"))
    search.clear()
    search.send_keys("no such thing")
    browser.wait_until("document.querySelectorAll('#activity .row').length === 0")
    search.clear()
    search.send_keys(Keys.SPACE)
    browser.wait_until(f"document.getElementById('found').textContent.startsWith('{total} of')")
    browser.find("#kinds label:nth-child(1) input").click()
    assert found(browser)[0] == total - 100, "reads are not listed"


def test_the_keyboard_zooms_and_lists_follow(browser: Browser, page: Path) -> None:
    show(browser, page)
    whole, (everything, _) = browser.text("#shown"), found(browser)
    timeline = browser.find("#timeline")
    browser.run("arguments[0].focus()", timeline)
    # To a thousandth: all that the device did was written in real time, in a part of the run.
    timeline.send_keys(Keys.END, "+" * 10, Keys.ARROW_LEFT)
    assert browser.text("#shown") != whole
    assert found(browser)[0] < everything
    timeline.send_keys("0")
    assert (browser.text("#shown"), found(browser)[0]) == (whole, everything)


def test_a_line_that_is_clicked_is_where_every_list_looks(browser: Browser, page: Path) -> None:
    show(browser, page)
    browser.find("#search").send_keys("refused")
    browser.wait_until("document.querySelectorAll('#activity .row').length === 1")
    # In one go: the list makes its rows anew whenever it draws.
    browser.run("document.querySelector('#activity .row').click()")
    browser.wait_until("document.querySelector('#consoles .row.at') !== null")
    at = float(browser.texts("#activity .row .time")[0])
    assert f"cursor at {at:.6f} s" in browser.text("#shown")
    marked = float(browser.text("#consoles .row.at .time") or "nan")
    before = [float(text) for text in browser.texts("#consoles .row .time") if text]
    assert marked == min(time for time in before if time >= at)


def test_a_hundred_thousand_lines_are_no_hundred_thousand_elements(
    browser: Browser, page: Path
) -> None:
    run = leave_run(page.parent, accesses=10_000)
    trace = run / "host/serial-1000.trace"
    for number in range(2, 7):
        text = trace.read_text().replace("serial@1000", f"serial@{number}000")
        (run / f"host/serial-{number}000.trace").write_text(text)
    write_report(run)
    browser.open(page)
    browser.wait_until("document.querySelector('#activity .row') !== null")
    listed, total = found(browser)
    assert listed == total > 100_000
    browser.run("const list = document.getElementById('activity'); list.scrollTop = 1e9;")
    browser.wait_until(
        "[...document.querySelectorAll('#activity .row')]"
        f".some((row) => row.ariaRowIndex === '{total + 1}')"
    )
    assert len(browser.all("#activity .row")) < 100
    assert browser.texts("#activity .row")[-1].endswith("wire interrupt=0")


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_both_light_and_dark_are_drawn(browser: Browser, page: Path, colours: str) -> None:
    browser.prefer(colours)
    show(browser, page)
    paper = browser.run("return getComputedStyle(document.body).backgroundColor")
    red = int(re.findall(r"\d+", paper)[0])
    assert (red < 64) is (colours == "dark")
    assert browser.run(COLOUR, "--read") > 0


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.FAIL])
def test_everything_that_can_be_reached_has_a_name(
    browser: Browser, page: Path, outcome: Outcome
) -> None:
    show(browser, page, outcome)
    assert browser.unnamed() == []


def test_a_run_without_anything_is_a_page(browser: Browser, page: Path) -> None:
    page.parent.mkdir()
    write_report(page.parent)
    browser.open(page)
    browser.wait_until("document.getElementById('found').textContent === '0 of 0 lines'")


def test_the_page_of_all_runs_opens_each(browser: Browser, tmp_path: Path) -> None:
    verdicts = []
    for outcome in (Outcome.PASS, Outcome.FAIL):
        run = leave_run(tmp_path / outcome, outcome)
        write_report(run)
        verdicts.append(Verdict.read(run) or Verdict("", "", outcome))
    page = tmp_path / "all.html"
    write_overview(page, verdicts)
    browser.open(page)
    assert browser.text("h1") == "1 PASS 1 FAIL 0 ERROR"
    browser.all("th a")[1].click()
    browser.wait_until("!document.getElementById('one').hidden")
    browser.in_frame("#frame")
    browser.wait_until("document.querySelector('#activity .row') !== null")
    assert browser.text("h1") == "FAIL uart on arm-virt"
    browser.out_of_frame()
    browser.back()
    browser.wait_until("!document.getElementById('overview').hidden")
    assert browser.unnamed() == []
