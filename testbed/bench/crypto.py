# SPDX-License-Identifier: MIT
"""The modelled SEC through a job ring, beside the same kernel's own ciphers, in host and guest."""

from __future__ import annotations

from collections.abc import Iterator

from testbed.artifacts import BoardArtifacts
from testbed.bench.figures import Figure
from testbed.boards.board import BenchSettings, Board
from testbed.machine.guest import Guest
from testbed.machine.host import Host
from testbed.run import Run

_KEY, _IV = "00112233445566778899aabbccddeeff", "0f0e0d0c0b0a09080706050403020100"

# What is measured: bytes a request, how many requests, unit.
_SIZES = ((64, 300, "jobs/s"), (4096, 300, "MB/s"), (65536, 60, "MB/s"))
_ALGORITHMS = {
    "AES-CBC": ("skcipher", f"encrypt key={_KEY} iv={_IV}", "cbc-aes-caam"),
    "SHA-256": ("hash", "", "sha256-caam"),
}


def measure_crypto(run: Run, board: Board, artifacts: BoardArtifacts) -> Iterator[Figure]:
    """Boot a host and a guest with a job ring, and give the figures of each."""
    path = next(d.path for d in board.devices if "/jr@" in d.name)
    host = Host(run, board, artifacts, append="cryptomgr.notests", traced=False)
    try:
        host.boot()
        host.load_driver(path)
        yield from _measure("host", host, board.bench)
        assigned = host.assign(path)
        guest = Guest(host, "guest0", [assigned], append="cryptomgr.notests")
        guest.boot()
        guest.load_driver(assigned)
        yield from _measure("guest", guest, board.bench)
        guest.shutdown()
    finally:
        host.shutdown()


def _measure(name: str, machine: Host | Guest, settings: BenchSettings) -> Iterator[Figure]:
    machine.succeed(f"/usr/sbin/modprobe -a {' '.join(settings.modules)}")
    for algorithm, (kind, options, ours) in _ALGORITHMS.items():
        for size, times, unit in _SIZES:
            machine.succeed(f"head -c {size} /dev/zero >/tmp/bench.in")
            rates = []
            for driver in (ours, settings.ciphers[algorithm]):
                command = f"af-alg {kind} '{driver}' {options} times={times} </tmp/bench.in"
                seconds = int(machine.succeed(command, seconds=120).split("=")[1]) / 1e9
                rates.append(times / seconds if unit == "jobs/s" else times * size / seconds / 1e6)
            load = f"{name}, SEC: {algorithm} of {size} bytes"
            yield Figure(load, unit, rates[0])
            yield Figure(f"{load}, the CPU's own / SEC", "times", rates[1] / rates[0])
