# SPDX-License-Identifier: MIT
"""The controller: its register page and what lies around its port."""

from __future__ import annotations

from typing import Any

from models.alarm import AlarmFactory, WallAlarm
from models.ata.transport import AtaDevice
from models.fsl_sata.port import SPEED, Port
from models.fsl_sata.registers import REGISTERS, SLOTS, STORED
from models.saved_state import Fields
from models.words import Page, Reader, WordDevice, Writer
from testbed.errors import Stage, TestbedError
from testbed.remoteport.device import Link, Region

_SIZE = 0x1000


class FslSata(WordDevice):
    """A PowerQUICC or QorIQ SATA controller with `device` on its port, or none.

    `tick` is the length of the bus clock's period in seconds, which ICC counts; `alarm` makes its
    source of time. TestbedError when the parameters do not make a controller.
    """

    regions = (Region("sata", _SIZE, REGISTERS),)
    wires = ("interrupt",)

    def __init__(
        self,
        name: str = "sata",
        device: AtaDevice | None = None,
        *,
        tick: float = 5e-9,
        alarm: AlarmFactory = WallAlarm,
    ) -> None:
        super().__init__(name, "little", self.regions)
        if not 0 < tick < 1:
            raise TestbedError(
                Stage.MODEL, f"{name}: a tick of {tick} s; give one above 0 and below 1"
            )
        self.alarm = alarm
        self._stored = {offset: register.reset for offset, register in STORED.items()}
        self.ports = (Port(self, device, tick),)
        self._page = self._connect()

    @property
    def slots(self) -> int:
        """How many commands can be outstanding at once."""
        return SLOTS

    @property
    def speed(self) -> int:
        """The fastest generation of the link."""
        return SPEED

    # Device

    def read_word(self, region: int, offset: int) -> int:
        return self._page.read(offset)

    def write_word(self, region: int, offset: int, value: int) -> None:
        self._page.write(offset, value)

    def reset(self) -> None:
        """Power-on of the controller. What is plugged in stays."""
        self._stored = {offset: register.reset for offset, register in STORED.items()}
        self._port.power_on()

    def quiesce(self) -> None:
        self._port.quiesce()

    def attach(self, link: Link) -> None:
        super().attach(link)
        with self.lock:
            self._port.resume()

    def save(self) -> dict[str, Any]:
        """Everything the controller holds, and the state of the device on its port."""
        return {
            "stored": [[offset, value] for offset, value in self._stored.items()],
            "port": self._port.save(),
        }

    def load(self, state: dict[str, Any]) -> None:
        check = Fields(self.name, state, ("stored", "port"))
        stored = self._parse_stored(check)
        registers, deepest_queue, device = self._port.parse(check.value("port"), check)
        if self._port.device is not None:
            self._port.device.load(device)
        self._stored = stored
        self._port.take(registers, deepest_queue)

    @property
    def _port(self) -> Port:
        return self.ports[0]

    def _connect(self) -> Page:
        readers = self._port.readers()
        writers = self._port.writers()
        for offset in STORED:
            readers[offset], writers[offset] = self._storage(offset)
        return Page({}, readers, writers)

    def _storage(self, offset: int) -> tuple[Reader, Writer]:
        def read() -> int:
            return self._stored[offset]

        def write(value: int) -> None:
            self._stored[offset] = value

        return read, write

    def _parse_stored(self, check: Fields) -> dict[int, int]:
        result = {}
        for offset, content in check.pairs("stored", len(STORED)):
            place = check.item("stored", offset, _SIZE)
            result[place] = check.item("stored", content, 0xFFFFFFFF)
        if result.keys() != STORED.keys():
            raise check.error("stored", "expected the registers of this controller")
        return result
