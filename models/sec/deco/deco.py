# SPDX-License-Identifier: MIT
"""`Deco`: fetches descriptors, runs them to their end, and says how that was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Literal

from models.sec.cha.unit import ChaError, ProtocolError
from models.sec.config import SecConfig
from models.sec.deco.bus import Memory
from models.sec.deco.disassemble import disassemble_command
from models.sec.deco.errors import JUMPED, SOURCE_CCB, SOURCE_DECO, DecoError, ErrorCode, Halt
from models.sec.deco.errors import describe as describe_status
from models.sec.deco.fields import JobHeader, SeqIn
from models.sec.deco.fifo_command import fifo_load, fifo_store
from models.sec.deco.header import Header, parse_job, parse_shared
from models.sec.deco.jump_command import jump
from models.sec.deco.key_command import key
from models.sec.deco.load_command import load
from models.sec.deco.machine import BUFFER_WORDS, Machine
from models.sec.deco.math_command import math, mathi
from models.sec.deco.move_command import move
from models.sec.deco.operation_command import operation, signature
from models.sec.deco.scatter import first_read
from models.sec.deco.sequence_command import seq_in_ptr, seq_out_ptr
from models.sec.deco.sharing import Sharing
from models.sec.deco.store_command import store
from models.sec.deco.tables import Command
from models.sec.services import SecServices

__all__ = ["Deco"]

_PAGE: Final = 4096
_AHEAD_BYTES: Final = 128 << 10

_Handler = Callable[[Machine, int], None]

_HANDLERS: Final[dict[int, _Handler]] = {
    Command.KEY: key,
    Command.SEQ_KEY: key,
    Command.LOAD: load,
    Command.SEQ_LOAD: load,
    Command.FIFO_LOAD: fifo_load,
    Command.SEQ_FIFO_LOAD: fifo_load,
    Command.STORE: store,
    Command.SEQ_STORE: store,
    Command.FIFO_STORE: fifo_store,
    Command.SEQ_FIFO_STORE: fifo_store,
    Command.MOVE: move,
    Command.MOVE_LEN: move,
    Command.OPERATION: operation,
    Command.SIGNATURE: signature,
    Command.MATH: math,
    Command.MATHI: mathi,
    Command.SEQ_OUT_PTR: seq_out_ptr,
}


class Deco:
    """One descriptor controller of `config`'s SEC.

    `memory` is how its jobs reach memory (a job ring's `dma`), `services` what the SEC's DECOs
    have in common. `layout` is that of scatter/gather tables. `trace` is given one line of text
    for each command before it runs. One job at a time; nothing is kept from one to the next but
    what `run(follows=True)` shares.
    """

    def __init__(
        self,
        config: SecConfig,
        memory: Memory,
        services: SecServices,
        *,
        layout: Literal["sec4", "dpaa2"] = "sec4",
        trace: Callable[[str], None] | None = None,
    ) -> None:
        self.machine = Machine(config, memory, services, layout)
        self.trace = trace
        self._sharing = Sharing()
        self._fault = ""

    def run(self, descriptor_address: int, *, follows: bool = False) -> int:
        """Run the job descriptor there; the job status, 0 when it is done without error.

        `follows`: the job was waiting already when the one before it ended, so it may take over
        that one's keys as the shared descriptor says. Never raises, whatever the descriptor holds.
        """
        machine = self.machine
        machine.reset()
        machine.job_address = descriptor_address & machine.pointer_mask
        return self._end(self._attempt(lambda: self._fetch_job(follows)))

    def run_buffer(self, words: Sequence[int]) -> int:
        """Run the job descriptor in `words`, as put straight into the descriptor buffer."""
        machine = self.machine
        machine.reset()
        content = [word & 0xFFFF_FFFF for word in words[:BUFFER_WORDS]]
        return self._end(self._attempt(lambda: self._start(content, False)))

    def reset(self) -> None:
        """Forget everything, the keys of the last job too."""
        self._sharing.forget()
        self.machine.reset()
        self.machine.class1.clear()
        self.machine.class2.clear()
        self.machine.pkha.clear()
        self._fault = ""

    @property
    def fault(self) -> str:
        """Why the last job ended as it did, in one line; empty after one that is just done."""
        return self._fault

    # Beginning and end

    def _attempt(self, begin: Callable[[], None]) -> int:
        machine = self.machine
        try:
            begin()
            self._execute()
            machine.ccb.finish(machine.ccb.lane1)
            machine.ccb.finish(machine.ccb.lane2)
            if machine.ccb.stores:
                raise DecoError(ErrorCode.WATCHDOG, machine.ccb.stores[0].index)
            machine.bus.flush()
        except DecoError as error:
            return self._failed(SOURCE_DECO | error.code, error.index)
        except ChaError as error:
            return self._failed(SOURCE_CCB | error.code, None)
        except ProtocolError as error:
            return self._failed(SOURCE_DECO | error.error & 0xFF, None)
        except Halt as halt:
            return self._halted(halt.status)
        return 0

    def _failed(self, status: int, index: int | None) -> int:
        """What was written before the error stays written."""
        with suppress(DecoError):  # the first error counts
            self.machine.bus.flush()
        return self._located(status, self.machine.index if index is None else index)

    def _halted(self, status: int) -> int:
        try:
            self.machine.bus.flush()
        except DecoError as error:
            index = self.machine.index if error.index is None else error.index
            return self._located(SOURCE_DECO | error.code, index)
        return self._located(status, self.machine.index)

    def _located(self, status: int, index: int) -> int:
        return status | (JUMPED if self.machine.jumped else 0) | (index & 0xFF) << 8

    def _end(self, status: int) -> int:
        self._sharing.keep(self.machine, status)
        self._fault = self._describe(status) if status else ""
        return status

    def _describe(self, status: int) -> str:
        machine = self.machine
        index = status >> 8 & 0xFF
        where = "in the buffer" if machine.job_address is None else f"at {machine.job_address:#x}"
        text = f"job {where}: {describe_status(status)}"
        if index < len(machine.words):
            line, _ = disassemble_command(
                machine.words, index, pointer_size=machine.services.pointer_size
            )
            text = f"{text}: {line}"
        return text

    # Fetching

    def _fetch_job(self, follows: bool) -> None:
        machine = self.machine
        assert machine.job_address is not None
        self._start(self._fetch(machine.job_address), follows)

    def _fetch(self, address: int) -> list[int]:
        """A job descriptor with one read, as a rule; what lies behind it is kept for later."""
        machine = self.machine
        bus = machine.bus
        size = min(4 * BUFFER_WORDS, _PAGE - address % _PAGE)
        raw = bus.read(address, size)
        if size < 4:
            raw += bus.read(address + size, 4 - size)
        header = machine.unpack(raw[:4])[0]
        length = 4 * JobHeader.LENGTH.get(header)
        if not 4 <= length <= 4 * BUFFER_WORDS:
            raise DecoError(ErrorCode.HEADER)
        if length > len(raw):
            raw += bus.read(address + len(raw), length - len(raw))
        bus.keep(address, raw)
        return machine.unpack(raw[:length])

    def _start(self, job: list[int], follows: bool) -> None:
        """Take over `job`: its shared descriptor, its registers, its first command."""
        machine = self.machine
        machine.words = job
        header = parse_job(machine, job)
        shared: list[int] = []
        if header.shared_length:
            machine.shared_address = machine.pointer_at(1)
            self._ahead(job, header, machine.shared_address)
            raw = machine.bus.read(machine.shared_address, 4 * header.shared_length)
            shared = machine.unpack(raw)
        self._enter(job, header, shared)
        if follows and shared:
            self._sharing.check(machine, header, shared)
        machine.is_shared = follows and self._sharing.apply(machine, header, shared)
        if not machine.is_shared:
            machine.class1.clear()
            machine.class2.clear()

    def _enter(self, job: list[int], header: Header, shared: list[int]) -> None:
        machine = self.machine
        count = len(shared)
        machine.shared_length = count
        machine.shared_image = list(shared)
        machine.words = shared + job
        machine.job_start = count + header.start
        if not shared:
            machine.enter(False)
            return
        machine.shared_start = parse_shared(machine, shared)
        machine.enter(not header.reverse)
        machine.parts = [header.reverse]

    def _ahead(self, job: list[int], header: Header, shared: int) -> None:
        """Fetch the shared descriptor together with what the job's first commands point to."""
        machine = self.machine
        wanted = [(shared, 4 * header.shared_length)]
        position = header.start
        step = machine.services.pointer_size // 4
        while position + 1 + step <= len(job):
            word = job[position]
            if word >> 27 not in (Command.SEQ_IN_PTR, Command.SEQ_OUT_PTR) or word & (
                SeqIn.PRE.mask | SeqIn.RTO.mask | SeqIn.SOP.mask
            ):
                break
            address = machine.pointer_at(position + 1)
            position += 1 + step
            extended = bool(word & SeqIn.EXT.mask)
            if extended and position >= len(job):
                break
            length = job[position] if extended else word & SeqIn.LENGTH.mask
            position += extended
            if not length:
                continue
            if word & SeqIn.SGF.mask:
                piece = (address, first_read(address))
            elif word >> 27 == Command.SEQ_IN_PTR and length <= _AHEAD_BYTES:
                piece = (address, length)
            else:
                continue
            if not machine.bus.fetched(address) and not any(
                base <= address < base + size for base, size in wanted
            ):
                wanted.append(piece)
        machine.bus.ahead(wanted)

    def _replace(self, job: list[int], error: ErrorCode) -> None:
        """Another job descriptor in the place of the one at work; the shared one stays."""
        machine = self.machine
        count = machine.shared_length
        machine.words[count:] = job
        header = parse_job(machine, job, error)
        if len(machine.words) > BUFFER_WORDS:
            raise DecoError(ErrorCode.HEADER)
        machine.job_start = count + header.start
        machine.enter(False)
        machine.parts = [part for part in machine.parts if part]
        machine.returns.clear()

    # Execution

    def _execute(self) -> None:
        machine = self.machine
        while True:
            pc = machine.pc
            if pc >= machine.part_end:
                if not machine.parts:
                    return
                machine.enter(machine.parts.pop(0))
                continue
            machine.index = machine.bus.index = pc
            machine.spend(1)
            if self.trace is not None:
                self._trace()
            word = machine.words[pc]
            machine.pc = pc + 1
            handler = _HANDLERS.get(word >> 27)
            if handler is not None:
                handler(machine, word)
            else:
                self._transfer(word)

    def _transfer(self, word: int) -> None:
        """The commands that can put another descriptor into the buffer."""
        machine = self.machine
        if word >> 27 == Command.JUMP:
            address = jump(machine, word)
            if address is not None:
                machine.jumped = True
                machine.job_address = address
                self._replace(self._fetch(address), ErrorCode.JUMP)
        elif word >> 27 == Command.SEQ_IN_PTR:
            job = seq_in_ptr(machine, word)
            if job is not None:
                self._replace(job, ErrorCode.HEADER)
        else:
            raise DecoError(ErrorCode.COMMAND)

    def _trace(self) -> None:
        machine = self.machine
        assert self.trace is not None
        line, _ = disassemble_command(
            machine.words, machine.index, pointer_size=machine.services.pointer_size
        )
        self.trace(f"[{machine.index:02}] {line}")
