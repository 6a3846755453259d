# SPDX-License-Identifier: MIT
"""Built folders: once, whole or not at all, and never used damaged."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import time
from multiprocessing.synchronize import Event, Semaphore
from pathlib import Path
from random import Random

import pytest
from artifact_rig import Steps, tree

from testbed.artifacts import objects as objects_module
from testbed.artifacts.cache import Cache
from testbed.artifacts.failure import Stopped, failure
from testbed.artifacts.objects import Objects
from testbed.artifacts.recipe import Recipe
from testbed.errors import TestbedError

SPAWN = multiprocessing.get_context("spawn")


def build_with(content: bytes) -> object:
    def build(out: Path, scratch: Path) -> None:
        (scratch / "half").write_bytes(content[: len(content) // 2])
        (out / "folder").mkdir()
        (out / "folder" / "data").write_bytes(content)
        (out / "link").symlink_to("folder/data")

    return build


@pytest.fixture
def recipe(random: Random) -> Recipe:
    return Recipe("thing", {"number": str(random.randrange(1 << 60))})


@pytest.fixture
def content(random: Random) -> bytes:
    return random.randbytes(5000)


@pytest.fixture
def built(cache: Cache, recipe: Recipe, content: bytes, progress: Steps) -> Path:
    objects = Objects(cache)
    assert objects.build(recipe, build_with(content), progress)
    return objects.folder(recipe)


def test_an_object_is_built_once(
    cache: Cache, recipe: Recipe, content: bytes, built: Path, progress: Steps
) -> None:
    def never(out: Path, scratch: Path) -> None:
        raise AssertionError("built again")

    assert (built / "link").read_bytes() == content
    assert Objects(cache).intact(recipe)
    assert not Objects(cache).build(recipe, never, progress)
    assert tree(cache.building) == []


def test_another_input_or_source_is_another_object(tmp_path: Path) -> None:
    source = tmp_path / "builder.py"
    source.write_text("one")
    first = Recipe("thing", {"a": "1"}, (source,)).digest
    assert first == Recipe("thing", {"a": "1"}, (source,)).digest
    assert first != Recipe("thing", {"a": "2"}, (source,)).digest
    assert first != Recipe("other", {"a": "1"}, (source,)).digest
    source.write_text("two")
    assert first != Recipe("thing", {"a": "1"}, (source,)).digest


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    times = path.stat()
    path.write_bytes(data)
    # The clock of files may stand still for some milliseconds.
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns + 10**9))


@pytest.mark.parametrize(
    "damage",
    [
        lambda out: _flip(out / "folder/data"),
        lambda out: (out / "folder/data").write_bytes(b""),
        lambda out: (out / "folder/data").unlink(),
        lambda out: shutil.rmtree(out),
        lambda out: ((out / "link").unlink(), (out / "link").symlink_to("elsewhere")),
        lambda out: (out.parent / "meta.json").write_text("{"),
        lambda out: (out.parent / "meta.json").write_text("[]"),
        lambda out: (out.parent / "meta.json").unlink(),
    ],
    ids=["flipped", "truncated", "file", "out", "link", "meta", "meta-kind", "no-meta"],
)
def test_a_damaged_object_is_built_again(
    cache: Cache, recipe: Recipe, content: bytes, built: Path, progress: Steps, damage: object
) -> None:
    damage(built)
    objects = Objects(cache)
    assert not objects.intact(recipe)
    assert objects.build(recipe, build_with(content), progress)
    assert (built / "link").read_bytes() == content
    assert objects.intact(recipe)
    assert progress.notes == ["thing: damaged in the cache, building it again"]
    assert tree(cache.building) == []


def test_a_copied_cache_is_read_once_and_then_trusted(
    cache: Cache, recipe: Recipe, built: Path
) -> None:
    data = built / "folder/data"
    os.utime(data, (1, 1))
    assert Objects(cache).intact(recipe)
    meta = Objects(cache).meta(recipe)
    assert meta["outputs"]["folder/data"]["mtime_ns"] == data.stat().st_mtime_ns


def test_a_failed_build_leaves_nothing(cache: Cache, recipe: Recipe, progress: Steps) -> None:
    def build(out: Path, scratch: Path) -> None:
        (out / "half").write_bytes(b"half")
        (out / "closed").mkdir(mode=0o500)
        raise failure("the compiler is tired")

    with pytest.raises(TestbedError, match="the compiler is tired"):
        Objects(cache).build(recipe, build, progress)
    assert tree(cache.objects) == []
    assert tree(cache.building) == []


def test_the_log_of_a_failed_build_is_kept(
    cache: Cache, recipe: Recipe, progress: Steps, random: Random
) -> None:
    text = f"line {random.random()}"

    def build(out: Path, scratch: Path) -> None:
        log = out / "build.log"
        log.write_text(text)
        error = failure(f"make failed; see {log}")
        error.evidence = log
        raise error

    with pytest.raises(TestbedError) as caught:
        Objects(cache).build(recipe, build, progress)
    assert caught.value.evidence is not None
    assert caught.value.evidence.read_text() == text
    assert str(caught.value.evidence) in caught.value.message


def test_a_full_disk_is_seen_in_what_other_tools_say(
    cache: Cache, recipe: Recipe, progress: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(out: Path, scratch: Path) -> None:
        (out / "build.log").write_text("as: cannot write x.o: No space left on device\n")
        error = failure("make failed")
        error.evidence = out / "build.log"
        raise error

    with pytest.raises(TestbedError, match="make failed"):
        Objects(cache).build(recipe, build, progress)
    monkeypatch.setattr(objects_module, "free_megabytes", lambda path: 3)
    with pytest.raises(TestbedError, match="writing thing to the cache failed: no space left"):
        Objects(cache).build(recipe, build, progress)


def test_a_build_without_output_is_an_error(cache: Cache, recipe: Recipe, progress: Steps) -> None:
    with pytest.raises(TestbedError, match="left no files"):
        Objects(cache).build(recipe, lambda out, scratch: None, progress)
    assert not Objects(cache).intact(recipe)


class _Waiting(Steps):
    """Progress that tells another process of a wait."""

    def __init__(self, waiting: Semaphore) -> None:
        super().__init__()
        self._waiting = waiting

    def note(self, line: str) -> None:
        super().note(line)
        if line == "waiting for another run, which is preparing thing":
            self._waiting.release()


def _build_in_process(
    root: Path, recipe: Recipe, others: int, waiting: Semaphore, counted: Path, notes: Path
) -> None:
    def build(out: Path, scratch: Path) -> None:
        with counted.open("a") as stream:
            stream.write(f"{os.getpid()}\n")
        with (out / "data").open("wb") as stream:
            stream.write(os.urandom(10_000))
            for _ in range(others):
                assert waiting.acquire(timeout=60)
            stream.write(os.urandom(10_000))

    progress = _Waiting(waiting)
    cache = Cache(root)
    Objects(cache).build(recipe, build, progress)
    assert Objects(cache).intact(recipe)
    (notes / str(os.getpid())).write_text("\n".join(progress.notes))


def test_of_many_processes_one_builds_and_the_others_use_its_object(
    cache: Cache, recipe: Recipe, tmp_path: Path
) -> None:
    counted, notes = tmp_path / "counted", tmp_path / "notes"
    notes.mkdir()
    arguments = (cache.root, recipe, 3, SPAWN.Semaphore(0), counted, notes)
    runs = [SPAWN.Process(target=_build_in_process, args=arguments) for _ in range(4)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(60)
    assert [run.exitcode for run in runs] == [0, 0, 0, 0]
    assert len(counted.read_text().split()) == 1
    said = sorted(path.read_text().split("\n")[-1] for path in notes.iterdir())
    assert said == ["", *["thing: using the one the other run made"] * 3]


def _build_for_ever(root: Path, recipe: Recipe, underway: Event) -> None:
    def build(out: Path, scratch: Path) -> None:
        (out / "half").write_bytes(b"half")
        (out / "deep").mkdir()
        (out / "deep" / "half").write_bytes(b"half")
        (out / "deep").chmod(0o500)
        underway.set()
        signal.pause()

    Objects(Cache(root)).build(recipe, build, Steps())


def test_a_killed_build_is_cleaned_up_and_done_again(
    cache: Cache, recipe: Recipe, content: bytes, progress: Steps
) -> None:
    underway = SPAWN.Event()
    run = SPAWN.Process(target=_build_for_ever, args=(cache.root, recipe, underway))
    run.start()
    assert underway.wait(60)
    run.kill()
    run.join(60)
    assert tree(cache.building) != []
    assert not Objects(cache).intact(recipe)

    started = time.monotonic()
    assert Objects(cache).build(recipe, build_with(content), progress)
    assert time.monotonic() - started < 30, "the dead run's lock was waited for"
    assert (Objects(cache).folder(recipe) / "link").read_bytes() == content
    assert tree(cache.building) == []


def test_what_a_killed_build_of_another_object_left_is_swept(
    cache: Cache, recipe: Recipe, random: Random
) -> None:
    digest = f"{random.getrandbits(256):064x}"
    (cache.building / f"{digest}.abc" / "out").mkdir(parents=True)
    busy = cache.building / f"{recipe.digest}.abc"
    busy.mkdir()
    with cache.lock(recipe.digest, "thing", Steps()):
        Objects(cache).sweep()
    assert list(cache.building.iterdir()) == [busy]


def test_an_interrupted_build_finds_what_it_had(
    cache: Cache, recipe: Recipe, content: bytes, progress: Steps
) -> None:
    """Until it is done; a later sweep for other objects throws it away."""
    half = Objects(cache).unfinished(recipe) / "half"

    def interrupted(out: Path, scratch: Path) -> None:
        half.parent.mkdir()
        half.write_bytes(content)
        raise Stopped("build it")

    with pytest.raises(Stopped):
        Objects(cache).build(recipe, interrupted, progress)
    Objects(cache).sweep([recipe])
    assert half.read_bytes() == content
    assert Objects(cache).build(recipe, build_with(content), progress)
    assert tree(cache.unfinished) == []

    half.parent.mkdir()
    with cache.lock(recipe.digest, "thing", Steps()):
        Objects(cache).sweep()
    assert half.parent.is_dir(), "it was taken from a build under way"
    Objects(cache).sweep()
    assert tree(cache.unfinished) == []


def test_a_failed_build_starts_from_nothing(cache: Cache, recipe: Recipe, progress: Steps) -> None:
    def broken(out: Path, scratch: Path) -> None:
        Objects(cache).unfinished(recipe).mkdir()
        raise failure("no such luck")

    with pytest.raises(TestbedError, match="no such luck"):
        Objects(cache).build(recipe, broken, progress)
    assert tree(cache.unfinished) == []
