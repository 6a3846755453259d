# SPDX-License-Identifier: MIT
"""A text trace of what a device's driver did: one line an access, in the registers' own names.

0.412031 uart0 W LCR.DLAB=1 LCR.WLS=3
0.412107 uart0 wire interrupt=1
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

from testbed.errors import Stage, TestbedError
from testbed.remoteport.closing import Closing
from testbed.remoteport.codec import Response
from testbed.remoteport.device import Device
from testbed.remoteport.registers import RegisterRef

_CACHED = 4096  # descriptions kept
_HELD = 256  # lines held before they are written
_HELD_SECONDS = 1.0


class Trace(Closing):
    """Writes to `path`, from any thread; one trace may take the lines of several devices.

    Times are seconds since `start`, a moment of the monotonic clock, or since the trace was made.
    Lines are held for at most a second of activity:
    `flush` writes them now. A file that cannot be written never disturbs the model: `close` raises.
    """

    def __init__(self, path: Path, *, start: float | None = None) -> None:
        self.path = path
        self._start = time.monotonic() if start is None else start
        self._lock = threading.Lock()
        self._lines: list[str] = []
        self._flushed = 0.0
        self._error: OSError | None = None
        self._texts: dict[tuple[object, ...], str] = {}
        try:
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise TestbedError(
                Stage.INFRASTRUCTURE, f"cannot write the trace {path}: {error.strerror}"
            ) from error

    def access(
        self,
        device: Device,
        write: bool,
        region: int,
        offset: int,
        size: int,
        value: int,
        register: RegisterRef | None,
        status: int,
    ) -> None:
        """A register access and how it ended; `value` counts when `status` is 0."""
        kind = None if register is None else register.register
        key = (device, write, region, offset, size, value, status, kind)
        text = self._texts.get(key)
        if text is None:
            text = _access_text(device, write, region, offset, size, value, register, status)
            if len(self._texts) >= _CACHED:
                self._texts.clear()
            self._texts[key] = text
        self._line(text)

    def dma(self, device: Device, write: bool, address: int, size: int, status: int) -> None:
        """A DMA of `size` bytes at bus address `address`, once answered."""
        outcome = f" refused: {_status_text(status)}" if status else ""
        direction = "write" if write else "read"
        self._line(f"{device.name} DMA {direction} {address:#x} length {size}{outcome}")

    def wire(self, device: Device, wire: int, level: bool) -> None:
        """A level sent to the machine."""
        self._line(f"{device.name} wire {device.wires[wire]}={int(level)}")

    def event(self, device: Device, text: str) -> None:
        """Anything else: connections, reset, state."""
        self._line(f"{device.name} {text}")

    def _line(self, text: str) -> None:
        with self._lock:
            now = time.monotonic() - self._start
            self._lines.append(f"{now:12.6f} {text}\n")
            if len(self._lines) >= _HELD or now - self._flushed > _HELD_SECONDS:
                self._write(now)

    def _write(self, now: float) -> None:
        data = "".join(self._lines).encode()
        self._lines.clear()
        self._flushed = now
        if self._error is not None or self._file.closed:
            return
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self._error = error

    def flush(self) -> None:
        """Write every line so far."""
        with self._lock:
            self._write(time.monotonic() - self._start)

    def close(self) -> None:
        """Write what is left. TestbedError when any of the trace could not be written."""
        with self._lock:
            self._write(time.monotonic() - self._start)
            self._file.close()
            error, self._error = self._error, None
        if error is not None:
            raise TestbedError(
                Stage.INFRASTRUCTURE,
                f"the trace {self.path} is incomplete: {error.strerror}; free space or choose"
                " another results directory",
            )


def _access_text(
    device: Device,
    write: bool,
    region: int,
    offset: int,
    size: int,
    value: int,
    register: RegisterRef | None,
    status: int,
) -> str:
    start = f"{device.name} {'W' if write else 'R'}"
    where = f"{device.regions[region].name}+{offset:#x}/{size}"
    if status:
        name = f"{register.name} at " if register is not None else ""
        return f"{start} {name}{where} refused: {_status_text(status)}"
    if register is None:
        return f"{start} {where}=0x{value:0{2 * size}x}"
    return f"{start} {register.describe(value)}"


def _status_text(status: int) -> str:
    return Response(status).name.lower().replace("_", " ")
