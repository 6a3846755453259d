# SPDX-License-Identifier: MIT
"""A cache of its own for each test, and random content from a printed seed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from artifact_rig import Archive, Steps

from testbed.artifacts.cache import Cache
from testbed.artifacts.commands import Commands


@pytest.fixture
def random() -> Random:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    return Random(seed)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    cache = Cache(tmp_path / "cache")
    cache.create()
    return cache


@pytest.fixture
def progress() -> Steps:
    return Steps()


@pytest.fixture
def commands() -> Commands:
    return Commands()


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    """An archive that apt reaches directly and asks once, whatever this machine's settings are."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    config = tmp_path / "workstation-apt.conf"
    config.write_text(
        'Acquire::Retries "0"; Acquire::http::Proxy::127.0.0.1 "DIRECT"; Dir::Etc::parts "/none";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(config))
    archive = Archive()
    yield archive
    archive.close()
