# SPDX-License-Identifier: MIT
"""Which packages are taken: chosen from indexes, kept, pinned, and written to manifests."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from artifact_rig import Steps
from hypothesis import given
from hypothesis import strategies as st

from testbed.artifacts.archive import SPLIT, newest_kernel
from testbed.artifacts.cache import Cache
from testbed.artifacts.commands import Commands
from testbed.artifacts.manifest import FORMAT, read_pinned
from testbed.artifacts.mirrors import Mirrors, parse_targets
from testbed.artifacts.packages import Package
from testbed.artifacts.resolver import Resolver
from testbed.artifacts.selection import Selection, Selections, Wish
from testbed.artifacts.stanzas import (
    binary_from_uri,
    binary_stanzas,
    sources_from_uris,
    uri_lines,
)
from testbed.artifacts.unpack import source_of
from testbed.errors import TestbedError

TEXT = st.text("abcXYZ019.+~:-", min_size=1, max_size=20)
PACKAGES = st.builds(
    Package,
    package=TEXT,
    version=TEXT,
    architecture=st.sampled_from(["arm64", "all", "source"]),
    archive=st.sampled_from(["main", "security"]),
    path=st.lists(st.text("abc019+~", min_size=1), min_size=1, max_size=4).map("/".join),
    size=st.integers(0, 1 << 40),
    sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
)
SELECTIONS = st.builds(
    lambda name, terms, packages: Selection(Wish(name, terms), tuple(sorted(packages))),
    TEXT,
    st.dictionaries(TEXT, TEXT | st.lists(TEXT)),
    st.sets(PACKAGES, min_size=1, max_size=5),
)


def a_selection(random: Random, name: str = "thing") -> Selection:
    digest = f"{random.getrandbits(256):064x}"
    package = Package("p", "1", "arm64", "main", "pool/p.deb", random.randrange(1000), digest)
    return Selection(Wish(name, {"series": "1"}), (package,))


@given(SELECTIONS)
def test_a_selection_survives_json(selection: Selection) -> None:
    text = json.dumps(selection.to_json())
    again = Selection.from_json(json.loads(text))
    assert again == selection
    assert again.wish.digest == selection.wish.digest


@given(SELECTIONS, st.sampled_from(["package", "version", "archive", "path", "size", "sha256"]))
def test_a_broken_selection_is_a_value_error(selection: Selection, field: str) -> None:
    for wrong in (None, [], {}, True, -1, "", "/absolute/../path\0"):
        value = selection.to_json()
        value["packages"][0][field] = wrong
        if isinstance(wrong, str) and wrong and field in ("package", "version", "archive"):
            continue
        with pytest.raises(ValueError, match=r"^a package without|is "):
            Selection.from_json(value)


def test_kept_selections_are_found_by_their_wish(cache: Cache, random: Random) -> None:
    selection = a_selection(random)
    kept = Selections(cache)
    assert kept.load(selection.wish) is None
    kept.save(selection)
    assert kept.load(selection.wish) == selection
    assert kept.load(Wish("thing", {"series": "2"})) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": "thing"}'])
def test_a_damaged_selection_is_chosen_again(cache: Cache, random: Random, content: str) -> None:
    selection = a_selection(random)
    Selections(cache).save(selection)
    (cache.selections / f"{selection.wish.digest}.json").write_text(content)
    assert Selections(cache).load(selection.wish) is None


class Chooser:
    """Stands for the archive: counts, and gives what it was told to."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self.asked = 0

    def __call__(self, archive: object, wish: Wish) -> Selection:
        self.asked += 1
        assert wish == self.selection.wish
        return self.selection


def resolver(cache: Cache, **options: object) -> Resolver:
    mirrors = Mirrors(main="http://archive.invalid/debian", security=None, suites=())
    return Resolver(cache, Commands(), Steps(), lambda: mirrors, **options)  # type: ignore[arg-type]


def test_a_choice_is_kept_until_a_refresh(cache: Cache, random: Random) -> None:
    old, new = a_selection(random), a_selection(random)
    first, second, third = Chooser(old), Chooser(new), Chooser(new)
    assert resolver(cache).resolve([(old.wish, first)]) == [old]
    assert resolver(cache).resolve([(old.wish, second)]) == [old]
    assert resolver(cache, refresh=True).resolve([(old.wish, third)]) == [new]
    assert resolver(cache).resolve([(old.wish, second)]) == [new]
    assert (first.asked, second.asked, third.asked) == (1, 0, 1)


