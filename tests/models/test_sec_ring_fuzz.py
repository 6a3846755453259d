# SPDX-License-Identifier: MIT
"""A SEC under arbitrary accesses, ring memory and jobs, its state kept from one to the next."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from sec_ring_rig import (
    CSTA,
    INPUT,
    IRBAR,
    IRJAR,
    IRSR,
    JRCFGR_LS,
    JRCR,
    JRINTR,
    LAYOUTS,
    MEMORY_SIZE,
    ORBAR,
    ORJRR,
    ORSR,
    OUTPUT,
    SecRig,
    seeded,
)

from models.sec.config import LS1028A, T4240, SecConfig
from testbed.remoteport.device import BusError, Device, LinkError

STEPS = 60_000
RING_OFFSETS = (*range(0, 0x74, 4), 0xFC0, 0xFC4, 0xFC8, 0xFCC, 0xFD4)
CONTROL_OFFSETS = (4, 0xC, *range(0x10, 0x30, 4), 0x58, 0x5C, 0x94, 0x9C, 0x120, 0x124)
CONTROL_OFFSETS += (*range(0x400, 0x460, 4), *range(0x600, 0x640, 4), 0x6C0)
DECO_OFFSETS = (0x800, 0x804, 0x810, 0xE04, 0xE3C, *range(0xA00, 0xB00, 4))

Step = Callable[[], object]


class Fuzz:
    """Random steps on one SEC. `depth` is how deep in DMA or jobs the step is taken."""

    def __init__(self, config: SecConfig, choice: random.Random) -> None:
        self.choice = choice
        self.rig = SecRig(config)
        self.scratch = SecRig(config)
        self.depth = 0
        self.inside = 0
        self.jobs = 0
        self.rig.memory.on_access = self.on_access
        for runner in self.rig.runners:
            runner.on_job = self.on_job
            runner.on_buffer = self.on_buffer

    def device(self) -> tuple[Device, int]:
        rings = len(self.rig.sec.rings)
        number = self.choice.choice((0, 0, 0, 1, rings - 1, rings, rings))
        if number < rings:
            return self.rig.sec.rings[number], 0
        return self.rig.controller, self.choice.choice((0, 0, 1))

    def offset(self, device: Device, region: int) -> int:
        choice = self.choice
        size = device.regions[region].size
        if choice.random() < 0.05:
            return choice.randrange(-8, size + 8)
        if device is not self.rig.controller:
            return choice.choice(RING_OFFSETS)
        if region == 0:
            return choice.choice(CONTROL_OFFSETS)
        page = self.rig.config.page_size
        return 8 * page - page * (1 + self.rig.config.rings) + choice.choice(DECO_OFFSETS)

    def value(self) -> int:
        choice = self.choice
        kind = choice.random()
        if kind < 0.4:
            return choice.choice((0, 1, 2, 3, 4, 8, 0xC, 0x10, 0x40, 1 << 16, 1 << 31))
        if kind < 0.7:
            return choice.randrange(0x40)
        return choice.getrandbits(32)

    def access(self) -> None:
        choice = self.choice
        device, region = self.device()
        offset = self.offset(device, region)
        size = choice.choice((4, 4, 4, 4, 8, 2, 1))
        try:
            if choice.random() < 0.6:
                device.write(region, offset, size, self.value() | self.value() << 32)
            else:
                value = device.read(region, offset, size)
                assert 0 <= value < 1 << 8 * size
        except BusError:
            assert not 0 <= offset <= device.regions[region].size - size

    def ring_up(self) -> None:
        """Bring a ring near to one that works; random values alone seldom do."""
        rig, choice = self.rig, self.choice
        ring = choice.choice((0, 0, 1))
        for _ in range(2):
            rig.write(JRCR, 1, ring)
        rig.write_base(IRBAR, rig.base + INPUT, ring)
        rig.write_base(ORBAR, rig.base + choice.choice((OUTPUT, MEMORY_SIZE - 24)), ring)
        rig.write(IRSR, choice.randrange(1, 64), ring)
        rig.write(ORSR, choice.randrange(1, 64), ring)
        rig.set_control(0x5C, 0xF)
        rig.write(JRCFGR_LS, choice.choice((0, 0, 4, 2 | 3 << 8 | 5 << 16)), ring)

    def step(self) -> None:
        choice, rig = self.choice, self.rig
        kind = choice.random()
        if kind < 0.55:
            self.access()
        elif kind < 0.75:
            rig.write(IRJAR, choice.choice((1, 1, 2, 5)), choice.choice((0, 0, 1)))
        elif kind < 0.80:
            rig.write(ORJRR, choice.choice((1, 1, 2)))
        elif kind < 0.83:
            rig.write(JRINTR, choice.choice((1, 8, 11)), choice.choice((0, 1)))
        elif kind < 0.86:
            self.ring_up()
        elif kind < 0.88:
            for ring in (0, 1):
                timer = rig.timers[ring]
                if timer.seconds is not None:
                    timer.expire()
        elif kind < 0.90:
            at = choice.randrange(MEMORY_SIZE - 64)
            rig.memory.data[at : at + 64] = choice.randbytes(64)
        elif not self.depth:
            self.outside(kind)

    def outside(self, kind: float) -> None:
        """What the server does between callbacks, never within."""
        choice, rig = self.choice, self.rig
        if kind < 0.98:
            self.run()
        elif kind < 0.984:
            for device in rig.devices:
                device.drop_deferred(device.deferred)
                device.reset()
        else:
            self.run()
            device = choice.choice(rig.devices)
            state = json.loads(json.dumps(device.save()))
            twin = self.scratch.devices[rig.devices.index(device)]
            twin.load(state)
            assert twin.save() == state
            device.load(state)
            self.scratch.run()

    def run(self) -> None:
        """All deferred work; what a reset of the machine ends is dropped, as the server does."""
        while True:
            try:
                self.rig.run()
                return
            except LinkError:
                self.depth = 0

    def reenter(self) -> None:
        """Accesses that reach the SEC while it waits for memory."""
        if self.depth > 3:
            return
        self.depth += 1
        while self.choice.random() < 0.3:
            self.inside += 1
            self.step()
        if self.choice.random() < 0.005:
            self.depth = 0
            for device in self.rig.devices:
                device.drop_deferred(device.deferred)
                device.reset()
            raise LinkError("the machine was reset meanwhile")
        self.depth -= 1

    def on_access(self, kind: str, address: int, size: int) -> None:
        assert 0 < size <= 64 * 16
        self.reenter()

    def on_job(self, address: int) -> int:
        self.jobs += 1
        self.reenter()
        return self.choice.choice((0, 0, self.choice.getrandbits(32)))

    def on_buffer(self, words: tuple[int, ...]) -> int:
        assert len(words) <= 64
        self.jobs += 1
        self.reenter()
        return self.choice.getrandbits(32)

    def check(self) -> None:
        """What holds in every state between two steps."""
        rig = self.rig
        for number, ring in enumerate(rig.sec.rings):
            size, available = rig.read(0x0C, number), rig.read(0x14, number)
            assert 0 <= available <= size < 1024
            assert rig.read(0x3C, number) <= rig.read(0x2C, number) < 1024
            interrupt, config = rig.read(JRINTR, number), rig.read(JRCFGR_LS, number)
            assert interrupt & 0xC in (0, 8)  # nothing halts for ever
            assert ring.wire_level("interrupt") == bool(interrupt & 1 and not config & 1)
            assert ring.deferred < 1000
            assert ring.state.coalesced <= 255


CONFIGS = (*LAYOUTS[1:], T4240, replace(LS1028A, virtualization=True, long_pointers=True))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_arbitrary_accesses_do_no_harm(config: SecConfig) -> None:
    choice = seeded()
    fuzz = Fuzz(config, choice)
    for count in range(STEPS):
        fuzz.step()
        if count % 50 == 0:
            fuzz.run()
            fuzz.check()
    print(f"{STEPS + fuzz.inside} inputs, {fuzz.inside} of them during DMA, {fuzz.jobs} jobs")
    assert fuzz.jobs > 1000
    assert fuzz.inside > 1000
    # And it works as new after a reset.
    fuzz.rig.memory.on_access = lambda kind, address, size: None
    for runner in fuzz.rig.runners:
        runner.on_job = lambda address: 0
    for device in fuzz.rig.devices:
        device.drop_deferred(device.deferred)
        device.reset()
    rig = fuzz.rig
    rig.set_control(0x5C, 1)
    rig.start(depth=8)
    rig.enqueue(4, 8, 12)
    rig.run()
    assert rig.dequeue() == [(4, 0), (8, 0), (12, 0)]
    assert rig.read(CSTA) & 3 == 2
