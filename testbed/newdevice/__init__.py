# SPDX-License-Identifier: MIT
"""A new device: the files that make one, of a device that works, to be changed into another."""
