# SPDX-License-Identifier: MIT
"""`testbed list`: the scenarios and what each is about."""

from __future__ import annotations

import argparse

from testbed.runner.discover import all_scenarios


def main(_parsed: argparse.Namespace) -> int:
    scenarios = all_scenarios()
    width = max((len(scenario.name) for scenario in scenarios), default=0)
    for scenario in scenarios:
        print(f"{scenario.name:<{width}}  {scenario.summary()}")
    return 0
