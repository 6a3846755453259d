# SPDX-License-Identifier: MIT
"""What a person sees of a set-up."""

from __future__ import annotations

import io
import re
import threading

import pytest

from testbed.artifacts import estimate
from testbed.artifacts import progress as progress_module
from testbed.artifacts.failure import Stopped, failure
from testbed.artifacts.progress import PlainProgress, progress_for, size_text
from testbed.artifacts.progress_live import LiveProgress
from testbed.deadline import Deadline
from testbed.errors import TestbedError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def plain(stream: io.StringIO) -> str:
    """What was written, without what moves the cursor and colours."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())


def test_plain_lines_say_start_end_size_and_seconds() -> None:
    stream = io.StringIO()
    progress = progress_for(stream)
    with progress.step("fetch it") as step:
        step.expect(93_000_000)
        step.reach(1_000_000)
        step.reach(93_000_000)
    with progress.step("build it"):
        pass
    progress.note("done with it")
    lines = stream.getvalue().splitlines()
    assert lines[0] == "fetch it ..."
    assert re.fullmatch(r"fetch it: done, 93\.0 MB, \d+\.\d s", lines[1])
    assert re.fullmatch(r"build it: done, \d+\.\d s", lines[3])
    assert lines[4:] == ["done with it"]


@pytest.mark.parametrize("kind", [PlainProgress, LiveProgress])
def test_a_step_that_fails_says_so(kind: type[PlainProgress] | type[LiveProgress]) -> None:
    stream = Terminal()
    progress = kind(stream)
    with pytest.raises(TestbedError), progress.step("one [a]"):
        raise failure("broken")
    with pytest.raises(TestbedError), progress.step("two"):
        raise Stopped("build two")
    text = plain(stream)
    assert re.search(r"failed.*one \[a\]|one \[a\].*failed", text)
    assert re.search(r"stopped.*two|two.*stopped", text)


def test_a_long_download_is_heard_of_in_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "_REPORT_EVERY", 0.0)
    stream = io.StringIO()
    with PlainProgress(stream).step("fetch it") as step:
        step.expect(2_000_000)
        step.reach(500_000)
    assert "fetch it: 0.5 MB of 2.0 MB, 0 s\n" in stream.getvalue()


@pytest.mark.parametrize("kind", [PlainProgress, LiveProgress])
def test_a_step_says_how_far_it_is(
    kind: type[PlainProgress] | type[LiveProgress], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "_REPORT_EVERY", 0.0)
    monkeypatch.setattr(estimate, "_FIRST_SECONDS", 0.0)
    stream = Terminal()
    with kind(stream).step("build it") as step:
        step.complete(0.25)
        step.complete(0.5)
        said = re.compile(r"build it.*\b50 %, about \d+ s left")
        deadline = Deadline(30)
        while not said.search(plain(stream)):
            assert not deadline.expired, f"only this was said: {plain(stream)}"


def test_steps_of_several_threads_share_a_terminal() -> None:
    stream = Terminal()
    progress = progress_for(stream)
    assert isinstance(progress, LiveProgress)
    together = threading.Barrier(3)

    def work(number: int) -> None:
        with progress.step(f"step {number}") as step:
            step.expect(1000)
            together.wait(30)
            step.reach(1000)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    progress.note("all [done]")
    for number in range(3):
        assert f"step {number}" in stream.getvalue()
    assert stream.getvalue().rstrip().endswith("all [done]")


def test_sizes() -> None:
    assert [size_text(n) for n in (0, 900, 150_000, 93_045_540)] == [
        "0.0 kB",
        "0.9 kB",
        "0.1 MB",
        "93.0 MB",
    ]
