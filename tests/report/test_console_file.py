# SPDX-License-Identifier: MIT
from __future__ import annotations

from pathlib import Path

import pytest

from testbed.report.console_file import plain, read_console, read_log


def console(folder: Path, said: bytes, times: str = "") -> Path:
    log = folder / "host" / "console.log"
    log.parent.mkdir()
    log.write_bytes(said)
    if times:
        log.with_suffix(".times").write_text(times)
    return log


def test_a_line_has_the_time_of_the_piece_it_began_in(tmp_path: Path) -> None:
    #        piece 0     1  2
    said = b"one\ntwo three\nfour\n\n five"
    log = console(tmp_path, said, "1.5 0\n2.5 11\n3.5 14\n")
    found = read_console(log, tmp_path, 1000)
    assert (found.name, found.file, found.left_out) == ("host", "host/console.log", 0)
    assert found.lines == [(1.5, "one"), (1.5, "two three"), (3.5, "four"), (3.5, " five")]


def test_without_times_lines_have_none(tmp_path: Path) -> None:
    log = console(tmp_path, b"one\n\xfftwo\n")
    assert read_console(log, tmp_path, 1000).lines == [(None, "one"), (None, "\ufffdtwo")]


def test_times_that_are_cut_or_broken_are_left_out(tmp_path: Path) -> None:
    log = console(tmp_path, b"one\ntwo\n", "1.0 0\nx y\n\n2.0\n2.0 4")
    assert read_console(log, tmp_path, 1000).lines == [(1.0, "one"), (2.0, "two")]


def test_of_a_long_console_the_end_is_read_in_whole_lines(tmp_path: Path) -> None:
    said = b"".join(b"line %d\n" % number for number in range(1000))
    times = "".join(f"{number} {said.index(b'line %d' % number)}\n" for number in range(1000))
    log = console(tmp_path, said, times)
    found = read_console(log, tmp_path, 100)
    numbers = [int(text.split()[1]) for _, text in found.lines]
    assert numbers == list(range(numbers[0], 1000))
    assert [at for at, _ in found.lines] == numbers
    assert said[found.left_out :].startswith(found.lines[0][1].encode())


def test_a_long_line_is_read_from_where_it_has_to_be(tmp_path: Path) -> None:
    log = console(tmp_path, b"x" * 1000, "1.0 0\n")
    found = read_console(log, tmp_path, 100)
    assert (found.left_out, found.lines) == (900, [(1.0, "x" * 100)])


def test_the_log_of_a_run_has_its_times(tmp_path: Path) -> None:
    log = tmp_path / "testbed.log"
    log.write_text("   0.006 seed 1\n   2.154   region 0\nTraceback\n\n")
    assert read_log(log, 1000).lines == [
        (0.006, "seed 1"),
        (2.154, "  region 0"),
        (None, "Traceback"),
        (None, ""),
    ]
    found = read_log(log, 12)
    assert [text for _, text in found.lines] == ["Traceback", ""]


@pytest.mark.parametrize(
    ("printed", "read"),
    [
        ("\x1b[1;31mred\x1b[0m text\r", "red text"),
        ("\x1b]0;title\x07shown", "shown"),
        ("first\rsecond", "second"),
        ("a\tb", "a\tb"),
        ("nul\x00 bell\x07 c1\x9b del\x7f", "nul\ufffd bell\ufffd c1\ufffd del\ufffd"),
        ("ümlaut €", "ümlaut €"),
    ],
)
def test_what_a_terminal_takes_is_not_text(printed: str, read: str) -> None:
    assert plain(printed) == read
