# SPDX-License-Identifier: MIT
"""A machine's network interface, and traffic through it with the far end of its line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address
from random import Random
from typing import Protocol

from testbed.channel import AgentClient, Process
from testbed.deadline import Deadline
from testbed.scenario import datagrams
from testbed.scenario.datagrams import BATCH
from testbed.scenario.far_end import Line, UdpFarEnd

FAR_END = IPv4Address("192.0.2.1")
MACHINE = IPv4Address("192.0.2.2")
_PORT = 4242
_POOL = "/tmp/datagrams"
_SECONDS = 10
_MANY = 1_000_000
_UNDER_WAY = 500


class Machine(Protocol):
    """A host or a guest."""

    @property
    def agent(self) -> AgentClient: ...

    def succeed(self, command: str | Sequence[str], *, seconds: float = 30) -> str: ...


class Interface:
    """Interface `name` of a machine, whose cable ends in `line`."""

    def __init__(self, machine: Machine, name: str, line: Line) -> None:
        self.name = name
        self._machine = machine
        self._far_end = UdpFarEnd(line, FAR_END, _PORT)

    def up(self) -> None:
        """Let the machine use it; its link comes later."""
        self._machine.succeed(f"ifconfig {self.name} {MACHINE} netmask 255.255.255.0 up")

    def down(self) -> None:
        self._machine.succeed(f"ifconfig {self.name} down")

    @property
    def carrier(self) -> bool:
        """Whether the machine sees a link."""
        return self._machine.succeed(["cat", f"/sys/class/net/{self.name}/carrier"]) == "1\n"

    def mac(self, deadline: Deadline) -> bytes:
        """What the machine answers when the far end asks everybody for its address."""
        return self._far_end.resolve(MACHINE, deadline)

    def exchange(self, random: Random, count: int, deadline: Deadline) -> str:
        """Pass `count` datagrams each way, and with every batch one with a wrong checksum.

        Returns what the machine says of it. AssertionError when a datagram is lost, changed or out
        of turn, or one with a wrong checksum is not counted as such by the machine.
        """
        pool = datagrams.random_pool(random)
        spoilt = self._spoilt_datagrams()
        with self._start(pool, count, deadline) as process:
            try:
                datagrams.exchange(self._far_end, pool, count, deadline, self._send_spoilt(random))
            except TimeoutError as error:
                process.kill()
                said = process.stderr.read_all(deadline=Deadline(_SECONDS)).decode().strip()
                raise AssertionError(f"{error}; the machine says: {said or 'nothing'}") from None
            done = process.communicate(deadline=deadline)
        assert done.returncode == 0, done.stderr.decode().strip()
        spoilt = self._spoilt_datagrams() - spoilt
        batches = -(-count // BATCH)
        assert spoilt == batches, f"{batches} datagrams were sent spoilt, {spoilt} are said to be"
        return done.stdout.decode().strip()

    def break_off(self, random: Random, deadline: Deadline) -> None:
        """Begin an exchange, and leave it with the line full of datagrams to the machine."""
        pool = datagrams.random_pool(random)
        self._start(pool, _MANY, deadline)
        datagrams.exchange(self._far_end, pool, 60 * BATCH, deadline)
        for _ in range(_UNDER_WAY):
            self._far_end.send(pool[:1000])

    def _start(self, pool: bytes, count: int, deadline: Deadline) -> Process:
        self._machine.agent.put_file(_POOL, pool, deadline=deadline)
        argv = ["datagrams", _POOL, str(FAR_END), str(_PORT), str(count)]
        return self._machine.agent.spawn(argv, deadline=deadline)

    def _send_spoilt(self, random: Random) -> Callable[[bytes], None]:
        def send(datagram: bytes) -> None:
            self._far_end.send_spoilt(datagram[:4] + random.randbytes(len(datagram) - 4))

        return send

    def _spoilt_datagrams(self) -> int:
        """How many UDP datagrams the machine has dropped for their checksums."""
        names, values = (
            line.split() for line in self._machine.succeed("grep ^Udp: /proc/net/snmp").splitlines()
        )
        return int(dict(zip(names, values, strict=True))["InCsumErrors"])
