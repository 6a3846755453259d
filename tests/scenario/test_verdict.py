# SPDX-License-Identifier: MIT
from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from avocado.core import exceptions

from testbed.channel import AgentError, ChannelClosed, ChannelTimeout, CommandFailed
from testbed.errors import Stage, TestbedError
from testbed.scenario.base import Interrupted
from testbed.scenario.verdict import Judgement, Outcome, Verdict, judge

LOG = Path("/run/testbed.log")
COMMAND = CommandFailed("host", ["false"], 1, b"", b"first\nno such file\n")


@pytest.mark.parametrize(
    ("error", "stage", "outcome", "blamed"),
    [
        (TestbedError(Stage.MODEL, "died"), Stage.TEST, Outcome.ERROR, Stage.MODEL),
        (TestbedError(Stage.ARTIFACTS, "none"), Stage.ARTIFACTS, Outcome.ERROR, Stage.ARTIFACTS),
        (AssertionError("2 != 3"), Stage.TEST, Outcome.FAIL, Stage.TEST),
        (exceptions.TestFail("self.fail"), Stage.TEST, Outcome.FAIL, Stage.TEST),
        (COMMAND, Stage.TEST, Outcome.FAIL, Stage.TEST),
        (ChannelTimeout("no answer"), Stage.TEST, Outcome.FAIL, Stage.TEST),
        (TimeoutError("no bytes"), Stage.TEST, Outcome.FAIL, Stage.TEST),
        (COMMAND, Stage.HOST_BOOT, Outcome.ERROR, Stage.HOST_BOOT),
        (ChannelTimeout("no answer"), Stage.GUEST_BOOT, Outcome.ERROR, Stage.GUEST_BOOT),
        (TimeoutError("no bytes"), Stage.BIND, Outcome.ERROR, Stage.BIND),
        (ChannelClosed("gone"), Stage.TEST, Outcome.ERROR, Stage.TEST),
        (AgentError("refused", 2), Stage.TEST, Outcome.ERROR, Stage.TEST),
        (ZeroDivisionError("division by zero"), Stage.TEST, Outcome.ERROR, Stage.TEST),
        (OSError(28, "No space left"), Stage.INFRASTRUCTURE, Outcome.ERROR, Stage.INFRASTRUCTURE),
        (Interrupted("ended by SIGTERM"), Stage.TEST, Outcome.ERROR, Stage.TEST),
        (KeyboardInterrupt(), Stage.TEST, Outcome.ERROR, Stage.TEST),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_each_end_of_a_scenario_is_judged(
    error: BaseException, stage: Stage, outcome: Outcome, blamed: Stage
) -> None:
    found = judge(error, stage, LOG)
    assert (found.outcome, found.stage) == (outcome, blamed)
    assert found.message
    assert "\n" not in found.message
    assert found.evidence == LOG


def test_what_the_testbed_says_is_taken_as_it_is() -> None:
    evidence = Path("/run/host/console.log")
    error = TestbedError(
        Stage.HOST_BOOT, "host died: panic", evidence=evidence, excerpt=("one", "two")
    )
    assert judge(error, Stage.TEST, LOG) == Judgement(
        Outcome.ERROR, Stage.HOST_BOOT, "host died: panic", evidence, ("one", "two")
    )


def test_an_assertion_says_its_words_and_its_line() -> None:
    with pytest.raises(AssertionError) as caught:
        raise AssertionError("lost\n  3 bytes")
    message = judge(caught.value, Stage.TEST, LOG).message
    assert message.startswith("lost 3 bytes (test_verdict.py:")


def test_an_assertion_without_words_is_its_line(tmp_path: Path) -> None:
    scenario = tmp_path / "mine.py"
    scenario.write_text("def check(x):\n    assert x == 2\n")
    check = runpy.run_path(str(scenario))["check"]
    with pytest.raises(AssertionError) as caught:
        check(1)
    assert judge(caught.value, Stage.TEST, LOG).message == "assert x == 2 (mine.py:2)"


def test_a_failed_command_says_what_it_said() -> None:
    message = judge(COMMAND, Stage.TEST, LOG).message
    assert message == "host: `false` ended with status 1: no such file"


def test_an_unexpected_error_names_its_kind() -> None:
    assert judge(KeyError("x"), Stage.BIND, LOG).message == "KeyError: 'x'"


VERDICT = Verdict(
    "uart",
    "arm-virt",
    Outcome.ERROR,
    stage="model",
    message="died \x1b\0 \udc80",
    seconds={"total": 1.5},
    seed=3,
    evidence="/x",
    excerpt=("a", "b"),
)


def test_a_verdict_is_read_as_it_was_written(tmp_path: Path) -> None:
    verdict = Verdict(**{**VERDICT.to_dict(), "results": str(tmp_path)})
    verdict.write()
    assert Verdict.read(tmp_path) == verdict
    assert [path.name for path in tmp_path.iterdir()] == ["verdict.json"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b"\xff",
        b'{"verdict": "PASS"}',
        b'{"name": "x", "board": "b", "verdict": "MAYBE", "excerpt": []}',
        b'{"name": "x", "board": "b", "verdict": "PASS", "excerpt": [], "more": 1}',
    ],
)
def test_what_is_no_verdict_is_none(tmp_path: Path, content: bytes) -> None:
    assert Verdict.read(tmp_path) is None
    (tmp_path / "verdict.json").write_bytes(content)
    assert Verdict.read(tmp_path) is None
