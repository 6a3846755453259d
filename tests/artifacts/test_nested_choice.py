# SPDX-License-Identifier: MIT
"""Which QEMU runs a board's guests, and which kernel: one of another's making, or of ours.

The boards are small: every part is a file with the name of what it is made of.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

import pytest
from artifact_rig import Steps, make_package

from testbed.artifacts import BoardArtifacts, board
from testbed.artifacts.mirrors import Mirrors
from testbed.artifacts.parts import FAST_KERNEL, Choice, Composition, Parts
from testbed.artifacts.progress import Progress
from testbed.artifacts.qemu import Distributed, Qemu
from testbed.artifacts.resolver import Resolve
from testbed.artifacts.selection import Selection, Wish
from testbed.artifacts.targets import Target, Workspace
from testbed.errors import TestbedError

SYSTEM, NESTED = Wish("the system", {}), Wish("nested QEMU's source", {})
QEMU = Qemu(Path("/qemu"), "QEMU emulator version 7.2.22 (Debian 1:7.2)", "1:7.2", None)


class Archive:
    """Gives a new release to everyone who asks, and remembers who did."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.asked: list[str] = []

    def __call__(self, _archive: object, wish: Wish) -> Selection:
        self.asked.append(wish.name)
        return Selection(wish, (make_package("pool/p_1.dsc", self._random.randbytes(8)),))

    def wishes(
        self, _qemu: Qemu, _progress: Progress, choice: Choice
    ) -> list[tuple[Wish, Resolve]]:
        others = [(Wish(_kernel_name(series), {}), self) for series in choice.series]
        return [(SYSTEM, self), *([(NESTED, self)] if choice.nested_qemu else []), *others]


def _kernel_name(series: str | None) -> str:
    return f"kernel {series}"


def part(name: str, made_of: Mapping[str, str], needs: tuple[Target, ...] = ()) -> Target:
    def build(work: Workspace) -> None:
        (work.out / "made").write_text(name)

    return Target(name, build, needs, inputs=made_of)


def parts(selections: list[Selection], _qemu: Qemu, choice: Choice) -> Parts:
    made_of = {selection.wish.name: selection.digest for selection in selections}
    system = {SYSTEM.name: made_of[SYSTEM.name]}
    nested = (
        part("nested QEMU", {NESTED.name: made_of[NESTED.name]}) if choice.nested_qemu else None
    )
    own = part("kernel", system)
    kernels = {name: part(name, {name: made_of[name]}) for name in map(_kernel_name, choice.series)}
    kernel = kernels.get(_kernel_name(choice.kernel_series), own)
    guest_kernel = kernels.get(_kernel_name(choice.guest_kernel_series), own)
    return Parts(
        kernel=kernel,
        guest_kernel=part(FAST_KERNEL, system) if choice.fast_kernel else guest_kernel,
        host_initramfs=part("host initramfs", system),
        guest_initramfs=part("guest initramfs", system),
        root=part("root file system", system),
        payload=part("payload", system, needs=() if nested is None else (nested,)),
        bridge=part("bridge", system),
        nested_qemu=nested,
        linux_source=part("source", system),
        linux_headers=part("headers", system),
        qemu_source=None,
    )


def composition(archive: Archive, *, stock: bool) -> Composition:
    return Composition(
        qemu=Distributed(QEMU.program, "qemu"),
        wishes=archive.wishes,
        parts=parts,
        stock_nested_qemu=stock,
        fast_kernel=stock,
        kernel_series=("5", "6") if stock else (),
    )


@pytest.fixture
def archive(random: Random) -> Archive:
    return Archive(random)


@pytest.fixture
def choose(
    archive: Archive, progress: Steps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., BoardArtifacts]:
    """`prepare` for the boards "either", which has both kinds of each, and "one"."""
    boards = {
        "either": composition(archive, stock=True),
        "one": composition(archive, stock=False),
    }
    monkeypatch.setattr(board, "_COMPOSITIONS", boards)
    monkeypatch.setattr(board, "find_qemu", lambda *_: QEMU)
    monkeypatch.setattr(
        board, "find_mirrors", lambda _: Mirrors("http://archive.invalid", None, ())
    )
    monkeypatch.setenv("TESTBED_CACHE", str(tmp_path / "cache"))

    def prepare(name: str = "either", **options: object) -> BoardArtifacts:
        return board.prepare(name, progress=progress, **options)  # type: ignore[arg-type]

    return prepare


