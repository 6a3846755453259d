# SPDX-License-Identifier: MIT
"""Memory of a program is a device's from VFIO_IOMMU_MAP_DMA until VFIO_IOMMU_UNMAP_DMA.

A device reaches what is mapped, both ways where it may, and nothing else, whatever comes and goes
meanwhile. Source: include/uapi/linux/vfio.h and drivers/vfio/vfio_iommu_type1.c of Linux 6.12; of
what a PAMU can express and when it may refuse, the messages of kernel-patches/fsl-pamu.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from testbed.remoteport.device import BusError, Dma
from testbed.scenario import Scenario
from testbed.scenario.tool import Tool

RING = "/soc/crypto@300000/jr@1000"
PAGE = 4096
SIZES = (PAGE, 16 << 20)  # of a piece; the second is a huge page where a board has any
PIECES = 8
NEIGHBOURS = 4  # of the pieces, one behind the other to the device
SLOTS = 32  # places for pieces, all in one range that any IOMMU can express
BYTES = 64  # of a transfer, at most
AROUND = 32  # bytes before and behind a transfer, which must not change

ABOVE_MEMORY = 3 << 30
"""The host's own memory ends below. A PAMU lets a device that no program has reach all of that, so
only from here on are bus addresses memory by a map alone, with the program's file closed, too."""
ENOUGH = 40  # transfers
CHANGES = 20


@dataclass(frozen=True)
class Piece:
    """`size` bytes at offset `at` of the program's memory, for the device at `iova`."""

    at: int
    iova: int
    size: int

    @property
    def end(self) -> int:
        return self.iova + self.size

    def __str__(self) -> str:
        return f"the piece of {self.size:#x} bytes at {self.iova:#x}"


class Traffic(threading.Thread):
    """A device that writes to a piece and reads it back, without a pause.

    `turn` is odd while what is mapped changes in a way that may refuse a transfer. `refused` counts
    those refused, and `unexcused` those of them with no such change at any moment of theirs.
    """

    def __init__(self, dma: Dma, piece: Piece, seed: int) -> None:
        super().__init__(daemon=True)
        self._dma = dma
        self._piece = piece
        self._random = random.Random(seed)
        self._ending = threading.Event()
        self.turn = 0
        self.carried = self.refused = self.unexcused = 0
        self.wrong = ""

    def run(self) -> None:
        while not self._ending.is_set():
            data = self._random.randbytes(self._random.randint(1, BYTES))
            room = self._piece.size - AROUND - BYTES
            address = self._piece.iova + self._random.randrange(AROUND, room)
            turn = self.turn
            try:
                self._dma.write(address, data)
                found = self._dma.read(address, len(data))
            except BusError:
                self.refused += 1
                self.unexcused += turn % 2 == 0 and turn == self.turn
                continue
            if found != data:
                self.wrong = f"{found.hex()} at {address:#x}, not {data.hex()}"
            self.carried += 1

    def stop(self) -> None:
        self._ending.set()
        self.join()


