# SPDX-License-Identifier: MIT
"""The controller: generic host control, the register window and the vendor's registers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from models.ahci.config import VERSION, Config, Vendor
from models.ahci.port import Port, Reader, Writer
from models.ahci.registers import (
    ECC_MAP,
    GHC,
    VENDOR_REGISTERS,
    VENDOR_STATUS,
    port_offset,
    register_map,
)
from models.ahci.state import WORD
from models.alarm import AlarmFactory, WallAlarm
from models.ata.transport import AtaDevice
from models.saved_state import Fields
from testbed.remoteport.device import BusError, Device, Link, Region, Response, StateError

_SIZE = 0x10000
_AE, _IE, _HR = GHC.AE.mask, GHC.IE.mask, GHC.HR.mask
_AHCI, _ECC = 0, 1


class Ahci(Device):
    """An AHCI 1.3.1 controller with `ports`: the device on each, or None for an empty one.

    `vendor` decides about the registers besides the standard's, `slots` is the length of a command
    list, `speed` the generation (1 to 3), `staggered_spin_up` CAP.SSS, `address_bits` 64 or 32,
    `alarm` makes a port's source of time.
    TestbedError when the parameters do not make a controller.
    """

    regions = (Region("ahci", _SIZE), Region("ecc", 4, ECC_MAP))
    wires = ("interrupt",)

    def __init__(
        self,
        name: str = "ahci",
        ports: Sequence[AtaDevice | None] = (None,),
        *,
        byteorder: Literal["little", "big"] = "little",
        vendor: Vendor = Vendor.QORIQ,
        slots: int = 32,
        speed: int = 3,
        staggered_spin_up: bool = False,
        address_bits: int = 64,
        alarm: AlarmFactory = WallAlarm,
    ) -> None:
        super().__init__(name, byteorder)
        self.config = Config(len(ports), slots, speed, staggered_spin_up, address_bits, vendor)
        self.config.check(name)
        qoriq = vendor is Vendor.QORIQ
        window = Region("ahci", _SIZE, register_map(len(ports), vendor=qoriq))
        # The base declares the regions for the class; here they depend on parameters.
        vars(self)["regions"] = (window, self.regions[_ECC]) if qoriq else (window,)
        self.alarm = alarm
        self._ghc = _AE
        self._is = 0
        self._vendor: dict[int, int] = dict.fromkeys(VENDOR_REGISTERS, 0) if qoriq else {}
        self._ecc = 0
        self.ports = tuple(Port(self, index, device) for index, device in enumerate(ports))
        self._readers, self._writers = self._connect()
        for port in self.ports:
            port.power_on()

    @property
    def slots(self) -> int:
        """How many commands can be outstanding on a port at once."""
        return self.config.slots

    @property
    def speed(self) -> int:
        """The fastest generation of a link."""
        return self.config.speed

    def port(self, index: int) -> Port:
        """The port of that number."""
        return self.ports[index]

    # Device

    def read(self, region: int, offset: int, size: int) -> int:
        if size == 4 and region == _AHCI:
            reader = self._readers.get(offset)
            if reader is not None:
                return reader()
        self._check_access(region, offset, size)
        value = 0
        for dword, shift, mask, place in self._dwords(offset, size):
            value |= (self._read_dword(region, dword) & mask) >> shift << place
        return value

    def write(self, region: int, offset: int, size: int, value: int) -> None:
        if size == 4 and region == _AHCI:
            writer = self._writers.get(offset)
            if writer is not None:
                writer(value, WORD)
                return
        self._check_access(region, offset, size)
        for dword, shift, mask, place in self._dwords(offset, size):
            part = (value >> place << shift) & mask
            if region == _ECC:
                self._ecc = self._ecc & ~mask | part
            elif (writer := self._writers.get(dword)) is not None:
                writer(part, mask)

    def reset(self) -> None:
        """Power-on of the controller. What is plugged in stays, and is reset with the link."""
        self._ghc = _AE
        self._is = 0
        self._vendor = dict.fromkeys(self._vendor, 0)
        self._ecc = 0
        for port in self.ports:
            port.power_on()
        self._update()

    def quiesce(self) -> None:
        for port in self.ports:
            port.quiesce()

    def attach(self, link: Link) -> None:
        super().attach(link)
        with self.lock:
            for port in self.ports:
                port.resume()

    def save(self) -> dict[str, Any]:
        """Everything the controller holds, and the state of the devices on its ports."""
        return {
            "ghc": self._ghc,
            "is": self._is,
            "vendor": [[offset, value] for offset, value in self._vendor.items()],
            "ecc": self._ecc,
            "ports": [port.save() for port in self.ports],
        }

    def load(self, state: dict[str, Any]) -> None:
        check = Fields(self.name, state, ("ghc", "is", "vendor", "ecc", "ports"))
        ghc = check.bits("ghc", _AE | _IE)
        is_ = check.bits("is", (1 << len(self.ports)) - 1)
        ecc = check.bits("ecc", WORD)
        vendor = self._parse_vendor(check)
        ports = check.exactly("ports", len(self.ports))
        parsed = [port.parse(item, check) for port, item in zip(self.ports, ports, strict=True)]
        self._load_devices([device for _, _, device in parsed])
        self._ghc, self._is, self._ecc, self._vendor = ghc | _AE, is_, ecc, vendor
        for port, (registers, deepest_queue, _) in zip(self.ports, parsed, strict=True):
            port.take(registers, deepest_queue)
        self._update()

    # What the ports ask for

    def port_pending(self, index: int) -> None:
        """An enabled interrupt of a port is pending."""
        bit = 1 << index
        if not self._is & bit:
            self._is |= bit
            self._update()

    # Registers

    def _connect(self) -> tuple[dict[int, Reader], dict[int, Writer]]:
        config = self.config
        cap, pi = config.cap, (1 << config.ports) - 1
        readers: dict[int, Reader] = {
            0x00: lambda: cap,
            0x04: lambda: self._ghc,
            0x08: lambda: self._is,
            0x0C: lambda: pi,
            0x10: lambda: VERSION,
        }
        writers: dict[int, Writer] = {0x04: self._write_ghc, 0x08: self._write_is}
        for offset in self._vendor:
            readers[offset] = self._vendor_reader(offset)
            if offset not in VENDOR_STATUS:
                writers[offset] = self._vendor_writer(offset)
        for port in self.ports:
            base = port_offset(port.index)
            readers.update((base + offset, reader) for offset, reader in port.readers().items())
            writers.update((base + offset, writer) for offset, writer in port.writers().items())
        return readers, writers

    def _vendor_reader(self, offset: int) -> Reader:
        return lambda: self._vendor[offset]

    def _vendor_writer(self, offset: int) -> Writer:
        def write(value: int, mask: int) -> None:
            self._vendor[offset] = self._vendor[offset] & ~mask | value & mask

        return write

    def _write_ghc(self, value: int, mask: int) -> None:
        if value & mask & _HR:
            self._ghc = _AE
            self._is = 0
            for port in self.ports:
                port.hba_reset()
        else:
            self._ghc = (self._ghc & ~mask | value & mask) & _IE | _AE
        self._update()

    def _write_is(self, value: int, mask: int) -> None:
        self._is &= ~(value & mask)
        for port in self.ports:
            if port.pending:
                self._is |= 1 << port.index
        self._update()

    def _update(self) -> None:
        self.set_wire(0, bool(self._is and self._ghc & _IE))

    # Accesses that are not one aligned dword

    def _dwords(self, offset: int, size: int) -> list[tuple[int, int, int, int]]:
        """The dwords of an access: offset, lowest bit, mask, and where it goes in the value."""
        parts = []
        big = self.byteorder == "big"
        for dword in range(offset & ~3, offset + size, 4):
            first, last = max(offset, dword), min(offset + size, dword + 4)
            count = last - first
            shift = dword + 4 - last if big else first - dword
            place = offset + size - last if big else first - offset
            parts.append((dword, shift * 8, ((1 << 8 * count) - 1) << shift * 8, place * 8))
        return parts

    def _read_dword(self, region: int, offset: int) -> int:
        if region == _ECC:
            return self._ecc
        reader = self._readers.get(offset)
        return 0 if reader is None else reader()

    def _check_access(self, region: int, offset: int, size: int) -> None:
        if not 0 <= region < len(self.regions):
            raise BusError(Response.ADDRESS_ERROR, f"{self.name}: there is no region {region}")
        window = self.regions[region]
        if size < 1 or offset < 0 or offset + size > window.size:
            raise BusError(
                Response.ADDRESS_ERROR,
                f"{self.name}: access of {size} bytes at {offset:#x} leaves the {window.size:#x}"
                f" bytes of region {window.name}",
            )

    # State

    def _parse_vendor(self, check: Fields) -> dict[int, int]:
        result = {}
        for offset, content in check.pairs("vendor", 0x100):
            result[check.item("vendor", offset, 0xFF)] = check.item("vendor", content, WORD)
        if result.keys() != self._vendor.keys():
            raise check.error("vendor", "expected the registers of this controller")
        return result

    def _load_devices(self, states: list[Any]) -> None:
        """Load every device or, when one refuses, none."""
        before: list[tuple[AtaDevice, dict[str, Any]]] = []
        for port, state in zip(self.ports, states, strict=True):
            if port.device is None:
                continue
            saved = port.device.save()
            try:
                port.device.load(state)
            except StateError:
                for device, old in before:
                    device.load(old)
                raise
            before.append((port.device, saved))
