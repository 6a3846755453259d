# SPDX-License-Identifier: MIT
from __future__ import annotations

import json
import secrets

import pytest

from testbed.bench.device import DmaPage, RegisterPage
from testbed.bench.measure import bench_devices
from testbed.remoteport.device import BusError, Response, StateError


@pytest.fixture
def page() -> RegisterPage:
    return RegisterPage("bench@f00000")


@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_what_was_written_is_read(page: RegisterPage, size: int) -> None:
    value = secrets.randbits(8 * size)
    for offset in (0, 0x1000 - size):
        page.write(0, offset, size, value)
        assert page.read(0, offset, size) == value


def test_bytes_lie_as_on_a_little_endian_bus(page: RegisterPage) -> None:
    page.write(0, 8, 4, 0x11223344)
    assert [page.read(0, 8 + at, 1) for at in range(4)] == [0x44, 0x33, 0x22, 0x11]


def test_bytes_lie_as_on_a_big_endian_bus() -> None:
    page = RegisterPage("bench@f00000", "big")
    page.write(0, 8, 4, 0x11223344)
    assert [page.read(0, 8 + at, 1) for at in range(4)] == [0x11, 0x22, 0x33, 0x44]


def test_an_access_over_the_end_is_refused(page: RegisterPage) -> None:
    for access in (lambda: page.read(0, 0xFFF, 2), lambda: page.write(0, 0xFFD, 4, 0)):
        with pytest.raises(BusError) as caught:
            access()
        assert caught.value.status is Response.ADDRESS_ERROR


def test_reset_clears_the_page(page: RegisterPage) -> None:
    page.write(0, 0xFF8, 8, 2**64 - 1)
    page.reset()
    assert page.read(0, 0xFF8, 8) == 0


def test_the_page_survives_as_json(page: RegisterPage) -> None:
    value = secrets.randbits(64)
    page.write(0, 16, 8, value)
    other = RegisterPage("other")
    other.load(json.loads(json.dumps(page.save())))
    assert other.read(0, 16, 8) == value


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({}, "field 'page' is not a string of hex digits"),
        ({"page": 5}, "field 'page' is not a string of hex digits"),
        ({"page": "xy"}, "field 'page' is not a string of hex digits"),
        ({"page": "00ff"}, "field 'page' holds 2 bytes, not 4096"),
    ],
)
def test_a_bad_state_is_named_and_changes_nothing(
    page: RegisterPage, state: dict[str, object], said: str
) -> None:
    page.write(0, 0, 4, 7)
    with pytest.raises(StateError, match=f"bench@f00000: {said}"):
        page.load(state)
    assert page.read(0, 0, 4) == 7


def test_each_bench_device_has_a_page_of_its_own() -> None:
    answering, posting = bench_devices("little")
    assert (answering.posted_writes, posting.posted_writes) == (False, True)
    assert isinstance(answering.model({}), DmaPage)
    assert answering.model({}).name == answering.name != posting.model({}).name
