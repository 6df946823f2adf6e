"""Scripts that join clusters, run for real beside commands that only take notes."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from planner.exporters import export
from tests.exporters.plans import small_plan

NOTE = r"""#!/bin/sh
printf '%s\n' "${0##*/} $*" >>"$NOTES"
case " $* " in
    *' get '*) exit 1 ;;
    *' token create '*) echo 'karmadactl register 192.0.2.1' ;;
esac
"""
CONTROLLERS = {"kubefed": "join.sh", "karmada": "register.sh"}


class Place:
    """A folder with a script and, first on the path, commands that note how they were called."""

    def __init__(self, folder: Path, controller: str) -> None:
        self.script, self.notes = folder / CONTROLLERS[controller], folder / "notes"
        for manifest in export(small_plan(), controller):
            if manifest.path.name == self.script.name:
                self.script.write_text(str(manifest.content))
        for name in ("kubectl", "kubefedctl", "karmadactl"):
            (folder / name).write_text(NOTE)
            (folder / name).chmod(0o755)
        self.environment = {
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "NOTES": str(self.notes),
            "KARMADA_KUBECONFIG": "karmada.config",
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", self.script, *arguments],
            capture_output=True,
            text=True,
            env=self.environment,
            check=False,
        )

    def changes(self) -> list[str]:
        """Return the calls that are more than a question."""
        noted = self.notes.read_text().splitlines() if self.notes.exists() else []
        return [line for line in noted if " get " not in line]


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_a_dry_run_says_what_a_run_does_and_does_nothing(controller: str, tmp_path: Path) -> None:
    place = Place(tmp_path, controller)
    dry = place.run("--dry-run")
    assert (dry.returncode, dry.stderr, place.changes()) == (0, "", [])
    said = [line.removeprefix("would run: ") for line in dry.stdout.splitlines()]
    for cluster in (region.cluster for region in small_plan().scenario.regions.values()):
        assert any(f" {cluster} " in f"{line} " for line in said)
    real = place.run()
    assert (real.returncode, real.stdout) == (0, "")
    made = [line for line in place.changes() if not re.search(" token create | register ", line)]
    assert [line for line in said if not line.startswith("would register")] == made


@pytest.mark.parametrize("controller", CONTROLLERS)
@pytest.mark.parametrize("arguments", [("--dry",), ("--dry-run", "x"), ("",)])
def test_an_unknown_option_does_nothing(
    controller: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    place = Place(tmp_path, controller)
    done = place.run(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")
    assert not place.notes.exists()
