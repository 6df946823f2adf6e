"""Where the real software is: built into ``.ci/tools``, else on PATH.

``make conformance`` installs all of it and sets PLANNER_CONFORMANCE=1: then a missing tool is a
failure. Elsewhere the test is skipped and says how to install what is missing.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / ".ci" / "tools"
SYSTEM = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where Debian puts servers; not on everybody's PATH."""

_MODULES = {
    "amtool": "prometheus",
    "coredns": "coredns",
    "etcd": "etcd",
    "kube-apiserver": "kubernetes",
    "kube-controller-manager": "kubernetes",
    "kube-scheduler": "kubernetes",
    "kubeadm": "kubernetes",
    "kubectl": "kubernetes",
    "kustomize": "kustomize",
    "prometheus": "prometheus",
    "promtool": "prometheus",
}


def tool(name: str, package: str | None = None) -> str:
    """Return the path of a command; where it is missing, fail or skip and say how to install it.

    `package` is the Debian package that has it, where it is not one of those built by us.  A
    command that we build is never taken from elsewhere under ``make conformance``: another version
    would judge.
    """
    own = BUILT / name
    if own.exists():
        return str(own)
    if not (required() and name in _MODULES):
        found = shutil.which(name) or shutil.which(name, path=SYSTEM)
        if found:
            return found
    missing(f"no `{name}`: {_cure(name, package)}")


def _cure(name: str, package: str | None) -> str:
    if name in _MODULES:
        return f".ci/tools.sh {_MODULES[name]} builds it (Go), or `make conformance` all"
    return f"apt-get install {package or name}"


def required() -> bool:
    """Return whether the suite must be whole."""
    return os.environ.get("PLANNER_CONFORMANCE") == "1"


def missing(reason: str) -> NoReturn:
    """Fail where the suite must be whole, skip elsewhere."""
    if required():
        pytest.fail(reason)
    pytest.skip(reason)


def run(
    command: Sequence[str | Path], *, text: str | None = None, timeout_s: float = 120.0
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, its output caught; the caller judges the exit code."""
    words = [str(word) for word in command]
    return subprocess.run(
        words, input=text, capture_output=True, text=True, check=False, timeout=timeout_s
    )


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that are free, all different."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
