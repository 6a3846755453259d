# SPDX-License-Identifier: MIT
"""Requests to the peer and their answers, among threads that take turns at receiving.

Any thread may wait for answers. Whoever waits while nobody receives does the receiving: a thread
that holds the model's lock can so get its answer while the server's thread waits for that lock.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from testbed.deadline import Deadline
from testbed.remoteport.codec import (
    BUSACCESS_EXT_SIZE,
    POSTED,
    RESPONSE,
    BusAccess,
    Interrupt,
    Packet,
    ProtocolError,
    encode_access,
    packet_name,
)
from testbed.remoteport.device import LinkError
from testbed.remoteport.stream import Stream

# Bytes of requests, and of their answers, that may be under way for one transfer. What is under
# way must fit what the kernel buffers, about 200 KiB each way: then neither side has to stop
# sending before it can receive, whatever the other one does first.
WINDOW = 160 << 10


class Access(NamedTuple):
    """One access of ours to the peer's memory, small enough for a packet."""

    write: bool
    address: int
    size: int
    data: bytes = b""
    byte_enable: bytes = b""

    def __str__(self) -> str:
        verb = "write" if self.write else "read"
        return f"DMA {verb} of {self.size} bytes at {self.address:#x}"


def _cost(access: Access) -> int:
    return access.size + BUSACCESS_EXT_SIZE


class _Waiter:
    """A thread that sleeps until there is something for it to look at."""

    __slots__ = ("_asleep",)

    def __init__(self) -> None:
        self._asleep = threading.Lock()
        self._asleep.acquire()

    @property
    def satisfied(self) -> bool:
        """Whether what it waits for has come."""
        return False

    def wake(self) -> None:
        try:
            self._asleep.release()
        except RuntimeError:  # already awake, or about to be
            return

    def sleep(self, seconds: float) -> None:
        self._asleep.acquire(timeout=seconds)


class _Transfer(_Waiter):
    """A thread's accesses under way, and their answers by index."""

    __slots__ = ("answered_cost", "answers", "most", "sent_cost")

    def __init__(self, count: int) -> None:
        super().__init__()
        self.answers: list[BusAccess | None] = [None] * count
        self.most = 0  # bytes that may be under way for it to be satisfied
        # One is counted by the thread that sends, the other by the one that receives.
        self.sent_cost = 0
        self.answered_cost = 0

    @property
    def under_way(self) -> int:
        """Bytes of requests and answers."""
        return self.sent_cost - self.answered_cost

    @property
    def satisfied(self) -> bool:
        return self.under_way <= self.most


class _Asked(NamedTuple):
    """An access under way, and its place in the transfer."""

    transfer: _Transfer
    place: int
    write: bool
    cost: int


