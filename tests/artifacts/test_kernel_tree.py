# SPDX-License-Identifier: MIT
"""A kernel taken from the tree it was built in: the image, the modules, and what is missing."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
from artifact_rig import Steps, make_workshop, tree
from kernel_tree_rig import CONFIG, VFIO, built_tree, small_kind
from test_module_tree import make_module

from testbed.artifacts.cache import Cache
from testbed.artifacts.kernel_tree import KernelTree, kernel_tree_target
from testbed.errors import TestbedError


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KernelTree:
    return built_tree(small_kind(tmp_path, monkeypatch), tmp_path / "linux")


def made(cache: Cache, built: KernelTree) -> Path:
    target = kernel_tree_target(built, "host")
    shop = make_workshop(cache, Steps())
    shop.make([target])
    return shop.objects.folder(target.recipe)


def complaint(built: KernelTree, machine: str = "host") -> str:
    with pytest.raises(TestbedError) as caught:
        kernel_tree_target(built, machine)
    assert "\n" not in caught.value.message
    return caught.value.message


def test_what_machines_use_is_taken(cache: Cache, built: KernelTree) -> None:
    """What is listed, all for VFIO, and what they need."""
    out = made(cache, built)
    assert (out / "Image").read_bytes() == b"kernel"
    assert (out / "config").read_text() == CONFIG
    release = out / "modules/6.12.0-mine"
    assert [name for name in tree(release) if name.endswith(".ko")] == [
        "kernel/drivers/bus.ko",
        "kernel/drivers/disk.ko",
        f"kernel/{VFIO}/reset/vfio-platform-ahci.ko",
    ]
    assert (release / "modules.builtin").read_text() == "kernel/drivers/inside.ko\n"
    assert (release / "modules.order").read_text().index("bus.ko") == len("kernel/drivers/")


def test_without_a_list_all_modules_are_taken(cache: Cache, built: KernelTree) -> None:
    every = KernelTree(dataclasses.replace(built.kind, modules=None), built.folder)
    assert "modules/6.12.0-mine/kernel/drivers/sound.ko" in tree(made(cache, every))


def test_order_of_older_kernels_is_read_too(cache: Cache, built: KernelTree) -> None:
    listing = built.folder / "modules.order"
    lines = listing.read_text().split()
    listing.write_text("".join(f"kernel/{line.removesuffix('.o')}.ko\n" for line in lines))
    fresh = KernelTree(built.kind, built.folder)
    assert "modules/6.12.0-mine/kernel/drivers/disk.ko" in tree(made(cache, fresh))


@pytest.mark.parametrize("name", ["boot/Image", "drivers/disk.ko", ".config"])
def test_what_is_built_again_is_another_object(built: KernelTree, name: str) -> None:
    before = kernel_tree_target(built, "host").recipe.digest
    if name.endswith(".ko"):
        make_module(built.folder / name, "bus", number=1)
    else:
        with (built.folder / name).open("a") as file:
            file.write("CONFIG_MORE=y\n")
    fresh = KernelTree(built.kind, built.folder)
    assert kernel_tree_target(fresh, "host").recipe.digest != before


def test_what_no_machine_uses_makes_no_difference(built: KernelTree) -> None:
    before = kernel_tree_target(built, "host").recipe.digest
    make_module(built.folder / "drivers/sound.ko", "", number=1)
    os.utime(built.folder / "boot/Image")
    fresh = KernelTree(built.kind, built.folder)
    assert kernel_tree_target(fresh, "host").recipe.digest == before


@pytest.mark.parametrize("symbol", ["CONFIG_KVM=y", "CONFIG_SQUASHFS=m"])
def test_options_that_are_not_set_are_named(built: KernelTree, symbol: str) -> None:
    config = built.folder / ".config"
    config.write_text(CONFIG.replace(symbol, f"# {symbol[:-2]} is not set"))
    assert complaint(built) == (
        f"the kernel in {built.folder} cannot be that of the host: set {symbol} and build it"
    )


def test_reset_handlers_are_in_patches(built: KernelTree) -> None:
    (built.folder / ".config").write_text(CONFIG.replace("CONFIG_VFIO_PLATFORM_AHCI_RESET=m", ""))
    assert "CONFIG_VFIO_PLATFORM_AHCI_RESET=m (the reset handlers come with" in complaint(built)
    assert kernel_tree_target(built, "guest")


@pytest.mark.parametrize(
    "name", [".config", "boot/Image", "include/config/kernel.release", "modules.order"]
)
def test_tree_that_is_not_built(built: KernelTree, name: str) -> None:
    (built.folder / name).unlink()
    assert complaint(built) == (
        f"{built.folder} is not a built kernel tree: it has no {name}; configure it and run make"
        " for Image and modules"
    )


def test_module_that_is_not_built(built: KernelTree) -> None:
    (built.folder / "drivers/sound.ko").unlink()
    assert "it has no drivers/sound.ko, which its modules.order lists;" in complaint(built)


def test_tree_of_another_machine(built: KernelTree) -> None:
    (built.folder / ".config").write_text(CONFIG.replace("arm64", "x86"))
    assert " is for x86, not for arm64; board small needs that" in complaint(built)
