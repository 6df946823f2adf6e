"""Every Secret that exported files refer to: they hold names only, people create the Secrets."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from planner.exporters import workload
from planner.exporters.requirements import platform_of
from planner.model.plan import Plan


@dataclass(frozen=True)
class SecretNote:
    """One Secret, and how it comes to be.

    Attributes
    ----------
    name, namespace : str
        Where it stands.
    clusters : tuple of str
        Clusters that need it.
    keys : tuple of str
        Keys of its data.
    reader : str
        What reads it.
    rotation : str
        When and how it is renewed.
    command : str
        A shell command that creates it, the secret part from its standard input; ``$CLUSTER`` is
        the context of one of `clusters`.
    """

    name: str
    namespace: str
    clusters: tuple[str, ...]
    keys: tuple[str, ...]
    reader: str
    rotation: str
    command: str


def secrets_of(plan: Plan) -> tuple[SecretNote, ...]:
    """Return every Secret that the files of a plan refer to, by namespace and name.

    Parameters
    ----------
    plan : Plan
        Its platform names them.
    """
    notes = (note for source in SOURCES for note in source(plan))
    return tuple(sorted(notes, key=lambda note: (note.namespace, note.name)))


def _certificate(plan: Plan) -> Iterator[SecretNote]:
    """Note the certificate of the host names."""
    name, namespace = platform_of(plan).tls_secret, plan.scenario.namespace
    if name is None:
        return
    create = f"--namespace {shlex.quote(namespace)} create secret tls {shlex.quote(name)}"
    yield SecretNote(
        name=name,
        namespace=namespace,
        clusters=workload.active_clusters(plan),
        keys=("tls.crt", "tls.key"),
        reader="the ingress controller, by name in the Ingress of each host name",
        rotation="before the certificate expires; the controller reads the new one by itself",
        command=(
            f'kubectl --context "$CLUSTER" {create} '
            "--cert=tls.crt --key=/dev/stdin --dry-run=client -o yaml < tls.key "
            '| kubectl --context "$CLUSTER" apply --server-side -f -'
        ),
    )


SOURCES: tuple[Callable[[Plan], Iterator[SecretNote]], ...] = (_certificate,)
"""What knows of Secrets; a target that refers to one adds its function here."""
