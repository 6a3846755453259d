# SPDX-License-Identifier: MIT
"""Everything a board's runs need, fetched and built when it is not there yet."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from testbed.artifacts import arm_virt, board_trees, e500
from testbed.artifacts.cache import Cache
from testbed.artifacts.commands import Commands
from testbed.artifacts.digest import file_sha256
from testbed.artifacts.download import Downloader
from testbed.artifacts.failure import failure
from testbed.artifacts.manifest import make_manifest, pinned_objects, read_pinned
from testbed.artifacts.mirrors import Mirrors, find_mirrors
from testbed.artifacts.objects import Objects
from testbed.artifacts.parts import (
    FAST_KERNEL,
    Choice,
    NestedKernel,
    NestedQemu,
    Parts,
)
from testbed.artifacts.progress import Progress, size_text
from testbed.artifacts.qemu import Qemu, find_qemu
from testbed.artifacts.resolver import Resolver
from testbed.artifacts.selection import Selection
from testbed.artifacts.targets import Target, Workshop
from testbed.artifacts.vmlinux import vmlinux_of

_COMPOSITIONS = {"arm-virt": arm_virt.COMPOSITION, "e500": e500.COMPOSITION}
BOARDS = tuple(_COMPOSITIONS)

_OWN_KERNELS = Choice()


@dataclass(frozen=True)
class BoardArtifacts:
    """Files of a board, all in the cache except those the user brought."""

    qemu: Path
    """The workstation's program that emulates the host."""
    qemu_version: str
    """Its release, such as "7.2.22"."""
    bridge: Path
    """Shared object for QEMU's -plugin."""
    host_kernel: Path
    host_initramfs: Path
    root: Path
    """squashfs: the host's root file system."""
    payload: Path
    """squashfs: modules, programs and the guest's system, which the host mounts at /testbed."""
    guest_kernel: Path
    guest_initramfs: Path
    nested_qemu: NestedQemu
    """Which QEMU runs the guests, unless the user brought one."""
    nested_kernel: NestedKernel
    """Which kernel guests run, unless the user brought one."""
    manifest: dict[str, Any]
    """Exact versions and digests of all of it; JSON-able, and can be given back as `pinned`."""
    host_vmlinux: Path | None = None
    """What a kernel that the user brought was linked to, with its symbols, if that is there."""
    guest_vmlinux: Path | None = None


def prepare(
    board: str,
    *,
    progress: Progress,
    qemu: Path | None = None,
    qemu_source: Path | None = None,
    kernel: Path | None = None,
    guest_kernel: Path | None = None,
    kernel_series: str | None = None,
    guest_kernel_series: str | None = None,
    nested_qemu: NestedQemu | None = None,
    nested_kernel: NestedKernel | None = None,
    refresh: bool = False,
    pinned: Path | None = None,
    remember: bool = True,
    snapshot: str | None = None,
) -> BoardArtifacts:
    """Have all artifacts of `board` in the cache; what is there already is verified and used.

    `qemu`, `kernel` and `guest_kernel` take the place of the board's own. A kernel is an image, and
    the modules stay those of the board's own, or the tree that it was built in with its modules;
    `kernel_series` and `guest_kernel_series` take one of the distribution's, with its modules. A
    `qemu` of another version needs its `qemu_source`. `nested_qemu` says which QEMU runs guests;
    None is the one of `pinned`, else the one built here if it is in the cache or the board has no
    other. `nested_kernel` says the same of their kernel: None is that of `pinned`, else the fast
    one if it is in the cache. `refresh` takes the newest of each series from the archive instead of
    what was taken before. `pinned` is the manifest file of an earlier run to reproduce, by this
    call and, with `remember`, those after it until a refresh; what the archive has dropped since
    comes from the cache, or from `snapshot`: the address of an archive that keeps it, in which
    `{archive}` stands for "debian" or "debian-security".

    Several processes may call this at once. Raises TestbedError (stage artifacts).
    """
    if pinned is not None and refresh:
        raise failure("a pinned manifest and a refresh exclude each other; give one of them")
    for what, path in (("kernel", kernel), ("guest kernel", guest_kernel)):
        if path is not None and not path.exists():
            raise failure(f"the {what} that was named is not there: {path}")
        if path is not None and not os.access(path, os.R_OK):
            raise failure(f"the {what} that was named cannot be read by you: {path}")
    started = time.monotonic()
    makings = _makings(
        board,
        progress,
        Choice(
            kernel=kernel,
            guest_kernel=guest_kernel,
            kernel_series=kernel_series,
            guest_kernel_series=guest_kernel_series,
        ),
        qemu=qemu,
        qemu_source=qemu_source,
        nested_qemu=nested_qemu,
        nested_kernel=nested_kernel,
        refresh=refresh,
        pinned=pinned,
        remember=remember,
        snapshot=snapshot,
    )
    parts, workshop, program = makings.parts, makings.workshop, makings.qemu
    workshop.make(parts.used)
    if workshop.built:
        progress.note(
            f"artifacts of {board} ready: {size_text(makings.downloader.fetched)} fetched, "
            f"{workshop.built} built, {time.monotonic() - started:.1f} s"
        )
    folder = {target.name: workshop.objects.folder(target.recipe) for target in parts.used}
    brought = {"qemu": qemu, "kernel": kernel, "guest kernel": guest_kernel}
    return BoardArtifacts(
        qemu=program.program,
        qemu_version=program.version.release,
        bridge=folder["bridge"] / "testbed-rp.so",
        host_kernel=folder[parts.kernel.name] / "Image",
        host_initramfs=folder["host initramfs"] / "initramfs.cpio",
        root=folder["root file system"] / "root.squashfs",
        payload=folder["payload"] / "payload.squashfs",
        guest_kernel=folder[parts.guest_kernel.name] / "Image",
        guest_initramfs=folder["guest initramfs"] / "initramfs.cpio",
        nested_qemu="stock" if parts.nested_qemu is None else "built",
        nested_kernel="fast" if makings.choice.fast_kernel else "stock",
        manifest=make_manifest(
            board,
            makings.selections,
            program,
            parts.used,
            workshop.objects,
            {name: file_sha256(path) for name, path in brought.items() if path and path.is_file()},
        ),
        host_vmlinux=vmlinux_of(kernel),
        guest_vmlinux=vmlinux_of(guest_kernel),
    )


