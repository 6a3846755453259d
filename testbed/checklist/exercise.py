# SPDX-License-Identifier: MIT
"""What a driver that works does with each kind of device, in host and guest alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from models.ata import AtaDisk, Media
from models.ns16550a import Ns16550a
from models.sata import SataController
from models.sec import JobRing
from testbed.channel import Stream
from testbed.checklist.kinds import AHCI, FSL_SATA, RING, UART
from testbed.machine.assignment import Assignment
from testbed.machine.guest import Guest
from testbed.machine.host import Host
from testbed.remoteport.device import Device
from testbed.scenario.base import Scenario
from testbed.scenario.crypto import Machine, compare
from testbed.scenario.traffic import exchange

_BLOCK = 4096
_BLOCKS = 64
_TEXT = (1, 15, 16, 17, 300)
_REQUESTS = 6


@dataclass(frozen=True)
class Driven:
    """A device that one machine's driver has. `interrupts` counts those that it took."""

    machine: Machine
    load_driver: Callable[[], str]
    open_serial_port: Callable[[], Stream]
    disk: Callable[[], str]
    interrupts: Callable[[], int] | None = None


def in_host(host: Host, path: str) -> Driven:
    return Driven(
        host,
        lambda: host.load_driver(path),
        lambda: host.open_serial_port(path),
        lambda: host.disk(path),
    )


def in_guest(guest: Guest, device: Assignment) -> Driven:
    return Driven(
        guest,
        lambda: guest.load_driver(device),
        lambda: guest.open_serial_port(device),
        lambda: guest.disk(device),
        lambda: guest.interrupts(device),
    )


def exercise(scenario: Scenario, driven: Driven, kind: str, model: Device) -> str:
    """Use the device through its driver and say what that did; AssertionError when it went wrong.

    TestbedError when there is no driver to use it.
    """
    driver = driven.load_driver()
    return f"{driver}: {_EXERCISES[kind](scenario, driven, model)}"


def _text(scenario: Scenario, driven: Driven, model: Device) -> str:
    assert isinstance(model, Ns16550a)
    # Its driver has the interrupt only while somebody has the port open.
    with driven.open_serial_port() as port, _interrupting(driven) as said:
        model.line.read()  # what somebody sent who had it before
        exchange(model.line, port, scenario.random, _TEXT, scenario.deadline(60))
        said.append(f"{sum(_TEXT)} bytes each way")
    return ", ".join(said)


def _blocks(scenario: Scenario, driven: Driven, model: Device) -> str:
    """What is on the disk is read, and what is written is on the disk, past every cache."""
    assert isinstance(model, SataController)
    disk = model.ports[0].device
    assert isinstance(disk, AtaDisk)
    name, size = driven.disk(), _BLOCKS * _BLOCK
    with _interrupting(driven) as said:
        _copy(scenario, driven, disk.media, name, size)
        said.append(f"{size >> 10} KiB read and written")
    return ", ".join(said)


def _copy(scenario: Scenario, driven: Driven, media: Media, name: str, size: int) -> None:
    there, written = (scenario.random.randbytes(size) for _ in range(2))
    at = scenario.random.randrange(media.size // _BLOCK - 2 * _BLOCKS)
    media.write_bytes(at * _BLOCK, there)
    agent, limit = driven.machine.agent, scenario.deadline(60)
    copy = f"bs={_BLOCK} count={_BLOCKS}"
    driven.machine.succeed(f"dd if={name} of=/tmp/read {copy} skip={at} iflag=direct")
    assert agent.get_file("/tmp/read", deadline=limit) == there, f"{name} reads something else"
    agent.put_file("/tmp/write", written, deadline=limit)
    end = at + _BLOCKS
    driven.machine.succeed(f"dd if=/tmp/write of={name} {copy} seek={end} oflag=direct")
    assert media.read_bytes(end * _BLOCK, size) == written, f"{name} wrote something else"


def _requests(scenario: Scenario, driven: Driven, model: Device) -> str:
    assert isinstance(model, JobRing)
    agent, limit = driven.machine.agent, scenario.deadline(90)
    with _interrupting(driven) as said:
        compare(agent, scenario.random, _REQUESTS, limit, chacha=False)
        said.append(f"{_REQUESTS} requests agree with the workstation")
    return ", ".join(said)


@contextmanager
def _interrupting(driven: Driven) -> Iterator[list[str]]:
    """What is done in here makes the device interrupt, where interrupts are counted.

    It is said in the list, to which their number is added.
    """
    before = driven.interrupts() if driven.interrupts is not None else 0
    said: list[str] = []
    yield said
    if driven.interrupts is not None:
        taken = driven.interrupts() - before
        assert taken > 0, f"{', '.join(said)}, but no interrupt of it was taken"
        said.append(f"{taken} interrupts")


_EXERCISES: Mapping[str, Callable[[Scenario, Driven, Device], str]] = {
    UART.name: _text,
    AHCI.name: _blocks,
    FSL_SATA.name: _blocks,
    RING.name: _requests,
}
