"""The package as it is installed: its data travels along, and it is light to import."""

from __future__ import annotations

import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = "numpy, scipy.optimize, scipy.sparse, pandas, networkx"


def seconds(code: str) -> float:
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
        best = min(best, time.perf_counter() - start)
    return best


def test_importing_costs_no_more_than_the_libraries() -> None:
    assert seconds("import planner") < 1.0 * seconds(f"import {HEAVY}") + 0.25


def test_loading_all_of_the_face_costs_little_more_than_its_libraries() -> None:
    face = "import planner; planner.read_scenario; planner.optimize; planner.export"
    # Twice: half as much again is usual on a busy machine.
    assert seconds(face) < 2.0 * seconds(f"import {HEAVY}") + 0.25


def test_matplotlib_loads_only_when_something_is_drawn() -> None:
    code = (
        "import sys, planner\n"
        "planner.read_scenario, planner.optimize, planner.simulate, planner.export\n"
        "assert not any(name.split('.')[0] == 'matplotlib' for name in sys.modules)\n"
        "planner.charts.failure_matrix\n"
        "assert 'matplotlib' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.slow
def test_the_wheel_carries_every_table_and_scenario(tmp_path: Path) -> None:
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "-w",
            str(tmp_path),
            str(ROOT),
        ],
        check=True,
    )
    (wheel,) = tmp_path.glob("planner-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for path in (ROOT / "datasets").rglob("*"):
        if path.is_file() and path.suffix in {".csv", ".yaml", ".md"}:
            assert f"planner/datasets/{path.relative_to(ROOT / 'datasets').as_posix()}" in names
    assert "planner/py.typed" in names
