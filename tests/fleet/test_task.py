# SPDX-License-Identifier: MIT
"""What a task tells of its end is short enough for the pipe that all tasks write to."""

from __future__ import annotations

import json
import select

import pytest

from testbed.fleet.task import shortened


@pytest.mark.parametrize("letter", ["x", "\u00e9", "\x1b", "\U0001f600"])
def test_a_long_message_leaves_room_for_the_rest(letter: str) -> None:
    assert len(json.dumps(shortened(letter * 10_000))) < select.PIPE_BUF // 2


def test_a_short_one_stays_as_it_is() -> None:
    message = "the host did not boot: \u00e9" * 20
    assert shortened(message) == message
