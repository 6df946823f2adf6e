"""Secrets of machines and storage are listed, and their commands are right shell."""

import shutil
import subprocess

import pytest

from planner.exporters.secret_notes import ON_MACHINES
from planner.exporters.secrets import secrets_of
from tests.exporters.network_plans import with_storage
from tests.exporters.platforms import bare_taiwan_plan, taiwan_plan


def notes(plan):
    return {(note.namespace, note.name, note.clusters): note for note in secrets_of(plan)}


def test_every_file_that_configurations_refer_to_is_listed():
    files = {name for namespace, name, _ in notes(taiwan_plan()) if namespace == ON_MACHINES}
    assert files == {
        "/etc/rancher/k3s/token",
        "/etc/rancher/k3s/agent-token",
        "/etc/wireguard/private.key",
        "/etc/kubernetes/discovery.conf",
        "/etc/kubernetes/pki",
    }


def test_a_token_goes_to_the_machines_that_read_it_alone():
    own = notes(taiwan_plan())
    servers = own[ON_MACHINES, "/etc/rancher/k3s/token", ("singapore-edge",)]
    all_machines = own[ON_MACHINES, "/etc/rancher/k3s/agent-token", ("singapore-edge",)]
    assert "10.11.0.11; do" in servers.command
    assert "10.11.0.11 10.11.0.12 10.11.0.13 10.11.0.14; do" in all_machines.command


def test_each_site_of_mirrored_storage_holds_the_others_token():
    own = notes(with_storage(mirror_region="tokyo"))
    here = own["rook-ceph", "rbd-peer-tokyo", ("taiwan-master",)]
    assert here.keys == ("token", "pool")
    assert "kubectl --context tokyo-edge" in here.command
    assert ("rook-ceph", "rbd-peer-taipei", ("tokyo-edge",)) in own


def test_a_plan_without_a_platform_has_none_of_them():
    namespaces = {namespace for namespace, _, _ in notes(bare_taiwan_plan())}
    assert not {ON_MACHINES, "rook-ceph"} & namespaces


@pytest.mark.parametrize("plan", [taiwan_plan(), with_storage(mirror_region="tokyo")])
def test_commands_are_right_shell_and_hold_no_secret(plan):
    shell = shutil.which("sh") or pytest.skip("no `sh`")
    for note in secrets_of(plan):
        done = subprocess.run(
            [shell, "-n"], input=note.command, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, (note.command, done.stderr)
        assert "--from-literal=token" not in note.command
