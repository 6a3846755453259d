# SPDX-License-Identifier: MIT
"""A client of QEMU's qtest protocol: memory accesses made by the test instead of a CPU."""

from __future__ import annotations

import socket

from testbed.deadline import Deadline

_ACCESS = {1: "b", 2: "w", 4: "l", 8: "q"}
DEADLINE = 20.0


class QtestError(Exception):
    """QEMU refused a command, or the connection ended."""


class Qtest:
    """One connection, made by QEMU to a socket of ours. Every answer has a deadline."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._received = b""

    def read(self, address: int, size: int) -> int:
        """One access of 1, 2, 4 or 8 bytes; the value as the CPU would see it."""
        return int(self.command(f"read{_ACCESS[size]} {address:#x}")[0], 16)

    def write(self, address: int, size: int, value: int) -> None:
        self.command(f"write{_ACCESS[size]} {address:#x} {value:#x}")

    def memory(self, address: int, size: int) -> bytes:
        """Bytes of RAM."""
        return bytes.fromhex(self.command(f"read {address:#x} {size:#x}")[0][2:])

    def store(self, address: int, data: bytes) -> None:
        self.command(f"write {address:#x} {len(data):#x} 0x{data.hex()}")

    def command(self, line: str) -> list[str]:
        """Words of the answer behind OK."""
        self._socket.settimeout(DEADLINE)
        self._socket.sendall(line.encode() + b"\n")
        answer = self._line(Deadline(DEADLINE))
        if not answer or answer[0] != "OK":
            raise QtestError(f"{line[:80]}: {' '.join(answer) or 'no answer'}")
        return answer[1:]

    def _line(self, deadline: Deadline) -> list[str]:
        while b"\n" not in self._received:
            self._socket.settimeout(deadline.remaining or 0.001)
            data = self._socket.recv(65536)
            if not data:
                raise QtestError("QEMU closed the qtest connection")
            self._received += data
        line, self._received = self._received.split(b"\n", 1)
        words = line.decode().split()
        # Interrupts that are intercepted arrive between answers.
        return self._line(deadline) if words[:1] == ["IRQ"] else words

    def close(self) -> None:
        self._socket.close()
