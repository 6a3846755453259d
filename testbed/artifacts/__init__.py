# SPDX-License-Identifier: MIT
"""Kernels, file systems and the bridge: fetched or built once, kept by digest, used by runs."""

from testbed.artifacts.board import (
    BOARDS,
    BoardArtifacts,
    DriverSources,
    Sources,
    has_fast_kernel,
    has_stock_nested_qemu,
    kernel_series,
    no_fast_kernel,
    no_kernel_series,
    no_stock_nested_qemu,
    prepare,
    prepare_board_trees,
    prepare_driver_sources,
    prepare_sources,
)
from testbed.artifacts.parts import NestedKernel, NestedQemu
from testbed.artifacts.progress import PlainProgress, Progress, Step, progress_for
from testbed.artifacts.taken_tree import taken_from_tree

__all__ = [
    "BOARDS",
    "BoardArtifacts",
    "DriverSources",
    "NestedKernel",
    "NestedQemu",
    "PlainProgress",
    "Progress",
    "Sources",
    "Step",
    "has_fast_kernel",
    "has_stock_nested_qemu",
    "kernel_series",
    "no_fast_kernel",
    "no_kernel_series",
    "no_stock_nested_qemu",
    "prepare",
    "prepare_board_trees",
    "prepare_driver_sources",
    "prepare_sources",
    "progress_for",
    "taken_from_tree",
]
