# SPDX-License-Identifier: MIT
"""The checklist itself: what a run found goes into it, and what people get to read."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from testbed.checklist import battery
from testbed.checklist.battery import (
    BATTERY,
    GIVEN_BACK,
    UNBINDS,
    batches,
    write_scenario,
)
from testbed.checklist.kinds import RING, UART, Kind
from testbed.checklist.markdown import to_markdown
from testbed.checklist.page import to_html
from testbed.checklist.placed import Placed
from testbed.checklist.result import (
    Check,
    Checklist,
    Entry,
    Excused,
    Outcome,
    load_checks,
    save_checks,
)
from testbed.checklist.testing import with_checks
from testbed.devicetree import Tree
from testbed.scenario.process import load
from testbed.scenario.verdict import Outcome as Ended
from testbed.scenario.verdict import Verdict

THERE = Check("model", Outcome.PASS, "models/ns16550a")
LACKING = Check("model", Outcome.MISSING, "write models/<acme>.py")
DIED = Verdict("board", "e500", Ended.ERROR, message="the host's QEMU exited", evidence="qemu.log")


def entry(path: str, kind: str, *checks: Check) -> Entry:
    place = f"/soc/{path}" if kind else ""
    return Entry(f"/{path}", ("acme,<one>",), 0x1000, kind, place, ("<note>",), checks, "/* <a> */")


@pytest.fixture
def checklist() -> Checklist:
    entries = (
        entry("uart@1", "UART", THERE),
        entry("i2c@1", "", LACKING),
        entry("i2c@2", "", LACKING),
    )
    excused = (Excused("/pic", ("acme,pic",), "the <machine>'s"),)
    return Checklist("board.dts", "Acme & <board>", "e500", entries, excused, columns=("model",))


def outcomes(checklist: Checklist) -> list[Outcome]:
    return [entry.worst() for entry in checklist.entries]


def test_checks_of_a_run_that_went_well(checklist: Checklist) -> None:
    made = [Check(name, Outcome.PASS, "well") for name in BATTERY]
    ended = Verdict("board", "e500", Ended.PASS, results="there")
    whole = with_checks(checklist, {"/soc/uart@1": made}, ended)
    assert outcomes(whole) == [Outcome.PASS, Outcome.MISSING, Outcome.MISSING]
    assert whole.run == "there"
    assert whole.columns == ("model", *BATTERY)
    assert whole.exit_status() == 0


def test_a_failed_check_is_the_end_of_a_device(checklist: Checklist) -> None:
    made = [Check(BATTERY[0], Outcome.PASS, "well"), Check(UNBINDS, Outcome.FAIL, "refused")]
    ended = with_checks(checklist, {"/soc/uart@1": made}, DIED)
    assert outcomes(ended)[0] == Outcome.FAIL
    assert ended.exit_status() == 1


@pytest.mark.parametrize("count", range(len(BATTERY)))
def test_what_a_run_did_not_come_to_is_an_error(checklist: Checklist, count: int) -> None:
    made = [Check(name, Outcome.PASS, "well") for name in BATTERY[:count]]
    ended = with_checks(checklist, {"/soc/uart@1": made}, DIED)
    last = ended.entries[0].checks[-1]
    text = "the run ended before: the host's QEMU exited"
    assert last == Check(BATTERY[count], Outcome.ERROR, text, "qemu.log")
    assert ended.exit_status() == 2


def test_a_run_that_broke_after_all_checks_is_an_error(checklist: Checklist) -> None:
    made = [Check(name, Outcome.PASS, "well") for name in BATTERY]
    ended = with_checks(checklist, {"/soc/uart@1": made}, DIED)
    text = "the run's verdict is ERROR: the host's QEMU exited"
    assert ended.entries[0].checks[-1] == Check("end of the run", Outcome.ERROR, text, "qemu.log")
    assert outcomes(ended) == [Outcome.ERROR, Outcome.MISSING, Outcome.MISSING]
    assert ended.exit_status() == 2


def test_checks_are_kept_as_they_are_made(tmp_path: Path) -> None:
    made = {"/soc/uart@1": [Check(GIVEN_BACK, Outcome.FAIL, "gone", "host/uart.trace")]}
    save_checks(tmp_path / "checks.json", made)
    assert load_checks(tmp_path / "checks.json") == made
    assert load_checks(tmp_path / "none.json") == {}


class _Texts(HTMLParser):
    """Every text of a page, and every address that it leads to."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.leads: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.leads += [value or "" for name, value in attributes if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


def test_the_page_needs_nothing_else_and_shows_text_as_it_is(checklist: Checklist) -> None:
    page = _Texts()
    page.feed(to_html(checklist))
    assert page.leads == []
    for text in ("Acme & <board>", "/uart@1", "write models/<acme>.py", "<note>", "/* <a> */"):
        assert text in page.texts, text
    assert "/i2c@1, /i2c@2" in page.texts, "devices of one binding stand together"
    assert "the <machine>'s" in page.texts


def test_the_markdown_table_has_a_cell_for_each_column(checklist: Checklist) -> None:
    lines = to_markdown(checklist).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert rows == ["| device | model |", "|---|---|", "| `/uart@1` | PASS |"]
    assert "2: `/i2c@1`, `/i2c@2`" in lines
    assert "- the <machine>'s: `/pic`" in lines


def test_the_json_says_the_same(checklist: Checklist) -> None:
    read = json.loads(checklist.to_json())
    assert [one["path"] for one in read["entries"]] == ["/uart@1", "/i2c@1", "/i2c@2"]


def test_a_batch_has_one_device_of_a_kind() -> None:
    def device(kind: Kind, name: str) -> Placed:
        return Placed(kind, f"/{name}", f"/soc/{name}", name)

    uarts = [device(UART, f"uart{n}") for n in range(2)]
    rings = [device(RING, f"ring{n}") for n in range(3)]
    made = batches([*uarts, *rings])
    assert made == [[uarts[0], rings[0]], [uarts[1], rings[1]], [rings[2]]]


def test_the_scenario_of_a_tree_can_be_run(board_tree: Tree, tmp_path: Path) -> None:
    path = write_scenario(board_tree, "acme-board", tmp_path)
    scenario = load(path)
    assert path.name == "acme_board.py"
    assert issubclass(scenario, battery.Battery)  # by its module, or pytest would run it
    assert scenario.tree().to_blob() == board_tree.to_blob()
