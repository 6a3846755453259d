# SPDX-License-Identifier: MIT
"""What a machine's kernel says while a scenario does something to it."""

from __future__ import annotations

import re
import uuid

from testbed.machine.guest import Guest
from testbed.machine.host import Host


class KernelLog:
    """The kernel's messages from now on. Patterns are regular expressions."""

    def __init__(self, machine: Host | Guest) -> None:
        self._machine = machine
        self._mark = uuid.uuid4().hex
        machine.succeed(f"echo {self._mark} > /dev/kmsg")

    def read(self) -> str:
        """All of them, one per line."""
        return self._machine.succeed("dmesg").rpartition(self._mark)[2].partition("\n")[2]

    def has(self, pattern: str) -> bool:
        """Whether the kernel has said so."""
        return re.search(pattern, self.read()) is not None

    def check(self, *patterns: str, never: str = "") -> None:
        """AssertionError unless the kernel has said all of `patterns`, in this order.

        Nor may it have said `never`, at any time.
        """
        said = self.read()
        position = 0
        for pattern in patterns:
            found = re.compile(pattern).search(said, position)
            assert found, f"the kernel did not say '{pattern}' when it was to, but:\n{said}"
            position = found.end()
        wrong = re.search(never, said) if never else None
        assert not wrong, f"the kernel said '{wrong and wrong[0]}':\n{said}"
