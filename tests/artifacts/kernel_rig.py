# SPDX-License-Identifier: MIT
"""A kernel's source package in small: a Makefile of the same targets, and three files."""

from __future__ import annotations

from pathlib import Path

from source_rig import binary_package, run, write_tree

from testbed.artifacts.cache import Cache
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

_NAME = "linux-source-6.12"
_COLLECT = """\
mkdir -p "$1/scripts"
echo "$SRCARCH $CC $HOSTCC" > "$1/scripts/said"
"""


def source_selection(cache: Cache, folder: Path, makefile: str = MAKEFILE) -> Selection:
    """A linux-source package of a small tree, made in `folder` and put into the cache.

    The same tree is the same package, whenever it is made.
    """
    files = {
        "Makefile": makefile,
        "one.c": "int one;\n",
        "two.c": "int two;\n",
        "three.c": "int three;\n",
        "scripts/package/install-extmod-build": _COLLECT,
        "arch/powerpc/lib/crtsavres.o": "",
        "Documentation/left-out": "",
        "sound/left-out.c": "",
        "drivers/usb/core/usb.c": "",
    }
    write_tree(folder / "tree" / _NAME, files)
    tarball = folder / _NAME / f"usr/src/{_NAME}.tar.xz"
    tarball.parent.mkdir(parents=True)
    run("tar", "-cJf", tarball, "--sort=name", "--mtime=@0", "-C", folder / "tree", _NAME)
    return Selection(Wish("kernel", {}), (binary_package(cache, folder, _NAME, {}),))
