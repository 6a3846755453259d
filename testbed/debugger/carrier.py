# SPDX-License-Identifier: MIT
"""A socket of the workstation behind which is one inside the host."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path

from testbed.channel import AgentClient, ChannelError
from testbed.deadline import Deadline
from testbed.errors import TestbedError
from testbed.remoteport.listener import Listener

_CONNECT_SECONDS = 20


class Carrier:
    """Carries each connection to the UNIX socket `path` to the one named `remote` in the host."""

    def __init__(self, path: Path, agent: AgentClient, remote: str) -> None:
        self._agent = agent
        self._remote = remote
        self._listener = Listener(path, self._visit)

    def _visit(self, visitor: socket.socket) -> None:
        try:
            stream = self._agent.connect(self._remote, deadline=Deadline(_CONNECT_SECONDS))
        except (ChannelError, TestbedError):
            visitor.close()  # whoever came sees the end of what is gone
            return
        inside = stream.as_socket()
        for source, target in ((visitor, inside), (inside, visitor)):
            threading.Thread(target=_carry, args=(source, target), daemon=True).start()

    def close(self) -> None:
        """Carry no further connection; those there are end with the host."""
        self._listener.close()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
