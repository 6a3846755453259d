# SPDX-License-Identifier: MIT
"""A guest nested in the host, with devices assigned to it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from testbed.channel import AgentClient, Stream
from testbed.console import Console
from testbed.deadline import Deadline
from testbed.debugger.carrier import Carrier
from testbed.debugger.stop import KERNEL_ARGUMENT, SOCKET, gdb_arguments, wait_for_gdb
from testbed.devicetree.address import linux_name, parent
from testbed.devicetree.guest_nodes import NodeReport, Placement
from testbed.devicetree.interrupts import interrupts
from testbed.devicetree.tree import Node, Tree
from testbed.errors import Stage, TestbedError
from testbed.machine.assignment import Assignment
from testbed.machine.command import loading
from testbed.machine.disk import wait_for_disk
from testbed.machine.guest_qemu import GuestQemu, machine_arguments, program
from testbed.machine.guest_tree import GuestTrees, add_devices
from testbed.machine.host import Host
from testbed.machine.interrupts import count_interrupts
from testbed.machine.network import interface_of
from testbed.machine.platform_bus import place, read_placements
from testbed.machine.platform_device import PlatformDevices
from testbed.machine.serial_port import open_serial_port
from testbed.machine.stand_in import Preload
from testbed.machine.typed_device import made_nodes, typed_device
from testbed.machine.virtual_uart import VirtualLine, VirtualUart
from testbed.options import TreeMaker
from testbed.qmp import Qmp
from testbed.watch import Watch

_DUMP_SECONDS = 40
BOOT_SECONDS = 90

GuestDevice = Assignment | VirtualUart
"""What can be on a guest's platform bus."""


