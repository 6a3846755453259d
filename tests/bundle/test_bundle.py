# SPDX-License-Identifier: MIT
from __future__ import annotations

import io
import json
import os
import socket
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.bundle.pack import pack
from testbed.bundle.unpack import unpack
from testbed.errors import TestbedError
from testbed.options import Options
from testbed.runner.invocation import FILE, Invocation, revision
from testbed.scenario.verdict import VERDICT_FILE, Outcome
from tests.bundle.bundle_rig import SEED, make_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "there")


def bundled(run: Path, tmp_path: Path) -> Path:
    file = tmp_path / "run.tar.gz"
    assert pack(run, file) == file.stat().st_size
    return file


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(TestbedError) as caught:
        call()
    assert "\n" not in caught.value.message
    return caught.value.message


def test_what_was_packed_comes_out(run: Path, tmp_path: Path) -> None:
    here = tmp_path / "here"
    bundle = unpack(bundled(run, tmp_path), here)
    assert bundle.scenario == here / "scenario" / "mine.py"
    assert (here / "scenario" / "rules.dts").read_text() == "/dts-v1/;\n"
    assert (here / "run" / "host" / "console.log").read_bytes() == b"\xff\x00hello\n"
    assert (bundle.revision, bundle.verdict.verdict) == ("0123abcd", Outcome.FAIL)
    manifest = here / "run" / "manifest.json"
    assert bundle.options == Options(board="e500", timeout_scale=2.5, seed=SEED, manifest=manifest)


def test_nothing_of_the_folder_that_is_no_file_is_packed(run: Path, tmp_path: Path) -> None:
    (run / "outside").symlink_to("/etc/passwd")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.path.relpath(run / "x.sock"))
        with tarfile.open(bundled(run, tmp_path)) as archive:
            members = archive.getmembers()
    assert members[0].name == "bundle.json"
    assert all(member.isreg() and member.uid == 0 for member in members)
    assert not {"run/x.sock", "run/outside"} & {member.name for member in members}


