# SPDX-License-Identifier: MIT
"""read_machines: a file or a list, and one line that says what is wrong with either."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from testbed.fleet.machines import Machine, read_machines
from testbed.runner.discover import UsageError


def test_a_list_names_machines_alone() -> None:
    assert read_machines("alpha,me@beta.example") == [Machine("alpha"), Machine("me@beta.example")]


def test_a_file_may_say_more(tmp_path: Path) -> None:
    path = tmp_path / "machines"
    path.write_text(
        "# the rack\n\nalpha\n  beta slots=8 checkout=work/testbed # big\ngamma checkout=/srv/t\n"
    )
    assert read_machines(str(path)) == [
        Machine("alpha", "testbed", None),
        Machine("beta", "work/testbed", 8),
        Machine("gamma", "/srv/t", None),
    ]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("alpha\nalpha slots=2", "{}:2: alpha is there twice; give it slots=2 instead"),
        ("-oProxyCommand=x", "{}:1: '-oProxyCommand=x' is not a name that ssh knows"),
        ("alpha;ls", "{}:1: 'alpha;ls' is not a name"),
        ("alpha slots=0", "{}:1: 'slots=0' is neither slots=NUMBER nor checkout=FOLDER"),
        ("alpha slots=-1", "'slots=-1' is neither"),
        ("alpha slots=many", "'slots=many' is neither"),
        ("alpha checkout=", "'checkout=' is neither"),
        ("alpha checkout=-x", "'checkout=-x' is neither"),
        ("alpha checkout=$(ls)", "'checkout=$(ls)' is neither"),
        ("alpha user=me", "'user=me' is neither"),
        ("# nobody\n", "no machines in {}: neither a file that names some nor a list"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, lines: str, message: str) -> None:
    path = tmp_path / "machines"
    path.write_text(lines)
    with pytest.raises(UsageError, match=re.escape(message.format(path))):
        read_machines(str(path))


def test_a_list_of_nothing_is_none() -> None:
    with pytest.raises(UsageError, match="no machines in ,"):
        read_machines(",")


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "machines"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=f"cannot read the machines in {path}"):
        read_machines(str(path))
