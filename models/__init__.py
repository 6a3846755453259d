# SPDX-License-Identifier: MIT
"""Device models, one module or package each, written against `testbed.remoteport.device.Device`."""
