# SPDX-License-Identifier: MIT
"""The kernel modules on the payload disk, for host and guest alike."""

from __future__ import annotations

import shutil
from pathlib import Path

from testbed.artifacts import lists, module_sets, module_tree
from testbed.artifacts.module_tree import ModuleTree, canonical
from testbed.artifacts.targets import Target, Workspace

PACKAGED = lists.GUESTS / "modules" / "payload.txt"
"""Names of the distribution's modules to have."""
_SOURCES = (Path(__file__), Path(module_tree.__file__), Path(module_sets.__file__))


def packaged_modules_target(kernel: Target, *built: Target, all_listed: bool = True) -> Target:
    """Outputs: modules/RELEASE/ some of `kernel`'s modules, and all that were `built` for it.

    Unless `all_listed`, it need not have all that are listed: other series have some built in, or
    by other names.
    """
    return _modules_target(kernel, built, PACKAGED, all_listed)


def all_modules_target(kernel: Target) -> Target:
    """Outputs: modules/RELEASE/ with all of `kernel`'s modules."""
    return _modules_target(kernel, (), None)


def plain_job_ring_target(kernel: Target, built: Target) -> Target:
    """Outputs: modules/plain-job-ring/NAME.ko and `order`: the names in the order to load them.

    `built` is the module set for plain job rings. It lies beside the kernel's own modules, since
    its drivers take the place of some of them. With it come `kernel`'s that it depends on.
    """

    def build(work: Workspace) -> None:
        modules = _tree(work, kernel, built)
        folder = work.out / "modules/plain-job-ring"
        folder.mkdir(parents=True)
        wanted = [Path(name).stem for name in module_sets.PLAIN_JOB_RING.modules]
        order = modules.closure(wanted)
        for name in order:
            (folder / f"{name}.ko").write_bytes(modules.content(name))
        (folder / "order").write_text("".join(f"{name}\n" for name in order))

    name = f"plain job ring of the {kernel.name}"
    return Target(name, build, needs=(kernel, built), sources=_SOURCES)


def _modules_target(
    kernel: Target, built: tuple[Target, ...], listed: Path | None, all_listed: bool = True
) -> Target:
    def build(work: Workspace) -> None:
        packaged = _packaged(work, kernel)
        modules = _tree(work, kernel, *built)
        names = modules.names() if listed is None else lists.read_list(listed)
        if not all_listed:
            names = [name for name in names if canonical(name) in modules.names()]
        own = [path.stem for target in built for path in work.need(target.name).glob("*.ko")]
        # depmod wants its modules below lib/modules.
        release = work.scratch / "lib/modules" / packaged.name
        for name in modules.closure([*names, *sorted(own)]):
            path = modules.path(name)
            inside = path.relative_to(packaged) if path.is_relative_to(packaged) else path.name
            target = (release / inside).with_name(path.name.split(".ko")[0] + ".ko")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(modules.content(name))
        for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
            if (packaged / name).is_file():
                shutil.copyfile(packaged / name, release / name)
        work.commands.run(
            ["depmod", "-b", work.scratch, packaged.name], what="index the payload's kernel modules"
        )
        (work.out / "modules").mkdir()
        release.rename(work.out / "modules" / packaged.name)

    sources = _SOURCES if listed is None else (*_SOURCES, listed)
    name = f"modules of the {kernel.name}"
    inputs = {} if all_listed else {"modules": "as far as there are"}
    return Target(name, build, needs=(kernel, *built), inputs=inputs, sources=sources)


def _packaged(work: Workspace, kernel: Target) -> Path:
    """The modules that come with the kernel: modules/RELEASE."""
    return next((work.need(kernel.name) / "modules").iterdir())


def _tree(work: Workspace, kernel: Target, *built: Target) -> ModuleTree:
    packaged = _packaged(work, kernel)
    folders = [work.need(target.name) for target in built]
    return ModuleTree(packaged, *folders, builtin=packaged / "modules.builtin")
