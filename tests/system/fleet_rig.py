# SPDX-License-Identifier: MIT
"""Machines to test a fleet with: an sshd each, in a network of its own where that can be made.

Root can: then a machine is a network namespace behind a pair of virtual interfaces, and all that
runs on it can be found and killed by that. Anybody else's are sshds of their own on this machine.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

from testbed.deadline import Deadline
from testbed.process import Process, tail

_numbers = itertools.count()
_SSHD = "/usr/sbin/sshd"
_CONFIG = """\
ListenAddress {address}:{port}
HostKey {folder}/host-key
AuthorizedKeysFile {folder}/authorized-keys
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
SetEnv TESTBED_CACHE={cache}
"""
_CLIENT = """\
Host {name}
    HostName {address}
    Port {port}
    IdentityFile {folder}/key
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known-hosts
    StrictHostKeyChecking yes
"""


def _run(*command: str | Path) -> str:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stderr.strip()}"
    return done.stdout


class FleetMachine:
    """`name` is what ssh calls it with `ssh_config`; `checkout` is where its project goes."""

    def __init__(self, folder: Path, name: str, cache: Path) -> None:
        self.name = name
        number = next(_numbers)
        self.folder = folder / self.name
        self.folder.mkdir()
        self.checkout = self.folder / "checkout"
        self._namespace = f"testbed-{os.getpid()}-{number}" if os.geteuid() == 0 else ""
        # RFC 2544's network for tests: two addresses for each machine.
        self._address, self._here = (
            (f"198.18.{os.getpid() % 256}.{4 * number + end}" for end in (2, 1))
            if self._namespace
            else ("127.0.0.1", "")
        )
        self._port = 22 if self._namespace else _free_port()
        self._interface = f"tb{os.getpid() % 100000}-{number}"
        try:
            self._sshd = self._start(cache)
        except BaseException:
            self._remove_network()
            raise

    def _start(self, cache: Path) -> Process:
        folder = self.folder
        assert Path(_SSHD).exists(), f"{_SSHD} is missing: apt-get install openssh-server"
        for key in ("key", "host-key"):
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key)
        shutil.copy(folder / "key.pub", folder / "authorized-keys")
        known = f"[{self._address}]:{self._port}" if self._port != 22 else self._address
        (folder / "known-hosts").write_text(f"{known} {(folder / 'host-key.pub').read_text()}")
        words = {"address": self._address, "port": self._port, "folder": folder, "cache": cache}
        (folder / "sshd_config").write_text(_CONFIG.format(**words))
        self.ssh_config = _CLIENT.format(name=self.name, **words)
        command = [_SSHD, "-D", "-e", "-f", str(folder / "sshd_config")]
        if self._namespace:
            Path("/run/sshd").mkdir(exist_ok=True)
            self._make_network()
            command = ["ip", "netns", "exec", self._namespace, *command]
        sshd = Process(command, cwd=folder, log=folder / "sshd.log").start()
        deadline = Deadline(20)
        while not any("listening" in line for line in tail(sshd.log)):
            assert sshd.returncode is None, f"sshd has ended: {tail(sshd.log)}"
            assert not deadline.expired, f"sshd does not listen: {tail(sshd.log)}"
        return sshd

    def _make_network(self) -> None:
        space, ours = self._namespace, self._interface
        _run("ip", "netns", "add", space)
        _run("ip", "link", "add", ours, "type", "veth", "peer", "name", "eth0", "netns", space)
        _run("ip", "address", "add", f"{self._here}/30", "dev", ours)
        _run("ip", "link", "set", ours, "up")
        there = ("ip", "-n", space)
        _run(*there, "address", "add", f"{self._address}/30", "dev", "eth0")
        _run(*there, "link", "set", "eth0", "up")
        _run(*there, "link", "set", "lo", "up")

    def _remove_network(self) -> None:
        if self._namespace in _run("ip", "netns", "list").split():
            _run("ip", "netns", "del", self._namespace)

    def install(self) -> None:
        """Its Python environment: what is installed here, but the project, which it gets a copy of.

        A machine without a network could not install it.
        """
        environment = self.checkout / ".venv"
        environment.mkdir(parents=True)
        for name in ("bin", "lib", "pyvenv.cfg"):
            (environment / name).symlink_to(Path(sys.prefix) / name)
        (environment / "installed").touch()

    def processes(self) -> list[int]:
        """All that runs there, but the sshd that listens."""
        if self._namespace:
            found = [int(pid) for pid in _run("ip", "netns", "pids", self._namespace).split()]
        else:
            found = [pid for pid in map(int, _pids()) if _works_in(pid, self.checkout)]
        return [pid for pid in found if pid != self._sshd.pid]

    def die(self) -> None:
        """Lose power: nothing says goodbye, and nothing answers any more."""
        if self._namespace:
            _run("ip", "link", "set", self._interface, "down")
        self._sshd.stop(0)
        while left := self.processes():
            for pid in left:
                _kill(pid)

    def remove(self) -> None:
        self.die()
        if self._namespace:
            self._remove_network()


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _pids() -> list[str]:
    return [path.name for path in Path("/proc").glob("[0-9]*")]


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink().is_relative_to(folder)
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
