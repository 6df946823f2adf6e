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
    assert [path.name for path in NOTEBOOKS] == ["01-taiwan.ipynb"]


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
    notebook = nbformat.read(FOLDER / "01-taiwan.ipynb", as_version=4)
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    )
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 4
    said = "".join(str(output.get("text", "")) for output in outputs)
    assert "nothing promised is unserved: True" in said
    assert "kind: ReplicaSchedulingPreference" in said
    assert _gap(said) <= 1e-4
    assert list(tmp_path.iterdir()) == []


def _gap(said: Any) -> float:
    """Return the gap that the notebook printed."""
    return float(said.split("gap ")[1].split()[0])
