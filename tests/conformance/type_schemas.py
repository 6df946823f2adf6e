"""CRDs that the shared folder lacks: of types that are made of the projects' own, and one by hand.

``.ci/packages.sh`` writes one schema a kind, of types that are generated from the project's own; a
field that they lack is one that the project lacks.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.conformance.tools import BUILT, missing

FOLDER = BUILT / "npm" / "schemas"


def typed_crds() -> list[dict[str, Any]]:
    """Return a CRD for each kind that has a schema."""
    files = sorted(FOLDER.glob("*.json"))
    if not files:
        missing(f"no schemas in {FOLDER}: .ci/packages.sh makes them (npm)")
    return [_crd(path) for path in files]


def interpreter_crd() -> dict[str, Any]:
    """Return the CRD of Karmada's ResourceInterpreterCustomization (v1.18), written by hand.

    Its operations each hold one Lua script; the target is named by version and kind.
    """
    operations = (
        "retention",
        "replicaResource",
        "componentResource",
        "replicaRevision",
        "statusReflection",
        "statusAggregation",
        "healthInterpretation",
        "dependencyInterpretation",
    )
    spec = {
        "target": fields("apiVersion", "kind"),
        "customizations": {
            "type": "object",
            "properties": {operation: fields("luaScript") for operation in operations},
        },
    }
    kind = "ResourceInterpreterCustomization"
    whole = {"type": "object", "properties": spec, "required": list(spec)}
    return crd("config.karmada.io", "v1alpha1", kind, whole, scope="Cluster")


def fields(*names: str) -> dict[str, Any]:
    """Return the schema of an object of texts that must all be there."""
    texts = {name: {"type": "string"} for name in names}
    return {"type": "object", "properties": texts, "required": list(names)}


def _crd(path: Path) -> dict[str, Any]:
    """Build the CRD of a file ``GROUP_VERSION_KIND.json``."""
    group, version, kind = path.stem.split("_")
    document = json.loads(path.read_text(encoding="utf-8"))
    return crd(group, version, kind, structural(document["definitions"][f"I{kind}Spec"]))


def crd(
    group: str, version: str, kind: str, spec: dict[str, Any], *, scope: str = "Namespaced"
) -> dict[str, Any]:
    """Build a CRD of one version whose objects have a `spec`."""
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "properties": {"spec": spec}, "required": ["spec"]}
    served = {"name": version, "served": True, "storage": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            # Without it the server refuses a group of the Kubernetes community.
            "annotations": {"api-approved.kubernetes.io": "unapproved, a test on loopback"},
        },
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural},
            "versions": [{**served, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def structural(schema: Any) -> Any:
    """Turn a JSON schema of TypeScript's types into one that a CRD may have.

    Parameters
    ----------
    schema : dict
        Objects forbid other properties, which a CRD does by itself; a number or a text is one of
        both.
    """
    kind = schema.get("type")
    if isinstance(kind, list) and set(kind) == {"number", "string"}:
        return {"x-kubernetes-int-or-string": True}
    if kind == "array":
        return {"type": "array", "items": structural(schema["items"])}
    if kind == "object":
        return _object(schema)
    known = {key: schema[key] for key in ("type", "enum") if key in schema}
    assert known.get("type") in {"string", "number", "boolean"}, schema
    return known


def _object(schema: dict[str, Any]) -> dict[str, Any]:
    """Turn a type with fields, or one of names to values."""
    values = schema.get("additionalProperties")
    if "properties" in schema:
        properties = {name: structural(part) for name, part in schema["properties"].items()}
        required = {"required": schema["required"]} if "required" in schema else {}
        return {"type": "object", "properties": properties, **required}
    if isinstance(values, dict) and values:
        return {"type": "object", "additionalProperties": structural(values)}
    return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
