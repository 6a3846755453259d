# SPDX-License-Identifier: MIT
"""A tool that takes commands, run by the agent on this machine."""

from __future__ import annotations

import pytest

from testbed.channel import AgentClient
from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError
from testbed.scenario.tool import Tool

ECHO = 'while read name value; do echo "name=$name value=$value"; done'
LEAVES = "read line; echo 'no such command' >&2; exit 1"
GRUMBLES = "read line; echo done=1; cat; echo 'too late' >&2; exit 3"


def tool(client: AgentClient, script: str) -> Tool:
    return Tool(client, ["/bin/sh", "-c", script], Deadline(10))


def tell_for_ever(tool: Tool) -> None:
    """Its answers are not waited for, so that its end is only met in telling it more."""
    deadline = Deadline(10)
    while not deadline.expired:
        tool.tell("again", deadline)


def test_answers_are_keys_and_values(client: AgentClient) -> None:
    with tool(client, ECHO) as echo:
        assert echo.ask("a b", Deadline(10)) == {"name": "a", "value": "b"}
        echo.tell("c d", Deadline(10))
        echo.tell("e", Deadline(10))
        assert echo.answer("c d", Deadline(10)) == {"name": "c", "value": "d"}
        assert echo.answer("e", Deadline(10)) == {"name": "e", "value": ""}
        echo.finish(Deadline(10))


def test_what_a_tool_says_at_its_end_is_in_the_error(client: AgentClient) -> None:
    with (
        tool(client, LEAVES) as leaving,
        pytest.raises(TestbedError, match="sh ended at 'nonsense': no such command") as caught,
    ):
        leaving.ask("nonsense", Deadline(10))
    assert caught.value.stage is Stage.TEST


def test_command_after_the_end(client: AgentClient) -> None:
    with tool(client, LEAVES) as leaving:
        leaving.tell("nonsense", Deadline(10))
        with pytest.raises(TestbedError, match="no such command"):
            tell_for_ever(leaving)


def test_bad_status_at_the_end_of_input(client: AgentClient) -> None:
    with tool(client, GRUMBLES) as grumbling:
        assert grumbling.ask("go", Deadline(10)) == {"done": "1"}
        with pytest.raises(TestbedError, match="the end of its input': too late"):
            grumbling.finish(Deadline(10))
