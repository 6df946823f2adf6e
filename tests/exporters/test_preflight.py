"""Inputs of exports before there is a plan: what lacks in any case, and what may not be asked."""

from planner.exporters import ALL, NEEDS_PLATFORM, TARGETS, export_each, left_out
from planner.exporters.preflight import missing_inputs, needed_inputs
from planner.model.platform import Platform
from tests.exporters.network_plans import with_platform_fields, with_region
from tests.exporters.platforms import bare_taiwan_plan, taiwan_plan, with_platform


def test_a_whole_platform_lacks_nothing():
    assert missing_inputs(taiwan_plan().scenario, [ALL]) == ({}, False)
    assert missing_inputs(bare_taiwan_plan().scenario, [ALL]) == ({}, False)


def test_what_is_missing_is_what_the_export_itself_would_miss():
    plan = with_platform(taiwan_plan(), Platform())
    missing, certain = missing_inputs(plan.scenario, [ALL])
    assert certain
    refusals = export_each(plan, ALL).refusals
    itself = {name for error in refusals.values() for name in error.missing}
    assert set(missing) == itself
    assert set(missing) >= NEEDS_PLATFORM - {"mermaid", "argo_rollouts"}


def test_what_all_regions_share_is_certain():
    plan = with_platform_fields(tls_secret=None)
    assert missing_inputs(plan.scenario, ["kubernetes"]) == (
        {"kubernetes": ("platform.tls_secret",)},
        True,
    )


def test_what_one_region_lacks_is_no_reason_to_refuse_a_plan_without_it():
    plan = with_region("tokyo", ingress_class=None)
    assert missing_inputs(plan.scenario, ["kubernetes"]) == (
        {"kubernetes": ("platform.regions.tokyo.ingress_class",)},
        False,
    )


def test_a_target_asked_for_by_name_needs_its_platform():
    missing, certain = missing_inputs(bare_taiwan_plan().scenario, [ALL, "rook"])
    assert certain
    assert set(missing) == {"rook"}


def test_all_leaves_out_what_needs_a_platform_only_where_there_is_none():
    assert set(left_out([ALL], has_platform=False)) == NEEDS_PLATFORM
    assert "rook" not in left_out([ALL, "rook"], has_platform=False)
    assert left_out([ALL], has_platform=True) == ()
    assert left_out(["kubefed"], has_platform=False) == ()
    assert export_each(bare_taiwan_plan()).left_out == left_out([ALL], has_platform=False)


def test_what_a_target_needs_does_not_depend_on_what_is_given_but_for_the_charts_installed():
    for target in TARGETS.keys() - {"helmfile"}:
        assert needed_inputs(taiwan_plan(), target) == needed_inputs(bare_taiwan_plan(), target)
    assert "platform.mesh.cidr" in needed_inputs(taiwan_plan(), "wireguard")
    assert needed_inputs(taiwan_plan(), "external_dns") == ()


def test_a_helmfile_needs_the_repository_of_every_chart_that_it_installs():
    plan = taiwan_plan()
    (manifest,) = TARGETS["helmfile"](plan)
    (document,) = manifest.content
    wanted = {f"platform.chart_repositories.{one['name']}" for one in document["repositories"]}
    assert wanted == set(needed_inputs(plan, "helmfile"))
