"""Exported scripts, run beside a stand-in for the programs that they call."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
import yaml

from planner.model.manifest import Manifest

PROGRAMS = ("kubectl", "kubefedctl", "helm", "aws", "etcdutl", "etcdctl", "ssh", "scp")

_STAND_IN = """\
#!/bin/sh
# Writes down how it was called; answers with the first line of "answers" that fits.
printf '%s' "${0##*/}" >>"$STAND_IN/calls"
printf ' %s' "$@" >>"$STAND_IN/calls"
printf '\\n' >>"$STAND_IN/calls"
while IFS='|' read -r pattern code answer; do
    case "${0##*/} $*" in
        *"$pattern"*)
            printf '%s' "$answer"
            exit "$code"
            ;;
    esac
done <"$STAND_IN/answers"
exit 0
"""


class Bench:
    """An exported tree on disk, and programs that only write down how they were called."""

    def __init__(self, folder: Path, manifests: Iterable[Manifest]) -> None:
        self.root, self.stand_in = folder / "an export", folder / "bin"
        for manifest in manifests:
            path = self.root / manifest.path
            path.parent.mkdir(parents=True, exist_ok=True)
            content = manifest.content
            path.write_text(content if isinstance(content, str) else yaml.safe_dump_all(content))
        self.stand_in.mkdir()
        for name in PROGRAMS:
            program = self.stand_in / name
            program.write_text(_STAND_IN)
            program.chmod(0o755)
        self.answer({})

    def answer(self, answers: Mapping[str, tuple[int, str]]) -> None:
        """Set what calls with a piece of text return; all others succeed and say nothing."""
        lines = [f"{piece}|{code}|{text}\n" for piece, (code, text) in answers.items()]
        (self.stand_in / "answers").write_text("".join(lines))

    def run(self, script: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a script of the tree."""
        path = f"{self.stand_in}:{os.environ['PATH']}"
        environment = os.environ | {"PATH": path, "STAND_IN": str(self.stand_in)} | variables
        (self.stand_in / "calls").write_text("")
        return subprocess.run(
            ["sh", str(self.root / script), *words],
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
        )

    @property
    def calls(self) -> list[str]:
        """How programs were called in the last run."""
        return (self.stand_in / "calls").read_text().splitlines()

    def changes(self) -> list[str]:
        """Calls that change something."""
        looks = (" get ", " wait ", " rollout status ")
        return [call for call in self.calls if not any(look in call for look in looks)]


def shellcheck(folder: Path, manifests: Iterable[Manifest]) -> None:
    """Fail unless shellcheck has nothing to say about any script."""
    paths = []
    for number, manifest in enumerate(m for m in manifests if m.executable):
        paths.append(folder / f"{number}-{manifest.path.name}")
        paths[-1].write_text(str(manifest.content))
    try:
        done = subprocess.run(["shellcheck", *paths], capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("shellcheck is missing; Debian has it as the package shellcheck")
    assert done.returncode == 0, done.stdout
