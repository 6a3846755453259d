# SPDX-License-Identifier: MIT
"""The page of a run, as far as it can be told without a browser; see test_browser.py."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from report_rig import NASTY, leave_run

from testbed.cli.main import main
from testbed.options import Options
from testbed.report.page import embedded, leave_report, render, write_report
from testbed.report.recording import TRACE_HEAD_BYTES, read_run
from testbed.runner.invocation import Invocation
from testbed.scenario.verdict import Outcome, Verdict


class Page(HTMLParser):
    """What a browser makes of a page: its elements, its text and the content of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.scripts: list[str] = []
        self._script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._script = tag == "script"
        if self._script:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._script = False

    def handle_data(self, data: str) -> None:
        if self._script:
            self.scripts[-1] += data
        else:
            self.text += data

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.scripts[0])
        return data


def page_of(run: Path) -> Page:
    return Page(render(read_run(run)))


def test_a_passing_run_is_told_whole(tmp_path: Path) -> None:
    page = page_of(leave_run(tmp_path))
    for text in ("PASS", "testbed run uart --board arm-virt --seed 7", "reg = <0x1000 0x100>"):
        assert text in page.text
    assert "What matters first" not in page.text
    assert "Without activity: sata@2000." in page.text
    data = page.data
    assert [console["name"] for console in data["consoles"]] == ["testbed", "host", "guest0"]
    assert [text for _, text in data["consoles"][1]["lines"]] == ["[    0.1] host boots", "ready"]
    assert [step["level"] for step in data["steps"]] == ["scenario", "host", "guest"]
    (sata, serial) = data["devices"]
    assert (sata["idle"], serial["idle"], serial["wires"]) == (True, False, ["interrupt"])
    assert len(serial["steps"]) == len(serial["codes"]) == 1 + 20 + 2
    last = sum(serial["steps"]) / 1e6
    assert 0 < last <= data["seconds"], "on the run's own clock"
    assert data["steps"][1]["end"] - 0.001 <= last, "the trace began after the host's boot"


def test_a_failing_run_begins_with_what_matters(tmp_path: Path) -> None:
    page = page_of(leave_run(tmp_path, Outcome.FAIL))
    first = page.text.partition("What matters first")[2].partition("Verdict")[0]
    assert f"guest0 died: {NASTY}" in first
    assert "Oops: 0" in first
    assert "guest0/console.log" in first
    assert "guest ready" in first, "the last lines of each console"


def test_a_qemu_that_was_asked_to_end_does_not_matter(tmp_path: Path) -> None:
    run = leave_run(tmp_path, Outcome.FAIL)
    ended = "qemu-system: terminating on signal 15 from pid 7 (testbed)\n"
    (run / "host/qemu.log").write_text(ended)
    (run / "guest0/qemu.log").write_text(f"qemu-system: no such file\n{ended}")
    text = page_of(run).text
    assert "The last of host/qemu.log" not in text
    assert "qemu-system: no such file" in text.partition("The last of guest0/qemu.log")[2]
    assert "signal 15" not in text


def test_how_to_run_it_again_is_as_it_was_run(tmp_path: Path) -> None:
    scenario = tmp_path / "mine.py"
    run = leave_run(tmp_path / "run")
    Invocation(scenario, Options(cold=True), "revision").write(run)
    assert f"testbed run {scenario} --board arm-virt --seed 7 --cold" in page_of(run).text
    elsewhere = Verdict.read(run)
    assert elsewhere is not None
    replace(elsewhere, machine="node1").write()
    assert "testbed run uart --board arm-virt --seed 7" in page_of(run).text


