# SPDX-License-Identifier: MIT
"""A kernel's source package in small: a Makefile of the same targets, and three files."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

from testbed.artifacts.cache import Cache
from testbed.artifacts.packages import Package
from testbed.artifacts.selection import Selection, Wish

MAKEFILE = """\
allnoconfig:
	@echo '# Linux/$(ARCH) 6.12.0 Kernel Configuration' > .config
	@grep -v LOST $(KCONFIG_ALLCONFIG) >> .config
vmlinux: one.o two.o three.o
	@$(CC) -nostdlib -r -o $@ $^
	@echo $(KBUILD_BUILD_USER) > System.map
modules:
modules_install:
	@mkdir -p $(INSTALL_MOD_PATH)/lib/modules/6.12.0-small
	@touch $(INSTALL_MOD_PATH)/lib/modules/6.12.0-small/modules.order
	@ln -s $(CURDIR) $(INSTALL_MOD_PATH)/lib/modules/6.12.0-small/build
%.o: %.c
	@echo '  CC      $@'
	@$(CC) -c -o $@ $<
	@touch .$@.cmd
"""

_COLLECT = """\
mkdir -p "$1/scripts"
echo "$SRCARCH $CC $HOSTCC" > "$1/scripts/said"
"""


def source_selection(cache: Cache, folder: Path, makefile: str = MAKEFILE) -> Selection:
    """A linux-source package of a small tree, made in `folder` and put into the cache.

    The same tree is the same package, whenever it is made.
    """
    tree = folder / "linux-source-6.12"
    files = {
        "Makefile": makefile,
        "one.c": "int one;\n",
        "two.c": "int two;\n",
        "three.c": "int three;\n",
        "scripts/package/install-extmod-build": _COLLECT,
        "arch/powerpc/lib/crtsavres.o": "",
        "Documentation/left-out": "",
        "sound/left-out.c": "",
    }
    for name, content in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(content)
    debian = folder / "package"
    (debian / "usr/src").mkdir(parents=True)
    (debian / "DEBIAN").mkdir()
    (debian / "DEBIAN/control").write_text(
        "Package: linux-source-6.12\nVersion: 6.12.0\nArchitecture: all\n"
        "Maintainer: Test <test@example.org>\nDescription: small\n"
    )
    tarball = debian / "usr/src/linux-source-6.12.tar.xz"
    package = folder / "package.deb"
    for command in (
        ["tar", "-cJf", tarball, "--sort=name", "--mtime=@0", "-C", folder, tree.name],
        ["dpkg-deb", "-b", "-Znone", debian, package],
    ):
        subprocess.run(
            command,
            check=True,
            timeout=60,
            capture_output=True,
            env={**os.environ, "SOURCE_DATE_EPOCH": "0"},
        )
    size, digest = package.stat().st_size, hashlib.sha256(package.read_bytes()).hexdigest()
    package.rename(cache.blobs / digest)
    path = "pool/main/l/linux/linux-source-6.12_6.12.0_all.deb"
    found = Package("linux-source-6.12", "6.12.0", "all", "main", path, size, digest)
    return Selection(Wish("kernel", {}), (found,))