def test_what_the_person_brought_comes_along(tmp_path: Path) -> None:
    kernel, source = tmp_path / "Image", tmp_path / "qemu-source"
    kernel.write_bytes(b"kernel")
    for name in ("VERSION", "include/qemu/osdep.h", "hw/core/qdev.c"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    there = make_run(tmp_path / "there", Options(kernel=kernel, qemu_source=source))
    here = tmp_path / "here"
    options = unpack(bundled(there, tmp_path), here).options
    assert options.kernel == here / "own/kernel/Image"
    assert options.kernel.read_bytes() == b"kernel"
    assert options.qemu_source == here / "own/qemu_source/qemu-source"
    found = {str(path.relative_to(options.qemu_source)) for path in here.rglob("*.h")}
    assert found == {"include/qemu/osdep.h"}
    assert (options.qemu_source / "VERSION").exists()
    assert not (options.qemu_source / "hw").exists()


def test_links_are_packed_as_what_they_lead_to(tmp_path: Path) -> None:
    """A kernel for both machines that has two names, and a file of several scenarios."""
    kernel = tmp_path / "Image"
    kernel.write_bytes(b"kernel")
    (tmp_path / "Image.again").hardlink_to(kernel)
    there = make_run(tmp_path / "there", Options(kernel=kernel, guest_kernel=kernel))
    rules = tmp_path / "there/scenarios/rules.dts"
    rules.rename(tmp_path / "common.dts")
    rules.symlink_to(tmp_path / "common.dts")
    here = tmp_path / "here"
    options = unpack(bundled(there, tmp_path), here).options
    assert options.kernel is not None
    assert options.guest_kernel is not None
    assert options.kernel.read_bytes() == options.guest_kernel.read_bytes() == b"kernel"
    assert (here / "scenario/rules.dts").read_text() == "/dts-v1/;\n"


def test_what_was_brought_and_changed_is_refused(tmp_path: Path) -> None:
    kernel = tmp_path / "Image"
    kernel.write_bytes(b"kernel")
    run = make_run(tmp_path / "there", Options(kernel=kernel))
    kernel.write_bytes(b"another")
    assert f"{kernel} is not what it was in the run" in refused(lambda: bundled(run, tmp_path))
    kernel.unlink()
    assert f"is gone: {kernel}" in refused(lambda: bundled(run, tmp_path))
    assert not list(tmp_path.glob("*.tar.gz"))


def test_a_tree_that_gave_no_kernel_is_refused(tmp_path: Path) -> None:
    kernel = tmp_path / "linux"
    kernel.mkdir()
    run = make_run(tmp_path / "there", Options(kernel=kernel))
    said = refused(lambda: bundled(run, tmp_path))
    assert said.startswith(f"the run took no kernel from {kernel}, it ended before; bundle one")


def test_what_a_run_took_from_a_tree_comes_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tree itself, which is not looked at, may be gone."""
    image = tmp_path / "Image"
    image.write_bytes(b"kernel")

    def taken(manifest: dict[str, object], machine: str) -> dict[str, Path | bytes] | None:
        assert manifest["overrides"] == {}
        return {"boot/Image": image, "release": b"6.12\n"} if machine == "guest" else None

    monkeypatch.setattr("testbed.bundle.pack.taken_from_tree", taken)
    there = make_run(tmp_path / "there", Options(guest_kernel=tmp_path / "linux"))
    here = tmp_path / "here"
    options = unpack(bundled(there, tmp_path), here).options
    assert options.guest_kernel == here / "own/guest_kernel/linux"
    assert (options.guest_kernel / "boot/Image").read_bytes() == b"kernel"
    assert (options.guest_kernel / "release").read_bytes() == b"6.12\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file or directory; name the folder of a run"),
        ("{", "it is not what a run leaves there: JSONDecodeError"),
        ("[]", "it is not what a run leaves there: TypeError"),
        ('{"scenario": "x", "revision": "y", "options": {"z": 1}}', "unexpected keyword"),
    ],
)
def test_what_is_no_run_is_refused(
    run: Path, tmp_path: Path, content: str | None, said: str
) -> None:
    (run / FILE).unlink()
    if content is not None:
        (run / FILE).write_text(content)
    assert said in refused(lambda: bundled(run, tmp_path))


def test_a_run_without_end_is_refused(run: Path, tmp_path: Path) -> None:
    (run / VERDICT_FILE).unlink()
    assert "has no verdict" in refused(lambda: bundled(run, tmp_path))


def test_a_file_that_cannot_be_written_is_named(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "none" / "x.tar.gz"
    assert f"cannot write {file}" in refused(lambda: pack(run, file))


def test_a_bundle_that_was_cut_off_is_refused_wherever_it_was(run: Path, tmp_path: Path) -> None:
    whole = bundled(run, tmp_path).read_bytes()
    broken = tmp_path / "broken.tar.gz"
    # The last bytes only say that nothing follows.
    for number, size in enumerate(range(0, len(whole) * 3 // 4, 97)):
        broken.write_bytes(whole[:size])
        message = refused(lambda: unpack(broken, tmp_path / f"cut{number}"))  # noqa: B023
        assert message.startswith(f"{broken} is not a bundle that can be replayed: ")


def rewritten(file: Path, change: Callable[[tarfile.TarInfo, bytes], tuple[object, bytes]]) -> Path:
    """The bundle with each member as `change` makes it; members that it makes None left out."""
    other = file.with_name("other.tar.gz")
    with tarfile.open(file) as old, tarfile.open(other, "w:gz") as new:
        for member in old:
            stream = old.extractfile(member)
            assert stream is not None
            about, content = change(member, stream.read())
            if isinstance(about, tarfile.TarInfo):
                about.size = len(content)
                new.addfile(about, io.BytesIO(content))
    return other


def test_a_file_that_is_another_is_refused(run: Path, tmp_path: Path) -> None:
    def change(member: tarfile.TarInfo, content: bytes) -> tuple[object, bytes]:
        return member, b"other" if member.name.endswith("console.log") else content

    other = rewritten(bundled(run, tmp_path), change)
    assert "run/host/console.log in it is damaged" in refused(lambda: unpack(other, tmp_path / "x"))


def test_a_file_that_is_missing_is_refused(run: Path, tmp_path: Path) -> None:
    def change(member: tarfile.TarInfo, content: bytes) -> tuple[object, bytes]:
        return None if member.name.endswith("console.log") else member, content

    other = rewritten(bundled(run, tmp_path), change)
    assert "No such file" in refused(lambda: unpack(other, tmp_path / "x"))


@pytest.mark.parametrize("name", ["../escaped", "/tmp/../escaped", "run/../../escaped"])
def test_nothing_leaves_the_folder(run: Path, tmp_path: Path, name: str) -> None:
    def change(member: tarfile.TarInfo, content: bytes) -> tuple[object, bytes]:
        if member.name == "bundle.json":
            index = json.loads(content)
            index["files"] = {
                name if old == "run/testbed.log" else old: digest
                for old, digest in index["files"].items()
            }
            index["files"][name] = "0"
            content = json.dumps(index).encode()
        if member.name.endswith("console.log"):
            member.name = name
        return member, content

    other = rewritten(bundled(run, tmp_path), change)
    assert "is not a bundle that can be replayed" in refused(
        lambda: unpack(other, tmp_path / "inner" / "x")
    )
    assert not list(tmp_path.rglob("escaped"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_what_is_no_file_is_refused(run: Path, tmp_path: Path, kind: bytes) -> None:
    def change(member: tarfile.TarInfo, content: bytes) -> tuple[object, bytes]:
        if member.name.endswith("console.log"):
            member.type, member.linkname, content = kind, "/etc/passwd", b""
        return member, content

    other = rewritten(bundled(run, tmp_path), change)
    assert "it has 'run/host/console.log', of which" in refused(
        lambda: unpack(other, tmp_path / "x")
    )


def test_a_file_that_the_index_does_not_name_is_refused(run: Path, tmp_path: Path) -> None:
    def change(member: tarfile.TarInfo, content: bytes) -> tuple[object, bytes]:
        if member.name.endswith("console.log"):
            member.name = "run/more"
        return member, content

    other = rewritten(bundled(run, tmp_path), change)
    assert "it has 'run/more', of which" in refused(lambda: unpack(other, tmp_path / "x"))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"format": 2}, "its bundle.json is not of format 1"),
        ({"scenario": "../x.py"}, "names a scenario that is not in it"),
        ({"options": {"unknown": 1}}, "unexpected keyword argument 'unknown'"),
        ({"files": 1}, "lacks options or files"),
        ({"more": 1}, "unexpected keyword argument 'more'"),
    ],
)
def test_an_index_that_is_none_is_refused(
    run: Path, tmp_path: Path, fields: dict[str, object], said: str
) -> None:
    def change(member: tarfile.TarInfo, content: bytes) -> tuple[object, bytes]:
        if member.name == "bundle.json":
            content = json.dumps(json.loads(content) | fields).encode()
        return member, content

    other = rewritten(bundled(run, tmp_path), change)
    assert said in refused(lambda: unpack(other, tmp_path / "x"))


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"hello", b"\x1f\x8b" + bytes(100)):
        file = tmp_path / "file"
        file.write_bytes(content)
        assert f"{file} is not a bundle" in refused(lambda: unpack(file, tmp_path / "x"))  # noqa: B023
    assert "No such file" in refused(lambda: unpack(tmp_path / "none", tmp_path / "x"))


def test_the_revision_of_a_checkout_is_its_commit() -> None:
    assert len(revision().removesuffix("-dirty")) == 40 or revision() == "unknown"


def test_an_invocation_forgets_what_is_one_process_own(tmp_path: Path) -> None:
    options = Options(seed=3, directory=tmp_path, events=9)
    Invocation(Path("/x.py"), options, "r").write(tmp_path)
    assert Invocation.read(tmp_path) == Invocation(Path("/x.py"), Options(seed=3), "r")
