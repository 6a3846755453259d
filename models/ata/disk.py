# SPDX-License-Identifier: MIT
"""The disk: what a controller sees of it, and how its parts are put together."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from models.ata.access import EXTENDED, AccessCommands, Handler
from models.ata.control import ControlCommands
from models.ata.counters import Counters, Lifetime
from models.ata.error_log import ErrorLog
from models.ata.faults import Faults
from models.ata.identify import Identity
from models.ata.link import CommandError, Exchange, Link, NeverCompletes, failure
from models.ata.logs import TEMPERATURE, Logs
from models.ata.media import Media
from models.ata.medium import Medium
from models.ata.order import QueueOrder
from models.ata.power import Power
from models.ata.queue import CommandQueue
from models.ata.registers import ABRT, QUEUED, READY, Command, DeviceControl, Log
from models.ata.settings import Settings
from models.ata.smart import ONLINE, PREFAIL, Attribute, Smart
from models.ata.transport import LinkLost, RegisterD2H, RegisterH2D, Transport
from models.saved_state import Fields

__all__ = ["AtaDisk"]

_DIAGNOSTIC_PASSED = 0x01
_SIGNATURE = RegisterD2H(READY, _DIAGNOSTIC_PASSED, device=0, lba=1, count=1)
_SRST = DeviceControl.SRST.mask
_STATE = (
    "media",
    "settings",
    "power",
    "counters",
    "smart",
    "errors",
    "queue",
    "logs",
    "buffer",
    "seconds",
    "software_reset",
    "executing",
)


class AtaDisk:
    """An ATA disk on `media`; implements `AtaDevice`.

    `model`, `serial` and `firmware` are ASCII of up to 40, 20 and 8 characters, sizes in bytes;
    the logical sector size is the media's. `ncq_depth` 0 takes native command queuing away,
    `order` chooses among queued commands (as they came without one). `rotation_rate` is 1 for a
    solid state disk, else revolutions per minute. Without a `wwn` one is made from the serial
    number. `clock` gives seconds, for power-on hours and the standby timer.

    The scenario's side, from any thread: `media`, `faults`, `smart`, and to look at, `counters`.
    """

    def __init__(
        self,
        media: Media,
        *,
        model: str = "TESTBED ATA DISK",
        serial: str = "TB00000001",
        firmware: str = "1.0",
        physical_sector_size: int | None = None,
        ncq_depth: int = 32,
        order: QueueOrder | None = None,
        rotation_rate: int = 1,
        wwn: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.media = media
        self.identity = Identity(
            model=model,
            serial=serial,
            firmware=firmware,
            sectors=media.sectors,
            logical_sector_size=media.sector_size,
            physical_sector_size=physical_sector_size or media.sector_size,
            ncq_depth=ncq_depth,
            rotation_rate=rotation_rate,
            wwn=_wwn(serial) if wwn is None else wwn,
        )
        self.faults = Faults()
        self.power = Power(clock)
        self.settings = Settings.power_on(media.sector_size)
        self._lifetime = Lifetime(clock)
        self._link = Link()
        self._errors = ErrorLog(self._lifetime)
        self._medium = Medium(media, self.faults, self.power, Counters())
        self.smart = Smart(self._attributes(), self._first_unreadable, lambda: self._lifetime.hours)
        self._logs = Logs(
            self.identity,
            lambda: self.settings,
            lambda: self.counters,
            self._lifetime,
            self.smart,
            lambda: self._errors,
            lambda: self._queue.error_log,
        )
        self._queue = CommandQueue(
            ncq_depth,
            self._link,
            self._medium,
            lambda: self._logs,
            lambda: self.settings,
            order,
            lambda *registers: self._errors.failed(*registers),
        )
        self._control = ControlCommands(
            self.identity,
            lambda: self.settings,
            self.power,
            self.smart,
            self._logs,
            lambda: _SIGNATURE,
        )
        access = AccessCommands(self._medium, lambda: self.settings)
        self._handlers: dict[int, Handler] = access.handlers() | self._control.handlers()
        self._software_reset = False
        self._executing = False

    @property
    def counters(self) -> Counters:
        """What the disk has counted so far."""
        return self._medium.counters

    @property
    def outstanding(self) -> int:
        """Tags of queued commands that have not ended, as a bit mask."""
        return self._queue.outstanding

    def hold(self) -> None:
        """Be busy with something else: accept queued commands but begin none. From any thread."""
        self._queue.held = True

    def release(self) -> None:
        """Begin the queued commands that `hold` kept waiting. From any thread."""
        self._queue.held = False
        transport = self._link.transport
        if transport is not None:
            transport.work_ready()

    def attach(self, transport: Transport | None) -> None:
        """Plug the disk in, which is power-on, or pull it out. Nothing is sent."""
        self._link.transport = transport
        self._stop()
        self.settings = Settings.power_on(self.media.sector_size)
        self.power.power_on()
        self._lifetime.power_on()
        self._errors.power_on()
        if transport is not None:
            self.counters.power_cycles += 1

    def comreset(self) -> None:
        """Link reset: the disk resets and sends its signature."""
        self.counters.hardware_resets += 1
        self._stop()
        self._software_reset = False
        if not self.settings.preserve:
            self.settings = Settings.power_on(self.media.sector_size)
        self._send_signature()

    def control(self, fis: RegisterH2D) -> None:
        """The Device Control register: SRST set and cleared again is a software reset."""
        asserted = bool(fis.control & _SRST)
        if asserted and not self._software_reset:
            self.counters.software_resets += 1
            self._stop()
            self.settings.software_reset()
        elif self._software_reset and not asserted:
            self._software_reset = False
            self._send_signature()
        self._software_reset = asserted

    def command(self, fis: RegisterH2D) -> None:
        """A command. Non-queued ones are executed before this returns."""
        code = fis.command
        self.counters.codes[code] += 1
        if self._software_reset or self.power.asleep:
            return
        self._errors.arrived(fis)
        with suppress(LinkLost):
            if code in QUEUED and self.identity.ncq_depth:
                self._queue.accept(fis)
            else:
                self._execute(fis)

    def step(self) -> bool:
        """Execute one queued command; False when there is none left to execute."""
        return self._queue.step()

    def save(self) -> dict[str, Any]:
        """All of the disk but its faults, as JSON-able data. Of the media, what was written."""
        return {
            "media": self.media.save(),
            "settings": self.settings.to_json(),
            "power": self.power.save(),
            "counters": self.counters.to_json(),
            "smart": self.smart.to_json(),
            "errors": self._errors.to_json(),
            "queue": self._queue.to_json(),
            "logs": self._logs.to_json(),
            "buffer": self._control.save_buffer(),
            "seconds": self._lifetime.seconds,
            "software_reset": self._software_reset,
            "executing": self._executing,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state that `save` made; StateError, and nothing changed, when it is bad."""
        check = Fields("disk", state, _STATE)
        media = self.media.checked(check.value("media"))
        settings = Settings.from_json(check.value("settings"), self.media.sector_size)
        power = Power.checked(check.value("power"))
        counters = Counters.from_json(check.value("counters"))
        smart = Smart.checked(check.value("smart"), self.smart.numbers)
        errors = ErrorLog.from_json(check.value("errors"), self._lifetime)
        queue = CommandQueue.checked(check.value("queue"), self.identity.ncq_depth)
        logs = Logs.checked(check.value("logs"))
        buffer = ControlCommands.checked_buffer(check)
        seconds = check.seconds("seconds")
        software_reset = check.flag("software_reset")
        executing = check.flag("executing")
        self._link.epoch += 1
        self.media.take(media)
        self.settings = settings
        self.power.take(power)
        self._medium.counters = counters
        self.smart.take(smart)
        self._errors = errors
        self._queue.take(queue)
        self._logs.take(logs)
        self._control.take_buffer(buffer)
        self._lifetime.set(seconds)
        self._software_reset = software_reset
        self._executing = executing

    def _execute(self, fis: RegisterH2D) -> None:
        if self._queue.halted or self._queue.outstanding:
            reads_log = fis.command in (Command.READ_LOG_EXT, Command.READ_LOG_DMA_EXT)
            if not (reads_log and fis.lba & 0xFF == Log.NCQ_COMMAND_ERROR):
                self._queue.refuse(fis, None)
                return
            self._queue.recover()
        link = Exchange(self._link)
        self._executing = True
        try:
            handler = self._handlers.get(fis.command)
            if handler is None:
                raise CommandError(ABRT)
            answer = handler(fis, link)
        except CommandError as error:
            answer = failure(fis, error.error, error.lba, fis.command in EXTENDED)
            self._errors.failed(error.error, answer.device, answer.lba, answer.count)
        except NeverCompletes:
            return
        self._executing = False
        if answer is not None:
            link.register(answer)

    def _stop(self) -> None:
        """Everything that a reset of any kind ends."""
        if self._executing or self._queue.outstanding:
            self.counters.interrupted += 1
        self._executing = False
        self._link.epoch += 1
        self._queue.reset()
        self.power.reset()

    def _send_signature(self) -> None:
        with suppress(LinkLost):
            self._link.send(_SIGNATURE)

    def _first_unreadable(self) -> int | None:
        return self.faults.unreadable(0, self.media.sectors, strike=False)

    def _attributes(self) -> list[Attribute]:
        def bad() -> int:
            return self.faults.uncorrectable_sectors

        return [
            Attribute(1, PREFAIL | ONLINE, 50, lambda: 0),  # raw read error rate
            Attribute(5, PREFAIL | ONLINE, 10, lambda: 0),  # reallocated sectors
            Attribute(9, ONLINE, 0, lambda: self._lifetime.hours),
            Attribute(12, ONLINE, 0, lambda: self.counters.power_cycles),
            Attribute(187, ONLINE, 0, lambda: self.counters.uncorrectable),
            Attribute(194, ONLINE, 0, lambda: TEMPERATURE),
            Attribute(197, ONLINE, 0, bad),  # pending sectors
            Attribute(198, ONLINE, 0, bad),  # uncorrectable sectors, off-line
            Attribute(199, ONLINE, 0, lambda: self.counters.interface_crc),
            Attribute(241, ONLINE, 0, lambda: self.counters.sectors_written),
            Attribute(242, ONLINE, 0, lambda: self.counters.sectors_read),
        ]


def _wwn(serial: str) -> int:
    """A locally assigned NAA (type 3h) that two disks of different serial number do not share."""
    digest = hashlib.sha256(serial.encode("utf-8")).digest()
    return 0x3 << 60 | int.from_bytes(digest[:8], "big") >> 4
