# SPDX-License-Identifier: MIT
"""The distribution's kernel, and the parts of its source that modules are built from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePath

from testbed.artifacts import (
    kernel_config,
    kernel_image,
    kernel_modules,
    lists,
    make,
    module_sets,
    patch_series,
)
from testbed.artifacts.digest import file_sha256
from testbed.artifacts.kernel_modules import build_modules
from testbed.artifacts.module_sets import ModuleSet
from testbed.artifacts.selection import Selection
from testbed.artifacts.targets import Target, Workspace
from testbed.artifacts.unpack import one, unpack

_TAR = ("--strip-components=1", "--no-same-owner")


def source_subset() -> list[str]:
    """What is kept of the kernel's source: what modules are built from and the project's patches
    change, and checkpatch.pl with its data. Raises TestbedError for a broken series.
    """
    subtrees = [module_sets.VFIO_PLATFORM.subtree, module_sets.PLAIN_JOB_RING.subtree]
    checkpatch = ("checkpatch.pl", "const_structs.checkpatch", "spelling.txt")
    series = sorted(path for path in lists.KERNEL_PATCHES.iterdir() if path.is_dir())
    changed = {name for folder in series for name in patch_series.changed_files(folder)}
    changed = {
        name
        for name in changed
        if not any(PurePath(name).is_relative_to(tree) for tree in subtrees)
    }
    return [
        *map(str, subtrees),
        *(f"scripts/{name}" for name in checkpatch),
        *sorted(changed | {"MAINTAINERS"}),
    ]


def kernel_release(selection: Selection) -> str:
    """The release as `uname -r` says it, such as 6.12.117+deb12-arm64."""
    return one(selection.packages, "linux-image-").package.removeprefix("linux-image-")


def kernel_target(selection: Selection) -> Target:
    """Outputs: Image (raw), config, modules/RELEASE/ as packaged."""
    image = one(selection.packages, "linux-image-")
    release = kernel_release(selection)

    def build(work: Workspace) -> None:
        unpack(work, [image], work.scratch)
        boot = work.scratch / "boot"
        (work.out / "Image").write_bytes(kernel_image.raw_image(boot / f"vmlinuz-{release}"))
        (boot / f"config-{release}").rename(work.out / "config")
        (work.out / "modules").mkdir()
        packaged = work.scratch / "lib/modules" / release
        if not packaged.is_dir():
            packaged = work.scratch / "usr/lib/modules" / release
        packaged.rename(work.out / "modules" / release)

    return Target(
        "kernel",
        build,
        packages=(image,),
        sources=(Path(__file__), Path(kernel_image.__file__)),
    )


def brought_kernel_target(
    image: Path, as_loaded: Callable[[Path], bytes], name: str = "brought kernel"
) -> Target:
    """Output: Image, of a kernel that the user brought, `as_loaded` by QEMU."""

    def build(work: Workspace) -> None:
        (work.out / "Image").write_bytes(as_loaded(image))

    return Target(
        name,
        build,
        inputs={"image": file_sha256(image)},
        sources=(Path(__file__), Path(kernel_image.__file__)),
    )


def linux_source_target(selection: Selection) -> Target:
    """Outputs: the files of source_subset(), in place. Raises TestbedError for a broken series."""
    package = one(selection.packages, "linux-source-")
    subset = source_subset()

    def build(work: Workspace) -> None:
        unpack(work, [package], work.scratch)
        tarball = next((work.scratch / "usr/src").glob("linux-source-*.tar.xz"))
        tree = tarball.name.removesuffix(".tar.xz")
        patterns = [f"{tree}/{name}" for name in subset]
        work.commands.run(
            ["tar", "-x", "-f", tarball, "-I", "xz -T0", "-C", work.out, *_TAR, *patterns],
            what=f"unpack {tarball.name}",
        )

    return Target(
        "linux-source",
        build,
        packages=(package,),
        inputs={"subset": " ".join(subset)},
        sources=(Path(__file__),),
    )


def linux_headers_target(selection: Selection) -> Target:
    """Outputs: the headers packages and the workstation's kbuild package, unpacked."""
    packages = (
        *(p for p in selection.packages if p.package.startswith("linux-headers-")),
        one(selection.packages, "linux-kbuild-"),
    )

    def build(work: Workspace) -> None:
        unpack(work, packages, work.out)

    return Target("linux-headers", build, packages=packages, sources=(Path(__file__),))


def modules_target(
    wanted: ModuleSet,
    linux_source: Target,
    linux_headers: Target,
    *,
    cross: str,
) -> Target:
    """Outputs: the set's modules. `cross` is the prefix of the compiler's name."""

    def build(work: Workspace) -> None:
        build_modules(
            wanted,
            work.need(linux_source.name),
            work.need(linux_headers.name),
            work.out,
            cross=cross,
            commands=work.commands,
        )

    return Target(
        f"{wanted.name} modules",
        build,
        needs=(linux_source, linux_headers),
        inputs={"cross": cross},
        sources=(
            Path(__file__),
            Path(kernel_config.__file__),
            Path(kernel_modules.__file__),
            Path(make.__file__),
            Path(module_sets.__file__),
            Path(patch_series.__file__),
            *lists.files_below(wanted.series, wanted.kbuild),
        ),
    )
