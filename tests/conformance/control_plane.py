"""A real Kubernetes control plane on loopback: etcd, API server, controllers, scheduler.

No kubelet runs, so pods stay Pending, but they get the node that the real scheduler chose, or its
reason why there is none.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from planner.exporters import naming
from tests.conformance.tools import free_ports, run, tool

TOKEN = "loopback-only"
START_S = 300.0
OPERATORS = {"kubectl", naming.MANAGER}
"""Managers of fields: an operator's own name, and that in the commands of OPERATIONS.md."""
OF_CONTROLLERS = {"deployment.kubernetes.io/revision"}
"""Annotations that controllers write on objects of operators."""

CONTROLLERS = (
    "deployment-controller",
    "replicaset-controller",
    "statefulset-controller",
    "serviceaccount-controller",
    "namespace-controller",
    "garbage-collector-controller",
    "disruption-controller",
)
BINARIES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")


@dataclass(frozen=True)
class ControlPlane:
    """One cluster: its folder and what asks it."""

    folder: Path
    kubectl: str

    def ask(self, *words: str | Path, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl; the caller judges the exit code."""
        options = ("--kubeconfig", self.folder / "kubeconfig", "--request-timeout", "60s")
        return run((self.kubectl, *options, *words), text=text, timeout_s=300)

    def do(self, *words: str | Path, text: str | None = None) -> str:
        """Run kubectl, which must succeed, and return what it printed."""
        done = self.ask(*words, text=text)
        assert done.returncode == 0, f"kubectl {' '.join(map(str, words))}: {done.stderr}"
        return done.stdout

    def get(self, *words: str | Path, text: str | None = None) -> list[dict[str, Any]]:
        """Return objects."""
        answer = json.loads(self.do("get", *words, "--output", "json", text=text))
        return answer["items"] if answer["kind"] == "List" else [answer]

    def apply(
        self, documents: Sequence[dict[str, Any]], *options: str
    ) -> subprocess.CompletedProcess[str]:
        """Apply documents as an operator would: on the server's side, unknown fields refused."""
        return self.ask(
            "apply", "--server-side", "--validate=strict", *options, "--filename", "-",
            text=yaml.safe_dump_all(documents, sort_keys=False),
        )  # fmt: skip

    def prepare(self, documents: Sequence[dict[str, Any]]) -> None:
        """Apply what others make before; it may be nothing."""
        done = self.apply(documents) if documents else None
        assert done is None or done.returncode == 0, done.stderr

    def built(self, folder: Path) -> list[dict[str, Any]]:
        """Build a folder as ``apply -k`` does."""
        done = run((self.kubectl, "kustomize", folder))
        assert done.returncode == 0, done.stderr
        return [document for document in yaml.safe_load_all(done.stdout) if document]

    def contents(self, documents: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Return each object as operators wrote it, and when: controllers write at their own pace.

        Who waits for controllers to be silent never knows whether they have begun.
        """
        text = yaml.safe_dump_all(documents)
        objects = self.get("--filename", "-", "--show-managed-fields", text=text)
        return {o["metadata"]["uid"]: _as_applied(o) for o in objects}

    def define(self, crds: Sequence[dict[str, Any]]) -> None:
        """Install CRDs and wait until they are served."""
        done = self.apply(crds)
        assert done.returncode == 0, done.stderr
        names = [f"crd/{crd['metadata']['name']}" for crd in crds]
        self.do("wait", "--for=condition=Established", "--timeout=60s", *names)

    def install(self, *folders: Path) -> None:
        """Install the CRDs of folders and wait until they are served."""
        files = [
            word
            for folder in folders
            for path in sorted(folder.glob("*.yaml"))
            if "kind: CustomResourceDefinition" in path.read_text()
            for word in ("--filename", path)
        ]
        self.do("apply", "--server-side", *files)
        self.do("wait", "--for=condition=Established", "--timeout=60s", *files)


def _as_applied(found: dict[str, Any]) -> dict[str, Any]:
    """Leave out of an object what controllers write and what counts their writes."""
    metadata = {k: v for k, v in found["metadata"].items() if k != "resourceVersion"}
    written = [entry for entry in metadata["managedFields"] if entry["manager"] in OPERATORS]
    assert written, f"{found['kind']} {metadata['name']} was not applied"
    notes = {k: v for k, v in metadata.get("annotations", {}).items() if k not in OF_CONTROLLERS}
    metadata |= {"managedFields": written, "annotations": notes}
    return {k: v for k, v in found.items() if k != "status"} | {"metadata": metadata}


@contextmanager
def control_plane(folder: Path) -> Iterator[ControlPlane]:
    """Start a cluster, and end each of its processes whatever happens meanwhile.

    Parameters
    ----------
    folder : Path
        An empty folder for keys, data and logs.

    Yields
    ------
    ControlPlane
        Ready to be asked.
    """
    paths = {name: tool(name) for name in BINARIES}
    client, peer, secure = free_ports(3)
    _write_keys(folder)
    _write_kubeconfig(folder, secure)
    with ExitStack() as running:
        plane = ControlPlane(folder, paths["kubectl"])
        running.enter_context(_process(folder, paths["etcd"], _etcd(folder, client, peer)))
        server = running.enter_context(
            _process(folder, paths["kube-apiserver"], _apiserver(folder, client, secure))
        )
        _wait_ready(server, secure, folder / "kube-apiserver.log")
        manager = _process(folder, paths["kube-controller-manager"], _manager(folder))
        running.enter_context(manager)
        running.enter_context(_process(folder, paths["kube-scheduler"], _scheduler(folder)))
        yield plane


def _write_keys(folder: Path) -> None:
    """Write a fresh key pair for service accounts and the one token."""
    private, public = folder / "sa.key", folder / "sa.pub"
    for words in (
        ("genrsa", "-out", private, "2048"),
        ("rsa", "-in", private, "-pubout", "-out", public),
    ):
        done = run((tool("openssl"), *words))
        assert done.returncode == 0, done.stderr
    (folder / "tokens.csv").write_text(f"{TOKEN},tester,1,system:masters\n")


def _write_kubeconfig(folder: Path, secure: int) -> None:
    entry = {"server": f"https://127.0.0.1:{secure}", "insecure-skip-tls-verify": True}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "loopback", "cluster": entry}],
        "users": [{"name": "tester", "user": {"token": TOKEN}}],
        "contexts": [{"name": "loopback", "context": {"cluster": "loopback", "user": "tester"}}],
        "current-context": "loopback",
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(document))


def _etcd(folder: Path, client: int, peer: int) -> list[str]:
    clients, peers = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    return [
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def _apiserver(folder: Path, client: int, secure: int) -> list[str]:
    return [
        f"--etcd-servers=http://127.0.0.1:{client}",
        "--bind-address=127.0.0.1",
        f"--secure-port={secure}",
        f"--cert-dir={folder / 'certificates'}",
        f"--service-account-key-file={folder / 'sa.pub'}",
        f"--service-account-signing-key-file={folder / 'sa.key'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.96.0.0/16",
    ]


def _manager(folder: Path) -> list[str]:
    return [
        f"--kubeconfig={folder / 'kubeconfig'}",
        f"--controllers={','.join(CONTROLLERS)}",
        f"--service-account-private-key-file={folder / 'sa.key'}",
        "--leader-elect=false",
        "--secure-port=0",
    ]


def _scheduler(folder: Path) -> list[str]:
    return [f"--kubeconfig={folder / 'kubeconfig'}", "--leader-elect=false", "--secure-port=0"]


@contextmanager
def _process(folder: Path, path: str, options: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server and end it by its own handle; it also ends if the tests are killed."""
    command = [tool("setpriv", "util-linux"), "--pdeathsig", "TERM", path, *options]
    with (folder / f"{Path(path).name}.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_ready(server: subprocess.Popen[bytes], secure: int, log: Path) -> None:
    """Wait until the API server says that it is ready."""
    request = urllib.request.Request(
        f"https://127.0.0.1:{secure}/readyz", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    trusting = ssl._create_unverified_context()  # its certificate is its own
    end = time.monotonic() + START_S
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(request, timeout=5, context=trusting) as answer:
                if answer.read() == b"ok":
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.1)
    tail = log.read_text(errors="replace")[-3000:]
    pytest.fail(f"the API server was not ready within {START_S:.0f} s; it says: {tail}")
