# SPDX-License-Identifier: MIT
"""A socket that takes visitors in."""

from __future__ import annotations

import socket
from pathlib import Path
from queue import SimpleQueue

import pytest

from testbed.remoteport.listener import Listener
from testbed.remoteport.stream import connect

SECONDS = 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    return folder / "door.sock"


def test_everybody_is_taken_in_until_it_is_closed(path: Path) -> None:
    came: SimpleQueue[socket.socket] = SimpleQueue()
    listener = Listener(path, came.put)
    for number in range(3):
        with connect(path) as visitor, came.get(timeout=SECONDS) as taken:
            visitor.sendall(bytes([number]))
            taken.settimeout(SECONDS)
            assert taken.recv(2) == bytes([number])
    with connect(path) as visitor, came.get(timeout=SECONDS) as taken:
        listener.close()
        assert not path.exists()
        with pytest.raises(OSError, match="No such file"):
            connect(path)
        visitor.sendall(b"still")
        taken.settimeout(SECONDS)
        assert taken.recv(5) == b"still"
    listener.close()  # as often as one likes


def test_a_place_that_is_taken_is_an_error(path: Path) -> None:
    listener = Listener(path, lambda visitor: visitor.close())
    try:
        with pytest.raises(OSError, match="in use"):
            Listener(path, lambda visitor: visitor.close())
        assert path.is_socket()
    finally:
        listener.close()
