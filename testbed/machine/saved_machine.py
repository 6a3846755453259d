# SPDX-License-Identifier: MIT
"""A machine saved by its QEMU: memory stays in its file, everything else goes into a stream.

The stream has the state of QEMU's own devices and, by the bridge, that of the models. Source:
QEMU, docs/devel/migration; capability x-ignore-shared leaves out what lies in a shared file.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError
from testbed.qmp import Qmp

_ENDS = ("completed", "failed", "cancelled")


def save_machine(qmp: Qmp, state: Path, deadline: Deadline) -> None:
    """Write the state of the machine, which stands still then; its memory is in its file.

    Saved as it runs, it goes on at once where it is loaded. TestbedError (host boot) when it
    cannot be saved.
    """

    def ended(data: Mapping[str, Any]) -> bool:
        return data.get("status") in _ENDS

    _leave_memory_out(qmp, events=True)
    uri = f"exec:cat > {shlex.quote(str(state))}"
    end = qmp.execute_until("migrate", {"uri": uri}, "MIGRATION", ended, deadline=deadline)
    if end["status"] != "completed":
        why = qmp.execute("query-migrate").get("error-desc", "QEMU does not say why")
        raise TestbedError(
            Stage.HOST_BOOT, f"saving the booted host to {state}: {end['status']}: {why}"
        )


def load_machine(qmp: Qmp, state: Path) -> None:
    """Begin to load a state; the machine goes on from it, or its QEMU ends with an error."""
    _leave_memory_out(qmp, events=False)
    qmp.execute("migrate-incoming", {"uri": f"exec:cat {shlex.quote(str(state))}"})


def _leave_memory_out(qmp: Qmp, *, events: bool) -> None:
    wanted = {"x-ignore-shared": True, "events": events}
    capabilities = [{"capability": name, "state": state} for name, state in wanted.items()]
    qmp.execute("migrate-set-capabilities", {"capabilities": capabilities})
