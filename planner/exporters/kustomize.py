"""Kustomization files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from planner.model.manifest import Manifest


def kustomization(folder: PurePosixPath, resources: Sequence[str]) -> Manifest:
    """Return the ``kustomization.yaml`` of `folder`.

    Parameters
    ----------
    folder : PurePosixPath
        Where it stands.
    resources : sequence of str
        Files with objects, and folders with a kustomization of their own, relative to `folder`.

    Returns
    -------
    Manifest
        Its resources in the order given.

    Examples
    --------
    >>> kustomization(PurePosixPath("clusters/a"), ["b.yaml"]).content[0]["resources"]
    ['b.yaml']
    """
    document = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": list(resources),
    }
    return Manifest(folder / "kustomization.yaml", (document,))
