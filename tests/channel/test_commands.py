# SPDX-License-Identifier: MIT
from __future__ import annotations

import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from agent_rig import Agent, children, gone

from testbed.channel import AgentClient, AgentError, ChannelClosed, ChannelTimeout, CommandFailed
from testbed.deadline import Deadline


def test_hello_tells_the_machine(client: AgentClient, deadline: Deadline) -> None:
    machine = client.hello(deadline=deadline)
    assert (machine.system, machine.release) == (os.uname().sysname, os.uname().release)
    assert machine.machine == os.uname().machine


@pytest.mark.parametrize("status", [0, 1, 127, 255])
def test_exit_status(client: AgentClient, deadline: Deadline, status: int) -> None:
    done = client.run(f"exit {status}", deadline=deadline, check=False)
    assert done.returncode == status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV])
def test_death_by_signal(client: AgentClient, deadline: Deadline, number: int) -> None:
    done = client.run(f"kill -{int(number)} $$", deadline=deadline, check=False)
    assert done.returncode == -number


def test_outputs_are_apart(client: AgentClient, deadline: Deadline) -> None:
    done = client.run("echo out; echo err >&2", deadline=deadline)
    assert (done.text, done.stdout, done.stderr) == ("out", b"out\n", b"err\n")
    assert done.argv == ("sh", "-c", "echo out; echo err >&2")
    assert done.seconds > 0


def test_arguments_are_not_interpreted(client: AgentClient, deadline: Deadline) -> None:
    words = ["", "two words", "$HOME", "'\"", "\udcff\n", "ä"]
    done = client.run(["printf", "%s\\0", *words], deadline=deadline)
    assert done.stdout.split(b"\0")[:-1] == [os.fsencode(word) for word in words]


def test_directory_and_environment(client: AgentClient, deadline: Deadline, tmp_path: Path) -> None:
    done = client.run(
        "pwd; echo $A-$B; echo $PATH", cwd=str(tmp_path), env={"A": "1=2"}, deadline=deadline
    )
    assert done.text.splitlines() == [str(tmp_path), "1=2-", os.environ["PATH"]]


def test_failure_carries_what_the_command_said(client: AgentClient, deadline: Deadline) -> None:
    with pytest.raises(
        CommandFailed, match=r"host: `.*` ended with status 3: the reason"
    ) as caught:
        client.run("echo noise >&2; echo the reason >&2; exit 3", deadline=deadline)
    assert caught.value.returncode == 3
    assert caught.value.last_lines == ("noise", "the reason")
    assert caught.value.argv[2].startswith("echo noise")


def test_what_cannot_start_is_named(client: AgentClient, deadline: Deadline) -> None:
    with pytest.raises(AgentError, match="executing '/no/such': No such file") as caught:
        client.run(["/no/such"], deadline=deadline)
    assert caught.value.errno == 2
    with pytest.raises(AgentError, match="changing to directory '/no/where': No such file"):
        client.run(["true"], cwd="/no/where", deadline=deadline)
    assert client.run("echo on", deadline=deadline).text == "on"


def test_large_binary_both_ways(
    client: AgentClient, deadline: Deadline, rng: random.Random
) -> None:
    data = rng.randbytes(rng.randrange(3_000_000, 4_000_000))
    done = client.run("tee /dev/stderr", input=data, deadline=deadline)
    assert done.stdout == data
    assert done.stderr == data


def test_input_nobody_reads(client: AgentClient, deadline: Deadline) -> None:
    done = client.run("exec <&-; echo deaf", input=bytes(1_000_000), deadline=deadline)
    assert done.text == "deaf"


def test_files(client: AgentClient, deadline: Deadline, rng: random.Random, tmp_path: Path) -> None:
    path = tmp_path / "with a space"
    data = rng.randbytes(200_000)
    client.put_file(str(path), data, mode=0o750, deadline=deadline)
    assert path.read_bytes() == data
    assert path.stat().st_mode & 0o777 == 0o750
    assert client.get_file(str(path), deadline=deadline) == data
    assert list(tmp_path.glob("*.part")) == []
    with pytest.raises(CommandFailed, match="No such file"):
        client.get_file(str(tmp_path / "missing"), deadline=deadline)
    with pytest.raises(CommandFailed):
        client.put_file(str(tmp_path / "missing/file"), b"", deadline=deadline)


def test_twenty_commands_at_once(
    client: AgentClient, deadline: Deadline, rng: random.Random
) -> None:
    inputs = [rng.randbytes(rng.randrange(0, 300_000)) for _ in range(20)]

    def echo(data: bytes) -> bytes:
        return client.run(["cat"], input=data, deadline=deadline).stdout

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(echo, inputs)) == inputs


def test_a_process_is_talked_to(client: AgentClient, deadline: Deadline) -> None:
    script = "while read word; do echo got $word; done; echo end >&2; exit 4"
    with client.spawn(script, deadline=deadline) as process:
        process.stdin.write(b"one\n", deadline=deadline)
        assert process.stdout.read_until(b"\n", deadline=deadline) == b"got one\n"
        process.stdin.write(b"two\nthree\n", deadline=deadline)
        assert process.stdout.read_until(b"three", deadline=deadline) == b"got two\ngot three"
        assert process.returncode is None
        process.stdin.close()
        assert process.wait(deadline=deadline) == 4
        assert process.stdout.read_all(deadline=deadline) == b"\n"
        assert process.stderr.read_all(deadline=deadline) == b"end\n"
        with pytest.raises(ChannelClosed, match="after its end"):
            process.stdin.write(b"more", deadline=deadline)


