# SPDX-License-Identifier: MIT
"""The distribution's kernel, and the parts of its source that modules are built from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePath

from testbed.artifacts import (
    archive,
    build_tools,
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
_IMAGE_PACKAGES = tuple(f"linux-{kind}-" for kind in ("image", *archive.SPLIT))


def source_subset() -> list[str]:
    """What is kept of the usual kernel's source: what modules are built from and the project's
    patches change, and checkpatch.pl with its data. Raises TestbedError for a broken series.
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


def kernel_target(selection: Selection, name: str = "kernel") -> Target:
    """Outputs: Image (raw), config, modules/RELEASE/ as packaged."""
    image = tuple(p for p in selection.packages if p.package.startswith(_IMAGE_PACKAGES))
    release = kernel_release(selection)

    def build(work: Workspace) -> None:
        unpack(work, image, work.scratch)
        packaged = work.scratch / "lib/modules" / release
        if not packaged.is_dir():
            packaged = work.scratch / "usr/lib/modules" / release
        packed, config = (work.scratch / f"boot/{name}-{release}" for name in ("vmlinuz", "config"))
        if not packed.is_file():  # newer packages have both beside the modules
            packed, config = packaged / "vmlinuz", packaged / "config"
        (work.out / "Image").write_bytes(kernel_image.raw_image(packed))
        config.rename(work.out / "config")
        (work.out / "modules").mkdir()
        packaged.rename(work.out / "modules" / release)

    return Target(
        name,
        build,
        packages=image,
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


def linux_source_target(
    selection: Selection, subset: Sequence[str] = (), name: str = "linux-source"
) -> Target:
    """Outputs: the files of `subset`, else of source_subset(), in place.

    Raises TestbedError for a broken series.
    """
    package = one(selection.packages, "linux-source-")
    subset = subset or source_subset()

    def build(work: Workspace) -> None:
        unpack(work, [package], work.scratch)
        tarball = next((work.scratch / "usr/src").glob("linux-source-*.tar.xz"))
        tree = tarball.name.removesuffix(".tar.xz")
        patterns = [f"{tree}/{path}" for path in subset]
        work.commands.run(
            ["tar", "-x", "-f", tarball, "-I", "xz -T0", "-C", work.out, *_TAR, *patterns],
            what=f"unpack {tarball.name}",
        )

    return Target(
        name,
        build,
        packages=(package,),
        inputs={"subset": " ".join(subset)},
        sources=(Path(__file__),),
    )


def linux_headers_target(selection: Selection, name: str = "linux-headers") -> Target:
    """Outputs: the headers packages and the workstation's kbuild package, unpacked."""
    kbuild = one(selection.packages, "linux-kbuild-")
    headers = (p for p in selection.packages if p.package.startswith("linux-headers-"))
    libraries = [p for p in selection.packages if p.package == "libc6"]
    packages = (*headers, kbuild, *libraries)

    def build(work: Workspace) -> None:
        unpack(work, (p for p in packages if p not in libraries), work.out)
        if libraries:
            library = work.out / "libc"
            library.mkdir()
            unpack(work, libraries, library)
            build_tools.run_with_library(work.out / "usr/lib", library)

    return Target(
        name,
        build,
        packages=packages,
        sources=(Path(__file__), Path(build_tools.__file__)),
    )


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
            *lists.files_below(*wanted.all_series, wanted.kbuild),
        ),
    )
