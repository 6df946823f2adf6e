"""All targets of the Taiwan plan, exported once, and parts of their files by path."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from planner.exporters import ALL, export
from planner.model.manifest import Manifest
from planner.model.plan import Plan
from tests.exporters.ownership import variant
from tests.exporters.platforms import taiwan_plan


@cache
def whole(controller: str = "kubefed", *, rollout: bool = False) -> dict[str, Manifest]:
    """Path to file of everything that is exported under a controller."""
    plan = taiwan_plan() if controller == "kubefed" else applied_plan(controller, rollout)
    return {str(manifest.path): manifest for manifest in export(plan, ALL)}


def applied_plan(controller: str, rollout: bool) -> Plan:
    """The plan under a controller; with Rollouts Karmada moves lost shares, too."""
    policy = {"karmada_failover": "tuned"} if rollout else {}
    return variant(controller, rollout=rollout, **policy)


def text_of(path: str) -> str:
    """The text of one file."""
    content = whole()[path].content
    assert isinstance(content, str)
    return content


def documents_of(path: str) -> tuple[dict[str, Any], ...]:
    """The documents of one file."""
    content = whole()[path].content
    assert not isinstance(content, str)
    return content


def every_document() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every document with the path of its file."""
    for path, manifest in whole().items():
        if not isinstance(manifest.content, str):
            yield from ((path, document) for document in manifest.content)


def of_kind(kind: str, below: str = "") -> list[dict[str, Any]]:
    """Objects of a kind below a folder."""
    return [d for path, d in every_document() if d.get("kind") == kind and path.startswith(below)]


def walked(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every leaf of a document with the keys that lead to it."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from walked(item, (*path, str(key)))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from walked(item, path)
    else:
        yield path, value
