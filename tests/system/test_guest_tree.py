# SPDX-License-Identifier: MIT
"""Who makes a guest's tree is a person's choice, with the same scenarios."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.boards import BOARDS
from testbed.devicetree import Tree
from tests.system.conftest import Testbed


@pytest.mark.parametrize("board", list(BOARDS))
def test_uart_works_with_a_tree_that_nested_qemu_makes(testbed: Testbed, board: str) -> None:
    done = testbed.run("uart", "--board", board, "--guest-tree", "qemu")
    (verdict,) = done.verdicts
    assert (done.status, verdict["verdict"]) == (0, "PASS"), done.output
    guest = Path(verdict["results"]) / "guest0"
    command = (guest / "run.sh").read_text()
    assert "vfio-platform-uart" in command
    assert "-dtb" not in command
    bus = Tree.load(guest / "guest.dtb").node(BOARDS[board].guest_bus.node)
    assert [node.name.partition("@")[0] for node in bus.children()] == ["serial", "serial"]