def test_what_is_pinned_for_once_is_not_kept(cache: Cache, random: Random) -> None:
    kept, pinned = a_selection(random), a_selection(random)
    Selections(cache).save(kept)
    once = resolver(cache, pinned={pinned.wish.digest: pinned}, remember=False)
    assert once.resolve([(kept.wish, Chooser(kept))]) == [pinned]
    assert resolver(cache).resolve([(kept.wish, Chooser(pinned))]) == [kept]


def test_a_pinned_manifest_decides(cache: Cache, random: Random, tmp_path: Path) -> None:
    kept, pinned = a_selection(random), a_selection(random)
    Selections(cache).save(kept)
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"format": FORMAT, "selections": [pinned.to_json()]}))
    chooser = Chooser(kept)
    pins = read_pinned(manifest)
    assert resolver(cache, pinned=pins).resolve([(kept.wish, chooser)]) == [pinned]
    assert chooser.asked == 0
    assert resolver(cache).resolve([(kept.wish, chooser)]) == [pinned]
    with pytest.raises(TestbedError, match="does not say what to use for other"):
        resolver(cache, pinned=pins).resolve([(Wish("other", {}), chooser)])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a manifest of format"),
        ('{"format": 99}', "is not a manifest of format"),
        (json.dumps({"format": FORMAT}), "has no 'selections'"),
        (json.dumps({"format": FORMAT, "selections": [{"name": 1}]}), "without name and terms"),
    ],
)
def test_a_bad_manifest_is_refused(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(TestbedError, match=said):
        read_pinned(tmp_path / "manifest.json")


def test_an_absent_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TestbedError, match="cannot read the pinned manifest"):
        read_pinned(tmp_path / "manifest.json")


def kernel_packages(version: str, release: str, *, without: str = "") -> list[Package]:
    names = {
        f"linux-image-{release}-arm64": "arm64",
        f"linux-headers-{release}-arm64": "arm64",
        f"linux-headers-{release}-common": "all",
        f"linux-kbuild-{release}": "amd64",
        "linux-source-6.12": "all",
        f"linux-image-{release}-rt-arm64": "arm64",
        f"linux-image-{release}-arm64-16k": "arm64",
    }
    return [
        Package(name, version, architecture, "security", f"pool/{name}_{version}.deb", 1, "0" * 64)
        for name, architecture in names.items()
        if not without or not name.startswith(without)
    ]


def test_the_newest_complete_kernel_is_taken(random: Random) -> None:
    packages = [
        *kernel_packages("6.12.9-1~deb12u1", "6.12.9+deb12"),
        *kernel_packages("6.12.107-1~deb12u1", "6.12.107+deb12"),
        *kernel_packages("6.12.94-1~deb12u1", "6.12.94+deb12"),
        *kernel_packages("6.12.117-1~deb12u1", "6.12.117+deb12", without="linux-kbuild"),
        *kernel_packages("6.120.1-1", "6.120.1+deb12"),
    ]
    random.shuffle(packages)
    chosen = newest_kernel(packages, "6.12", "arm64")
    assert sorted(package.package for package in chosen) == [
        "linux-headers-6.12.107+deb12-arm64",
        "linux-headers-6.12.107+deb12-common",
        "linux-image-6.12.107+deb12-arm64",
        "linux-kbuild-6.12.107+deb12",
        "linux-source-6.12",
    ]
    assert {package.version for package in chosen} == {"6.12.107-1~deb12u1"}


def test_a_kernel_that_is_split_up_is_taken_with_its_parts(random: Random) -> None:
    """And with the C library that its build tools want: it is of a newer release."""
    version, release = "7.2.12-1", "7.2.12+deb14"
    names = {
        **dict.fromkeys(
            [f"linux-{kind}-{release}-arm64" for kind in ("image", "headers", *SPLIT)], "arm64"
        ),
        f"linux-headers-{release}-common": "all",
        "linux-kbuild-7.2": "amd64",
        "linux-source-7.2": "all",
    }
    packages = [
        Package(name, version, architecture, "main", f"pool/{name}_{version}.deb", 1, "0" * 64)
        for name, architecture in names.items()
    ]
    library = Package("libc6", "2.42-1", "amd64", "main", "pool/libc6_2.42-1.deb", 1, "0" * 64)
    older = [replace(package, version="7.2.9-1") for package in packages]
    packages += [library, *older, *kernel_packages("6.12.9-1", "6.12.9+deb12")]
    random.shuffle(packages)
    chosen = newest_kernel(packages, "7", "arm64")
    assert {package.package for package in chosen} == {*names, "libc6"}
    assert {package.version for package in chosen} == {version, "2.42-1"}


