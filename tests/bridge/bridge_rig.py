# SPDX-License-Identifier: MIT
"""A machine with the bridge in it, and a model whose registers are plain memory."""

from __future__ import annotations

import os
import select
import shutil
import socket
import struct
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from qtest import Qtest

from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError
from testbed.process import Process
from testbed.qmp import Qmp
from testbed.remoteport.device import BusError, Device, Region, Response, StateError

BASE = 0x0D000000  # of region 0; nothing of the virt machine is there
SIZE = 0x1000
RAM = 0x42000000  # above what QEMU puts into memory itself; to the end of 128 MiB
RAM_END = 0x48000000
SPI = 100
DEADLINE = 30.0

WAIT = (0xD503207F, 0x17FFFFFF)  # wfi, and again: a program that does nothing

_ENTRY = RAM + 0x100000  # of a program
_GICD_ISPENDR = 0x08000200

# How many mutated inputs were tried, by what they were tried on; printed when all tests are over.
TRIED: dict[str, int] = {}


def find_qemu(variable: str, program: str) -> Path:
    """The program under test: named by an environment variable, or the one in PATH."""
    found = os.environ.get(variable) or shutil.which(program)
    assert found, f"no {program}: install it or name one in {variable}"
    return Path(found)


def version_of(qemu: Path) -> str:
    """What `--version` prints."""
    return subprocess.run(
        [qemu, "--version"], capture_output=True, text=True, check=True, timeout=30
    ).stdout


def device(path: object = "rp.sock", **properties: object) -> str:
    """The -device argument for one page of registers and one wire; properties add or override."""
    named: dict[str, object] = {"addr": hex(BASE), "size": hex(SIZE), "irq": SPI}
    named |= {name.replace("_", "-"): value for name, value in properties.items()}
    options = "".join(f",{name}={value}" for name, value in named.items())
    return f"remote-port-device,path={path}{options}"


def program(folder: Path, words: Sequence[int]) -> list[str]:
    """Arguments that start the first CPU at these instructions, put into RAM."""
    (folder / "program").write_bytes(struct.pack(f"<{len(words)}I", *words))
    return [
        "-device",
        f"loader,file=program,addr={_ENTRY:#x},force-raw=on",
        "-device",
        f"loader,addr={_ENTRY:#x},cpu-num=0",
    ]


class QemuExited(Exception):
    """QEMU ended instead of starting; the message is what it printed."""


