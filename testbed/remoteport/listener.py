# SPDX-License-Identifier: MIT
"""A socket at which visitors are taken in as they come, until it is closed."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from testbed.remoteport.stream import listen


class Listener:
    """Listens at `path` at once and calls `visit`, from one thread, with each connection.

    OSError when it cannot listen there; see `stream.listen`.
    """

    def __init__(self, path: Path, visit: Callable[[socket.socket], None]) -> None:
        self._path = path
        self._visit = visit
        self._socket = listen(path)
        name = f"listener {path.parent.name}/{path.name}"
        threading.Thread(target=self._accept, name=name, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                visitor, _ = self._socket.accept()
            except OSError:
                return  # closed
            self._visit(visitor)

    def close(self) -> None:
        """Take in nobody any more and remove the socket; connections there are stay."""
        with contextlib.suppress(OSError):  # it may have been closed already
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._path.unlink(missing_ok=True)
