# SPDX-License-Identifier: MIT
"""Remote-Port 4.3: the protocol by which device models on the workstation serve a QEMU."""
