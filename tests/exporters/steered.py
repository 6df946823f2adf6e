"""Plans for the DNS targets that look at regions: a platform, and addresses of both families."""

from __future__ import annotations

from typing import Any

from planner.model.plan import Plan
from tests.exporters.plans import read, small_data

PLATFORM = {
    "services": {
        "api": {"readiness_path": "/ready", "ingress_path": "/"},
        "orders": {"readiness_path": "/ready", "ingress_path": "/orders"},
        "static": {"readiness_path": "/healthz", "ingress_path": "/"},
    },
    "cloudflare": {"account_id": "0" * 32, "zone_id": "1" * 32, "health_path": "/ready"},
    "route53": {"zone_id": "Z0123456789ABC", "health_path": "/ready"},
}
BOTH_FAMILIES = {
    "taipei": ["203.0.113.10", "2001:db8:1::10"],
    "singapore": ["203.0.113.20", "203.0.113.21", "2001:db8:2::20", "2001:db8:2::21"],
    "tokyo": ["203.0.113.30", "2001:db8:3::30"],
    "losangeles": ["203.0.113.40", "2001:db8:4::40"],
}


def steered_data(addresses: dict[str, list[str]] | None = None, **dns: Any) -> dict[str, Any]:
    data = small_data(**dns)
    data["scenario"]["platform"] = PLATFORM
    for region, own in (addresses or {}).items():
        data["scenario"]["regions"][region]["ingress_addresses"] = own
    return data


def steered_plan(addresses: dict[str, list[str]] | None = None, **dns: Any) -> Plan:
    return read(steered_data(addresses, **dns))


def hosted_plan(*hosts: str, **dns: Any) -> Plan:
    """The plan with other host names in the place of its two."""
    data = steered_data(**dns)
    names = dict(zip(("api.company.com", "static.company.com"), hosts, strict=True))
    for service in data["scenario"]["services"].values():
        service["host"] = names[service["host"]]
    data["hosts"] = {names[host]: origins for host, origins in data["hosts"].items()}
    return read(data)
