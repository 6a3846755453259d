# SPDX-License-Identifier: MIT
"""What SATA controllers have in common, whatever their registers are.

`SataController` and `SataPort` are what scenarios ask of one. The rest is for the models: the link
of a port (`link`), the registers that Serial ATA gives every host (`scr`), the deferred work with a
port's device (`worker`) and what its frames move (`gathering`), when to begin with queued commands
(`moderation`), and memory in few waits (`memory`). The disk on a port is `models.ata`'s.
"""

from models.sata.face import SataController, SataPort

__all__ = ["SataController", "SataPort"]
