# SPDX-License-Identifier: MIT
"""The emulated host: power-on, or a template, to the command channel; and power-off."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from testbed.artifacts import BoardArtifacts
from testbed.boards.board import Board, ChildNode, PlatformDevice
from testbed.boards.iommu_fault import IommuFault
from testbed.boards.soc import add_nodes
from testbed.channel import AgentClient, Stream
from testbed.console import Console
from testbed.debugger.stop import KERNEL_ARGUMENT, SOCKET, gdb_arguments, wait_for_gdb
from testbed.devicetree.address import linux_name
from testbed.devicetree.tree import Node, Tree
from testbed.errors import Stage, TestbedError
from testbed.machine import assignment
from testbed.machine.assignment import Assignment
from testbed.machine.command import Chardevs, HostCommand, Memory
from testbed.machine.disk import wait_for_disk
from testbed.machine.interrupts import count_named
from testbed.machine.models import Models
from testbed.machine.network import interface_of
from testbed.machine.platform_device import PlatformDevices
from testbed.machine.saved_machine import load_machine, save_machine
from testbed.machine.serial_port import open_serial_port
from testbed.machine.template import Template
from testbed.process import Process, tail
from testbed.qmp import Qmp
from testbed.remoteport.device import Device
from testbed.run import Run
from testbed.watch import Watch

_TREE_SECONDS = 30
_QEMU_START_SECONDS = 20
_BOOT_SECONDS = 60
_RESTORE_SECONDS = 20
_SAVE_SECONDS = 60
_END_SECONDS = 1
_SEED_BYTES = 64


class Host:
    """The host machine of a run.

    `devices` are those of its /soc bus, by default the board's. `append` is added to the kernel's
    arguments, `extra` to QEMU's, `bridge` to the bridge's.
    `traced` keeps a trace of each model. `nodes` go into the root of its tree. `tree` is the device
    tree the host was started with. `name` is its folder in the run.

    From a `template`, which all of the above has gone into, it is restored instead of booted.
    With a file for its `memory` it can become one: see `save`. If `debugged` it waits for gdb
    before its first instruction.
    """

    def __init__(
        self,
        run: Run,
        board: Board,
        artifacts: BoardArtifacts,
        *,
        devices: Sequence[PlatformDevice] | None = None,
        append: str = "",
        guest_qemu: Path | None = None,
        extra: Sequence[str] = (),
        bridge: Sequence[str] = (),
        traced: bool = True,
        nodes: Sequence[ChildNode] = (),
        name: str = "host",
        template: Template | None = None,
        memory: Path | None = None,
        debugged: bool = False,
    ) -> None:
        self.run = run
        self.board = board
        self.artifacts = artifacts
        self.guest_qemu = guest_qemu
        self.debugged = debugged
        self.folder = run.folder(name)
        self.watch = Watch()
        self.devices = tuple(board.devices if devices is None else devices)
        self.command = HostCommand(
            board,
            artifacts,
            self.devices,
            "host.dtb",
            append=f"{append} {KERNEL_ARGUMENT}" if debugged else append,
            guest_qemu=guest_qemu,
            extra=(*extra, *(gdb_arguments(SOCKET) if debugged else ())),
            bridge=tuple(bridge),
        )
        self.template = template
        self.bound = dict(template.bound) if template is not None else {}
        self._memory = Memory(memory, written=True) if memory is not None else None
        if template is not None:
            self._memory = Memory(template.memory, written=False)
            self.tree = template.give_records(self.folder)
        else:
            self.tree = self._make_tree(nodes)
        self.models = Models(
            board,
            self.devices,
            self.folder,
            self.watch,
            start=run.start,
            traced=traced,
        )
        self._chardevs = Chardevs()
        self._process: Process | None = None
        self._console: Console | None = None
        self._qmp: Qmp | None = None
        self._agent: AgentClient | None = None
        self._ending = threading.Lock()
        self._ended = False

    def _make_tree(self, nodes: Sequence[ChildNode]) -> Tree:
        """The tree QEMU makes for the machine, with these nodes and the board's /soc added."""
        base = self.folder / "qemu.dtb"
        argv = self.command.tree_argv(base)
        try:
            done = subprocess.run(
                argv,
                capture_output=True,
                text=True,
                check=False,
                timeout=self.run.deadline(_TREE_SECONDS).remaining,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise TestbedError(
                Stage.HOST_BOOT, f"asking {argv[0]} for the device tree of its machine: {error}"
            ) from None
        if not base.exists():
            reason = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
            raise TestbedError(
                Stage.HOST_BOOT,
                f"{argv[0]} does not make the machine of {self.board.name}: {reason}",
            )
        tree = Tree.load(base)
        base.unlink()
        add_nodes(tree, nodes)
        self.board.add_soc(self.board, tree, self.devices)
        tree.source = str(self.folder / "host.dtb")
        tree.save(self.folder / "host.dtb")
        return tree

    def boot(self, why: str = "") -> None:
        """Power on, or restore the template, and wait until the host takes commands.

        `why` tells the person running why there is no template, where there could be one.
        """
        if self.template is None:
            reason = f", without a template: {why}" if why else ""
            what, seconds = f"booting the {self.board.name} host{reason}", _BOOT_SECONDS
        else:
            what = f"restoring the {self.board.name} host from template {self.template.name}"
            seconds = _RESTORE_SECONDS
        with self.run.step(Stage.HOST_BOOT, what):
            try:
                self._start(seconds)
                self._give_time_and_seed()
            except Exception as error:
                cause = self.failure()
                if cause is not None and cause is not error:
                    raise cause from None
                raise

    def _start(self, seconds: float) -> None:
        """Start QEMU and wait, at most `seconds`, until the host takes commands."""
        self._write_script()
        self.models.start()
        with self._ending:
            if self._ended:
                raise TestbedError(Stage.HOST_BOOT, "the host was ended before its QEMU began")
            self._process = Process(
                self.command.argv(self._chardevs, self._memory),
                cwd=self.folder,
                log=self.folder / "qemu.log",
                pass_fds=self._chardevs.inherited,
                on_exit=self._qemu_exited,
            )
        self._process.start()
        self._chardevs.close_theirs()
        ours = self._chardevs.ours
        self._console = Console(
            "the host",
            ours["console"],
            self.folder / "console.log",
            self.watch,
            Stage.HOST_BOOT,
            start=self.run.start,
        )
        self._agent = AgentClient(ours["agent"], name="host")
        self.watch.subscribe(self._agent.fail)
        self._qmp = Qmp(
            "the host's QEMU",
            ours["qmp"],
            self.folder / "qmp.log",
            Stage.HOST_BOOT,
            self.run.deadline(_QEMU_START_SECONDS),
            scale=self.run.timeout_scale,
            start=self.run.start,
        )
        if self.template is not None:
            load_machine(self._qmp, self.template.state)
        if self.debugged:
            self._wait_for_gdb(self._qmp)
        machine = self._agent.hello(deadline=self.run.deadline(seconds))
        self.run.note(f"the host runs {machine}")

    def _wait_for_gdb(self, qmp: Qmp) -> None:
        kernel = self.artifacts.host_vmlinux or self.artifacts.host_kernel
        wait_for_gdb(self.run, "the host", self.folder, self.board, kernel, qmp, self.watch)

    def _give_time_and_seed(self) -> None:
        """Give the host the time of day, and random numbers that no other restored one has.

        One that was booted may have no clock either.
        """
        self.agent.run(
            f"date -u -s @{time.time():.0f} >/dev/null && seed-random",
            input=os.urandom(_SEED_BYTES),
            deadline=self.run.deadline(_RESTORE_SECONDS),
        )

    def save(self, state: Path) -> None:
        """Write what belongs to the memory file, for a template; the host stands still then.

        Nothing may be under way in it.
        """
        # It is answered after everything before it, and nothing is sent after it: what would be on
        # its way now, the next peer's first request would be taken for the rest of.
        last = self.agent.spawn(["true"], deadline=self.run.deadline(_RESTORE_SECONDS))
        last.wait(deadline=self.run.deadline(_RESTORE_SECONDS))
        save_machine(self.qmp, state, self.run.deadline(_SAVE_SECONDS))

    def _write_script(self) -> None:
        testbed = str(Path(sys.executable).with_name("testbed"))
        serve = [testbed, "serve", "--board", self.board.name, "--directory", ".", "--"]
        self.run.script(
            f"{self.folder.name}/run.sh",
            [*serve, *self.command.script_argv()],
            comment="The host of this run: console on the terminal, QMP on qmp.sock.\n"
            "The device models are the board's own.",
        )

    def _qemu_exited(self, status: int) -> None:
        log = self.folder / "qemu.log"
        lines = tail(log, 6)
        reason = next((line for line in reversed(lines) if "rror" in line or "bridge" in line), "")
        how = f"killed by signal {-status}" if status < 0 else f"exited with status {status}"
        self.watch.fail(
            TestbedError(
                Stage.HOST_BOOT if self.run.stage is Stage.HOST_BOOT else Stage.INFRASTRUCTURE,
                f"the host's QEMU {how}" + (f": {reason.strip()}" if reason else ""),
                evidence=log if lines else self.folder / "console.log",
                excerpt=lines or tail(self.folder / "console.log"),
            )
        )

    def failure(self) -> TestbedError | None:
        """What ended the host, if nobody asked for it.

        To be called when something went wrong: its channels break before the end of its QEMU is
        known, which is waited for a little.
        """
        known = self.models.failure() or self.watch.failure
        if known is not None or self._process is None:
            return known
        self._process.wait(self.run.moment(_END_SECONDS))
        return self.models.failure() or self.watch.failure

    @property
    def agent(self) -> AgentClient:
        """The command channel into the host."""
        if self._agent is None:
            raise TestbedError(Stage.INFRASTRUCTURE, "the host is not running; boot() it first")
        return self._agent

    @property
    def qmp(self) -> Qmp:
        """QMP of the host's QEMU."""
        if self._qmp is None:
            raise TestbedError(Stage.INFRASTRUCTURE, "the host is not running; boot() it first")
        return self._qmp

    @property
    def console(self) -> Console:
        if self._console is None:
            raise TestbedError(Stage.INFRASTRUCTURE, "the host is not running; boot() it first")
        return self._console

    @property
    def pid(self) -> int:
        """Process id of the host's QEMU on the workstation."""
        if self._process is None:
            raise TestbedError(Stage.INFRASTRUCTURE, "the host is not running; boot() it first")
        return self._process.pid

    def model(self, path: str) -> Device:
        """The model behind the device at a device-tree path."""
        try:
            return self.models.by_path[path]
        except KeyError:
            known = ", ".join(self.models.by_path)
            raise TestbedError(
                Stage.INFRASTRUCTURE, f"no model is behind {path}; models are behind {known}"
            ) from None

    def node(self, path: str) -> Node:
        """The host's device-tree node at `path`."""
        return self.tree.node(path)

    def succeed(self, command: str | Sequence[str], *, seconds: float = 30) -> str:
        """Run a command in the host and return what it printed; it has to exit with 0."""
        done = self.agent.run(command, deadline=self.run.deadline(seconds))
        return done.stdout.decode(errors="replace")

    def stream_id(self, path: str) -> int:
        """What the host's IOMMU knows the device at a device-tree path by."""
        known = {device.path: device.stream_id for device in self.devices}
        stream_id = known.get(path)
        if stream_id is None:
            behind = ", ".join(name for name, number in known.items() if number is not None)
            raise TestbedError(
                Stage.INFRASTRUCTURE, f"no IOMMU knows {path}; those behind one are {behind}"
            )
        return stream_id

    def iommu_faults(self) -> list[IommuFault]:
        """DMA that the host's IOMMU has refused since power-on, as far as the kernel tells.

        Kernels limit how many they print: ten in five seconds.
        """
        return self.board.iommu_faults(self.succeed("dmesg"))

    def interrupts(self, device: str) -> int:
        """How many interrupts of a platform device VFIO has taken in the host, all its lines."""
        table = self.succeed(["cat", "/proc/interrupts"])
        return count_named(table, self.board.interrupts.name, device)

    def open_serial_port(self, path: str) -> Stream:
        """The tty that the host's own driver made of the UART at a device-tree path."""
        return open_serial_port(self.agent, self.tree, self.node(path), self.run.deadline(20))

    def load_driver(self, path: str) -> str:
        """See that the device at a device-tree path has its native driver, and name it.

        TestbedError (bind) when it has none afterwards.
        """
        device = assignment.load_driver(self, path)
        if not device.driver:
            said = PlatformDevices(self.agent).kernel_says(device.name, self.run.deadline(30))
            raise TestbedError(
                Stage.BIND,
                f"no driver of the host took {path}; its kernel says: {said or 'nothing'}",
                evidence=self.console.log,
            )
        return device.driver

    def disk(self, path: str, *, seconds: float = 30) -> str:
        """The disk, such as /dev/sda, that the host's own driver made of a storage controller."""
        self.load_driver(path)
        device = f"platform/devices/{linux_name(self.tree, self.node(path))}"
        return wait_for_disk(self.agent, device, "the host", self.run.deadline(seconds))

    def network_interface(self, path: str) -> str:
        """The interface, such as eth0, that the host's own driver made of a controller."""
        self.load_driver(path)
        name = linux_name(self.tree, self.node(path))
        return interface_of(self.agent, name, "the host", self.run.deadline(30))

    def assign(self, path: str, *, fragment: Path | None = None) -> Assignment:
        """Take the device at a device-tree path from its driver and give it to VFIO.

        What VFIO exposes of it is checked against its node; TestbedError (bind) when anything is
        not as it must be. `fragment` has the rules for the guest's node, instead of the file in
        guests/fragments that is for its binding.
        """
        return assignment.assign(self, path, fragment)

    def release(self, assigned: Assignment) -> None:
        """Give an assigned device back to the driver it was taken from."""
        assignment.release(self, assigned)

    def shutdown(self) -> None:
        """Power off, also after a failed boot; nothing of the host stays. Once is enough."""
        with self._ending:
            if not self._ended:
                self._ended = True
                self._end()

    def _end(self) -> None:
        self.watch.close()
        if self._qmp is not None:
            self._qmp.close()
        if self._process is not None:
            self._process.stop()
        if self._agent is not None:
            self._agent.close()
        if self._console is not None:
            self._console.close()
        self.models.stop()
        for end in self._chardevs.ours.values():
            end.close()
