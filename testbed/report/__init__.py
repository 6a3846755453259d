# SPDX-License-Identifier: MIT
"""What a run left behind, read again: as a page to look at, and for other people's viewers."""
