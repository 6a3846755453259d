# SPDX-License-Identifier: MIT
"""A machine with one IPv4 address at the far end of an Ethernet line, which speaks UDP."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Protocol

from testbed.deadline import Deadline
from testbed.scenario.ethernet import BROADCAST, Arp, BadFrame, Datagram, parse

MAC = bytes.fromhex("02 00 5e 10 00 01")
_NOBODY = b"\0" * 6


class Line(Protocol):
    """Frames without their check sequence, from and to the machine whose Ethernet this is."""

    def receive(self, deadline: Deadline) -> bytes: ...

    def send(self, frame: bytes) -> None: ...


class UdpFarEnd:
    """`address` and `port` are its own. It sends to whom the last datagram came from.

    It answers ARP while it waits for something. AssertionError when the machine sends a frame that
    no machine should, such as one with a wrong checksum.
    """

    def __init__(self, line: Line, address: IPv4Address, port: int) -> None:
        self._line = line
        self._address = address
        self._port = port
        self._peer: Datagram | None = None
        self._waiting: deque[Datagram] = deque()

    def resolve(self, address: IPv4Address, deadline: Deadline) -> bytes:
        """Ask for the MAC address of the machine at `address`."""
        self._line.send(Arp(False, MAC, self._address, _NOBODY, address).frame())
        while True:
            match self._next(deadline):
                case Arp(reply=True, source=source, source_mac=mac) if source == address:
                    return mac
                case Datagram() as datagram:
                    self._waiting.append(datagram)

    def receive(self, deadline: Deadline) -> bytes:
        """The next datagram to this end's port."""
        while not self._waiting:
            match self._next(deadline):
                case Datagram() as datagram:
                    self._waiting.append(datagram)
        self._peer = self._waiting.popleft()
        return self._peer.payload

    def send(self, datagram: bytes) -> None:
        self._line.send(self._answer(datagram).frame())

    def send_spoilt(self, datagram: bytes) -> None:
        """Send it with a wrong checksum, as a line that changes bits would: it must not arrive."""
        self._line.send(self._answer(datagram).frame(spoilt=True))

    def _answer(self, payload: bytes) -> Datagram:
        assert self._peer is not None, "nobody has sent a datagram that could be answered"
        peer = self._peer
        return replace(
            peer,
            source_mac=MAC,
            target_mac=peer.source_mac,
            source=peer.target,
            target=peer.source,
            payload=payload,
        )

    def _next(self, deadline: Deadline) -> Arp | Datagram | None:
        """Take a frame, and answer it when it asks for this end's MAC address."""
        frame = self._line.receive(deadline)
        to = frame[:6]
        if to not in (MAC, BROADCAST):
            raise AssertionError(f"a frame to {to.hex(':')}, whom nobody has told of")
        try:
            found = parse(frame)
        except BadFrame as error:
            raise AssertionError(f"from the machine: {error}") from None
        match found:
            case Arp(reply=False, target=target) if target == self._address:
                self._line.send(
                    Arp(True, MAC, self._address, found.source_mac, found.source).frame()
                )
            case Datagram(target=target) if target != (self._address, self._port):
                raise AssertionError(f"a datagram to {target[0]} port {target[1]}, not to this end")
        return found
