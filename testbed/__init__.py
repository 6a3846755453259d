# SPDX-License-Identifier: MIT
"""Hardware emulation testbed for platform devices assigned with VFIO."""

__version__ = "0.1.0"
