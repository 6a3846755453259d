# SPDX-License-Identifier: MIT
"""Templates in the cache: whole or not there, made once, and no longer found when touched."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from testbed.artifacts.cache import Cache
from testbed.artifacts.contents import remove, templates
from testbed.artifacts.progress import PlainProgress
from testbed.artifacts.template_store import TemplateStore

CONTENT: dict[str, Any] = {"board": "none", "bound": []}


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    cache = Cache(tmp_path / "cache")
    cache.create()
    return cache


@pytest.fixture
def store(cache: Cache) -> TemplateStore:
    return TemplateStore(cache)


@pytest.fixture
def progress(tmp_path: Path) -> PlainProgress:
    return PlainProgress((tmp_path / "progress").open("w"))


def fill(folder: Path) -> dict[str, Any]:
    (folder / "memory").write_bytes(b"m" * 100)
    return {"bound": {}}


def test_what_was_made_is_found(store: TemplateStore, progress: PlainProgress) -> None:
    assert store.find(CONTENT) is None
    with store.make(CONTENT, "one", fill, progress) as made:
        assert made.facts == {"bound": {}}
    with store.make(CONTENT, "one", pytest.fail, progress) as again:
        assert (again.folder / "memory").read_bytes() == b"m" * 100
    assert store.find({**CONTENT, "board": "other"}) is None


def test_interrupted_making_leaves_nothing(
    store: TemplateStore, cache: Cache, progress: PlainProgress
) -> None:
    def interrupted(folder: Path) -> dict[str, Any]:
        fill(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.make(CONTENT, "one", interrupted, progress)
    assert store.find(CONTENT) is None
    assert not list(cache.building.iterdir())


@pytest.mark.parametrize(
    ("size", "same_time"),
    [(99, False), (100, False), (99, True)],
    ids=["cut off and written to", "written to", "cut off"],
)
def test_touched_template_is_made_anew(
    store: TemplateStore, progress: PlainProgress, *, size: int, same_time: bool
) -> None:
    with store.make(CONTENT, "one", fill, progress) as made:
        memory = made.folder / "memory"
        times = memory.stat()
        memory.write_bytes(b"x" * size)
        # The clock of files may stand still for some milliseconds.
        later = times.st_mtime_ns + (0 if same_time else 10**9)
        os.utime(memory, ns=(times.st_atime_ns, later))
    assert store.find(CONTENT) is None
    with store.make(CONTENT, "one", fill, progress) as again:
        assert (again.folder / "memory").read_bytes() == b"m" * 100


def test_template_that_says_it_is_another_is_not_found(
    store: TemplateStore, progress: PlainProgress
) -> None:
    with store.make(CONTENT, "one", fill, progress) as made:
        meta = made.folder / "meta.json"
    meta.write_text(meta.read_text().replace('"none"', '"other"'))
    assert store.find(CONTENT) is None


def test_use_is_remembered(store: TemplateStore, progress: PlainProgress) -> None:
    """By it, the templates that go when there are too many are chosen."""
    with store.make(CONTENT, "one", fill, progress) as made:
        os.utime(made.folder, (0, 0))
        store.make(CONTENT, "one", pytest.fail, progress).close()
        assert made.folder.stat().st_mtime > 0


def test_dropped_template_is_gone(store: TemplateStore, progress: PlainProgress) -> None:
    with store.make(CONTENT, "one", fill, progress) as made:
        store.drop(made.digest)
    assert store.find(CONTENT) is None


def test_of_two_runs_one_makes_it(store: TemplateStore, progress: PlainProgress) -> None:
    began, go_on = threading.Event(), threading.Event()
    made = []

    def slowly(folder: Path) -> dict[str, Any]:
        began.set()
        assert go_on.wait(10)
        made.append(folder)
        return fill(folder)

    def make() -> None:
        store.make(CONTENT, "one", slowly, progress).close()

    first, second = threading.Thread(target=make), threading.Thread(target=make)
    first.start()
    assert began.wait(10)
    second.start()
    go_on.set()
    first.join(10)
    second.join(10)
    assert len(made) == 1


def test_only_templates_are_measured_when_one_is_made(
    store: TemplateStore, cache: Cache, progress: PlainProgress
) -> None:
    """The files of the parts are so many that it would take longer than to boot."""
    cache.objects.rmdir()
    cache.objects.write_text("no folder to look into")
    store.make(CONTENT, "one", fill, progress).close()


def test_too_many_templates_go_but_for_those_in_use(cache: Cache, progress: PlainProgress) -> None:
    store = TemplateStore(cache, most_bytes=1)
    with store.make(CONTENT, "held", fill, progress) as held:
        others = [{**CONTENT, "board": board} for board in ("a", "b")]
        for content in others:
            store.make(content, "other", fill, progress).close()
        assert held.folder.exists()
        assert store.find(others[0]) is None


def test_new_one_is_not_pruned_before_it_is_used(
    store: TemplateStore, cache: Cache, progress: PlainProgress, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def and_prune(place: Path, target: Path) -> Path:
        there = rename(place, target)
        if target.parent == cache.templates:
            monkeypatch.undo()
            remove(cache, templates(cache))
        return there

    monkeypatch.setattr(Path, "rename", and_prune)
    with store.make(CONTENT, "one", fill, progress) as made:
        assert (made.folder / "memory").read_bytes() == b"m" * 100
    remove(cache, templates(cache))
    assert store.find(CONTENT) is None
