# SPDX-License-Identifier: MIT
"""Patch series: a folder of patches and a file `series` that names them in order, one per line.

The form is quilt's. `git apply` does the applying: it takes no fuzz, and it is there wherever a
clone is.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from testbed.artifacts.failure import failure

_APPLY_SECONDS = 60
_TOUCHED = re.compile(r"^--- (?:a/(\S+)|/dev/null)\n\+\+\+ (?:b/(\S+)|/dev/null)$", re.MULTILINE)


def read_series(series: Path) -> list[Path]:
    """The patches of the folder `series`, in the order they apply.

    Raises TestbedError when the folder has no series file or the file names a missing patch.
    """
    listing = series / "series"
    try:
        lines = listing.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise failure(f"cannot read the patch series {listing}: {error.strerror}") from None
    names = [name for line in lines if (name := line.partition("#")[0].strip())]
    patches = [series / name for name in names]
    for patch in patches:
        if not patch.is_file():
            raise failure(
                f"cannot read the patch series {listing}: it names {patch.name}, which is not there"
            )
    return patches


def touched_files(series: Path) -> list[str]:
    """The files that the patches of the folder `series` change, from the top of the source.

    Raises TestbedError as `read_series` does.
    """
    touched: dict[str, None] = {}
    for patch in read_series(series):
        for names in _TOUCHED.findall(patch.read_text(encoding="utf-8")):
            touched |= dict.fromkeys(name for name in names if name)
    return list(touched)


def changed_files(series: Path) -> list[str]:
    """Those of `touched_files` that are in the source before the patches are."""
    text = "".join(patch.read_text(encoding="utf-8") for patch in read_series(series))
    added = {new for old, new in _TOUCHED.findall(text) if not old}
    return [name for name in touched_files(series) if name not in added]


def apply_series(series: Path, tree: Path) -> None:
    """Apply every patch of the folder `series` to the source tree `tree`, from its top.

    Raises TestbedError naming the first patch that does not apply; it leaves no part of that patch
    behind, the ones before it stay applied.
    """
    for patch in read_series(series):
        _apply(patch.resolve(), tree.resolve())


def _apply(patch: Path, tree: Path) -> None:
    # Inside a repository git would take paths as relative to its top and pass over, in silence,
    # what lies outside the current folder; nor may the user's settings decide what applies.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {
        "GIT_CEILING_DIRECTORIES": str(tree.parent),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "LC_ALL": "C",
    }
    try:
        result = subprocess.run(
            ["git", "apply", "--whitespace=error", "--", str(patch)],
            cwd=tree,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_APPLY_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise failure(
            f"cannot apply {patch.name}: git is not installed; run 'testbed doctor'"
        ) from None
    except subprocess.TimeoutExpired:
        raise failure(
            f"cannot apply {patch.name}: git apply ran longer than {_APPLY_SECONDS} s"
        ) from None
    if result.returncode != 0:
        lines = result.stderr.splitlines()
        cause = next((line for line in lines if line.startswith("error: ")), "no message from git")
        raise failure(
            f"cannot apply {patch.parent.name}/{patch.name}: {cause.removeprefix('error: ')};"
            " refresh the patch for this source",
            excerpt=tuple(lines[-5:]),
        )
