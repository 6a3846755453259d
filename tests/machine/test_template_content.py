# SPDX-License-Identifier: MIT
"""What a template is named by: all that makes a host, and no more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from avocado.core.test_id import TestID as AvocadoId

from models.ns16550a import Ns16550a
from testbed.artifacts import BoardArtifacts
from testbed.artifacts.digest import json_sha256
from testbed.boards import BOARDS, board
from testbed.boards.board import ChildNode
from testbed.boards.own_models import with_models
from testbed.machine.model_content import Indescribable, sources
from testbed.machine.template_content import template_content
from testbed.paths import SCENARIOS
from testbed.scenario.process import load

ARM = board("arm-virt")
PARTS = ("qemu", "bridge", "host_kernel", "host_initramfs", "root", "payload")


@pytest.fixture
def artifacts(tmp_path: Path) -> BoardArtifacts:
    return parts_in(tmp_path)


def parts_in(folder: Path) -> BoardArtifacts:
    folder.mkdir(exist_ok=True)
    for name in PARTS:
        (folder / name).write_text(name)
    return BoardArtifacts(
        **{name: folder / name for name in PARTS},
        qemu_version="10.0.0",
        guest_kernel=folder / "guest_kernel",
        guest_initramfs=folder / "guest_initramfs",
        nested_qemu="built",
        nested_kernel="stock",
        manifest={"qemu": {"version": "10.0.0", "package": "Debian"}},
    )


def digest(artifacts: BoardArtifacts, devices: Any = ARM.devices, **other: Any) -> str:
    return json_sha256(template_content(ARM, artifacts, devices, **other))


def test_equal_hosts_are_one(artifacts: BoardArtifacts) -> None:
    assert digest(artifacts) == digest(artifacts, board("arm-virt").devices)


@pytest.mark.parametrize(
    "change",
    [
        {"append": "quiet"},
        {"state": ("/soc/serial@11c500",)},
        {"nodes": (ChildNode("clock"),)},
        {"devices": ARM.devices[:-1]},
        {"devices": (*ARM.devices[:-1], replace(ARM.devices[-1], interrupts=(199,)))},
        {"devices": (replace(ARM.devices[0], properties={}), *ARM.devices[1:])},
        {"devices": (replace(ARM.devices[0], model=lambda _: Ns16550a()), *ARM.devices[1:])},
    ],
    ids=["arguments", "bound", "nodes", "devices", "interrupt", "property", "model"],
)
def test_another_host_is_another(artifacts: BoardArtifacts, change: dict[str, Any]) -> None:
    assert digest(artifacts, **change) != digest(artifacts)


@pytest.mark.parametrize("part", PARTS)
def test_another_part_is_another_host(artifacts: BoardArtifacts, part: str) -> None:
    before = digest(artifacts)
    (getattr(artifacts, part)).write_text("another one")
    assert digest(artifacts) != before


def test_another_guests_qemu_is_another_host(artifacts: BoardArtifacts, tmp_path: Path) -> None:
    """It lies on a disk of the host."""
    brought = tmp_path / "brought"
    brought.write_text("one")
    found = [digest(artifacts), digest(artifacts, guest_qemu=brought)]
    brought.write_text("another one")
    found.append(digest(artifacts, guest_qemu=brought))
    assert len(set(found)) == 3


@pytest.mark.parametrize("what", ["version", "package"])
def test_another_version_of_qemu_is_another_host(artifacts: BoardArtifacts, what: str) -> None:
    """Its package has more files than the program."""
    qemu = {**artifacts.manifest["qemu"], what: "another one"}
    assert digest(replace(artifacts, manifest={"qemu": qemu})) != digest(artifacts)


def test_where_parts_lie_does_not_matter(artifacts: BoardArtifacts, tmp_path: Path) -> None:
    moved = replace(parts_in(tmp_path / "elsewhere"), qemu=artifacts.qemu)
    assert digest(moved) == digest(artifacts)


def made_with(value: object) -> Callable[..., Ns16550a]:
    return lambda _: Ns16550a(name=str(value))


def test_factories_differ_by_what_they_were_given(artifacts: BoardArtifacts) -> None:
    def given(value: object) -> str:
        first = replace(ARM.devices[0], model=made_with(value))
        return digest(artifacts, (first, *ARM.devices[1:]))

    assert given("a") == given("a")
    assert given("a") != given("b")
    assert given(ARM.devices[0]) == given(replace(ARM.devices[0]))
    assert given(ARM.devices[0]) != given(ARM.devices[1])
    with pytest.raises(Indescribable, match="are made with"):
        given(object())


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_has_templates(artifacts: BoardArtifacts, name: str) -> None:
    chosen = board(name)
    first, second = (template_content(chosen, artifacts, chosen.devices) for _ in range(2))
    assert first == second
    assert first["board"] == name
    assert first["sources"] == sources()


@pytest.mark.parametrize("name", BOARDS)
def test_every_scenario_has_a_template(
    artifacts: BoardArtifacts, tmp_path: Path, name: str
) -> None:
    chosen = board(name)
    for file in SCENARIOS.glob("*.py"):
        kind = load(file)
        if chosen.name in (kind.boards or BOARDS):
            scenario = kind("test", AvocadoId(1, file.stem), base_logdir=str(tmp_path))
            devices = with_models(scenario.devices(chosen), scenario.models())
            nodes, extra = scenario.nodes(chosen), scenario.host_arguments()
            assert template_content(chosen, artifacts, devices, nodes=nodes, extra=extra)


def test_property_that_says_nothing_of_itself_is_refused(artifacts: BoardArtifacts) -> None:
    value: Any = object()
    first = replace(ARM.devices[0], properties={"acme,value": value})
    with pytest.raises(Indescribable, match=r"devices are made with .*object at"):
        digest(artifacts, (first,))


def test_own_arguments_have_no_template(artifacts: BoardArtifacts) -> None:
    with pytest.raises(Indescribable, match="arguments of its own for QEMU"):
        digest(artifacts, extra=("-device", "pci-testdev"))
