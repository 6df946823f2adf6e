"""Notebooks run from a clean kernel, anywhere, and are committed without outputs."""

from __future__ import annotations

from pathlib import Path
from re import findall
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def test_there_are_notebooks() -> None:
    names = [path.name for path in NOTEBOOKS]
    assert names == ["01-taiwan.ipynb", "02-failures.ipynb", "03-decisions.ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_outputs_are_stripped(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
        assert "execution" not in cell.metadata


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_taiwan_story_runs_from_scenario_to_manifests(tmp_path: Path) -> None:
    outputs = _run("01-taiwan", tmp_path)
    assert _pictures(outputs) == 4
    said = _said(outputs)
    assert "nothing promised is unserved: True" in said
    assert "kind: ReplicaSchedulingPreference" in said
    assert _gap(said) <= 1e-4


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_story_of_failures_runs_and_its_prose_follows_from_its_cells(tmp_path: Path) -> None:
    outputs = _run("02-failures", tmp_path)
    assert _pictures(outputs) == 4
    said = _said(outputs)
    assert "lost in promised states: 0.0%; missed: 0" in said
    one, four = (
        float(said.split(f"{name} api ")[1].split()[0]) for name in ("one region", "four regions")
    )
    assert one > 5 > 0.1 > four
    assert "storage of api in tokyo is promoted" in said
    assert "KubeFed makes" in said


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_story_of_decisions_runs_on_both_scenarios(tmp_path: Path) -> None:
    outputs = _run("03-decisions", tmp_path, timeout_s=600)
    assert _pictures(outputs) == 6
    said = _said(outputs)
    assert _gap(said) <= 1e-3
    # Savings, regrets and bounds are intervals: none may be the wrong way round.
    regrets = findall(r"least regret: between ([\d,]+) and ([\d,]+) USD a month", said)
    levels = findall(r"at least ([\d,]+), found ([\d,]+) USD a month", said)
    assert len(regrets) == 2
    assert levels
    for low, high in regrets + levels:
        assert float(low.replace(",", "")) <= float(high.replace(",", ""))
    assert "26 regions were tried" in said
    assert "taiwan: full at the busiest hour: taipei" in said
    assert "broken promises, hour by hour: 0" in said


def _run(name: str, folder: Path, timeout_s: int = 120) -> list[Any]:
    """Run a notebook in an empty folder and return its outputs."""
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    client = NotebookClient(
        notebook,
        timeout=timeout_s,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert list(folder.iterdir()) == []
    return outputs


def _pictures(outputs: list[Any]) -> int:
    """Count the pictures."""
    return sum("image/png" in output.get("data", {}) for output in outputs)


def _said(outputs: list[Any]) -> str:
    """Return all text, spaces run together."""
    parts = (
        output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in outputs
    )
    return " ".join(" ".join(str(part) for part in parts).split())


def _gap(said: Any) -> float:
    """Return the gap that the notebook printed."""
    return float(said.split("gap ")[1].split()[0])
