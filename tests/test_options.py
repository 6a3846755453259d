# SPDX-License-Identifier: MIT
from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from testbed.artifacts import NestedQemu
from testbed.options import ENVIRONMENT, Debugged, Options, TreeMaker

EVERYTHING = Options(
    board="other",
    kernel_series="6.1",
    guest_kernel_series="7",
    kernel=Path("/boot/Image"),
    guest_kernel=Path("/boot/guest Image"),
    qemu=Path("/opt/qemu"),
    qemu_source=Path("/opt/source"),
    guest_qemu=Path("/opt/guest"),
    guest_tree="qemu",
    nested_qemu="built",
    nested_kernel="fast",
    timeout_scale=2.5,
    results=Path("/tmp/größe"),
    directory=Path("/tmp/run"),
    seed=4711,
    manifest=Path("/tmp/manifest.json"),
    events=7,
    shell=True,
    cold=True,
    keep=True,
    gdb="guest",
)


@pytest.mark.parametrize("options", [Options(), EVERYTHING], ids=["defaults", "everything"])
def test_options_reach_the_scenarios_process(
    monkeypatch: pytest.MonkeyPatch, options: Options
) -> None:
    monkeypatch.setenv(ENVIRONMENT, options.to_json())
    assert Options.from_environment() == options


def test_every_option_is_tried_above() -> None:
    defaults = Options()
    same = [
        field.name
        for field in dataclasses.fields(Options)
        if getattr(EVERYTHING, field.name) == getattr(defaults, field.name)
    ]
    assert same == []


def test_without_a_runner_the_defaults_are_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    assert Options.from_environment() == Options()


@pytest.mark.parametrize(
    ("asked", "scenario", "nested"),
    [
        ("testbed", None, None),
        ("testbed", "testbed", None),
        ("testbed", "qemu", "built"),
        ("qemu", None, "built"),
        ("qemu", "testbed", None),
    ],
)
def test_only_the_built_qemu_makes_trees(
    asked: TreeMaker, scenario: TreeMaker | None, nested: NestedQemu | None
) -> None:
    """Who makes them is the scenario's word before the person's."""
    options = Options(guest_tree=asked, seed=1)
    wanted = Options(guest_tree=asked, seed=1, nested_qemu=nested)
    assert options.with_trees_by(scenario) == wanted


@pytest.mark.parametrize(
    "chosen", [Options(nested_qemu="stock"), Options(guest_qemu=Path("/opt/guest"))]
)
def test_choice_of_nested_qemu_is_the_persons(chosen: Options) -> None:
    assert chosen.with_trees_by("qemu") == chosen


@pytest.mark.parametrize("machine", ["host", "guest"])
def test_no_deadline_hurries_a_person_with_a_debugger(machine: Debugged) -> None:
    assert Options(timeout_scale=3).deadline_scale == 3
    assert Options(timeout_scale=3, gdb=machine).deadline_scale == 3000
