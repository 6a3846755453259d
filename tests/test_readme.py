# SPDX-License-Identifier: MIT
"""What the README shows is what there is."""

from __future__ import annotations

import re

from testbed.cli.main import main
from testbed.paths import PROJECT, SCENARIOS, scenario_name

README = (PROJECT / "README.md").read_text()


def test_the_scenario_is_the_file() -> None:
    (shown,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert shown == (SCENARIOS / "uart_kill.py").read_text()


def test_every_command_is_in_the_table() -> None:
    shown = set(re.findall(r"^\| `testbed ([\w-]+)", README, re.MULTILINE))
    modules = {path.stem for path in (PROJECT / "testbed" / "cli").glob("*.py")}
    assert {name.replace("-", "_") for name in shown} == modules - {
        "__init__",
        "main",
        "command_line",
        "arguments",
    }
    assert callable(main)


def test_every_scenario_is_in_the_table() -> None:
    for path in SCENARIOS.glob("*.py"):
        assert f"`{scenario_name(path)}`" in README, f"{path.name} is not in the README"
