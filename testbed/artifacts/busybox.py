# SPDX-License-Identifier: MIT
"""The busybox of the emulated machines: their shell, and every small program they have."""

from __future__ import annotations

from pathlib import Path

from testbed.artifacts import cross, kernel_config, lists, make
from testbed.artifacts.cross import CrossTools
from testbed.artifacts.failure import failure
from testbed.artifacts.kernel_config import check_config
from testbed.artifacts.selection import Selection
from testbed.artifacts.targets import Target, Workspace
from testbed.artifacts.unpack import one, source_of, unpack, unpack_source

_PLACES = ("usr/bin/busybox", "bin/busybox")
_FRAGMENT = lists.GUESTS / "busybox" / "busybox.config"
"""What is asked for beyond allnoconfig."""


def packaged_busybox_target(root: Selection) -> Target:
    """Output: busybox, static, from its package among those of the root file system."""
    package = one(root.packages, "busybox-static")

    def build(work: Workspace) -> None:
        unpack(work, [package], work.scratch)
        for place in _PLACES:
            if (work.scratch / place).is_file():
                (work.scratch / place).rename(work.out / "busybox")
                return
        raise failure(f"{package.file_name} has no busybox in it")

    return Target("busybox", build, packages=(package,), sources=(Path(__file__),))


def built_busybox_target(sources: Selection, tools: CrossTools) -> Target:
    """Output: busybox, static, of its source package."""
    packages = source_of(sources.packages, "busybox")

    def build(work: Workspace) -> None:
        what = "build busybox"
        tree = work.scratch / "source"
        unpack_source(work, packages, tree)
        arguments = (
            f"CROSS_COMPILE={tools.prefix}",
            f"CC={tools.compiler(what)}",
            f"CONFIG_EXTRA_CFLAGS={' '.join(tools.flags)}",
            # Instead of the time it is built at.
            f"BB_EXTRA_VERSION={packages[0].version}",
        )
        run = tools.make(work, what, tree).run
        run([*arguments, "allnoconfig"], tree)
        config = tree / ".config"
        # Of two values for a symbol the first counts.
        config.write_text(_FRAGMENT.read_text() + config.read_text())
        run([*arguments, "oldconfig"], tree)
        check_config(_FRAGMENT, config, "busybox")
        run([*arguments, "busybox"], tree)
        (tree / "busybox").rename(work.out / "busybox")

    return Target(
        "busybox",
        build,
        packages=packages,
        inputs=tools.inputs,
        sources=(
            Path(__file__),
            Path(cross.__file__),
            Path(kernel_config.__file__),
            Path(make.__file__),
            _FRAGMENT,
        ),
    )
