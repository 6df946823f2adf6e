"""Cloudflare's documents against the types of its own client, further fields forbidden."""

from __future__ import annotations

import json
import subprocess
import types
from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import pytest
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model

from planner.exporters.cloudflare import export_cloudflare
from tests.conformance.tools import missing, tool
from tests.exporters.platforms import taiwan_plan
from tests.exporters.steered import BOTH_FAMILIES, steered_plan

TERRAFORM_FIELDS = {
    "cloudflare_load_balancer_monitor": {
        *("account_id", "allow_insecure", "consecutive_down", "consecutive_up", "description"),
        *("expected_body", "expected_codes", "follow_redirects", "header", "interval", "method"),
        *("path", "port", "probe_zone", "retries", "timeout", "type"),
    },
    "cloudflare_load_balancer_pool": {
        *("account_id", "name", "origins", "description", "enabled", "latitude", "longitude"),
        *("load_shedding", "minimum_origins", "monitor", "monitor_group", "notification_email"),
        *("notification_filter", "origin_steering", "check_regions"),
    },
    "cloudflare_load_balancer": {
        *("zone_id", "name", "default_pools", "fallback_pool", "adaptive_routing"),
        *("country_pools", "description", "enabled", "location_strategy", "networks", "pop_pools"),
        *("proxied", "random_steering", "region_pools", "rules", "session_affinity"),
        *("session_affinity_attributes", "session_affinity_ttl", "steering_policy", "ttl"),
    },
}
"""Arguments of the resources of provider 5.22."""

PLANS = {"taiwan": taiwan_plan, "small": lambda: steered_plan(BOTH_FAMILIES)}


def client_types() -> types.ModuleType:
    try:
        from cloudflare.types import load_balancers
    except ImportError:
        missing("no package cloudflare: pip install 'planner[conformance]'")
    return load_balancers


@cache
def strict(kind: Any) -> Any:
    """Rebuild a type so that unknown fields are refused at every depth."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = {n: (strict(f.annotation), f.default) for n, f in kind.model_fields.items()}
        return create_model(kind.__name__, __config__=ConfigDict(extra="forbid"), **fields)
    if isinstance(kind, type) and hasattr(kind, "__required_keys__"):
        return _strict_dict(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return strict(arguments[0])
    if origin in (Union, types.UnionType):
        return Union[tuple(strict(a) for a in arguments)]  # noqa: UP007
    if origin is dict:
        return dict[strict(arguments[0]), strict(arguments[1])]
    if origin is not None and getattr(origin, "__name__", "") in {
        "SequenceNotStr",
        "Iterable",
        "list",
    }:
        return list[strict(arguments[0])]
    return kind


def _strict_dict(kind: Any) -> Any:
    """Turn a TypedDict into a model that forbids other fields; aliases are the names sent."""
    fields: dict[str, Any] = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        alias = next((m.alias for m in getattr(hint, "__metadata__", ()) if m.alias), name)
        inner = get_args(hint)[0] if getattr(get_origin(hint), "_name", "") == "Required" else hint
        fields[alias] = (strict(inner), ... if name in kind.__required_keys__ else None)
    return create_model(kind.__name__, __config__=ConfigDict(extra="forbid", strict=True), **fields)


def files(plan: Any) -> dict[str, Any]:
    return {
        str(m.path.relative_to("dns/cloudflare")): json.loads(m.content)
        for m in export_cloudflare(plan)
        if m.path.suffix == ".json" and isinstance(m.content, str)
    }


def kinds() -> dict[str, tuple[str, Any]]:
    """Folder to the name of the call's path parameter and the type of its body."""
    client = client_types()
    return {
        "api/monitor.json": ("account_id", client.monitor_create_params.MonitorCreateParams),
        "api/pools/": ("account_id", client.pool_create_params.PoolCreateParams),
        "api/load-balancers/": (
            "zone_id",
            client.load_balancer_create_params.LoadBalancerCreateParams,
        ),
        "api/pool-sets/": ("id", client.load_balancer.LoadBalancer),
    }


def judge(name: str, body: dict[str, Any]) -> None:
    (parameter, kind), *_ = [found for start, found in kinds().items() if name.startswith(start)]
    TypeAdapter(strict(kind)).validate_python({**body, parameter: "0" * 32})


