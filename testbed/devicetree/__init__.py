# SPDX-License-Identifier: MIT
"""Device trees: reading, changing, and making the guest's node from the host's."""

from testbed.devicetree.tree import Node, Tree, TreeError

__all__ = ["Node", "Tree", "TreeError"]
