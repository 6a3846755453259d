# SPDX-License-Identifier: MIT
"""The disk under arbitrary frames and a host that misbehaves."""

from __future__ import annotations

import json
import time

import pytest
from ata_fuzz_rig import SIZE, fault, frame, make
from ata_rig import MIB, seeded


def test_nothing_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    choice = seeded()
    frames, answers, failures = 120_000, 0, 0
    slowest, largest = 0.0, 0
    for _ in range(12):
        disk, host = make(choice)
        for number in range(frames // 12):
            start = time.perf_counter()
            fis = frame(choice)
            if fis.is_command:
                disk.command(fis)
            else:
                disk.control(fis)
            event = choice.random()
            if event < 0.3:
                disk.step()
            elif event < 0.4:
                while disk.step():
                    pass
            elif event < 0.43:
                disk.comreset()
            elif event < 0.435:
                fault(choice, disk)
            elif event < 0.4352:
                disk.attach(choice.choice((None, host)))
                disk.attach(host)
            slowest = max(slowest, time.perf_counter() - start)
            if number % 1000 == 0:
                disk.comreset()
                state = json.loads(json.dumps(disk.save()))
                largest = max(largest, len(json.dumps({**state, "media": 0})))
                assert disk.media.written <= SIZE
        answers += host.frames
        failures += host.failures
    assert answers > frames // 2
    assert 0 < failures < answers
    # What the disk keeps does not grow with what it was told: logs, buffers and counters.
    assert largest < 2 * MIB
    with capsys.disabled():
        print(f"\nata: {frames} random frames, {answers} answers, slowest {slowest * 1e3:.1f} ms")
