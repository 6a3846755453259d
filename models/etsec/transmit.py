# SPDX-License-Identifier: MIT
"""Transmission: frames gathered from the TxBD rings, offloaded, padded and sent."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

from models.etsec.addresses import PAUSE_ADDRESS, station_address
from models.etsec.engine import Engine
from models.etsec.line import MINIMUM, Frame
from models.etsec.offload import offload
from models.etsec.registers import (
    DMACTRL,
    IEVENT,
    MACCFG1,
    MACCFG2,
    MAXFRM,
    PTV,
    QUEUES,
    TBASEH,
    TBASES,
    TBDBPH,
    TBPTRS,
    TQUEUE,
    TSTAT,
    TXBD,
)
from models.etsec.ring import PREFETCH, Descriptor, Ring
from models.etsec.state import State
from testbed.remoteport.device import BusError

__all__ = ["POLL", "Transmitter", "can_transmit"]

POLL = 1e-3
"""Seconds between two looks at ring 0 while DMACTRL.WOP is clear."""

_POLL_TIMER = "WOP"
_FCS = 4
_MOST_BYTES, _MOST_DESCRIPTORS = 0x10000, 256  # of a frame; no FIFO holds more
_HALTS = 0xFF000000
_WRITTEN = (
    TXBD.R.mask | TXBD.HFE.mask | TXBD.CF.mask | TXBD.RC.mask | TXBD.TOE.mask | TXBD.TR.mask
) | TXBD.PRE.mask
_UNDERRUN = TXBD.TOE.mask


def halt_bit(ring: int) -> int:
    """A ring's TSTAT.THLT."""
    return TSTAT.THLT0.mask >> ring


def can_transmit(state: State) -> bool:
    """Whether the MAC sends at all."""
    control = state[MACCFG1]
    return bool(control & MACCFG1.Tx_EN.mask) and not control & (
        MACCFG1.Soft_Reset.mask | MACCFG1.Reset_Tx_MC.mask | MACCFG1.Reset_Tx_Fun.mask
    )


@dataclass(slots=True)
class _Gathered:
    """Frames as their descriptors, and what stopped gathering."""

    frames: list[list[Descriptor]] = field(default_factory=list)
    partial: list[Descriptor] = field(default_factory=list)  # begun, and not to be completed
    idle: bool = False  # the next descriptor is not ready
    pointer: int = 0  # the next descriptor
    event: int = 0  # why the ring is to be halted

    def underrun(self, begun: list[Descriptor], pointer: int) -> None:
        """The frame of these descriptors, if there are any, has no end before `pointer`."""
        if begun:
            self.partial, self.pointer = begun, pointer
            self.event = IEVENT.XFUN.mask | IEVENT.TXE.mask


