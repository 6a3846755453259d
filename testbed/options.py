# SPDX-License-Identifier: MIT
"""What a person can choose for a run; handed to the scenario's process in its environment."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from testbed.artifacts import NestedKernel, NestedQemu

ENVIRONMENT = "TESTBED_OPTIONS"

TreeMaker = Literal["testbed", "qemu"]
"""Who makes a guest's device tree."""


Debugged = Literal["host", "guest"]

_DEBUGGED_SCALE = 1000


@dataclass(frozen=True)
class Options:
    """Paths are absolute. `timeout_scale` is as a person asked for it; `seed` 0 means a new one."""

    board: str = "arm-virt"
    kernel: Path | None = None
    guest_kernel: Path | None = None
    qemu: Path | None = None
    qemu_source: Path | None = None
    guest_qemu: Path | None = None
    guest_tree: TreeMaker = "testbed"
    nested_qemu: NestedQemu | None = None
    """Which QEMU runs guests when `guest_qemu` does not; None: the built one where it is."""
    nested_kernel: NestedKernel | None = None
    """Which kernel guests run when it is not `guest_kernel`; None: the fast one where it is."""
    kernel_series: str | None = None
    """The series of the distribution's kernels that the host has one of; None: the board's own."""
    guest_kernel_series: str | None = None
    """The same of guests."""
    timeout_scale: float = 1.0
    results: Path | None = None
    directory: Path | None = None
    """The run's own directory; made below `results` when not given."""
    seed: int = 0
    manifest: Path | None = None
    """The manifest of a run whose parts are used, whatever other runs use."""
    events: int | None = None
    """File descriptor for events of the run, one JSON object a line."""
    shell: bool = False
    """Instead of the test, everything assigned to a guest and left to a person."""
    keep: bool = False
    """Leave the machines to a person when the scenario does not pass."""
    cold: bool = False
    """Boot the host from power-on, without a template."""
    gdb: Debugged | None = None
    """The machine that waits for gdb before its first instruction; of guests, the first."""

    @property
    def stays(self) -> bool:
        """Whether a person may get the machines, and a shell on their consoles."""
        return self.shell or self.keep

    @property
    def deadline_scale(self) -> float:
        """What multiplies every deadline: a breakpoint stops the machines' clocks, not those."""
        return self.timeout_scale * (_DEBUGGED_SCALE if self.gdb else 1)

    def with_trees_by(self, maker: TreeMaker | None) -> Options:
        """For a scenario that says who makes its guests' trees, or leaves it to the person.

        Only the nested QEMU that is built here makes them; a choice of QEMU that is made stays.
        """
        if (maker or self.guest_tree) != "qemu":
            return self
        if self.guest_qemu is not None or self.nested_qemu is not None:
            return self
        return dataclasses.replace(self, nested_qemu="built")

    def to_json(self) -> str:
        fields = dataclasses.asdict(self)
        return json.dumps({k: str(v) if isinstance(v, Path) else v for k, v in fields.items()})

    @classmethod
    def from_environment(cls) -> Options:
        """The options of this process, or the defaults when a runner of its own started it."""
        text = os.environ.get(ENVIRONMENT)
        if text is None:
            return cls()
        return cls.from_json(text)

    @classmethod
    def from_json(cls, text: str) -> Options:
        """What `to_json` wrote. ValueError or TypeError for anything else."""
        return cls.from_fields(json.loads(text))

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Options:
        """Paths may be text. TypeError for fields that are none."""
        values = dict(fields)
        for field in dataclasses.fields(cls):
            if "Path" in str(field.type) and values.get(field.name) is not None:
                values[field.name] = Path(values[field.name])
        return cls(**values)
