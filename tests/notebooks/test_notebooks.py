"""Notebooks run from a clean kernel, anywhere, and are committed without outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def test_there_are_notebooks() -> None:
    assert [path.name for path in NOTEBOOKS] == ["01-taiwan.ipynb", "02-failures.ipynb"]


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


def _run(name: str, folder: Path) -> list[Any]:
    """Run a notebook in an empty folder and return its outputs."""
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    client = NotebookClient(
        notebook,
        timeout=120,
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
