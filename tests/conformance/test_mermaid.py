"""Mermaid itself reads the exported diagrams, hostile names and all, and refuses a broken one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from planner.exporters.mermaid import export_mermaid
from planner.model.plan import Plan
from tests.conformance.tools import BUILT, missing, run, tool
from tests.exporters.monitored import HOSTILE, scenario_changed
from tests.exporters.platforms import taiwan_plan

pytestmark = pytest.mark.slow

PARSER = Path(__file__).with_name("mermaid_parse.mjs")
MODULES = BUILT / "npm" / "node_modules"


def parse(files: list[Path]) -> dict[str, dict[str, str]]:
    """Return file name to what Mermaid says of it."""
    if not (MODULES / "mermaid").exists() or not (MODULES / "jsdom").exists():
        missing(f"no mermaid in {MODULES}: .ci/packages.sh installs it (npm)")
    result = run([tool("node", "nodejs"), PARSER, MODULES, *files])
    assert result.returncode == 0, result.stderr[-2000:]
    found = [json.loads(line) for line in result.stdout.splitlines()]
    return {Path(one["file"]).name: one for one in found}


def write(plan: Plan, folder: Path) -> list[Path]:
    """Write the diagrams of a plan."""
    folder.mkdir()
    files = []
    for manifest in export_mermaid(plan):
        path = folder / manifest.path.name
        path.write_text(str(manifest.content))
        files.append(path)
    return files


def test_every_diagram_parses_as_what_it_is(tmp_path):
    found = parse(write(taiwan_plan(), tmp_path / "plain"))
    assert len(found) == 1 + len(taiwan_plan().active_regions)
    for name, one in found.items():
        kind = "flowchart-v2" if name == "topology.mmd" else "sequence"
        assert one.get("type") == kind, one


def test_diagrams_with_hostile_display_names_parse(tmp_path):
    regions = taiwan_plan().scenario.regions
    files = []
    names = (*HOSTILE, "end", "a; end", "%% comment", "subgraph x", "<script>", "#quot;", "`x`")
    for number, name in enumerate(names):
        shown = regions | {"tokyo": regions["tokyo"].model_copy(update={"name": name})}
        written = write(scenario_changed(taiwan_plan(), regions=shown), tmp_path / str(number))
        files += [path.rename(path.with_name(f"{number}-{path.name}")) for path in written]
    found = parse(files)
    assert len(found) == len(files)
    assert not [one for one in found.values() if "error" in one]


@pytest.mark.parametrize("file", ["topology.mmd", "failover-tokyo.mmd"])
def test_a_broken_diagram_is_refused(tmp_path, file):
    (path,) = (p for p in write(taiwan_plan(), tmp_path / "broken") if p.name == file)
    text = path.read_text()
    path.write_text(text.replace('"]', "]", 1) if file == "topology.mmd" else text + "  end\n")
    assert "error" in parse([path])[file]
