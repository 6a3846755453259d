# SPDX-License-Identifier: MIT
"""A kernel that a person brings for a machine: an image, or the tree that it was built in."""

from __future__ import annotations

from pathlib import Path

from testbed.artifacts.kernel import brought_kernel_target
from testbed.artifacts.kernel_tree import KernelTree, TreeKind, kernel_tree_target
from testbed.artifacts.parts import Kernel
from testbed.artifacts.payload_modules import all_modules_target
from testbed.artifacts.targets import Target


def brought_kernel(kind: TreeKind, path: Path | None, machine: str) -> Kernel | None:
    """The kernel in the tree at `path` with its modules, for a "host" or a "guest".

    None when nothing is brought, or an image, which goes with the board's own modules. Raises
    TestbedError when the tree is not built or not for this machine.
    """
    if path is None or not path.is_dir():
        return None
    kernel = kernel_tree_target(KernelTree(kind, path), machine)
    return Kernel(kernel, (all_modules_target(kernel),))


def brought_image(kind: TreeKind, path: Path | None, machine: str) -> Target | None:
    """The kernel whose image is at `path`; None when nothing is brought, or a tree."""
    if path is None or path.is_dir():
        return None
    return brought_kernel_target(path, kind.as_loaded, f"brought {machine} kernel")