def kept(artifacts: BoardArtifacts, path: Path) -> Path:
    """The manifest of what was prepared, as a run leaves it."""
    path.write_text(json.dumps(artifacts.manifest))
    return path


def forget_nested(tmp_path: Path, artifacts: BoardArtifacts, name: str = "nested QEMU") -> None:
    """Remove the QEMU that was built, or another part."""
    recipe = artifacts.manifest["objects"][name]["recipe"]
    shutil.rmtree(tmp_path / "cache/objects" / recipe)


def test_nobody_waits_who_did_not_ask(
    choose: Callable[..., BoardArtifacts], archive: Archive, progress: Steps
) -> None:
    assert choose().nested_qemu == "stock"
    assert archive.asked == ["the system"]
    assert "build nested QEMU" not in progress.steps


def test_what_was_built_is_used_from_then_on(
    choose: Callable[..., BoardArtifacts], archive: Archive, progress: Steps
) -> None:
    stock = choose()
    built = choose(nested_qemu="built")
    assert built.nested_qemu == "built"
    assert "nested QEMU" in built.manifest["objects"]
    asked, steps = list(archive.asked), list(progress.steps)
    assert choose() == built
    assert choose(nested_qemu="stock") == stock
    assert (archive.asked, progress.steps) == (asked, steps)


def test_one_that_is_not_there_any_more_is_not_waited_for(
    choose: Callable[..., BoardArtifacts], progress: Steps, tmp_path: Path
) -> None:
    """As after a change of its patches."""
    forget_nested(tmp_path, choose(nested_qemu="built"))
    steps = progress.steps.count("build nested QEMU")
    assert choose().nested_qemu == "stock"
    assert progress.steps.count("build nested QEMU") == steps


def test_refresh_keeps_the_kind_and_renews_it(
    choose: Callable[..., BoardArtifacts], archive: Archive
) -> None:
    choose()
    assert choose(refresh=True).nested_qemu == "stock"
    assert archive.asked == ["the system"] * 2
    old = choose(nested_qemu="built")
    new = choose(refresh=True)
    assert new.nested_qemu == "built"
    assert new.manifest["objects"]["nested QEMU"] != old.manifest["objects"]["nested QEMU"]


def test_manifest_of_a_run_on_the_built_one_has_it_built(
    choose: Callable[..., BoardArtifacts], tmp_path: Path
) -> None:
    run = choose(nested_qemu="built")
    manifest = kept(run, tmp_path / "manifest.json")
    forget_nested(tmp_path, run)
    assert choose(pinned=manifest) == run


def test_manifest_of_a_run_on_the_distributions_keeps_to_it(
    choose: Callable[..., BoardArtifacts], tmp_path: Path
) -> None:
    run = choose()
    manifest = kept(run, tmp_path / "manifest.json")
    choose(nested_qemu="built")
    assert choose(pinned=manifest) == run
    with pytest.raises(TestbedError, match="does not say what to use for nested QEMU's source"):
        choose(pinned=manifest, nested_qemu="built")


def test_board_that_has_but_one_is_always_built(
    choose: Callable[..., BoardArtifacts], archive: Archive
) -> None:
    assert choose("one").nested_qemu == "built"
    assert choose("one", nested_qemu="built").nested_qemu == "built"
    assert archive.asked == ["the system", "nested QEMU's source"]
    with pytest.raises(TestbedError, match=r"^the distribution has no QEMU for guests of one; "):
        choose("one", nested_qemu="stock")


def test_fast_kernel_is_used_once_somebody_had_it_built(
    choose: Callable[..., BoardArtifacts], progress: Steps, tmp_path: Path
) -> None:
    stock = choose()
    assert stock.nested_kernel == "stock"
    assert stock.guest_kernel == stock.host_kernel
    fast = choose(nested_kernel="fast")
    assert fast.nested_kernel == "fast"
    assert fast.guest_kernel != stock.guest_kernel
    assert fast.host_kernel == stock.host_kernel
    steps = list(progress.steps)
    assert choose() == fast
    assert choose(nested_kernel="stock") == stock
    assert progress.steps == steps

    forget_nested(tmp_path, fast, FAST_KERNEL)
    assert choose() == stock
    assert progress.steps == steps


