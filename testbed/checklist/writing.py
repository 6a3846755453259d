# SPDX-License-Identifier: MIT
"""What to write for a device that nothing is there for: a proposal of its fragment."""

from __future__ import annotations

import re

from testbed.checklist.board_nodes import BoardNode

_REWRITTEN = ("reg", "interrupts")
_DROPPED = re.compile(
    r"(?:linux,)?phandle|status|interrupt-(?:parent|names)|interrupts-extended|clocks|clock-names"
    r"|iommus|dma-names|dmas|resets|reset-names|power-domains|phys|phy-names|msi-parent"
    r"|pinctrl-.*|fsl,iommu-parent|fsl,liodn.*|.*-supply|.*gpios?"
)
"""Properties that are a host's own business, by the common bindings."""


def file_name(node: BoardNode) -> str:
    """What files about devices of a node's kind could be called."""
    return re.sub(r"[^a-z0-9]+", "_", node.compatible[0].lower()).strip("_")


def proposal(node: BoardNode) -> str:
    """A fragment for the node's binding, to be read with the binding at hand."""
    names = list(node.node.properties())
    dropped = [name for name in names if _DROPPED.fullmatch(name)]
    rewritten = [name for name in names if name in _REWRITTEN]
    copied = [name for name in names if name not in (*dropped, *rewritten)]
    return "\n".join(
        (
            "// SPDX-License-Identifier: MIT",
            f"/* What a guest sees of a device like {node.node.name}. Binding: look for",
            f" * {node.compatible[0]} in Documentation/devicetree/bindings. */",
            "/dts-v1/;",
            "",
            "/ {",
            f"\tguest,compatible = {_list(node.compatible)};",
            f"\tguest,copy = {_list(copied)};",
            f"\tguest,rewrite = {_list(rewritten)};",
            f"\tguest,drop = {_list(sorted({*dropped, 'phandle', 'status', 'iommus'}))};",
            "};",
            "",
        )
    )


def _list(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names) or '""'