class Transmitter(Engine):
    """The eight rings, served in turns; one piece of work is one prefetch of each that is due."""

    _kicked = 0  # rings whose halt bit software cleared lately
    _polling = False  # ring 0 is looked at again when the timer says so

    @property
    def stopped_event(self) -> int:
        return IEVENT.GTSC.mask

    def kick(self, halts: int) -> None:
        """Software cleared these halt bits."""
        self._kicked |= halts
        self.poke()

    def abandon(self) -> None:
        super().abandon()
        self._kicked = 0
        self._polling = False

    def ready(self) -> bool:
        return any(self._due(ring) for ring in range(QUEUES))

    def _due(self, ring: int) -> bool:
        state = self.owner.state
        return (
            bool(state[TQUEUE] & TQUEUE.EN0.mask >> ring)
            and not state[TSTAT] & halt_bit(ring)
            and not state[DMACTRL] & DMACTRL.GTS.mask
            and can_transmit(state)
            and not (ring == 0 and self._polling)
        )

    def poll(self) -> None:
        """Look at ring 0 again."""
        self._polling = False
        self.owner.timers.stop(_POLL_TIMER)
        self.poke()

    def serve(self) -> None:
        for ring in range(QUEUES):
            if self._due(ring):
                self._serve_ring(ring)

    def pause(self) -> None:
        """Send the pause frame that TCTRL.TFC_PAUSE asks for."""
        state = self.owner.state
        if not can_transmit(state):
            return
        times = state[PTV]
        frame = (
            PAUSE_ADDRESS
            + station_address(state)
            + struct.pack(">HHHH", 0x8808, 1, PTV.PT.get(times), PTV.PTE.get(times))
        )
        self._send([Frame(frame.ljust(MINIMUM, b"\0"))])
        self.owner.event(IEVENT.TXC.mask)

    def _serve_ring(self, ring: int) -> None:
        state = self.owner.state
        self._kicked &= ~halt_bit(ring)
        pointer = state[TBPTRS[ring]]
        try:
            work = self._gather(
                Ring(self.read, state[TBASEH], state[TBASES[ring]], pointer, TXBD.W.mask)
            )
        except BusError:
            self._bus_error()
            return
        behind = work.pointer
        work.pointer = pointer
        contents, refused = self._fetch(work)
        frames: list[Frame] = []
        closed: list[tuple[int, bytes]] = []
        events = 0
        finished = 0
        for descriptors, data in zip(work.frames, contents, strict=False):
            frame, written = self._build(descriptors, data)
            if frame is None:
                events |= IEVENT.BABT.mask
            else:
                frames.append(frame)
            closed += _close(descriptors, written)
            work.pointer = descriptors[-1].following
            finished += bool(descriptors[-1].flags & TXBD.I.mask)
            if any(one.flags & TXBD.I.mask for one in descriptors[:-1]):
                events |= IEVENT.TXB.mask
        if refused is not None:
            closed += _close(refused, _UNDERRUN)
            work.pointer = refused[-1].following
        elif work.partial:
            closed += _close(work.partial, _UNDERRUN)
            work.pointer = behind
        self._send(frames)
        try:
            self.write_many(closed)
        except BusError:
            self._bus_error()
            return
        state[TBPTRS[ring]] = work.pointer
        self.owner.event(events)
        self.coalescing.done(ring, finished)
        if refused is not None:
            self._bus_error()
        elif work.event:
            self._halt(halt_bit(ring), work.event)
        elif work.idle and not self._kicked & halt_bit(ring):
            self._rest(ring)

    def _rest(self, ring: int) -> None:
        """No descriptor is ready."""
        if ring == 0 and not self.owner.state[DMACTRL] & DMACTRL.WOP.mask:
            self._polling = True
            self.later(_POLL_TIMER, POLL, self.poll)
        else:
            self.owner.state[TSTAT] |= halt_bit(ring)

    def _gather(self, ring: Ring) -> _Gathered:
        work = _Gathered(pointer=ring.pointer)
        size = count = 0
        begun: list[Descriptor] = []
        while begun or (count < PREFETCH and (not count or ring.fetched)):
            start = ring.pointer
            if ring.exhausted:
                work.underrun(begun, start)
                break
            descriptor = ring.take()
            count += 1
            if not descriptor.flags & TXBD.R.mask:
                work.idle = not begun
                work.underrun(begun, start)
                break
            if not descriptor.length:
                work.event = IEVENT.TXE.mask
                break
            begun.append(descriptor)
            size += descriptor.length
            if size > _MOST_BYTES or len(begun) > _MOST_DESCRIPTORS:
                work.underrun(begun, descriptor.following)
                break
            if descriptor.flags & TXBD.L.mask:
                work.frames.append(begun)
                begun, size = [], 0
        return work

    def _fetch(self, work: _Gathered) -> tuple[list[bytes], list[Descriptor] | None]:
        """The frames' contents, up to one whose memory was refused; that one's descriptors."""
        good, refused = work.frames, None
        while good:
            try:
                return self._contents(good), refused
            except BusError as error:
                number = _frame_at(good, error.index)
                good, refused = good[:number], good[number]
        return [], refused

    def _contents(self, frames: list[list[Descriptor]]) -> list[bytes]:
        high = TBDBPH.TBDBPH.get(self.owner.state[TBDBPH]) << 32
        pieces = [(high | one.buffer, one.length) for frame in frames for one in frame]
        data = iter(self.read_many(pieces))
        return [b"".join(next(data) for _ in frame) for frame in frames]

    def _build(self, descriptors: list[Descriptor], data: bytes) -> tuple[Frame | None, int]:
        """The frame, or None when it is too long to be sent, and flags for its last descriptor."""
        state = self.owner.state
        first = descriptors[0].flags
        mac = state[MACCFG2]
        if first & TXBD.TOE.mask:
            data = offload(state, data)
        bad_fcs = False
        if mac & MACCFG2.PAD_CRC.mask or first & TXBD.PAD_CRC.mask:
            data = data.ljust(MINIMUM, b"\0")
        elif not (mac & MACCFG2.CRC_EN.mask or first & TXBD.TC.mask):
            # The last four bytes are the FCS, made by software.
            data, fcs = data[:-_FCS], data[-_FCS:]
            bad_fcs = fcs != zlib.crc32(data).to_bytes(4, "little")
        huge = mac & MACCFG2.Huge_Frame.mask or first & TXBD.HFE.mask
        if len(data) + _FCS > state[MAXFRM] and not huge:
            return None, TXBD.TR.mask
        return Frame(data, bad_fcs), 0

    def _send(self, frames: list[Frame]) -> None:
        owner = self.owner
        for frame in frames:
            owner.mib.transmitted(frame.data, frame.bad_fcs)
        if owner.state[MACCFG1] & MACCFG1.Loop_Back.mask:
            owner.loop(frames)
        elif good := [frame.data for frame in frames if frame.data and not frame.bad_fcs]:
            owner.line.transmitted(good)

    def _bus_error(self) -> None:
        self._halt(_HALTS, IEVENT.EBERR.mask | IEVENT.TXE.mask)

    def _halt(self, halts: int, events: int) -> None:
        self.owner.state[TSTAT] |= halts
        self._kicked &= ~halts
        self.owner.event(events)


def _close(descriptors: list[Descriptor], flags: int) -> list[tuple[int, bytes]]:
    """The descriptors given back, with these flags in the last."""
    last = descriptors[-1]
    return [
        one.close(one.flags & ~_WRITTEN | (flags if one is last else 0), one.length)
        for one in descriptors
    ]


def _frame_at(frames: list[list[Descriptor]], index: int) -> int:
    """The number of the frame that has the descriptor `index`, counted over all of them."""
    for number, frame in enumerate(frames):
        if index < len(frame):
            return number
        index -= len(frame)
    return len(frames) - 1
