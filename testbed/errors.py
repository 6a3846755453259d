# SPDX-License-Identifier: MIT
"""The one exception the testbed raises for anything that is not a failed assertion."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path


class Stage(StrEnum):
    """Where a run can break. The values are what verdicts and reports print."""

    ARTIFACTS = "artifacts"
    HOST_BOOT = "host boot"
    BIND = "bind"
    GUEST_BOOT = "guest boot"
    MODEL = "model"
    INFRASTRUCTURE = "infrastructure"
    TEST = "test"


class TestbedError(Exception):
    """The testbed could not do what a scenario asked of it: verdict ERROR, never FAIL.

    `message` is one line: what was attempted, what came instead, what to do. `evidence` is the file
    that shows it, `excerpt` the few lines of it that matter.
    """

    __test__ = False  # pytest collects classes named Test*

    def __init__(
        self,
        stage: Stage,
        message: str,
        *,
        evidence: Path | None = None,
        excerpt: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.stage = stage
        self.message = message
        self.evidence = evidence
        self.excerpt = excerpt

    def __str__(self) -> str:
        return self.message
