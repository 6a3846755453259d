# SPDX-License-Identifier: MIT
"""Run by test_full_disk.py on a tiny disk: does one thing that fills it and says what came."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from artifact_rig import Steps, make_package, tree

from testbed.artifacts.cache import Cache
from testbed.artifacts.commands import Commands
from testbed.artifacts.download import Downloader
from testbed.artifacts.mirrors import Mirrors
from testbed.artifacts.objects import Objects
from testbed.artifacts.packages import Package
from testbed.artifacts.recipe import Recipe
from testbed.artifacts.selection import Selection, Selections, Wish
from testbed.errors import TestbedError

Scenario = Callable[[Cache, object], None]


def python_build(cache: Cache, number: object) -> None:
    def build(out: Path, scratch: Path) -> None:
        (out / "big").write_bytes(os.urandom(3_000_000))

    Objects(cache).build(Recipe("big", {"number": str(number)}), build, Steps())


def program_build(cache: Cache, number: object) -> None:
    def build(out: Path, scratch: Path) -> None:
        argv = ["dd", "if=/dev/urandom", f"of={out / 'big'}", "bs=64k", "count=50"]
        Commands().run(argv, what="make a big file")

    Objects(cache).build(Recipe("big", {"number": str(number)}), build, Steps())


def selection(cache: Cache, number: object) -> None:
    packages = tuple(make_package(f"pool/p{n}_{number}.deb", b"") for n in range(10_000))
    Selections(cache).save(Selection(Wish("many", {}), packages))


def folders(cache: Cache, number: object) -> None:
    filler = cache.root / "filler"
    filler.mkdir()
    try:
        with suppress(OSError):
            for count in itertools.count():
                (filler / str(count)).touch()
        Cache(cache.root / "another").create()
    finally:
        shutil.rmtree(filler)
        shutil.rmtree(cache.root / "another", ignore_errors=True)


def fetch(cache: Cache, argument: object) -> None:
    assert isinstance(argument, list)
    site, package = argument
    mirrors = Mirrors(main=site, security=None, suites=())
    downloader = Downloader(cache, lambda: mirrors, Commands(), Steps())
    wanted = Package.from_json(package)
    downloader.fetch(wanted.title, [wanted])


SCENARIOS: dict[str, Scenario] = {
    "python-build": python_build,
    "program-build": program_build,
    "selection": selection,
    "folders": folders,
    "fetch": fetch,
}


def main() -> None:
    disk, argument = Path(sys.argv[1]), json.loads(sys.argv[2])
    cache = Cache(disk)
    cache.create()
    before = tree(disk)
    try:
        SCENARIOS[argument[0]](cache, argument[1])
        outcome = {"message": "nothing was wrong", "stage": None}
    except TestbedError as error:
        outcome = {"message": error.message, "stage": error.stage}
    kept = ("locks/", "apt/")
    left = [name for name in tree(disk) if name not in before and not name.startswith(kept)]
    print(json.dumps({**outcome, "left": left}))


main()
