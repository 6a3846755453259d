# SPDX-License-Identifier: MIT
"""gdb at a machine's kernel: its names, and the words that attach gdb."""
