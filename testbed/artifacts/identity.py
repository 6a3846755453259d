# SPDX-License-Identifier: MIT
"""What a file is by its content, wherever it lies."""

from __future__ import annotations

import json
from pathlib import Path

from testbed.artifacts.digest import file_sha256


def content_sha256(path: Path) -> str:
    """SHA-256 of a file; of one in the cache, as it was written down when it was made.

    Raises OSError when it cannot be read.
    """
    for folder in path.parents:
        if folder.name == "out":
            try:
                outputs = json.loads((folder.parent / "meta.json").read_text())["outputs"]
                return str(outputs[str(path.relative_to(folder))]["sha256"])
            except (OSError, ValueError, KeyError, TypeError):
                break
    return file_sha256(path)
