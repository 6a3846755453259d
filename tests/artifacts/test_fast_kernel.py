# SPDX-License-Identifier: MIT
"""The fast kernel of guests: as Debian's where it does not say otherwise, and with its modules."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from testbed.artifacts import lists, prepare, progress_for
from testbed.artifacts.arm_virt import FAST
from testbed.artifacts.kernel_config import symbols

OTHERWISE = "# ==== Otherwise than in Debian's kernel ====\n"


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What Debian's kernel is configured with."""
    image = prepare("arm-virt", progress=progress_for()).host_kernel
    return symbols((image.parent / "config").read_text())


def asked(text: str) -> dict[str, str]:
    lines = (line for line in text.splitlines() if line.startswith("CONFIG_"))
    return dict(line.split("=", 1) for line in lines)


def test_what_differs_from_the_distributions_is_said(stock: dict[str, str]) -> None:
    same, found, other = FAST.fragment.read_text().partition(OTHERWISE)
    assert found
    wrong = {
        f"{name}={value}, there {stock.get(name, 'n')}"
        for name, value in asked(same).items()
        if stock.get(name, "n") != value
    }
    assert not wrong, "said to be as in Debian's kernel"
    alike = {name for name, value in asked(other).items() if stock.get(name, "n") == value}
    assert not alike, "said to be otherwise"


def test_guest_has_the_modules_of_its_kernel(tmp_path: Path) -> None:
    """All that the distribution's kernel has for guests, as modules or built in."""
    parts = prepare("arm-virt", progress=progress_for(), nested_kernel="fast")
    out = tmp_path / "payload"
    subprocess.run(
        ["unsquashfs", "-no-progress", "-dest", out, parts.payload, "guest/modules"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    (release,) = (out / "guest/modules").glob("*-testbed")
    builtin = (release / "modules.builtin").read_text().splitlines()
    there = {path.stem for path in release.rglob("*.ko")} | {Path(line).stem for line in builtin}
    wanted = set(lists.read_list(lists.GUESTS / "modules" / "payload.txt"))
    # For the host: it assigns devices, has its disks and measures QEMU's own controller on PCI.
    assert wanted - there == {"vfio", "vfio_iommu_type1", "ahci", "virtio_pci"}
    order = (out / "guest/modules/plain-job-ring/order").read_text().split()
    assert order[-1] == "caam_jr"
    assert (out / "guest/modules/plain-job-ring/caam_jr.ko").is_file()
