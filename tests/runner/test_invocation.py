# SPDX-License-Identifier: MIT
"""What a run was asked, as the command that asks it again."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

import pytest

from testbed.artifacts import NestedKernel, NestedQemu
from testbed.cli import arguments, given
from testbed.options import Options
from testbed.paths import SCENARIOS
from testbed.runner import invocation
from testbed.runner.invocation import Invocation

HERE = "testbed run uart-kill --board arm-virt --seed 7"


def command(options: Options, scenario: Path = SCENARIOS / "uart_kill.py") -> str:
    return Invocation(scenario, options, "revision").command(7)


def test_a_scenario_of_the_project_goes_by_its_name() -> None:
    assert command(Options()) == HERE


def test_any_other_goes_by_its_path(tmp_path: Path) -> None:
    scenario = tmp_path / "my own.py"
    assert command(Options(), scenario) == (
        f"testbed run {shlex.quote(str(scenario))} --board arm-virt --seed 7"
    )


@pytest.mark.parametrize("nested", ["stock", "fast"])
@pytest.mark.parametrize("qemu", ["stock", "built"])
def test_the_command_asks_for_the_same(
    tmp_path: Path, nested: NestedKernel, qemu: NestedQemu
) -> None:
    """Of all that makes a difference to the machines, but not of who looks at them."""
    for name in ("Image", "qemu", "source"):
        (tmp_path / name).mkdir()
    asked = Options(
        kernel=tmp_path / "Image",
        qemu=tmp_path / "qemu",
        qemu_source=tmp_path / "source",
        nested_kernel=nested,
        nested_qemu=qemu,
        guest_tree="qemu",
        cold=True,
        seed=7,
    )
    parser = argparse.ArgumentParser()
    arguments.add_subcommands(parser)
    again = parser.parse_args(shlex.split(command(asked))[1:])
    assert given.options_of(again) == asked


def test_kernels_and_qemus_of_guests_that_are_brought_are_named() -> None:
    brought = Options(guest_kernel=Path("/k/Image"), guest_qemu=Path("/q/qemu"))
    assert command(brought) == f"{HERE} --guest-kernel /k/Image --guest-qemu /q/qemu"


def test_kernels_of_a_series_are_named_by_it() -> None:
    asked = Options(kernel_series="6.1", guest_kernel_series="7", seed=7)
    assert command(asked) == f"{HERE} --kernel 6.1 --guest-kernel 7"
    parser = argparse.ArgumentParser()
    arguments.add_subcommands(parser)
    again = parser.parse_args(shlex.split(command(asked))[1:])
    assert given.options_of(again) == asked


@pytest.mark.parametrize("own", [True, False])
def test_a_run_is_read_where_the_project_is(
    own: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is elsewhere on another machine, whose runs come from there."""
    there, outside = tmp_path / "there", tmp_path / "outside.py"
    monkeypatch.setattr(invocation, "PROJECT", there)
    monkeypatch.setattr(invocation, "SCENARIOS", there / "scenarios")
    run = there / "scenarios" / "sata.py" if own else outside
    Invocation(run, Options(), "revision").write(tmp_path)
    monkeypatch.undo()
    found = Invocation.read(tmp_path).scenario
    assert found == (SCENARIOS / "sata.py" if own else outside)
