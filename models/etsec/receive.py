# SPDX-License-Identifier: MIT
"""Reception: frames filtered, parsed, filed, and written to the buffers of the RxBD rings."""

from __future__ import annotations

import zlib
from collections import deque
from dataclasses import dataclass, field
from itertools import islice

from models.etsec.addresses import (
    BROADCAST,
    PAUSE_ADDRESS,
    Match,
    is_group,
    match,
    station_address,
)
from models.etsec.engine import Engine, Owner
from models.etsec.filer import Verdict, file
from models.etsec.line import MINIMUM, Frame
from models.etsec.parser import Parsed, parse
from models.etsec.registers import (
    DMACTRL,
    EDIS,
    IEVENT,
    MACCFG1,
    MACCFG2,
    MAXFRM,
    MRBLR,
    QUEUES,
    RBASEH,
    RBASES,
    RBDBPH,
    RBPTRS,
    RCTRL,
    RQUEUE,
    RSTAT,
    RXBD,
)
from models.etsec.ring import PREFETCH, Descriptor, Ring
from models.etsec.state import State
from testbed.remoteport.device import BusError

__all__ = ["PATIENCE", "Receiver", "can_receive"]

PATIENCE = 1e-3
"""Seconds after which a ring without an empty descriptor is looked at again, for a line that waits,
if no register says so before."""

_PATIENCE_TIMER = "patience"
_FCS = 4
_HALTS = 0x00FF0000
_KEPT = RXBD.RO1.mask | RXBD.W.mask | RXBD.I.mask
_MAC_CONTROL, _PAUSE = b"\x88\x08", b"\x00\x01"
_TAG = slice(12, 16)


def halt_bit(ring: int) -> int:
    """A ring's RSTAT.QHLT."""
    return RSTAT.QHLT0.mask >> ring


def _is_pause(state: State, frame: Frame) -> bool:
    """Whether the MAC itself heeds it: an undamaged pause frame to this station."""
    data = frame.data
    return (
        data[12:16] == _MAC_CONTROL + _PAUSE
        and not frame.bad_fcs
        and data[:6] in (PAUSE_ADDRESS, station_address(state))
    )