@dataclass(frozen=True)
class Sources:
    """Source trees that parts are built from, for whoever builds or checks parts by hand."""

    linux: Path
    """Pristine: drivers/vfio/platform; of the board's own kernel also scripts/checkpatch.pl with
    what it reads, and all that patches change.
    """
    linux_headers: Path
    qemu: Path


def has_stock_nested_qemu(board: str) -> bool:
    """Whether the distribution has a QEMU for the guests of `board`, beside the one built here."""
    return _COMPOSITIONS[board].stock_nested_qemu


def no_stock_nested_qemu(board: str) -> str:
    """What to say to whoever asked for it where there is none."""
    return f"the distribution has no QEMU for guests of {board}; leave it at the one built here"


def has_fast_kernel(board: str) -> bool:
    """Whether `board` has a kernel for guests that boots faster than its own."""
    return _COMPOSITIONS[board].fast_kernel


def no_fast_kernel(board: str) -> str:
    """What to say to whoever asked for it where there is none."""
    return f"guests of {board} have no kernel faster than its own; leave it at that"


def kernel_series(board: str) -> tuple[str, ...]:
    """The series of the distribution's kernels that host and guests of `board` can have."""
    return _COMPOSITIONS[board].kernel_series


def no_kernel_series(board: str, series: str) -> str:
    """What to say to whoever asked for a kernel of a series that there is none of."""
    known = kernel_series(board)
    there = (
        f"those there are: {', '.join(known)}"
        if known
        else "it is built here, of one series; bring another with --kernel DIR, --guest-kernel DIR"
    )
    return f"the distribution has no kernel {series} for {board}; {there}"


def prepare_sources(board: str, *, progress: Progress, kernel_series: str | None = None) -> Sources:
    """Have the sources of `board`'s parts in the cache, as `prepare` does with the parts."""
    makings = _makings(board, progress, Choice(kernel_series=kernel_series))
    parts = makings.parts
    assert parts.qemu_source is not None, "the distribution's QEMU has a source package"
    targets = (parts.linux_source, parts.linux_headers, parts.qemu_source)
    makings.workshop.make(targets)
    return Sources(*(makings.workshop.objects.folder(target.recipe) for target in targets))


@dataclass(frozen=True)
class DriverSources:
    """What is known of the drivers of a board's kernel."""

    source_drivers: Path
    """JSON: for each compatible, [source file, option that builds it] of its drivers."""
    kernel_aliases: Path
    """modules.alias of all modules that the board's kernel has."""
    payload_aliases: Path
    """The same of those that host and guest can load."""
    config: Path
    """The configuration of that kernel."""


