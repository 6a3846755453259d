# SPDX-License-Identifier: MIT
from __future__ import annotations

from pathlib import Path

import pytest

from testbed.bundle.companions import companions
from testbed.paths import SCENARIOS

PACKAGE = ["package/__init__.py", "package/data/table.bin", "package/low.py"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("rules.dts", "helper.py", "deep.py", "other.py", "mine.py"):
        (tmp_path / name).touch()
    (tmp_path / "inner").mkdir()
    (tmp_path / "testbed").mkdir()
    (tmp_path / "testbed" / "__init__.py").touch()
    for name in ("__init__.py", "low.py", "data/table.bin", "__pycache__/low.cpython-311.pyc"):
        path = tmp_path / "package" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def found(folder: Path, text: str) -> list[str]:
    (folder / "mine.py").write_text(text)
    return [str(path.relative_to(folder)) for path in companions(folder / "mine.py")]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("FILE = Path(__file__).with_name('rules.dts')", ["rules.dts"]),
        ("import helper, os", ["helper.py"]),
        ("from helper import verb", ["helper.py"]),
        ("import mine\nME = 'mine.py'", []),
        ("A = 'inner'; B = '../x'; C = ''; D = '.'; E = '\\0'; F = 'no.dts'", []),
        ("'''It is about rules.dts.'''", []),
        (f"A = '{'x' * 5000}'; B = '{'ü' * 200}'", []),
        ("def broken(", []),
        ("import inner, os.path", []),
        ("import testbed.errors\nfrom testbed import scenario", []),
        ("from package import low", PACKAGE),
        ("import package.low", PACKAGE),
    ],
)
def test_files_beside_it_that_a_scenario_names(folder: Path, text: str, names: list[str]) -> None:
    assert found(folder, text) == names


def test_files_that_those_name_in_turn(folder: Path) -> None:
    (folder / "helper.py").write_text("import deep")
    (folder / "deep.py").write_text("import mine, helper\nRULES = 'rules.dts'")
    assert found(folder, "import helper") == ["deep.py", "helper.py", "rules.dts"]


def test_module_of_a_package_imports_from_the_scenarios_folder(folder: Path) -> None:
    (folder / "package" / "low.py").write_text("import helper\nTABLE = 'other.py'")
    assert found(folder, "import package") == ["helper.py", *PACKAGE]


def test_those_of_the_projects_scenarios() -> None:
    needed = {path.name: companions(path) for path in SCENARIOS.glob("*.py")}
    assert [path.name for path in needed["etsec.py"]] == ["etsec_fixed_link.dts"]
    assert needed["uart.py"] == []