def can_receive(state: State) -> bool:
    """Whether the MAC listens at all."""
    control = state[MACCFG1]
    return bool(control & MACCFG1.Rx_EN.mask) and not (
        control & (MACCFG1.Soft_Reset.mask | MACCFG1.Reset_Rx_MC.mask | MACCFG1.Reset_Rx_Fun.mask)
        or state[DMACTRL] & DMACTRL.GRS.mask
    )


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What becomes of a frame: which ring's, or nobody's, what memory gets, the status flags of its
    last RxBD, and what else is to be noted when it has been dealt with."""

    frame: Frame
    ring: int | None = None
    content: bytes = b""
    flags: int = 0
    events: int = 0
    rejected: bool = False  # by the filer


@dataclass(slots=True)
class _Placed:
    """A frame and the descriptors that it fills, each with its share of the content."""

    outcome: _Outcome
    parts: list[tuple[Descriptor, bytes]] = field(default_factory=list)


class Receiver(Engine):
    """One piece of work is up to a prefetch of frames for one ring."""

    def __init__(self, owner: Owner) -> None:
        super().__init__(owner)
        self._looped: deque[Frame] = deque()
        self._starved = False  # frames wait for an empty descriptor
        self._out_of_descriptors = False  # why `_place` ended before the last frame

    @property
    def stopped_event(self) -> int:
        return IEVENT.GRSC.mask

    def abandon(self) -> None:
        super().abandon()
        self._starved = False
        self._looped.clear()

    def loop(self, frames: list[Frame]) -> None:
        """The transmitter's frames, in loopback."""
        self._looped.extend(frames)
        self.poke()

    def look_again(self) -> None:
        """There may be empty descriptors now."""
        self._starved = False
        self.owner.timers.stop(_PATIENCE_TIMER)
        self.poke()

    def ready(self) -> bool:
        return bool(self._looped) or (bool(self.owner.line.held) and not self._starved)

    def serve(self) -> None:
        owner = self.owner
        if self._looped:
            source, patient = self._looped, False
        else:
            source, patient = owner.line.held, owner.line.patient
        looping = bool(owner.state[MACCFG1] & MACCFG1.Loop_Back.mask)
        if not can_receive(owner.state) or (looping and source is not self._looped):
            self._consume(source, len(source), dropped=True)
            return
        outcomes = self._outcomes(source)
        wanted = [number for number, one in enumerate(outcomes) if one.ring is not None]
        if not wanted:
            self._pass(source, outcomes)
            return
        ring = outcomes[wanted[0]].ring or 0
        halted = bool(owner.state[RSTAT] & halt_bit(ring))
        done = 0 if halted else self._fill(ring, [outcomes[number] for number in wanted])
        if done == len(wanted):
            self._pass(source, outcomes)
            return
        self._pass(source, outcomes[: wanted[done]])
        refused = not halted and bool(owner.state[RSTAT] & halt_bit(ring))
        if done and not self._out_of_descriptors and not refused:
            return  # the next piece of work goes on with another prefetch
        if patient and not refused:
            self._wait()
            return
        self._note(outcomes[wanted[done]])
        self._consume(source, 1, dropped=True)
        owner.mib.add("RDRP")
        if not refused:
            if not owner.state[EDIS] & EDIS.BSYDIS.mask:
                owner.state[RSTAT] |= halt_bit(ring)
            owner.event(IEVENT.BSY.mask)

    def _wait(self) -> None:
        self._starved = True
        self.later(_PATIENCE_TIMER, PATIENCE, self.look_again)

    def _pass(self, source: deque[Frame], outcomes: list[_Outcome]) -> None:
        """These frames, the oldest, have been dealt with."""
        for outcome in outcomes:
            self._note(outcome)
        self._consume(source, len(outcomes))

    def _note(self, outcome: _Outcome) -> None:
        self.owner.mib.received(outcome.frame.data, outcome.frame.bad_fcs)
        self.owner.event(outcome.events)
        if outcome.rejected:
            self.owner.mib.add("RREJ")

    def _consume(self, source: deque[Frame], count: int, *, dropped: bool = False) -> None:
        if source is self.owner.line.held:
            self.owner.line.took(count, dropped=dropped)
        else:
            for _ in range(min(count, len(source))):
                source.popleft()

    # What becomes of a frame

    def _outcomes(self, source: deque[Frame]) -> list[_Outcome]:
        """Of the oldest frames, up to one for a second ring."""
        result: list[_Outcome] = []
        ring = None
        for frame in islice(source, PREFETCH):
            one = self._outcome(frame)
            if one.ring is not None:
                if ring not in (None, one.ring):
                    break
                ring = one.ring
            result.append(one)
        return result

    def _outcome(self, frame: Frame) -> _Outcome:
        state = self.owner.state
        data, control = frame.data, state[RCTRL]
        flags = RXBD.CR.mask if frame.bad_fcs else 0
        if len(data) < MINIMUM:
            if not control & RCTRL.RSF.mask:
                return _Outcome(frame)
            flags |= RXBD.SH.mask
        if state[MACCFG1] & MACCFG1.Rx_Flow.mask and _is_pause(state, frame):
            return _Outcome(frame, events=IEVENT.RXC.mask)
        found = match(state, data[:6])
        if found is Match.NO:
            return _Outcome(frame)
        if found is Match.MISS:
            flags |= RXBD.M.mask
        if data[:6] == BROADCAST:
            flags |= RXBD.BC.mask
        elif is_group(data):
            flags |= RXBD.MC.mask
        parsed = parse(control, data)
        events = IEVENT.PERR.mask if parsed.error else 0
        verdict = Verdict()
        if control & RCTRL.FILREN.mask:
            verdict = file(state.filer, data, parsed)
            events |= 0 if verdict.found else IEVENT.FIR.mask
            events |= IEVENT.FGPI.mask if verdict.interrupt else 0
            if verdict.rejected:
                return _Outcome(frame, events=events, rejected=True)
        ring = 0 if control & RCTRL.FSQEN.mask else verdict.queue % QUEUES
        if not state[RQUEUE] & RQUEUE.EN0.mask >> ring:
            events |= IEVENT.FIQ.mask if control & RCTRL.FILREN.mask else 0
            return _Outcome(frame, events=events)
        content, cut = self._content(frame, parsed)
        before = bytes(RCTRL.PAL.get(control))
        if RCTRL.PRSDEP.get(control):
            before = parsed.fcb(ring) + before
        events |= IEVENT.BABR.mask if cut else 0
        return _Outcome(frame, ring, before + content, flags | cut, events)

    def _content(self, frame: Frame, parsed: Parsed) -> tuple[bytes, int]:
        """The frame with its FCS, as memory gets it, and flags when it is too long."""
        state = self.owner.state
        data = frame.data
        fcs = zlib.crc32(data) ^ (0xFFFFFFFF if frame.bad_fcs else 0)
        content = data + fcs.to_bytes(4, "little")
        longest, flags = state[MAXFRM], 0
        if len(content) > longest:
            flags = RXBD.LG.mask
            if not state[MACCFG2] & MACCFG2.Huge_Frame.mask:
                flags |= RXBD.TR.mask
                content = content[:longest]
        if parsed.vlan is not None and state[RCTRL] & RCTRL.VLEX.mask:
            content = content[: _TAG.start] + content[_TAG.stop :]
        return content, flags

    # Memory

    def _fill(self, ring: int, accepted: list[_Outcome]) -> int:
        """Write frames to a ring's buffers; how many found descriptors and were not refused."""
        state = self.owner.state
        source = Ring(
            self.read, state[RBASEH], state[RBASES[ring]], state[RBPTRS[ring]], RXBD.W.mask
        )
        try:
            placed = self._place(source, accepted)
        except BusError:
            self._bus_error()
            return 0
        refused = self._write(placed)
        if refused is not None:
            placed = placed[:refused]
        closed: list[tuple[int, bytes]] = []
        events = finished = 0
        pointer = state[RBPTRS[ring]]
        for one in placed:
            for index, (descriptor, part) in enumerate(one.parts):
                last = index == len(one.parts) - 1
                flags = descriptor.flags & _KEPT | (0 if index else RXBD.F.mask)
                length = len(part)
                if last:
                    flags |= RXBD.L.mask | one.outcome.flags
                    length = len(one.outcome.content)
                    finished += bool(flags & RXBD.I.mask)
                elif flags & RXBD.I.mask:
                    events |= IEVENT.RXB.mask
                closed.append(descriptor.close(flags, length & 0xFFFF))
                pointer = descriptor.following
        try:
            self.write_many(closed)
        except BusError:
            self._bus_error()
            return 0
        state[RBPTRS[ring]] = pointer
        self.owner.event(events)
        self.coalescing.done(ring, finished)
        if refused is not None:
            self._bus_error()
        return len(placed)

    def _place(self, source: Ring, accepted: list[_Outcome]) -> list[_Placed]:
        """Give frames descriptors, as long as there are empty ones."""
        size = self.owner.state[MRBLR]
        placed: list[_Placed] = []
        self._out_of_descriptors = True
        for outcome in accepted:
            if placed and not source.fetched:
                self._out_of_descriptors = False
                return placed
            one = _Placed(outcome)
            for at in range(0, len(outcome.content), size) if size else ():
                if source.exhausted:
                    return placed
                descriptor = source.take()
                if not descriptor.flags & RXBD.E.mask:
                    return placed
                one.parts.append((descriptor, outcome.content[at : at + size]))
            if not one.parts:
                return placed
            placed.append(one)
        return placed

    def _write(self, placed: list[_Placed]) -> int | None:
        """Write the buffers; which frame was the first to be refused."""
        high = RBDBPH.RBDBPH.get(self.owner.state[RBDBPH]) << 32
        pieces = [
            (high | descriptor.buffer, part) for one in placed for descriptor, part in one.parts
        ]
        try:
            self.write_many(pieces)
        except BusError as error:
            index = error.index
            for number, one in enumerate(placed):
                if index < len(one.parts):
                    return number
                index -= len(one.parts)
        return None

    def _bus_error(self) -> None:
        self.owner.state[RSTAT] |= _HALTS
        self.owner.event(IEVENT.EBERR.mask)
