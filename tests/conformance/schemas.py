"""Strict validation against published schemas: an unknown field is a failure.

The schemas lie beside the repository, in ``../shared`` (PLANNER_SHARED names another place).
Where they are missing, a test fails under CI and is skipped elsewhere, saying so.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

KUBERNETES_VERSION = "1.36"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_FOLDERS = ("kubefed", "karmada", "external-dns", "calico", "metallb", "rook")
_METADATA = {"name", "namespace", "labels", "annotations"}
_CORE_OF = {
    "FederatedDeployment": ("apps/v1", "Deployment"),
    "FederatedService": ("v1", "Service"),
    "FederatedNamespace": ("v1", "Namespace"),
}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML in which a bare ``=`` is text: one CRD has it in an enum."""


_Loader.add_constructor(
    "tag:yaml.org,2002:value", lambda loader, node: loader.construct_scalar(node)
)


def shared(*parts: str) -> Path:
    """Path below ``../shared``; fails or skips the test where it is missing."""
    beside = Path(__file__).resolve().parents[2].parent / "shared"
    path = Path(os.environ.get("PLANNER_SHARED", beside)).joinpath(*parts)
    if not path.exists():
        reason = f"the published schemas are not at {path}; PLANNER_SHARED may name another place"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def validate(document: dict[str, Any]) -> None:
    """Validate any Kubernetes object, custom or core, strictly."""
    group = document["apiVersion"].rpartition("/")[0]
    if "." not in group:
        kubernetes_validate.validate(document, KUBERNETES_VERSION, strict=True)
        return
    validate_metadata(document)
    jsonschema.validate(document, _custom_schema(document), jsonschema.Draft4Validator)
    if document["kind"] in _CORE_OF and "template" in document["spec"]:
        version, kind = _CORE_OF[document["kind"]]
        validate({"apiVersion": version, "kind": kind, **document["spec"]["template"]})


def validate_metadata(document: dict[str, Any]) -> None:
    """Check what a CRD leaves to the API server: names, labels, no stray fields."""
    metadata = document["metadata"]
    assert set(metadata) <= _METADATA, metadata
    assert _NAME.fullmatch(metadata["name"]), metadata["name"]
    for key, value in metadata.get("labels", {}).items():
        assert len(value) <= 63, (key, value)
        assert re.fullmatch(r"([a-z0-9.-]+/)?[A-Za-z0-9._-]{1,63}", key), key


def strict(schema: Any) -> Any:
    """Turn a structural OpenAPI schema into a JSON schema that prunes nothing in silence."""
    if isinstance(schema, list):
        return [strict(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    result = {
        key: {name: strict(part) for name, part in value.items()}
        if key == "properties"
        else strict(value)
        for key, value in schema.items()
    }
    if schema.get("x-kubernetes-int-or-string"):
        result.pop("type", None)
    if isinstance(schema.get("pattern"), str):  # Go takes flags anywhere, Python only in front
        result["pattern"] = schema["pattern"].replace("^(?i)", "(?i)^")
    kept = schema.get("x-kubernetes-preserve-unknown-fields")
    if schema.get("type") == "object" and not kept and "additionalProperties" not in schema:
        result["additionalProperties"] = False
    if schema.get("nullable"):
        result = {"anyOf": [result, {"type": "null"}]}
    return result


def unknown_values(chart: str, values: dict[str, Any]) -> list[str]:
    """Paths of `values` that the chart does not have, or has with another type."""
    table = _chart(chart)
    parents = {path.rpartition(".")[0] for path in table}
    return list(_unknown("", values, table, parents))


def _unknown(
    prefix: str, values: dict[str, Any], table: dict[str, str], parents: set[str]
) -> Iterator[str]:
    for key, value in values.items():
        path = f"{prefix}{key}"
        kind = table.get(path)
        if kind is None or not _fits(kind, value):
            yield path
        elif isinstance(value, dict) and path in parents:
            yield from _unknown(f"{path}.", value, table, parents)
        elif isinstance(value, list) and f"{path}[]" in parents:
            for entry in value:
                yield from _unknown(f"{path}[].", entry, table, parents)


def _fits(kind: str, value: Any) -> bool:
    kinds: dict[str, Any] = {"string": str, "int": int, "bool": bool, "list": list, "map": dict}
    return kind not in kinds or isinstance(value, kinds[kind])


@cache
def _chart(name: str) -> dict[str, str]:
    table: dict[str, str] = {}
    for path in (shared("reference", "charts", f"{name}.csv"), *_subcharts(name)):
        with path.open(newline="") as file:
            table |= {row["path"]: row["type"] for row in csv.DictReader(file)}
    return table


def _subcharts(name: str) -> list[Path]:
    """Tables of the charts that a chart brings along."""
    return sorted(shared("reference", "charts").glob(f"{name}.sub-*.csv"))


def _custom_schema(document: dict[str, Any]) -> dict[str, Any]:
    key = (document["apiVersion"], document["kind"])
    # The operator's are as large as all others together.
    monitoring = document["apiVersion"].startswith("monitoring.coreos.com/")
    schemas = _custom_schemas(("prometheus-operator",) if monitoring else _FOLDERS)
    assert key in schemas, f"no CRD for {key}"
    return schemas[key]


@cache
def _custom_schemas(folders: tuple[str, ...]) -> dict[tuple[str, str], dict[str, Any]]:
    schemas = {}
    for folder in folders:
        for path in sorted(shared("crds", folder).glob("*.yaml")):
            if path.name == "federatedtypeconfig.yaml":  # a Helm template, no CRD
                continue
            crd = yaml.load(path.read_text(), _Loader)
            for version in crd["spec"]["versions"]:
                schema = strict(version["schema"]["openAPIV3Schema"])
                schema["properties"]["metadata"] = {"type": "object"}
                name = f"{crd['spec']['group']}/{version['name']}"
                schemas[name, crd["spec"]["names"]["kind"]] = schema
    return schemas
