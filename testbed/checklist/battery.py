# SPDX-License-Identifier: MIT
"""The battery: every device of a board's tree that there is a model of, through host and guest.

A scenario file names the tree; `write_scenario` makes one. Each check is kept as it is made, so
that a run which ends early leaves what was found until then.
"""

from __future__ import annotations

import base64
import textwrap
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import ClassVar

from testbed.boards import Board, PlatformDevice
from testbed.channel import ChannelTimeout, CommandFailed
from testbed.checklist.exercise import exercise, in_guest, in_host
from testbed.checklist.placed import Placed, place_devices
from testbed.checklist.result import Check, Outcome, save_checks
from testbed.devicetree.tree import Tree
from testbed.errors import Stage, TestbedError
from testbed.machine.assignment import Assignment
from testbed.machine.guest import Guest
from testbed.machine.platform_device import PlatformDevices
from testbed.scenario.accesses import AccessRecorder
from testbed.scenario.base import Scenario
from testbed.scenario.containment import check_refused

PROBES, UNBINDS, EXPOSED, RESET = "probes in host", "unbinds", "exposed as its node says", "reset"
DRIVES, CONTAINED, GIVEN_BACK = "guest driver works", "DMA contained", "given back"
BATTERY = (PROBES, UNBINDS, EXPOSED, RESET, DRIVES, CONTAINED, GIVEN_BACK)
"""The checks in order. Once one failed of a device, it is only given back."""
CHECKS_FILE = "checks.json"
_WIDTH = 100

_SCENARIO = '''# SPDX-License-Identifier: MIT
"""The devices of {tree}, as far as there are models of them: the battery of the checklist."""

from testbed.checklist.battery import Battery


class Checklist(Battery):
    tree_name = "{tree}"
    packed_tree = """
{packed}
"""
'''