def test_manifest_says_which_kernel_guests_had(
    choose: Callable[..., BoardArtifacts], tmp_path: Path
) -> None:
    stock = choose()
    without = kept(stock, tmp_path / "stock.json")
    fast = choose(nested_kernel="fast")
    manifest = kept(fast, tmp_path / "fast.json")
    assert choose(pinned=without) == stock
    forget_nested(tmp_path, fast, FAST_KERNEL)
    assert choose(pinned=manifest) == fast


def test_brought_kernel_is_no_other_kind(
    choose: Callable[..., BoardArtifacts], tmp_path: Path
) -> None:
    choose(nested_kernel="fast")
    (tmp_path / "Image").touch()
    assert choose(guest_kernel=tmp_path / "Image").nested_kernel == "stock"


def test_board_whose_own_kernel_is_the_fastest(choose: Callable[..., BoardArtifacts]) -> None:
    assert choose("one").nested_kernel == "stock"
    assert choose("one", nested_kernel="stock").nested_kernel == "stock"
    with pytest.raises(TestbedError, match=r"^guests of one have no kernel faster than its own; "):
        choose("one", nested_kernel="fast")


def test_kernels_of_a_series_are_hosts_and_guests(
    choose: Callable[..., BoardArtifacts], archive: Archive
) -> None:
    own = choose()
    mixed = choose(kernel_series="5", guest_kernel_series="6")
    assert archive.asked == ["the system", "kernel 5", "kernel 6"]
    assert len({own.host_kernel, mixed.host_kernel, mixed.guest_kernel}) == 3
    assert choose(kernel_series="6").host_kernel == mixed.guest_kernel
    assert choose(guest_kernel_series="5").guest_kernel == mixed.host_kernel
    assert choose(guest_kernel_series="5").host_kernel == own.host_kernel
    assert choose() == own
    assert archive.asked == ["the system", "kernel 5", "kernel 6"]


def test_kernel_of_a_series_goes_before_the_fast_one(
    choose: Callable[..., BoardArtifacts],
) -> None:
    fast = choose(nested_kernel="fast")
    assert choose(kernel_series="5").guest_kernel == fast.guest_kernel
    chosen = choose(guest_kernel_series="5")
    assert chosen.nested_kernel == "stock"
    assert chosen.guest_kernel != fast.guest_kernel


def test_kernel_of_a_series_keeps_the_qemu_that_was_built(
    choose: Callable[..., BoardArtifacts],
) -> None:
    """From the first run on, before anything is known of the series."""
    choose(nested_qemu="built")
    assert choose(kernel_series="5").nested_qemu == "built"


def test_manifest_says_of_which_release_the_series_was(
    choose: Callable[..., BoardArtifacts], tmp_path: Path
) -> None:
    run = choose(kernel_series="5")
    manifest = kept(run, tmp_path / "manifest.json")
    assert choose(kernel_series="5", refresh=True) != run
    assert choose(kernel_series="5", pinned=manifest) == run
    with pytest.raises(TestbedError, match="does not say what to use for kernel 6"):
        choose(kernel_series="6", pinned=manifest)


def test_kernel_of_a_series_there_is_none_of(choose: Callable[..., BoardArtifacts]) -> None:
    with pytest.raises(TestbedError, match=r"no kernel 7 for either; those there are: 5, 6$"):
        choose(kernel_series="7")
    with pytest.raises(TestbedError, match=r"no kernel 5 for one; it is built here, of one ser"):
        choose("one", guest_kernel_series="5")


@pytest.mark.parametrize("what", ["kernel", "guest_kernel"])
def test_a_kernel_that_may_not_be_read_is_told(
    choose: Callable[..., BoardArtifacts],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    """Some distributions keep those in /boot from all but root, for whom nothing is closed."""
    image = tmp_path / "vmlinuz"
    image.write_bytes(b"image")
    monkeypatch.setattr(board.os, "access", lambda path, mode: path != image)
    with pytest.raises(TestbedError, match=f"cannot be read by you: {image}"):
        choose(**{what: image})


def test_a_manifest_whose_objects_are_none_is_refused(
    choose: Callable[..., BoardArtifacts], tmp_path: Path
) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({**choose().manifest, "objects": 5}))
    with pytest.raises(TestbedError, match="cannot be used as a pinned manifest: its objects"):
        choose(pinned=manifest)
