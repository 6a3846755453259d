# SPDX-License-Identifier: MIT
"""Wrong properties end the start with one line that names the property."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from bridge_rig import Bank, MachineFactory, QemuExited, device

from testbed.remoteport.server import Server

WRONG: dict[str, tuple[dict[str, object], str]] = {
    "no controller": ({"intc": "nothing"}, "intc 'nothing' is neither a QOM path nor the type"),
    "not a device": ({"intc": "/machine/peripheral"}, "'/machine/peripheral' is not a device"),
    "no such input": ({"irq": 5000}, "wire 0: arm-gicv3 has no input 5000"),
    "no such second input": ({"irq3": -7}, "wire 3: arm-gicv3 has no input -7"),
    "sid too big": ({"sid": 0x100}, "sid 0x100 is not below 0x100"),
    "sid of the host bridge": ({"sid": 0}, "sid 0x0 is that of PCI device 'gpex-root'"),
    "size without address": ({"size2": 16}, "region 2 has a size but no address"),
    "address without size": ({"addr1": 0xD008000}, "region 1 has an address but no size"),
    "end of the address space": (
        {"addr": "0xfffffffffffff000", "size": "0x2000"},
        "region 0 at 0xfffffffffffff000 size 0x2000 ends beyond",
    ),
    "onto the UART": ({"addr": "0x09000000"}, "region 0 at 0x9000000 size 0x1000 covers 'pl011'"),
    "onto itself": (
        {"addr1": "0x0d000800", "size1": "0x1000"},
        "region 1 at 0xd000800 size 0x1000 covers 'rp.sock-0'",
    ),
    "no time": ({"timeout_ms": 0}, "timeout-ms must not be 0"),
    "long path": ({"path": "x" * 108}, "is longer than the 107 bytes"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_property(start: MachineFactory, serve: Callable[..., Server], name: str) -> None:
    properties, message = WRONG[name]
    serve(Bank())
    with pytest.raises(QemuExited) as exited:
        start(device(**{"path": "rp.sock", **properties}))
    assert message in str(exited.value)
    assert str(exited.value).count("\n") == 1


def test_sid_without_an_iommu(start: MachineFactory, serve: Callable[..., Server]) -> None:
    serve(Bank())
    with pytest.raises(QemuExited, match="sid is given, but the machine has no IOMMU"):
        start(device(sid=0xF8), machine="virt,gic-version=3")


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("remote-port-device,addr=0xd000000,size=0x1000", "path= is missing"),
        ("remote-port-device,path=rp.sock", "addr= and size= are missing"),
    ],
)
def test_missing_property(start: MachineFactory, argument: str, message: str) -> None:
    with pytest.raises(QemuExited, match=message):
        start(argument)


def test_name_in_messages_is_the_id(start: MachineFactory) -> None:
    with pytest.raises(QemuExited, match=r"remote-port uart0: cannot connect to 'rp\.sock'"):
        start(device(id="uart0"))


def test_unknown_argument_of_the_bridge(start: MachineFactory, bridge_so: Path) -> None:
    message = "unknown argument 'el2-timers=maybe', the only one is 'el2-timers=off'"
    with pytest.raises(QemuExited, match=message):
        start(device(), extra=["-plugin", f"{bridge_so},el2-timers=off,el2-timers=maybe"])
