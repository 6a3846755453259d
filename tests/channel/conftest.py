# SPDX-License-Identifier: MIT
"""The agent, built for this machine with sanitizers, at the other end of a socket pair."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_rig import Agent

from testbed.channel import AgentClient
from testbed.deadline import Deadline

SOURCES = Path(__file__).resolve().parents[2] / "guests/agent"


@pytest.fixture(scope="session")
def agent_binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    binary = tmp_path_factory.mktemp("agent") / "testbed-agent"
    options = ["-g", "-O1", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined"]
    subprocess.run(
        ["gcc", *options, "-fno-sanitize-recover=all", "-o", binary, *SOURCES.glob("*.c")],
        check=True,
    )
    return binary


@pytest.fixture
def agents(agent_binary: Path, tmp_path: Path) -> Iterator[list[Agent]]:
    """Agents of a test: those it leaves running must end well when their channel closes."""
    running: list[Agent] = []
    yield running
    for agent in running:
        agent.connection.close()
        if agent.process.returncode is None:
            agent.ended(0)


@pytest.fixture
def agent(agent_binary: Path, tmp_path: Path, agents: list[Agent]) -> Agent:
    agents.append(Agent(agent_binary, tmp_path / "agent.log"))
    return agents[-1]


@pytest.fixture
def client(agent: Agent) -> Iterator[AgentClient]:
    with AgentClient(agent.connection, "host") as client:
        client.hello(deadline=Deadline(10))
        yield client


@pytest.fixture
def deadline() -> Deadline:
    """Long enough for a busy machine; what must be fast says so itself."""
    return Deadline(30)


@pytest.fixture
def rng() -> random.Random:
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    return random.Random(seed)
