# SPDX-License-Identifier: MIT
"""Targets: only what is missing is made, in an order that works, and a failure ends the rest."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from random import Random
from urllib.parse import quote

import pytest
from artifact_rig import Archive, Steps, make_workshop, some_package, tree

from testbed.artifacts.blobs import Blobs
from testbed.artifacts.cache import Cache
from testbed.artifacts.failure import failure
from testbed.artifacts.targets import Target, Workshop, Workspace
from testbed.deadline import Deadline
from testbed.errors import TestbedError

Make = Callable[[Workspace], None]


@pytest.fixture
def workshop(cache: Cache, progress: Steps) -> Workshop:
    return make_workshop(cache, progress)


def write(content: bytes) -> Make:
    def build(work: Workspace) -> None:
        (work.out / "data").write_bytes(content)

    return build


def join(*names: str) -> Make:
    def build(work: Workspace) -> None:
        parts = [(work.need(name) / "data").read_bytes() for name in names]
        (work.out / "data").write_bytes(b"".join(parts))

    return build


def content(workshop: Workshop, target: Target) -> bytes:
    return (workshop.objects.folder(target.recipe) / "data").read_bytes()


def test_needs_are_made_first_and_once(
    cache: Cache, workshop: Workshop, progress: Steps, random: Random
) -> None:
    data = random.randbytes(100)
    base = Target("base", write(data))
    left = Target("left", join("base"), needs=(base,))
    right = Target("right", join("base"), needs=(base,))
    top = Target("top", join("left", "right"), needs=(left, right))
    workshop.make([top, left])
    assert content(workshop, top) == data * 2
    assert workshop.built == 4
    assert progress.steps[0] == "build base"
    assert progress.steps[-1] == "build top"

    again = make_workshop(cache, progress)
    again.make([top, left])
    assert again.built == 0


def test_only_what_changed_is_made_again(cache: Cache, progress: Steps, random: Random) -> None:
    base = Target("base", write(random.randbytes(10)), inputs={"version": "1"})
    other = Target("other", write(b"x"))
    top = Target("top", join("base", "other"), needs=(base, other))
    make_workshop(cache, progress).make([top])
    base = replace(base, inputs={"version": "2"}, build=write(b"new"))
    top = replace(top, needs=(base, other))
    progress.steps.clear()
    workshop = make_workshop(cache, progress)
    workshop.make([top])
    assert progress.steps == ["build base", "build top"]
    assert content(workshop, top) == b"newx"


def test_needs_of_what_is_there_are_not_looked_at(
    cache: Cache, workshop: Workshop, progress: Steps
) -> None:
    base = Target("base", write(b"x"))
    top = Target("top", join("base"), needs=(base,))
    workshop.make([top])
    (workshop.objects.folder(base.recipe) / "data").unlink()
    assert make_workshop(cache, progress).missing([top]) == []


def test_two_are_built_at_a_time(workshop: Workshop) -> None:
    both = threading.Barrier(2)

    def build(work: Workspace) -> None:
        both.wait(30)
        (work.out / "data").write_bytes(b"x")

    workshop.make([Target("one", build), Target("two", build)])
    assert workshop.built == 2


def test_a_failure_stops_the_programs_of_the_others(cache: Cache, workshop: Workshop) -> None:
    running = threading.Event()

    def slow(work: Workspace) -> None:
        running.set()
        work.commands.run(["sleep", "600"], what="wait")

    def broken(work: Workspace) -> None:
        assert running.wait(30)
        raise failure("no such luck")

    after = Target("slow", slow)
    later = Target("later", join("slow"), needs=(after,))
    with pytest.raises(TestbedError, match="no such luck"):
        workshop.make([later, Target("broken", broken)])
    assert tree(cache.objects) == []
    assert tree(cache.building) == []


def test_a_failure_ends_the_waiting_for_another_run(
    cache: Cache, workshop: Workshop, progress: Steps, random: Random
) -> None:
    """Nor does an interrupt have to wait for it, which may take most of an hour."""
    package, _ = some_package(random)
    theirs, mine = Target("theirs", write(b"x")), Target("mine", write(b"x"), packages=(package,))

    def broken(work: Workspace) -> None:
        deadline = Deadline(20)
        while len(progress.notes) < 2 and not deadline.expired:
            time.sleep(0.01)
        raise failure("no such luck")

    said: list[str] = []

    def make() -> None:
        try:
            workshop.make([theirs, mine, Target("broken", broken)])
        except TestbedError as error:
            said.append(error.message)

    making = threading.Thread(target=make, daemon=True)
    with (
        cache.lock(theirs.recipe.digest, "theirs", Steps()),
        cache.lock(package.sha256, "package", Steps()),
    ):
        making.start()
        making.join(30)
        assert not making.is_alive(), "it goes on waiting"
    assert said == ["no such luck"]
    assert sorted(progress.notes) == [
        f"waiting for another run, which is preparing {what}"
        for what in sorted((package.file_name, "theirs"))
    ]
    assert tree(cache.objects) == []


def test_on_a_full_disk_no_download_stays_half_done(
    cache: Cache, workshop: Workshop, random: Random
) -> None:
    package, data = some_package(random)
    Blobs(cache).partial(package.sha256).write_bytes(data[:100])

    def build(work: Workspace) -> None:
        raise OSError(errno.ENOSPC, "full")

    with pytest.raises(TestbedError, match="no space left on device"):
        workshop.make([Target("full", build), Target("later", build, packages=(package,))])
    assert tree(cache.partial) == []


def test_packages_are_fetched_and_checked(
    cache: Cache, archive: Archive, progress: Steps, random: Random
) -> None:
    package, data = some_package(random)
    archive.files["/" + quote(package.path, safe="/~")] = data

    def build(work: Workspace) -> None:
        (work.out / "data").write_bytes(work.blob(package).read_bytes())

    one = Target("one", build, packages=(package,))
    two = Target("two", build, packages=(package,))
    workshop = make_workshop(cache, progress, archive.address)
    workshop.make([one, two])
    assert content(workshop, one) == content(workshop, two) == data
    assert len(archive.requests) == 1

    Blobs(cache).path(package.sha256).write_bytes(b"damaged")
    three = Target("three", build, packages=(package,))
    with pytest.raises(TestbedError, match="was damaged in the cache and has been removed"):
        make_workshop(cache, progress, archive.address).make([three])
    make_workshop(cache, progress, archive.address).make([three])
    assert content(workshop, three) == data
