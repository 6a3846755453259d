# SPDX-License-Identifier: MIT
"""Non-queued commands that reach for the medium: read, write, verify, flush, trim (ACS-3, 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from models.ata.identify import BLOCK
from models.ata.link import DMA_PIECE, CommandError, Exchange, success
from models.ata.medium import Medium, Transfer
from models.ata.registers import ABRT, DEVICE_LBA, LBA28_DEVICE, Command
from models.ata.settings import Settings
from models.ata.transport import LinkErrors, RegisterD2H, RegisterH2D

Handler = Callable[[RegisterH2D, Exchange], RegisterD2H | None]


class Protocol(Enum):
    """How a command's data cross the link."""

    PIO = auto()  # in blocks of one sector
    MULTIPLE = auto()  # in blocks of SET MULTIPLE MODE
    DMA = auto()


@dataclass(frozen=True, slots=True)
class Access:
    """One read or write command. `extended`: with 48-bit address and 16-bit count."""

    command: Command
    protocol: Protocol
    extended: bool
    writes: bool = False


ACCESSES = (
    Access(Command.READ_SECTORS, Protocol.PIO, False),
    Access(Command.READ_SECTORS_EXT, Protocol.PIO, True),
    Access(Command.READ_MULTIPLE, Protocol.MULTIPLE, False),
    Access(Command.READ_MULTIPLE_EXT, Protocol.MULTIPLE, True),
    Access(Command.READ_DMA, Protocol.DMA, False),
    Access(Command.READ_DMA_EXT, Protocol.DMA, True),
    Access(Command.WRITE_SECTORS, Protocol.PIO, False, True),
    Access(Command.WRITE_SECTORS_EXT, Protocol.PIO, True, True),
    Access(Command.WRITE_MULTIPLE, Protocol.MULTIPLE, False, True),
    Access(Command.WRITE_MULTIPLE_EXT, Protocol.MULTIPLE, True, True),
    Access(Command.WRITE_MULTIPLE_FUA_EXT, Protocol.MULTIPLE, True, True),
    Access(Command.WRITE_DMA, Protocol.DMA, False, True),
    Access(Command.WRITE_DMA_EXT, Protocol.DMA, True, True),
    Access(Command.WRITE_DMA_FUA_EXT, Protocol.DMA, True, True),
)
EXTENDED = frozenset(
    {access.command for access in ACCESSES if access.extended}
    | {Command.READ_VERIFY_SECTORS_EXT, Command.FLUSH_CACHE_EXT, Command.DATA_SET_MANAGEMENT}
)


def address(fis: RegisterH2D, extended: bool) -> tuple[int, int]:
    """LBA and sector count. CommandError ABRT for a cylinder/head/sector address."""
    if extended:
        return fis.lba, fis.count or 65536
    if not fis.device & DEVICE_LBA:
        raise CommandError(ABRT)
    return fis.lba & 0xFFFFFF | (fis.device & LBA28_DEVICE) << 24, fis.count & 0xFF or 256


class AccessCommands:
    """The handlers, for one disk. `settings` gives the current ones."""

    def __init__(self, medium: Medium, settings: Callable[[], Settings]) -> None:
        self._medium = medium
        self._settings = settings

    def handlers(self) -> dict[int, Handler]:
        table: dict[int, Handler] = {
            Command.READ_VERIFY_SECTORS: lambda fis, link: self._verify(fis, False),
            Command.READ_VERIFY_SECTORS_EXT: lambda fis, link: self._verify(fis, True),
            Command.FLUSH_CACHE: self._flush,
            Command.FLUSH_CACHE_EXT: self._flush,
            Command.DATA_SET_MANAGEMENT: self._data_set_management,
        }
        for access in ACCESSES:
            table[access.command] = self._handler(access)
        return table

    def _handler(self, access: Access) -> Handler:
        run = self._write if access.writes else self._read
        return lambda fis, link: run(access, fis, link)

    def _begin(self, access: Access, fis: RegisterH2D) -> tuple[int, Transfer]:
        if access.protocol is Protocol.MULTIPLE and not self._settings().multiple:
            raise CommandError(ABRT)
        lba, count = address(fis, access.extended)
        self._medium.check(lba, count)
        return lba, self._medium.begin(lba, count, not access.writes)

    def _read(self, access: Access, fis: RegisterH2D, link: Exchange) -> RegisterD2H | None:
        medium = self._medium
        lba, transfer = self._begin(access, fis)
        medium.counters.reads += 1
        pio = access.protocol is not Protocol.DMA
        if transfer.broken is not None:
            medium.broken_link(outward=True)
            link.link_error(LinkErrors.CRC, transfer.broken.fatal)
            transfer.size = 0
        for position, piece in self._pieces(access, transfer.size):
            first = lba + position // medium.sector_size
            data = medium.read(first, -(-piece // medium.sector_size))[:piece]
            if pio:
                last = position + piece == transfer.size and not transfer.error
                link.pio_in(fis, data, last)
            else:
                link.dma_in(data)
        if transfer.error:
            raise CommandError(transfer.error, transfer.lba)
        # A PIO read ends with its last block; one that moved nothing has to end otherwise.
        return None if pio and transfer.size else success(fis)

    def _write(self, access: Access, fis: RegisterH2D, link: Exchange) -> RegisterD2H:
        medium = self._medium
        lba, transfer = self._begin(access, fis)
        medium.counters.writes += 1
        for position, piece in self._pieces(access, transfer.size):
            if access.protocol is Protocol.DMA:
                data = link.dma_out(piece)
            else:
                data = link.pio_out(fis, piece, position == 0)
            if transfer.broken is None:
                whole = piece - piece % medium.sector_size
                medium.write(lba + position // medium.sector_size, data[:whole])
        if transfer.broken is not None:
            medium.broken_link(outward=False)
            link.link_error(LinkErrors.HANDSHAKE, transfer.broken.fatal)
        if transfer.error:
            raise CommandError(transfer.error, transfer.lba)
        return success(fis)

    def _pieces(self, access: Access, size: int) -> Iterator[tuple[int, int]]:
        """Position and size of each block that crosses the link in one go."""
        match access.protocol:
            case Protocol.PIO:
                most = self._medium.sector_size
            case Protocol.MULTIPLE:
                most = self._medium.sector_size * self._settings().multiple
            case Protocol.DMA:
                most = DMA_PIECE
        for position in range(0, size, most):
            yield position, min(most, size - position)

    def _verify(self, fis: RegisterH2D, extended: bool) -> RegisterD2H:
        self._medium.verify(*address(fis, extended))
        return success(fis)

    def _flush(self, fis: RegisterH2D, link: Exchange) -> RegisterD2H:
        self._medium.flush()
        return success(fis)

    def _data_set_management(self, fis: RegisterH2D, link: Exchange) -> RegisterD2H:
        if not fis.features & 1:
            raise CommandError(ABRT)
        self._medium.check_trim(fis.count)
        self._medium.trim(link.dma_out(fis.count * BLOCK))
        return success(fis)
