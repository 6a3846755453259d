# SPDX-License-Identifier: MIT
"""The cache's place, and its locks."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from artifact_rig import Steps

from testbed.artifacts.cache import Cache
from testbed.deadline import Deadline
from testbed.errors import TestbedError


def test_the_environment_names_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTBED_CACHE", str(tmp_path / "here"))
    assert Cache.default().root == tmp_path / "here"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TESTBED_CACHE", "relative")
    assert Cache.default().root == tmp_path / "relative"


@pytest.mark.parametrize("place", ["/proc/no-such-folder", "/dev/null", "/dev/null/below"])
def test_a_place_that_cannot_be_is_told(place: str) -> None:
    with pytest.raises(TestbedError, match="set TESTBED_CACHE"):
        Cache(Path(place)).create()


def test_a_refused_write_is_told(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, **options: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(TestbedError, match=r"permission denied: .*; make .* writable or set TESTB"):
        cache.create()


def test_locks_exclude_each_other(cache: Cache, progress: Steps) -> None:
    with cache.lock("a", "it", progress) as waited:
        assert not waited
        with cache.try_lock("a") as held:
            assert not held
        with cache.try_lock("b") as held:
            assert held
    with cache.try_lock("a") as held:
        assert held
    assert progress.notes == []


def test_who_waits_for_a_lock_says_so_and_is_told(cache: Cache, progress: Steps) -> None:
    told: list[bool] = []

    def wait() -> None:
        with cache.lock("a", "it", progress) as waited:
            told.append(waited)

    second = threading.Thread(target=wait)
    with cache.lock("a", "it", progress):
        second.start()
        deadline = Deadline(20)
        while not (progress.notes or deadline.expired):
            time.sleep(0.01)
    second.join(20)
    assert progress.notes == ["waiting for another run, which is preparing it"]
    assert told == [True]
