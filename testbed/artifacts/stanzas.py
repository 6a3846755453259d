# SPDX-License-Identifier: MIT
"""What apt prints, as packages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from debian.deb822 import Deb822

from testbed.artifacts.failure import failure
from testbed.artifacts.packages import Package

# 'URI' FILE SIZE SHA256:DIGEST
_URI_LINE = re.compile(r"^'(?P<uri>[^']+)' (?P<file>\S+) (?P<size>\d+) SHA256:(?P<sha256>\S+)$")


def binary_stanzas(text: str, archive: str) -> Iterator[Package]:
    """Packages of `apt-cache show`."""
    for fields in Deb822.iter_paragraphs(text, use_apt_pkg=False):
        if "Filename" not in fields or "SHA256" not in fields:
            continue
        yield Package(
            package=fields["Package"],
            version=fields["Version"],
            architecture=fields["Architecture"],
            archive=archive,
            path=fields["Filename"],
            size=int(fields["Size"]),
            sha256=fields["SHA256"],
        )


def uri_lines(text: str) -> Iterator[tuple[str, str, int, str]]:
    """URI, file name, size and sha256 of each line of `apt-get --print-uris`."""
    for line in text.splitlines():
        if not line.startswith("'"):
            continue
        match = _URI_LINE.match(line)
        if match is None:
            raise failure(f"apt printed a line that is not understood: {line}")
        yield match["uri"], match["file"], int(match["size"]), match["sha256"]


def binary_from_uri(
    uri: str, file: str, size: int, sha256: str, sites: Mapping[str, str]
) -> Package:
    """A package of `apt-get install --print-uris`: FILE is NAME_VERSION_ARCHITECTURE.deb."""
    name, version, rest = file.split("_", 2)
    archive, path = locate(uri, sites)
    return Package(
        package=name,
        version=unquote(version),
        architecture=rest.removesuffix(".deb"),
        archive=archive,
        path=path,
        size=size,
        sha256=sha256,
    )


def sources_from_uris(text: str, sites: Mapping[str, str]) -> list[Package]:
    """The files of source packages in what `apt-get source --print-uris` prints.

    Only the archives: what the descriptions (.dsc) and the authors' signatures (.asc) vouch for,
    the index has vouched for. The name of each file begins with that of its source package; the
    description's is NAME_VERSION.dsc.
    """
    lines = list(uri_lines(text))
    descriptions = [file for _, file, _, _ in lines if file.endswith(".dsc")]
    versions = dict(file.removesuffix(".dsc").split("_", 1) for file in descriptions)
    packages = []
    for uri, file, size, sha256 in lines:
        name = file.split("_", 1)[0]
        if name not in versions:
            raise failure(f"apt offers the source file {file}, and no {name}_*.dsc that lists it")
        if file.endswith((".dsc", ".asc")):
            continue
        archive, path = locate(uri, sites)
        packages.append(Package(name, versions[name], "source", archive, path, size, sha256))
    return packages


def locate(uri: str, sites: Mapping[str, str]) -> tuple[str, str]:
    """The archive and the path in it of a URI below one of `sites`."""
    # The longest address first: one may begin with the other.
    for archive, site in sorted(sites.items(), key=lambda item: -len(item[1])):
        if uri.startswith(f"{site}/"):
            return archive, unquote(uri.removeprefix(f"{site}/")).lstrip("/")
    raise failure(f"apt offers {uri}, which is in no archive that it was given")
