"""In which order exported files are applied, and what is waited for: the table's nouns and verbs.

The table itself is `planner.exporters.wave_parts`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import Literal

from planner.exporters import naming
from planner.exporters.requirements import platform_of
from planner.exporters.sites import Sites, active
from planner.model.plan import Plan

Action = Literal["apply", "chart", "host", "provider"]
"""What is done with files: ``kubectl apply -k`` on a folder, values of a chart by helmfile, used on
machines or run as their README says, or handed to whoever holds a DNS zone."""


@dataclass(frozen=True)
class Wave:
    """A step of a roll-out; the next begins when everything that this one waits for holds.

    Attributes
    ----------
    name : str
        Short name, as in helmfile's label ``wave``.
    title : str
        Heading.
    text : str
        What to mind; may be empty.
    """

    name: str
    title: str
    text: str = ""


@dataclass(frozen=True)
class Part:
    """Files of one target that are handled alike.

    Attributes
    ----------
    target : str
        Who writes them.
    wave : str
        Name of the wave.
    action : {'apply', 'chart', 'host', 'provider'}
        What is done with them.
    files : tuple of str
        Patterns of paths: ``*`` is a name or a part of one, ``**`` anything.
    folder : str
        Where they stand; ``*`` is the cluster. For 'apply' it has a kustomization.
    sites : callable
        Plan to the clusters, or API servers, that they are for.
    waits : tuple of str
        Commands that return once the wave may end; ``{context}`` is the cluster's context and
        ``{monitoring}`` the namespace of the monitoring.
    note : str
        What else to do, in a sentence.
    """

    target: str
    wave: str
    action: Action
    files: tuple[str, ...]
    folder: str
    sites: Sites = active
    waits: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Step:
    """A part at one of its sites.

    Attributes
    ----------
    part : Part
        Row of the table.
    context : str
        Context of kubectl.
    folder : str
        Its folder below the export.
    waits : tuple of str
        The commands, filled in.
    """

    part: Part
    context: str
    folder: str
    waits: tuple[str, ...]


def steps(plan: Plan, parts: tuple[Part, ...]) -> Iterator[Step]:
    """Yield each part at each of its sites, in the table's order.

    Parameters
    ----------
    plan : Plan
        Knows the clusters.
    parts : tuple of Part
        Rows of the table.
    """
    namespace = platform_of(plan).monitoring_namespace
    for part in parts:
        for site in part.sites(plan):
            context = naming.cluster_context(site)
            waits = tuple(wait.replace("{context}", context) for wait in part.waits)
            waits = tuple(wait.replace("{monitoring}", namespace) for wait in waits)
            yield Step(part, context, part.folder.replace("*", site), waits)


def apply_command(step: Step, *, dry_run: bool = False) -> str:
    """Return the command that applies a folder, or tries it on the server only.

    Examples
    --------
    >>> part = Part("metallb", "base", "apply", (), "clusters/*/metallb")
    >>> apply_command(Step(part, "tokyo", "clusters/tokyo/metallb", ()))
    'kubectl --context tokyo apply --server-side --field-manager=planner -k clusters/tokyo/metallb'
    """
    tried = " --dry-run=server" if dry_run else ""
    return (
        f"kubectl --context {step.context} apply --server-side "
        f"--field-manager={naming.MANAGER}{tried} -k {step.folder}"
    )


def matches(pattern: str, path: PurePosixPath) -> bool:
    """Return whether a path is one of a pattern.

    Examples
    --------
    >>> matches("clusters/*/base/**", PurePosixPath("clusters/tokyo/base/a.yaml"))
    True
    >>> matches("clusters/*", PurePosixPath("clusters/tokyo/base/a.yaml"))
    False
    """
    return _compiled(pattern).fullmatch(str(path)) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Translate a pattern."""
    words = {"**/": "(.+/)?", "**": ".+", "*": "[^/]+"}
    parts = re.split(r"(\*\*/|\*\*|\*)", pattern)
    return re.compile("".join(words.get(part, re.escape(part)) for part in parts))
