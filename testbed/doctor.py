# SPDX-License-Identifier: MIT
"""What this machine lacks to run the testbed, each with the command that mends it.

Needs nothing but Python's own library, so that it can say what is missing before anything is
installed: `python3 -m testbed.doctor [--packages] [--checks] [BOARD...]`.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_PACKAGES = Path(__file__).resolve().parents[1] / "guests" / "packages"
_EVERY_BOARD = "workstation"
_CHECKS = Path(__file__).resolve().parents[1] / "ci" / "checks.txt"
_PYTHON = (3, 11)

# Megabytes. With all boards an empty cache grows to about 1300. While kernel and nested QEMU of
# board `e500` are built, which a cache that has other parts may still lack, 1000 more are needed.
_CACHE_FREE_MB, _CACHE_GROWS_MB = 1500, 2500

# depmod and friends are not in a plain user's PATH on Debian.
_SBIN = ("/usr/sbin", "/sbin")


@dataclass(frozen=True)
class Finding:
    """One thing that is missing or wrong. `remedy` is a command to run, as root where it says so.

    `package` is the Debian package that would bring it, where that is the remedy.
    """

    problem: str
    remedy: str
    package: str | None = None


@dataclass(frozen=True)
class Requirement:
    """A line of guests/packages/workstation*.txt or ci/checks.txt: a Debian package, and how to see
    if it is there.

    `probe` is program:NAME, file:PATH or python:MODULE.
    """

    package: str
    probe: str
    purpose: str

    def met(self) -> bool:
        kind, _, what = self.probe.partition(":")
        if kind == "program":
            path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_SBIN))
            return shutil.which(what, path=path) is not None
        if kind == "file":
            return Path(what).exists()
        if kind == "python":
            return importlib.util.find_spec(what) is not None
        raise ValueError(f"{_PACKAGES}: {self.package}: unknown probe {self.probe}")


def requirements(boards: Sequence[str] = (), folder: Path = _PACKAGES) -> list[Requirement]:
    """The Debian packages that a workstation needs for `boards`, or for all there are.

    `folder` has a list for each of them, and one of what all need. Raises OSError, ValueError.
    """
    found: list[Requirement] = []
    for path in sorted(folder.glob(f"{_EVERY_BOARD}*.txt")):
        board = path.stem.removeprefix(_EVERY_BOARD).removeprefix("-")
        if not board or not boards or board in boards:
            found += _read(path)
    return found


def _read(path: Path) -> Iterator[Requirement]:
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            fields = line.split(maxsplit=2)
            if len(fields) != 3:
                raise ValueError(f"{path}: not PACKAGE PROBE PURPOSE: {line}")
            yield Requirement(*fields)


def check(boards: Sequence[str] = ()) -> list[Finding]:
    """Everything that is missing on this machine; empty when `boards`, or all, can run on it."""
    return [*_system(), *_missing(requirements(boards)), *_apt(), *_space()]


def missing_for_checks() -> list[Finding]:
    """What `make check` would lack besides, as for a change of the testbed itself."""
    return list(_missing(_read(_CHECKS)))


def install_command(packages: Iterable[str]) -> str:
    """The command that installs Debian packages; to be run as root."""
    return f"apt-get install --no-install-recommends {' '.join(packages)}"


def combined_remedy(findings: Iterable[Finding]) -> str | None:
    """One command for all Debian packages of the findings, or None when they name none."""
    packages = dict.fromkeys(f.package for f in findings if f.package is not None)
    return install_command(packages) if packages else None


def _system() -> Iterator[Finding]:
    if sys.version_info < _PYTHON:
        yield Finding(
            f"Python {platform.python_version()} is too old; {_PYTHON[0]}.{_PYTHON[1]} is needed",
            install_command(["python3"]),
            "python3",
        )
    if platform.machine() != "x86_64":
        yield Finding(
            f"this machine is {platform.machine()}; the testbed runs on x86_64",
            "use an x86_64 machine with Debian 12 or 13",
        )
    if not shutil.which("apt-get"):
        yield Finding(
            "this system has no apt-get; the testbed takes its parts from Debian",
            "use Debian 12 or 13, in a container for example",
        )


def _missing(wanted: Iterable[Requirement]) -> Iterator[Finding]:
    for requirement in wanted:
        if not requirement.met():
            what = requirement.probe.partition(":")[2]
            yield Finding(
                f"{what} is missing, needed {requirement.purpose}",
                install_command([requirement.package]),
                requirement.package,
            )


def _apt() -> Iterator[Finding]:
    if not shutil.which("apt-get"):
        return
    done = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN) $(LABEL)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    known = set(done.stdout.splitlines())
    if "Debian Debian" not in known:
        yield Finding(
            "apt has no package lists of a Debian archive; the testbed reads its address from them",
            "apt-get update",
        )
    elif "Debian Debian-Security" not in known:
        yield Finding(
            "apt has no package lists of Debian's security archive, which the kernel comes from",
            "add the security archive to /etc/apt/sources.list, then apt-get update",
        )


def _space() -> Iterator[Finding]:
    cache = cache_folder()
    needed = _CACHE_FREE_MB if os.access(cache / "objects", os.F_OK) else _CACHE_GROWS_MB
    free = _free_megabytes(cache)
    if free < needed:
        yield Finding(
            f"{free} MB are free for the cache in {cache}, {needed} MB are needed",
            "free space there, or set TESTBED_CACHE to a folder on a bigger disk",
        )


def cache_folder() -> Path:
    """Where the cache is: TESTBED_CACHE, else the user's cache folder (XDG)."""
    named = os.environ.get("TESTBED_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "testbed"


def _free_megabytes(path: Path) -> int:
    for place in (path, *path.parents):
        try:
            status = os.statvfs(place)
        except OSError:  # not there yet, or not for this user to look at
            continue
        return status.f_bavail * status.f_frsize // 1_000_000
    return 0


def main(arguments: Sequence[str] = ()) -> int:
    """Print the findings for the boards that are named, or all. 0: nothing is missing.

    With "--packages" print just the names of missing Debian packages, for a script; always 0. With
    "--checks" look for what `make check` needs, too.
    """
    findings = check([name for name in arguments if not name.startswith("--")])
    if "--checks" in arguments:
        findings += missing_for_checks()
    if "--packages" in arguments:
        print(*dict.fromkeys(f.package for f in findings if f.package is not None))
        return 0
    for finding in findings:
        print(f"{finding.problem}\n    {finding.remedy}")
    command = combined_remedy(findings)
    if not findings:
        print("nothing is missing on this machine")
    if command is not None:
        print(f"All missing packages at once, as root:\n    {command}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
