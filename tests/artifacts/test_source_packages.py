# SPDX-License-Identifier: MIT
"""Unpacking source packages, from archives that tar makes."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from artifact_rig import Steps, make_workshop, tree

from testbed.artifacts.blobs import Blobs
from testbed.artifacts.cache import Cache
from testbed.artifacts.packages import Package
from testbed.artifacts.targets import Target, Workspace
from testbed.artifacts.unpack import unpack_source
from testbed.errors import TestbedError

Pack = Callable[[str, dict[str, str]], Package]

PATCH = """\
--- a/src/main.c
+++ b/src/main.c
@@ -1,3 +1,3 @@
 one
-two
+{text}
 three
"""


@pytest.fixture
def pack(cache: Cache, tmp_path: Path) -> Pack:
    """Makes an archive of some files, in the cache as if it had been fetched."""

    def make(name: str, files: dict[str, str]) -> Package:
        folder = tmp_path / name
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        archive = tmp_path / f"packed-{name}"
        names = [path.name for path in folder.iterdir()]
        subprocess.run(["tar", "-c", "-a", "-f", archive, "-C", folder, *names], check=True)
        content = archive.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        Blobs(cache).path(digest).write_bytes(content)
        return Package("thing", "1-1", "source", "main", f"pool/{name}", len(content), digest)

    return make


def unpacked(cache: Cache, packages: list[Package]) -> Path:
    def build(work: Workspace) -> None:
        unpack_source(work, packages, work.out / "tree")

    target = Target("source", build, packages=tuple(packages))
    workshop = make_workshop(cache, Steps())
    workshop.make([target])
    return workshop.objects.folder(target.recipe) / "tree"


def test_parts_lie_where_they_belong_and_patches_apply_in_order(
    cache: Cache, pack: Pack, random: Random
) -> None:
    text = f"{random.getrandbits(64):x}"
    packages = [
        pack(
            "thing_1-1.debian.tar.xz",
            {
                "debian/control": "c",
                "debian/patches/series": "# what is not there yet\nfirst\n\nsub/second # better\n",
                "debian/patches/first": PATCH.format(text="TWO"),
                "debian/patches/sub/second": PATCH.replace("-two", "-TWO").format(text=text),
            },
        ),
        pack("thing_1.orig-data.tar.gz", {"data-1/table": "t"}),
        pack("thing_1.orig.tar.gz", {"thing-1/src/main.c": "one\ntwo\nthree\n"}),
    ]
    found = unpacked(cache, packages)
    assert (found / "src/main.c").read_text() == f"one\n{text}\nthree\n"
    assert (found / "data/table").read_text() == "t"
    assert (found / "debian/control").exists()


def test_a_source_without_patches(cache: Cache, pack: Pack) -> None:
    found = unpacked(cache, [pack("thing_1.orig.tar.xz", {"thing-1/a/b": "x"})])
    assert tree(found) == ["a", "a/b"]


def test_a_patch_that_does_not_fit_is_named(cache: Cache, pack: Pack) -> None:
    packages = [
        pack("thing_1.orig.tar.gz", {"thing-1/src/main.c": "one\n2\nthree\n"}),
        pack(
            "thing_1-1.debian.tar.gz",
            {
                "debian/patches/series": "only\n",
                "debian/patches/only": PATCH.format(text="TWO"),
            },
        ),
    ]
    with pytest.raises(TestbedError, match="cannot apply only of the distribution"):
        unpacked(cache, packages)


def test_no_archive_of_the_authors(cache: Cache, pack: Pack) -> None:
    with pytest.raises(TestbedError, match=r"no source archive among: thing_1-1\.dsc"):
        unpacked(cache, [pack("thing_1-1.dsc", {"x": "y"})])
