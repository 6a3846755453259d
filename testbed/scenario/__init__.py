# SPDX-License-Identifier: MIT
"""Scenarios: what a scenario file is written against."""

from testbed.scenario.base import Scenario

__all__ = ["Scenario"]
