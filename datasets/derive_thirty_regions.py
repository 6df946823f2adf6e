"""Write the scenario with thirty regions: one web service for the sixty countries with most users.

Run from the repository's root::

    python datasets/derive_thirty_regions.py

It is an exercise in scale, not a platform of anybody's: all of it but the tables is ours.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import yaml

FOLDER = Path(__file__).resolve().parent
TARGET = FOLDER / "thirty-regions"
COUNTRIES = 60
COLUMNS = (
    *("origin", "name", "country", "latitude_deg", "longitude_deg", "internet_users"),
    *("propensity_share", "utc_offset_h", "basis"),
)
# Id, name, country, metro, latitude, longitude, price region; the last six: a neighbour's price.
REGIONS = (
    ("taipei", "Taipei", "TW", "TPE", 25.04, 121.56, "asia-east1"),
    ("hongkong", "Hong Kong", "HK", "HKG", 22.32, 114.17, "asia-east2"),
    ("tokyo", "Tokyo", "JP", "TYO", 35.68, 139.77, "asia-northeast1"),
    ("osaka", "Osaka", "JP", "OSA", 34.69, 135.5, "asia-northeast2"),
    ("seoul", "Seoul", "KR", "SEL", 37.57, 126.98, "asia-northeast3"),
    ("mumbai", "Mumbai", "IN", "BOM", 19.08, 72.88, "asia-south1"),
    ("delhi", "Delhi", "IN", "DEL", 28.61, 77.21, "asia-south2"),
    ("singapore", "Singapore", "SG", "SIN", 1.29, 103.85, "asia-southeast1"),
    ("jakarta", "Jakarta", "ID", "JKT", -6.21, 106.85, "asia-southeast2"),
    ("sydney", "Sydney", "AU", "SYD", -33.87, 151.21, "australia-southeast1"),
    ("melbourne", "Melbourne", "AU", "MEL", -37.81, 144.96, "australia-southeast2"),
    ("seattle", "Seattle", "US", "SEA", 47.61, -122.33, "us-west1"),
    ("losangeles", "Los Angeles", "US", "LAX", 34.05, -118.24, "us-west2"),
    ("chicago", "Chicago", "US", None, 41.88, -87.63, "us-central1"),
    ("ashburn", "Ashburn", "US", "IAD", 39.04, -77.49, "us-east4"),
    ("dallas", "Dallas", "US", "DFW", 32.78, -96.8, "us-south1"),
    ("toronto", "Toronto", "CA", "YTO", 43.65, -79.38, "northamerica-northeast2"),
    ("saopaulo", "São Paulo", "BR", "SAO", -23.55, -46.63, "southamerica-east1"),
    ("london", "London", "GB", "LON", 51.51, -0.13, "europe-west2"),
    ("frankfurt", "Frankfurt", "DE", "FRA", 50.11, 8.68, "europe-west3"),
    ("amsterdam", "Amsterdam", "NL", "AMS", 52.37, 4.9, "europe-west4"),
    ("paris", "Paris", "FR", "PAR", 48.86, 2.35, "europe-west9"),
    ("doha", "Doha", "QA", "DOH", 25.29, 51.53, "me-central1"),
    ("johannesburg", "Johannesburg", "ZA", "JNB", -26.2, 28.05, "africa-south1"),
    ("manila", "Manila", "PH", "MNL", 14.6, 120.98, "asia-southeast1"),
    ("dubai", "Dubai", "AE", "DXB", 25.2, 55.27, "me-central1"),
    ("madrid", "Madrid", "ES", "MAD", 40.42, -3.7, "europe-west9"),
    ("stockholm", "Stockholm", "SE", "STO", 59.33, 18.07, "europe-west4"),
    ("warsaw", "Warsaw", "PL", "WAW", 52.23, 21.01, "europe-west3"),
    ("santiago", "Santiago", "CL", "SCL", -33.45, -70.67, "southamerica-east1"),
)


def main() -> None:
    """Write both files."""
    TARGET.mkdir(exist_ok=True)
    (TARGET / "origins.csv").write_text(origins().to_csv(index=False, lineterminator="\n"), "utf-8")
    head = "# Written by datasets/derive_thirty_regions.py; do not edit.\n"
    text = yaml.safe_dump(scenario(), sort_keys=False, allow_unicode=True, width=100)
    (TARGET / "scenario.yaml").write_text(head + text, "utf-8")


def origins() -> pd.DataFrame:
    """Return the countries with most internet users, a hundredth of whom use the platform."""
    table = pd.read_csv(FOLDER / "origins.csv", keep_default_na=False)
    largest = table.nlargest(COUNTRIES, "internet_users").sort_values("country")
    kept = largest[["country", "name", "latitude_deg", "longitude_deg", "internet_users"]]
    return kept.assign(
        origin=kept["country"],
        propensity_share=0.01,
        utc_offset_h=largest["utc_offset_h"],
        basis="propensity_share ours; the rest of datasets/origins.csv",
    )[list(COLUMNS)]


def scenario() -> dict[str, object]:
    """Return the scenario as plain data."""
    return {
        "scenario": "thirty-regions",
        "description": "A web service for sixty countries that may run in any of thirty regions.",
        "namespace": "web",
        "calendar": {
            "hours_utc": [2, 8, 14, 20],
            "peak_factor": 1.2,
            "basis": "ours: four hours tell the day",
        },
        "server_types": {
            "edge-16c": {
                "cpu_cores": 31.85,
                "memory_gib": 118.6,
                "comparable_cloud_type": "n2-standard-32",
                "basis": "ours: generic single-socket server, datasets/server_types.csv",
            }
        },
        "regions": {name: region(number, *rest) for number, (name, *rest) in enumerate(REGIONS)},
        "services": {"web": service()},
        "origins": {"table": "origins.csv"},
        "policy": {
            "survive": {"regions": 1},
            "survive_server_loss": False,
            "basis": "ours",
        },
        "cost": {"preset": "balanced"},
        "federation": {"controller": "karmada", "host_region": "singapore", "basis": "ours"},
        "dns": {
            "zone": "example.com",
            "name_servers": ["ns1.example.net", "ns2.example.net"],
            "hostmaster": "hostmaster.example.com",
            "basis": "ours",
        },
    }


def region(
    number: int,
    name: str,
    country: str,
    metro: str | None,
    latitude_deg: float,
    longitude_deg: float,
    price_region: str,
) -> dict[str, object]:
    """Return one region; its address is one for documentation."""
    return {
        "cluster": f"{name.lower().replace(' ', '').replace('ã', 'a')}-edge",
        "name": name,
        "country": country,
        **({"metro": metro} if metro else {}),
        "latitude_deg": latitude_deg,
        "longitude_deg": longitude_deg,
        "ingress_addresses": [f"198.51.100.{number + 10}"],
        "uplink_gbps": 10.0,
        "fixed_cost_usd_month": 600.0,
        "price_region": price_region,
        "pools": {"edge": {"server_type": "edge-16c", "servers": 12}},
        "basis": "ours: place, size and fixed cost; price as in datasets/prices.csv",
    }


def service() -> dict[str, object]:
    """Return the service."""
    return {
        "image": "registry.example.com/web:2.3.0",
        "host": "web.example.com",
        "cpu": "2",
        "memory": "4Gi",
        "workers_per_replica": 8,
        "service_time_ms": 20.0,
        "payload_kib": 16.0,
        "requests_per_user_day": 60.0,
        "new_connection_share": 0.03,
        "objective": {"p95_ms": 300.0, "emergency_p95_ms": 420.0},
        "min_replicas": 2,
        "max_replicas": 180,
        "basis": "ours",
    }


if __name__ == "__main__":
    main()
