# SPDX-License-Identifier: MIT
"""`testbed list`: the scenarios and what each is about."""

from __future__ import annotations

import argparse

from testbed.runner.discover import all_scenarios


def main(_parsed: argparse.Namespace) -> int:
    scenarios = all_scenarios()
    width = max((len(scenario.name) for scenario in scenarios), default=0)
    for scenario in scenarios:
        boards = scenario.boards()
        only = f" (only {', '.join(boards)})" if boards else ""
        print(f"{scenario.name:<{width}}  {scenario.summary()}{only}")
    return 0
