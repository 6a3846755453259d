# SPDX-License-Identifier: MIT
"""The bridge was built for another release of QEMU."""

import os
from dataclasses import replace
from pathlib import Path

from testbed.artifacts import BoardArtifacts
from testbed.scenario import Scenario


class WrongBridge(Scenario):
    def parts(self, artifacts: BoardArtifacts) -> BoardArtifacts:
        return replace(artifacts, bridge=Path(os.environ["TESTBED_TEST_BRIDGE"]))

    def test(self) -> None:
        raise AssertionError("QEMU cannot have taken that bridge")