def bodies(documents: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    return ((n, d) for n, d in documents.items() if n.startswith("api/") and n != "api/ids.json")


@pytest.mark.parametrize("plan", PLANS)
def test_every_body_of_the_api_has_only_known_fields_of_the_right_type(plan):
    found = dict(bodies(files(PLANS[plan]())))
    assert {name.split("/")[1] for name in found} == {
        *("monitor.json", "pools", "load-balancers", "pool-sets")
    }
    for name, body in found.items():
        judge(name, body)


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("api/monitor.json", ("consecutive_downs",), 3),
        ("api/monitor.json", ("interval",), "15"),
        ("api/monitor.json", ("type",), "httpx"),
        ("api/pools/taipei.json", ("origins", 0, "adress"), "192.0.2.1"),
        ("api/load-balancers/api.company.com.json", ("regions_pool",), {}),
        ("api/load-balancers/api.company.com.json", ("country_pools", "TW"), "pool:taipei"),
        ("api/load-balancers/api.company.com.json", ("location_strategy", "prefer_ecs"), "maybe"),
        ("api/pool-sets/api.company.com.json", ("pool_sets", 0, "match", "countries"), ["TW"]),
    ],
)
def test_a_mutated_body_is_refused(name, path, value):
    body = files(taiwan_plan())[name]
    judge(name, body)
    place = body
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(ValidationError):
        judge(name, body)


@pytest.mark.parametrize("plan", PLANS)
def test_terraform_has_the_providers_arguments_and_says_the_same_as_the_api(plan):
    documents = files(PLANS[plan]())
    resources = documents["main.tf.json"]["resource"]
    assert resources.keys() == TERRAFORM_FIELDS.keys()
    for kind, found in resources.items():
        for label, body in found.items():
            assert body.keys() <= TERRAFORM_FIELDS[kind], (kind, label)
    calls = {name: body for name, body in bodies(documents) if "pool-sets" not in name}
    said = {
        "api/monitor.json": resources["cloudflare_load_balancer_monitor"]["regions"],
        **{
            f"api/pools/{body['description'].removeprefix('cluster ')}": body
            for body in resources["cloudflare_load_balancer_pool"].values()
        },
        **{
            f"api/load-balancers/{body['name']}.json": body
            for body in resources["cloudflare_load_balancer"].values()
        },
    }
    assert len(said) == len(calls)
    balancers = [name for name in calls if "load-balancers" in name]
    for name in ("api/monitor.json", *balancers):
        own = {k: v for k, v in said[name].items() if k not in {"account_id", "zone_id"}}
        text = json.dumps(own).replace("${cloudflare_load_balancer_pool.at_", "pool:")
        assert json.loads(text.replace(".id}", "")) == calls[name]


def test_a_field_that_version_4_had_is_not_in_the_list_of_arguments():
    body = files(taiwan_plan())["main.tf.json"]["resource"]["cloudflare_load_balancer"]
    mutated = {**body["at_api_company_com"], "default_pool_ids": []}
    assert not mutated.keys() <= TERRAFORM_FIELDS["cloudflare_load_balancer"]


def test_ids_are_put_in_place_of_every_reference(tmp_path):
    jq = tool("jq", "jq")
    documents = files(steered_plan())
    program = next(m for m in export_cloudflare(steered_plan()) if m.path.name == "ids.jq")
    (tmp_path / "ids.jq").write_text(str(program.content))
    ids = {reference: f"{i:032x}" for i, reference in enumerate(documents["api/ids.json"])}
    (tmp_path / "ids.json").write_text(json.dumps(ids))
    for name in ("api/load-balancers/api.company.com.json", "api/pool-sets/api.company.com.json"):
        (tmp_path / "body.json").write_text(json.dumps(documents[name]))
        command = [jq, "--slurpfile", "ids", "ids.json", "-f", "ids.jq", "body.json"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        want = json.dumps(documents[name])
        for reference, own in ids.items():
            want = want.replace(f'"{reference}"', f'"{own}"')
        assert json.loads(done.stdout) == json.loads(want)
        assert "pool:" not in done.stdout
