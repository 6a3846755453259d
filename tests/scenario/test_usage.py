# SPDX-License-Identifier: MIT
"""What a process says it took, asked of a process of its own: the peaks never go down again."""

from __future__ import annotations

import json
import subprocess
import sys

SPEND = """
import json, subprocess, sys, time
from testbed.scenario.usage import usage_so_far

def spend(seconds, mebibytes):
    held = bytearray(mebibytes << 20)
    held[::4096] = b"x" * len(held[::4096])
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass

if sys.argv[1:]:
    spend(*map(int, sys.argv[1:]))
    sys.exit()
shown = [usage_so_far()]
spend(1, 200)
shown.append(usage_so_far())
subprocess.run([sys.executable, "-c", sys.orig_argv[2], "1", "500"], check=True)
shown.append(usage_so_far())
print(json.dumps([[each.cpu_seconds, each.peak_memory] for each in shown]))
"""


def test_what_a_process_and_its_children_took_is_counted() -> None:
    done = subprocess.run([sys.executable, "-c", SPEND], capture_output=True, check=True)
    before, own, all_of_it = json.loads(done.stdout)
    assert own[0] >= before[0] + 1
    assert own[1] >= 200
    assert all_of_it[0] >= own[0] + 1
    assert all_of_it[1] >= own[1] + 450
