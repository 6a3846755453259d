# SPDX-License-Identifier: MIT
"""Writing the files of a new device into the project."""

from __future__ import annotations

import keyword
import re
from contextlib import suppress
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from testbed.errors import Stage, TestbedError
from testbed.runner.discover import UsageError

_TEMPLATES = Path(__file__).with_name("templates")
_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_FILES = {
    "model.py.j2": "models/{identifier}.py",
    "fragment.dts.j2": "guests/fragments/{name}.dts",
    "reset.c.j2": "kernel-patches/vfio-platform/reset/{name}.c",
    "scenario.py.j2": "scenarios/{identifier}_works.py",
}
_IMPORTED = frozenset(
    {
        *("Any", "Board", "Field", "Fields", "PlatformDevice", "Region", "Register", "RegisterMap"),
        *("Scenario", "Stream", "WordDevice"),
    }
)
"""Classes of others in these files, which the model's own would hide."""


def write_device(name: str, project: Path) -> dict[Path, int]:
    """The files that were written, from the project's top, and how many lines each has.

    UsageError when the name is none for a device, or one of its files is there already.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"new-device {name}: a device's name is small letters and digits, in words that '-'"
            " joins"
        )
    identifier = name.replace("-", "_")
    title = "".join(word.capitalize() for word in name.split("-"))
    if keyword.iskeyword(identifier) or keyword.iskeyword(title) or title in _IMPORTED:
        raise UsageError(
            f"new-device {name}: Python, or the files to be written, have another use for the name"
            f" {identifier} or {title}; choose another"
        )
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), undefined=StrictUndefined, keep_trailing_newline=True
    )
    texts = {
        Path(place.format(name=name, identifier=identifier)): environment.get_template(
            template
        ).render(name=name, identifier=identifier, title=title)
        for template, place in _FILES.items()
    }
    places = [*texts, Path("models", identifier)]  # a package would hide the model
    taken = [path for path in places if (project / path).exists()]
    if taken:
        raise UsageError(f"new-device {name}: {taken[0]} is there already; choose another name")
    for path, text in texts.items():
        try:
            (project / path).parent.mkdir(exist_ok=True)
            (project / path).write_text(text)
        except OSError as error:
            for half in texts:  # none was there before, and with some the next attempt is refused
                with suppress(OSError):
                    (project / half).unlink()
            raise TestbedError(
                Stage.INFRASTRUCTURE, f"writing {project / path} failed: {error.strerror}"
            ) from None
    return {path: text.count("\n") for path, text in texts.items()}
