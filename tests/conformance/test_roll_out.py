"""Every exported tree at a real API server, in every mode, in the order that OPERATIONS.md says.

Nothing is refused or warned of, a second time changes nothing, no drift is left, and one edited
object is reported.  Modes follow one another at the same server, as plans do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from planner.cli.live import live_differences
from planner.exporters import export, naming, operations
from planner.io.manifests import write_manifests
from planner.model.manifest import Manifest
from planner.model.plan import Plan
from tests.conformance.roll_out import (
    Site,
    carry_out,
    commands,
    files_of,
    folder_of,
    namespaces_of_others,
    site,
)
from tests.exporters.platforms import taiwan_plan
from tests.exporters.variants import PLANS

pytestmark = pytest.mark.slow

CLUSTERS = [region.cluster for region in taiwan_plan().scenario.regions.values()]
CONTEXTS = [*map(naming.cluster_context, CLUSTERS), naming.KARMADA_CONTEXT]
PAIRS = [
    (context, mode)
    for context in CONTEXTS
    for mode in PLANS
    if context != naming.KARMADA_CONTEXT or mode.startswith("karmada")
]
EDITED = f"{naming.PART_OF_LABEL}=edited"
MANAGER = f"--field-manager={naming.MANAGER}"


@cache
def exported(mode: str) -> tuple[Plan, tuple[Manifest, ...]]:
    plan = PLANS[mode]()
    return plan, export(plan)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return what gives the folder of a mode's export, written once."""

    @cache
    def folder_of_mode(mode: str) -> Path:
        folder = tmp_path_factory.mktemp("export")
        write_manifests(exported(mode)[1], folder)
        return folder

    return folder_of_mode


@pytest.fixture(scope="module")
def there(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """One API server a context; it is stopped before the next is started."""
    with site(tmp_path_factory.mktemp("plane"), request.param) as started:
        yield started


@pytest.mark.parametrize(("there", "mode"), PAIRS, indirect=["there"], scope="module")
def test_a_roll_out_by_operations_is_accepted_stays_and_leaves_no_drift(
    there: Site, mode: str, written: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, manifests = exported(mode)
    folder = written(mode)
    assert there.context in operations.live_contexts(plan)
    there.plane.prepare(namespaces_of_others(plan, there.context))
    text = (folder / "OPERATIONS.md").read_text(encoding="utf-8")
    lines = [line for line in commands(text, there.context) if is_new(there, folder, line)]
    is_first = not there.applied
    judged = list(dict.fromkeys(filter(None, map(folder_of, lines))))
    carry_out(there, folder, lines)
    if not judged:
        return  # the files of an earlier mode, byte by byte
    found = [(name, d) for name in judged for d in there.plane.built(folder / name)]
    objects = [document for _, document in found]
    before = there.plane.contents(objects)
    assert len(before) == len(found)
    applies = [line for line in lines if folder_of(line) and "--dry-run" not in line]
    carry_out(there, folder, applies)
    assert there.plane.contents(objects) == before
    there.applied.update({name: files_of(folder / name) for name in judged})

    for variable, value in there.environment.items():
        monkeypatch.setenv(variable, value)
    own = [m for m in manifests if any(m.path.is_relative_to(name) for name in judged)]
    assert drift(plan, own, there) == {}
    if is_first:
        judge_an_edit(plan, own, there, found)
        assert drift(plan, own, there) == {}


def judge_an_edit(
    plan: Plan, own: list[Manifest], there: Site, found: list[tuple[str, dict[str, Any]]]
) -> None:
    """Edit an object: it is reported, refused without force, and taken back with it."""
    name, document = next(one for one in reversed(found) if is_labelled(one[1]))
    reported = edit(there, document)
    changed = drift(plan, own, there)
    assert changed.keys() == {name}
    assert reported in changed[name]
    again = there.plane.apply([document], MANAGER)
    assert again.returncode != 0
    assert "conflict" in again.stderr
    forced = there.plane.apply([document], MANAGER, "--force-conflicts")
    assert forced.returncode == 0, forced.stderr


def drift(plan: Plan, manifests: list[Manifest], there: Site) -> dict[str, str]:
    """Return folder to difference as ``planner export --check --live`` finds it."""
    found = live_differences(plan, manifests, [there.context])
    return {one.folder: one.diff for one in found if one.diff}


def is_labelled(document: dict[str, Any]) -> bool:
    return naming.PART_OF_LABEL in document["metadata"].get("labels", {})


def is_new(there: Site, folder: Path, line: str) -> bool:
    """Whether a command applies other files than were last applied to the server."""
    name = folder_of(line)
    return not name or there.applied.get(name) != files_of(folder / name)


def edit(there: Site, document: dict[str, Any]) -> str:
    """Change a planned label, as a hand at the cluster would; return what is to be reported."""
    metadata = document["metadata"]
    where = ("--namespace", metadata["namespace"]) if "namespace" in metadata else ()
    group, _, version = document["apiVersion"].rpartition("/")
    kind = f"{document['kind']}.{version}.{group}"
    there.plane.do("label", kind, metadata["name"], *where, EDITED, "--overwrite")
    return f"-    {EDITED.replace('=', ': ')}"