@pytest.mark.parametrize("outcome", list(Outcome))
def test_nothing_printed_becomes_an_element_or_a_request(tmp_path: Path, outcome: Outcome) -> None:
    run = leave_run(tmp_path / "<img src=y>", outcome)
    page = page_of(run)
    tags = [tag for tag, _ in page.elements]
    assert "img" not in tags
    assert tags.count("script") == len(page.scripts) == 2
    for tag, attributes in page.elements:
        assert not {"onerror", "onclick", "src"} & set(attributes), tag
        assert (attributes.get("href") or "data:,") == "data:,"
    lines = [text for console in page.data["consoles"] for _, text in console["lines"]]
    assert any(NASTY in line for line in lines), "it is shown as it was printed"


def test_data_cannot_end_its_element() -> None:
    nasty = {"</script>": ["<!--<script>", "\u2028 \ud800"]}
    text = embedded(nasty)
    assert "<" not in text
    assert json.loads(text) == nasty


def test_a_run_that_was_killed_is_told_as_far_as_it_came(tmp_path: Path) -> None:
    run = leave_run(tmp_path)
    for name in ("verdict.json", "manifest.json", "steps.jsonl", "guest0/nodes.json"):
        (run / name).unlink()
    page = page_of(run)
    assert "left no verdict" in page.text
    assert "guest ready" in page.text
    assert page.data["steps"] == []


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    run = leave_run(tmp_path)
    (run / "manifest.json").write_text("[")
    (run / "host/host.dtb").write_text("no tree")
    (run / "host/none.trace").mkdir()
    text = page_of(run).text
    assert "manifest.json is not what a run writes" in text
    assert "host.dtb is not a flattened device tree" in text
    assert "none.trace: Is a directory" in text
    assert "PASS" in text


def test_an_empty_folder_gives_a_page(tmp_path: Path) -> None:
    assert "left no verdict" in page_of(tmp_path).text


def test_a_long_trace_is_limited_and_says_so(tmp_path: Path) -> None:
    run = leave_run(tmp_path, accesses=100_000)
    size = (run / "host/serial-1000.trace").stat().st_size
    assert size > 4 * TRACE_HEAD_BYTES
    page = page_of(run)
    assert "are\n  left out here; all of it is in host/serial-1000.trace" in page.text
    serial = page.data["devices"][1]
    assert 10_000 < len(serial["codes"]) < 100_000
    begin, end = serial["gap"]
    assert 0 < begin < end
    assert len(render(read_run(run))) < 2_000_000


def test_the_command_makes_the_page_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = leave_run(tmp_path / "run")
    assert main(["report", str(run)]) == 0
    assert capsys.readouterr().out == f"{run / 'report.html'}\n"
    other = tmp_path / "other.html"
    assert main(["report", str(run), "-o", str(other)]) == 0
    assert other.read_text() == (run / "report.html").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.html", "run"]


def test_wrong_use_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder, said in (
        (tmp_path / "none", "no such folder"),
        (tmp_path, "is no folder of a run"),
    ):
        assert main(["report", str(folder)]) == 3
        printed = capsys.readouterr().err
        assert said in printed
        assert printed.count("\n") == 1


def test_a_page_that_cannot_be_written_is_told_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = leave_run(tmp_path)
    (run / ".report.html.tmp").mkdir()
    leave_report(run)
    printed = capsys.readouterr().err
    assert printed.startswith(f"testbed: cannot write {run}/report.html: Is a directory; ")
    assert printed.count("\n") == 1
    assert main(["report", str(run)]) == 2
    assert "Is a directory; choose another file" in capsys.readouterr().err


def test_a_page_that_cannot_be_put_in_its_place_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = leave_run(tmp_path)
    (run / "report.html/full").mkdir(parents=True)
    leave_report(run)
    assert "Is a directory" in capsys.readouterr().err
    assert not list(run.glob(".*"))


def test_a_page_is_whole_or_not_there(tmp_path: Path) -> None:
    run = leave_run(tmp_path)
    path = write_report(run)
    assert path.read_text().rstrip().endswith("</html>")
    assert path.stat().st_mode & 0o044, "who may read the folder may read the page"
