# SPDX-License-Identifier: MIT
"""What a person can choose for a run; handed to the scenario's process in its environment."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from testbed.artifacts import NestedQemu

ENVIRONMENT = "TESTBED_OPTIONS"

TreeMaker = Literal["testbed", "qemu"]
"""Who makes a guest's device tree."""


@dataclass(frozen=True)
class Options:
    """Paths are absolute. `timeout_scale` multiplies every deadline; `seed` 0 means a new one."""

    board: str = "arm-virt"
    kernel: Path | None = None
    guest_kernel: Path | None = None
    qemu: Path | None = None
    qemu_source: Path | None = None
    guest_qemu: Path | None = None
    guest_tree: TreeMaker = "testbed"
    nested_qemu: NestedQemu | None = None
    """Which QEMU runs guests when `guest_qemu` does not; None: the built one where it is."""
    timeout_scale: float = 1.0
    results: Path | None = None
    directory: Path | None = None
    """The run's own directory; made below `results` when not given."""
    seed: int = 0
    events: int | None = None
    """File descriptor for events of the run, one JSON object a line."""
    shell: bool = False
    """Instead of the test, everything assigned to a guest and left to a person."""
    keep: bool = False
    """Leave the machines to a person when the scenario does not pass."""

    @property
    def stays(self) -> bool:
        """Whether a person may get the machines, and a shell on their consoles."""
        return self.shell or self.keep

    def with_built_qemu(self) -> Options:
        """For what only the nested QEMU built here can do; a choice of the person's stays."""
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
        fields: dict[str, Any] = json.loads(text)
        for field in dataclasses.fields(cls):
            if "Path" in str(field.type) and fields.get(field.name) is not None:
                fields[field.name] = Path(fields[field.name])
        return cls(**fields)