def test_a_signal_reaches_the_whole_group(client: AgentClient, deadline: Deadline) -> None:
    with client.spawn("sleep 1000 & echo $!; wait", deadline=deadline) as process:
        child = int(process.stdout.read_until(b"\n", deadline=deadline))
        process.kill(signal.SIGTERM)
        assert process.wait(deadline=deadline) == -signal.SIGTERM
        gone(child, deadline)


def test_a_process_left_behind_does_not_hold_the_command(
    client: AgentClient, deadline: Deadline
) -> None:
    done = client.run("sleep 1000 & echo $!", deadline=deadline)
    assert done.seconds < 20
    os.kill(int(done.text), signal.SIGKILL)
    gone(int(done.text), deadline)


def test_output_nobody_reads_stops_only_its_own_command(
    client: AgentClient, agent: Agent, deadline: Deadline
) -> None:
    with client.spawn(["cat", "/dev/zero"], deadline=deadline) as flood:
        # Its window is full: 64 KiB are here, and it has stopped.
        with client._link.lock:
            flood.stdout._wait(lambda: flood.stdout.held == 65536, deadline, "a full window")
        data = bytes(500_000)
        assert client.run(["cat"], input=data, deadline=deadline).stdout == data
        assert flood.stdout.held == 65536
        assert flood.returncode is None
        # Reading sets it going again.
        assert flood.stdout.read_exactly(1_000_000, deadline=deadline) == bytes(1_000_000)


def test_input_a_command_does_not_take_stops_only_its_writer(
    client: AgentClient, deadline: Deadline
) -> None:
    with client.spawn(["sleep", "1000"], deadline=deadline) as deaf:
        with pytest.raises(ChannelTimeout, match="`sleep 1000` to read its input"):
            deaf.stdin.write(bytes(1_000_000), deadline=Deadline(0.3))
        assert client.run("echo on", deadline=deadline).text == "on"


def test_a_deadline_names_command_and_last_output(client: AgentClient, deadline: Deadline) -> None:
    script = "echo first; echo last words; sleep 1000"
    with client.spawn(script, deadline=deadline) as process:
        with client._link.lock:
            process.stdout._wait(lambda: process.stdout.held == 17, deadline, "its words")
        with pytest.raises(ChannelTimeout) as caught:
            process.communicate(deadline=Deadline(0.1))
    assert str(caught.value) == (
        f"host: waited 0.1 s for the end of `{script}`; last output: last words"
    )
    assert caught.value.last_lines == ("first", "last words")


def test_a_deadline_ends_the_command(client: AgentClient, agent: Agent, deadline: Deadline) -> None:
    started = time.monotonic()
    with pytest.raises(ChannelTimeout, match=r"^host: waited 0\.5 s for"):
        client.run("sleep 1000", deadline=Deadline(0.5))
    assert time.monotonic() - started < 10
    while children(agent.process.pid):  # each round trip is the agent's chance to reap
        assert not deadline.expired
        client.run(["true"], deadline=deadline)


def test_binary_output_does_not_flood_a_message(client: AgentClient) -> None:
    with pytest.raises(ChannelTimeout) as caught:
        client.run("head -c 5000 /dev/zero; echo; sleep 1000", deadline=Deadline(0.5))
    assert len(str(caught.value)) < 500
    assert str(caught.value).replace("\ufffd", "?").isprintable()


def test_closing_the_channel_kills_what_runs(
    client: AgentClient, agent: Agent, deadline: Deadline
) -> None:
    process = client.spawn("sleep 1000 & echo $!; wait", deadline=deadline)
    child = int(process.stdout.read_until(b"\n", deadline=deadline))
    client.close()
    gone(child, deadline)
    agent.ended(0)


def test_orphans_are_reaped_by_the_agent(
    client: AgentClient, agent: Agent, deadline: Deadline
) -> None:
    orphan = int(client.run("sleep 1000 & echo $!", deadline=deadline).text)
    assert orphan in children(agent.process.pid)
    os.kill(orphan, signal.SIGKILL)
    gone(orphan, deadline)
    while orphan in children(agent.process.pid):  # each round trip is the agent's chance to reap
        assert not deadline.expired
        client.run(["true"], deadline=deadline)


def test_a_command_starts_afresh(client: AgentClient, deadline: Deadline) -> None:
    with client.spawn("cat /proc/self/stat; yes | head -n 1", deadline=deadline) as process:
        done = process.communicate(deadline=deadline)
        session = int(done.stdout.split(b") ")[1].split()[3])
        assert session == process.pid
    assert done.stderr == b""  # `yes` is ended by SIGPIPE, it does not see an error


def test_failing_the_client_ends_waits_now_and_later(
    client: AgentClient, deadline: Deadline
) -> None:
    class PanicSeen(Exception):
        pass

    panic = PanicSeen("Kernel panic")
    timer = threading.Timer(0.2, client.fail, [panic])
    timer.start()
    started = time.monotonic()
    with pytest.raises(PanicSeen) as caught:
        client.run(["sleep", "1000"], deadline=deadline)
    assert caught.value is panic
    assert time.monotonic() - started < 10
    with pytest.raises(PanicSeen):
        client.run(["true"], deadline=deadline)
    with pytest.raises(PanicSeen):
        client.connect("/x", deadline=deadline)
    timer.join()


def test_an_agent_that_dies_ends_all_waits(
    client: AgentClient, agent: Agent, deadline: Deadline
) -> None:
    # Once it has read all it was sent: what a socket is closed with unread resets the channel.
    process = client.spawn(["sleep", "5"], deadline=deadline)
    threading.Timer(0.2, agent.process.kill).start()
    with pytest.raises(ChannelClosed, match="host: the channel was closed by the machine"):
        process.wait(deadline=deadline)
    assert agent.ended(-signal.SIGKILL)
