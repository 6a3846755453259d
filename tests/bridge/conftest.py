# SPDX-License-Identifier: MIT
"""QEMU and the bridge under test, and machines made of them."""

from __future__ import annotations

import os
import random
import secrets
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from bridge_rig import TRIED, Bank, Machine, MachineFactory, device, find_qemu, version_of
from peer import Peer

from testbed.artifacts import Sources
from testbed.bridge.build import build
from testbed.deadline import Deadline
from testbed.remoteport.server import Server


@pytest.fixture(scope="session")
def qemu() -> Path:
    return find_qemu("TESTBED_TEST_QEMU", "qemu-system-aarch64")


@pytest.fixture(scope="session")
def qemu_ppc() -> Path:
    return find_qemu("TESTBED_TEST_QEMU_PPC", "qemu-system-ppc")


@pytest.fixture(scope="session")
def qemu_source(sources: Sources) -> Path:
    """That of the QEMU under test: the distribution's, or what TESTBED_TEST_QEMU_SOURCE names."""
    named = os.environ.get("TESTBED_TEST_QEMU_SOURCE")
    return Path(named) if named else sources.qemu


@pytest.fixture(scope="session")
def bridge_so(qemu: Path, qemu_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bridge") / "testbed-rp.so"
    build(qemu_source, version_of(qemu), out)
    return out


@pytest.fixture
def rng() -> random.Random:
    """Random content, different in each run; pytest shows the seed when the test fails."""
    seed = int(os.environ.get("TESTBED_TEST_SEED", secrets.randbits(32)))
    print(f"seed {seed} (TESTBED_TEST_SEED)")
    return random.Random(seed)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: that of a UNIX socket must fit into 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="tb-") as name:
        yield Path(name)


@pytest.fixture
def cleanup() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def start(qemu: Path, bridge_so: Path, folder: Path, cleanup: ExitStack) -> MachineFactory:
    """Starts a machine with devices given as arguments of -device."""

    def start(*devices: str, **options: object) -> Machine:
        machine = Machine(qemu, bridge_so, folder, devices, **options)  # type: ignore[arg-type]
        cleanup.callback(machine.close)
        return machine

    return start


@pytest.fixture
def serve(folder: Path, cleanup: ExitStack) -> Callable[..., Server]:
    """Serves a model at a socket in the machine's folder."""

    def serve(bank: Bank, path: str = "rp.sock", **options: object) -> Server:
        server = Server(bank, folder / path, **options)  # type: ignore[arg-type]
        cleanup.enter_context(server)
        return server

    return serve


@pytest.fixture
def banked(
    start: MachineFactory, serve: Callable[..., Server]
) -> Callable[..., tuple[Machine, Bank]]:
    """A machine and a connected model of plain memory in it."""

    def banked(**properties: object) -> tuple[Machine, Bank]:
        bank = Bank()
        server = serve(bank, chan=properties.get("chan", 0))
        machine = start(device(**properties))
        server.wait_connected(Deadline(20))
        return machine, bank

    return banked


@pytest.fixture
def peer(folder: Path, cleanup: ExitStack) -> Peer:
    """A raw peer that already listens."""
    peer = Peer(folder / "rp.sock")
    cleanup.callback(peer.close)
    return peer


@pytest.fixture
def raw(start: MachineFactory, peer: Peer) -> Callable[..., Machine]:
    """A machine whose device is connected to the raw peer."""

    def raw(greeting: bytes | None = None, **properties: object) -> Machine:
        accepting = threading.Thread(target=peer.accept, args=(greeting,))
        accepting.start()
        machine = start(device(**properties))
        accepting.join()
        return machine

    return raw


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for what, count in sorted(TRIED.items()):
        terminalreporter.write_line(f"bridge: {count} mutated inputs tried against {what}")
