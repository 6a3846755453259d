# SPDX-License-Identifier: MIT
"""What a kernel's source says of boards and drivers, and its modules of what they take."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from artifact_rig import Steps, make_workshop
from source_rig import binary_package, run, write_tree
from test_module_tree import make_module

from testbed.artifacts.board_trees import (
    KERNEL_ALIASES,
    PAYLOAD_ALIASES,
    SOURCE_DRIVERS,
    TREES,
    board_trees_target,
    driver_aliases_target,
)
from testbed.artifacts.cache import Cache
from testbed.artifacts.selection import Selection, Wish
from testbed.artifacts.targets import Target, Workspace

NAME = "linux-source-6.12"
DRIVER = """\
static const struct of_device_id acme_ids[] = {
	{ .compatible = "acme,one", },
	{.compatible="acme,two", .data = &two },
	{ }
};
static struct platform_driver acme_driver = { };
"""
FILES = {
    "arch/arm/boot/dts/acme/board.dts": "/dts-v1/;\n",
    "arch/mips/boot/dts/other.dts": "/dts-v1/;\n",
    "include/dt-bindings/acme/irq.h": "#define IRQ 1\n",
    "drivers/acme/Makefile": (
        "obj-$(CONFIG_ACME) += acme-all.o \\\n\tmore.o\nacme-all-y := core.o one.o\n"
        "obj-y += always.o\n"
    ),
    "drivers/acme/one.c": DRIVER,
    "drivers/acme/more.c": DRIVER.replace("acme,two", "acme,three"),
    "drivers/acme/always.c": DRIVER.replace("acme,one", "acme,always"),
    "drivers/acme/lookup.c": '{ .compatible = "acme,one" } takes no device\n',
    "arch/arm/acme.c": DRIVER,
}


def made(cache: Cache, target: Target) -> Path:
    shop = make_workshop(cache, Steps())
    shop.make([target])
    return shop.objects.folder(target.recipe)


@pytest.fixture
def source(cache: Cache, tmp_path: Path) -> Path:
    """What is kept of a small kernel's source."""
    write_tree(tmp_path / "tree" / NAME, FILES)
    (tmp_path / "tree" / NAME / "scripts/dtc/include-prefixes").mkdir(parents=True)
    prefix = tmp_path / "tree" / NAME / "scripts/dtc/include-prefixes/arm"
    prefix.symlink_to("../../../arch/arm/boot/dts")
    tarball = tmp_path / NAME / f"usr/src/{NAME}.tar.xz"
    tarball.parent.mkdir(parents=True)
    run("tar", "-cJf", tarball, "-C", tmp_path / "tree", NAME)
    selection = Selection(Wish("kernel", {}), (binary_package(cache, tmp_path, NAME, {}),))
    return made(cache, board_trees_target(selection))


def test_trees_lie_as_in_the_source(source: Path) -> None:
    trees = source / TREES
    assert (trees / "scripts/dtc/include-prefixes/arm/acme/board.dts").read_text() == "/dts-v1/;\n"
    assert (trees / "include/dt-bindings/acme/irq.h").is_file()
    assert not (trees / "arch/mips").exists()
    assert not (trees / "drivers").exists()


def test_drivers_come_with_the_option_that_builds_them(source: Path) -> None:
    drivers = json.loads((source / SOURCE_DRIVERS).read_text())
    assert drivers == {
        "acme,always": [["drivers/acme/always.c", ""]],
        "acme,one": [["drivers/acme/more.c", "CONFIG_ACME"], ["drivers/acme/one.c", "CONFIG_ACME"]],
        "acme,three": [["drivers/acme/more.c", "CONFIG_ACME"]],
        "acme,two": [["drivers/acme/always.c", ""], ["drivers/acme/one.c", "CONFIG_ACME"]],
    }


def test_aliases_of_all_modules_and_of_those_that_go_along(cache: Cache, tmp_path: Path) -> None:
    module = make_module(tmp_path / "built.ko", "")

    def kernel(work: Workspace) -> None:
        folder = work.out / "modules/6.0/kernel"
        folder.mkdir(parents=True)
        (folder / "own.ko").write_bytes(module)

    def payload(work: Workspace) -> None:
        folder = work.out / "modules/6.0"
        folder.mkdir(parents=True)
        (folder / "modules.alias").write_text("alias of:N*T*Cacme,one acme\n")

    def built(work: Workspace) -> None:
        (work.out / "built.ko").write_bytes(module)

    targets = (Target("kernel", kernel), Target("payload modules", payload), Target("set", built))
    out = made(cache, driver_aliases_target(*targets))
    assert "acme,one acme" in (out / PAYLOAD_ALIASES).read_text()
    assert (out / KERNEL_ALIASES).is_file()
