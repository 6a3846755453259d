# SPDX-License-Identifier: MIT
"""The files of a new device: how many lines, which names, and what is refused."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from models.words import WordDevice
from testbed.cli.main import main
from testbed.devicetree.fragment import Fragment
from testbed.errors import TestbedError
from testbed.newdevice.write import write_device
from testbed.runner.discover import UsageError

MODEL = "models/light_switch.py"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("guests/fragments", "kernel-patches/vfio-platform", "models", "scenarios"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def test_a_whole_device_is_less_than_150_lines(project: Path) -> None:
    written = write_device("light-switch", project)
    assert set(map(str, written)) == {
        MODEL,
        "guests/fragments/light-switch.dts",
        "kernel-patches/vfio-platform/reset/light-switch.c",
        "scenarios/light_switch_works.py",
    }
    lines = [line for path in written for line in (project / path).read_text().splitlines()]
    assert len(lines) == sum(written.values()) < 150


def test_its_fragment_is_for_it(project: Path) -> None:
    write_device("light-switch", project)
    fragment = Fragment.load(project / "guests/fragments/light-switch.dts")
    assert fragment.compatible == ("acme,light-switch",)
    assert fragment.rules.rewrite == {"reg", "interrupts"}


def test_the_model_can_be_reset_whatever_waits_in_it(project: Path) -> None:
    """The handler reads what waits, up to 4095 bytes: with more, VFIO would not give it out."""
    write_device("light-switch", project)
    source = (project / MODEL).read_text()
    names: dict[str, Any] = {"__name__": "light_switch"}
    exec(compile(source, MODEL, "exec"), names)
    model: WordDevice = names["LightSwitch"]("light-switch@500000")
    for _ in range(70_000):
        model.write(0, 0x00, 4, ord("a"))
    other = names["LightSwitch"]("light-switch@500000")
    other.load(model.save())
    waiting = 0
    while model.read(0, 0x14, 4) & 1:
        assert model.read(0, 0x00, 4) == ord("A")
        waiting += 1
    assert 0 < waiting < 4095


@pytest.mark.parametrize("name", ["", "Mirror", "3d", "a_b", "a--b", "-a", "a/b", "a b"])
def test_names_that_are_none(project: Path, name: str) -> None:
    with pytest.raises(UsageError, match="small letters and digits"):
        write_device(name, project)
    assert not list((project / "models").iterdir())


def imported(*files: Path) -> set[str]:
    trees = [ast.parse(file.read_text()) for file in files]
    found = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return {alias.name for node in found for alias in node.names}


def test_names_that_the_files_use_themselves(project: Path) -> None:
    written = [project / path for path in write_device("light-switch", project)]
    classes = imported(*(path for path in written if path.suffix == ".py")) - {"LightSwitch"}
    titles = [name for name in classes if name[0].isupper()]
    assert {"Any", "Board", "WordDevice"} <= set(titles)
    names = [re.sub("(?<=.)(?=[A-Z])", "-", title).lower() for title in titles]
    for name in (*names, "class", "none", "true"):
        with pytest.raises(UsageError, match=f"new-device {name}: .* another use for the name"):
            write_device(name, project)


def test_nothing_is_written_over(project: Path) -> None:
    write_device("light-switch", project)
    (project / MODEL).write_text("mine")
    with pytest.raises(UsageError, match=r"models/light_switch\.py is there already"):
        write_device("light-switch", project)
    assert (project / MODEL).read_text() == "mine"


def test_one_that_cannot_be_written_whole_is_not_there(project: Path) -> None:
    (project / "scenarios").rmdir()
    (project / "scenarios").touch()
    with pytest.raises(TestbedError, match=r"writing .*/scenarios/light_switch_works\.py failed: "):
        write_device("light-switch", project)
    assert not [path for path in project.rglob("*light*") if path.is_file()]


def test_a_package_of_the_name_is_in_the_way(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-device", "sec"]) == 3
    assert "models/sec is there already" in capsys.readouterr().err
