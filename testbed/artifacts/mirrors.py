# SPDX-License-Identifier: MIT
"""Where the workstation gets Debian from: its own apt configuration says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from testbed.artifacts.commands import Commands
from testbed.artifacts.failure import failure

_FORMAT = "\t".join(f"$({field})" for field in ("LABEL", "ORIGIN", "CODENAME", "SITE"))
_SECURITY = "Debian-Security"


@dataclass(frozen=True)
class Mirrors:
    """Addresses as apt writes them, without a final slash."""

    main: str
    security: str | None
    suites: tuple[tuple[str, str], ...]
    """The workstation's own suites: the archive each is in, and its codename."""

    def site(self, archive: str) -> str:
        """Address of the archive "main" or "security". Raises TestbedError for one not set up."""
        if archive == "main":
            return self.main
        if archive == "security" and self.security is not None:
            return self.security
        raise failure(
            f"apt on this machine has no Debian {archive} archive; add it to /etc/apt and run "
            "'apt-get update' as root"
        )

    def archives(self) -> dict[str, str]:
        sites = {"main": self.main}
        if self.security is not None:
            sites["security"] = self.security
        return sites


def find_mirrors(commands: Commands) -> Mirrors:
    """Read the archives from `apt-get indextargets`. Raises TestbedError when there are none."""
    output = commands.run(
        ["apt-get", "indextargets", "--format", _FORMAT, "Created-By: Packages"],
        what="ask apt where this machine gets Debian from",
    )
    return parse_targets(output)


def parse_targets(output: str) -> Mirrors:
    """`output` has one index per line: label, origin, codename and site, separated by tabs."""
    main: str | None = None
    security: str | None = None
    suites: dict[tuple[str, str], None] = {}
    for line in output.splitlines():
        label, origin, codename, site = (line.split("\t") + [""] * 4)[:4]
        if origin != "Debian" or not site:
            continue
        site = _direct(site.rstrip("/"))
        archive = "security" if label == _SECURITY else "main"
        if archive == "security":
            security = security or site
        elif "-" not in codename:  # updates and backports may come from somewhere else
            main = main or site
        suites.setdefault((archive, codename))
    if main is None:
        raise failure(
            "apt on this machine knows no Debian archive (its package lists may be missing); "
            "run 'apt-get update' as root"
        )
    return Mirrors(main=main, security=security, suites=tuple(suites))


def _direct(site: str) -> str:
    """The address itself, where apt was given a file that lists addresses: its first one."""
    if not site.startswith("mirror"):
        return site
    if site.startswith("mirror+file:"):
        path = Path("/" + site.removeprefix("mirror+file:").lstrip("/"))
        try:
            lines = [line.split() for line in path.read_text().splitlines()]
        except OSError as error:
            raise failure(f"cannot read apt's list of mirrors {path}: {error.strerror}") from None
        for fields in lines:
            if fields and not fields[0].startswith("#"):
                return fields[0].rstrip("/")
        raise failure(f"apt's list of mirrors {path} is empty")
    raise failure(
        f"apt gets Debian from a list of mirrors on the network ({site}); name a mirror itself in "
        "/etc/apt/sources.list"
    )
