# SPDX-License-Identifier: MIT
"""Small packages in the cache, as if they had been fetched, to build targets from."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from testbed.artifacts.cache import Cache
from testbed.artifacts.cross import CrossTools
from testbed.artifacts.packages import Package

NATIVE = CrossTools(prefix="", flags=(), family="x86_64", endian="little")
"""The workstation's own compiler in the place of a cross compiler."""


def write_tree(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        if text.startswith("#!"):
            (folder / name).chmod(0o755)
    return folder


def source_package(cache: Cache, folder: Path, name: str, files: Mapping[str, str]) -> Package:
    """The authors' archive of a source package; the same files are the same package."""
    write_tree(folder / f"{name}-1.0", files)
    archive = folder / f"{name}_1.0.orig.tar.gz"
    run("tar", "-czf", archive, "--sort=name", "--mtime=@0", "-C", folder, f"{name}-1.0")
    return _keep(cache, archive, name, "source")


def binary_package(cache: Cache, folder: Path, name: str, files: Mapping[str, str]) -> Package:
    tree = write_tree(folder / name, files)
    control = (
        f"Package: {name}\nVersion: 1.0-1\nArchitecture: all\n"
        "Maintainer: Test <test@example.org>\nDescription: small\n"
    )
    write_tree(tree, {"DEBIAN/control": control})
    archive = folder / f"{name}_1.0-1_all.deb"
    run("dpkg-deb", "-b", "-Znone", tree, archive)
    return _keep(cache, archive, name, "all")


def run(*argv: str | Path) -> None:
    """Run a program that packs something."""
    # Or packages would hold the time they were made at.
    env = {**os.environ, "SOURCE_DATE_EPOCH": "0"}
    subprocess.run(argv, check=True, timeout=60, capture_output=True, env=env)


def _keep(cache: Cache, archive: Path, name: str, architecture: str) -> Package:
    content = archive.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    archive.replace(cache.blobs / digest)
    path = f"pool/main/{name[0]}/{name}/{archive.name}"
    return Package(name, "1.0-1", architecture, "main", path, len(content), digest)