class IommuMaps(Scenario):
    timeout = 240
    host_append = "cryptomgr.notests"

    def test(self) -> None:
        ring = self.host.assign(RING)
        self.dma = self.host.model(RING).dma
        for size in SIZES:
            argv = ["/testbed/bin/vfio-dma", ring.name, str(PIECES), str(size)]
            with Tool(self.host.agent, argv, self.deadline(60)) as self.tool:
                self.memory = PIECES * size
                self.last = int(self.ask("last-iova")["last-iova"], 16)
                pieces = self.laid_out(size)
                self.map_in_turn(pieces)
                self.unmap_in_turn(pieces)
                self.map_again(pieces)
                self.several_at_once(pieces)
                self.permissions(pieces[0])
                self.traffic_beside(pieces)
                self.last_address(size)
                if size == PAGE:
                    self.far_apart()
                else:
                    self.traffic_in_windows(pieces)
                self.close_and_open(pieces)
                self.tool.finish(self.deadline(20))
        self.host.release(ring)

    # -- what is checked

    def map_in_turn(self, pieces: Sequence[Piece]) -> None:
        """Each piece is out of reach until it is mapped; then all so far have their own content."""
        contents = {}
        for index, piece in enumerate(pieces):
            self.refused(piece)
            self.map(piece)
            self.reachable(piece, places=3)
            contents[piece] = self.random.randbytes(BYTES)
            self.device_writes(piece, 0, contents[piece])
            for mapped in pieces[: index + 1]:
                found = self.read(mapped.iova, BYTES)
                assert found == contents[mapped], f"of {mapped} the device reads {found.hex()}"
        for piece in pieces:
            behind = next((other for other in pieces if other.iova == piece.end), None)
            if behind is not None:
                self.across(piece, behind)

    def unmap_in_turn(self, pieces: Sequence[Piece]) -> None:
        """What is unmapped is refused, to its last byte; what is left stays reachable."""
        left = list(pieces)
        while left:
            gone = left.pop(self.random.randrange(len(left)))
            self.unmap(gone)
            self.refused(gone)
            for piece in left:
                self.reachable(piece)
                if piece.end == gone.iova:
                    self.refused(gone, -BYTES // 2)
        self.told_of(gone)

    def map_again(self, pieces: Sequence[Piece]) -> None:
        """At the same address, and at another's, in another order."""
        order = self.random.sample(pieces, len(pieces))
        for piece in order:
            self.map(piece)
            self.reachable(piece)
            self.unmap(piece)
        places = self.random.sample([piece.iova for piece in pieces], len(pieces))
        moved = [replace(piece, iova=iova) for piece, iova in zip(order, places, strict=True)]
        for piece in moved:
            self.map(piece)
        for piece in moved:
            self.reachable(piece)
        for piece in moved:
            self.unmap(piece)
            self.refused(piece)

    def several_at_once(self, pieces: Sequence[Piece]) -> None:
        """Requests for what is there already, in part or not at all; one for all of it."""
        by_iova = sorted(pieces, key=lambda piece: piece.iova)
        first, second = next(
            (one, two) for one, two in itertools.pairwise(by_iova) if one.end == two.iova
        )
        whole = Piece(0, first.iova, 2 * first.size)
        self.map(whole)
        for request, answer in (
            (self.map_request(first), "error=EEXIST"),
            (self.map_request(second), "error=EEXIST"),
            (f"unmap {first.iova:#x} {first.size:#x}", "error=EINVAL"),
            (f"unmap {second.iova:#x} {second.size:#x}", "error=EINVAL"),
            (f"unmap {first.iova:#x} {PAGE // 2}", "error=EINVAL"),
            (f"map 0 {PAGE} {first.iova + PAGE // 2:#x} rw", "error=EINVAL"),
            (f"map 0 0 {ABOVE_MEMORY - whole.size:#x} rw", "error=EINVAL"),
            (f"map 0 {PAGE} {ABOVE_MEMORY - whole.size:#x} none", "error=EINVAL"),
        ):
            self.answers(request, answer)
            self.reachable(whole)
        self.unmap(whole)
        self.answers(f"unmap {whole.iova:#x} {whole.size:#x}", "unmapped=0")
        for piece in (first, second):
            self.map(piece)
            self.reachable(piece)
        self.unmap(whole)
        for piece in (first, second):
            self.refused(piece)

    def permissions(self, piece: Piece) -> None:
        """A device writes only what it may write, and reads only what it may read."""
        self.map(piece, "r")
        self.device_reads(piece, 0, self.random.randbytes(BYTES))
        self.refused(piece, reads=False)
        self.unmap(piece)
        self.map(piece, "w")
        self.device_writes(piece, 0, self.random.randbytes(BYTES))
        if self.host.board.iommu_write_only:
            self.refused(piece, writes=False)
        else:
            self.device_reads(piece, 0, self.random.randbytes(BYTES))
        self.unmap(piece)

    def traffic_beside(self, pieces: Sequence[Piece]) -> None:
        """DMA to one piece goes on, none of it refused, while others come, go and are violated."""
        (always, *others) = pieces
        self.map(always)
        traffic = self.start_traffic(always)
        try:
            for _ in range(CHANGES):
                piece = self.random.choice(others)
                self.map(piece)
                self.reachable(piece)
                self.unmap(piece)
                self.refused(piece)
                self.go_on(traffic, 1)
            self.go_on(traffic, ENOUGH)
        finally:
            traffic.stop()
        self.unmap(always)
        self.check_traffic(traffic, "maps and unmaps beside it")
        assert not traffic.refused, f"{traffic.refused} transfers of what stays mapped were refused"

    def traffic_in_windows(self, pieces: Sequence[Piece]) -> None:
        """DMA to one piece while maps of other sizes come and go.

        A PAMU needs another window for each, and lets nothing through for the moment that takes.
        """
        coarse = pieces[0].size // 16
        fine = coarse // 16
        base = min(piece.iova for piece in pieces) & -(SLOTS * pieces[0].size)
        always = Piece(0, base, coarse)
        small = Piece(pieces[0].size, base + coarse, fine)
        far = Piece(2 * pieces[0].size, base + 128 * coarse, coarse)
        self.map(always)
        traffic = self.start_traffic(always)
        try:
            for _ in range(CHANGES):
                for piece in (small, far):
                    traffic.turn += 1
                    self.map(piece)
                    traffic.turn += 1
                    self.reachable(piece)
                    self.unmap(piece)
                    self.refused(piece)
            self.go_on(traffic, ENOUGH)
        finally:
            traffic.stop()
        self.unmap(always)
        self.check_traffic(traffic, f"{2 * CHANGES} changes of the window")
        refused = traffic.refused if self.host.board.iommu_parts is None else traffic.unexcused
        assert not refused, f"{refused} transfers were refused with no reason in what was mapped"

    def last_address(self, size: int) -> None:
        """The last bus addresses are mapped like others; behind them, VFIO takes none."""
        piece = Piece(0, self.last + 1 - size, size)
        self.answers(f"map 0 {2 * PAGE} {piece.end - PAGE:#x} rw", "error=EINVAL")
        self.map(piece)
        self.reachable(piece, places=3)
        self.answers(self.map_request(Piece(size, piece.end, size)), "error=EINVAL")
        self.unmap(piece)
        self.refused(piece)

    def far_apart(self) -> None:
        """Pages as far apart as the IOMMU can express, and further: an error, and no harm done."""
        parts = self.host.board.iommu_parts
        span = (parts or 256) * PAGE
        # Both would lie in one range if only that had twice the parts.
        base = self.random.randrange(ABOVE_MEMORY, ABOVE_MEMORY + (256 << 20), 2 * span)
        for first, second, possible in (
            (base, base + span - PAGE, True),
            (base, base + span, parts is None),
            (0, 1 << 30, parts is None),
        ):
            one, two = Piece(0, first, PAGE), Piece(PAGE, second, PAGE)
            self.map(one)
            if possible:
                self.map(two)
                self.reachable(two)
                self.unmap(two)
            else:
                self.answers(self.map_request(two), "error=ENOSPC")
            self.refused(two)
            self.reachable(one)
            self.unmap(one)
            self.map(two)  # alone it is like any other
            self.reachable(two)
            self.unmap(two)

    def close_and_open(self, pieces: Sequence[Piece]) -> None:
        """With its file closed, and opened again, nothing of a program is the device's."""
        for piece in pieces:
            self.map(piece)
            self.reachable(piece)
        self.answers("close", "closed=1")
        for piece in pieces:
            self.refused(piece)
        self.answers("open", "opened=1")
        for piece in pieces:
            self.refused(piece)
        self.map(pieces[0])
        self.reachable(pieces[0])

    # -- pieces

    def laid_out(self, size: int) -> list[Piece]:
        """PIECES in random order at random places, NEIGHBOURS of them with no gap between."""
        span = SLOTS * size
        base = self.random.randrange(ABOVE_MEMORY, self.last + 2 - span, span)
        first = self.random.randrange(SLOTS - NEIGHBOURS)
        slots = list(range(first, first + NEIGHBOURS))
        others = [slot for slot in range(SLOTS) if slot not in slots]
        slots += self.random.sample(others, PIECES - NEIGHBOURS)
        self.random.shuffle(slots)
        return [Piece(i * size, base + slot * size, size) for i, slot in enumerate(slots)]

    def reachable(self, piece: Piece, *, places: int = 1) -> None:
        """Both ways, at `places` of both ends and anywhere; memory around is as it was."""
        count = self.random.randint(2, BYTES)
        anywhere = self.random.randrange(piece.size - count)
        for offset in self.random.sample((0, piece.size - count, anywhere), places):
            self.device_writes(piece, offset, self.random.randbytes(count))
            self.device_reads(piece, offset, self.random.randbytes(count))

    def device_writes(self, piece: Piece, offset: int, data: bytes) -> None:
        start = piece.at + offset
        low = max(0, start - AROUND)
        high = min(self.memory, start + len(data) + AROUND)
        before = self.held(low, high - low)
        self.write(piece.iova + offset, data)
        after = self.held(low, high - low)
        expected = before[: start - low] + data + before[start - low + len(data) :]
        assert after == expected, f"{data.hex()} at {offset:#x} of {piece} made {after.hex()}"

    def device_reads(self, piece: Piece, offset: int, data: bytes) -> None:
        self.hold(piece.at + offset, data)
        found = self.read(piece.iova + offset, len(data))
        assert found == data, f"at {offset:#x} of {piece} the device reads {found.hex()}"

    def across(self, piece: Piece, behind: Piece) -> None:
        """One transfer of the end of a piece and the beginning of the one behind it, each way."""
        count = self.random.randint(2, BYTES)
        before = self.random.randint(1, count - 1)
        last, address = piece.at + piece.size - before, piece.end - before
        data = self.random.randbytes(count)
        self.write(address, data)
        found = self.held(last, before) + self.held(behind.at, count - before)
        assert found == data, f"across {piece} and {behind}: {data.hex()} made {found.hex()}"
        data = self.random.randbytes(count)
        self.hold(last, data[:before])
        self.hold(behind.at, data[before:])
        found = self.read(address, count)
        assert found == data, f"across {piece} and {behind}: the device reads {found.hex()}"

    def refused(self, piece: Piece, *offsets: int, reads: bool = True, writes: bool = True) -> None:
        """Transfers at `offsets`, by default at both ends and anywhere, change nothing of it."""
        before = self.ask(f"sum {piece.at:#x} {piece.size:#x}")
        anywhere = self.random.randrange(piece.size - BYTES)
        for offset in offsets or (0, anywhere, piece.size - BYTES):
            address = piece.iova + offset
            try:
                if reads:
                    self.dma.read(address, BYTES)
                    raise AssertionError(f"the device could read at {offset:#x} of {piece}")
            except BusError:
                pass
            try:
                if writes:
                    self.dma.write(address, self.random.randbytes(BYTES))
                    raise AssertionError(f"the device could write at {offset:#x} of {piece}")
            except BusError:
                pass
        after = self.ask(f"sum {piece.at:#x} {piece.size:#x}")
        assert after == before, f"{piece} is out of the device's reach, and changed"

    def told_of(self, piece: Piece) -> None:
        """The host's log names the device and the page, at last: a kernel does not print all."""
        stream = self.host.stream_id(RING)
        offset = self.random.randrange(0, piece.size, PAGE)

        def told() -> bool:
            self.refused(piece, offset)
            return any(
                fault.source_id == stream and fault.address & -PAGE == piece.iova + offset
                for fault in self.host.iommu_faults()
            )

        self.wait_until(
            told,
            self.deadline(30),
            f"the host's log to tell of {stream:#x} at {piece.iova + offset:#x}",
        )

    # -- traffic

    def start_traffic(self, piece: Piece) -> Traffic:
        traffic = Traffic(self.dma, piece, self.random.getrandbits(63))
        traffic.start()
        return traffic

    def go_on(self, traffic: Traffic, count: int) -> None:
        """Wait until `count` more transfers have been carried."""
        before = traffic.carried
        self.wait_until(
            lambda: traffic.carried >= before + count,
            self.deadline(30),
            f"{count} more transfers after {before}",
        )

    def check_traffic(self, traffic: Traffic, what: str) -> None:
        self.host.run.note(
            f"{what}: {traffic.carried} transfers carried, {traffic.refused} refused"
        )
        assert not traffic.wrong, f"during {what} the device read {traffic.wrong}"

    # -- the device

    def read(self, address: int, size: int) -> bytes:
        try:
            return self.dma.read(address, size)
        except BusError as error:
            raise AssertionError(f"the device cannot read at {address:#x}: {error}") from None

    def write(self, address: int, data: bytes) -> None:
        try:
            self.dma.write(address, data)
        except BusError as error:
            raise AssertionError(f"the device cannot write at {address:#x}: {error}") from None

    # -- the program

    def ask(self, command: str) -> dict[str, str]:
        return self.tool.ask(command, self.deadline(30))

    def answers(self, command: str, expected: str) -> None:
        answer = " ".join(f"{key}={value}" for key, value in self.ask(command).items())
        assert answer == expected, f"{command}: {answer}, not {expected}"

    def map_request(self, piece: Piece, protection: str = "rw") -> str:
        return f"map {piece.at:#x} {piece.size:#x} {piece.iova:#x} {protection}"

    def map(self, piece: Piece, protection: str = "rw") -> None:
        self.answers(self.map_request(piece, protection), "mapped=1")

    def unmap(self, piece: Piece) -> None:
        self.answers(f"unmap {piece.iova:#x} {piece.size:#x}", f"unmapped={piece.size}")

    def held(self, at: int, count: int) -> bytes:
        """What the program reads of its memory."""
        return bytes.fromhex(self.ask(f"read {at:#x} {count}")["data"])

    def hold(self, at: int, data: bytes) -> None:
        """Let the program write to its memory."""
        self.answers(f"write {at:#x} {data.hex()}", f"written={len(data)}")
