# SPDX-License-Identifier: MIT
"""What the folder of a restored host is given from its template."""

from __future__ import annotations

from pathlib import Path

import pytest
from machine_rig import host_tree

from testbed.devicetree import TreeError
from testbed.machine.template import Template, keep_records


@pytest.fixture
def template(tmp_path: Path) -> Template:
    """As it is made: from the folder of the host that was saved."""
    booted, kept = tmp_path / "booted", tmp_path / "kept"
    booted.mkdir()
    kept.mkdir()
    (booted / "console.log").write_text("booting\n")
    (booted / "console.times").write_text("0.5 0\n")
    host_tree().save(booted / "host.dtb")
    keep_records(booted, kept)
    return Template(kept, "'booted'")


def test_log_and_tree_are_those_of_the_host_that_was_saved(
    template: Template, tmp_path: Path
) -> None:
    assert template.give_records(tmp_path).to_blob() == host_tree().to_blob()
    assert (tmp_path / "console.log").read_text() == "booting\n"
    assert (tmp_path / "host.dts").exists()
    assert not (tmp_path / "console.times").exists(), "it was another run's moment"


def test_times_of_a_host_before_in_the_same_folder_go_with_its_log(
    template: Template, tmp_path: Path
) -> None:
    (tmp_path / "console.log").write_text("booting\nrestored, and died\n")
    (tmp_path / "console.times").write_text("2.5 8\n")
    template.give_records(tmp_path)
    assert (tmp_path / "console.log").read_text() == "booting\n"
    assert not (tmp_path / "console.times").exists()


def test_a_template_that_lost_a_file_says_so(template: Template, tmp_path: Path) -> None:
    (template.folder / "host.dtb").write_bytes(b"")
    with pytest.raises(TreeError, match="is not a flattened device tree"):
        template.give_records(tmp_path)
    (template.folder / "host.dtb").unlink()
    with pytest.raises(FileNotFoundError):
        template.give_records(tmp_path)
