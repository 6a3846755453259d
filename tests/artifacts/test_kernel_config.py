# SPDX-License-Identifier: MIT
"""Kernel configurations: a symbol that was not taken as asked is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.artifacts.kernel_config import architecture, check_config
from testbed.artifacts.lists import GUESTS
from testbed.errors import TestbedError

CONFIG = """\
#
# Automatically generated file; DO NOT EDIT.
# Linux/powerpc 6.12.117 Kernel Configuration
#
CONFIG_MODULES=y
CONFIG_VFIO=m
CONFIG_LOCALVERSION="-testbed"
CONFIG_SERIAL_8250_NR_UARTS=4
# CONFIG_VT is not set
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / ".config"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def fragment(tmp_path: Path) -> Path:
    return tmp_path / "board.config"


def test_what_is_as_asked(config: Path, fragment: Path) -> None:
    fragment.write_text(
        '# Why\nCONFIG_MODULES=y\n\nCONFIG_VFIO=m\nCONFIG_LOCALVERSION="-testbed"\n'
        "CONFIG_SERIAL_8250_NR_UARTS=4\nCONFIG_VT=n\nCONFIG_GONE=n\n"
    )
    check_config(fragment, config)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("CONFIG_GONE=y", "CONFIG_GONE=y became n"),
        ("CONFIG_VT=y", "CONFIG_VT=y became n"),
        ("CONFIG_VFIO=y", "CONFIG_VFIO=y became m"),
        ("CONFIG_VFIO=n", "CONFIG_VFIO=n became m"),
        ('CONFIG_LOCALVERSION=""', 'CONFIG_LOCALVERSION="" became "-testbed"'),
    ],
)
def test_what_is_not(config: Path, fragment: Path, line: str, complaint: str) -> None:
    fragment.write_text(f"CONFIG_MODULES=y\n{line}\n")
    with pytest.raises(TestbedError) as caught:
        check_config(fragment, config)
    assert caught.value.message == (
        f"cannot configure the kernel as board.config asks: {complaint};"
        " look at what they depend on"
    )


def test_many_are_counted(config: Path, fragment: Path) -> None:
    fragment.write_text("".join(f"CONFIG_GONE_{n}=y\n" for n in range(5)))
    with pytest.raises(TestbedError, match="CONFIG_GONE_2=y became n and 2 more; ") as caught:
        check_config(fragment, config)
    assert len(caught.value.excerpt) == 5


def test_architecture(config: Path) -> None:
    assert architecture(config) == "powerpc"
    config.write_text("CONFIG_MODULES=y\n")
    with pytest.raises(TestbedError, match="does not say what it is for"):
        architecture(config)


@pytest.mark.parametrize("path", sorted((GUESTS / "kernel").glob("*.config")), ids=lambda p: p.name)
def test_fragments_say_everything_once(path: Path) -> None:
    """A second line for a symbol would win in silence; "is not set" would be a comment."""
    lines = path.read_text().splitlines()
    names = [line.partition("=")[0] for line in lines if line and not line.startswith("#")]
    assert len(names) == len(set(names))
    assert all(name.startswith("CONFIG_") for name in names)
    assert not [line for line in lines if line.endswith(" is not set")]
