# SPDX-License-Identifier: MIT
"""The kernel modules on the payload disk: found by what asks for them, and complete."""

from __future__ import annotations

import fnmatch
import subprocess
from pathlib import Path

import pytest

from testbed.artifacts import prepare, progress_for
from testbed.artifacts.module_sets import PLAIN_JOB_RING
from testbed.artifacts.module_tree import canonical, dependencies

PLAIN = Path("modules/plain-job-ring")


@pytest.fixture(scope="module")
def payload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The modules of the payload disk that runs use."""
    image = prepare("arm-virt", progress=progress_for()).payload
    out = tmp_path_factory.mktemp("payload") / "root"
    subprocess.run(
        ["unsquashfs", "-no-progress", "-dest", out, image, "modules"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return out


@pytest.fixture(scope="module")
def release(payload: Path) -> Path:
    """modules/RELEASE."""
    (folder,) = (payload / "modules").glob("6.*")
    return folder


def builtin(release: Path) -> set[str]:
    lines = (release / "modules.builtin").read_text().splitlines()
    return {canonical(Path(line).stem) for line in lines}


@pytest.mark.parametrize(
    ("alias", "module"),
    [
        ("of:NsataT(null)Cfsl,ls1021a-ahci", "ahci_qoriq"),
        ("of:NsataT(null)Cgeneric-ahci", "ahci_platform"),
        ("of:NcryptoT(null)Cfsl,sec-v5.0Cfsl,sec-v4.0", "caam"),
        ("of:NjrT(null)Cfsl,sec-v4.0-job-ring", "caam_jr"),
        ("of:Nvirtio_mmioT(null)Cvirtio,mmio", "virtio_mmio"),
        ("scsi:t-0x00", "sd_mod"),
        ("pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01", "ahci"),
        ("fs-ext4", "ext4"),
        ("crypto-xts(aes)", "aes_ce_blk"),
        ("crypto-authenc", "authenc"),
        ("crypto-crc32c", "crc32c_generic"),
        ("vfio-reset:ns16550a", "vfio_platform_ns16550a"),
        ("vfio-reset:fsl,ls1021a-ahci", "vfio_platform_ahci"),
        ("vfio-reset:fsl,sec-v4.0-job-ring", "vfio_platform_caam_jr"),
    ],
)
def test_module_is_found_by_its_alias(release: Path, alias: str, module: str) -> None:
    """As modprobe finds it, for a uevent or the kernel's request_module()."""
    lines = (release / "modules.alias").read_text().splitlines()
    aliases = [line.removeprefix("alias ").rsplit(" ", 1) for line in lines if line[0] != "#"]
    found = {canonical(name) for pattern, name in aliases if fnmatch.fnmatchcase(alias, pattern)}
    assert module in found


def test_modprobe_gets_the_distribution_s_drivers(release: Path) -> None:
    """The patched ones take their place only where somebody asks for them by file."""
    (stock,) = release.rglob("caam.ko")
    (patched,) = (release.parents[1] / PLAIN).glob("caam.ko")
    assert b"no controller" in patched.read_bytes()
    assert b"no controller" not in stock.read_bytes()


def test_plain_job_ring_loads_in_its_order(payload: Path, release: Path) -> None:
    there = builtin(release)
    order = (payload / PLAIN / "order").read_text().split()
    for name in order:
        missing = {
            canonical(needed)
            for needed in dependencies((payload / PLAIN / f"{name}.ko").read_bytes())
        } - there
        assert not missing, f"{name} comes before {missing}"
        there.add(name)
    assert {Path(name).stem for name in PLAIN_JOB_RING.modules} <= set(order)
