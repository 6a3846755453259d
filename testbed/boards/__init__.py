# SPDX-License-Identifier: MIT
"""The kinds of host a scenario can run on."""

from testbed.boards.arm_virt import ARM_VIRT
from testbed.boards.board import Board, PlatformDevice
from testbed.boards.e500 import E500
from testbed.errors import Stage, TestbedError

BOARDS: dict[str, Board] = {board.name: board for board in (ARM_VIRT, E500)}


def board(name: str) -> Board:
    """The board called `name`; TestbedError when there is none."""
    try:
        return BOARDS[name]
    except KeyError:
        raise TestbedError(
            Stage.INFRASTRUCTURE, f"no board {name!r}; boards are: {', '.join(BOARDS)}"
        ) from None


__all__ = ["BOARDS", "Board", "PlatformDevice", "board"]
