# SPDX-License-Identifier: MIT
"""Device trees as people have them: blobs, and source that includes C headers as the kernel's does.

Source: cmd_dtc of scripts/Makefile.lib in Linux 6.12.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from testbed.devicetree.tree import Tree, TreeError

_MAGIC = bytes.fromhex("d00dfeed")
_SECONDS = 60
_BINDINGS = "include"
_PREFIXES = "scripts/dtc/include-prefixes"


def read_tree(path: Path) -> Tree:
    """The tree in a .dtb or .dts file, by its content; TreeError says what is wrong with it.

    Source may include files of its own folder and, of the kernel tree it lies in, `dt-bindings`
    headers and trees of other architectures.
    """
    try:
        blob = path.read_bytes()
    except OSError as error:
        raise TreeError(f"cannot read device tree {path}: {error.strerror}") from None
    if blob.startswith(_MAGIC):
        return Tree.parse(blob, str(path))
    folders = include_folders(path)
    return Tree.compile(path, text=_preprocess(path, folders), folders=folders)


def include_folders(path: Path) -> list[Path]:
    """Where the includes of a source file are looked for: its folder, then up through its tree."""
    folder = path.resolve().parent
    found = [folder]
    for above in (folder, *folder.parents):
        if (above / _PREFIXES).is_dir():
            found.append(above / _PREFIXES)
        if (above / _BINDINGS / "dt-bindings").is_dir():
            found.append(above / _BINDINGS)
    return found


def _preprocess(path: Path, folders: list[Path]) -> bytes:
    includes = [word for folder in folders for word in ("-I", str(folder))]
    argv = ["cpp", "-nostdinc", "-undef", "-D__DTS__", "-x", "assembler-with-cpp", *includes]
    try:
        done = subprocess.run(
            [*argv, str(path)], capture_output=True, check=False, timeout=_SECONDS
        )
    except FileNotFoundError:
        raise TreeError("cpp is not installed (package cpp); see 'testbed doctor'") from None
    except subprocess.TimeoutExpired:
        raise TreeError(
            f"cannot preprocess {path}: cpp ran longer than {_SECONDS} s; give the .dtb"
        ) from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").splitlines()
        reason = next((line for line in said if "error:" in line), "cpp failed")
        raise TreeError(
            f"cannot preprocess device-tree source {path}: {reason.strip()}; give the .dtb, or the"
            " source where it lies in its kernel tree"
        )
    return done.stdout
