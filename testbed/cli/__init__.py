# SPDX-License-Identifier: MIT
"""The `testbed` command: one module for each subcommand."""
