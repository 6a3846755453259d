# SPDX-License-Identifier: MIT
"""Figures of this machine: how long an access, a DMA, an interrupt and a run take."""
