"""Export targets as a user may name them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import typer

from planner.exporters import ALL, TARGETS, left_out
from planner.model.scenario import Scenario


def known_targets(names: Sequence[str]) -> list[str]:
    """Return the targets' own names; hyphens count as underscores.

    Parameters
    ----------
    names : sequence of str
        As the user wrote them.

    Raises
    ------
    typer.BadParameter
        With all that are not known; near misses are suggested.
    """
    chosen = [name.replace("-", "_") for name in names]
    known = [ALL, *TARGETS]
    faults = [_unknown(name, known) for name in dict.fromkeys(chosen) if name not in known]
    if faults:
        raise typer.BadParameter("; ".join(faults))
    return chosen


def _unknown(name: str, known: Sequence[str]) -> str:
    """Say that there is no such target, and which may be meant."""
    near = get_close_matches(name, known, 1)
    cure = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}"
    return f"no target '{name}'; {cure}"


def say_left_out(scenario: Scenario, targets: Iterable[str]) -> None:
    """Say on stderr which targets are not written, and why.

    Parameters
    ----------
    scenario : Scenario
        With or without a platform.
    targets : iterable of str
        As `known_targets` returns them.
    """
    names = left_out(targets, scenario.platform is not None)
    if names:
        reason = "written at once only where the scenario has a section 'platform'"
        typer.echo(f"left out: {', '.join(names)}; {reason}", err=True)
