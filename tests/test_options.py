# SPDX-License-Identifier: MIT
from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from testbed.options import ENVIRONMENT, Options

EVERYTHING = Options(
    board="other",
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


def test_what_only_the_built_qemu_can_do_asks_for_it() -> None:
    assert Options(seed=1).with_built_qemu() == Options(nested_qemu="built", seed=1)


@pytest.mark.parametrize(
    "chosen", [Options(nested_qemu="stock"), Options(guest_qemu=Path("/opt/guest"))]
)
def test_choice_of_nested_qemu_is_the_persons(chosen: Options) -> None:
    assert chosen.with_built_qemu() == chosen
