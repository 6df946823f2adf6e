"""A hostile text in any field of a scenario, in every mode: refused, or it stays in its field.

Fields are found by walking the scenario, so that a new one is tried by itself.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from itertools import product
from typing import Any, Literal, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel

from planner.exporters import export_each
from planner.io.manifests import render
from planner.model.manifest import Manifest
from planner.model.plan import Plan
from tests.exporters.platforms import taiwan_plan
from tests.exporters.variants import PLANS

MARK = "zq"
HOSTILE = (
    "zq'; touch /tmp/owned #",
    'zq"} or vector(1) or up{a="',
    "zq$(touch /tmp/owned)`id`",
    "zq: b\n---\nkind: ClusterRoleBinding",
    "zq } . { forward . 192.0.2.66\n",
    "zq. IN A 192.0.2.66\n$INCLUDE /etc/passwd\n",
    "zq${file(1)}%{ if true }",
    "zq\nPostUp = touch /tmp/owned",
    'zq" => { b => "c',
    'zq"] --> x; click x "javascript:a"',
    "zq ]] {{ exec `id` }}",
)
"""Shell, PromQL, YAML, Corefile, zone, Terraform, wg-quick, vscf, Mermaid, templates of Go."""

WORDS = ("basis", "description", "reported", "policy", "failures", "events", "hardware", "cost")
"""Parts of a scenario that no export reads."""

REFERENCES = (
    "server_type",
    "from_region",
    "to_region",
    "host_region",
    "standby_region",
    "home_regions",
    "calls",
    "region",
    "mirror_region",
    "home",
    "pool",
)
"""Fields that repeat a name: reading refuses one that nothing bears, and names are tried apart."""

Path = tuple[str, ...]


def fields(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every text below a document; of the members of a mapping the first and the last."""
    if isinstance(value, BaseModel):
        for name, info in type(value).model_fields.items():
            if name not in (*WORDS, *REFERENCES) and not is_choice(info.annotation):
                yield from fields(getattr(value, name), (*path, name))
    elif isinstance(value, dict):
        keys = list(value)
        for key in dict.fromkeys([*keys[:1], *keys[-1:]]):
            yield from fields(value[key], (*path, key))
    elif isinstance(value, tuple) and value and isinstance(value[0], str):
        yield (*path, "0")
    elif isinstance(value, str):
        yield path


def is_choice(annotation: Any) -> bool:
    """Whether a field takes one of some words: reading refuses all others."""
    parts = get_args(annotation)
    return get_origin(annotation) is Literal or any(is_choice(part) for part in parts)


def changed(value: Any, path: Path, text: str) -> Any:
    """The document with a text in one of its fields, checks bypassed."""
    if not path:
        return text
    head, *rest = path
    if isinstance(value, tuple):
        return (changed(value[0], tuple(rest), text), *value[1:])
    if isinstance(value, dict):
        return value | {head: changed(value[head], tuple(rest), text)}
    return value.model_copy(update={head: changed(getattr(value, head), tuple(rest), text)})


def with_text(plan: Plan, path: Path, text: str) -> Plan:
    return plan.model_copy(update={"scenario": changed(plan.scenario, path, text)})


FIELDS = tuple(fields(taiwan_plan().scenario))
ROTATED = [
    pytest.param(path, list(PLANS)[i % len(PLANS)], HOSTILE[i % len(HOSTILE)], id=".".join(path))
    for i, path in enumerate(FIELDS)
]
ALL = [
    pytest.param(path, name, HOSTILE[(i + j) % len(HOSTILE)], id=f"{'.'.join(path)}-{name}")
    for (i, path), (j, name) in product(enumerate(FIELDS), enumerate(PLANS))
]


def escapes(manifest: Manifest, text: str) -> bool:
    """Whether a text is anywhere in a file but whole in a field of the file's syntax."""
    content = manifest.content
    if not isinstance(content, str):
        if MARK not in json.dumps(content, ensure_ascii=False):
            return False
        read = tuple(yaml.safe_load_all(render(manifest).decode()))
        return read != tuple(json.loads(json.dumps(content))) or in_expressions(content, text)
    if MARK not in content:
        return False
    if manifest.path.suffix == ".json":
        texts = [one for one in leaves(json.loads(content)) if MARK in one]
        terraform = manifest.path.name == "main.tf.json"
        return terraform and any(re.search(r"(?<!\$)\$\{|(?<!%)%\{", one) for one in texts)
    if manifest.executable:
        done = subprocess.run(["sh", "-n"], input=content, text=True, check=False)
        words = [word for word in shlex.split(content, comments=True) if MARK in word]
        return done.returncode != 0 or any(text not in word for word in words)
    if manifest.path.name == "config":
        quoted = re.findall(r'"((?:[^"\\\n]|\\.)*)"', content)
        return sum(MARK in one for one in quoted) != content.count(MARK)
    return text in content


def in_expressions(documents: tuple[dict[str, Any], ...], text: str) -> bool:
    """Whether a text is in PromQL or Lua, where a whole field of YAML is no fence."""
    for document in documents:
        for key, one in keyed(document):
            if MARK in one and key in ("expr", "query", "lua", "successCondition", "match[]"):
                strings = re.findall(r'"((?:[^"\\]|\\.)*)"', one)
                if sum(MARK in string for string in strings) != one.count(MARK):
                    return True
    return False


def keyed(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text below a document with its nearest key."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from keyed(item, str(name))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from keyed(item, key)
    elif isinstance(value, str):
        yield key, value


def leaves(value: Any) -> list[str]:
    return [text for _, text in keyed(value)]


def judge(path: Path, name: str, text: str) -> None:
    """Export with a hostile text in one field, and look at every file that is written."""
    done = export_each(with_text(PLANS[name](), path, text))
    assert all(str(error).strip() for error in done.refusals.values())
    assert [str(m.path) for m in done.manifests if escapes(m, text)] == []
    assert all(MARK not in str(manifest.path) for manifest in done.manifests)


@pytest.mark.parametrize(("path", "name", "text"), ROTATED)
def test_a_hostile_text_in_any_field_is_refused_or_stays_there(path, name, text):
    judge(path, name, text)


@pytest.mark.slow
@pytest.mark.parametrize(("path", "name", "text"), ALL)
def test_a_hostile_text_in_any_field_of_any_mode_is_refused_or_stays_there(path, name, text):
    judge(path, name, text)
