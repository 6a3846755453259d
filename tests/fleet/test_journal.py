# SPDX-License-Identifier: MIT
"""The journal: whole lines in their order, an answer to each question, and nobody waits for it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from testbed.deadline import Deadline
from testbed.fleet import journal

_SECONDS = 20


class Reader:
    """Reads a journal in a thread, until `close` ends it; `lines` are what it was told."""

    def __init__(self, folder: Path) -> None:
        self.lines: list[bytes] = []
        self._until, self._ask = os.pipe()
        self._news = threading.Condition()
        self._ended = ExitStack()
        pipe = self._ended.enter_context(journal.opened(folder))
        self._thread = threading.Thread(target=self._read, args=(pipe,))
        self._thread.start()

    def wait_for(self, count: int) -> None:
        deadline = Deadline(_SECONDS)
        with self._news:
            while len(self.lines) < count:
                assert not deadline.expired, f"only {self.lines}"
                self._news.wait(deadline.remaining)

    def ask(self) -> None:
        os.write(self._ask, b"\n")

    def close(self) -> None:
        if self._ask >= 0:
            os.close(self._ask)
            self._ask = -1
            self._thread.join(_SECONDS)
            os.close(self._until)
            self._ended.close()
        assert not self._thread.is_alive(), "it goes on though its input has ended"

    def _read(self, pipe: int) -> None:
        for line in journal.events(pipe, self._until):
            with self._news:
                self.lines.append(line)
                self._news.notify()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path)
    yield reader
    reader.close()


def test_events_come_in_their_order(reader: Reader, tmp_path: Path) -> None:
    for number in range(100):
        journal.tell(tmp_path, event="begin", task=number)
    reader.wait_for(100)
    assert [json.loads(line) for line in reader.lines] == [
        {"event": "begin", "task": number} for number in range(100)
    ]


def test_what_was_told_before_a_question_comes_before_its_answer(
    reader: Reader, tmp_path: Path
) -> None:
    for round_ in range(1, 30):
        journal.tell(tmp_path, event="end", task=round_)
        reader.ask()
        reader.wait_for(2 * round_)
        assert json.loads(reader.lines[-2])["task"] == round_
        assert reader.lines[-1] == journal.SYNCED


def test_a_line_in_pieces_is_put_together(reader: Reader, tmp_path: Path) -> None:
    pipe = os.open(tmp_path / journal.PIPE, os.O_WRONLY)
    os.write(pipe, b'{"event"')
    reader.ask()
    reader.wait_for(1)
    os.write(pipe, b': "begin"}\n')
    os.close(pipe)
    reader.wait_for(2)
    assert reader.lines == [journal.SYNCED, b'{"event": "begin"}']


def test_events_of_many_tasks_are_kept_apart(reader: Reader, tmp_path: Path) -> None:
    """As long as a verdict's message may make them."""

    def tell(task: int) -> None:
        for number in range(100):
            journal.tell(tmp_path, task=task, number=number, message="x" * 3000)

    tasks = [threading.Thread(target=tell, args=(task,)) for task in range(8)]
    for task in tasks:
        task.start()
    for task in tasks:
        task.join()
    reader.ask()
    reader.wait_for(1)
    for line in reader.lines:
        assert line == journal.SYNCED or len(json.loads(line)["message"]) == 3000


def test_it_ends_with_its_input_and_leaves_no_pipe(reader: Reader, tmp_path: Path) -> None:
    reader.close()
    assert list(tmp_path.iterdir()) == []


def test_nobody_has_to_listen(tmp_path: Path) -> None:
    journal.tell(tmp_path, event="begin", task=0)  # no pipe
    os.mkfifo(tmp_path / journal.PIPE)
    # Nobody reads it: who opens it may wait for that, for ever.
    task = threading.Thread(target=journal.tell, args=(tmp_path,), daemon=True)
    task.start()
    task.join(_SECONDS)
    assert not task.is_alive(), "it waits for somebody who reads"