def prepare_driver_sources(board: str, *, progress: Progress) -> DriverSources:
    """Have in the cache what tells of drivers for `board`, as `prepare` does with the parts."""
    makings = _makings(board, progress)
    parts, workshop = makings.parts, makings.workshop
    (payload_modules,) = (
        need for need in parts.payload.needs if need.name == f"modules of the {parts.kernel.name}"
    )
    built = [need for need in payload_modules.needs if need is not parts.kernel]
    aliases = board_trees.driver_aliases_target(parts.kernel, payload_modules, *built)
    wanted = (_board_trees(makings), aliases, parts.kernel)
    workshop.make(wanted)
    tree, alias, kernel = (workshop.objects.folder(target.recipe) for target in wanted)
    return DriverSources(
        source_drivers=tree / board_trees.SOURCE_DRIVERS,
        kernel_aliases=alias / board_trees.KERNEL_ALIASES,
        payload_aliases=alias / board_trees.PAYLOAD_ALIASES,
        config=kernel / "config",
    )


def prepare_board_trees(*, progress: Progress) -> Path:
    """The kernel's device trees and what they include, at their places in its source."""
    makings = _makings(BOARDS[0], progress)
    target = _board_trees(makings)
    makings.workshop.make([target])
    return makings.workshop.objects.folder(target.recipe) / board_trees.TREES


def _board_trees(makings: _Makings) -> Target:
    """Of the kernel source that is among the selected packages."""
    (linux,) = (s for s in makings.selections if any(_is_source(p.package) for p in s.packages))
    return board_trees.board_trees_target(linux)


def _is_source(package: str) -> bool:
    return package.startswith("linux-source-")


@dataclass(frozen=True)
class _Makings:
    """What the parts of a board are made of and with."""

    qemu: Qemu
    selections: list[Selection]
    choice: Choice
    parts: Parts
    downloader: Downloader
    workshop: Workshop


def _makings(
    board: str,
    progress: Progress,
    kernels: Choice = _OWN_KERNELS,
    *,
    qemu: Path | None = None,
    qemu_source: Path | None = None,
    nested_qemu: NestedQemu | None = None,
    nested_kernel: NestedKernel | None = None,
    refresh: bool = False,
    pinned: Path | None = None,
    remember: bool = True,
    snapshot: str | None = None,
) -> _Makings:
    composition = _COMPOSITIONS.get(board)
    if composition is None:
        raise failure(f"there is no board {board}; boards: {', '.join(BOARDS)}")
    store = Cache.default()
    store.create()
    store.use()
    commands = Commands()

    @cache
    def mirrors() -> Mirrors:
        return find_mirrors(commands)

    program = find_qemu(commands, composition.qemu, qemu, qemu_source)
    named = None if pinned is None else read_pinned(pinned)

    def resolver(*, refresh: bool) -> Resolver:
        return Resolver(
            store, commands, progress, mirrors, refresh=refresh, pinned=named, remember=remember
        )

    def composed(selections: list[Selection], choice: Choice) -> Parts:
        return composition.parts(selections, program, choice)

    def there(target: Target | None) -> bool:
        return target is not None and Objects(store).intact(target.recipe)

    if nested_kernel == "fast" and not has_fast_kernel(board):
        raise failure(no_fast_kernel(board))
    if nested_qemu == "stock" and not has_stock_nested_qemu(board):
        raise failure(no_stock_nested_qemu(board))
    choice = replace(
        kernels,
        nested_qemu=nested_qemu == "built" or not has_stock_nested_qemu(board),
        fast_kernel=nested_kernel == "fast",
    )
    for series in choice.series:
        if series not in composition.kernel_series:
            raise failure(no_kernel_series(board, series))
    if nested_qemu is None and not choice.nested_qemu:
        built = Choice(nested_qemu=True)
        known = resolver(refresh=False).known(composition.wishes(program, progress, built))
        # Taken where it is, so that nobody has to wait for it who did not ask for it: nor who asks
        # for a run's very parts, if that run did not have it.
        if known is not None and (named is not None or there(composed(known, built).nested_qemu)):
            choice = replace(choice, nested_qemu=True)
    selections = resolver(refresh=refresh).resolve(composition.wishes(program, progress, choice))
    if (
        nested_kernel is None
        and composition.fast_kernel
        and kernels.guest_kernel is None
        and kernels.guest_kernel_series is None
    ):
        if pinned is not None:
            wanted = FAST_KERNEL in pinned_objects(pinned)
        else:
            # Without the host's kernel: of a tree, all that is taken would be read once more.
            fast = replace(choice, fast_kernel=True, kernel=None)
            wanted = there(composed(selections, fast).guest_kernel)
        choice = replace(choice, fast_kernel=wanted)
    downloader = Downloader(store, mirrors, commands, progress, snapshot=snapshot)
    return _Makings(
        program,
        selections,
        choice,
        composed(selections, choice),
        downloader,
        Workshop(store, commands, downloader, progress),
    )
