"""The last fence before texts reach files: each text of a scenario still has the form of its field.

Reading a scenario checks all of this.  A plan that was put together in a program need not have been
read; what it holds in a field of text could otherwise leave that field in some file's syntax.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from planner.errors import UnfaithfulExport
from planner.model.plan import Plan
from planner.model.scenario import Scenario

Path = tuple[str, ...]
LONGEST_SHOWN = 80


def refuse_bad_forms(plan: Plan) -> None:
    """Refuse a plan whose scenario holds a text that its field does not allow.

    Parameters
    ----------
    plan : Plan
        What was decided, with its scenario.

    Raises
    ------
    UnfaithfulExport
        With the path and the text of each.
    """
    bad = [
        f"  {'.'.join(path)}: {text[:LONGEST_SHOWN]!r} cannot stand there"
        for path, text in (*_malformed(plan.scenario, ()), *_unreadable(plan.scenario))
    ]
    if bad:
        raise UnfaithfulExport("\n".join(["texts that are not of their field's form:", *bad]))


def _malformed(model: BaseModel, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield path and text of everything below a document that its schema would refuse."""
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _malformed(value, (*path, name))
        elif _is_text(value):
            yield from _judged(type(model), name, value, path)
        elif isinstance(value, dict):
            for key, member in value.items():
                if isinstance(member, BaseModel):
                    yield from _malformed(member, (*path, name, str(key)))


def _unreadable(scenario: Scenario) -> Iterator[tuple[Path, str]]:
    """Yield path and text of each address and network that is none."""
    for path, text in _addresses(scenario):
        try:
            ip_network(text) if "/" in text else ip_address(text)
        except ValueError:
            yield path, text


def _addresses(scenario: Scenario) -> Iterator[tuple[Path, str]]:
    """Yield path and text of every address and network of regions, machines and mesh."""
    for region, place in scenario.regions.items():
        for text in place.ingress_addresses:
            yield ("regions", region, "ingress_addresses"), text
    if scenario.platform is None:
        return
    mesh = scenario.platform.mesh.cidr
    yield from [(("platform", "mesh", "cidr"), mesh)] if mesh is not None else []
    for region, own in scenario.platform.regions.items():
        at = ("platform", "regions", region)
        for name in ("node_cidr", "pod_cidr", "service_cidr", "router_address"):
            text = getattr(own, name)
            yield from [((*at, name), text)] if text is not None else []
        yield from (((*at, "load_balancer_cidrs"), text) for text in own.load_balancer_cidrs)
        yield from (((*at, "servers", n, "address"), s.address) for n, s in own.servers.items())


def _is_text(value: object) -> bool:
    """Return whether a value is text, or holds nothing else."""
    if isinstance(value, tuple):
        return bool(value) and all(isinstance(item, str) for item in value)
    if isinstance(value, dict):
        return bool(value) and all(isinstance(item, str) for item in value.values())
    return isinstance(value, str)


def _judged(kind: type[BaseModel], name: str, value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield a value if its field's schema refuses it."""
    try:
        _schema(kind, name).validate_python(value)
    except ValidationError as error:
        for fault in error.errors():
            inside = tuple(str(part) for part in fault["loc"])
            yield (*path, name, *inside), str(fault["input"])


@cache
def _schema(kind: type[BaseModel], name: str) -> TypeAdapter[Any]:
    """Return the schema of one field of a document."""
    return TypeAdapter(kind.model_fields[name].rebuild_annotation())
