# SPDX-License-Identifier: MIT
"""Sparse copy-on-write media against a plain bytearray."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from ata_rig import KIB, MIB, seeded

from models.ata import Media
from testbed.errors import TestbedError
from testbed.remoteport.device import StateError

SIZE = 1 * MIB + 3 * 4096  # not a whole number of chunks


def origins(choice: random.Random, path: Path) -> list[tuple[Callable[[], Media], bytes]]:
    """Media of each kind, and what they start as."""
    content = choice.randbytes(300 * KIB + 77)
    path.write_bytes(content)
    padded = content.ljust(SIZE, b"\0")
    return [
        (lambda: Media(SIZE), bytes(SIZE)),
        (lambda: Media.of_bytes(content, size=SIZE), padded),
        (lambda: Media.of_file(path, size=SIZE), padded),
        (lambda: Media.of_bytes(content, size=SIZE, sector_size=4096), padded),
    ]


def piece(choice: random.Random, sectors: int) -> tuple[int, int]:
    count = (
        choice.choice((1, 2, 8, 127, 128, 129, 500)) if sectors > 500 else choice.randrange(1, 40)
    )
    count = min(count, sectors)
    lba = choice.choice((0, sectors - count, choice.randrange(sectors - count + 1)))
    return lba, count


def test_behaves_as_a_bytearray(tmp_path: Path) -> None:
    choice = seeded()
    for make, start in origins(choice, tmp_path / "image"):
        media, twin, model = make(), make(), bytearray(start)
        unit = media.sector_size
        for _ in range(400):
            lba, count = piece(choice, media.sectors)
            at, end = lba * unit, (lba + count) * unit
            action = choice.randrange(4)
            if action == 0:
                data = choice.choice((choice.randbytes, bytes))(count * unit)
                media.write(lba, data)
                model[at:end] = data
            elif action == 1:
                media.discard(lba, count)
                model[at:end] = bytes(end - at)
            elif action == 2:
                assert media.read(lba, count) == model[at:end]
            else:
                at = choice.randrange(SIZE - 5000)
                assert media.read_bytes(at, 5000) == model[at : at + 5000]
        assert media.snapshot() == model
        assert media.digest() == hashlib.sha256(model).hexdigest()
        assert media.digest(77, 999, "md5") == hashlib.md5(model[77 : 77 + 999]).hexdigest()
        assert twin.snapshot() == start, "two media share what was written"
        copy = make()
        copy.load(json.loads(json.dumps(media.save())))
        assert copy.snapshot() == model
        copy.write_bytes(0, b"changed")
        assert media.snapshot() == model, "a loaded state is shared"


def test_file_is_not_written(tmp_path: Path) -> None:
    choice = seeded()
    path = tmp_path / "image"
    content = choice.randbytes(100 * KIB)
    path.write_bytes(content)
    path.chmod(0o400)
    media = Media.of_file(path)
    media.write(0, choice.randbytes(512))
    media.discard(100, 10)
    assert path.read_bytes() == content
    assert media.size == 100 * KIB


def test_sizes_round_up_to_a_sector() -> None:
    assert Media.of_bytes(b"x").size == 512
    assert Media.of_bytes(bytes(513)).size == 1024
    assert Media.of_bytes(b"x", sector_size=4096).size == 4096
    assert Media.of_bytes(b"").sectors == 1


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Media(1000), "1000 bytes; give a multiple of its 512-byte sectors"),
        (lambda: Media(0), "0 bytes"),
        (lambda: Media(4096, sector_size=520), "520 bytes; there are 512 and 4096"),
        (lambda: Media.of_bytes(bytes(1024), size=512), "make it larger"),
        (lambda: Media.of_file("/nonexistent/disk"), "open the disk image /nonexistent/disk"),
    ],
)
def test_bad_media_is_explained(make: Callable[[], Media], complaint: str) -> None:
    with pytest.raises(TestbedError, match=complaint):
        make()


def test_two_tebibytes_cost_what_is_written() -> None:
    media = Media(2 << 40)
    media.write(media.sectors - 8, b"\1" * 4096)
    media.write(1 << 31, b"\2" * 512)
    assert media.written <= 2 * 64 * KIB
    assert media.read(media.sectors - 8, 8) == b"\1" * 4096
    media.discard(0, media.sectors)
    assert media.written == 0
    assert media.read(media.sectors - 8, 8) == bytes(4096)


def test_zeros_take_no_memory() -> None:
    media = Media.of_bytes(b"\xff" * MIB, size=64 * MIB)
    for lba in range(0, media.sectors, 2048):
        media.write(lba, bytes(MIB))
    assert media.written == 0
    assert media.read(0, 2048) == bytes(MIB)


def test_scenario_side_stays_within_the_disk() -> None:
    media = Media(MIB)
    for offset, size in ((-1, 1), (MIB, 1), (MIB - 1, 2), (0, -1)):
        with pytest.raises(ValueError, match=f"of a disk of {MIB} bytes"):
            media.read_bytes(offset, size)
    with pytest.raises(ValueError, match="of a disk"):
        media.write_bytes(MIB - 1, b"xy")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", 512),
        ("size", None),
        ("sector_size", 4096),
        ("base", "bytes:512:00"),
        ("discarded", 7),
        ("chunks", []),
        ("chunks", {"0": "AAAA"}),
        ("chunks", {"0": 5}),
        ("chunks", {"16": ""}),
        ("chunks", {"-1": ""}),
        ("chunks", {"x": ""}),
        ("discarded", "eJwDAAAAAAE="),
    ],
)
def test_bad_state_is_refused(field: str, value: object) -> None:
    media = Media.of_bytes(b"abc", size=MIB)
    media.write(3, b"\7" * 512)
    before = media.snapshot()
    with pytest.raises(StateError, match=rf"disk: field 'media\.{field}' holds"):
        media.load({**media.save(), field: value})
    assert media.snapshot() == before


def test_state_of_another_original_is_refused_once_something_was_written() -> None:
    one, two = Media.of_bytes(b"one", size=MIB), Media.of_bytes(b"two", size=2 * MIB)
    other = Media.of_bytes(b"two", size=MIB)
    other.load(one.save())
    assert other.read_bytes(0, 3) == b"two"
    with pytest.raises(StateError, match=r"field 'media\.size'"):
        two.load(one.save())
    for change in (lambda: one.write(9, b"\1" * 512), lambda: one.discard(0, 128)):
        change()
        with pytest.raises(StateError, match=r"field 'media\.base'"):
            other.load(one.save())
    assert other.read_bytes(0, 3) == b"two"
