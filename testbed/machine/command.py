# SPDX-License-Identifier: MIT
"""The command line of the host's QEMU, for this run and as a script to run again."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from testbed.artifacts import BoardArtifacts
from testbed.boards.board import Board, PlatformDevice
from testbed.machine.models import socket_name

AGENT_PORT = "org.testbed.agent"


@dataclass
class Chardevs:
    """Byte streams between this process and QEMU: socket pairs, so that no name is needed.

    `ours` are this process's ends by name; QEMU inherits the others.
    """

    ours: dict[str, socket.socket] = field(default_factory=dict)
    _theirs: dict[str, socket.socket] = field(default_factory=dict)

    def add(self, name: str) -> int:
        """Make a stream and return the file descriptor that QEMU gets."""
        self.ours[name], self._theirs[name] = socket.socketpair()
        return self._theirs[name].fileno()

    @property
    def inherited(self) -> tuple[int, ...]:
        return tuple(end.fileno() for end in self._theirs.values())

    def close_theirs(self) -> None:
        """Once QEMU runs: the streams then end when it does."""
        for end in self._theirs.values():
            end.close()


@dataclass(frozen=True)
class Memory:
    """A machine's memory in the file `path`: written through, or else left as it is and mapped
    privately by a machine that waits for the state that goes with it.
    """

    path: Path
    written: bool

    def added_to(self, argv: Sequence[str]) -> list[str]:
        """A machine's command line, made to have its memory there."""
        argv = list(argv)
        size = argv[argv.index("-m") + 1]
        argv[argv.index("-machine") + 1] += ",memory-backend=ram"
        share = "on" if self.written else "off"
        path = escape(self.path)
        argv += [
            "-object",
            f"memory-backend-file,id=ram,size={size}M,mem-path={path},share={share}",
        ]
        return argv if self.written else [*argv, "-incoming", "defer"]


@dataclass(frozen=True)
class HostCommand:
    """What the host's QEMU is started with. File names are relative to `host/` of the run.

    `bridge` are arguments of the bridge, such as "el2-timers=off".
    """

    board: Board
    artifacts: BoardArtifacts
    devices: tuple[PlatformDevice, ...]
    tree: str
    append: str = ""
    guest_qemu: Path | None = None
    extra: tuple[str, ...] = ()
    bridge: tuple[str, ...] = ()

    def argv(self, chardevs: Chardevs, memory: Memory | None = None) -> list[str]:
        """The command line for this run; the machine's memory in a file if there is one."""
        argv = self._argv(
            {name: f"socket,fd={chardevs.add(name)}" for name in ("qmp", "console", "agent")}
        )
        return argv if memory is None else memory.added_to(argv)

    def script_argv(self) -> list[str]:
        """The same for a person: console on the terminal, QMP and agent on sockets."""
        return self._argv(
            {
                "qmp": "socket,path=qmp.sock,server=on,wait=off",
                "console": "stdio,signal=off",
                "agent": "socket,path=agent.sock,server=on,wait=off",
            }
        )

    def tree_argv(self, blob: Path) -> list[str]:
        """The command line that makes QEMU write the tree of its machine to `blob`, and end."""
        return [
            str(self.artifacts.qemu),
            "-nodefaults",
            *("-display", "none"),
            *dumping_tree(self.board.machine, escape(blob)),
            *(whole_tree(self._system()) if self.board.complete_tree else ()),
        ]

    def _system(self) -> tuple[str, ...]:
        artifacts, board = self.artifacts, self.board
        return loading(
            str(artifacts.host_kernel),
            str(artifacts.host_initramfs),
            f"{board.kernel_arguments} {self.append}",
        )

    def _argv(self, backends: dict[str, str]) -> list[str]:
        artifacts = self.artifacts
        argv = [
            str(artifacts.qemu),
            *("-name", f"testbed-{self.board.name}"),
            "-nodefaults",
            "-no-reboot",
            *("-display", "none"),
            *("-plugin", ",".join((f"file={escape(artifacts.bridge)}", *self.bridge))),
            *self.board.machine,
            *("-dtb", self.tree),
            *self._system(),
        ]
        drives = {"root": artifacts.root, "payload": artifacts.payload}
        if self.guest_qemu is not None:
            drives["guest-qemu"] = self.guest_qemu
        for name, path in drives.items():
            argv += [
                "-blockdev",
                f"driver=raw,node-name={name},read-only=on,file.driver=file,"
                f"file.filename={escape(path)}",
            ]
            argv += ["-device", f"virtio-blk-pci,drive={name},serial={name},romfile="]
        for name, backend in backends.items():
            kind, _, rest = backend.partition(",")
            argv += ["-chardev", f"{kind},id={name},{rest}"]
        argv += ["-mon", "chardev=qmp,mode=control", "-serial", "chardev:console"]
        argv += ["-device", "virtio-serial-pci,romfile="]
        argv += ["-device", f"virtserialport,chardev=agent,name={AGENT_PORT}"]
        for device in self.devices:
            argv += ["-device", self._remote_port(device)]
        return [*argv, *self.extra]

    def _remote_port(self, device: PlatformDevice) -> str:
        words = ["remote-port-device", f"id={device.file_name}"]
        words.append(f"path={socket_name(device)}")
        for index, (offset, size) in enumerate(device.regions):
            number = index or ""
            words.append(f"addr{number}={self.board.soc_base + offset:#x},size{number}={size:#x}")
        for index, interrupt in enumerate(device.interrupts):
            words.append(f"irq{index or ''}={interrupt}")
        if device.stream_id is not None and self.board.iommu_in_qemu:
            words.append(f"sid={device.stream_id:#x}")
        if device.posted_writes:
            words.append("posted-writes=on")
        return ",".join(words)


def loading(kernel: str, initramfs: str, arguments: str) -> tuple[str, ...]:
    """QEMU's arguments that load a machine's kernel."""
    return ("-kernel", kernel, "-initrd", initramfs, "-append", arguments.strip())


def dumping_tree(machine: tuple[str, ...], blob: str) -> list[str]:
    """The arguments of a board's `machine`, made to write its device tree to the file `blob`."""
    argv = list(machine)
    argv[argv.index("-machine") + 1] += f",dumpdtb={blob}"
    return argv


def whole_tree(system: Sequence[str]) -> tuple[str, ...]:
    """What else QEMU has to be told to make a tree with all that a machine will have.

    `system` are the arguments that load its kernel. The console has a node only where it is.
    """
    return (*system, "-serial", "null")


def escape(path: Path) -> str:
    """A comma in a QEMU option value is doubled."""
    return str(path).replace(",", ",,")
