# SPDX-License-Identifier: MIT
"""What exactly a run was made of, as data that can be kept, compared and given back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from testbed.artifacts.digest import json_sha256
from testbed.artifacts.failure import failure
from testbed.artifacts.objects import Objects
from testbed.artifacts.qemu import Qemu
from testbed.artifacts.selection import Selection, pinned_selections
from testbed.artifacts.targets import Target

FORMAT = 1

# An object of more files than this is named by one digest over all of them.
_LISTED_FILES = 20


def make_manifest(
    board: str,
    selections: Iterable[Selection],
    qemu: Qemu,
    targets: Iterable[Target],
    objects: Objects,
    overrides: Mapping[str, str],
) -> dict[str, Any]:
    """`overrides` maps what the user brought (such as "kernel") to its sha256. Raises OSError."""
    version = qemu.version
    return {
        "format": FORMAT,
        "board": board,
        "qemu": {
            "program": str(qemu.program),
            "version": version.release,
            "package": version.package,
        },
        "overrides": dict(overrides),
        "selections": [selection.to_json() for selection in selections],
        "objects": {target.name: _object(target, objects) for target in targets},
    }


def read_pinned(path: Path) -> dict[str, Selection]:
    """The selections of a manifest file, by the digest of their wish. Raises TestbedError."""
    return pinned_selections(_read(path), str(path))


def pinned_objects(path: Path) -> set[str]:
    """Names of the targets that the run of a manifest file used. Raises TestbedError."""
    objects = _read(path).get("objects", {})
    if not isinstance(objects, dict):
        raise failure(f"{path} cannot be used as a pinned manifest: its objects have no names")
    return set(objects)


def _read(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_text())
    except OSError as error:
        raise failure(f"cannot read the pinned manifest {path}: {error.strerror}") from None
    except ValueError as error:
        raise failure(f"the pinned manifest {path} is not JSON: {error}") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise failure(f"{path} is not a manifest of format {FORMAT}")
    return manifest


def _object(target: Target, objects: Objects) -> dict[str, Any]:
    outputs = objects.meta(target.recipe)["outputs"]
    digests = {
        name: output.get("sha256", f"link {output.get('link')}")
        for name, output in sorted(outputs.items())
    }
    return {"recipe": target.recipe.digest, **described(digests)}


def described(digests: Mapping[str, str]) -> dict[str, Any]:
    """What a manifest says of an object with these files."""
    if len(digests) <= _LISTED_FILES:
        return {"outputs": dict(digests)}
    return {"files": len(digests), "outputs_sha256": json_sha256(dict(digests))}
