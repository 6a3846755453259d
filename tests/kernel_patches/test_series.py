# SPDX-License-Identifier: MIT
"""Every series of kernel-patches/: complete, upstream-shaped, and made for the kernel in use."""

from __future__ import annotations

import fnmatch
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from testbed.artifacts import prepare_sources, progress_for
from testbed.artifacts.patch_series import apply_series, read_series
from testbed.errors import TestbedError
from tests.patch_form import check_listing, check_message, check_numbers, check_reasons, touched

KERNEL_PATCHES = Path(__file__).resolve().parents[2] / "kernel-patches"
SERIES = sorted(path for path in KERNEL_PATCHES.iterdir() if path.is_dir())
OTHERS = [path for path in SERIES if re.search(r"-\d+\.\d+$", path.name)]
"""What other kernels need before the patches that are made for the usual one."""
PATCHES = sorted(KERNEL_PATCHES.glob("*/*.patch"))


def named(path: Path) -> str:
    return str(path.relative_to(KERNEL_PATCHES))


def test_there_are_series() -> None:
    assert SERIES
    assert PATCHES


@pytest.mark.parametrize("series", SERIES, ids=named)
def test_series_names_every_patch_once(series: Path) -> None:
    check_listing(series)


@pytest.mark.parametrize("series", SERIES, ids=named)
def test_patches_are_numbered_in_order(series: Path) -> None:
    check_numbers(series)


@pytest.mark.parametrize("patch", PATCHES, ids=named)
def test_message(patch: Path) -> None:
    check_message(patch)


@pytest.mark.parametrize("patch", PATCHES, ids=named)
def test_message_shows_the_failure_and_says_why(patch: Path) -> None:
    check_reasons(patch)


@pytest.mark.parametrize("patch", PATCHES, ids=named)
def test_checkpatch_is_silent(patch: Path, linux_source: Path) -> None:
    result = subprocess.run(
        [
            "perl",
            linux_source / "scripts/checkpatch.pl",
            "--strict",
            "--no-signoff",
            "--no-tree",
            "--no-summary",
            "--terse",
            "--show-types",
            # test_new_files_have_a_maintainer looks instead; the source here has no history
            "--ignore=FILE_PATH_CHANGES,UNKNOWN_COMMIT_ID",
            patch,
        ],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("patch", PATCHES, ids=named)
def test_new_files_have_a_maintainer(patch: Path, linux_source: Path) -> None:
    if "MAINTAINERS" in touched(patch):
        return
    maintainers = (linux_source / "MAINTAINERS").read_text(encoding="utf-8")
    entries = re.findall(r"^F:\t(\S+)$", maintainers, re.M)
    for path in touched(patch, only_new=True):
        assert any(
            fnmatch.fnmatch(path, entry) or (entry.endswith("/") and path.startswith(entry))
            for entry in entries
        ), f"nobody maintains {path}"


def apply_to_copy(series: Path, source: Path, tree: Path) -> None:
    """Each patch finds what it changes in the copy of `source`, and changes it."""
    patched = [path for patch in read_series(series) for path in touched(patch)]
    for path in patched:
        if (source / path).exists() and not (tree / path).exists():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / path, tree / path)
    apply_series(series, tree)
    for path in patched:
        assert (tree / path).is_file()
        if (source / path).exists():
            assert (tree / path).read_bytes() != (source / path).read_bytes()


@pytest.mark.parametrize("series", [path for path in SERIES if path not in OTHERS], ids=named)
def test_series_applies_to_the_pristine_source(
    series: Path, linux_source: Path, tmp_path: Path
) -> None:
    apply_to_copy(series, linux_source, tmp_path)


@pytest.mark.parametrize("before", OTHERS, ids=named)
def test_series_applies_to_another_kernel_after_what_that_needs(
    before: Path, tmp_path: Path
) -> None:
    name, _, kernel = before.name.rpartition("-")
    source = prepare_sources("arm-virt", progress=progress_for(), kernel_series=kernel).linux
    with pytest.raises(TestbedError, match=rf"cannot apply {name}/"):
        apply_to_copy(KERNEL_PATCHES / name, source, tmp_path / "without")
    apply_to_copy(before, source, tmp_path / "with")
    apply_to_copy(KERNEL_PATCHES / name, source, tmp_path / "with")


@pytest.mark.parametrize(
    ("listing", "complaint"),
    [(None, "No such file or directory"), ("0001-absent.patch\n", "0001-absent.patch")],
)
def test_broken_listing_is_an_error(tmp_path: Path, listing: str | None, complaint: str) -> None:
    if listing is not None:
        (tmp_path / "series").write_text(listing)
    with pytest.raises(TestbedError, match=re.escape(complaint)):
        read_series(tmp_path)


@pytest.fixture
def made_up(tmp_path: Path) -> tuple[Path, Path]:
    """A series of one patch, and a tree of one file it applies to."""
    series, tree = tmp_path / "subject", tmp_path / "tree"
    series.mkdir()
    tree.mkdir()
    (tree / "file").write_text("one\ntwo\nthree\nfour\nfive\nsix\nseven\n")
    (series / "series").write_text("0001-change.patch\n")
    (series / "0001-change.patch").write_text(
        "diff --git a/file b/file\n--- a/file\n+++ b/file\n@@ -1,7 +1,7 @@\n"
        " one\n two\n three\n-four\n+FOUR\n five\n six\n seven\n"
    )
    return series, tree


def test_fuzz_is_an_error(made_up: tuple[Path, Path]) -> None:
    """Context that differs in one line is what patch(1) would let pass."""
    series, tree = made_up
    before = (tree / "file").read_text().replace("one", "changed since")
    (tree / "file").write_text(before)
    with pytest.raises(TestbedError, match=r"cannot apply subject/0001-change\.patch: .*file"):
        apply_series(series, tree)
    assert (tree / "file").read_text() == before


@pytest.mark.parametrize("called_by_git", [False, True])
def test_surrounding_repository_does_not_matter(
    made_up: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, called_by_git: bool
) -> None:
    """In a folder of a repository `git apply` ends well and changes nothing: no TESTBED_CACHE
    inside a clone, and no git hook that runs the tests, may bring that about.
    """
    series, tree = made_up
    subprocess.run(["git", "init", "--quiet", tree.parent], check=True, timeout=60)
    if called_by_git:
        monkeypatch.setenv("GIT_DIR", str(tree.parent / ".git"))
        monkeypatch.setenv("GIT_WORK_TREE", str(tree.parent))
    apply_series(series, tree)
    assert "FOUR" in (tree / "file").read_text()
