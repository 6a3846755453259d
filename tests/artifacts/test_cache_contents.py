# SPDX-License-Identifier: MIT
"""What is listed of a cache, what a prune chooses, and that it takes nothing from a run."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pytest

from testbed.artifacts.cache import Cache
from testbed.artifacts.contents import Kind, chosen, entries, remove
from testbed.artifacts.progress import PlainProgress
from testbed.artifacts.template_store import StoredTemplate, TemplateStore
from testbed.errors import TestbedError

DAY = 86400


class Filled:
    """A cache with one of each kind, and two templates; `template` is the newer, held."""

    def __init__(self, folder: Path) -> None:
        self.cache = Cache(folder / "cache")
        self.cache.create()
        self.template = self._template("arm-virt", 0)
        self._template("e500", 40).close()
        part = self.cache.objects / "1234"
        (part / "out").mkdir(parents=True)
        (part / "out" / "file").write_bytes(b"p" * 20000)
        (part / "meta.json").write_text(json.dumps({"recipe": {"name": "kernel"}}))
        (self.cache.blobs / "5678").write_bytes(b"d" * 10000)
        (self.cache.guest_trees / "9abc.dtb").write_bytes(b"t" * 10000)
        age(part, 29)
        age(self.cache.blobs / "5678", 30)
        age(self.cache.guest_trees / "9abc.dtb", 31)

    def _template(self, board: str, days: float) -> StoredTemplate:
        def fill(folder: Path) -> dict[str, str]:
            (folder / "memory").write_bytes(b"m" * 50000)
            return {}

        content = {"board": board, "bound": []}
        progress = PlainProgress((self.cache.root / "progress").open("a"))
        made = TemplateStore(self.cache).make(content, board, fill, progress)
        age(made.folder, days)
        return made

    def names(self) -> list[str]:
        return [entry.name for entry in entries(self.cache)]


def age(path: Path, days: float) -> None:
    then = time.time() - days * DAY
    os.utime(path, (then, then))


@pytest.fixture
def filled(tmp_path: Path) -> Filled:
    return Filled(tmp_path)


def test_everything_is_listed_with_its_last_use(filled: Filled) -> None:
    found = entries(filled.cache)
    assert [(e.kind, e.name) for e in found] == [
        (Kind.TEMPLATE, "arm-virt, booted"),
        (Kind.PART, "kernel"),
        (Kind.DOWNLOAD, "5678"),
        (Kind.GUEST_TREE, "9abc.dtb"),
        (Kind.TEMPLATE, "e500, booted"),
    ]
    assert [entry.in_use for entry in found] == [True, False, False, False, False]
    assert 50000 <= found[0].size < 100000
    assert round(found[4].days) == 40


def test_prune_by_age(filled: Filled) -> None:
    gone = chosen(entries(filled.cache), older_than=35)
    assert [entry.name for entry in gone] == ["e500, booted"]
    assert remove(filled.cache, gone) == (gone, [])
    assert filled.names() == ["arm-virt, booted", "kernel", "5678", "9abc.dtb"]


def test_prune_by_size_takes_what_was_used_longest_ago(filled: Filled) -> None:
    gone = chosen(entries(filled.cache), to_size=70000)
    assert gone[0].name == "e500, booted"
    assert sum(e.size for e in entries(filled.cache)) - sum(e.size for e in gone) <= 70000
    assert chosen(entries(filled.cache), to_size=10**9) == []


def test_only_templates(filled: Filled) -> None:
    gone = chosen(entries(filled.cache), templates_only=True)
    assert {entry.kind for entry in gone} == {Kind.TEMPLATE}


def test_template_of_a_run_stays(filled: Filled) -> None:
    went, stay = remove(filled.cache, chosen(entries(filled.cache)))
    assert [entry.name for entry in stay] == ["arm-virt, booted"]
    assert len(went) == 4
    assert filled.names() == ["arm-virt, booted"]
    filled.template.close()
    assert remove(filled.cache, entries(filled.cache))[1] == []
    assert filled.names() == []
    assert not list(filled.cache.building.iterdir())


def test_what_an_interrupted_prune_left_is_in_nobodys_way(filled: Filled) -> None:
    filled.template.close()
    for entry in (found := entries(filled.cache)):
        if entry.path.is_dir():
            (filled.cache.building / f"{entry.path.name}.pruned" / "out").mkdir(parents=True)
    assert remove(filled.cache, found) == (found, [])
    assert not list(filled.cache.building.iterdir())


def test_a_cache_of_somebody_else_is_told(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, _target: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "rename", refuse)
    root = re.escape(str(filled.cache.root))
    with pytest.raises(TestbedError, match=f"cannot prune {root}: Permission denied: {root}/"):
        remove(filled.cache, entries(filled.cache))


def test_parts_stay_while_anybody_uses_the_cache(filled: Filled) -> None:
    filled.cache.use()
    _, stay = remove(filled.cache, chosen(entries(filled.cache)))
    assert {entry.kind for entry in stay} == set(Kind)
    assert filled.names() == ["arm-virt, booted", "kernel", "5678", "9abc.dtb"]
