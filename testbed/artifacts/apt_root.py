# SPDX-License-Identifier: MIT
"""A private apt: its own sources and indexes in the cache, no root, nothing installed.

Access to the network is the workstation's: its `Acquire` settings (proxies, time-outs) and its
credentials apply. Its packages, sources, pins and hooks do not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from testbed.artifacts.atomic import replace_text
from testbed.artifacts.commands import Commands
from testbed.artifacts.failure import failure

KEYRINGS = (
    Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    Path("/usr/share/keyrings/debian-archive-keyring.pgp"),
)

# What is fetched beside the indexes, and how they are kept, is this project's choice.
_NOT_INHERITED = re.compile(
    r"Acquire::(IndexTargets|GzipIndexes|Languages|CompressionTypes|ForceHash|by-hash)\b", re.I
)


@dataclass(frozen=True)
class Source:
    """One line of a sources list. `kind` is "deb" or "deb-src"."""

    kind: str
    site: str
    suite: str


class AptRoot:
    """`architectures`: the native one first."""

    def __init__(
        self,
        folder: Path,
        commands: Commands,
        *,
        sources: Sequence[Source] = (),
        architectures: Sequence[str] = ("arm64",),
    ) -> None:
        self.folder = folder
        self._commands = commands
        self._sources = sources
        self._architectures = architectures

    def write(self) -> None:
        """Write configuration and sources. Raises OSError, TestbedError."""
        for name in (
            "state/lists/partial",
            "cache/archives/partial",
            "etc/apt.conf.d",
            "etc/sources.list.d",
            "etc/preferences.d",
            "etc/trusted.gpg.d",
        ):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        architectures = " ".join(f'"{name}";' for name in self._architectures)
        lines = [
            *self._inherited(),
            f'Dir "{self.folder}";',
            f'Dir::State "state"; Dir::State::status "{self.folder / "status"}";',
            'Dir::Cache "cache"; Dir::Etc "etc";',
            'Dir::Etc::netrc "/etc/apt/auth.conf"; Dir::Etc::netrcparts "/etc/apt/auth.conf.d";',
            f'APT::Architecture "{self._architectures[0]}";',
            f"APT::Architectures {{ {architectures} }};",
            'APT::Sandbox::User "";',
            'Acquire::Languages "none";',
        ]
        replace_text(self.folder / "apt.conf", "\n".join(lines) + "\n")
        listed = [self._line(source) for source in self._sources]
        replace_text(self.folder / "etc" / "sources.list", "\n".join([*listed, ""]))

    def update(self) -> None:
        """Fetch the indexes; apt checks their signatures. Raises TestbedError."""
        suites = ", ".join(dict.fromkeys(source.suite for source in self._sources))
        self.run(
            ["apt-get", "update", "-q", "-o", "APT::Update::Error-Mode=any"],
            what=f"read the signed index of {suites}",
        )

    def forget_caches(self) -> None:
        """Remove what apt computed from the indexes, which is bigger than they are."""
        for path in (self.folder / "cache").glob("*.bin"):
            path.unlink(missing_ok=True)

    def run(self, argv: Sequence[str | Path], *, what: str) -> str:
        """Run an apt program on this root and return what it printed. Raises TestbedError."""
        config = {"APT_CONFIG": str(self.folder / "apt.conf")}
        return self._commands.run(argv, what=what, env=config)

    def _inherited(self) -> list[str]:
        dump = self._commands.run(["apt-config", "dump"], what="read the configuration of apt")
        return [
            line
            for line in dump.splitlines()
            if line.startswith("Acquire::") and not _NOT_INHERITED.match(line)
        ]

    def _line(self, source: Source) -> str:
        options = f"signed-by={_keyring()}"
        if source.kind == "deb":
            options += f" arch={','.join(self._architectures)}"
        return f"{source.kind} [{options}] {source.site} {source.suite} main"


def _keyring() -> Path:
    for path in KEYRINGS:
        if path.is_file():
            return path
    raise failure(
        f"cannot verify the Debian archive: {KEYRINGS[0]} is missing; run "
        "'apt-get install debian-archive-keyring' as root"
    )