def test_no_complete_kernel_is_an_error() -> None:
    packages = kernel_packages("6.12.9-1", "6.12.9+deb12", without="linux-source")
    with pytest.raises(TestbedError, match="1 images seen"):
        newest_kernel(packages, "6.12", "arm64")


def test_the_mirrors_of_the_workstation() -> None:
    mirrors = parse_targets(
        "Docker\tDocker CE\tbookworm\thttps://docker.invalid\n"
        "Debian\tDebian\tbookworm-updates\thttp://updates.invalid/debian\n"
        "Debian\tDebian\tbookworm\thttp://mirror.invalid/debian/\n"
        "Debian-Security\tDebian\tbookworm-security\thttp://patches.invalid/security\n"
    )
    assert mirrors.site("main") == "http://mirror.invalid/debian"
    assert mirrors.site("security") == "http://patches.invalid/security"
    assert mirrors.suites == (
        ("main", "bookworm-updates"),
        ("main", "bookworm"),
        ("security", "bookworm-security"),
    )


def test_missing_archives_are_told() -> None:
    with pytest.raises(TestbedError, match="run 'apt-get update' as root"):
        parse_targets("Docker\tDocker\tbookworm\thttps://docker.invalid\n")
    mirrors = parse_targets("Debian\tDebian\ttrixie\thttp://mirror.invalid/debian\n")
    with pytest.raises(TestbedError, match="has no Debian security archive"):
        mirrors.site("security")


def test_apt_output_becomes_packages() -> None:
    sites = {"main": "http://m.invalid/debian", "security": "http://m.invalid/debian-security"}
    text = (
        "Reading package lists...\n"
        "'http://m.invalid/debian-security/pool/updates/q/qemu_10.0%2bds_arm64.deb' "
        f"qemu_1%3a10.0+ds_arm64.deb 17 SHA256:{'a' * 64}\n"
    )
    packages = [binary_from_uri(*line, sites) for line in uri_lines(text)]
    assert packages == [
        Package(
            "qemu",
            "1:10.0+ds",
            "arm64",
            "security",
            "pool/updates/q/qemu_10.0+ds_arm64.deb",
            17,
            "a" * 64,
        )
    ]
    with pytest.raises(TestbedError, match="is in no archive that it was given"):
        binary_from_uri("http://other.invalid/x_1_all.deb", "x_1_all.deb", 1, "a" * 64, sites)
    with pytest.raises(TestbedError, match="a line that is not understood"):
        list(uri_lines("'http://m.invalid/x.deb' x.deb 17 MD5Sum:0"))


def test_source_packages_keep_their_files_together() -> None:
    sites = {"main": "http://m.invalid/debian"}

    def line(name: str, file: str) -> str:
        return f"'http://m.invalid/debian/pool/{name}/{file}' {file} 5 SHA256:{'c' * 64}\n"

    text = "NOTICE: 'busybox' packaging is maintained somewhere\n" + "".join(
        (
            line("b", "busybox_1.37.0-6.dsc"),
            line("b", "busybox_1.37.0.orig.tar.bz2"),
            line("b", "busybox_1.37.0.orig.tar.bz2.asc"),
            line("u", "util-linux_2.41-0+deb13u1.debian.tar.xz"),
            line("u", "util-linux_2.41-0+deb13u1.dsc"),
        )
    )
    packages = sources_from_uris(text, sites)
    assert [(p.package, p.version) for p in packages] == [
        ("busybox", "1.37.0-6"),
        ("util-linux", "2.41-0+deb13u1"),
    ]
    assert {p.architecture for p in packages} == {"source"}
    assert source_of(packages, "util-linux") == (packages[1],)
    with pytest.raises(TestbedError, match="there is no source package kmod"):
        source_of(packages, "kmod")
    with pytest.raises(TestbedError, match=r"source file kmod_34\.tar\.xz, and no kmod_"):
        sources_from_uris(text + line("k", "kmod_34.tar.xz"), sites)


def test_index_stanzas_become_packages() -> None:
    text = (
        "Package: kmod\nVersion: 34-2\nArchitecture: arm64\nFilename: pool/k/kmod_34-2_arm64.deb\n"
        f"Size: 12\nSHA256: {'b' * 64}\n\nPackage: virtual\nVersion: 1\n\n"
    )
    assert list(binary_stanzas(text, "main")) == [
        Package("kmod", "34-2", "arm64", "main", "pool/k/kmod_34-2_arm64.deb", 12, "b" * 64)
    ]
