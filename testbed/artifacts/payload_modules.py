# SPDX-License-Identifier: MIT
"""The kernel modules on the payload disk, for host and guest alike."""

from __future__ import annotations

import shutil
from pathlib import Path

from testbed.artifacts import lists, module_sets
from testbed.artifacts.module_tree import ModuleTree
from testbed.artifacts.targets import Target, Workspace

MODULES = lists.GUESTS / "modules" / "payload.txt"
"""Names of the distribution's modules to have."""


def place_modules(work: Workspace, tree: Path, vfio_modules: Target) -> None:
    """modules/RELEASE/ with the wanted modules, all of vfio-platform, and what modprobe reads."""
    packaged = _packaged(work)
    built = work.need(vfio_modules.name)
    modules = ModuleTree(packaged, built, builtin=packaged / "modules.builtin")
    extra = [path.stem for path in sorted(built.glob("*.ko"))]
    # depmod wants its modules below lib/modules.
    release = work.scratch / "lib/modules" / packaged.name
    for name in modules.closure([*lists.read_list(MODULES), *extra]):
        path = modules.path(name)
        inside = path.relative_to(packaged) if path.is_relative_to(packaged) else Path(path.name)
        target = release / inside.with_name(inside.name.split(".ko")[0] + ".ko")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(modules.content(name))
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        if (packaged / name).is_file():
            shutil.copyfile(packaged / name, release / name)
    work.commands.run(
        ["depmod", "-b", work.scratch, packaged.name], what="index the payload's kernel modules"
    )
    (tree / "modules").mkdir()
    release.rename(tree / "modules" / packaged.name)


def place_plain_job_ring(work: Workspace, tree: Path, plain_job_ring_modules: Target) -> None:
    """modules-plain-job-ring/NAME.ko and `order`: the names in the order to load them.

    Beside the others, since these drivers take the place of the distribution's. With them come the
    distribution's modules that they depend on.
    """
    packaged = _packaged(work)
    built = work.need(plain_job_ring_modules.name)
    modules = ModuleTree(packaged, built, builtin=packaged / "modules.builtin")
    folder = tree / "modules-plain-job-ring"
    folder.mkdir()
    wanted = [Path(name).stem for name in module_sets.PLAIN_JOB_RING.modules]
    order = modules.closure(wanted)
    for name in order:
        (folder / f"{name}.ko").write_bytes(modules.content(name))
    (folder / "order").write_text("".join(f"{name}\n" for name in order))


def _packaged(work: Workspace) -> Path:
    """The distribution's modules."""
    return next((work.need("kernel") / "modules").iterdir())
