# SPDX-License-Identifier: MIT
"""What the doctor finds on machines that lack something."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from testbed import doctor
from testbed.artifacts.cache import Cache
from testbed.boards import BOARDS

REPOSITORY = Path(__file__).resolve().parents[2]


def path_without(folder: Path, *hidden: str) -> str:
    """A PATH with every program a workstation needs, and apt, but the hidden ones."""
    folder.mkdir()
    probes = [r.probe.partition(":") for r in doctor.requirements()]
    programs = [what for kind, _, what in probes if kind == "program"]
    for name in [*programs, "apt-get", "dpkg"]:
        found = shutil.which(name, path="/usr/bin:/usr/sbin:/bin:/sbin")
        if name not in hidden and found is not None:
            (folder / name).symlink_to(found)
    return str(folder)


@pytest.fixture(autouse=True)
def _no_sbin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_SBIN", ())


def found(packages: list[doctor.Finding]) -> list[str | None]:
    return [finding.package for finding in packages]


def test_hidden_programs_are_found_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = ("aarch64-linux-gnu-gcc", "mksquashfs", "depmod")
    monkeypatch.setenv("PATH", path_without(tmp_path / "all"))
    before = doctor.check()
    monkeypatch.setenv("PATH", path_without(tmp_path / "some", *hidden))
    new = [finding for finding in doctor.check() if finding not in before]
    assert found(new) == ["gcc-aarch64-linux-gnu", "kmod", "squashfs-tools"]
    gcc = next(finding for finding in new if finding.package == "gcc-aarch64-linux-gnu")
    assert gcc.problem == (
        "aarch64-linux-gnu-gcc is missing, needed to build kernel modules, nested QEMU and programs"
    )
    assert gcc.remedy == "apt-get install --no-install-recommends gcc-aarch64-linux-gnu"
    assert doctor.combined_remedy(new) == (
        "apt-get install --no-install-recommends gcc-aarch64-linux-gnu kmod squashfs-tools"
    )
    assert doctor.combined_remedy([]) is None


def test_a_system_without_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    problems = [finding.problem for finding in doctor.check()]
    assert "this system has no apt-get; the testbed takes its parts from Debian" in problems
    assert "qemu-system-aarch64 is missing, needed to emulate the Arm host" in problems


def test_absent_package_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "apt.conf"
    (tmp_path / "lists" / "partial").mkdir(parents=True)
    config.write_text(f'Dir::State::lists "{tmp_path / "lists"}";\n')
    monkeypatch.setenv("APT_CONFIG", str(config))
    finding = next(f for f in doctor.check() if f.remedy == "apt-get update")
    assert "no package lists of a Debian archive" in finding.problem


def test_a_missing_keyring(tmp_path: Path) -> None:
    probe = f"file:{tmp_path / 'keyring.gpg'}"
    assert not doctor.Requirement("debian-archive-keyring", probe, "to verify").met()
    (tmp_path / "keyring.gpg").touch()
    assert doctor.Requirement("debian-archive-keyring", probe, "to verify").met()


def test_a_missing_python_module() -> None:
    assert doctor.Requirement("x", "python:json", "to test").met()
    assert not doctor.Requirement("x", "python:no_such_module", "to test").met()


def test_little_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTBED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(doctor, "_free_megabytes", lambda path: 1600)
    problems = [finding.problem for finding in doctor.check()]
    assert f"1600 MB are free for the cache in {tmp_path / 'cache'}, 2500 MB are needed" in problems
    (tmp_path / "cache" / "objects").mkdir(parents=True)
    problems = [finding.problem for finding in doctor.check()]
    assert not any("free for the cache" in problem for problem in problems)


def test_a_cache_that_cannot_be_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name, as to root no folder is closed."""
    monkeypatch.setattr(doctor, "_CACHE_GROWS_MB", 1 << 60)
    cache = tmp_path / ("x" * 300)
    monkeypatch.setenv("TESTBED_CACHE", str(cache))
    problems = [finding.problem for finding in doctor.check()]
    assert doctor._free_megabytes(cache) > 0
    assert any(f"are free for the cache in {cache}" in problem for problem in problems)


@pytest.mark.parametrize("variable", ["TESTBED_CACHE", "XDG_CACHE_HOME", None])
def test_the_cache_is_where_the_set_up_puts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    for name in ("TESTBED_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    if variable is not None:
        monkeypatch.setenv(variable, str(tmp_path))
    assert doctor.cache_folder() == Cache.default().root


def test_it_runs_before_anything_is_installed(tmp_path: Path) -> None:
    # -I -S: no installed package can be imported, only Python's own library and this repository.
    script = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); import testbed.doctor as d"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"{script}; sys.exit(d.main())"],
        capture_output=True,
        text=True,
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "All missing packages at once, as root:\n    apt-get install" in done.stdout
    assert done.stderr == ""


def test_a_script_gets_the_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert doctor.main(["--packages"]) == 0
    packages = capsys.readouterr().out.split()
    assert len(set(packages)) == len(packages)
    assert {"qemu-system-arm", "qemu-system-ppc", "gcc", "make", "git", "kmod"} <= set(packages)


@pytest.mark.parametrize(("board", "other"), [("arm", "ppc"), ("ppc", "arm")])
def test_a_board_needs_nothing_of_another(
    board: str, other: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    name = {"arm": "arm-virt", "ppc": "e500"}[board]
    assert doctor.main(["--packages", name]) == 0
    packages = capsys.readouterr().out.split()
    assert {f"qemu-system-{board}", "gcc"} <= set(packages)
    assert f"qemu-system-{other}" not in packages


def test_checks_need_what_runs_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", path_without(tmp_path / "programs"))
    assert doctor.main(["--packages"]) == 0
    assert "chromium" not in capsys.readouterr().out
    assert doctor.main(["--packages", "--checks"]) == 0
    assert {"chromium", "chromium-driver"} <= set(capsys.readouterr().out.split())


def test_there_is_a_list_for_each_board() -> None:
    lists = {path.stem for path in doctor._PACKAGES.glob("workstation-*.txt")}
    assert lists == {f"workstation-{name}" for name in BOARDS}


def test_a_malformed_list_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "workstation.txt").write_text("# comment\n\ngcc program:gcc\n")
    with pytest.raises(ValueError, match="not PACKAGE PROBE PURPOSE: gcc program:gcc"):
        doctor.requirements(folder=tmp_path)


def test_missing_packages_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """For ci/packages: their names on one line, nothing else."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(doctor, "_SBIN", ())
    assert doctor.main(["--packages"]) == 0
    names = capsys.readouterr().out.split()
    assert "qemu-system-arm" in names
    assert names == [name for name in names if name.replace("-", "").isalnum()]
