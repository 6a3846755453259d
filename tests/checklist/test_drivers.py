# SPDX-License-Identifier: MIT
"""Which driver takes a node, by what a kernel and its source say of themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from testbed.artifacts import DriverSources
from testbed.checklist.drivers import Driver, Drivers

_SOURCE = {
    "acme,built-in": [["drivers/acme/in.c", "CONFIG_ACME_IN"]],
    "acme,module": [["drivers/acme/mod.c", "CONFIG_ACME_MOD"]],
    "acme,left-out": [["drivers/acme/out.c", "CONFIG_ACME_OUT"]],
    "acme,always": [["drivers/acme/always.c", ""]],
}


@pytest.fixture
def drivers(tmp_path: Path) -> Drivers:
    sources = DriverSources(
        *(tmp_path / name for name in ("drivers", "kernel", "payload", "config"))
    )
    sources.source_drivers.write_text(json.dumps(_SOURCE))
    there = "alias of:N*T*Cacme,thereC* acme_there\nalias of:N*T*Cacme,there acme_there\n"
    reset = "alias vfio-reset:acme,there vfio_platform_acme\n"
    sources.payload_aliases.write_text(there + reset)
    sources.kernel_aliases.write_text(f"{there}alias of:N*T*Cacme,module acme_mod\n")
    sources.config.write_text("CONFIG_ACME_IN=y\nCONFIG_ACME_MOD=m\n# CONFIG_ACME_OUT is not set\n")
    return Drivers(sources, "the-list.txt")


@pytest.mark.parametrize(
    ("compatible", "driver"),
    [
        (["acme,there"], Driver(True, "acme_there")),
        (["acme,new", "acme,there"], Driver(True, "acme_there")),
        (["acme,built-in"], Driver(True, "in, built in")),
        (["acme,module"], Driver(False, "name acme_mod, a module of this kernel, in the-list.txt")),
        (
            ["acme,left-out"],
            Driver(False, "set CONFIG_ACME_OUT in the kernel (drivers/acme/out.c)"),
        ),
        (["acme,always"], Driver(False, "build drivers/acme/always.c")),
        (["acme,unheard-of"], None),
        (["acme,ther"], None),
    ],
)
def test_the_driver_of_a_node(
    drivers: Drivers, compatible: list[str], driver: Driver | None
) -> None:
    assert drivers.of(compatible) == driver


def test_vfio_looks_at_the_first_compatible_only(drivers: Drivers) -> None:
    assert drivers.reset_of(["acme,there", "acme,new"]) == "vfio_platform_acme"
    assert drivers.reset_of(["acme,new", "acme,there"]) is None
