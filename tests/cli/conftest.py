"""Ways to run the command line, and what it made of the small scenario."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from planner.cli import app
from tests.cli.runs import DATA, Made, Run


@pytest.fixture(scope="session")
def run() -> Run:
    """Run the command line inside this process."""

    def invoke(*arguments: object) -> Result:
        result = CliRunner().invoke(app, [str(a) for a in arguments], prog_name="planner")
        assert "Traceback" not in result.output
        return result

    return invoke


@pytest.fixture(scope="session")
def small() -> Path:
    return DATA / "good" / "small.yaml"


@pytest.fixture(scope="session")
def made(run: Run, small: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The main job on the small scenario, with pictures."""
    folder = tmp_path_factory.mktemp("made")
    return Made(run("optimize", small, "-o", folder), folder)


@pytest.fixture(scope="session")
def process() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line in a process of its own."""

    def start(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "planner", *(str(a) for a in arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120)

    return start
