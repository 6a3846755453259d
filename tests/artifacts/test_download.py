# SPDX-License-Identifier: MIT
"""Fetching: what arrives is whole and has the right digest, or is not there."""

from __future__ import annotations

from pathlib import Path
from random import Random
from urllib.parse import quote

import pytest
from artifact_rig import Archive, Steps, make_package, some_package, tree

from testbed.artifacts.blobs import Blobs
from testbed.artifacts.cache import Cache
from testbed.artifacts.commands import Commands
from testbed.artifacts.download import Downloader, batches
from testbed.artifacts.mirrors import Mirrors, parse_targets
from testbed.artifacts.packages import Package
from testbed.errors import TestbedError


def downloader(cache: Cache, site: str, progress: Steps, snapshot: str | None = None) -> Downloader:
    mirrors = Mirrors(main=f"{site}/debian", security=None, suites=())
    return Downloader(cache, lambda: mirrors, Commands(), progress, snapshot=snapshot)


def serve(archive: Archive, package: Package, content: bytes, below: str = "/debian") -> None:
    archive.files[f"{below}/{quote(package.path, safe='/~')}"] = content


def test_packages_arrive(cache: Cache, archive: Archive, progress: Steps, random: Random) -> None:
    wanted = [some_package(random, f"p{n}", random.randrange(200_000)) for n in range(7)]
    for package, content in wanted:
        serve(archive, package, content)
    fetcher = downloader(cache, archive.address, progress)
    fetcher.fetch("things", [package for package, _ in wanted])
    for package, content in wanted:
        assert Blobs(cache).path(package.sha256).read_bytes() == content
    assert fetcher.fetched == sum(len(content) for _, content in wanted)
    assert progress.steps == ["fetch things"]
    assert tree(cache.partial) == []

    archive.requests.clear()
    fetcher.fetch("things", [package for package, _ in wanted])
    assert archive.requests == []


def test_a_cut_download_is_finished_later(
    cache: Cache, archive: Archive, progress: Steps, random: Random
) -> None:
    package, content = some_package(random, size=400_000)
    serve(archive, package, content)
    archive.cut_after = random.randrange(100_000, 300_000)
    with pytest.raises(TestbedError, match="look at the network"):
        downloader(cache, archive.address, progress).fetch("it", [package])
    assert tree(cache.blobs) == []

    archive.cut_after = None
    downloader(cache, archive.address, progress).fetch("it", [package])
    assert Blobs(cache).path(package.sha256).read_bytes() == content
    # What came before the cut was not fetched again.
    assert archive.requests[-1][1] is not None
    assert tree(cache.partial) == []


def test_a_partial_download_of_something_else_is_not_used(
    cache: Cache, archive: Archive, progress: Steps, random: Random
) -> None:
    package, content = some_package(random, size=50_000)
    serve(archive, package, content)
    Blobs(cache).partial(package.sha256).write_bytes(random.randbytes(20_000))
    downloader(cache, archive.address, progress).fetch("it", [package])
    assert Blobs(cache).path(package.sha256).read_bytes() == content


def test_a_finished_partial_download_is_checked(
    cache: Cache, archive: Archive, progress: Steps, random: Random
) -> None:
    package, content = some_package(random, size=50_000)
    serve(archive, package, content)
    Blobs(cache).partial(package.sha256).write_bytes(random.randbytes(50_000))
    downloader(cache, archive.address, progress).fetch("it", [package])
    assert Blobs(cache).path(package.sha256).read_bytes() == content


@pytest.mark.parametrize("size", [50_000, 49_999, 50_001])
def test_wrong_content_is_refused(
    cache: Cache, archive: Archive, progress: Steps, random: Random, size: int
) -> None:
    package, content = some_package(random, size=50_000)
    serve(archive, package, random.randbytes(size))
    with pytest.raises(TestbedError, match="it"):
        downloader(cache, archive.address, progress).fetch("it", [package])
    assert package.sha256 not in Blobs(cache)

    serve(archive, package, content)
    downloader(cache, archive.address, progress).fetch("it", [package])
    assert Blobs(cache).path(package.sha256).read_bytes() == content


