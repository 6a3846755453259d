# SPDX-License-Identifier: MIT
"""What a guest's platform bus has, by its QEMU's word, compared with the guest's tree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from testbed.channel import Stream
from testbed.devicetree.address import linux_name
from testbed.devicetree.guest_nodes import Placement
from testbed.errors import TestbedError
from testbed.machine.guest import Guest, GuestDevice
from testbed.machine.virtual_uart import VirtualUart

_DRIVER = "/sys/bus/platform/drivers/of_serial"


def check_places(guest: Guest) -> list[Placement]:
    """Where each of the guest's devices is; AssertionError when the bus or the tree is wrong.

    All windows have to be on the bus and apart from each other, all lines to have an interrupt of
    their own, and the nodes to say the same.
    """
    placements = [guest.placement(device) for device in guest.devices]
    windows = sorted(
        (offset, offset + size)
        for device, placement in zip(guest.devices, placements, strict=True)
        for offset, size in zip(placement.offsets, _sizes(device), strict=True)
    )
    end = 0
    for start, stop in windows:
        assert start >= end, f"windows overlap below {end:#x}: {_ranges(windows)}"
        end = stop
    bus = guest.host.board.guest_bus
    assert end <= bus.size, f"the bus ends at {bus.size:#x}: {_ranges(windows)}"

    lines = [line for placement in placements for line in placement.interrupts]
    assert len(set(lines)) == len(lines), f"devices share an interrupt: {lines}"
    for device, placement in zip(guest.devices, placements, strict=True):
        _check_node(guest, device, placement)
    return placements


def mapped_uarts(guest: Guest) -> list[tuple[int, int]]:
    """First and last offset of each virtual UART's window on the bus, as `info mtree` has them."""
    bus = guest.host.board.guest_bus
    found = re.findall(r"([0-9a-f]+)-([0-9a-f]+) .*: serial\s", guest.qmp.monitor("info mtree -f"))
    windows = {(int(first, 16) - bus.base, int(last, 16) - bus.base) for first, last in found}
    return sorted((first, last) for first, last in windows if 0 <= first < bus.size)


def peripherals(guest: Guest, kind: str) -> set[str]:
    """The ids of the devices of a type that were added with -device."""
    listed = guest.qmp.execute("qom-list", {"path": "/machine/peripheral"})
    return {entry["name"] for entry in listed if entry["type"] == f"child<{kind}>"}


def refusal(guest: Guest, driver: str) -> str:
    """What the guest's QEMU says to `device_add` while the guest runs; it must not take it."""
    try:
        guest.qmp.execute("device_add", {"driver": driver, "id": "late"})
    except TestbedError as error:
        return str(error)
    raise AssertionError(f"the running machine took another {driver}")


@contextmanager
def serial_port(guest: Guest, uart: GuestDevice) -> Iterator[Stream]:
    """The guest's tty of a UART, whose driver lets go of it afterwards.

    The kernel has room for fewer UARTs than the bus. The driver finds them in the order of their
    addresses: who asks for them in that order finds the first with a driver, and room for the rest.
    """
    name = linux_name(guest.tree, guest.node(uart))
    guest.succeed(f"test -e {_DRIVER}/{name} || echo {name} > {_DRIVER}/bind")
    with guest.open_serial_port(uart) as port:
        yield port
    guest.succeed(f"echo {name} > {_DRIVER}/unbind")


def _check_node(guest: Guest, device: GuestDevice, placement: Placement) -> None:
    node = guest.node(device)
    lines = [cell for line in placement.interrupts for cell in line]
    assert list(node.cells("interrupts")) == lines, f"{node.path} has others than {lines}"
    if isinstance(device, VirtualUart):
        window = [placement.offsets[0], device.size]
        assert list(node.cells("reg")) == window, f"{node.path} is not at {window}"


def _sizes(device: GuestDevice) -> list[int]:
    if isinstance(device, VirtualUart):
        return [device.size]
    return [region.size for region in device.exposed.regions]


def _ranges(windows: Sequence[tuple[int, int]]) -> str:
    return ", ".join(f"{start:#x}-{stop - 1:#x}" for start, stop in windows)
