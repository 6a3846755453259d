# SPDX-License-Identifier: MIT
"""The cryptographic control block: FIFOs, alignment blocks, class registers and the units on them.

Everything that can move, moves at once: when a call returns, data wait only for what is not there
yet (their operation, more input, somewhere to go).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from models.sec.cha.select import select
from models.sec.cha.unit import ChaError, ChaId, ErrorId, InputType, PkhaRegisters
from models.sec.deco.bus import Bus
from models.sec.deco.errors import DecoError, ErrorCode
from models.sec.deco.fifo import Bytes, OutputFifo
from models.sec.deco.info import Info, padding
from models.sec.deco.lane import Item, Lane
from models.sec.deco.tables import (
    RNG_ALGORITHM,
    SOURCE_DATA,
    SOURCE_OUTPUT,
    SOURCE_PAD,
    SOURCE_SNOOP,
)
from models.sec.services import SecServices

__all__ = ["Ccb", "Store"]


@dataclass(slots=True)
class Store:
    """A FIFO STORE of message data that is not complete: where its bytes go, in order."""

    pieces: deque[tuple[int, int]]
    index: int


class Ccb:
    """See the module's text. `bus` is where stored data goes."""

    def __init__(self, services: SecServices, bus: Bus) -> None:
        self._services = services
        self._bus = bus
        self.lane1 = Lane(1)
        self.lane2 = Lane(2)
        self.class1 = self.lane1.registers
        self.class2 = self.lane2.registers
        self.pkha = PkhaRegisters()
        self.public_key = False
        self.input = Bytes()
        self.alternate = Bytes()
        self.block = Bytes()
        self.output = OutputFifo()
        self.info: deque[Info] = deque()
        self.stores: deque[Store] = deque()
        self.auto_info = True
        self._owed = 0  # output that class 2 still gets of what class 1 was given with snoop
        self._owed_last = False
        self._pkha_used = False

    def reset(self) -> None:
        """Between jobs: everything but the class registers."""
        self.lane1.reset()
        self.lane2.reset()
        self.public_key = False
        self.input.clear()
        self.alternate.clear()
        self.block.clear()
        self.output.clear()
        self.info.clear()
        self.stores.clear()
        self.auto_info = True
        self._owed = 0
        self._owed_last = False
        if self._pkha_used:
            self.pkha.clear()
            self._pkha_used = False

    def lane(self, number: int) -> Lane:
        return self.lane1 if number == 1 else self.lane2

    # Operations

    def operate(self, number: int, word: int) -> None:
        """OPERATION `word` of class 1 or 2."""
        lane = self.lane(number)
        other = self.lane2 if number == 1 else self.lane1
        if lane.unit is not None:
            if number == 1:
                raise ChaError(ChaId.NONE, ErrorId.CLASS1_NOT_RESET)
            self.finish(lane)
        lane.registers.mode = word
        random = (word >> 16 & 0xFF) == RNG_ALGORITHM
        lane.begin(
            select(word, lane.registers, other.registers, self._services),
            needs_no_input=random,
        )
        if number == 1:
            self.public_key = False
        if lane.waiting or self.info:
            self.settle()

    def use_pkha(self) -> PkhaRegisters:
        """The PKHA's registers, to be cleared after this job."""
        self._pkha_used = True
        return self.pkha

    def finish(self, lane: Lane) -> None:
        """Return when `lane` is done: at once, or the watchdog's error when it never will be."""
        if not lane.busy:
            return
        if not lane.needs_no_input:
            raise DecoError(ErrorCode.WATCHDOG)
        self._close(lane)

    def clear_mode(self, lane: Lane) -> None:
        """Make ready for another operation."""
        if lane.needs_no_input:
            self.finish(lane)
        lane.end()
        lane.registers.mode = 0

    # Data in

    def load(self, entry: Info, data: bytes) -> None:
        """Data with their own entry, as FIFO LOAD brings them."""
        if self.info or self.input.size:
            self.input.push(data)
            self.info.append(entry)
            self.settle()
        elif entry.source == SOURCE_DATA:
            self._deliver(entry, data, True)
        else:
            self.input.push(data)
            self.info.append(entry)
            self.settle()

    def push_info(self, entry: Info) -> None:
        self.info.append(entry)
        self.settle()

    def push_input(self, data: bytes, alternate: bool = False) -> None:
        (self.alternate if alternate else self.input).push(data)
        if self.info:
            self.settle()

    def settle(self) -> None:
        """Move what can be moved."""
        self._run(self.lane1)
        self._run(self.lane2)
        while self.info and self._step(self.info[0]):
            pass

    def _step(self, entry: Info) -> bool:
        """Do what can be done of the oldest entry; False when it has to wait for more."""
        if entry.source == SOURCE_PAD:
            data = padding(entry.pad, entry.length, self._services)
        elif entry.source == SOURCE_OUTPUT:
            data = self.output.read(entry.length)
        else:
            if entry.source == SOURCE_SNOOP and not self.lane1.busy:
                return False
            fifo = self.alternate if entry.alternate else self.input
            if entry.whole and fifo.size < entry.length:
                return False
            data = fifo.take(entry.length)
        if not data and entry.length:
            return False
        entry.length -= len(data)
        complete = not entry.length
        if complete:
            self.info.popleft()
        self._deliver(entry, data, complete)
        return complete

    def _deliver(self, entry: Info, data: bytes, complete: bool) -> None:
        kind = entry.kind
        if kind is None:
            return
        if entry.register:
            self._load_register(kind, data)
        elif entry.source == SOURCE_SNOOP:
            self._put(
                self.lane1,
                Item(
                    kind,
                    data,
                    last=complete and entry.last1,
                    flush=complete and entry.flush1,
                    snoop=True,
                    snoop_last=complete and entry.last2,
                ),
            )
        elif not entry.dest:
            self.block.push(data)
        else:
            if entry.dest & 1:
                last, flush = complete and entry.last1, complete and entry.flush1
                self._count(self.lane1, kind, len(data))
                self._put(self.lane1, Item(kind, data, last, flush))
            if entry.dest & 2:
                last, flush = complete and entry.last2, complete and entry.flush2
                self._count(self.lane2, kind, len(data))
                self._put(self.lane2, Item(kind, data, last, flush))

    def _load_register(self, kind: InputType, data: bytes) -> None:
        if kind is InputType.SBOX:
            self.class1.sbox = data
        else:
            self.use_pkha().load(kind, data)

    @staticmethod
    def _count(lane: Lane, kind: InputType, size: int) -> None:
        registers = lane.registers
        if kind is InputType.MESSAGE:
            registers.data_size += size
        elif kind is InputType.AAD:
            registers.aad_size += size
        elif kind is InputType.IV:
            registers.iv_size += size

    def _put(self, lane: Lane, item: Item) -> None:
        if lane.busy and not lane.waiting and (lane.number == 2 or item.kind is not InputType.POLY):
            self._feed(lane, item)
        else:
            lane.put(item)

    def _run(self, lane: Lane) -> None:
        while lane.ready():
            self._feed(lane, lane.waiting.popleft())

    def _feed(self, lane: Lane, item: Item) -> None:
        unit = lane.unit
        assert unit is not None
        output = unit.feed(item.kind, item.data, item.last, item.flush)
        closes = lane.closes(unit, item)
        if lane.number == 1:
            if item.snoop:
                self._owed += len(item.data)
                self._owed_last = self._owed_last or item.snoop_last
            self._emit(output, more=closes)
        if closes:
            self._close(lane)

    def _close(self, lane: Lane) -> None:
        assert lane.unit is not None
        lane.done = True
        output = lane.unit.finish()
        if lane.number == 1:
            self._owed = min(self._owed, len(output))
            self._emit(output)

    # Data out

    def _emit(self, data: bytes, more: bool = False) -> None:
        """Output of the class 1 unit; `more` follows in any case."""
        snooped = self._owed or self._owed_last
        if data:
            if self.stores and not self.output.size and not self.info:
                data_left = self._to_stores(data)
                if data_left:
                    self.output.push(data_left)
            else:
                self.output.push(data)
        if snooped:
            self.output.skip()
            part = data[: self._owed]
            self._owed -= len(part)
            last = self._owed_last and not self._owed and not more
            if part or last:
                self._owed_last = self._owed_last and not last
                self._put(self.lane2, Item(InputType.MESSAGE, part, last=last))
        if self.output.size:
            self._overflow()

    def push_output(self, data: bytes) -> None:
        """Data into the output FIFO that no unit made."""
        self.output.push(data)
        self._overflow()

    def _overflow(self) -> None:
        while self.info and self.info[0].source == SOURCE_OUTPUT and self._step(self.info[0]):
            pass
        self.drain()

    def store(self, pieces: list[tuple[int, int]], index: int) -> None:
        """A FIFO STORE of message data to `pieces` by the command at `index`."""
        if pieces:
            self.stores.append(Store(deque(pieces), index))
            self.drain()

    def drain(self) -> None:
        """Hand the output FIFO to the stores that wait."""
        while self.stores and self.output.size:
            address, size = self.stores[0].pieces[0]
            self._write(self.output.take(min(size, self.output.size)), address, size)

    def _to_stores(self, data: bytes) -> bytes:
        """As `drain`, for data that never were in the FIFO; what is left over."""
        while self.stores and data:
            address, size = self.stores[0].pieces[0]
            part = data if len(data) <= size else data[:size]
            self._write(part, address, size)
            data = data[len(part) :]
        return data

    def _write(self, data: bytes, address: int, size: int) -> None:
        store = self.stores[0]
        current = self._bus.index
        self._bus.index = store.index
        self._bus.write(address, data)
        self._bus.index = current
        if len(data) < size:
            store.pieces[0] = (address + len(data), size - len(data))
            return
        store.pieces.popleft()
        if not store.pieces:
            self.stores.popleft()

    def take_output(self, size: int) -> bytes:
        """`size` bytes for a command; the watchdog's error when they never come."""
        if self.output.size < size:
            raise DecoError(ErrorCode.WATCHDOG)
        return self.output.take(size)
