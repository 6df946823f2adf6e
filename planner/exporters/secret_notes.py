"""What is known of one Secret: its name, never its value."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Literal

ON_MACHINES = "files on machines"
"""In the place of a namespace where a secret is a file, not an object."""

BACKUP_NAMESPACE = "kube-system"
BACKUP_KEYS = ("access-key-id", "secret-access-key")
"""Keys of the Secret with which backups of control planes are written and read."""


@dataclass(frozen=True)
class SecretNote:
    """One Secret, and how it comes to be.

    Attributes
    ----------
    name, namespace : str
        Where it stands; a path and `ON_MACHINES` for a file.
    clusters : tuple of str
        Clusters that need it.
    keys : tuple of str
        Keys of its data; none for a file.
    reader : str
        What reads it.
    rotation : str
        When and how it is renewed.
    command : str
        A shell command that creates it, the secret part from its standard input; ``$CLUSTER`` is
        the context of one of `clusters`.
    made : {'before', 'meanwhile', 'by software'}
        By hand before the wave whose objects read it, by hand in the course of it, or by the
        software itself.
    """

    name: str
    namespace: str
    clusters: tuple[str, ...]
    keys: tuple[str, ...]
    reader: str
    rotation: str
    command: str
    made: Literal["before", "meanwhile", "by software"] = "before"


def from_stdin(namespace: str, name: str, *parts: str) -> str:
    """Return the command that makes a Secret on the cluster ``$CLUSTER`` from standard input.

    Parameters
    ----------
    namespace, name : str
        Where it stands.
    *parts : str
        Further words of ``kubectl create secret generic``; one of them reads ``/dev/stdin``.
    """
    return (
        f'kubectl --context "$CLUSTER" --namespace {shlex.quote(namespace)} create secret generic '
        f"{shlex.quote(name)} {' '.join(parts)} --dry-run=client -o yaml "
        '| kubectl --context "$CLUSTER" apply --server-side -f -'
    )
