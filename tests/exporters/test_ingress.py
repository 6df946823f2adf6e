"""Host names and paths lead to their services, in every cluster that has them."""

import pytest
import yaml

from planner.exporters.kubernetes import export_kubernetes
from tests.exporters.cluster_trees import REGIONS, changed, of_kind, readme_of, routes_of
from tests.exporters.ownership import objects
from tests.exporters.platforms import taiwan_plan


@pytest.mark.parametrize("region", REGIONS)
def test_host_and_path_lead_to_the_service_by_ingress_and_by_gateway_alike(region):
    plan = taiwan_plan()
    want = {
        (plan.scenario.services[name].host, known.ingress_path): name
        for name, known in plan.scenario.platform.services.items()
    }
    assert routes_of(export_kubernetes(plan), region) == want
    manifests = export_kubernetes(plan, routes="gateway")
    assert of_kind(manifests, "Ingress") == {}
    routes = {
        (route["spec"]["hostnames"][0], match["path"]["value"]): rule["backendRefs"][0]["name"]
        for route in of_kind(manifests, "HTTPRoute", region).values()
        for rule in route["spec"]["rules"]
        for match in rule["matches"]
    }
    assert routes == want
    (gateway,) = of_kind(manifests, "Gateway", region).values()
    listeners = {listener["name"]: listener for listener in gateway["spec"]["listeners"]}
    for route in of_kind(manifests, "HTTPRoute", region).values():
        (parent,) = route["spec"]["parentRefs"]
        assert parent["name"] == gateway["metadata"]["name"]
        assert listeners[parent["sectionName"]]["hostname"] == route["spec"]["hostnames"][0]
        assert listeners[parent["sectionName"]]["tls"]["certificateRefs"][0]["name"] == (
            plan.scenario.platform.tls_secret
        )


def test_ingresses_have_the_regions_class_and_the_certificate_by_name():
    regions = dict(taiwan_plan().scenario.platform.regions)
    regions["tokyo"] = regions["tokyo"].model_copy(update={"ingress_class": "other"})
    plan = changed(taiwan_plan(), regions=regions)
    for region in REGIONS:
        for document in of_kind(export_kubernetes(plan), "Ingress", region).values():
            spec = document["spec"]
            assert spec["ingressClassName"] == ("other" if region == "tokyo" else "traefik")
            assert spec["tls"] == [
                {"hosts": [spec["rules"][0]["host"]], "secretName": "company-com-tls"}
            ]


def test_a_service_without_replicas_in_a_region_has_nothing_there_and_calls_to_it_are_reported():
    plan = taiwan_plan()
    orders = plan.services["orders"]
    left = orders.model_copy(update={"replicas": orders.replicas | {"tokyo": 0}})
    plan = plan.model_copy(update={"services": plan.services | {"orders": left}})
    manifests = export_kubernetes(plan)
    there = [
        str(m.path)
        for m, d in objects(manifests)
        if "tokyo" in str(m.path) and "orders" in d["metadata"]["name"]
    ]
    assert there == []
    assert "orders" not in routes_of(manifests, "tokyo").values()
    api = of_kind(manifests, "NetworkPolicy", "tokyo")["service-api"]
    assert "orders" not in yaml.safe_dump(api)
    readme = readme_of(manifests)
    assert "`api` calls `orders`, which has no replicas in `tokyo-edge`" in readme
