# SPDX-License-Identifier: MIT
"""Which tree is meant, and which emulated host can stand for its board."""

from __future__ import annotations

import glob
from pathlib import Path

from testbed.devicetree.tree import Tree
from testbed.runner.discover import UsageError

_ENDINGS = (".dts", ".dtb")
_CONTROLLERS = {
    "e500": ("fsl,mpic", "chrp,open-pic"),
    "arm-virt": (
        *("arm,gic-v3", "arm,gic-400", "arm,cortex-a7-gic", "arm,cortex-a15-gic"),
        "arm,cortex-a9-gic",
    ),
}
"""Interrupt controllers by the emulated host whose machine is of that architecture."""


def named_file(wanted: str) -> Path | None:
    """The file of a tree, if `wanted` is a path; UsageError when there is no such file."""
    path = Path(wanted)
    if path.suffix not in _ENDINGS and not path.exists():
        return None
    if not path.is_file():
        raise UsageError(f"{wanted}: no such device tree")
    return path.resolve()


def kernel_tree(name: str, trees: Path) -> Path:
    """The kernel's own tree of this name below `trees`; UsageError without one, or with several."""
    as_it_is = glob.escape(name)
    found = sorted(trees.glob(f"arch/*/boot/dts/**/{as_it_is}.dts"))
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{name}: several trees of the kernel are called so, name the file")
    near = sorted(trees.glob(f"arch/*/boot/dts/**/*{as_it_is}*.dts"))
    advice = f"; it has {', '.join(path.stem for path in near[:8])}" if near else ""
    raise UsageError(f"{name}: neither a file nor a tree of the kernel's source{advice}")


def board_of(tree: Tree) -> str:
    """The emulated host for a tree, by its interrupt controller; UsageError if none is known."""
    for node in tree.root.walk():
        raw = node.get("compatible")
        for board, names in _CONTROLLERS.items():
            if raw is not None and set(names) & set(node.strings("compatible")):
                return board
    raise UsageError(
        f"{tree.source}: no emulated host is known for its interrupt controller; choose one with"
        " --board"
    )
