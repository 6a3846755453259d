# SPDX-License-Identifier: MIT
"""private_folder: gone at the end, gone with the next one after SIGKILL, and never before."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from testbed.fleet import private_folder as module
from testbed.fleet.private_folder import PREFIX, private_folder

_HOLDER = """
import sys
from testbed.fleet.private_folder import private_folder
with private_folder() as folder:
    (folder / "status").touch()
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the temporary folders are, of children too."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


@contextmanager
def another_process() -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that has a private folder, which is not empty."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process, Path(process.stdout.readline().rstrip())
        finally:
            process.kill()


def test_it_goes_at_the_end_with_all_that_is_in_it(place: Path) -> None:
    with private_folder() as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "file").touch()
        assert list(place.iterdir()) == [folder]
    assert list(place.iterdir()) == []


def test_that_of_a_killed_process_goes_when_the_next_is_made(place: Path) -> None:
    with another_process() as (process, left):
        process.kill()
        process.wait()
        assert (left / "status").exists(), "nobody was there to remove it"
        with private_folder() as folder:
            assert list(place.iterdir()) == [folder]


def test_that_of_a_living_process_stays() -> None:
    with another_process() as (_, theirs):
        with private_folder():
            assert (theirs / "status").exists()
        assert (theirs / "status").exists()


def test_what_is_not_one_stays(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / f"{PREFIX}file").touch()
    (place / "testbed-other").mkdir()
    (place / f"{PREFIX}link").symlink_to(place / "testbed-other")
    before = sorted(place.iterdir())
    with private_folder():
        pass
    assert sorted(place.iterdir()) == before


def test_those_of_other_users_stay(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = place / f"{PREFIX}theirs"
    theirs.mkdir()
    mine = theirs.stat().st_uid
    monkeypatch.setattr(module.os, "geteuid", lambda: mine + 1)
    module._remove_abandoned(theirs)
    assert theirs.exists()
    monkeypatch.setattr(module.os, "geteuid", lambda: mine)
    module._remove_abandoned(theirs)
    assert not theirs.exists()


def test_one_that_cannot_be_opened_is_no_reason_to_make_more(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where all file descriptors are in use."""

    open_any = os.open

    def refuse(path: str | Path, *flags: int) -> int:
        if not Path(path).name.startswith(PREFIX):
            return open_any(path, *flags)
        assert len(list(place.iterdir())) < 3, "it goes on making them"
        raise OSError(errno.EMFILE, "Too many open files", str(path))

    monkeypatch.setattr(module.os, "open", refuse)
    with pytest.raises(OSError, match="Too many open files"), private_folder():
        pass


def test_one_that_was_taken_for_an_abandoned_one_is_made_anew(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may look between making it and locking it."""
    made: list[Path] = []
    lock = module.fcntl.flock

    def late(hold: int, operation: int) -> None:
        made.extend(place.iterdir())
        if len(made) == 1:
            made[0].rmdir()
        lock(hold, operation)

    monkeypatch.setattr(module.fcntl, "flock", late)
    with private_folder() as folder:
        assert folder.exists()
        assert made == [made[0], folder]
