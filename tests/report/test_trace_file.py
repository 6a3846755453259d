# SPDX-License-Identifier: MIT
from __future__ import annotations

from pathlib import Path

import pytest
from report_rig import REFUSED, Uart

from testbed.remoteport.trace import Trace
from testbed.report.trace_file import Entry, Kind, read_trace


def test_what_a_trace_wrote_is_read_back(tmp_path: Path) -> None:
    uart = Uart("serial@1000")
    with Trace(tmp_path / "serial-1000.trace") as trace:
        trace.event(uart, "connected")
        trace.access(uart, True, 0, 3, 1, 0x80, None, 0)
        trace.access(uart, False, 0, 3, 1, 0x80, None, 0)
        trace.access(uart, False, 0, 0x20, 4, 0, None, REFUSED)
        trace.dma(uart, True, 0x9000, 64, 0)
        trace.dma(uart, True, 0x9000, 64, REFUSED)
        trace.wire(uart, 0, True)
        trace.wire(uart, 0, False)
        trace.access(uart, True, 0, 3, 1, 0x80, None, 0)
        trace.event(uart, "refused: the state has no line")
    found = read_trace(trace.path, tmp_path)
    assert (found.device, found.file, found.gap) == ("serial@1000", "serial-1000.trace", None)
    assert [(entry.kind, entry.text) for _, entry in found.lines()] == [
        (Kind.EVENT, "connected"),
        (Kind.WRITE, "W window+0x3/1=0x80"),
        (Kind.READ, "R window+0x3/1=0x80"),
        (Kind.REFUSED, "R window+0x20/4 refused: address error"),
        (Kind.DMA, "DMA write 0x9000 length 64"),
        (Kind.REFUSED, "DMA write 0x9000 length 64 refused: address error"),
        (Kind.WIRE, "wire interrupt=1"),
        (Kind.WIRE, "wire interrupt=0"),
        (Kind.WRITE, "W window+0x3/1=0x80"),
        (Kind.EVENT, "refused: the state has no line"),
    ]
    assert found.times == sorted(found.times)
    assert len(found.entries) == 9, "a line that comes again is an entry once"
    assert not found.idle


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("wire", Kind.EVENT),
        ("wire interrupt", Kind.EVENT),
        ("wire interrupt=2", Kind.EVENT),
        ("refused", Kind.EVENT),
        ("event", Kind.EVENT),
        ("R", Kind.READ),
        ("", Kind.EVENT),
    ],
)
def test_only_what_a_trace_writes_is_more_than_an_event(line: str, kind: Kind) -> None:
    assert Entry.parse(line).kind is kind


def test_a_device_is_idle_until_something_is_done(tmp_path: Path) -> None:
    path = tmp_path / "x.trace"
    for more, idle in (("reset", True), ("wire a=0", True), ("wire a=1", False), ("R A=1", False)):
        path.write_text(f"    0.1 x connected\n    0.2 x {more}\n")
        assert read_trace(path, tmp_path).idle is idle


def test_lines_that_are_none_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.trace"
    path.write_bytes(
        b"\n  1.5 x R A=1\n junk\n nan x R A=1\n inf x reset\n  2 x\n\xff\n  2.5 x \xff\n  3."
    )
    found = read_trace(path, tmp_path)
    assert [(at, entry.text) for at, entry in found.lines()] == [
        (1_500_000, "R A=1"),
        (2_500_000, "\ufffd"),
    ]


def test_of_a_long_trace_the_beginning_and_the_end_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.trace"
    path.write_text("".join(f"{number:12.6f} x W A={number}\n" for number in range(10_000)))
    found = read_trace(path, tmp_path, head=1000, tail=2000)
    numbers = [at // 1_000_000 for at in found.times]
    assert found.gap is not None
    first = numbers.index(found.gap.end // 1_000_000)
    assert numbers[:first] == list(range(first))
    assert numbers[first:] == list(range(numbers[first], 10_000))
    assert found.gap.begin == found.times[first - 1]
    whole = path.read_bytes().splitlines(keepends=True)
    assert found.gap.size == sum(map(len, whole[first : numbers[first]]))
    assert read_trace(path, tmp_path, head=path.stat().st_size, tail=0).gap is None


def test_a_long_trace_without_a_line_is_nothing_but_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "x.trace"
    path.write_bytes(bytes(10_000))
    found = read_trace(path, tmp_path, head=1000, tail=1000)
    assert (found.times, found.gap is not None) == ([], True)
