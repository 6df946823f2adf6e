"""``planner simulate``: what every failure does to a plan, and events replayed on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from planner.cli.console import say_json, warn
from planner.cli.exits import ExitCode
from planner.cli.failure_answer import failure_answer
from planner.cli.failure_text import print_study
from planner.cli.folders import prepared
from planner.cli.progress import ProgressBar
from planner.cli.replay_text import print_comparisons, print_replay
from planner.cli.subject import ScenarioName
from planner.errors import InvalidScenario
from planner.failures.states import failure_states
from planner.io.files import write_bytes_atomically
from planner.io.plans import read_plan
from planner.io.scenarios import Checked, beside, check_scenario
from planner.model.finding import near_miss, quoted
from planner.model.plan import Plan
from planner.model.scenario import Scenario
from planner.problem.build import build_problem
from planner.report.charts import failure_matrix, timeline
from planner.report.style import figure_files
from planner.studies import main_job
from planner.studies.failures import FailureStudy, study_failures
from planner.studies.replanned import OTHER_VERSION, transplanted
from planner.studies.replays import Replay, replay_events
from planner.studies.reported import Before, Comparison, side_by_side
from planner.studies.sensitivity import Sensitivity, of_reported

STEPS = 6

_STOPPED = "the search for the plan was stopped early, at a gap of {gap:.1e} on what it costs"


@dataclass(frozen=True)
class _Found:
    """What was simulated."""

    study: FailureStudy
    replay: Replay | None
    compared: tuple[Comparison, ...]
    moved: tuple[Sensitivity, ...]


def simulate(
    scenario: ScenarioName,
    plan: Annotated[
        Path | None,
        typer.Option("--plan", help="A plan.yaml that optimize wrote; optimised without it."),
    ] = None,
    event: Annotated[
        list[str] | None,
        typer.Option(
            help="Replay this event; repeat it for several at once, the first sets time and length."
        ),
    ] = None,
    order: Annotated[
        int | None, typer.Option(min=0, max=20, help="Most components down at once.")
    ] = None,
    samples: Annotated[
        int, typer.Option(min=0, max=10**9, help="Draw so many states instead of enumerating.")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of the draw.")] = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for pictures; none without it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say what every failure does to a plan, and replay events on it."""
    if samples and order is not None:
        raise typer.BadParameter("--order enumerates and --samples draws: give one of the two")
    with ProgressBar("reading the scenario", STEPS) as progress:
        checked = check_scenario(scenario)
        if checked.scenario is None:
            raise InvalidScenario(checked.faults)
        events = _known(checked.scenario, event or [])
        folder = None if output is None else prepared(output)
        subject = _subject(checked.scenario, plan, progress)
        study = study_failures(subject, order=order, samples=samples, seed=seed, step=progress.step)
        replay = _replay(subject, events, progress)
        before = _before(scenario, subject, progress)
        compared = side_by_side(study, None if before else _incident(subject), before)
        moved = _sensitivities(subject, before, progress)
        if folder is not None:
            _write_pictures(study, replay, folder)
    _tell(_Found(study, replay, compared, moved), checked, as_json)
    if study.missed:
        raise typer.Exit(ExitCode.FINDING)


def _known(scenario: Scenario, events: list[str]) -> list[str]:
    """Return the events, all of which the scenario has, each once."""
    for name in events:
        if name not in scenario.events:
            cure = near_miss(name, scenario.events) or "the scenario has no events"
            raise typer.BadParameter(f"no event {quoted(name)}; {cure}", param_hint="--event")
    return list(dict.fromkeys(events))


def _subject(scenario: Scenario, plan: Path | None, progress: ProgressBar) -> Plan:
    """Return the plan to simulate, on the scenario given; optimised where none is named."""
    if plan is None:
        progress.more(1)
        progress.step("optimising")
        return _optimised(scenario)
    return transplanted(read_plan(plan), scenario, str(plan))


def _optimised(scenario: Scenario) -> Plan:
    """Plan a scenario as the main job does."""
    return main_job.optimize(build_problem(scenario, failure_states(scenario)))


def _replay(plan: Plan, events: list[str], progress: ProgressBar) -> Replay | None:
    """Replay the events asked for."""
    if not events:
        return None
    progress.more(1)
    progress.step("the hour after")
    return replay_events(plan, events)


def _before(scenario: str, plan: Plan, progress: ProgressBar) -> list[Before]:
    """Plan the states before that the scenario names, and replay the incident on them."""
    reported = plan.scenario.reported
    names = reported.baselines if reported else ()
    progress.more(len(names))
    before = []
    for name in names:
        progress.step(f"before: {name}")
        checked = check_scenario(beside(scenario, name))
        if checked.scenario is None:
            raise InvalidScenario(checked.faults)
        old = _optimised(checked.scenario)
        incident = reported.incident if reported else None
        before.append(Before(old, _incident(old, incident)))
    return before


def _incident(plan: Plan, name: str | None = None) -> Replay | None:
    """Replay the incident that is named, else the one reported on, where the scenario has it."""
    reported = plan.scenario.reported
    event = name or (reported.incident if reported else None)
    return replay_events(plan, [event]) if event in plan.scenario.events else None


def _sensitivities(
    plan: Plan, before: list[Before], progress: ProgressBar
) -> tuple[Sensitivity, ...]:
    """Find what moves the predictions most."""
    if plan.scenario.reported is None:
        return ()
    progress.more(1)
    progress.step("which assumption matters most")
    return of_reported(plan, before[0].plan if before else plan)


def _write_pictures(study: FailureStudy, replay: Replay | None, folder: Path) -> None:
    """Write the pictures, PNG and SVG each."""
    figures = {"failure-matrix": failure_matrix(study.assessment)}
    if replay is not None:
        figures["timeline"] = timeline(replay.timeline, replay.name)
    for name, content in figure_files(figures).items():
        write_bytes_atomically(folder / name, content)


def _tell(found: _Found, checked: Checked, as_json: bool) -> None:
    """Print the result on stdout, warnings on stderr."""
    places = (f"{fault.file} {fault}" for fault in checked.warnings)
    other = (text for text in found.study.plan.warnings if text == OTHER_VERSION)
    early = (_STOPPED.format(gap=p.gap) for p in (found.study.plan.proof,) if p.status == "limit")
    warn(dict.fromkeys((*places, *other, *early, *found.study.problem.warnings)))
    if as_json:
        say_json(failure_answer(found.study, found.replay, found.compared, found.moved))
        return
    print_study(found.study)
    if found.replay is not None:
        print_replay(found.replay)
    print_comparisons(found.compared, found.moved)
