# SPDX-License-Identifier: MIT
"""A register reads the same whether VFIO maps it or passes the access on, in host and guest.

The bytes of a register lie in memory in the order the device gives them: a mapping shows that, and
read() and write() of the device's file have to agree, whatever the byte order of CPU and device.
Nested QEMU relies on it: where KVM does not inject a device's interrupts, it takes the mapping away
from its guest after one, and passes each access on until a second after the last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from models.saved_state import Fields, pack
from testbed.boards.board import ModelFactory
from testbed.devicetree.address import cpu_address, register_windows
from testbed.machine.assignment import Assignment
from testbed.machine.guest import Guest
from testbed.scenario import Scenario
from testbed.scenario.held_uart import HeldUart
from testbed.scenario.tool import Tool

UART = "/soc/serial@11d000"
SIZE = 0x1000
MEMORY = 0x800  # where the memory begins that this scenario's UART has
WIDTHS = (1, 2, 4, 8)

QUICK, LONGER_THAN_QEMU_WAITS = 1, 3  # seconds


@dataclass(frozen=True)
class Register:
    """`size` bytes at `offset` of region 0 that hold what is written to them, where `mask` says."""

    offset: int
    size: int
    mask: int


# Of each kind of device one that is at rest after its reset, and of which nothing comes.
REGISTERS = {
    "ns16550a": Register(7, 1, 0xFF),  # SCR
    "fsl,ls1021a-ahci": Register(0x104, 4, 0xFFFFFFFF),  # P0CLBU
    "fsl,pq-sata-v2": Register(0x24, 4, 0xFFFFFFFC),  # CHBA
    "fsl,etsec2": Register(0x800, 4, 0xFFFFFFFF),  # IGADDR0
    "fsl,etsec2-mdio": Register(0x528, 4, 0x1F1F),  # MIIMADD
    "fsl,sec-v4.0-job-ring": Register(0x54, 4, 0xFFFFFF00),  # JRCFGR: ICTT and ICDCT
}


class UartWithMemory(HeldUart):
    """A UART with plain memory in the upper half of its page."""

    def __init__(self) -> None:
        super().__init__(UART)
        self.memory = bytearray(SIZE - MEMORY)

    def read(self, region: int, offset: int, size: int) -> int:
        if offset < MEMORY:
            return super().read(region, offset, size)
        at = offset - MEMORY
        return int.from_bytes(self.memory[at : at + size], self.byteorder)

    def write(self, region: int, offset: int, size: int, value: int) -> None:
        if offset < MEMORY:
            super().write(region, offset, size, value)
            return
        at = offset - MEMORY
        self.memory[at : at + size] = value.to_bytes(size, self.byteorder)

    def save(self) -> dict[str, Any]:
        return {"memory": pack(self.memory), "uart": super().save()}

    def load(self, state: dict[str, Any]) -> None:
        fields = Fields(self.name, state, ("memory", "uart"))
        memory = fields.packed("memory", len(self.memory))
        super().load(fields.value("uart"))
        self.memory[:] = memory


class RegisterPaths(Scenario):
    # A job ring cannot be taken from its driver while the kernel tests its algorithms.
    host_append = "cryptomgr.notests"

    def models(self) -> dict[str, ModelFactory]:
        return {UART: lambda _: UartWithMemory()}

    def test(self) -> None:
        self.uart = self.model(UART, UartWithMemory)
        for device in self.host.devices:
            if device.stream_id is None:
                continue
            kinds = [kind for kind in device.compatible if kind in REGISTERS]
            assert kinds, f"{device.path}: which register of a {device.compatible[0]} can be used?"
            assigned = self.host.assign(device.path)
            if "mmap" in assigned.exposed.regions[0].flags:
                with self.page(assigned) as page:
                    self.agree(assigned, page, REGISTERS[kinds[0]])
                    if device.path == UART:
                        self.agree_in_memory(assigned, page)
                    page.finish(self.deadline(20))
            self.host.release(assigned)

        assigned = self.host.assign(UART)
        guest = self.prepare_guest([assigned], append="iomem=relaxed", irqfd=False)
        guest.boot()
        guest.mount_system()
        self.agree_in_guest(assigned, guest)

    def page(self, assigned: Assignment) -> Tool:
        argv = ["/testbed/bin/register-page", "vfio", assigned.name]
        return Tool(self.host.agent, argv, self.deadline(20))

    def agree_in_memory(self, assigned: Assignment, page: Tool) -> None:
        for size in WIDTHS:
            everything = (1 << 8 * size) - 1
            for offset in (MEMORY, self.random.randrange(MEMORY, SIZE, size), SIZE - size):
                self.agree(assigned, page, Register(offset, size, everything))

    def agree(self, assigned: Assignment, page: Tool, register: Register) -> None:
        """What is written either way is what the device has, and what is read both ways."""
        at = f"{register.offset:#x}"
        for write in ("store", "write"):
            data = self.content(assigned, register)
            answer = page.ask(f"{write} {at} {data}", self.deadline(20))
            assert "error" not in answer, f"{assigned.path}: {write} at {at}: {answer['error']}"
            held = self.held(assigned, register)
            assert held == data, f"{assigned.path}: {write} of {data} at {at} leaves {held}"
            for read in ("load", "read"):
                found = page.ask(f"{read} {at} {register.size}", self.deadline(20))["data"]
                assert found == held, f"{assigned.path}: {read} at {at} is {found}, not {held}"

    def content(self, assigned: Assignment, register: Register) -> str:
        """Something for the register to hold, as its bytes lie in memory."""
        value = self.random.getrandbits(8 * register.size) & register.mask
        return value.to_bytes(register.size, self.host.model(assigned.path).byteorder).hex()

    def held(self, assigned: Assignment, register: Register) -> str:
        model = self.host.model(assigned.path)
        with model.lock:
            value = model.read(0, register.offset, register.size)
        return value.to_bytes(register.size, model.byteorder).hex()

    def agree_in_guest(self, assigned: Assignment, guest: Guest) -> None:
        """Registers are the same to a guest before interrupts of its device, under them and after.

        The guest's kernel does not take them, as nobody has opened the port. Where QEMU has to know
        of the answer, each access that it passes on is one to it.
        """
        node = guest.node(assigned)
        ((base, _),) = register_windows(guest.tree, node)
        argv = ["/testbed/bin/register-page", "memory", hex(cpu_address(guest.tree, node, base))]
        with Tool(guest.agent, argv, self.deadline(20)) as page:
            for size in (1, 2, 4):
                register = Register(MEMORY + size, size, (1 << 8 * size) - 1)
                self.same_to_guest(page, assigned, register, QUICK)
                interrupts = self.host.interrupts(assigned.name)
                self.uart.hold(True)
                self.same_to_guest(page, assigned, register, QUICK)
                self.uart.hold(False)
                assert self.host.interrupts(assigned.name) > interrupts, "VFIO saw no interrupt"
                self.same_to_guest(page, assigned, register, LONGER_THAN_QEMU_WAITS)
            page.finish(self.deadline(20))

    def same_to_guest(
        self, page: Tool, assigned: Assignment, register: Register, seconds: int
    ) -> None:
        data = self.content(assigned, register)
        page.ask(f"store {register.offset:#x} {data}", self.deadline(20))
        held = self.held(assigned, register)
        assert held == data, f"the guest's store of {data} leaves {held}"
        answer = page.ask(
            f"watch {register.offset:#x} {register.size} {seconds}", self.deadline(seconds + 20)
        )
        assert answer["data"] == held, f"the guest finds {answer['data']}, not {held}"
