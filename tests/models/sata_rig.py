# SPDX-License-Identifier: MIT
"""What any SATA controller is tested with: memory that can refuse, a plain device, commands."""

from __future__ import annotations

import json
import random
import struct
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from alarm_rig import HandAlarm
from state_rig import mutate, refusal

from models.ata.transport import (
    DmaSetup,
    LinkErrors,
    LinkLost,
    PioSetup,
    RegisterD2H,
    RegisterH2D,
    SetDeviceBits,
    Transport,
)
from testbed.deadline import Deadline
from testbed.remoteport.client import Client
from testbed.remoteport.codec import BusAccess
from testbed.remoteport.device import BusError, Device, Response

READ_DMA, WRITE_DMA, READ_PIO, WRITE_PIO = 0xC8, 0xCA, 0x20, 0x30
READ_FPDMA, WRITE_FPDMA, IDENTIFY = 0x60, 0x61, 0xEC

SECTOR = 512
PAGE = 4096


class Memory:
    """Pages by number; addresses may be refused. Counts its waits, and can be interrupted."""

    def __init__(self) -> None:
        self.pages: dict[int, bytearray] = {}
        self.refused: list[range] = []
        self.waits = 0
        self.log: list[tuple[str, int, int]] = []
        self.during: Callable[[], None] | None = None
        self.limit: int | None = None  # accesses that would need more pages are refused

    def peek(self, address: int, size: int) -> bytes:
        result = bytearray()
        while size:
            number, inside = divmod(address, PAGE)
            count = min(size, PAGE - inside)
            page = self.pages.get(number)
            result += bytes(count) if page is None else page[inside : inside + count]
            address += count
            size -= count
        return bytes(result)

    def poke(self, address: int, data: bytes) -> None:
        done = 0
        while done < len(data):
            number, inside = divmod(address + done, PAGE)
            count = min(len(data) - done, PAGE - inside)
            page = self.pages.setdefault(number, bytearray(PAGE))
            page[inside : inside + count] = data[done : done + count]
            done += count

    def _waited(self) -> None:
        self.waits += 1
        if self.during is not None:
            during, self.during = self.during, None
            during()

    def _check(self, address: int, size: int, index: int = 0) -> None:
        assert size >= 0
        if address < 0 or address + size > 1 << 64:
            raise BusError(Response.ADDRESS_ERROR, "beyond 64 bits", index)
        if self.limit is not None and len(self.pages) + size // PAGE > self.limit:
            raise BusError(Response.GENERIC_ERROR, "memory is full", index)
        for area in self.refused:
            if address < area.stop and address + size > area.start:
                raise BusError(Response.ADDRESS_ERROR, "refused", index)

    # Link

    def dma_read(self, address: int, size: int) -> bytes:
        return self.dma_read_many([(address, size)])[0]

    def dma_write(self, address: int, data: bytes, byte_enable: bytes | None) -> None:
        assert byte_enable is None
        self.dma_write_many([(address, data)])

    def dma_read_many(self, pieces: Sequence[tuple[int, int]]) -> list[bytes]:
        self._waited()
        for index, (address, size) in enumerate(pieces):
            self._check(address, size, index)
        self.log += [("read", address, size) for address, size in pieces]
        return [self.peek(address, size) for address, size in pieces]

    def dma_write_many(self, pieces: Sequence[tuple[int, bytes]]) -> None:
        self._waited()
        refused = None
        for index, (address, data) in enumerate(pieces):
            try:
                self._check(address, len(data), index)
            except BusError as error:
                refused = refused or error
            else:
                self.log.append(("write", address, len(data)))
                self.poke(address, data)
        if refused is not None:
            raise refused

    def work_deferred(self) -> None:
        pass

    def wire_changed(self, wire: int, level: bool) -> None:
        pass


class Machine(Client):
    """A machine that a served controller is connected to, with a rig's memory."""

    sparse: Memory

    def dma_read(self, address: int, size: int) -> bytes:
        return self.sparse.peek(address, size)

    def dma_write(self, address: int, packet: BusAccess) -> None:
        self.sparse.poke(address, packet.data)

    def get(self, register: int) -> int:
        return self.read(0, register, 4)

    def put(self, register: int, value: int) -> None:
        self.write(0, register, 4, value)

    def until(self, register: int, mask: int, value: int) -> None:
        deadline = Deadline(10)
        while self.get(register) & mask != value:
            assert not deadline.expired, f"register {register:#x} is {self.get(register):#x}"


