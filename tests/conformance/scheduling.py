"""Nodes and pods for the real scheduler, over one kept connection: order and speed matter here."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import yaml

from planner.problem.arrays import Ints
from tests.conformance.control_plane import TOKEN, ControlPlane

JUDGED_S = 120.0
POOL_LABEL = "pool"


@dataclass(frozen=True)
class Verdict:
    """What the scheduler made of some pods."""

    bound: dict[str, str]
    """Pod to node."""
    pending: dict[str, str]
    """Pod to the scheduler's reason."""


class Scheduling:
    """The one namespace and the nodes of a control plane."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        config = yaml.safe_load((plane.folder / "kubeconfig").read_text())
        place = urlsplit(config["clusters"][0]["cluster"]["server"]).netloc
        self._connection = http.client.HTTPSConnection(
            place, timeout=60, context=ssl._create_unverified_context()
        )
        self._pods = f"/api/v1/namespaces/{namespace}/pods"

    def close(self) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, body: Any = None, *, patch: str = "merge") -> Any:
        """Send one request that must be granted."""
        kind = f"application/{patch}-patch+json" if method == "PATCH" else "application/json"
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind}
        text = None if body is None else json.dumps(body)
        self._connection.request(method, path, text, headers)
        answer = self._connection.getresponse()
        content = json.loads(answer.read())
        assert answer.status < 300, content
        return content

    def set_nodes(self, servers: dict[str, Sequence[int]], labels: dict[str, str]) -> None:
        """Leave exactly these nodes, empty: name to millicores, bytes and pods."""
        self.clear()
        for node in self.ask("GET", "/api/v1/nodes")["items"]:
            self.ask("DELETE", f"/api/v1/nodes/{node['metadata']['name']}")
        for name, (cpu, memory, pods) in servers.items():
            own = {**labels, "kubernetes.io/hostname": name, POOL_LABEL: name.split("-")[0]}
            metadata = {"name": name, "labels": own}
            document = {"apiVersion": "v1", "kind": "Node", "metadata": metadata}
            self.ask("POST", "/api/v1/nodes", document)
            room = {"cpu": f"{cpu}m", "memory": str(memory), "pods": str(pods)}
            status = {
                "capacity": room,
                "allocatable": room,
                "conditions": [{"type": "Ready", "status": "True"}],
            }
            self.ask("PATCH", f"/api/v1/nodes/{name}/status", {"status": status})
            # Admission marks a new node; nobody else here would take the mark away.
            self.ask("PATCH", f"/api/v1/nodes/{name}", {"spec": {"taints": None}})

    def clear(self) -> None:
        """Delete every pod; without a kubelet only a grace of nothing ends one."""
        self.ask("DELETE", f"{self._pods}?gracePeriodSeconds=0")
        while self.ask("GET", f"{self._pods}?limit=1")["items"]:
            time.sleep(0.1)

    def place(self, specs: Iterable[dict[str, Any]]) -> Verdict:
        """Delete all pods, create others in the order given, and wait for the scheduler's word."""
        self.clear()
        names = [f"pod-{index}" for index, spec in enumerate(self._created(specs))]
        end = time.monotonic() + JUDGED_S
        last: Verdict | None = None
        while time.monotonic() < end:
            now = self._verdict()
            if len(now.bound) == len(names):
                return now
            if len(now.bound) + len(now.pending) == len(names) and now == last:
                return now
            last = now
            time.sleep(1.0)
        raise AssertionError(f"the scheduler has no word on some of {len(names)} pods")

    def _created(self, pods: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
        for index, pod in enumerate(pods):
            metadata = {**pod["metadata"], "name": f"pod-{index}"}
            self.ask("POST", self._pods, {**pod, "metadata": metadata})
            yield pod

    def _verdict(self) -> Verdict:
        bound, pending = {}, {}
        for pod in self.ask("GET", self._pods)["items"]:
            name = pod["metadata"]["name"]
            node = pod["spec"].get("nodeName")
            if node:
                bound[name] = node
            for condition in pod["status"].get("conditions", ()):
                if not node and (condition["type"], condition["status"]) == (
                    "PodScheduled",
                    "False",
                ):
                    pending[name] = condition["message"]
        return Verdict(bound, pending)


def bare_pod(size: Ints) -> dict[str, Any]:
    """Return a pod that asks for millicores and bytes and nothing else."""
    requests = {"cpu": f"{int(size[0])}m", "memory": str(int(size[1]))}
    container = {
        "name": "main",
        "image": "registry.invalid/main:1",
        "resources": {"requests": requests},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {},
        "spec": {"containers": [container], "automountServiceAccountToken": False},
    }
