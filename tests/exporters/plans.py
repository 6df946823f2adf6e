"""Small plans by hand: four regions, three services on two host names."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from planner.model.plan import Plan
from planner.model.scenario import Scenario

REGIONS = {
    "taipei": ("taiwan-master", "TW", 25.03, 121.56, "kubeadm"),
    "singapore": ("singapore-edge", "SG", 1.35, 103.82, "k3s"),
    "tokyo": ("tokyo-edge", "JP", 35.68, 139.69, "k3s"),
    "losangeles": ("losangeles-edge", "US", 34.05, -118.24, "k3s"),
}
ADDRESSES = {
    "taipei": ["203.0.113.10"],
    "singapore": ["203.0.113.20", "203.0.113.21"],
    "tokyo": ["203.0.113.30", "2001:db8:3::30"],
    "losangeles": ["203.0.113.40"],
}
USERS = {
    "TW": ("TW", 20e6),
    "HK": ("HK", 7e6),
    "PH": ("PH", 60e6),
    "SG": ("SG", 5e6),
    "JP": ("JP", 50e6),
    "US-WEST": ("US", 60e6),
    "US-EAST": ("US", 180e6),
    "NA": ("NA", 1e6),
}
REPLICAS = {
    "api": {"taipei": 6, "singapore": 4, "tokyo": 3, "losangeles": 2},
    "orders": {"taipei": 3, "singapore": 2, "tokyo": 2, "losangeles": 0},
    "static": {"taipei": 2, "singapore": 2, "tokyo": 0, "losangeles": 4},
}
WEIGHTS = {
    "api": {
        "kubefed": {"taipei": 6, "singapore": 4, "tokyo": 3, "losangeles": 2},
        "karmada": {"taipei": 6, "singapore": 4, "tokyo": 3, "losangeles": 2},
    },
    "orders": {
        "kubefed": {"taipei": 3, "singapore": 2, "tokyo": 2},
        "karmada": {"taipei": 3, "singapore": 2, "tokyo": 2, "losangeles": 0},
    },
    "static": {
        "kubefed": {"taipei": 1, "singapore": 1, "losangeles": 2},
        "karmada": {"taipei": 1, "singapore": 1, "losangeles": 2},
    },
}
HOSTS = {
    "api.company.com": {
        "TW": [(1.0, "taipei tokyo")],
        "HK": [(1.0, "taipei singapore")],
        "PH": [(0.7, "singapore taipei"), (0.3, "taipei tokyo")],
        "SG": [(1.0, "singapore taipei")],
        "JP": [(1 / 3, "tokyo taipei"), (1 / 3, "tokyo losangeles"), (1 / 3, "taipei tokyo")],
        "US-WEST": [(1.0, "losangeles tokyo")],
        "US-EAST": [(0.9, "losangeles tokyo"), (0.1, "tokyo losangeles")],
        "NA": [(1.0, "singapore taipei")],
    },
    "static.company.com": {
        origin: [(1.0, "losangeles taipei" if country == "US" else "taipei singapore")]
        for origin, (country, _) in USERS.items()
    },
}


def scenario_data(**dns: Any) -> dict[str, Any]:
    return {
        "scenario": "small",
        "namespace": "prod-api",
        "server_types": {"box": {"cpu_cores": 32.0, "memory_gib": 128.0}},
        "regions": {
            name: {
                "cluster": cluster,
                "country": country,
                "latitude_deg": latitude,
                "longitude_deg": longitude,
                "distribution": distribution,
                "ingress_addresses": ADDRESSES[name],
                "uplink_gbps": 1.0,
                "pools": {"main": {"server_type": "box", "servers": 2}},
                **({} if name == "tokyo" else {"api_endpoint": f"https://{cluster}.mesh:6443"}),
            }
            for name, (cluster, country, latitude, longitude, distribution) in REGIONS.items()
        },
        "services": {
            name: {
                "image": f"registry.company.com/{name}@sha256:{'0' * 64}",
                "host": "static.company.com" if name == "static" else "api.company.com",
                "cpu": "500m",
                "memory": "1.5Gi",
                "workers_per_replica": 8,
                "service_time_ms": 20.0,
                "payload_kib": 10.0,
                "requests_per_user_day": 20.0,
                "objective": {"p95_ms": 200.0, "emergency_p95_ms": 300.0},
                "min_replicas": 2,
                "surge_replicas": 0 if name == "static" else 1,
            }
            for name in REPLICAS
        },
        "origins": {
            origin: {
                "name": origin,
                "country": country,
                "latitude_deg": 10.0,
                "longitude_deg": 10.0,
                "internet_users": users,
                "propensity_share": 0.01,
                "utc_offset_h": 8.0,
            }
            for origin, (country, users) in USERS.items()
        },
        "policy": {"survive": {"regions": 1}},
        "federation": {"host_region": "taipei", "standby_region": "tokyo"},
        "dns": {
            "zone": "company.com",
            "name_servers": ["ns1.company.com", "ns2.company.com"],
            "hostmaster": "hostmaster.company.com",
            **dns,
        },
    }


def plan_data(scenario: dict[str, Any]) -> dict[str, Any]:
    data = {
        "scenario_digest": "sha256:" + "0" * 64,
        "scenario": scenario,
        "steering": "static",
        "active_regions": list(REGIONS),
        "services": {
            name: {
                "total": sum(replicas.values()),
                "replicas": replicas,
                "max_replicas": dict.fromkeys(REGIONS, 20),
                "weights": WEIGHTS[name],
                "p95_ms": {},
                "origin_p95_ms": {},
            }
            for name, replicas in REPLICAS.items()
        },
        "hosts": {
            host: {
                origin: [{"share": share, "order": order.split()} for share, order in parts]
                for origin, parts in origins.items()
            }
            for host, origins in HOSTS.items()
        },
        "cost": {
            "fixed_usd_month": 0.0,
            "replicas_usd_month": 0.0,
            "latency_usd_month": 0.0,
            "lost_usd_month": 0.0,
            "mean_latency_ms": 0.0,
            "lost_requests_month": 0.0,
        },
        "proof": {
            "status": "optimal",
            "objective": 0.0,
            "bound": 0.0,
            "gap": 0.0,
            "solver": "none",
            "seed": 0,
        },
        "headroom": {"factor": 1.0, "regions": {}, "limited_by": "nothing"},
    }
    return deepcopy(data)


def small_data(**dns: Any) -> dict[str, Any]:
    return plan_data(scenario_data(**dns))


def read(data: dict[str, Any]) -> Plan:
    return Plan.model_validate(data | {"scenario": Scenario.model_validate(data["scenario"])})


def small_plan(**dns: Any) -> Plan:
    return read(small_data(**dns))
