# SPDX-License-Identifier: MIT
"""Trees from source text, and random content from a printed seed."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from tree_rig import TRIED

from testbed.devicetree import Tree


@pytest.fixture
def random() -> Random:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    return Random(seed)


@pytest.fixture
def compiled(tmp_path: Path) -> Callable[[str], Tree]:
    """Compiles what stands inside the root node of a source file."""
    count = 0

    def compile_tree(inside: str) -> Tree:
        nonlocal count
        count += 1
        path = tmp_path / f"{count}.dts"
        path.write_text(f"/dts-v1/;\n/ {{ {inside} }};\n")
        return Tree.compile(path)

    return compile_tree


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in TRIED:
        terminalreporter.write_line(line)