class Disk:
    """The least of a disk: sectors in a dict, queued commands, and errors that a test asks for."""

    def __init__(self, choice: random.Random | None = None) -> None:
        self.transport: Transport | None = None
        self.sectors: dict[int, bytes] = {}
        self.queue: list[RegisterH2D] = []
        self.seen: list[RegisterH2D] = []
        self.choice = choice  # queued commands are carried out in random order with one
        self.hang = False
        self.fail: Callable[[RegisterH2D], bool] = lambda fis: False
        self.before_data: Callable[[], None] = lambda: None
        self.resets = 0
        self.lost = 0
        self.signature_status = 0x50

    def sector(self, lba: int) -> bytes:
        return self.sectors.get(lba) or struct.pack("<Q", lba) * (SECTOR // 8)

    # AtaDevice

    def attach(self, transport: Transport | None) -> None:
        self.transport = transport

    @property
    def link(self) -> Transport:
        assert self.transport is not None
        return self.transport

    def comreset(self) -> None:
        self.resets += 1
        self._signature()

    def _signature(self) -> None:
        self.queue.clear()
        self.link.send_register(RegisterD2H(self.signature_status, 1, 0, 1, 1))

    def control(self, fis: RegisterH2D) -> None:
        self.seen.append(fis)
        if fis.control & 4:
            self.queue.clear()
        elif self.seen[-2:-1] and self.seen[-2].control & 4:
            self._signature()

    def command(self, fis: RegisterH2D) -> None:
        self.seen.append(fis)
        if self.hang:
            return
        try:
            if fis.command in (READ_FPDMA, WRITE_FPDMA):
                self.queue.append(fis)
                self.link.send_register(RegisterD2H(0x50))
            elif fis.command in (READ_DMA, WRITE_DMA):
                self._dma(fis)
            elif fis.command in (READ_PIO, WRITE_PIO, IDENTIFY):
                self._pio(fis)
            else:
                self.link.send_register(RegisterD2H(0x51, 0x04, interrupt=True))
        except LinkLost:
            self.lost += 1

    def step(self) -> bool:
        if not self.queue:
            return False
        at = 0 if self.choice is None else self.choice.randrange(len(self.queue))
        fis = self.queue.pop(at)
        try:
            self._queued(fis)
        except LinkLost:
            self.lost += 1
        return bool(self.queue)

    def save(self) -> dict[str, Any]:
        return {"queue": [fis.to_bytes().hex() for fis in self.queue]}

    def load(self, state: dict[str, Any]) -> None:
        self.queue = [RegisterH2D.from_bytes(bytes.fromhex(item)) for item in state["queue"]]

    # Protocols

    def _read(self, lba: int, count: int) -> bytes:
        self.before_data()
        return b"".join(self.sector(lba + n) for n in range(count))

    def _write(self, lba: int, count: int) -> bool:
        self.before_data()
        data = self.link.receive_data(count * SECTOR)
        for n in range(len(data) // SECTOR):
            self.sectors[lba + n] = data[n * SECTOR : (n + 1) * SECTOR]
        return len(data) == count * SECTOR

    def _dma(self, fis: RegisterH2D) -> None:
        lba, count = fis.lba | (fis.device & 0xF) << 24, fis.count & 0xFF or 256
        if self.fail(fis):
            self.link.send_register(RegisterD2H(0x51, 0x40, interrupt=True))
            return
        if fis.command == READ_DMA:
            self.link.send_data(self._read(lba, count))
        else:
            self.link.send_dma_activate()
            if not self._write(lba, count):
                self.link.send_register(RegisterD2H(0x51, 0x04, interrupt=True))
                return
        self.link.send_register(RegisterD2H(0x50, interrupt=True))

    def _pio(self, fis: RegisterH2D) -> None:
        count = 1 if fis.command == IDENTIFY else fis.count & 0xFF or 256
        for n in range(count):
            last = n == count - 1
            if fis.command == WRITE_PIO:
                self.link.send_pio_setup(
                    PioSetup(0x58, end_status=0xD0, transfer_count=SECTOR, interrupt=n > 0)
                )
                self._write(fis.lba + n, 1)
            else:
                end = 0x50 if last else 0xD0
                self.link.send_pio_setup(
                    PioSetup(
                        0x58,
                        end_status=end,
                        transfer_count=SECTOR,
                        interrupt=True,
                        direction_in=True,
                    )
                )
                self.link.send_data(self._read(fis.lba + n, 1))
        if fis.command == WRITE_PIO:
            self.link.send_register(RegisterD2H(0x50, interrupt=True))

    def _queued(self, fis: RegisterH2D) -> None:
        tag = fis.count >> 3 & 0x1F
        count = fis.features or 65536
        if self.fail(fis):
            self.queue.clear()
            self.link.send_set_device_bits(SetDeviceBits(0x41, 0x40, interrupt=True))
            return
        write = fis.command == WRITE_FPDMA
        self.link.send_dma_setup(
            DmaSetup(
                tag, direction_in=not write, auto_activate=write, transfer_count=count * SECTOR
            )
        )
        if write:
            self._write(fis.lba, count)
        else:
            self.link.send_data(self._read(fis.lba, count))
        self.link.send_set_device_bits(SetDeviceBits(0x40, 0, 1 << tag, interrupt=True))

    def break_link(self, kind: LinkErrors, fatal: bool) -> None:
        self.link.link_error(kind, fatal)


class Halves(Disk):
    """Reads sectors in two steps, the second one only after its state was loaded."""

    half: RegisterH2D | None = None
    go = False

    def command(self, fis: RegisterH2D) -> None:
        self.link.send_data(self._read(fis.lba, 1))
        self.half = fis

    def step(self) -> bool:
        if self.half is not None and self.go:
            fis, self.half = self.half, None
            self.link.send_data(self._read(fis.lba + 1, 1))
            self.link.send_register(RegisterD2H(0x50, interrupt=True))
        return False

    def save(self) -> dict[str, Any]:
        return {"half": None if self.half is None else self.half.to_bytes().hex()}

    def load(self, state: dict[str, Any]) -> None:
        half = state["half"]
        self.half = half and RegisterH2D.from_bytes(bytes.fromhex(half))
        self.go = True


class ControllerRig:
    """A controller's bench: memory, a disk, and alarms that a test's hand sets off."""

    def __init__(self, disk: Any = None) -> None:
        self.memory = Memory()
        self.disk = Disk() if disk is None else disk
        self.alarms: list[HandAlarm] = []

    def new_alarm(self, lock: threading.RLock, callback: Callable[[], None]) -> HandAlarm:
        self.alarms.append(HandAlarm(lock, callback))
        return self.alarms[-1]

    def attach(self, controller: Device) -> None:
        """Take the controller, and let it come to rest."""
        self.controller = controller
        controller.attach(self.memory)
        self.work()

    def read(self, register: int, size: int = 4) -> int:
        return self.controller.read(0, register, size)

    def write(self, register: int, value: int, size: int = 4) -> None:
        self.controller.write(0, register, size, value)

    def work(self, limit: int = 10_000) -> int:
        """Run deferred work until none is left."""
        count = self.controller.run_deferred(limit)
        assert count < limit, "deferred work without end"
        return count

    @property
    def irq(self) -> bool:
        return self.controller.wire_level("interrupt")


Bench = TypeVar("Bench", bound=ControllerRig)


def copy(rig: Bench, **parameters: Any) -> Bench:
    """Another bench whose controller has the same state, and the same memory."""
    other = type(rig)(**parameters)
    other.memory.pages = {number: bytearray(page) for number, page in rig.memory.pages.items()}
    other.controller.load(json.loads(json.dumps(rig.controller.save())))
    return other


def load_mutated(
    choice: random.Random, make: Callable[[], Any], registers: Sequence[str | int], status: int
) -> tuple[int, int]:
    """Give changed states to 3000 controllers: how many were taken, and refused without a change.

    `make` makes a bench, `registers` are the keys that lead to the port's, `status` is a register
    that can be read.
    """
    taken = refused = 0
    for _ in range(3000):
        rig = make()
        if choice.random() < 0.5:
            rig.start()
        state = json.loads(json.dumps(rig.controller.save()))
        for _ in range(choice.randrange(1, 3)):
            mutate(state, registers, choice)
        before = rig.controller.save()
        error = refusal(rig.controller, state)
        if error is not None:
            refused += 1
            assert error.startswith("sata: field ")
            assert rig.controller.save() == before
        else:
            taken += 1
            rig.memory.limit = 100
            rig.work()
            rig.read(status)
            json.dumps(rig.controller.save())
    return taken, refused


def dma(command: int, lba: int, count: int) -> RegisterH2D:
    """READ DMA or WRITE DMA, PIO alike."""
    return RegisterH2D(command, device=0x40 | lba >> 24, lba=lba & 0xFFFFFF, count=count & 0xFF)


def queued(command: int, lba: int, count: int, tag: int) -> RegisterH2D:
    """READ or WRITE FPDMA QUEUED."""
    return RegisterH2D(command, features=count & 0xFFFF, device=0x40, lba=lba, count=tag << 3)


def seeded() -> random.Random:
    """A fresh random generator; its seed is printed, and pytest shows it when the test fails."""
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed:#x}")
    return random.Random(seed)
