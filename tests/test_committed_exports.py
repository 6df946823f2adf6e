"""What is committed under exports/ is what the committed scenario gives now, byte for byte."""

from __future__ import annotations

import filecmp
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def files(folder: Path) -> set[Path]:
    """Pictures aside: fonts differ between machines."""
    return {
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file() and "pictures" not in path.relative_to(folder).parts
    }


def test_exports_of_taiwan_are_current(tmp_path: Path) -> None:
    fresh = tmp_path / "taiwan"
    command = [sys.executable, "-m", "planner", "optimize", "datasets/taiwan/scenario.yaml"]
    done = subprocess.run(
        [*command, "-o", str(fresh)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    committed = ROOT / "exports" / "taiwan"
    assert files(fresh) == files(committed)
    _, differing, unreadable = filecmp.cmpfiles(
        committed, fresh, [str(path) for path in files(committed)], shallow=False
    )
    # The index names every file with its digest, pictures included.
    assert set(differing) <= {".planner-index"}
    assert unreadable == []


def test_no_committed_file_names_a_machine_or_a_time() -> None:
    for path in (ROOT / "exports" / "taiwan").rglob("*"):
        if path.suffix in {".yaml", ".json", ".csv", ".md", ".sh", ".zone"}:
            text = path.read_text(encoding="utf-8")
            assert str(ROOT) not in text
            # A key of that name; names of metrics may end so.
            assert re.search(r"""^[\s\-"']*seconds["']?\s*:""", text, re.MULTILINE) is None
