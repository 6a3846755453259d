# SPDX-License-Identifier: MIT
"""Builds the bridge for one QEMU: generated headers, compiler, one shared object."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from testbed.errors import Stage, TestbedError

HERE = Path(__file__).resolve().parent

#: What of a QEMU source tree the build reads: folders and files, relative to its top. Those that
#: a release does not have (`host/include` came with 8.1) are simply not there.
SOURCE_SUBSET = (
    "VERSION",
    "host/include",
    "include",
    "linux-headers",
    "qapi",
    "scripts",
    "target/ppc",
    "tcg",
)

_FLAGS = shlex.split(
    "-std=gnu11 -O2 -g0 -fPIC -fvisibility=hidden -fno-strict-aliasing -fno-common -fwrapv"
    " -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_LARGEFILE_SOURCE"
    " -Werror=implicit-function-declaration -Werror=int-conversion"
    " -Werror=incompatible-pointer-types -Wall -Wextra"
    " -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers"
)

# Units about CPUs of one target are built as QEMU builds its code for that target, whose structures
# they see. Which of these macros tells it, and what the header has, differs between releases.
_TARGET_UNITS = {"booke": "ppc"}
_TARGET_FLAGS = ("-DCONFIG_SOFTMMU", "-DNEED_CPU_H", "-DCOMPILING_PER_TARGET")
_TARGET_HEADERS = {
    "ppc": '#define TARGET_ARCH "ppc"\n'
    '#define TARGET_NAME "ppc"\n'
    "#define TARGET_PPC 1\n"
    "#define TARGET_BIG_ENDIAN 1\n"
    "#define TARGET_LONG_BITS 32\n"
    "#define CONFIG_TCG 1\n",
}

# Weak references alone would not make the linker record the C library's symbol versions.
_LINK_FLAGS = ("-shared", "-Wl,-z,now,--no-as-needed")

_TOOL_TIMEOUT = 120  # seconds, each


@dataclass(frozen=True)
class QemuVersion:
    """Release and package of a QEMU, as `qemu-system-* --version` and QMP's query-version say."""

    major: int
    minor: int
    micro: int
    package: str

    @property
    def release(self) -> str:
        return f"{self.major}.{self.minor}.{self.micro}"

    @classmethod
    def parse(cls, text: str) -> QemuVersion:
        """From the output of `--version`; raises TestbedError for anything else."""
        match = re.match(r"QEMU emulator version (\d+)\.(\d+)\.(\d+)(?: \((.*)\))?$", text, re.M)
        if match is None:
            raise _error(
                "cannot read the version of QEMU: expected 'QEMU emulator version X.Y.Z (package)'"
                f" but got {text.strip()[:80]!r}; is this a QEMU system emulator?"
            )
        major, minor, micro, package = match.groups()
        return cls(int(major), int(minor), int(micro), package or "")


def build(source: Path, qemu_version: str, out: Path, cc: str = "gcc") -> None:
    """Builds the bridge for one QEMU.

    `source` is the source tree of that QEMU (`SOURCE_SUBSET` of it is enough) with the
    distribution's patches applied; `qemu_version` what its `--version` prints; `out` the shared
    object, which appears whole or not at all. Takes about 4 s. Raises TestbedError when the source
    is of another release or a tool fails, with the tool's first error line.
    """
    version = QemuVersion.parse(qemu_version)
    _check_source(source, version)
    with tempfile.TemporaryDirectory(prefix="testbed-bridge-") as folder:
        work = Path(folder)
        compile_command = [
            *shlex.split(cc),
            *_FLAGS,
            *_include_flags(source, work),
            *_glib_flags(),
        ]
        _write_headers(source, version, work)
        objects = _compile_all(compile_command, source, work)
        objects.append(_compile(compile_command, _write_symbol_table(objects, work), work))
        # Weak, so that QEMU can load the object even where a symbol is missing, and the object can
        # say which QEMU it was built for instead of the dynamic linker naming a symbol.
        for name in objects:
            _run("weakening symbols", ["objcopy", "--weaken", str(name)])
        linked = work / "testbed-rp.so"
        _run(
            "linking the bridge",
            [*shlex.split(cc), *_LINK_FLAGS, *map(str, objects), "-o", str(linked)],
        )
        _install(linked, out)


def _error(message: str) -> TestbedError:
    return TestbedError(Stage.ARTIFACTS, message)


def _check_source(source: Path, version: QemuVersion) -> None:
    try:
        found = (source / "VERSION").read_text().strip()
    except OSError as error:
        raise _error(
            f"building the bridge: {source} is not a QEMU source tree ({error.strerror}: VERSION);"
            f" name the source of QEMU {version.release}"
        ) from error
    if found != version.release:
        raise _error(
            f"building the bridge: {source} is the source of QEMU {found}, the program is"
            f" {version.release}; name the source of that release"
        )


