# SPDX-License-Identifier: MIT
from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rp_rig import TRIED

from testbed.remoteport.client import Client
from testbed.remoteport.device import Device
from testbed.remoteport.server import Server


@pytest.fixture
def rng() -> random.Random:
    """Random content, new in each run; the seed is in the captured output of a failure."""
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    return random.Random(seed)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers with a short timeout, and stops them when the test is over."""
    servers: list[Server] = []

    def start(device: Device, **options: Any) -> Server:
        path = tmp_path / f"{len(servers)}.sock"
        server = Server(device, path, **{"timeout": 5.0, **options})
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    """Connects clients to servers, and closes them when the test is over."""
    clients: list[Client] = []

    def make(server: Server, **options: Any) -> Client:
        client = Client.connect(server.path, **{"timeout": 5.0, **options})
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for what, count in sorted(TRIED.items()):
        terminalreporter.write_line(f"remote-port: {count} mutated inputs tried against {what}")