def test_the_last_check_is_ours(cache: Cache, random: Random) -> None:
    package, content = some_package(random)
    Blobs(cache).partial(package.sha256).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(TestbedError, match=f"expected sha256 {package.sha256}, got "):
        Blobs(cache).accept(package.sha256, "it")
    assert tree(cache.partial) == []
    assert package.sha256 not in Blobs(cache)


def test_a_damaged_blob_is_noticed(cache: Cache, random: Random) -> None:
    package, content = some_package(random)
    blob = Blobs(cache).path(package.sha256)
    blob.write_bytes(content)
    assert Blobs(cache).intact(package.sha256)
    blob.write_bytes(content[:-1])
    assert not Blobs(cache).intact(package.sha256)
    assert not blob.exists()


def test_a_dropped_version_is_told_and_others_are_kept(
    cache: Cache, archive: Archive, progress: Steps, random: Random
) -> None:
    gone, _ = some_package(random, "gone")
    there, content = some_package(random, "there")
    serve(archive, there, content)
    with pytest.raises(TestbedError, match="has dropped this version: run 'testbed setup --ref"):
        downloader(cache, archive.address, progress).fetch("them", [gone, there])
    assert Blobs(cache).path(there.sha256).read_bytes() == content


def test_a_dropped_version_comes_from_a_snapshot(
    cache: Cache, archive: Archive, progress: Steps, random: Random
) -> None:
    package, content = some_package(random)
    path = "pool/updates/main/s/secure_2_arm64.deb"
    security = make_package(path, random.randbytes(3000), "security")
    serve(archive, package, content, "/snapshot/debian/2025")
    archive.files[f"/snapshot/debian-security/2025/{path}"] = b""
    snapshot = f"{archive.address}/snapshot/{{archive}}/2025"
    downloader(cache, archive.address, progress, snapshot).fetch("it", [package])
    assert Blobs(cache).path(package.sha256).read_bytes() == content

    # There is no security archive here at all: the snapshot is asked, and is wrong.
    with pytest.raises(TestbedError):
        downloader(cache, archive.address, progress, snapshot).fetch("it", [security])
    assert archive.requests[-1][0] == f"/snapshot/debian-security/2025/{path}"


def test_an_archive_on_this_machine_is_copied(
    cache: Cache, archive: Archive, progress: Steps, random: Random, tmp_path: Path
) -> None:
    package, content = some_package(random)
    place = tmp_path / "mirror/debian" / package.path
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    downloader(cache, f"file:{tmp_path}/mirror", progress).fetch("it", [package])
    blob = Blobs(cache).path(package.sha256)
    assert not blob.is_symlink()
    assert blob.read_bytes() == content
    assert place.read_bytes() == content


def test_a_mirror_list_works(
    cache: Cache, archive: Archive, progress: Steps, random: Random, tmp_path: Path
) -> None:
    package, content = some_package(random)
    serve(archive, package, content)
    listed = tmp_path / "mirrors.list"
    listed.write_text(f"{archive.address}/debian\n")
    mirrors = parse_targets(f"Debian\tDebian\tbookworm\tmirror+file:{listed}\n")
    fetcher = Downloader(cache, lambda: mirrors, Commands(), progress)
    fetcher.fetch("it", [package])
    assert Blobs(cache).path(package.sha256).read_bytes() == content


def test_the_proxy_of_the_workstation_is_used(
    cache: Cache, archive: Archive, progress: Steps, random: Random, tmp_path: Path
) -> None:
    with (tmp_path / "workstation-apt.conf").open("a") as config:
        config.write(f'Acquire::http::Proxy "{archive.address}";\n')
    package, content = some_package(random)
    serve(archive, package, content, "http://archive.invalid/debian")
    downloader(cache, "http://archive.invalid", progress).fetch("it", [package])
    assert Blobs(cache).path(package.sha256).read_bytes() == content


def test_batches_hold_every_package_once(random: Random) -> None:
    packages = [
        Package(f"p{n}", "1", "arm64", "main", f"p{n}", random.randrange(9_000_000), f"{n:064x}")
        for n in range(random.randrange(1, 100))
    ]
    groups = batches(packages)
    assert sorted(p for group in groups for p in group) == sorted(packages)
    assert all(len(g) == 1 or sum(p.size for p in g) <= 16_000_000 for g in groups)
    assert batches([]) == []
