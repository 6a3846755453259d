# SPDX-License-Identifier: MIT
"""Native command queuing (Serial ATA 3.x, sections 11.15 and 13.6).

A queued command is accepted at once and executed by `step`. The first error stops the queue: all
other commands are dropped without a word, and everything but READ LOG (DMA) EXT of log 10h is
aborted until that log is read or the disk is reset.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import takewhile
from typing import Any

from models.ata.error_log import fis_of
from models.ata.identify import BLOCK
from models.ata.link import DMA_PIECE, CommandError, Link, NeverCompletes
from models.ata.logs import Logs
from models.ata.medium import Medium
from models.ata.ncq_log import NO_ERROR, command_error
from models.ata.order import QueueOrder
from models.ata.registers import ABRT, FAILED, READY, Command
from models.ata.settings import Settings
from models.ata.transport import (
    DmaSetup,
    LinkErrors,
    LinkLost,
    RegisterD2H,
    RegisterH2D,
    SetDeviceBits,
    Transport,
)
from models.saved_state import Fields

TAGS = 32
_ALL = 0xFFFFFFFF
_NON_DATA = int(Command.NCQ_NON_DATA)
_ACCEPTED = RegisterD2H(status=READY, device=0x40)
_FINISHED = tuple(SetDeviceBits(READY, 0, 1 << tag, True) for tag in range(TAGS))
_ABORT_QUEUE, _ABORT_ALL, _ABORT_SELECTED = 0, 0, 3
_DATA_SET_MANAGEMENT, _READ_LOG_DMA_EXT = 0, 1

Failed = Callable[[int, int, int, int], None]


class CommandQueue:
    """The queue of one disk: 1 to 32 deep, or 0 when the disk has none.

    `failed` is told of each error with its Error, Device, LBA and Count. `settings` gives the
    current ones.
    """

    def __init__(
        self,
        depth: int,
        link: Link,
        medium: Medium,
        logs: Callable[[], Logs],
        settings: Callable[[], Settings],
        order: QueueOrder | None,
        failed: Failed,
    ) -> None:
        self._depth = depth
        self._link = link
        self._medium = medium
        self._logs = logs
        self._settings = settings
        self._order = order
        self._failed = failed
        self._waiting: dict[int, RegisterH2D] = {}
        self._stuck: dict[int, RegisterH2D] = {}  # started, and will never complete
        self._urgent = 0  # waiting ones that go before others
        self._earlier: list[int] = []  # accepted before the immediate command under way
        self._stepping = False
        self.held = False
        self.halted = False
        self.error_log = NO_ERROR

    @property
    def outstanding(self) -> int:
        """The tags that the host waits for, as a bit mask."""
        mask = 0
        for tag in (*self._waiting, *self._stuck):
            mask |= 1 << tag
        return mask

    @property
    def runnable(self) -> bool:
        """Whether `step` has something to do."""
        return bool(self._waiting)

    def accept(self, fis: RegisterH2D) -> None:
        """A queued command arrived; LinkLost when the link does not take the answer."""
        tag = fis.count >> 3 & 0x1F
        waiting = self._waiting
        if self.halted or tag >= self._depth:
            self.refuse(fis, None if self.halted else tag)
            return
        if tag in waiting or tag in self._stuck:
            self.refuse(fis, tag)
            return
        waiting[tag] = fis
        if _is_urgent(fis):
            self._urgent += 1
        counters = self._medium.counters
        counters.queued += 1
        depth = len(waiting) + len(self._stuck)
        if depth > counters.deepest_queue:
            counters.deepest_queue = depth
        self._link.send(_ACCEPTED)

    def refuse(self, fis: RegisterH2D, tag: int | None) -> None:
        """Abort a command with a Register FIS and everything outstanding with it.

        `tag` names the queued command to blame; None for a non-queued one, or when the queue has
        stopped already.
        """
        if not self.halted and (self._waiting or self._stuck or tag is not None):
            self._halt(tag, fis, ABRT, fis.lba)
        self._link.send(RegisterD2H(FAILED, ABRT, fis.device, fis.lba, fis.count, interrupt=True))

    def recover(self) -> None:
        """READ LOG EXT of log 10h arrived: forget the queue, and say so; LinkLost as `accept`."""
        if self.halted or self._waiting or self._stuck:
            self.clear()
            transport = self._link.transport
            if transport is None:
                raise LinkLost("no controller")
            transport.send_set_device_bits(SetDeviceBits(READY, 0, _ALL))

    def clear(self) -> None:
        """Forget what is outstanding, without a word."""
        self._drop()
        self.halted = False

    def reset(self) -> None:
        """As `clear`, and the error log with it."""
        self.clear()
        self.error_log = NO_ERROR

    def step(self) -> bool:
        """Execute one command. False when none is left that can be executed."""
        if self._stepping or self.held or not self._waiting:
            return False
        transport = self._link.transport
        if transport is None:
            return False
        tag = self._choose()
        fis = self._waiting[tag]
        if _is_urgent(fis):
            self._urgent -= 1
            if fis.command == _NON_DATA:
                self._earlier = [*takewhile(tag.__ne__, self._waiting), *self._stuck]
        del self._waiting[tag]
        epoch = self._link.epoch
        # Until it ends well or badly the host waits for it: also if the link is lost meanwhile.
        self._stuck[tag] = fis
        self._stepping = True
        try:
            self._execute(tag, fis, transport, epoch)
        except CommandError as error:
            if self._link.epoch == epoch:
                self._fail(tag, fis, error, transport)
        except (NeverCompletes, LinkLost):
            pass
        finally:
            self._stepping = False
        return bool(self._waiting)

    def to_json(self) -> dict[str, Any]:
        return {
            "waiting": [fis.to_bytes().hex() for fis in self._waiting.values()],
            "stuck": [fis.to_bytes().hex() for fis in self._stuck.values()],
            "halted": self.halted,
            "error_log": self.error_log.hex(),
        }

    @staticmethod
    def checked(state: Any, depth: int) -> tuple[list[RegisterH2D], list[RegisterH2D], bool, bytes]:
        """A saved state unpacked, for `take`; StateError when it is bad."""
        check = Fields("disk", state, ("waiting", "stuck", "halted", "error_log"), "queue")
        lists = []
        seen: set[int] = set()
        for field in ("waiting", "stuck"):
            commands = [fis_of(check, field, text) for text in check.items(field, depth)]
            for fis in commands:
                tag = fis.count >> 3 & 0x1F
                if tag in seen or tag >= depth or fis.command not in _EXECUTE:
                    raise check.error(
                        field, f"no queue has command {fis.command:#04x} with tag {tag}"
                    )
                seen.add(tag)
            lists.append(commands)
        halted = check.flag("halted")
        if halted and seen:
            raise check.error("halted", "but commands are outstanding")
        log = check.hexadecimal("error_log", BLOCK)
        if sum(log) & 0xFF:
            raise check.error("error_log", "a checksum that no log page has")
        return lists[0], lists[1], halted, log

    def take(self, checked: tuple[list[RegisterH2D], list[RegisterH2D], bool, bytes]) -> None:
        """Hold what `checked` gave."""
        waiting, stuck, self.halted, self.error_log = checked
        self._waiting = {fis.count >> 3 & 0x1F: fis for fis in waiting}
        self._stuck = {fis.count >> 3 & 0x1F: fis for fis in stuck}
        self._urgent = sum(map(_is_urgent, waiting))

    def _choose(self) -> int:
        waiting = self._waiting
        if self._urgent:
            highest = max(map(_rank, waiting.values()))
            waiting = {tag: fis for tag, fis in waiting.items() if _rank(fis) == highest}
        if self._order is None or len(waiting) == 1:
            return next(iter(waiting))
        tag = self._order.choose(waiting)
        return tag if tag in waiting else next(iter(waiting))

    def _execute(self, tag: int, fis: RegisterH2D, transport: Transport, epoch: int) -> None:
        finished = _EXECUTE[fis.command](self, tag, fis, transport, epoch)
        if self._link.epoch == epoch:
            del self._stuck[tag]
            transport.send_set_device_bits(finished)

    def _read(self, tag: int, fis: RegisterH2D, transport: Transport, epoch: int) -> SetDeviceBits:
        medium, lba, count = self._medium, fis.lba, fis.features or 65536
        medium.check(lba, count)
        medium.counters.reads += 1
        transfer = medium.begin(lba, count, True)
        size, sector_size = transfer.size, medium.sector_size
        if size:
            transport.send_dma_setup(DmaSetup(tag, True, transfer_count=size))
        if transfer.broken is not None:
            medium.broken_link(outward=True)
            transport.link_error(LinkErrors.CRC, transfer.broken.fatal)
            size = 0
        position = 0
        while position < size and self._link.epoch == epoch:
            piece = min(size - position, DMA_PIECE)
            data = medium.read(lba + position // sector_size, -(-piece // sector_size))
            transport.send_data(data if len(data) == piece else data[:piece])
            position += piece
        if transfer.error:
            raise CommandError(transfer.error, transfer.lba)
        return _FINISHED[tag]

    def _write(self, tag: int, fis: RegisterH2D, transport: Transport, epoch: int) -> SetDeviceBits:
        medium, lba, count = self._medium, fis.lba, fis.features or 65536
        medium.check(lba, count)
        medium.counters.writes += 1
        transfer = medium.begin(lba, count, False)
        size, sector_size = transfer.size, medium.sector_size
        position = 0
        while position < size and self._link.epoch == epoch:
            piece = min(size - position, DMA_PIECE)
            data = self._receive(tag, size, position, piece, transport, epoch)
            if transfer.broken is None and self._link.epoch == epoch:
                whole = piece - piece % sector_size
                medium.write(
                    lba + position // sector_size, data if whole == piece else data[:whole]
                )
            position += piece
        if transfer.broken is not None and self._link.epoch == epoch:
            medium.broken_link(outward=False)
            transport.link_error(LinkErrors.HANDSHAKE, transfer.broken.fatal)
        if transfer.error:
            raise CommandError(transfer.error, transfer.lba)
        return _FINISHED[tag]

    def _receive(
        self, tag: int, size: int, position: int, piece: int, transport: Transport, epoch: int
    ) -> bytes:
        """One piece of `size` bytes from the host; the first announces all of them."""
        activate = True
        if position == 0:
            activate = not self._settings().auto_activate
            transport.send_dma_setup(DmaSetup(tag, False, not activate, transfer_count=size))
        if activate:
            transport.send_dma_activate()
        data = transport.receive_data(piece)
        if len(data) < piece:
            raise NeverCompletes  # waits for the rest, which the host has no buffer for
        return data if len(data) == piece else data[:piece]

    def _send(self, tag: int, fis: RegisterH2D, transport: Transport, epoch: int) -> SetDeviceBits:
        if fis.count >> 8 & 0x1F != _DATA_SET_MANAGEMENT or not fis.auxiliary & 1:
            raise CommandError(ABRT)
        self._medium.check_trim(fis.features)
        size = fis.features * BLOCK
        ranges = self._receive(tag, size, 0, size, transport, epoch)
        if self._link.epoch == epoch:
            self._medium.trim(ranges)
        return _FINISHED[tag]

    def _receive_log(
        self, tag: int, fis: RegisterH2D, transport: Transport, epoch: int
    ) -> SetDeviceBits:
        if fis.count >> 8 & 0x1F != _READ_LOG_DMA_EXT:
            raise CommandError(ABRT)
        data = self._logs().read(fis.lba & 0xFF, log_page(fis.lba), fis.features)
        transport.send_dma_setup(DmaSetup(tag, True, transfer_count=len(data)))
        if self._link.epoch == epoch:
            transport.send_data(data)
        return _FINISHED[tag]

    def _non_data(
        self, tag: int, fis: RegisterH2D, transport: Transport, epoch: int
    ) -> SetDeviceBits:
        if fis.features & 0xF != _ABORT_QUEUE:
            raise CommandError(ABRT)
        kind, target = fis.features >> 4 & 0xF, fis.lba >> 3 & 0x1F
        if kind == _ABORT_ALL:
            tags = self._earlier
        elif kind == _ABORT_SELECTED and target != tag and target < self._depth:
            tags = [earlier for earlier in self._earlier if earlier == target]
        else:
            raise CommandError(ABRT)
        mask = 1 << tag
        for aborted in tags:
            if self._stuck.pop(aborted, None) is None:
                self._urgent -= _is_urgent(self._waiting.pop(aborted))
            mask |= 1 << aborted
        return SetDeviceBits(READY, 0, mask, True)

    def _fail(self, tag: int, fis: RegisterH2D, error: CommandError, transport: Transport) -> None:
        self._halt(tag, fis, error.error, fis.lba if error.lba is None else error.lba)
        with suppress(LinkLost):
            transport.send_set_device_bits(SetDeviceBits(FAILED, error.error, 0, True))

    def _halt(self, tag: int | None, fis: RegisterH2D, error: int, lba: int) -> None:
        self.error_log = command_error(tag, fis, error, lba)
        self._drop()
        self.halted = True
        self._failed(error, fis.device, lba & 0xFFFFFFFFFFFF, fis.count)

    def _drop(self) -> None:
        self._link.epoch += 1
        self._waiting.clear()
        self._stuck.clear()
        self._urgent = 0


def log_page(lba: int) -> int:
    """The page number of READ LOG EXT and its like."""
    return lba >> 8 & 0xFF | lba >> 24 & 0xFF00


def _is_urgent(fis: RegisterH2D) -> bool:
    return fis.count > 0x3FFF or fis.command == _NON_DATA


def _rank(fis: RegisterH2D) -> int:
    """Immediate commands, then high priority, then isochronous, then the rest."""
    return 4 if fis.command == _NON_DATA else fis.count >> 14


_EXECUTE: dict[int, Callable[[CommandQueue, int, RegisterH2D, Transport, int], SetDeviceBits]] = {
    Command.READ_FPDMA_QUEUED: CommandQueue._read,
    Command.WRITE_FPDMA_QUEUED: CommandQueue._write,
    Command.SEND_FPDMA_QUEUED: CommandQueue._send,
    Command.RECEIVE_FPDMA_QUEUED: CommandQueue._receive_log,
    Command.NCQ_NON_DATA: CommandQueue._non_data,
}
