"""Every exported script, in every mode: shellcheck has nothing to say, and has of a mutated one."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from tests.conformance.tools import run, tool
from tests.exporters.variants import applied_together

pytestmark = pytest.mark.slow

NAMES = {
    *("allow-taints.sh", "backup.sh", "checks.sh", "failback.sh", "fence.sh", "hand-on.sh"),
    *("join.sh", "make-keys.sh", "mesh-routes.sh", "register.sh", "render.sh", "rollout.sh"),
    *("switch.sh", "take-over-karmada.sh", "take-over-kubefed.sh"),
}
"""Every script that there is; their runs without a change are beside the exporters' tests."""


@cache
def scripts() -> dict[str, list[str]]:
    """Return name to every text that a script has in some mode."""
    found: dict[str, dict[str, None]] = {}
    for _, _, _, manifests in applied_together():
        for manifest in manifests:
            if manifest.path.suffix == ".sh":
                assert manifest.executable, manifest.path
                found.setdefault(manifest.path.name, {})[str(manifest.content)] = None
    return {name: list(texts) for name, texts in found.items()}


def judged(folder: Path, text: str) -> int:
    path = folder / "script.sh"
    path.write_text(text, encoding="utf-8")
    return run((tool("shellcheck"), path)).returncode


def test_every_script_is_known() -> None:
    assert scripts().keys() == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_shellcheck_finds_nothing_and_something_once_a_quote_is_gone(name: str, tmp_path) -> None:
    texts = scripts()[name]
    for text in texts:
        assert text.startswith("#!/bin/sh\n")
        assert judged(tmp_path, text) == 0, text
    place = texts[0].index('"$')
    end = texts[0].index('"', place + 1)
    mutated = f"{texts[0][:end]}{texts[0][end + 1 :]}"
    assert judged(tmp_path, mutated) != 0
