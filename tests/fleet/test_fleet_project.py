# SPDX-License-Identifier: MIT
"""The digest of a project tells every difference that reaches a machine, and no other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.fleet import project as module
from testbed.fleet.project import digest


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("testbed/cli/main.py", "scenarios/uart.py", "Makefile", "tests/test_run.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def test_a_copy_elsewhere_has_the_same(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    for path in sorted((p for p in project.rglob("*") if p.is_file()), reverse=True):
        copy = other / path.relative_to(project)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    assert digest(other) == digest(project)


def test_the_order_of_files_on_the_disk_does_not_matter(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest(project)
    files = module._files
    monkeypatch.setattr(module, "_files", lambda project: reversed(list(files(project))))
    assert digest(project) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda p: (p / "scenarios/uart.py").write_text("other"),
        lambda p: (p / "Makefile").unlink(),
        lambda p: (p / "scenarios/uart.py").rename(p / "scenarios/uart2.py"),
        lambda p: (p / "scenarios/uart.py").rename(p / "testbed/uart.py"),
        lambda p: (p / "scenarios/new.dts").touch(),
    ],
    ids=["content", "removed", "renamed", "moved", "added"],
)
def test_a_change_is_told(project: Path, change: Callable[[Path], object]) -> None:
    before = digest(project)
    change(project)
    assert digest(project) != before


@pytest.mark.parametrize(
    "name",
    [
        "testbed/__pycache__/main.pyc",
        "testbed/cli/__pycache__/main.cpython-311.pyc",
        "testbed/testbed.egg-info/PKG-INFO",
        "scenarios/.uart.py.swp",
        "testbed/.cache/x",
        "tests/test_new.py",
        ".git/HEAD",
        "notes.txt",
    ],
)
def test_what_machines_do_not_get_is_not_looked_at(project: Path, name: str) -> None:
    before = digest(project)
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    assert digest(project) == before
