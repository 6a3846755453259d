# SPDX-License-Identifier: MIT
"""The QEMU process that makes a guest, inside the host."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from testbed.channel import AgentError, ChannelError, CommandFailed, Process
from testbed.errors import Stage, TestbedError
from testbed.machine.command import AGENT_PORT
from testbed.machine.guest_tree import with_advice
from testbed.machine.host import Host
from testbed.process import tail
from testbed.qmp import Qmp
from testbed.watch import Watch

_START_SECONDS = 40
_END_SECONDS = 2


def program(host: Host) -> str:
    """The nested QEMU as a path in the host: the board's, or the one the user gave as a drive."""
    if host.guest_qemu is None:
        return host.board.guest_qemu
    copied = "/run/testbed/guest-qemu"
    host.succeed(
        f"test -x {copied} ||"
        f" {{ cat /run/testbed/disk/guest-qemu > {copied} && chmod +x {copied}; }}"
    )
    try:
        host.succeed([copied, "--version"])
    except (AgentError, CommandFailed) as error:
        raise TestbedError(
            Stage.GUEST_BOOT,
            f"--guest-qemu {host.guest_qemu} does not run in the {host.board.name} host:"
            f" {error}; it has to be a program for that machine, static or with what it has",
        ) from None
    return copied


def machine_arguments(host: Host, name: str, remote: str, system: Sequence[str]) -> list[str]:
    """Arguments of a guest's machine without devices of its own; its CPU stands still.

    `remote` is the guest's folder in the host, where its sockets go; `system` says what it boots.
    """
    board = host.board
    arguments = [
        *("-name", name),
        "-nodefaults",
        "-no-reboot",
        "-S",
        *("-display", "none"),
        *board.guest_machine,
        *system,
        *("-qmp", "stdio"),
        *("-chardev", f"socket,id=console,path={remote}/console,server=on,wait=off"),
        *("-serial", "chardev:console"),
        *board.guest_virtio.arguments,
        *("-device", board.guest_virtio.serial),
        *("-chardev", f"socket,id=agent,path={remote}/agent,server=on,wait=off"),
        *("-device", f"virtserialport,chardev=agent,name={AGENT_PORT}"),
    ]
    for disk in ("root", "payload"):
        arguments += [
            "-blockdev",
            f"driver=raw,node-name={disk},read-only=on,file.driver=host_device,"
            f"file.filename=/run/testbed/disk/{disk}",
        ]
        arguments += ["-device", f"{board.guest_virtio.block},drive={disk},serial={disk}"]
    return arguments


class GuestQemu:
    """One start of a guest's QEMU; `qmp` speaks to it.

    `folder` keeps qmp.log and qemu.log, what it says on stderr. Its end is told to `watch`, unless
    it was asked for. `heard` gets each line of its stderr.
    """

    def __init__(
        self,
        host: Host,
        name: str,
        argv: Sequence[str],
        folder: Path,
        watch: Watch,
        heard: Callable[[str], None],
    ) -> None:
        self._run = host.run
        self._name = name
        self._watch = watch
        self._heard = heard
        self._folder = folder
        self._asked_to_end = False
        self._process = host.agent.spawn(argv, deadline=self._run.deadline(20))
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        self._qmp: Qmp | None = None

    def connect(self) -> None:
        """Wait until QEMU has made the machine, and open its QMP."""
        # QMP is on QEMU's standard output: its greeting says that QEMU has made every socket.
        self._qmp = Qmp(
            f"{self._name}'s QEMU",
            self._process.stdio_as_socket(),
            self._folder / "qmp.log",
            Stage.GUEST_BOOT,
            self._run.deadline(_START_SECONDS),
            scale=self._run.timeout_scale,
            start=self._run.start,
        )

    @property
    def qmp(self) -> Qmp | None:
        """QMP, once it is connected."""
        return self._qmp

    def wait_for_output(self) -> None:
        """Wait a little for its end to be known: its channels break before."""
        self._reader.join(self._run.moment(_END_SECONDS).remaining)

    def end(self, how: signal.Signals) -> None:
        """Send a signal that ends it, and wait until it is gone."""
        self._asked_to_end = True
        self._process.kill(how)
        try:
            self._process.wait(deadline=self._run.deadline(20))
        finally:
            self._process.close()
            self.close()

    def close(self) -> None:
        """Close what is left on this side of an ended QEMU."""
        if self._qmp is not None:
            self._qmp.close()
        self._reader.join()

    def _read(self, process: Process) -> None:
        rest = b""
        try:
            with (self._folder / "qemu.log").open("ab", buffering=0) as stream:
                while data := process.stderr.recv(65536):
                    stream.write(data)
                    *lines, rest = (rest + data).split(b"\n")
                    self._hear(lines)
            self._hear([rest])
            status = process.wait(deadline=self._run.deadline(10))
        except (ChannelError, TestbedError):
            return  # the host is gone, and says so itself
        if not self._asked_to_end:
            self._ended(status)

    def _hear(self, lines: Sequence[bytes]) -> None:
        for line in lines:
            if line:
                self._heard(line.decode(errors="replace"))

    def _ended(self, status: int) -> None:
        log = self._folder / "qemu.log"
        lines = tail(log, 4)
        reason = next((line for line in reversed(lines) if "warning:" not in line), "")
        how = f"killed by signal {-status}" if status < 0 else f"exited with status {status}"
        self._watch.fail(
            TestbedError(
                Stage.GUEST_BOOT if self._run.stage is Stage.GUEST_BOOT else Stage.INFRASTRUCTURE,
                f"the QEMU of {self._name} {how}" + (f": {with_advice(reason)}" if reason else ""),
                evidence=log,
                excerpt=lines,
            )
        )