def _run(what: str, command: list[str], env: dict[str, str] | None = None) -> str:
    """Standard output of a tool that must succeed."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TOOL_TIMEOUT,
            env=env,
            check=False,
        )
    except FileNotFoundError as error:
        raise _error(
            f"{what}: there is no program '{command[0]}'; 'testbed doctor' says what to install"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise _error(f"{what}: '{command[0]}' did not end within {_TOOL_TIMEOUT} s") from error
    if done.returncode != 0:
        lines = done.stderr.splitlines()
        raise TestbedError(
            Stage.ARTIFACTS,
            f"{what}: '{command[0]}' failed: {_first_error(lines, done.returncode)}",
            excerpt=tuple(lines[:20]),
        )
    return done.stdout


def _first_error(lines: list[str], status: int) -> str:
    errors = (line for line in lines if re.search(r"\berror\b", line, re.I))
    return next(errors, lines[-1] if lines else f"exit status {status}")


def _glib_flags() -> list[str]:
    what = "building the bridge: looking for glib's headers"
    return shlex.split(_run(what, ["pkg-config", "--cflags", "glib-2.0", "gmodule-2.0"]))


def _include_flags(source: Path, work: Path) -> list[str]:
    """Where headers are found, and that no path of this machine gets into the object."""
    return [
        f"-I{HERE}",
        f"-I{work}",
        f"-I{work / 'qapi'}",
        f"-I{source / 'include'}",
        f"-I{source / 'host/include/x86_64'}",
        f"-I{source / 'host/include/generic'}",
        f"-I{source / 'tcg/i386'}",
        "-isystem",
        str(source / "linux-headers"),
        f"-ffile-prefix-map={HERE}=bridge",
        f"-ffile-prefix-map={source}=qemu",
        f"-ffile-prefix-map={work}=generated",
    ]


def _write_headers(source: Path, version: QemuVersion, work: Path) -> None:
    package = version.package.replace("\\", "\\\\").replace('"', '\\"')
    (work / "built-for.h").write_text(
        f"#define RP_QEMU_MAJOR {version.major}\n"
        f"#define RP_QEMU_MINOR {version.minor}\n"
        f"#define RP_QEMU_MICRO {version.micro}\n"
        f'#define RP_QEMU_PACKAGE "{package}"\n'
    )
    for target, header in _TARGET_HEADERS.items():
        (work / _target_header(target)).write_text(header)
    # Would forbid the macros of targets in code that is built once for all of them.
    (work / "config-poison.h").write_text("")
    _run(
        "generating QAPI headers",
        [
            sys.executable,
            str(source / "scripts/qapi-gen.py"),
            "-b",
            "-o",
            str(work / "qapi"),
            str(source / "qapi/qapi-schema.json"),
        ],
        # The source tree may be in a cache that must not change.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


def _compile(command: list[str], unit: Path, work: Path) -> Path:
    out = work / f"{unit.stem}.o"
    _run(f"compiling {unit.name}", [*command, "-c", str(unit), "-o", str(out)])
    return out


def _compile_all(command: list[str], source: Path, work: Path) -> list[Path]:
    def compile_unit(unit: Path) -> Path:
        target = _TARGET_UNITS.get(unit.stem)
        flags = [] if target is None else _target_flags(target, source)
        return _compile([*command, *flags], unit, work)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(compile_unit, sorted(HERE.glob("*.c"))))


def _target_flags(target: str, source: Path) -> list[str]:
    config = f'-DCONFIG_TARGET="{_target_header(target)}"'
    return [*_TARGET_FLAGS, config, f"-I{source}", f"-I{source / 'target' / target}"]


def _target_header(target: str) -> str:
    return f"{target}-softmmu-config-target.h"


def _symbols(objects: Iterable[Path], *options: str) -> set[str]:
    listing = _run("listing symbols", ["nm", "-j", "-g", *options, *map(str, objects)])
    return {line for line in listing.split() if not line.endswith(":")}


def _write_symbol_table(objects: list[Path], work: Path) -> Path:
    """The names the objects take from QEMU and its libraries, for the check in abi.c."""
    wanted = _symbols(objects, "--undefined-only") - _symbols(objects, "--defined-only")
    wanted -= {"_GLOBAL_OFFSET_TABLE_", "rp_qemu_symbols"}
    table = work / "qemu-symbols.c"
    lines = "".join(f'    "{name}",\n' for name in sorted(wanted))
    table.write_text(f"const char *const rp_qemu_symbols[] = {{\n{lines}    0\n}};\n")
    return table


def _install(linked: Path, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        shutil.copyfile(linked, partial)
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
