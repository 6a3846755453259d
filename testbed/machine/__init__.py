# SPDX-License-Identifier: MIT
"""The emulated host, the guests nested in it, and handing devices from one to the other."""
