# SPDX-License-Identifier: MIT
"""The same self-tests accept a SEC of the QorIQ T series, whose drivers work another way.

Big-endian, short pointers, split keys that the driver has generated beforehand, IVs of XTS of 64
bits, and no state handle of the RNG running before the host's driver starts them.
"""

from models.sec import PRESETS
from testbed.scenario.sec_selftest import SecSelftestScenario


class SecSelftestEra5(SecSelftestScenario):
    sec = PRESETS["T4240"]