class Exchange:
    """What goes out and comes in on `stream`.

    `serve` handles a request of the peer; it is called on the thread that made the exchange or
    called `adopt`, while that awaits answers. Otherwise requests wait in `requests`. The first
    thing that went wrong is in `error`; the connection is at its end then.
    """

    def __init__(self, stream: Stream, serve: Callable[[Packet], None]) -> None:
        self.requests: deque[Packet] = deque()
        self.error: Exception | None = None
        self._stream = stream
        self._serve = serve
        self._thread = threading.get_ident()
        self._ids = itertools.count(1)
        self._receiving = threading.Lock()
        self._asked: dict[int, _Asked] = {}  # by id
        self._waiting: dict[_Transfer, None] = {}
        self._idle = _Waiter()
        self._unanswered_wires: dict[int, float] = {}

    @property
    def on_thread(self) -> bool:
        """Whether the caller is the thread that handles requests."""
        return threading.get_ident() == self._thread

    def adopt(self) -> None:
        """Make the calling thread the one that handles requests."""
        self._thread = threading.get_ident()

    def next_id(self) -> int:
        return next(self._ids) & 0xFFFFFFFF

    def send(self, data: bytes) -> None:
        """Send a packet. LinkError when it cannot be."""
        self._stream.send(data)

    def fail(self, error: Exception) -> None:
        """End the connection for `error`, unless it has ended, and wake every thread."""
        if self.error is None:
            self.error = error
        self._stream.shutdown()
        for waiter in (*self._waiting, self._idle):
            waiter.wake()

    def wake(self) -> None:
        """Make the thread that handles requests return from `wait`."""
        self._idle.wake()
        self._stream.wake()

    def wire_sent(self, id_: int) -> None:
        """An interrupt is about to be sent that the peer must answer."""
        self._unanswered_wires[id_] = time.monotonic()
        self._check_wires()

    def _check_wires(self) -> None:
        now = time.monotonic()
        oldest = min(list(self._unanswered_wires.values()), default=now)
        if now - oldest > self._stream.timeout:
            self.fail(LinkError(f"an interrupt was not answered in {self._stream.timeout:g} s"))

    # Requests of ours

    def transact(self, accesses: Sequence[Access], dev: int) -> list[BusAccess]:
        """The answer to each access, in order. LinkError when one does not come.

        They are sent without waiting for each other, within WINDOW bytes.
        """
        transfer = _Transfer(len(accesses))
        self._waiting[transfer] = None
        try:
            sent = 0
            while sent < len(accesses):
                begun = sent
                sent = self._send_some(transfer, accesses, sent, dev)
                if sent < len(accesses):
                    transfer.most = max(0, min(WINDOW // 2, WINDOW - _cost(accesses[sent])))
                else:
                    transfer.most = 0
                self._await(transfer, accesses[begun])
        except LinkError as error:
            self.fail(error)
            raise
        finally:
            del self._waiting[transfer]
        return [answer for answer in transfer.answers if answer is not None]

    def _send_some(
        self, transfer: _Transfer, accesses: Sequence[Access], start: int, dev: int
    ) -> int:
        """Send as many as the window takes, one at least; where the rest begins."""
        packets: list[bytes] = []
        index = start
        while index < len(accesses):
            access = accesses[index]
            cost = _cost(access)
            if packets and transfer.under_way + cost > WINDOW:
                break
            id_ = self.next_id()
            write, address, size, data, enable = access
            packets.append(encode_access(write, address, size, data, enable, id_, dev))
            self._asked[id_] = _Asked(transfer, index, write, cost)
            transfer.sent_cost += cost
            index += 1
        self._stream.send(packets[0] if len(packets) == 1 else b"".join(packets))
        return index

    def _await(self, transfer: _Transfer, first: Access) -> None:
        served = self.on_thread
        deadline = Deadline(self._stream.timeout)
        while not transfer.satisfied:
            if self.error is not None:
                raise LinkError(f"{first}: {self.error}")
            if deadline.expired:
                raise LinkError(f"{first}: no answer in {deadline.seconds:g} s")
            if served and self.requests:
                self._serve(self.requests.popleft())
            else:
                self._pump(transfer, deadline, served)

    # Receiving

    def wait(self) -> None:
        """Receive for the thread that handles requests, until there is one, or until `wake`."""
        self._pump(self._idle, None, True)

    def look(self) -> bool:
        """Whether a request of the peer is there, or the connection is at its end."""
        self._pump(self._idle, None, True, wait=False)
        return bool(self.requests) or self.error is not None

    def _pump(
        self, waiter: _Waiter, deadline: Deadline | None, served: bool, wait: bool = True
    ) -> None:
        """Receive something for whoever it is for; or sleep while another thread receives.

        `served`: this is the thread that handles requests. What goes wrong is left in `error`.
        """
        if not self._receiving.acquire(False):
            if wait:
                waiter.sleep(self._stream.timeout if deadline is None else deadline.remaining)
            return
        try:
            # Another thread may have changed these before the lock was had.
            if self.error is not None or waiter.satisfied or (served and self.requests):
                return
            packet = self._stream.receive(deadline) if wait else self._stream.receive_now()
            if packet is None:
                self._check_wires()
            while packet is not None:
                if not packet.flags & RESPONSE:
                    self.requests.append(packet)
                    break
                self._answered(packet)
                # No further than is waited for: what is wrong behind it is another matter.
                if waiter is self._idle or waiter.satisfied:
                    break
                packet = self._stream.received()
        except (ProtocolError, LinkError) as error:
            self.fail(error)
        finally:
            self._receiving.release()
            for other in list(self._waiting):
                if other is not waiter:
                    other.wake()
            if waiter is not self._idle:
                self._idle.wake()

    def _answered(self, packet: Packet) -> None:
        if packet.flags & POSTED:  # flags are echoed: an answer that nobody asked for
            return
        if isinstance(packet, BusAccess):
            asked = self._asked.get(packet.id)
            if asked is not None and asked.write == packet.write:
                del self._asked[packet.id]
                asked.transfer.answers[asked.place] = packet
                asked.transfer.answered_cost += asked.cost
                return
        elif isinstance(packet, Interrupt) and packet.id in self._unanswered_wires:
            del self._unanswered_wires[packet.id]
            return
        raise ProtocolError(
            f"{packet_name(packet)}: id holds {packet.id}, which answers no request"
        )