class Machine:
    """A QEMU that is driven over qtest; its CPUs stand still unless `running`.

    `devices` are arguments of -device; paths in them are relative to `folder`.
    """

    def __init__(
        self,
        qemu: Path,
        bridge: Path,
        folder: Path,
        devices: Sequence[str],
        *,
        machine: str = "virt,gic-version=3,iommu=smmuv3",
        running: bool = False,
        extra: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self._log = folder / "qemu.log"
        self._log.unlink(missing_ok=True)
        self._connections: list[socket.socket] = []
        self._closed = False
        listeners = {name: self._listen(name) for name in ("qtest", "qmp")}
        argv = [str(qemu), "-plugin", str(bridge), "-machine", machine, "-accel", "tcg"]
        argv += ["-nodefaults", "-display", "none", "-m", "128"]
        argv += ["-qtest", "unix:qtest.sock", "-qtest-log", "none"]
        argv += [] if running else ["-S"]
        argv += ["-chardev", "socket,id=qmp,path=qmp.sock", "-mon", "qmp,mode=control"]
        for device in devices:
            argv += ["-device", device]
        self._exited = os.eventfd(0)
        self._process = Process([*argv, *extra], cwd=folder, log=self._log, on_exit=self._note_exit)
        self._process.start()
        self.qmp: Qmp | None = None
        try:
            deadline = Deadline(DEADLINE)
            self._qtest = Qtest(self._accept(listeners["qtest"], deadline))
            self.qmp = self._connect_qmp(listeners["qmp"], deadline)
        except BaseException:
            self.close()
            raise
        finally:
            for listener in listeners.values():
                listener.close()

    def _note_exit(self, status: int) -> None:
        os.eventfd_write(self._exited, 1)

    def _connect_qmp(self, listener: socket.socket, deadline: Deadline) -> Qmp:
        """QEMU answers once the machine is built and has had its first reset, or ends before."""
        connection = self._accept(listener, deadline)
        try:
            return Qmp("machine", connection, self.folder / "qmp.log", Stage.TEST, deadline)
        # The assertion is qemu.qmp's own, for a peer that leaves as it is greeted.
        except (TestbedError, AssertionError):
            if self._process.wait(Deadline(2)):
                raise QemuExited(self.log) from None
            raise

    def _listen(self, name: str) -> socket.socket:
        path = self.folder / f"{name}.sock"
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen(1)
        return listener

    def _accept(self, listener: socket.socket, deadline: Deadline) -> socket.socket:
        waiting = [listener.fileno(), self._exited]
        ready, _, _ = select.select(waiting, [], [], deadline.remaining)
        if listener.fileno() not in ready:
            self._process.wait(deadline)
            raise QemuExited(self.log)
        connection, _ = listener.accept()
        self._connections.append(connection)
        return connection

    @property
    def log(self) -> str:
        """What QEMU has printed."""
        return self._log.read_text()

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    def read(self, address: int, size: int) -> int:
        """One access of 1, 2, 4 or 8 bytes; the value as the CPU would see it."""
        return self._qtest.read(address, size)

    def write(self, address: int, size: int, value: int) -> None:
        self._qtest.write(address, size, value)

    def memory(self, address: int, size: int) -> bytes:
        """Bytes of RAM."""
        return self._qtest.memory(address, size)

    def store(self, address: int, data: bytes) -> None:
        self._qtest.store(address, data)

    def execute(self, command: str, **arguments: object) -> Any:
        """A QMP command; underscores of the arguments' names become hyphens."""
        assert self.qmp is not None
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        try:
            return self.qmp.execute(command, named, deadline=Deadline(DEADLINE))
        except TestbedError:
            if self._process.wait(Deadline(2)):
                raise QemuExited(self.log) from None
            raise

    def settled_log(self) -> str:
        """The log once the main loop has dealt with everything that came before."""
        self.execute("query-status")
        return self.log

    def pending(self, spi: int = SPI) -> bool:
        """Whether the GIC has this shared interrupt pending."""
        number = spi + 32
        return bool(self.read(_GICD_ISPENDR + number // 32 * 4, 4) >> number % 32 & 1)

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Until `condition`, which asks QEMU each time, or a failure that says `what`."""
        deadline = Deadline(DEADLINE)
        while not condition():
            assert not deadline.expired, f"{what}: not within {DEADLINE:g} s\n{self.log}"
            self.execute("query-status")

    def wait_exit(self) -> int:
        assert self._process.wait(Deadline(DEADLINE)), "QEMU did not end"
        assert self._process.returncode is not None
        return self._process.returncode

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self.qmp is not None:
            self.qmp.close()
        self._process.stop(grace=0.0)
        os.close(self._exited)
        for connection in self._connections:
            connection.close()


class Bank(Device):
    """Registers that keep what is written to them, in regions of one page.

    `hooks` are called, by region and offset, when that register is written; `refuse` maps one to
    the status it answers with.
    """

    regions = tuple(Region(f"bank{index}", SIZE) for index in range(8))
    wires = tuple(f"wire{index}" for index in range(16))

    def __init__(self, name: str = "bank", **options: Any) -> None:
        super().__init__(name, **options)
        self.bytes = [bytearray(SIZE) for _ in self.regions]
        self.accesses: list[tuple[str, int, int, int, int]] = []
        self.hooks: dict[tuple[int, int], Callable[[int], None]] = {}
        self.refuse: dict[tuple[int, int], Response] = {}
        self.resets = 0
        self.savable = True
        self.loadable = True

    def read(self, region: int, offset: int, size: int) -> int:
        self._check(region, offset)
        value = int.from_bytes(self.bytes[region][offset : offset + size], self.byteorder)
        self.accesses.append(("read", region, offset, size, value))
        return value

    def write(self, region: int, offset: int, size: int, value: int) -> None:
        self._check(region, offset)
        self.accesses.append(("write", region, offset, size, value))
        self.bytes[region][offset : offset + size] = value.to_bytes(size, self.byteorder)
        if hook := self.hooks.get((region, offset)):
            hook(value)

    def _check(self, region: int, offset: int) -> None:
        if status := self.refuse.get((region, offset)):
            raise BusError(status)

    def reset(self) -> None:
        self.resets += 1

    def save(self) -> dict[str, Any]:
        if not self.savable:
            raise BusError(Response.GENERIC_ERROR)
        return {"bytes": [bank.hex() for bank in self.bytes]}

    def load(self, state: dict[str, Any]) -> None:
        if not self.loadable:
            raise StateError(f"{self.name}: field 'bytes' is refused by the test")
        self.bytes = [bytearray.fromhex(bank) for bank in state["bytes"]]


MachineFactory = Callable[..., Machine]
