"""What each target needs, and whether a plan has it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from planner.cli.console import counted, say_json, say_table
from planner.errors import MissingInputs
from planner.exporters import NEEDS_PLATFORM, TARGETS, export_each
from planner.exporters.preflight import needed_inputs
from planner.model.plan import Plan


@dataclass(frozen=True)
class Listed:
    """A target as far as one plan is concerned.

    Attributes
    ----------
    target : str
        Its name.
    platform : bool
        Whether it needs a section ``platform``.
    needs : tuple of str
        Inputs below ``platform`` that it asks for.
    missing : tuple of str
        Those of them that are not given.
    refused : str or None
        Why it cannot be written although nothing is missing.
    files : int
        How many files it writes.
    """

    target: str
    platform: bool
    needs: tuple[str, ...]
    missing: tuple[str, ...]
    refused: str | None
    files: int


def listed(plan: Plan) -> list[Listed]:
    """Try every target on a plan.

    Parameters
    ----------
    plan : Plan
        What was decided.
    """
    return [_listed(plan, name) for name in TARGETS]


def _listed(plan: Plan, name: str) -> Listed:
    """Try one target."""
    done = export_each(plan, [name])
    error = done.refusals.get(name)
    lacking = error.missing.values() if isinstance(error, MissingInputs) else ()
    return Listed(
        target=name,
        platform=name in NEEDS_PLATFORM,
        needs=needed_inputs(plan, name),
        missing=tuple(dict.fromkeys(path for paths in lacking for path in paths)),
        refused=str(error) if error is not None and not lacking else None,
        files=len(done.manifests),
    )


def print_list(plan: Plan, as_json: bool) -> None:
    """Print the targets.

    Parameters
    ----------
    plan : Plan
        What was decided.
    as_json : bool
        Whether a program reads it.
    """
    found = listed(plan)
    if as_json:
        say_json({"targets": [asdict(target) for target in found]})
        return
    names = (*plan.scenario.regions, *plan.scenario.services)
    has_platform = plan.scenario.platform is not None
    rows = [(t.target, _needs(t, names, has_platform), _state(t, names)) for t in found]
    say_table("Targets", ["target", "needs of the platform", "this plan"], rows, left=3)


def _needs(target: Listed, names: Iterable[str], has_platform: bool) -> str:
    """Say what a target needs."""
    if not target.needs or not (target.platform or has_platform):
        return "nothing"
    return ", ".join(summarised(target.needs, names))


def _state(target: Listed, names: Iterable[str]) -> str:
    """Say what becomes of a target."""
    if target.missing:
        return f"lacks {', '.join(summarised(target.missing, names))}"
    if target.refused is not None:
        return f"refused: {target.refused}"
    return counted(target.files, "file")


def summarised(paths: Iterable[str], names: Iterable[str]) -> list[str]:
    """Return paths with ``*`` in place of regions and services, each once.

    Parameters
    ----------
    paths : iterable of str
        Paths in the scenario.
    names : iterable of str
        Names of regions and services.

    Examples
    --------
    >>> summarised(
    ...     ["platform.regions.tokyo.pod_cidr", "platform.regions.taipei.pod_cidr"],
    ...     ["tokyo", "taipei"],
    ... )
    ['regions.*.pod_cidr']
    """
    known = set(names)
    parts = (path.removeprefix("platform.").split(".") for path in paths)
    return list(dict.fromkeys(".".join("*" if p in known else p for p in part) for part in parts))
