"""Exported diagrams as a browser draws them: every region is named, nothing is an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.exporters.mermaid import export_mermaid
from tests.conformance.browser import draw
from tests.exporters.platforms import taiwan_plan

pytestmark = pytest.mark.slow

PLAN = taiwan_plan()
DIAGRAMS = {m.path.name: str(m.content) for m in export_mermaid(PLAN) if m.path.suffix == ".mmd"}


def written(name: str, text: str, folder: Path) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", DIAGRAMS)
def test_a_diagram_is_drawn_with_the_name_of_every_region(name, tmp_path):
    picture = draw(written(name, DIAGRAMS[name], tmp_path), tmp_path)
    assert not picture.is_error
    assert picture.width > 300
    assert picture.height > 300
    assert picture.inked > 0.02
    for region in PLAN.scenario.regions.values():
        assert region.name in picture.words, region.name


@pytest.mark.parametrize("name", DIAGRAMS)
def test_a_mutated_diagram_is_drawn_as_an_error(name, tmp_path):
    text = DIAGRAMS[name]
    mutated = text.replace('"]', "]", 1) if name == "topology.mmd" else f"{text}  end\n"
    assert mutated != text
    assert draw(written(name, mutated, tmp_path), tmp_path).is_error
