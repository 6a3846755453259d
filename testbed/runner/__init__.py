# SPDX-License-Identifier: MIT
"""Running scenarios from the command line: finding them, a process for each, reports."""
