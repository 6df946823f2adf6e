"""The trees of the clusters: what is the cluster's own, and nothing that the federation writes."""

from planner.exporters import export
from tests.exporters.plans import REGIONS, REPLICAS, read, small_data, small_plan


def found(plan):
    return {str(m.path): m.content for m in export(plan, "clusters")}


def test_budgets_stand_where_replicas_stand_and_select_the_deployments_pods():
    files = found(small_plan())
    templates = {
        d["metadata"]["name"]: d["spec"]["template"]["metadata"]["labels"]
        for m in export(small_plan(), "karmada")
        if not isinstance(m.content, str)
        for d in m.content
        if d.get("kind") == "Deployment"
    }
    for region, (cluster, *_) in REGIONS.items():
        budgets = files[f"clusters/{cluster}/pod-disruption-budgets.yaml"]
        assert [b["metadata"]["name"] for b in budgets] == [
            service for service, replicas in REPLICAS.items() if replicas[region]
        ]
        for budget in budgets:
            selected = budget["spec"]["selector"]["matchLabels"]
            assert selected == templates[budget["metadata"]["name"]]


def test_an_inactive_region_has_no_tree():
    data = small_data()
    data["active_regions"] = ["taipei", "singapore", "tokyo"]
    assert not any("losangeles" in path for path in found(read(data)))


def test_the_readme_says_which_federation_to_apply():
    data = small_data()
    assert "`federation/kubefed` | namespace" in found(read(data))["README.md"]
    data["scenario"]["federation"]["controller"] = "karmada"
    assert "`federation/karmada` | namespace" in found(read(data))["README.md"]
