# SPDX-License-Identifier: MIT
"""The command lines of ssh and rsync. Who a machine is and which key opens it is ssh's to know."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.errors import Stage, TestbedError
from testbed.fleet.machines import Machine

_ALIVE_SECONDS, _ALIVE_COUNT = 5, 3
"""A machine that answers nothing for this long, this often, is gone."""
_CONNECT_SECONDS = 15
_LOGIN_SECONDS = 60
_PROMPT = "[testbed-fleet]"


_PACKAGES = {"ssh": "openssh-client", "rsync": "rsync"}


def check_programs() -> None:
    """TestbedError when this machine lacks what reaches others."""
    missing = [program for program in _PACKAGES if shutil.which(program) is None]
    if missing:
        packages = " ".join(_PACKAGES[program] for program in missing)
        raise TestbedError(
            Stage.INFRASTRUCTURE,
            f"reaching other machines: {' and '.join(missing)} missing here;"
            f" apt-get install {packages}",
        )


@dataclass(frozen=True)
class Ssh:
    """How a machine is spoken to: `config` in place of the user's own configuration of ssh.

    All commands share the connection at the socket `control`, if that is given.
    """

    machine: Machine
    config: Path | None
    control: Path | None = None

    def connecting(self, command: str) -> list[str]:
        """Make the shared connection, which lasts as long as `command` runs there."""
        return [
            *("ssh", "-T", "-o", "ControlMaster=yes", "-o", "ControlPersist=no"),
            *self._options(),
            *(self.machine.name, self._there(command)),
        ]

    def running(self, command: str) -> list[str]:
        """Run a command that ends with the connection, whatever it does."""
        return ["ssh", "-tt", *self._sharing(), self.machine.name, self._there(command)]

    def forwarding(self, theirs: str, ours: Path) -> list[str]:
        """Have whoever connects to the socket `theirs` there reach `ours` here."""
        forward = ["-O", "forward", "-R", f"{theirs}:{ours}"]
        return ["ssh", *self._sharing(), *forward, self.machine.name]

    def sending(self, folder: Path, names: Sequence[str], excluded: Sequence[str]) -> list[str]:
        """Make these files and folders the same in the checkout, which is made if need be."""
        options = ("--delete", *(f"--exclude={pattern}" for pattern in excluded))
        return self._copying(folder, names, self.machine.checkout, *options)

    def placing(self, here: Path, names: Sequence[str], folder: str) -> list[str]:
        """Copy files below `here` into a folder there, which is made if only it is missing."""
        return self._copying(here, names, folder)

    def _copying(self, here: Path, names: Sequence[str], there: str, *options: str) -> list[str]:
        return [
            *("rsync", "-a", "--relative", *options, "-e", self._transport()),
            *(f"{here}/./{name}" for name in names),
            f"{self.machine.name}:{there}/",
        ]

    def fetching(self, folder: str, here: Path, excluded: Sequence[str]) -> list[str]:
        """Bring what is in a folder there into one here."""
        return [
            *("rsync", "-a", "-e", self._transport()),
            *(f"--exclude={pattern}" for pattern in excluded),
            *(f"{self.machine.name}:{folder}/", f"{here}/"),
        ]

    def session(self) -> dict[str, Any]:
        """What aexpect needs to open a shell in the checkout by the shared connection."""
        shell = f"PATH=$PWD/.venv/bin:$PATH PS1={shlex.quote(_PROMPT)} exec sh"
        # The first of several values for an option counts: these come before aexpect's own.
        options = [*self._sharing(), "-tt", "-o", f"RemoteCommand={self._there(shell)}"]
        return {
            "client": "ssh",
            "host": self.machine.name.rpartition("@")[2],
            "port": "22",
            "username": self._user(),
            "password": "",
            "prompt": r"^\[testbed-fleet\]",
            "timeout": _LOGIN_SECONDS,
            "extra_cmdline": shlex.join([*options, "-o", "StrictHostKeyChecking=yes"]),
        }

    def _there(self, command: str) -> str:
        # '%' would begin a token of ssh's own; none of the words has one.
        return f"cd {shlex.quote(self.machine.checkout)} && {command}"

    def _user(self) -> str:
        """Who ssh logs in as; by the shared connection that is settled, but aexpect has to say."""
        command = ["ssh", *self._options(), "-G", self.machine.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("user ")]
        if not found:
            raise TestbedError(
                Stage.INFRASTRUCTURE,
                f"asking ssh who logs in to {self.machine.name}: {done.stderr.strip()}",
            )
        return found[0]

    def _transport(self) -> str:
        return shlex.join(["ssh", *self._sharing()])

    def _sharing(self) -> list[str]:
        return ["-o", "ControlMaster=no", *self._options()]

    def _options(self) -> list[str]:
        return [
            *(() if self.config is None else ("-F", str(self.config))),
            *("-S", str(self.control or "none"), "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"),
            *("-o", f"ConnectTimeout={_CONNECT_SECONDS}"),
            *("-o", f"ServerAliveInterval={_ALIVE_SECONDS}"),
            *("-o", f"ServerAliveCountMax={_ALIVE_COUNT}"),
        ]
