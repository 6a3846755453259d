# SPDX-License-Identifier: MIT
"""DMA through an IOMMU that is a model, over links that can batch and links that cannot."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest
from rp_rig import Memory

from testbed.remoteport.codec import MAX_DATA
from testbed.remoteport.device import BusError, Device, Link, LinkError, Response
from testbed.remoteport.iommu import Fetch, Piece, TranslatedLink

PAGE = 4096
TABLE = 0x100


class PlainRam:
    """A link to 1 MiB that does one access at a time."""

    def __init__(self) -> None:
        self.bytes = bytearray(1 << 20)
        self.accesses: list[tuple[str, int, int]] = []
        self.refused = range(0)
        self.wires: list[tuple[int, bool]] = []
        self.nudges = 0

    def check(self, verb: str, address: int, size: int) -> None:
        assert size > 0
        self.accesses.append((verb, address, size))
        if address < self.refused.stop and address + size > self.refused.start:
            raise BusError(Response.GENERIC_ERROR, "no memory there")

    def dma_read(self, address: int, size: int) -> bytes:
        self.check("read", address, size)
        return bytes(self.bytes[address : address + size])

    def dma_write(self, address: int, data: bytes, byte_enable: bytes | None) -> None:
        self.check("write", address, len(data))
        for n, byte in enumerate(data):
            if byte_enable is None or byte_enable[n % len(byte_enable)]:
                self.bytes[address + n] = byte

    def wire_changed(self, wire: int, level: bool) -> None:
        self.wires.append((wire, level))


class Ram(PlainRam):
    """A link that can batch."""

    def __init__(self) -> None:
        super().__init__()
        self.batches = 0

    def dma_read_many(self, pieces: Sequence[tuple[int, int]]) -> list[bytes]:
        return self._each(pieces, self.dma_read)

    def dma_write_many(self, pieces: Sequence[tuple[int, bytes]]) -> None:
        self._each(pieces, lambda address, data: self.dma_write(address, data, None))

    def work_deferred(self) -> None:
        self.nudges += 1

    def _each(self, pieces: Sequence[tuple[int, object]], access: Callable[..., object]) -> list:
        self.batches += 1
        results, refused = [], None
        for index, piece in enumerate(pieces):
            try:
                results.append(access(*piece))
            except BusError as error:
                error.index = index
                refused = refused or error
        if refused is not None:
            raise refused
        return results


class Pages:
    """Reverses pages below 256 KiB, reads a word of memory each time, refuses what is above."""

    def __init__(self) -> None:
        self.table: list[bytes | None] = []
        self.asked: list[tuple[int, int, bool]] = []

    def over(self, link: Link) -> Link:
        return TranslatedLink(link, self)

    def translate(
        self, pieces: Sequence[Piece], write: bool, fetch: Fetch
    ) -> list[list[Piece] | BusError]:
        self.table = fetch([(TABLE, 4), (TABLE + 4, 4)])
        results: list[list[Piece] | BusError] = []
        for address, size in pieces:
            assert size
            self.asked.append((address, size, write))
            places: list[Piece] | BusError = []
            while size and isinstance(places, list):
                count = min(size, PAGE - address % PAGE)
                if address >= 256 << 10:
                    places = BusError(Response.ADDRESS_ERROR, f"nothing at {address:#x}")
                else:
                    places.append((place(address), count))
                address += count
                size -= count
            results.append(places)
        return results


def place(address: int) -> int:
    """Where the byte is in memory."""
    page, offset = divmod(address, PAGE)
    return (100 - page) * PAGE + offset


def seeded() -> random.Random:
    seed = random.randrange(1 << 32)
    print(f"seed {seed:#x}")
    return random.Random(seed)


@pytest.fixture(params=[Ram, PlainRam])
def ram(request: pytest.FixtureRequest) -> PlainRam:
    link = request.param()
    assert isinstance(link, PlainRam)
    return link


@pytest.fixture
def device(ram: PlainRam) -> Device:
    device = Memory()
    device.attach(ram)
    device.dma.iommu = Pages()
    ram.accesses.clear()
    return device


def test_bytes_land_where_the_iommu_says(device: Device, ram: PlainRam) -> None:
    choice = seeded()
    for _ in range(30):
        size = choice.randrange(1, 20000)
        address = choice.randrange((256 << 10) - size)
        data = choice.randbytes(size)
        device.dma.write(address, data)
        assert bytes(ram.bytes[place(address + n)] for n in range(size)) == data
        assert device.dma.read(address, size) == data


def test_batches(device: Device, ram: PlainRam) -> None:
    choice = seeded()
    pieces = [(n * 10000, choice.randbytes(choice.randrange(1, 9000))) for n in range(20)]
    device.dma.write_many(pieces)
    asked = [(address, len(data)) for address, data in pieces]
    assert device.dma.read_many(asked) == [data for _, data in pieces]
    assert device.dma.read_many([]) == []
    device.dma.write_many([])
    if isinstance(ram, Ram):
        ram.batches = 0
        device.dma.read_many(asked)
        assert ram.batches == 2, "one for the table, one for the data"


def test_byte_enables_follow_their_bytes(device: Device, ram: PlainRam) -> None:
    choice = seeded()
    for _ in range(50):
        size = choice.randrange(1, 3 * PAGE)
        address = choice.randrange((256 << 10) - size)
        enable = choice.randbytes(choice.randrange(1, 40)).translate(bytes([0] * 128 + [255] * 128))
        old, new = choice.randbytes(size), choice.randbytes(size)
        device.dma.write(address, old)
        device.dma.write(address, new, enable)
        kept = zip(old, new, range(size), strict=True)
        assert device.dma.read(address, size) == bytes(
            b if enable[n % len(enable)] else a for a, b, n in kept
        )


def test_nothing_of_a_refused_piece_is_transferred(device: Device, ram: PlainRam) -> None:
    edge = (256 << 10) - 8
    for transfer in (
        lambda: device.dma.read(edge, 16),
        lambda: device.dma.write(edge, bytes(16)),
        lambda: device.dma.write(edge, bytes(16), b"\xff"),
    ):
        ram.accesses.clear()
        with pytest.raises(BusError, match="nothing at 0x40000") as caught:
            transfer()
        assert (caught.value.status, caught.value.index) == (Response.ADDRESS_ERROR, 0)
        assert [access for access in ram.accesses if access[1] not in (TABLE, TABLE + 4)] == []


def test_the_first_refusal_is_told_and_the_rest_takes_place(device: Device, ram: PlainRam) -> None:
    """By the IOMMU or by memory, whichever piece comes first."""
    no_memory, forbidden = 0x3000, 512 << 10
    ram.refused = range(place(no_memory), place(no_memory) + PAGE)
    good = (0x8000, 0xA000)
    for order in (
        (good[0], no_memory, forbidden, good[1]),
        (good[0], forbidden, good[1], no_memory),
        (no_memory, good[0], good[1], forbidden),
        # The piece that memory refuses has parts before it in other pieces.
        (good[0] - 2 * PAGE, good[1], no_memory - 100, forbidden),
    ):
        data = [bytes([n + 1]) * 200 for n in range(4)]
        index = min(
            n
            for n, address in enumerate(order)
            if address == forbidden or address <= no_memory < address + 200
        )
        with pytest.raises(BusError) as caught:
            device.dma.write_many(list(zip(order, data, strict=True)))
        assert caught.value.index == index
        for address, content in zip(order, data, strict=True):
            if address in good:
                assert device.dma.read(address, 200) == content
        with pytest.raises(BusError) as caught:
            device.dma.read_many([(address, 200) for address in order])
        assert caught.value.index == index


def test_tables_that_memory_refuses_are_none(device: Device, ram: PlainRam) -> None:
    iommu = device.dma.iommu
    assert isinstance(iommu, Pages)
    ram.bytes[TABLE : TABLE + 8] = b"abcdefgh"
    device.dma.read(0, 4)
    assert iommu.table == [b"abcd", b"efgh"]
    ram.refused = range(TABLE, TABLE + 1)
    device.dma.read(0, 4)
    assert iommu.table == [None, b"efgh"]


def test_empty_transfers_reach_nobody(device: Device, ram: PlainRam) -> None:
    assert device.dma.read(0x1000, 0) == b""
    device.dma.write(0x1000, b"")
    assert ram.accesses == []


@pytest.mark.parametrize("address", [-1, (1 << 64) - 8])
def test_addresses_beyond_64_bits_reach_nobody(device: Device, address: int) -> None:
    iommu = device.dma.iommu
    assert isinstance(iommu, Pages)
    with pytest.raises(BusError, match=r"DMA read of 16 bytes at .*beyond a 64-bit") as caught:
        device.dma.read(address, 16)
    assert caught.value.status is Response.ADDRESS_ERROR
    with pytest.raises(BusError, match="DMA write of 16 bytes") as caught:
        device.dma.write_many([(0, b"x"), (address, bytes(16))])
    assert caught.value.index == 1
    assert [piece for piece in iommu.asked if piece[1] == 16] == []


def test_parts_are_no_bigger_than_a_packet() -> None:
    class Everywhere(Pages):
        def translate(
            self, pieces: Sequence[Piece], write: bool, fetch: Fetch
        ) -> list[list[Piece] | BusError]:
            return [[piece] for piece in pieces]

    class Zeroes(Ram):
        def dma_read(self, address: int, size: int) -> bytes:
            self.check("read", address, size)
            return bytes(size)

    ram = Zeroes()
    link = TranslatedLink(ram, Everywhere())
    assert link.dma_read(5, MAX_DATA + 10) == bytes(MAX_DATA + 10)
    assert ram.accesses == [("read", 5, MAX_DATA), ("read", 5 + MAX_DATA, 10)]


def test_wires_and_nudges_pass(device: Device, ram: PlainRam) -> None:
    ram.wires.clear()
    device.set_wire("error", True)
    assert ram.wires == [(1, True)]
    device.defer(lambda: None)
    assert ram.nudges == (1 if isinstance(ram, Ram) else 0)
    link = TranslatedLink(ram, Pages())
    link.wire_changed(0, True)
    assert ram.wires[-1] == (0, True)


def test_the_iommu_stays_when_the_link_changes(device: Device, ram: PlainRam) -> None:
    assert device.dma.link is ram
    device.dma.write(0, b"here")
    device.detach(ram)
    with pytest.raises(LinkError, match="DMA read of 4 bytes at 0x0: no QEMU is connected"):
        device.dma.read(0, 4)
    other = Ram()
    device.attach(other)
    other.bytes[place(0) : place(0) + 4] = b"next"
    assert device.dma.read(0, 4) == b"next"
    device.dma.iommu = None
    other.bytes[0:4] = b"bare"
    assert device.dma.read(0, 4) == b"bare"
