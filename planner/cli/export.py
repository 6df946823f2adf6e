"""``planner export``: files of some targets from a plan, or what differs from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from planner.cli.console import say, say_json
from planner.cli.exits import ExitCode
from planner.cli.export_list import print_list
from planner.cli.folders import prepared
from planner.cli.live import LiveDifference, live_differences
from planner.cli.targets import known_targets, say_left_out
from planner.exporters import ALL
from planner.exporters import export as manifests_of
from planner.io.drift import file_differences
from planner.io.manifests import stale_manifests, write_manifests
from planner.io.plans import read_plan
from planner.model.manifest import Manifest


def export(
    plan: Annotated[Path, typer.Argument(help="A plan.yaml that optimize wrote.")],
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="[TARGET]...", help="All targets without one.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to write; the plan's without it.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All targets, as without any.")] = False,
    show: Annotated[
        bool, typer.Option("--list", help="List targets, what they need, what this plan has of it.")
    ] = False,
    compare: Annotated[
        bool, typer.Option("--check", help="Compare and write nothing; exit 1 on a difference.")
    ] = False,
    live: Annotated[
        bool, typer.Option("--live", help="With --check: compare objects of clusters, not files.")
    ] = False,
    context: Annotated[
        list[str] | None,
        typer.Option(help="With --live: context of kubectl for a cluster; may be repeated."),
    ] = None,
    pin: Annotated[
        bool, typer.Option("--pin", help="Fix KubeFed's replicas by override, not by preference.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write the files of some targets from a plan, or compare them, or the clusters with it."""
    chosen = _chosen(targets or [], every, pin)
    _agree(compare, live, context or [], show)
    decided = read_plan(plan)
    if show:
        print_list(decided, as_json)
        return
    say_left_out(decided.scenario, chosen)
    manifests = manifests_of(decided, chosen, pin=pin)
    folder = output or plan.parent
    if live:
        _compare_live(live_differences(decided, manifests, context or []), as_json)
    elif compare:
        _compare(manifests, folder, as_json)
    else:
        _write(manifests, folder, as_json)


def _chosen(targets: Sequence[str], every: bool, pin: bool) -> list[str]:
    """Return the targets that are meant."""
    if every and targets:
        raise typer.BadParameter("--all means every target; name none beside it")
    chosen = known_targets(targets or [ALL])
    if pin and not {"kubefed", ALL} & set(chosen):
        raise typer.BadParameter("--pin is about kubefed, which is not among the targets")
    return chosen


def _agree(compare: bool, live: bool, contexts: Sequence[str], show: bool) -> None:
    """Refuse options that do not go together."""
    if show and (compare or live):
        raise typer.BadParameter("--list compares nothing; leave --check out")
    if live and not compare:
        raise typer.BadParameter("--live goes with --check")
    if live and not contexts:
        raise typer.BadParameter("--live needs a --context for each cluster to compare")
    if contexts and not live:
        raise typer.BadParameter("--context goes with --check --live")


def _write(manifests: Sequence[Manifest], folder: Path, as_json: bool) -> None:
    """Write files and say which."""
    write_manifests(manifests, prepared(folder), prune=False)
    if as_json:
        say_json({"folder": str(folder), "files": [str(m.path) for m in manifests]})
        return
    for manifest in manifests:
        say(str(folder / manifest.path))


def _compare(manifests: Sequence[Manifest], folder: Path, as_json: bool) -> None:
    """Print which files differ, and how; a difference is a finding."""
    stale = stale_manifests(manifests, folder, prune=False)
    diffs = list(file_differences(manifests, folder))
    if as_json:
        say_json({"folder": str(folder), "stale": stale, "diff": "\n".join(diffs)})
    else:
        for text in (*diffs, *stale):
            say(text)
        differ = "1 file differs" if len(stale) == 1 else f"{len(stale)} files differ"
        say(f"{folder}: {differ if stale else 'current'}")
    if stale:
        raise typer.Exit(ExitCode.FINDING)


def _compare_live(found: Iterable[LiveDifference], as_json: bool) -> None:
    """Print how live objects differ; a difference is a finding."""
    compared = list(found)
    drifted = [difference for difference in compared if difference.diff]
    if as_json:
        say_json({"compared": [asdict(difference) for difference in compared]})
    else:
        for difference in drifted:
            say(difference.diff.rstrip("\n"))
        for context in dict.fromkeys(difference.context for difference in compared):
            folders = [d.folder for d in drifted if d.context == context]
            say(f"{context}: {'current' if not folders else 'drift in ' + ', '.join(folders)}")
    if drifted:
        raise typer.Exit(ExitCode.FINDING)
