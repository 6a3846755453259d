# SPDX-License-Identifier: MIT
"""The bring-up checklist of a real board: what VFIO needs for its devices, tested."""
