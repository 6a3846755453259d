# SPDX-License-Identifier: MIT
"""The part of a controller's transfers that does not depend on its registers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, Protocol, TypeVar

from models.ata.transport import LinkErrors, LinkLost


class Batch(Protocol):
    """What a piece of work has done so far."""

    epoch: int
    fatal: bool


class Command(Protocol):
    """A command slot as fetched."""

    transferred: int
    """Bytes of its data that have moved."""


class State(Protocol):
    """What a port's state holds about its transfers, by slot."""

    current: int | None
    """The command that keeps the device busy."""
    tag: int | None
    """The queued command whose data moves; None: it is that of `current`."""
    transfers: dict[int, int]
    """Bytes that have moved, of commands that are not fetched since the state was loaded."""


class Port(Protocol):
    @property
    def state(self) -> State: ...


_Batch = TypeVar("_Batch", bound=Batch)
_Command = TypeVar("_Command", bound=Command)


class Gathering(ABC, Generic[_Batch, _Command]):
    """Takes frames of a device for the commands it has, into the batch of the work under way."""

    epoch: int  # the worker's

    def __init__(self, port: Port) -> None:
        self._port = port
        self._batch: _Batch | None = None
        self._active: dict[int, _Command] = {}  # given to the device and not finished

    @abstractmethod
    def link_error(self, kind: LinkErrors, fatal: bool) -> None:
        """An error of the link, in the work under way or at any other time."""

    @abstractmethod
    def _fetch_again(self, slot: int) -> _Command:
        """The command of `slot` as memory has it now, at the byte it had come to."""

    def save_transfers(self) -> dict[int, int]:
        """How far the data of each unfinished command has come."""
        done = dict(self._port.state.transfers)
        done.update((slot, command.transferred) for slot, command in self._active.items())
        return {slot: count for slot, count in done.items() if count}

    def _live(self) -> _Batch:
        """The batch, which goes on; LinkLost when everything was stopped."""
        batch = self._batch
        if batch is None or batch.fatal or batch.epoch != self.epoch:
            raise LinkLost("the transfer was aborted")
        return batch

    def _target(self) -> _Command:
        """The command whose buffer the data is for."""
        state = self._port.state
        slot = state.current if state.tag is None else state.tag
        command = None if slot is None else self._active.get(slot) or self._fetch_again(slot)
        if command is None:
            self.link_error(LinkErrors.SEQUENCE, fatal=True)
            raise LinkLost("data that belongs to no command")
        return command
