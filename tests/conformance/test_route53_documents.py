"""Route 53's documents against botocore's model of the service, its bounds included."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from typing import Any

import pytest

from planner.exporters.hosted_zone import export_route53
from planner.model.plan import Plan
from tests.conformance.tools import missing
from tests.exporters.plans import read
from tests.exporters.platforms import taiwan_plan
from tests.exporters.steered import BOTH_FAMILIES, steered_data, steered_plan


def deep_plan() -> Plan:
    """A plan that promises to survive two regions, so that orders are chains of pairs."""
    data = steered_data(BOTH_FAMILIES)
    data["scenario"]["policy"]["survive"]["regions"] = 2
    return read(data)


PLANS = {"taiwan": taiwan_plan, "small": steered_plan, "deep": deep_plan}


def service() -> Any:
    try:
        import botocore.session
    except ImportError:
        missing("no package botocore: pip install 'planner[conformance]'")
    return botocore.session.Session().get_service_model("route53")


def faults(operation: str, document: dict[str, Any]) -> list[str]:
    """What botocore refuses, and what passes a bound that only the service would check."""
    from botocore.validate import ParamValidator

    shape = service().operation_model(operation).input_shape
    report = ParamValidator().validate(document, shape)
    return [*report.generate_report().splitlines(), *_beyond(shape, document, "")]


def _beyond(shape: Any, value: Any, path: str) -> list[str]:
    """Walk a value along its shape: largest sizes, enumerations and patterns."""
    if shape.type_name == "structure":
        known = shape.members
        unknown = [f"{path}.{name}: unknown" for name in value if name not in known]
        return unknown + [
            f for k, v in value.items() if k in known for f in _beyond(known[k], v, f"{path}.{k}")
        ]
    if shape.type_name == "list":
        found = [f for i, v in enumerate(value) for f in _beyond(shape.member, v, f"{path}[{i}]")]
        return found + _too_large(shape, len(value), path)
    if shape.type_name == "string":
        bad = [f"{path}: {value}"] if shape.enum and value not in shape.enum else []
        pattern = shape.metadata.get("pattern")
        bad += [f"{path}: {value}"] if pattern and not re.fullmatch(pattern, value) else []
        return bad + _too_large(shape, len(value), path)
    return _too_large(shape, value, path) if shape.type_name in {"integer", "long"} else []


def _too_large(shape: Any, size: int, path: str) -> list[str]:
    most = shape.metadata.get("max")
    return (
        [f"{path}: {size} above {most}"]
        if most is not None and isinstance(size, int) and size > most
        else []
    )


def files(plan: Plan) -> dict[str, tuple[str, dict[str, Any]]]:
    """File to the operation that reads it and its document."""
    found = {}
    for manifest in export_route53(plan):
        name = str(manifest.path.relative_to("dns/route53"))
        if name.startswith("health-checks/"):
            found[name] = ("CreateHealthCheck", json.loads(str(manifest.content)))
        elif name.startswith("changes-"):
            found[name] = ("ChangeResourceRecordSets", json.loads(str(manifest.content)))
    return found


@pytest.mark.parametrize("plan", PLANS)
def test_every_document_is_accepted_and_within_all_bounds(plan):
    found = files(PLANS[plan]())
    assert {operation for operation, _ in found.values()} == {
        *("CreateHealthCheck", "ChangeResourceRecordSets")
    }
    for name, (operation, document) in found.items():
        assert not faults(operation, document), name


@pytest.mark.parametrize("plan", PLANS)
def test_batches_and_names_keep_the_limits_of_the_service(plan):
    for _, document in files(PLANS[plan]()).values():
        changes = document.get("ChangeBatch", {}).get("Changes", [])
        sets = [change["ResourceRecordSet"] for change in changes]
        values = [record["Value"] for s in sets for record in s.get("ResourceRecords", [])]
        assert 2 * len(sets) <= 1000
        assert 2 * sum(map(len, values)) <= 32000
        for own in sets:
            assert len(own["Name"]) <= 255
            assert all(0 < len(label) <= 63 for label in own["Name"].rstrip(".").split("."))


@pytest.mark.parametrize(
    ("step", "value"),
    [
        (("Weigth",), 3),
        (("SetIdentifier",), "x" * 129),
        (("SetIdentifier",), ""),
        (("Type",), "AAAAA"),
        (("TTL",), "30"),
        (("Weight",), 256),
        (("HealthCheckId",), "x" * 65),
        (("Failover",), "THIRD"),
    ],
)
def test_a_mutated_record_is_refused(step, value):
    operation, document = files(taiwan_plan())["changes-1.json"]
    assert not faults(operation, document)
    mutated = deepcopy(document)
    mutated["ChangeBatch"]["Changes"][0]["ResourceRecordSet"][step[0]] = value
    assert faults(operation, mutated)


def test_a_mutated_health_check_is_refused():
    operation, document = files(taiwan_plan())["health-checks/taipei-a-1.json"]
    for name, value in (("FailureThreshold", 11), ("RequestInterval", 5), ("Type", "HTTPX")):
        mutated = deepcopy(document)
        mutated["HealthCheckConfig"][name] = value
        assert faults(operation, mutated), name
