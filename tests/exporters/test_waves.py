"""The table of waves against the files that exist: each has one place, each command its folder."""

from pathlib import PurePosixPath

import pytest

from planner.exporters import TARGETS, sites
from planner.exporters.operations import export_operations, stages
from planner.exporters.wave_parts import TABLE
from planner.exporters.wave_table import DOCUMENTATION, INDEX, WAVES, part_of
from planner.exporters.waves import matches, steps
from tests.exporters.platforms import taiwan_plan
from tests.exporters.whole import applied_plan, text_of, whole

CASES = [("kubefed", False), ("karmada", False), ("karmada", True)]


@pytest.mark.parametrize(("controller", "rollout"), CASES)
def test_every_file_is_in_one_part_or_is_read_only(controller, rollout):
    for path, manifest in whole(controller, rollout=rollout).items():
        part = part_of(manifest.path)  # raises where there is no place, or more than one
        if part is None and not path.startswith("docs/"):
            assert not manifest.executable
            assert path.endswith(("README.md", "yaml", "csv", "md", "mmd"))


def test_a_file_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="is in 0"):
        part_of(PurePosixPath("clusters/tokyo-edge/other/a.yaml"))


def test_every_part_is_of_a_target_and_a_wave_and_has_files():
    scripts = [f"federation/karmada/failover/{n}" for n in ("failback.sh", "rebalance.yaml")]
    scripts.append("federation/kubefed/hours.yaml")
    mirror = ("clusters/taiwan-master/rook/kustomization.yaml", "clusters/tokyo/rook/mirror.yaml")
    more = (*mirror, *scripts, *whole("karmada", rollout=True))
    paths = [PurePosixPath(path) for path in (*whole(), *more)]
    for part in TABLE:
        assert part.target in TARGETS
        assert part.wave in {wave.name for wave in WAVES}
        assert any(part_of(path) is part for path in paths), part
        assert all(any(matches(pattern, path) for path in paths) for pattern in part.files)
    for pattern in (*DOCUMENTATION, *INDEX):
        assert any(matches(pattern, path) for path in paths), pattern


def test_a_file_belongs_to_the_target_that_writes_it():
    for name, export in TARGETS.items():
        for manifest in export(taiwan_plan()):
            part = part_of(manifest.path)
            if part is not None and name not in ("clusters", "kubernetes"):
                assert part.target == name, manifest.path


@pytest.mark.parametrize(("controller", "rollout"), CASES)
def test_what_is_applied_is_exactly_what_has_a_kustomization(controller, rollout):
    plan = applied_plan(controller, rollout)
    applied = {s.folder for s in steps(plan, TABLE) if s.part.action == "apply"}
    other = {"kubefed": "karmada", "karmada": "kubefed"}[controller]
    there = {
        str(PurePosixPath(path).parent)
        for path in whole(controller, rollout=rollout)
        if path.endswith("/kustomization.yaml")
    }
    trees = {f"clusters/{cluster}" for cluster in sites.every(plan)}
    states = {folder for folder in there if folder.startswith("dns/external-dns/")}
    assert applied == there - trees - states - {f"federation/{other}"}


def test_every_folder_of_a_step_has_files():
    for step in steps(taiwan_plan(), TABLE):
        assert any(path.startswith(f"{step.folder}/") for path in whole()), step


def test_operations_has_each_wave_its_dry_runs_before_its_applies():
    lines = text_of("OPERATIONS.md").splitlines()
    for stage in stages(taiwan_plan()):
        heading = lines.index(f"## Wave {stage.number}: {stage.wave.title}")
        places = [lines.index(c) for c in (*stage.charts, *stage.ready, *stage.tries)]
        places += [lines.index(c) for c in (*stage.applies, *stage.waits)]
        assert places == sorted(places)
        assert all(heading < place for place in places)
        for command in stage.applies:
            tried = command.replace(" -k ", " --dry-run=server -k ")
            assert lines.index(tried) < lines.index(command)
            assert "apply --server-side --field-manager=planner" in command


def test_operations_has_the_plans_numbers_as_abort_criteria():
    content = text_of("OPERATIONS.md")
    plan = taiwan_plan()
    for name, service in plan.services.items():
        promised = plan.scenario.services[name].objective.p95_ms
        for region, count in service.replicas.items():
            cluster = plan.scenario.regions[region].cluster
            row = f"| {name} | {cluster} | {count} | {service.p95_ms[region]:.1f} | {promised:g} |"
            assert (row in content) == (count > 0)
    assert f"{plan.headroom.factor:.3f} times" in content


@pytest.mark.parametrize(("controller", "rollout"), CASES)
def test_the_readme_names_the_folders_that_there_are_and_no_others(controller, rollout):
    files = whole(controller, rollout=rollout)
    content = files["README.md"].content
    there = {part_of(PurePosixPath(path)) for path in files} - {None}
    named = {part.folder for part in there}
    for folder in {part.folder for part in TABLE}:
        assert (f"`{folder.replace('*', '<cluster>')}`" in content) == (folder in named), folder


def test_the_readme_warns_of_the_other_controller():
    lines = [line for line in text_of("README.md").splitlines() if "| karmada |" in line]
    assert lines
    assert all("do not apply" in line for line in lines)


def test_an_old_kubernetes_is_marked():
    old = {"kubernetes": "1.32.1", "k3s": "v1.32.1+k3s1"}
    plan = taiwan_plan()
    platform = plan.scenario.platform.model_copy(update={"versions": old})
    scenario = plan.scenario.model_copy(update={"platform": platform})
    (manifest,) = export_operations(plan.model_copy(update={"scenario": scenario}))
    assert manifest.content.count("**past its end of life") == 2
