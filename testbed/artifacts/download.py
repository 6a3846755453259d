# SPDX-License-Identifier: MIT
"""Fetching packages into the cache, by apt's own download program.

apt brings the workstation's proxies, credentials and kinds of mirror. It writes next to the blobs;
only what has the right digest is moved in. A download that was cut is continued, or started again.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

from testbed.artifacts.apt_root import AptRoot
from testbed.artifacts.blobs import Blobs
from testbed.artifacts.cache import Cache
from testbed.artifacts.commands import Commands
from testbed.artifacts.failure import Stopped, writing
from testbed.artifacts.mirrors import Mirrors
from testbed.artifacts.packages import Package
from testbed.artifacts.progress import Progress, Step
from testbed.errors import TestbedError

APT_HELPER = "/usr/lib/apt/apt-helper"

# Seconds between two looks at how far a download is.
_LOOK = 0.2
# Packages smaller than the first share a connection, up to the second in all. Bytes.
_SMALL, _BATCH = 4_000_000, 16_000_000


class Downloader:
    """Fetches packages from the workstation's mirrors, and then from `snapshot`.

    `snapshot` is the address of an archive that keeps old versions; `{archive}` in it stands for
    "debian" or "debian-security".
    """

    def __init__(
        self,
        cache: Cache,
        mirrors: Callable[[], Mirrors],
        commands: Commands,
        progress: Progress,
        *,
        snapshot: str | None = None,
    ) -> None:
        self._cache = cache
        self._blobs = Blobs(cache)
        self._mirrors = mirrors
        self._commands = commands
        self._progress = progress
        self._snapshot = snapshot
        self._lock = threading.Lock()
        self._root = AptRoot(cache.apt / "fetch", commands)
        self._root_written = False
        self.fetched = 0
        """Bytes fetched so far."""

    def fetch(self, title: str, packages: Iterable[Package]) -> None:
        """Have every package in the cache. Raises TestbedError."""
        # In the order of their digests, so that two runs never wait for each other in a circle.
        wanted = sorted(set(packages), key=lambda package: package.sha256)
        with ExitStack() as stack:
            missing = []
            for package in wanted:
                if package.sha256 in self._blobs:
                    continue
                stack.enter_context(
                    self._cache.lock(
                        package.sha256,
                        package.file_name,
                        self._progress,
                        lambda: self._commands.stopped,
                    )
                )
                if package.sha256 not in self._blobs:
                    missing.append(package)
            if not missing:
                return
            with (
                writing(title, self._cache.root),
                self._progress.step(f"fetch {title}") as step,
            ):
                self._configure()
                self._fetch(title, missing, step)

    def _fetch(self, title: str, packages: Sequence[Package], step: Step) -> None:
        step.expect(sum(package.size for package in packages))
        try:
            sites = [address(self._mirrors().site(p.archive), p) for p in packages]
            self._from(sites, title, packages, step)
        except TestbedError as error:
            if self._snapshot is None or isinstance(error, Stopped):
                raise _with_advice(error) from None
            rest = [package for package in packages if package.sha256 not in self._blobs]
            self._from(snapshot_addresses(self._snapshot, rest), title, rest, step)

    def _from(
        self, addresses: Sequence[str], title: str, packages: Sequence[Package], step: Step
    ) -> None:
        argv: list[str | Path] = [APT_HELPER, "-q", "download-file"]
        for uri, package in zip(addresses, packages, strict=True):
            argv += [uri, self._blobs.partial(package.sha256), f"SHA256:{package.sha256}"]
        what = f"fetch {title}"
        process = self._commands.start(
            argv, what=what, env={"APT_CONFIG": str(self._root.folder / "apt.conf")}
        )
        try:
            errors = self._watch(process, packages, step)
        finally:
            self._commands.forget(process)
        self._keep(packages)
        try:
            self._commands.check(process, argv, what, errors)
        except OSError:  # the disk is full: what cannot be completed must not stay and fill it
            for package in packages:
                self._blobs.partial(package.sha256).unlink(missing_ok=True)
            raise

    def _keep(self, packages: Sequence[Package]) -> None:
        # What arrived whole is kept, whatever became of the rest.
        for package in packages:
            partial = self._blobs.partial(package.sha256)
            if partial.is_file() and partial.stat().st_size == package.size:
                self._blobs.accept(package.sha256, package.file_name)
                with self._lock:
                    self.fetched += package.size

    def _watch(
        self, process: subprocess.Popen[bytes], packages: Sequence[Package], step: Step
    ) -> bytes:
        while True:
            try:
                _, errors = process.communicate(timeout=_LOOK)
            except subprocess.TimeoutExpired:
                step.reach(sum(self._so_far(package) for package in packages))
                continue
            step.reach(sum(self._so_far(package) for package in packages))
            return errors

    def _so_far(self, package: Package) -> int:
        for path in (self._blobs.partial(package.sha256), self._blobs.path(package.sha256)):
            try:
                return path.stat().st_size
            except FileNotFoundError:
                continue
        return 0

    def _configure(self) -> None:
        with self._lock:
            if not self._root_written:
                self._root.write()
                self._root_written = True


def batches(packages: Iterable[Package]) -> list[list[Package]]:
    """Split for several connections: a big package alone, small ones together. Biggest first."""
    groups: list[list[Package]] = []
    small: list[Package] = []
    for package in sorted(packages, key=lambda package: (-package.size, package.sha256)):
        if package.size >= _SMALL:
            groups.append([package])
            continue
        if small and sum(other.size for other in small) + package.size > _BATCH:
            groups.append(small)
            small = []
        small.append(package)
    return [*groups, small] if small else groups


def address(site: str, package: Package) -> str:
    """URI of a package below `site`. A local archive is copied, where apt would only link to it."""
    if site.startswith("file:"):
        site = "copy:" + site.removeprefix("file:")
    return f"{site.rstrip('/')}/{quote(package.path, safe='/~')}"


def snapshot_addresses(snapshot: str, packages: Sequence[Package]) -> list[str]:
    names = {"main": "debian", "security": "debian-security"}
    return [
        address(snapshot.replace("{archive}", names[package.archive]), package)
        for package in packages
    ]


def _with_advice(error: TestbedError) -> TestbedError:
    if isinstance(error, Stopped):
        return error
    if "404  Not Found" in error.message:
        error.message += (
            "; the archive has dropped this version: run 'testbed setup --refresh' for the "
            "current one, or name a snapshot archive"
        )
    else:
        error.message += "; look at the network and at apt's mirror and proxy, then run it again"
    return error