class Battery(Scenario):
    """Subclasses have `packed_tree`, the blob of a board's tree, compressed and in base64.

    So the file is all that it takes to run it again, elsewhere too.
    """

    tree_name: ClassVar[str]
    packed_tree: ClassVar[str]
    timeout = 900
    # A job ring cannot be taken from its driver while the kernel tests its algorithms.
    host_append = "cryptomgr.notests"

    def devices(self, board: Board) -> tuple[PlatformDevice, ...]:
        return place_devices(self.tree(), board).devices

    @classmethod
    def tree(cls) -> Tree:
        return Tree.parse(zlib.decompress(base64.b64decode(cls.packed_tree)), cls.tree_name)

    def test(self) -> None:
        self.checks: dict[str, list[Check]] = {}
        placed = place_devices(self.tree(), self.host.board)
        for batch in batches(placed.assignable):
            self.batch(batch)
        made = [(place, check) for place, found in self.checks.items() for check in found]
        assert made, f"{self.tree_name} has no device that there is a model of"
        wrong = [
            f"{place} {check.name}: {check.text}"
            for place, check in made
            if check.outcome is not Outcome.PASS
        ]
        assert not wrong, f"{len(wrong)} of {len(made)} checks: {'; '.join(wrong)}"

    def batch(self, devices: Sequence[Placed]) -> None:
        """Devices that share a guest, no two of a kind: each that fails leaves the others."""
        assigned: dict[Placed, Assignment] = {}
        for device in devices:
            self.in_host(device, assigned)
        self.in_guests({d: a for d, a in assigned.items() if self.passed(d)})
        for device, assignment in assigned.items():
            self.check(device, GIVEN_BACK, partial(self.back, device, assignment))

    def in_host(self, device: Placed, assigned: dict[Placed, Assignment]) -> None:
        def unbind() -> str:
            assigned[device] = taken = self.host.assign(device.place)
            return f"vfio-platform took it from {taken.native_driver}, group {taken.group}"

        _ = (
            self.check(device, PROBES, partial(self.host_drives, device))
            and self.check(device, UNBINDS, unbind)
            and self.check(device, EXPOSED, partial(self.exposed, assigned[device]))
            and self.check(device, RESET, partial(self.reset, device, assigned[device]))
        )

    def in_guests(self, devices: Mapping[Placed, Assignment]) -> None:
        """One guest for all, or one each if that does not come up."""
        if not devices:
            return
        guest = self.prepare_guest(tuple(devices.values()), append=self.host_append)
        try:
            guest.boot()
            for device, assignment in devices.items():
                drives = partial(self.guest_drives, guest, device, assignment)
                if self.check(device, DRIVES, drives):
                    self.check(device, CONTAINED, partial(self.contained, device))
        except _WRONG as error:
            self.host.watch.check()
            if len(devices) == 1:
                (device,) = devices
                self.keep(device, _failed(DRIVES, error))
                return
            self._run.note(f"{guest.name} did not come up with all of them: {error}")
            for device, assignment in devices.items():
                self.in_guests({device: assignment})
        finally:
            guest.kill()

    # -- the checks: each says what it found, or raises

    def host_drives(self, device: Placed) -> str:
        driven = in_host(self.host, device.place)
        return exercise(self, driven, device.kind.name, self.host.model(device.place))

    def exposed(self, assignment: Assignment) -> str:
        assert assignment.exposed == assignment.expected
        regions = [f"region of {region}" for region in assignment.exposed.regions]
        lines = [f"interrupt of {line}" for line in assignment.exposed.interrupts]
        return ", ".join((*regions, *lines))

    def reset(self, device: Placed, assignment: Assignment) -> str:
        """VFIO resets the device when it is opened: by its registers, and the line is low then."""
        model = self.host.model(device.place)
        devices = PlatformDevices(self.host.agent)
        with AccessRecorder([model]) as recorder:
            info = devices.vfio_info(assignment.name, self.deadline(30))
            made = recorder.take()
        assert "reset" in info["flag_names"], "VFIO says that it cannot be reset"
        assert made, "VFIO opened it without touching a register"
        high = [wire for wire in model.wires if model.wire_level(wire)]
        assert not high, f"after its reset it still raises {', '.join(high)}"
        return f"{len(made)} accesses when it is opened and closed"

    def guest_drives(self, guest: Guest, device: Placed, assignment: Assignment) -> str:
        driven = in_guest(guest, assignment)
        return exercise(self, driven, device.kind.name, self.host.model(device.place))

    def contained(self, device: Placed) -> str:
        end = self.host.board.guest_memory_end
        check_refused(self, device.place, end, "above the guest's memory")
        return f"stream {self.host.stream_id(device.place):#x} was refused at {end:#x}"

    def back(self, device: Placed, assignment: Assignment) -> str:
        self.host.release(assignment)
        return self.host_drives(device)

    # -- keeping what was found

    def check(self, device: Placed, name: str, action: Callable[[], str]) -> bool:
        """Whether `action` found what it has to; what ends the host ends the battery."""
        try:
            self.keep(device, Check(name, Outcome.PASS, action(), self.trace(device)))
        except _WRONG as error:
            self.host.watch.check()
            self.keep(device, _failed(name, error, self.trace(device)))
            return False
        return True

    def keep(self, device: Placed, check: Check) -> None:
        self.checks.setdefault(device.place, []).append(check)
        self._run.note(f"{check.outcome} {device.place} {check.name}: {check.text}")
        save_checks(self._run.directory / CHECKS_FILE, self.checks)

    def passed(self, device: Placed) -> bool:
        return all(check.outcome is Outcome.PASS for check in self.checks[device.place])

    def trace(self, device: Placed) -> str:
        return f"host/{device.file_name}.trace"


_WRONG = (AssertionError, TestbedError, CommandFailed, ChannelTimeout, TimeoutError)


def _failed(name: str, error: Exception, evidence: str = "testbed.log") -> Check:
    """FAIL for what the device, its driver or VFIO did, ERROR for what the testbed could not."""
    text = " ".join(str(error).split()) or type(error).__name__
    outcome = Outcome.FAIL
    if isinstance(error, TestbedError):
        of_device = (Stage.BIND, Stage.GUEST_BOOT, Stage.TEST)
        outcome = Outcome.FAIL if error.stage in of_device else Outcome.ERROR
    return Check(name, outcome, text, evidence)


def batches(devices: Sequence[Placed]) -> list[list[Placed]]:
    """Devices in groups, each with at most one of a kind: the first of each, the second ..."""
    by_kind: dict[str, list[Placed]] = {}
    for device in devices:
        by_kind.setdefault(device.kind.name, []).append(device)
    return [
        [device for device in group if device is not None]
        for group in zip_longest(*by_kind.values())
    ]


def write_scenario(tree: Tree, name: str, folder: Path) -> Path:
    """Make the scenario for a tree in `folder`: the file to run, and the tree beside it to read."""
    tree.save(folder / f"{name}.dtb")
    packed = base64.b64encode(zlib.compress(tree.to_blob(), 9)).decode()
    lines = "\n".join(textwrap.wrap(packed, _WIDTH))
    path = folder / f"{name.replace('-', '_')}.py"
    path.write_text(_SCENARIO.format(tree=name, packed=lines))
    return path
