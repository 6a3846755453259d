# SPDX-License-Identifier: MIT
from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

from testbed.scenario.lifeline import ancestors_in_session

# A runner, a helper that it leaves behind when it is killed, and the scenario below that.
FAMILY = """
import os, signal
from testbed.scenario.lifeline import ancestors_in_session, hold_on_to_ancestors
runner = os.getpid()
if os.fork() == 0:
    if os.fork() == 0:
        assert ancestors_in_session(os.getpid()) == [os.getppid(), runner]
        hold_on_to_ancestors()
        print(os.getppid(), os.getpid(), flush=True)
    signal.pause()
signal.pause()
"""


def ended(pidfd: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def test_a_scenario_and_the_helper_between_end_with_the_runner() -> None:
    runner = subprocess.Popen(
        [sys.executable, "-c", FAMILY], stdout=subprocess.PIPE, start_new_session=True
    )
    assert runner.stdout is not None
    line = runner.stdout.readline().split()
    helper, scenario = (os.pidfd_open(int(pid)) for pid in line)
    try:
        assert not ended(scenario, 0.05)
        runner.kill()
        assert ended(scenario, 10), "the scenario outlived its runner"
        assert ended(helper, 10), "the helper between them was left behind"
    finally:
        runner.kill()
        runner.wait()
        runner.stdout.close()
        for process in (helper, scenario):
            if not ended(process, 0):
                signal.pidfd_send_signal(process, signal.SIGKILL)
            os.close(process)


def test_the_walk_ends_at_the_leader_of_a_group() -> None:
    leader = subprocess.Popen(
        ["sh", "-c", "sleep 1000 & echo $!; wait"], stdout=subprocess.PIPE, process_group=0
    )
    assert leader.stdout is not None
    try:
        assert ancestors_in_session(int(leader.stdout.readline())) == [leader.pid]
    finally:
        os.killpg(leader.pid, signal.SIGKILL)
        leader.wait()
        leader.stdout.close()


def test_a_process_that_is_gone_has_no_ancestors() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    assert ancestors_in_session(child.pid) == []
