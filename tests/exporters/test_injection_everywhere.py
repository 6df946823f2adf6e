"""Hostile names over all targets: refused with a sentence, or they stay in their field."""

import json
import shlex
import subprocess
from pathlib import PurePosixPath

import pytest
import yaml

from planner.errors import UnfaithfulExport
from planner.exporters import TARGETS, export_each
from planner.io.manifests import render
from planner.model.manifest import Manifest
from tests.exporters.network_plans import with_hostile_region, with_place
from tests.exporters.network_plans import with_region as with_platform_region
from tests.exporters.platforms import taiwan_plan

HOSTILE = (
    "x\n  privileged: true\n# ",
    "'; touch /tmp/owned #",
    "$(touch /tmp/owned)`id`",
    'a"} or vector(1) #',
    "a: b\n---\nkind: ClusterRoleBinding",
    "a.company.com. IN A 192.0.2.66\n$INCLUDE /etc/passwd\n",
    "b } . { forward . 192.0.2.66\n",
    "${file(1)}%{ if true }",
    "{{ exec `id` }}@{{ 7*7 }}",
    "../../etc/cron.d/a",
    "\u2028\u0085\tend",
)


def renamed(mapping, old, new):
    return {new if key == old else key: value for key, value in mapping.items()}


def with_service(name):
    """The service 'orders' under another name, checks bypassed."""
    plan = taiwan_plan()
    scenario, platform = plan.scenario, plan.scenario.platform
    services = renamed(platform.services, "orders", name)
    services["api"] = services["api"].model_copy(update={"calls": (name,)})
    scenario = scenario.model_copy(
        update={
            "services": renamed(scenario.services, "orders", name),
            "platform": platform.model_copy(update={"services": services}),
        }
    )
    return plan.model_copy(
        update={"scenario": scenario, "services": renamed(plan.services, "orders", name)}
    )


def with_region(name):
    """The region 'tokyo' under another name, in the plan too."""
    plan = with_hostile_region(name)
    services = {
        key: service.model_copy(
            update={
                "replicas": renamed(service.replicas, "tokyo", name),
                "max_replicas": renamed(service.max_replicas, "tokyo", name),
                "p95_ms": renamed(service.p95_ms, "tokyo", name),
                "weights": {
                    c: renamed(weights, "tokyo", name) for c, weights in service.weights.items()
                },
            }
        )
        for key, service in plan.services.items()
    }
    hosts = {
        host: {
            origin: tuple(
                part.model_copy(
                    update={"order": tuple(name if r == "tokyo" else r for r in part.order)}
                )
                for part in parts
            )
            for origin, parts in origins.items()
        }
        for host, origins in plan.hosts.items()
    }
    active = tuple(name if r == "tokyo" else r for r in plan.active_regions)
    return plan.model_copy(update={"services": services, "hosts": hosts, "active_regions": active})


def with_cluster(name):
    """The cluster of Tokyo under another name."""
    return with_place("tokyo", cluster=name)


def with_domain(name):
    """The host name of 'static' under another name."""
    plan = taiwan_plan()
    services = {
        key: s.model_copy(update={"host": name}) if s.host == "static.company.com" else s
        for key, s in plan.scenario.services.items()
    }
    scenario = plan.scenario.model_copy(update={"services": services})
    hosts = renamed(plan.hosts, "static.company.com", name)
    return plan.model_copy(update={"scenario": scenario, "hosts": hosts})


def with_namespace(name):
    """Another namespace."""
    scenario = taiwan_plan().scenario.model_copy(update={"namespace": name})
    return taiwan_plan().model_copy(update={"scenario": scenario})


def with_texts(name):
    """Fields that may hold anything that the checks let pass: images, names for people."""
    scenario = taiwan_plan().scenario
    changed = {
        "services": (scenario.services, {"image": name}),
        "regions": (scenario.regions, {"name": name}),
        "origins": (scenario.origins, {"name": name}),
    }
    fields = {
        field: {key: item.model_copy(update=update) for key, item in members.items()}
        for field, (members, update) in changed.items()
    }
    scenario = scenario.model_copy(update=fields)
    return taiwan_plan().model_copy(update={"scenario": scenario})


def with_endpoints(name):
    """Addresses of API servers, and further names in their certificates."""
    plan = with_place("tokyo", api_endpoint=f"https://{name}:6443")
    return with_platform_region("tokyo", plan, api_sans=(name,))


NAMES = {
    "service": with_service,
    "region": with_region,
    "cluster": with_cluster,
    "domain": with_domain,
    "namespace": with_namespace,
}
TEXTS = {"texts": with_texts, "endpoints": with_endpoints}


def leaves_its_field(manifest, hostile):
    """Whether a hostile text is anywhere but in a whole field of a document."""
    content = manifest.content
    if not isinstance(content, str):
        read = tuple(yaml.safe_load_all(render(manifest).decode()))
        return read != tuple(json.loads(json.dumps(content)))
    if manifest.path.suffix == ".json":
        json.loads(content)
        return "${file" in content.replace("$${file", "")
    if manifest.executable:
        subprocess.run(["sh", "-n"], input=content, text=True, check=True)
        return hostile in content and hostile not in shlex.split(content, comments=True)
    return hostile in content


@pytest.mark.parametrize("what", NAMES)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_name_is_refused_by_every_target(what, hostile):
    done = export_each(NAMES[what](f"zq{hostile}"))
    assert done.manifests == ()
    assert set(done.refusals) == set(TARGETS)
    for error in done.refusals.values():
        assert isinstance(error, UnfaithfulExport)
        assert "no DNS-1123 name; take lower case letters" in str(error)


@pytest.mark.parametrize("what", TEXTS)
def test_a_hostile_text_is_refused_or_stays_in_its_field(what):
    hostile = "zq" + "".join(HOSTILE)
    done = export_each(TEXTS[what](hostile))
    assert all(str(error).strip() for error in done.refusals.values())
    paths = [str(m.path) for m in done.manifests if leaves_its_field(m, hostile)]
    assert paths == []
    assert all("zq" not in str(manifest.path) for manifest in done.manifests)
    assert len(done.manifests) > 100


def test_the_search_finds_what_leaves_its_field():
    folder = PurePosixPath("a")
    for name, content in (("b.md", "x zq; id"), ("b.conf", "zq; id")):
        assert leaves_its_field(Manifest(folder / name, content), "zq; id")
    script = Manifest(folder / "b.sh", "echo zq; id\n", executable=True)
    assert leaves_its_field(script, "zq; id")
    quoted = Manifest(folder / "b.sh", "echo 'zq; id'\n", executable=True)
    assert not leaves_its_field(quoted, "zq; id")
    assert leaves_its_field(Manifest(folder / "b.json", '{"a": "zq${file(1)}"}'), "zq")