class Guest:
    """One nested guest. `tree` is its device tree, `reports` what became of each host node.

    It gets `devices` in this order; virtual ones only if the nested QEMU makes the tree.
    `append` is added to its kernel's arguments, `extra` to its QEMU's. Without `stand_ins` the
    guest gets a part of a device, such as a job ring, with nothing in place of the rest. Without
    `irqfd` its QEMU takes interrupts of devices in user space, even if KVM could inject them.
    `tree_by` says who makes its tree, "testbed" or the nested "qemu"; that one is told which
    devices it gets by their paths in the host's tree if `by_path`, else by their Linux names.
    If `debugged` it waits for gdb before its first instruction.
    """

    def __init__(
        self,
        host: Host,
        name: str,
        devices: Sequence[GuestDevice],
        *,
        append: str = "",
        stand_ins: bool = True,
        irqfd: bool = True,
        tree_by: TreeMaker = "testbed",
        by_path: bool = False,
        extra: Sequence[str] = (),
        debugged: bool = False,
    ) -> None:
        self.host = host
        self.run = host.run
        self.name = name
        self.devices = tuple(devices)
        self.assignments = tuple(d for d in devices if isinstance(d, Assignment))
        self.append = f"{append} {KERNEL_ARGUMENT}" if debugged else append
        self.stand_ins = stand_ins
        self.irqfd = irqfd
        self.tree_by = tree_by
        self.by_path = by_path
        self._remote = f"/run/testbed/{name}"
        self.debugged = debugged
        self.extra = (*extra, *(gdb_arguments(self._gdb) if debugged else ()))
        self.folder = host.run.folder(name)
        self.watch = Watch()
        host.watch.subscribe(self.watch.fail)  # a guest ends with its host
        self.tree: Tree
        self.reports: list[NodeReport] = []
        self._carrier: Carrier | None = None
        self._qemu: GuestQemu | None = None
        self._console: Console | None = None
        self._agent: AgentClient | None = None

    def boot(self) -> None:
        """Start nested QEMU and wait until the guest takes commands."""
        self.start()
        self.resume()

    def check_devices(self) -> None:
        """TestbedError when it has devices whose nodes its maker of the tree does not know."""
        if self.tree_by == "testbed" and len(self.devices) > len(self.assignments):
            raise TestbedError(
                Stage.GUEST_BOOT,
                f"{self.name} has virtual UARTs, whose nodes the testbed does not make:"
                ' run with --guest-tree=qemu, or set guest_tree = "qemu" in the scenario',
            )

    def start(self) -> None:
        """Start nested QEMU: the machine is made, its devices are armed, its CPU stands still."""
        self.check_devices()
        virtual = len(self.devices) - len(self.assignments)
        names = [a.path for a in self.assignments]
        if virtual:
            names.append(f"{virtual} virtual UART{'s' if virtual > 1 else ''}")
        devices = ", ".join(names) or "no devices"
        with self._step(f"starting the QEMU of {self.name} with {devices}"):
            self._start_qemu()

    def resume(self, seconds: float = BOOT_SECONDS) -> None:
        """Let the CPU run and wait, at most `seconds`, until the guest takes commands."""
        with self._step(f"booting {self.name}"):
            self._connect(self.run.deadline(seconds))

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        with self.run.step(Stage.GUEST_BOOT, what):
            try:
                yield
            except Exception as error:
                cause = self.host.models.failure() or self.failure()
                if cause is not None and cause is not error:
                    raise cause from None
                raise

    def _start_qemu(self) -> None:
        host = self.host
        host.agent.run(["mkdir", "-p", self._remote], deadline=self.run.deadline(20))
        qemu = program(host)
        if self.tree_by == "qemu":
            self._launch_typed(qemu)
            return
        trees = GuestTrees(host, qemu, self._system())
        devices = [(self.identifier(a), a.exposed) for a in self.assignments]
        placements = trees.placements(devices) or place(host.board, self.assignments)
        self._launch(qemu, trees, placements)
        actual = self._read_placements()
        if actual != placements:
            # The order of a hash table is not known beforehand, but it is always the same.
            self.run.note(f"{self.name}: QEMU placed the devices in another order; starting again")
            trees.remember(devices, actual)
            self._end_qemu(signal.SIGKILL)
            self._launch(qemu, trees, actual)
            if self._read_placements() != actual:
                raise TestbedError(
                    Stage.GUEST_BOOT,
                    f"the QEMU of {self.name} places the same devices differently each time",
                    evidence=self.folder / "qmp.log",
                )

    def _launch(self, qemu: str, trees: GuestTrees, placements: Sequence[Placement]) -> None:
        """Make the guest's tree for these placements and start QEMU with it."""
        host = self.host
        self.tree = trees.base(self._remote)
        added = add_devices(host, self.tree, self.assignments, placements, stand_ins=self.stand_ins)
        self._keep_nodes(added.reports)
        self.tree.source = str(self.folder / "guest.dtb")
        self.tree.save(self.folder / "guest.dtb")
        host.agent.put_file(
            f"{self._remote}/guest.dtb", self.tree.to_blob(), deadline=self.run.deadline(20)
        )
        argv = [
            qemu,
            *self._machine(),
            *("-dtb", f"{self._remote}/guest.dtb"),
            *(word for a in self.assignments for word in self._device("vfio-platform", a)),
            *self._preload(added.preloads),
            *self.extra,
        ]
        self._spawn(argv, "There, guest.dtb of this folder has to lie where -dtb says.")

    def _launch_typed(self, qemu: str) -> None:
        """Start QEMU without a tree, and learn which it made."""
        host = self.host
        argv = [qemu, *self._machine()]
        for device in self.devices:
            if isinstance(device, VirtualUart):
                argv += device.arguments(self._remote)
                continue
            typed = typed_device(host, device, self._remote, self.stand_ins)
            argv += self._device(typed.kind, device, *typed.options)
        self._spawn([*argv, *self.extra], "Its QEMU makes the guest's tree.")
        self.tree = self.read_tree()
        self.tree.source = str(self.folder / "guest.dtb")
        self.tree.save(self.folder / "guest.dtb")
        self._keep_nodes(made_nodes(host, self.tree, self.assignments, self._read_placements()))

    def _keep_nodes(self, reports: list[NodeReport]) -> None:
        """Leave `nodes.json` beside the guest's tree: its node of each node of the host's tree."""
        self.reports = reports
        nodes = {report.host_path: report.guest_path for report in reports}
        (self.folder / "nodes.json").write_text(json.dumps(nodes, indent=2) + "\n")

    def _spawn(self, argv: list[str], comment: str) -> None:
        """Start nested QEMU; a comment on its command line goes into the script."""
        host = self.host
        self.run.script(
            f"{self.name}/run.sh",
            argv,
            comment=f"The nested guest of this run, started inside the host.\n{comment}",
        )
        self._qemu = GuestQemu(host, self.name, argv, self.folder, self.watch, self._heard)
        self._qemu.connect()

    def _heard(self, line: str) -> None:
        """What nested QEMU says of the nodes it makes, as the testbed says of its own."""
        if self.tree_by == "qemu":
            self.run.note(f"{self.name}: {line}")

    def _preload(self, preloads: Sequence[Preload]) -> list[str]:
        """Bring the contents into the host and return QEMU's arguments that load them."""
        argv = []
        for preload in preloads:
            path = f"{self._remote}/{preload.name}.bin"
            (self.folder / f"{preload.name}.bin").write_bytes(preload.content)
            self.host.agent.put_file(path, preload.content, deadline=self.run.deadline(20))
            argv += ["-device", f"loader,file={path},addr={preload.address:#x},force-raw=on"]
        return argv

    def _read_placements(self) -> list[Placement]:
        identifiers = [self.identifier(a) for a in self.assignments]
        return read_placements(self.host.board, self.qmp, self.assignments, identifiers)

    @staticmethod
    def identifier(assignment: Assignment) -> str:
        """The device's id in the nested QEMU."""
        return assignment.path.rpartition("/")[2].replace("@", "-")

    def _machine(self) -> list[str]:
        return machine_arguments(self.host, self.name, self._remote, self._system())

    def _device(self, kind: str, assignment: Assignment, *options: str) -> list[str]:
        name = f"dev={assignment.path}" if self.by_path else f"host={assignment.name}"
        words = [kind, name, f"id={self.identifier(assignment)}", *options]
        if not self.irqfd:
            words.append("x-irqfd=off")
        return ["-device", ",".join(words)]

    def _system(self) -> tuple[str, ...]:
        return loading(
            "/testbed/guest/Image",
            "/testbed/guest/initramfs.cpio",
            f"{self.host.board.guest_kernel_arguments} {self.append}",
        )

    def _connect(self, deadline: Deadline) -> None:
        agent = self.host.agent
        console = agent.connect(f"{self._remote}/console", deadline=self.run.deadline(20))
        self._console = Console(
            self.name,
            console.as_socket(),
            self.folder / "console.log",
            self.watch,
            Stage.GUEST_BOOT,
            start=self.run.start,
        )
        stream = agent.connect(f"{self._remote}/agent", deadline=self.run.deadline(20))
        self._agent = AgentClient(stream, name=self.name)
        self.watch.subscribe(self._agent.fail)
        if self.debugged:
            self._wait_for_gdb()
        else:
            self.qmp.execute("cont")
        machine = self._agent.hello(deadline=deadline)
        self.run.note(f"{self.name} runs {machine}")

    @property
    def _gdb(self) -> str:
        """The socket in the host where gdb attaches to the guest."""
        return f"{self._remote}/{SOCKET}"

    def _wait_for_gdb(self) -> None:
        host = self.host
        self._carrier = Carrier(self.folder / SOCKET, host.agent, self._gdb)
        kernel = host.artifacts.guest_vmlinux or host.artifacts.guest_kernel
        wait_for_gdb(
            self.run,
            self.name,
            self.folder,
            host.board,
            kernel,
            self.qmp,
            self.watch,
            hardware_breakpoints=host.board.guest_hardware_breakpoints,
        )

    @property
    def agent(self) -> AgentClient:
        """The command channel into the guest."""
        if self._agent is None:
            raise TestbedError(Stage.INFRASTRUCTURE, f"{self.name} is not running; boot() it first")
        return self._agent

    @property
    def qmp(self) -> Qmp:
        """QMP of the nested QEMU."""
        qmp = self._qemu.qmp if self._qemu is not None else None
        if qmp is None:
            raise TestbedError(Stage.INFRASTRUCTURE, f"{self.name} is not running; boot() it first")
        return qmp

    @property
    def console(self) -> Console:
        if self._console is None:
            raise TestbedError(Stage.INFRASTRUCTURE, f"{self.name} is not running; boot() it first")
        return self._console

    def read_tree(self) -> Tree:
        """The tree that its QEMU gives the guest, whoever made the nodes of its devices."""
        made = f"{self._remote}/made.dtb"
        self.qmp.execute("dumpdtb", {"filename": made}, deadline=self.run.deadline(_DUMP_SECONDS))
        blob = self.host.agent.get_file(made, deadline=self.run.deadline(20))
        return Tree.parse(blob, f"the tree of {self.name}'s QEMU")

    def node(self, device: GuestDevice) -> Node:
        """The guest's node of a device."""
        if isinstance(device, VirtualUart):
            offset = self.placement(device).offsets[0]
            return self.tree.node(f"{self.host.board.guest_bus.node}/serial@{offset:x}")
        report = self.reports[self.assignments.index(device)]
        return self.tree.node(report.guest_path)

    def placement(self, device: GuestDevice) -> Placement:
        """Where the nested QEMU has a device on the platform bus, as it says itself."""
        board = self.host.board
        if isinstance(device, VirtualUart):
            return device.placement(board, self.qmp)
        return read_placements(board, self.qmp, [device], [self.identifier(device)])[0]

    def succeed(self, command: str | Sequence[str], *, seconds: float = 30) -> str:
        """Run a command in the guest and return what it printed; it has to exit with 0."""
        done = self.agent.run(command, deadline=self.run.deadline(seconds))
        return done.stdout.decode(errors="replace")

    def mount_system(self) -> None:
        """Give the guest the programs and kernel modules that the host has, read-only."""
        self.succeed("mount-system")

    def load_driver(self, assignment: Assignment, *, seconds: float = 120) -> str:
        """Load the guest's own driver of an assigned device, and name it.

        The device may have one already. TestbedError (guest boot) when it has none afterwards.
        """
        with self.run.step(Stage.GUEST_BOOT, f"loading {self.name}'s driver of {assignment.path}"):
            self.mount_system()
            devices = PlatformDevices(self.agent, self.name)
            node = self.node(assignment)
            name = linux_name(self.tree, node)
            deadline = self.run.deadline(seconds)
            above = parent(self.tree, node)
            if above.path != self.tree.node(self.host.board.guest_bus.node).path:
                # The driver of what stands in there makes the device.
                devices.load_driver(linux_name(self.tree, above), deadline)
            device = devices.load_driver(name, deadline)
            if not device.driver:
                raise TestbedError(
                    Stage.GUEST_BOOT,
                    f"no driver of {self.name} took {assignment.path}; its kernel says:"
                    f" {devices.kernel_says(name, deadline) or 'nothing'}",
                    evidence=self.console.log,
                )
            return device.driver

    def disk(self, assignment: Assignment, *, seconds: float = 60) -> str:
        """The disk, such as /dev/sda, that the guest's driver made of an assigned controller."""
        self.load_driver(assignment)
        device = f"platform/devices/{linux_name(self.tree, self.node(assignment))}"
        return wait_for_disk(self.agent, device, self.name, self.run.deadline(seconds))

    def network_interface(self, assignment: Assignment) -> str:
        """The interface, such as eth0, that the guest's driver made of an assigned controller."""
        self.load_driver(assignment)
        name = linux_name(self.tree, self.node(assignment))
        return interface_of(self.agent, name, self.name, self.run.deadline(30))

    def open_serial_port(self, uart: GuestDevice) -> Stream:
        """The tty that the guest's own driver made of a UART."""
        return open_serial_port(self.agent, self.tree, self.node(uart), self.run.deadline(30))

    def serial_line(self, uart: VirtualUart) -> VirtualLine:
        """The far end of a virtual UART's line."""
        path = uart.socket(self._remote)
        stream = self.host.agent.connect(path, deadline=self.run.deadline(20))
        return VirtualLine(stream, self.run.deadline)

    def interrupts(self, device: GuestDevice) -> int:
        """How many interrupts of a device the guest's kernel has handled, all its lines."""
        controller = self.host.board.interrupts
        lines = interrupts(self.tree, self.node(device))
        table = self.succeed(["cat", "/proc/interrupts"])
        numbers = (controller.hardware_number(line.specifier) for line in lines)
        return sum(count_interrupts(table, controller.name, number) for number in numbers)

    def failure(self) -> TestbedError | None:
        """What ended the guest, if nobody asked for it.

        To be called when something went wrong: its channels break before its QEMU's end is known,
        which is waited for a little.
        """
        if self.watch.failure is None and self._qemu is not None:
            self._qemu.wait_for_output()
        return self.watch.failure

    def kill(self) -> None:
        """SIGKILL the nested QEMU, as a crash of it would, and wait until it is gone."""
        with self.run.step(Stage.TEST, f"killing the QEMU of {self.name}"):
            self._end(signal.SIGKILL)

    def forget(self) -> None:
        """Close what is left on this side when the host is gone."""
        self.watch.close()
        qemu, self._qemu = self._qemu, None
        if qemu is not None:
            qemu.close()
        self._close_channels()

    def shutdown(self) -> None:
        """End the nested QEMU; its devices can be released or assigned again afterwards."""
        if self._qemu is not None:
            self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        self.watch.close()
        self._end_qemu(how)

    def _end_qemu(self, how: signal.Signals) -> None:
        qemu, self._qemu = self._qemu, None
        if qemu is None:
            return
        try:
            qemu.end(how)
        finally:
            self._close_channels()

    def _close_channels(self) -> None:
        if self._carrier is not None:
            self._carrier.close()
            self._carrier = None
        if self._agent is not None:
            self._agent.close()
        if self._console is not None:
            self._console.close()
        self._agent, self._console = None, None
