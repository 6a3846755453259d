# SPDX-License-Identifier: MIT
"""Saved states: a disk goes on where another stood, and believes no bad state."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from ata_fuzz_rig import SIZE, Recorder, frame
from ata_rig import MIB, Rig, seeded
from hypothesis import given, settings
from hypothesis import strategies as st

from models.ata import AtaDisk, Media
from testbed.remoteport.device import StateError


def test_restored_disk_behaves_as_the_original(capsys: pytest.CaptureFixture[str]) -> None:
    choice = seeded()
    rounds, length = 40, 60
    for _ in range(rounds):
        start, sector = choice.randbytes(4096), choice.choice((512, 4096))
        hosts = []
        for _ in range(2):
            media = Media.of_bytes(start, size=SIZE, sector_size=sector)
            disk = AtaDisk(media, clock=lambda: 5000.0)
            host = Recorder(disk, start)
            disk.attach(host)
            hosts.append(host)
        first, second = hosts
        if choice.random() < 0.5:
            first.disk.faults.hang()
        for _ in range(choice.randrange(length)):
            first.disk.command(frame(choice))
            if choice.random() < 0.3:
                first.disk.step()
        first.disk.faults.clear()
        first.record.clear()
        second.disk.load(json.loads(json.dumps(first.disk.save())))
        assert second.disk.save() == first.disk.save()
        for _ in range(length):
            fis, steps, reset = frame(choice), choice.randrange(3), choice.random() < 0.1
            for host in hosts:
                host.disk.command(fis)
                for _ in range(steps):
                    host.disk.step()
                if reset:
                    host.disk.comreset()
            assert first.record == second.record
        assert second.disk.save() == first.disk.save()
    with capsys.disabled():
        print(f"\nata: {rounds} states restored, {length} commands each")


def worked() -> dict[str, Any]:
    """The state of a disk with something in every part of it."""
    rig = Rig(Media(MIB), serial="STATE")
    rig.issue(0x35, lba=0, count=8, out=b"\5" * 4096)
    rig.issue(0x25, lba=1 << 30, count=1)
    rig.issue(0x3F, lba=0x80, count=1, out=b"\6" * 512)
    rig.smart(0xD4, low=1)
    rig.disk.faults.hang()
    rig.queue(0x60, 3, lba=0, sectors=1)
    rig.queue(0x60, 4, lba=0, sectors=1, count=0x8000)
    rig.queue(0x61, 5, lba=0, sectors=1)
    rig.disk.step()
    return json.loads(json.dumps(rig.disk.save()))  # type: ignore[no-any-return]


_WORKED = worked()
_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
_tried = 0


def places(state: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a state."""
    if path:
        yield path
    if isinstance(state, dict | list):
        for key, value in state.items() if isinstance(state, dict) else enumerate(state):
            yield from places(value, (*path, key))


_PLACES = sorted(places(_WORKED), key=repr)


@pytest.fixture(scope="module", autouse=True)
def _count(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\nata: {_tried} mutated states")


@settings(max_examples=600)
@given(
    st.sampled_from(_PLACES),
    _JUNK | st.integers(0, 300) | st.just("remove") | st.just("add"),
    st.randoms(use_true_random=False),
)
def test_any_state_is_taken_whole_or_refused_whole(
    place: tuple[Any, ...], junk: object, choice: random.Random
) -> None:
    global _tried
    _tried += 1
    state = copy.deepcopy(_WORKED)
    inner = state
    for key in place[:-1]:
        inner = inner[key]
    if junk == "remove":
        del inner[place[-1]]
    elif junk == "add" and isinstance(inner, dict):
        inner["more"] = 1
    else:
        inner[place[-1]] = junk
    rig = Rig(Media(MIB), serial="STATE")
    before = rig.disk.save()
    refused = load(rig.disk, state)
    if refused is not None:
        assert refused.startswith("disk")
        assert "field" in refused
        assert rig.disk.save() == before
        return
    json.dumps(rig.disk.save())
    for _ in range(5):
        rig.disk.command(frame(choice))
        rig.disk.step()
    rig.disk.comreset()
    assert rig.issue(0xEC).good
    rig.smart(0xD0)
    rig.smart(0xD5, low=1, count=1)
    rig.issue(0x2F, lba=0x03, count=5)


def load(disk: AtaDisk, state: dict[str, Any]) -> str | None:
    """The refusal, or None when the state was taken."""
    try:
        disk.load(state)
    except StateError as error:
        return str(error)
    return None


def test_state_names_what_is_wrong() -> None:
    rig = Rig(Media(MIB), serial="STATE")
    for change, complaint in (
        ({"seconds": -1}, "disk: field 'seconds'"),
        ({"queue": {**_WORKED["queue"], "halted": True}}, "disk: field 'queue.halted'"),
        ({"settings": {**_WORKED["settings"], "multiple": 3}}, "disk: field 'settings.multiple'"),
        ({"power": {**_WORKED["power"], "mode": 7}}, "disk: field 'power.mode'"),
        ({"unknown": 1}, "disk: field 'unknown'"),
    ):
        with pytest.raises(StateError, match=re.escape(complaint)):
            rig.disk.load({**_WORKED, **change})
    rig.disk.load(_WORKED)
    assert rig.disk.outstanding == 0b111000
    stuck = 1 << 4  # of high priority, so the hang struck it first
    rig.out[5] = bytes(512)
    assert [bits.sactive for bits in rig.run()] == [1 << 3, 1 << 5]
    assert rig.disk.outstanding == stuck
