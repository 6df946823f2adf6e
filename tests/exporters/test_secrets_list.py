"""secrets.md lists whatever files refer to, and no file holds what looks like a secret."""

import math
import re
from collections import Counter

import pytest
import yaml

from planner.errors import MissingInputs, UnfaithfulExport
from planner.exporters.secret_notes import ON_MACHINES
from planner.exporters.secrets import secrets_of
from planner.exporters.secrets_list import export_secrets
from tests.exporters.network_plans import with_platform_fields
from tests.exporters.platforms import bare_taiwan_plan, taiwan_plan
from tests.exporters.variants import PLANS, documents_of, exported
from tests.exporters.whole import text_of, walked, whole

BLOBS = re.compile(r"[A-Za-z0-9+/_-]{32,}={0,2}")
PRIVATE = re.compile(
    r"-----BEGIN|PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bey[A-Za-z0-9_-]{10,}\.ey|"
    r"(?i:\b(password|passwd|token|secret|api[_-]?key)\s*[:=]\s*['\"]?[A-Za-z0-9+/]{12,}['\"]?\s*$)",
    re.MULTILINE,
)


def referred(documents):
    """Names of Secrets in documents, with their file."""
    for path, document in documents:
        for keys, value in walked(document):
            last = keys[-1]
            by_name = last == "name" and any("secret" in key.lower() for key in keys[-3:-1])
            in_list = last in ("secretNames", "secrets")
            named = last in ("secretName", "existingSecret", "secret")
            basic_auth = last == "name" and keys[-2] in ("username", "password")
            csi = last.endswith("-secret-name")
            if by_name or in_list or named or basic_auth or csi:
                yield path, str(value)


def bits(text):
    """Entropy of a text's own letters, bits a letter."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())


@pytest.mark.parametrize("mode", PLANS)
def test_every_secret_that_a_document_names_is_listed(mode):
    plan, manifests = exported(mode)
    listed = {note.name for note in secrets_of(plan)}
    found = set(referred((str(m.path), document) for m, document in documents_of(manifests)))
    assert [(path, name) for path, name in found if name not in listed] == []
    names = {name for _, name in found}
    assert {"company-com-tls", "cloudflare-api-token", "alertmanager-receiver"} <= names


def test_every_listed_secret_stands_in_the_file_with_all_that_is_known_of_it():
    content = text_of("secrets.md")
    for note in secrets_of(taiwan_plan()):
        assert f"`{note.name}`" in content
        assert note.reader in content
        assert note.rotation in content
        if note.made != "by software":
            assert note.command in content
        if note.namespace != ON_MACHINES:
            assert f"| `{note.name}` | {note.namespace} | {', '.join(note.clusters)} |" in content


def test_what_people_make_is_read_from_standard_input():
    for note in secrets_of(taiwan_plan()):
        if note.namespace != ON_MACHINES and note.made == "before":
            assert "/dev/stdin" in note.command
            assert "create secret" in note.command
            assert f"--namespace {note.namespace} " in note.command


@pytest.mark.parametrize("controller", ["kubefed", "karmada"])
def test_no_file_holds_what_looks_like_a_secret(controller):
    platform = taiwan_plan().scenario.platform
    known = {platform.cloudflare.account_id, platform.cloudflare.zone_id}
    known |= {str(s.image_digest).removeprefix("sha256:") for s in platform.services.values()}
    known.add(taiwan_plan().scenario_digest.removeprefix("sha256:"))
    for path, manifest in whole(controller).items():
        content = manifest.content
        text = content if isinstance(content, str) else yaml.safe_dump_all(content, width=10**6)
        assert not PRIVATE.search(text), (path, PRIVATE.search(text))
        for blob in BLOBS.findall(text):
            assert blob in known or bits(blob) < 4.5 or "/" in blob or "-" in blob, (path, blob)
        for document in () if isinstance(content, str) else content:
            assert document.get("kind") != "Secret"


def test_the_search_finds_what_it_looks_for():
    for text in ("token: abcdefabcdef1234", "-----BEGIN RSA", "password=hunter2hunter2"):
        assert PRIVATE.search(text), text
    key = "YAnz5TF+lXXJte14tji3zlMNftTTyKkp9LCDTyaV4Hk="
    assert BLOBS.findall(key) == [key]
    assert bits(key) > 4.5


def test_a_hostile_name_is_refused_and_a_missing_platform_is_named():
    with pytest.raises(UnfaithfulExport, match="no DNS-1123 name"):
        export_secrets(with_platform_fields(tls_secret="a; rm -rf /"))
    with pytest.raises(MissingInputs, match="secrets"):
        export_secrets(bare_taiwan_plan())
