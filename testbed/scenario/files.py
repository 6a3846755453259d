# SPDX-License-Identifier: MIT
"""A tree of files of random names, sizes and contents, and what a machine has of it."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import dataclass
from random import Random

from testbed.channel import AgentClient
from testbed.deadline import Deadline

_LARGEST = 300_000


@dataclass(frozen=True)
class FileTree:
    """Contents by path, relative to the tree's root."""

    files: dict[str, bytes]

    @classmethod
    def make(cls, random: Random, count: int) -> FileTree:
        """`count` files, small ones more often than large ones, an empty one among them."""
        files: dict[str, bytes] = {"empty": b""}
        while len(files) < count:
            depth = random.randrange(4)
            folders = [f"d{random.randrange(3)}" for _ in range(depth)]
            size = int(_LARGEST ** random.random())
            files["/".join((*folders, f"f{random.getrandbits(40):x}"))] = random.randbytes(size)
        return cls(files)

    @property
    def size(self) -> int:
        """Bytes of all contents."""
        return sum(map(len, self.files.values()))

    def write(self, agent: AgentClient, folder: str, deadline: Deadline) -> None:
        """Write the tree into an existing folder of a machine."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for path, content in self.files.items():
                member = tarfile.TarInfo(path)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        there = f"{folder}.tar"
        agent.put_file(there, archive.getvalue(), deadline=deadline)
        agent.run(f"tar -x -f {there} -C {folder} && rm {there}", deadline=deadline)

    def compare(self, agent: AgentClient, folder: str, deadline: Deadline) -> None:
        """AssertionError when the folder of a machine holds anything else."""
        done = agent.run(
            f"cd {folder} && find . -type f | xargs sha256sum",
            deadline=deadline,
        )
        lines = (line.split(None, 1) for line in done.stdout.decode().splitlines())
        found = {path.removeprefix("./"): digest for digest, path in lines}
        wanted = {path: hashlib.sha256(data).hexdigest() for path, data in self.files.items()}
        missing, extra = wanted.keys() - found.keys(), found.keys() - wanted.keys()
        assert not missing, f"{len(missing)} files are missing in {folder}: {sorted(missing)[:3]}"
        assert not extra, f"{len(extra)} files nobody wrote are in {folder}: {sorted(extra)[:3]}"
        changed = sorted(path for path in wanted if found[path] != wanted[path])
        assert not changed, f"{len(changed)} files of {folder} have other contents: {changed[:3]}"
