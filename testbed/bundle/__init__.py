# SPDX-License-Identifier: MIT
"""One file with everything that a run was, to be replayed on another machine."""
