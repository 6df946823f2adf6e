"""``planner export``: files of some targets from a plan, or whether they are current."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planner.cli.console import say, say_json
from planner.cli.exits import ExitCode
from planner.cli.folders import prepared
from planner.cli.targets import known_targets
from planner.exporters import ALL
from planner.exporters import export as manifests_of
from planner.io.manifests import stale_manifests, write_manifests
from planner.io.plans import read_plan


def export(
    plan: Annotated[Path, typer.Argument(help="A plan.yaml that optimize wrote.")],
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="[TARGET]...", help="All targets without one.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to write; the plan's without it.")
    ] = None,
    compare: Annotated[
        bool, typer.Option("--check", help="Compare and write nothing; exit 1 on a difference.")
    ] = False,
    pin: Annotated[
        bool, typer.Option("--pin", help="Fix KubeFed's replicas by override, not by preference.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write the files of some targets from a plan, or compare them."""
    chosen = known_targets(targets or [ALL])
    if pin and not {"kubefed", ALL} & set(chosen):
        raise typer.BadParameter("--pin is about kubefed, which is not among the targets")
    manifests = manifests_of(read_plan(plan), chosen, pin=pin)
    folder = output or plan.parent
    if compare:
        _compare(stale_manifests(manifests, folder, prune=False), folder, as_json)
        return
    write_manifests(manifests, prepared(folder), prune=False)
    if as_json:
        say_json({"folder": str(folder), "files": [str(m.path) for m in manifests]})
        return
    for manifest in manifests:
        say(str(folder / manifest.path))


def _compare(stale: list[str], folder: Path, as_json: bool) -> None:
    """Print what differs; a difference is a finding."""
    if as_json:
        say_json({"folder": str(folder), "stale": stale})
    else:
        for sentence in stale:
            say(sentence)
        differ = "1 file differs" if len(stale) == 1 else f"{len(stale)} files differ"
        say(f"{folder}: {differ if stale else 'current'}")
    if stale:
        raise typer.Exit(ExitCode.FINDING)
