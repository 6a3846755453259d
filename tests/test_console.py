# SPDX-License-Identifier: MIT
from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from testbed.console import Console
from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError
from testbed.watch import Watch


class Machine:
    """The far end of a console. Each `say` arrives there as a piece of its own."""

    def __init__(self, folder: Path) -> None:
        ours, self.line = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.watch = Watch()
        self.failures: SimpleQueue[TestbedError] = SimpleQueue()
        self.watch.subscribe(self.failures.put)
        self.console = Console(
            "guest0",
            ours,
            folder / "console.log",
            self.watch,
            Stage.GUEST_BOOT,
            start=time.monotonic(),
        )

    def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.line.send(piece)

    def failure(self) -> TestbedError:
        return self.failures.get(timeout=10)

    def end(self) -> None:
        self.line.close()
        self.console.close()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    machine.end()


PANIC = b"[    1.5] Kernel panic - not syncing: Attempted to kill init!"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (PANIC, "guest0 died: Kernel panic - not syncing: Attempted to kill init!"),
        (
            b"[    9.1] Internal error: Oops: 0000000096000004 [#1] SMP",
            "guest0 died: Internal error: Oops: 0000000096000004 [#1] SMP",
        ),
        (
            b"Unable to handle kernel NULL pointer dereference at virtual address 0",
            "guest0 died: Unable to handle kernel NULL pointer dereference at virtual address 0",
        ),
        (b"kernel BUG at mm/slub.c:1!", "guest0 died: kernel BUG at mm/slub.c:1!"),
        (b"Oops: Kernel access of bad area, sig: 11 [#1]", "guest0 died: Oops: Kernel access of"),
        (
            b"[    0.2] testbed-init: fatal: no disk called root",
            "guest0 died: no disk called root",
        ),
    ],
)
def test_a_dying_machine_is_noticed_however_its_words_are_split(
    machine: Machine, line: bytes, message: str
) -> None:
    machine.say(*(bytes([byte]) for byte in line), b"\r", b"\n")
    failure = machine.failure()
    assert failure.message.startswith(message)
    assert failure.stage is Stage.GUEST_BOOT
    assert failure.evidence == machine.console.log


def test_the_excerpt_is_whole_lines_around_the_words(machine: Machine) -> None:
    machine.say(b"early\r\nbefore\r\n" + PANIC + b"\r\nCPU: 0\r\nCall trace:\r\nfar\r\n")
    assert machine.failure().excerpt == ("before", PANIC.decode(), "CPU: 0", "Call trace:")


def test_last_words_need_no_end_of_line(machine: Machine) -> None:
    machine.say(PANIC)
    machine.line.close()
    assert machine.failure().excerpt == (PANIC.decode(),)


def test_a_warning_is_not_fatal(machine: Machine) -> None:
    machine.say(
        b"[    2.0] ------------[ cut here ]------------\r\n",
        b"[    2.0] WARNING: CPU: 0 PID: 1 at kernel/irq/manage.c:1 enable_irq+0x1/0x2\r\n",
        b"[    2.0] ---[ end trace 0000000000000000 ]---\r\n",
        b"[    2.1] testbed-init: error: module x\r\n",
    )
    machine.end()
    assert machine.watch.failure is None


def test_everything_printed_is_in_the_log_though_nobody_reads(machine: Machine) -> None:
    pieces = [f"line {number}\r\n".encode() * 500 for number in range(40)]
    machine.say(*pieces)
    machine.end()
    assert machine.console.log.read_bytes() == b"".join(pieces)
    assert machine.console.ended


def test_text_is_waited_for(machine: Machine) -> None:
    machine.say(b"boot", b"ing\r\nlog", b"in: ")
    match = machine.console.expect_text(r"(lo.*n): ", Deadline(10))
    assert match.group(1) == b"login"


def test_text_that_does_not_come_ends_at_the_deadline(machine: Machine) -> None:
    machine.say(b"something else")
    with pytest.raises(TestbedError, match="waited for 'login' on the console of guest0: not in 0"):
        machine.console.expect_text("login", Deadline(0.05))


def test_text_that_cannot_come_any_more_ends_the_wait(machine: Machine) -> None:
    machine.say(b"bye")
    machine.line.close()
    with pytest.raises(TestbedError, match=r"waited for 'login' .* its console ended"):
        machine.console.expect_text("login", Deadline(60))


def test_a_machine_that_dies_ends_the_wait_with_the_cause(machine: Machine) -> None:
    machine.say(PANIC + b"\r\n")
    machine.line.close()
    with pytest.raises(TestbedError, match="guest0 died: Kernel panic"):
        machine.console.expect_text("login", Deadline(60))


def test_a_viewer_sees_what_comes_while_it_looks_and_can_type(machine: Machine) -> None:
    seen: SimpleQueue[bytes] = SimpleQueue()
    machine.console.show_to(seen.put)
    machine.say(b"prompt")
    assert seen.get(timeout=10) == b"prompt"
    machine.console.type(b"ls\r")
    assert machine.line.recv(100) == b"ls\r"


def test_full_disk_ends_the_machine_with_one_line(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    log.symlink_to("/dev/full")
    machine = Machine(tmp_path)
    machine.say(b"Linux version\n")
    failure = machine.failure()
    assert failure.stage is Stage.INFRASTRUCTURE
    assert failure.message == f"cannot write {log}: No space left on device; free space there"
    with pytest.raises(TestbedError, match="No space left"):
        machine.console.expect_text("login", Deadline(10))
    machine.end()
