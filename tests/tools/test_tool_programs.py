# SPDX-License-Identifier: MIT
"""The small programs of the machines, built for this one with sanitizers."""

from __future__ import annotations

import errno
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.artifacts.guest_programs import AGENT, guest_programs
from testbed.artifacts.lists import GUESTS

SHARED = GUESTS / "tools/lib"
FLAGS = ("-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", f"-I{SHARED}")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
TOOLS = {name: units for name, units in guest_programs().items() if name != AGENT}

Program = Callable[..., "subprocess.CompletedProcess[bytes]"]
Build = Callable[[str, list[Path]], Program]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    folder = tmp_path_factory.mktemp("tools")

    def build(name: str, units: list[Path]) -> Program:
        binary = folder / name
        if not binary.exists():
            command = ["gcc", *FLAGS, *SANITIZERS, "-o", binary, *units]
            subprocess.run(command, check=True, timeout=120)

        def run(*words: str, input: bytes = b"") -> subprocess.CompletedProcess[bytes]:
            return subprocess.run(
                [binary, *words], input=input, capture_output=True, timeout=60, check=False
            )

        return run

    return build


@pytest.fixture
def commands(build: Build) -> Program:
    check = Path(__file__).with_name("command_check.c")
    return build("command_check", [check, *sorted(SHARED.glob("*.c"))])


def said(done: subprocess.CompletedProcess[bytes]) -> str:
    """The one line of an error, with status 1 and no result."""
    assert done.returncode == 1, done.stderr.decode()
    assert done.stdout == b""
    (line,) = done.stderr.decode().splitlines()
    return line


@pytest.mark.parametrize("name", TOOLS)
def test_builds_without_a_warning(build: Build, name: str) -> None:
    build(name, TOOLS[name])


@pytest.mark.parametrize("name", ["vfio-info", "vfio-bounds", "vfio-interrupts"])
def test_wrong_use(build: Build, name: str) -> None:
    run = build(name, TOOLS[name])
    assert said(run()).startswith(f"{name}: usage: {name} DEVICE")
    assert said(run("no-such.device")) == f"{name}: no platform device 'no-such.device'"
    assert "'../x' is not a device name" in said(run("../x"))


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "usage: register-page vfio DEVICE | memory ADDRESS"),
        (("vfio",), "usage: register-page vfio DEVICE | memory ADDRESS"),
        (("port", "0x60"), "usage: register-page vfio DEVICE | memory ADDRESS"),
        (("vfio", "no-such.device"), "no platform device 'no-such.device'"),
        (("memory", "here"), "ADDRESS 'here' is not a number"),
        (("memory", "0x1001"), "ADDRESS '0x1001' is not that of a page"),
    ],
)
def test_no_register_page(build: Build, words: tuple[str, ...], complaint: str) -> None:
    assert complaint in said(build("register-page", TOOLS["register-page"])(*words))


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "usage: vfio-dma DEVICE PIECES SIZE"),
        (("jr", "1"), "usage: vfio-dma DEVICE PIECES SIZE"),
        (("jr", "0", "4096"), "PIECES '0' is not a number from 1 to 16"),
        (("jr", "17", "4096"), "PIECES '17' is not a number from 1 to 16"),
        (("jr", "1", "page"), "SIZE 'page' is not a number"),
        (("jr", "1", "0"), "SIZE '0' is not a number from 4096"),
        (("jr", "1", "4098"), "SIZE '4098' is not a number of pages"),
        (("jr", "1", "0x8000000"), "SIZE '0x8000000' is not a number from 4096 to 67108864"),
        (("no-such.device", "1", "4096"), "no platform device 'no-such.device'"),
        (("../x", "1", "4096"), "'../x' is not a device name"),
    ],
)
def test_no_memory_for_a_device(build: Build, words: tuple[str, ...], complaint: str) -> None:
    assert complaint in said(build("vfio-dma", TOOLS["vfio-dma"])(*words))


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "usage: sec-job DEVICE ALGORITHM"),
        (("jr", "sha256"), "no platform device 'jr'"),
        (("jr", "sha256", "key"), "option 'key' has no value"),
        (("jr", "sha256", "colour=red"), "no option 'colour'"),
        (("jr", "sha256", "key=0"), "key=0 is not at most 32 bytes in hexadecimal"),
        (("jr", "sha256", "key=0g"), "key=0g is not at most 32 bytes in hexadecimal"),
        (("jr", "sha256", f"iv={'00' * 17}"), "is not at most 16 bytes in hexadecimal"),
        (("jr", "sha256", "iova=0x1001"), "iova=0x1001 is not that of a page"),
        (("jr", "sha256", "iova=-4096"), "iova=-4096 is not a number"),
        (("jr", "sha256", "pieces=65"), "pieces=65 is not a number up to 64"),
        (("jr", "sha256", "pieces=0"), "pieces=0: a message is one piece or more"),
    ],
)
def test_wrong_jobs(build: Build, words: tuple[str, ...], complaint: str) -> None:
    assert complaint in said(build("sec-job", TOOLS["sec-job"])(*words))


def test_commands_are_lines_of_words(commands: Program) -> None:
    done = commands(input=b"one\n\n  two   words \na b c d e f g h i j k l m n o p\nleft over")
    assert done.returncode == 0
    assert done.stdout == b"count=1 last=one\ncount=0 last=\ncount=2 last=words\ncount=16 last=p\n"


def test_commands_longer_than_the_buffer_together(commands: Program) -> None:
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    words = [rng.randbytes(rng.randint(1, 9000)).hex() for _ in range(100)]
    done = commands(input="".join(f"x {word}\n" for word in words).encode())
    assert done.stdout.decode() == "".join(f"count=2 last={word}\n" for word in words)


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        (" ".join("a" * 17), "command of more than 16 words"),
        ("a" * 40000, "command of more than"),
        ("number", "WORD is '', not a number"),
        ("number 1x", "WORD is '1x', not a number"),
        ("number -1", "WORD is '-1', not a number"),
        ("number 18446744073709551616", "not a number"),
        ("bytes", "WORD is '', not 1 to 4 bytes in hexadecimal"),
        ("bytes 123", "WORD is '123', not 1 to 4 bytes in hexadecimal"),
        ("bytes 0x12", "WORD is '0x12', not 1 to 4 bytes in hexadecimal"),
        ("bytes 1122334455", "not 1 to 4 bytes in hexadecimal"),
    ],
)
def test_commands_that_are_none(commands: Program, command: str, complaint: str) -> None:
    assert complaint in said(commands(input=f"{command}\n".encode()))


def test_bytes(commands: Program) -> None:
    done = commands(input=b"bytes 11\nbytes 00fFa501\n")
    assert done.stdout == b"count=1 bytes=17,0,0,0\ncount=4 bytes=0,255,165,1\n"


def test_numbers_and_errors(commands: Program) -> None:
    done = commands(input=f"number 0x10\nnumber {2**64 - 1}\nerror {errno.EINVAL}\n".encode())
    assert done.stdout.decode().split() == [
        "number=16",
        f"number={2**64 - 1}",
        "error=EINVAL",
    ]
