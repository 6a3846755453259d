# SPDX-License-Identifier: MIT
"""The bridge: attaches device models to an unmodified QEMU (C sources) and its build."""
