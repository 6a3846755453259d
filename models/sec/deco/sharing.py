# SPDX-License-Identifier: MIT
"""What a job takes over from the one before it with the same shared descriptor.

The registers stay where they are; this only remembers whose they are. One job's worth, no more.
"""

from __future__ import annotations

from models.sec.deco.errors import DecoError, ErrorCode
from models.sec.deco.fields import SharedHeader
from models.sec.deco.header import Header
from models.sec.deco.machine import Machine
from models.sec.deco.tables import Share

__all__ = ["Sharing"]

_CHANGE_NEVER = 1
_CHANGE_NO_PROPAGATION = 3


class Sharing:
    """The last job of a DECO, as far as the next one may care."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._address: int | None = None
        self._image: list[int] = []
        self._pointer_size = 0
        self._allowed = False
        self._failed = False

    def keep(self, machine: Machine, status: int) -> None:
        """Note how a job ended."""
        self._address = machine.shared_address if machine.shared_length else None
        self._image = machine.shared_image
        self._pointer_size = machine.services.pointer_size
        # Halts are ends that the descriptor chose; the other sources are errors.
        self._failed = bool(status) and status >> 28 not in (3, 7)
        excused = machine.share_change == _CHANGE_NO_PROPAGATION
        self._allowed = machine.share_change != _CHANGE_NEVER and (not self._failed or excused)

    def _same(self, machine: Machine, shared: list[int]) -> bool:
        return (
            self._address is not None
            and self._address == machine.shared_address
            and self._pointer_size == machine.services.pointer_size
            and self._image == shared
        )

    def check(self, machine: Machine, header: Header, shared: list[int]) -> None:
        """PROPAGATE DNR: after a job in error, the next one of the same shared descriptor does not
        run."""
        word = shared[0]
        if word & SharedHeader.PD.mask and self._failed and self._same(machine, shared):
            raise DecoError(ErrorCode.DO_NOT_RUN, 0)

    def apply(self, machine: Machine, header: Header, shared: list[int]) -> bool:
        """Whether the job shares; then the class registers are left as it may find them."""
        if not shared or not self._allowed or not self._same(machine, shared):
            return False
        word = shared[0]
        kind = SharedHeader.SHARE.get(word) if header.share == Share.DEFER else header.share
        if kind == Share.NEVER:
            return False
        for registers in (machine.class1, machine.class2):
            registers.mode = 0
            registers.clear_sizes()
            if not word & SharedHeader.SC.mask:
                registers.clear_context()
        return True
