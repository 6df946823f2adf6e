"""What loads when: the public names, and the command line's help."""

from __future__ import annotations

import subprocess
import sys

import pytest

import planner

HEAVY = ("numpy", "pandas", "scipy", "networkx", "pydantic", "highspy", "matplotlib")


def loaded_after(code: str) -> set[str]:
    """Return which of the heavy packages a fresh interpreter holds after some code."""
    tail = f"; import sys; print(*(m for m in {HEAVY!r} if m in sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", code + tail], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_after("import planner") == set()


def test_help_loads_nothing_heavy() -> None:
    code = (
        "from typer.testing import CliRunner; from planner.cli import app; "
        "assert 'optimize' in CliRunner().invoke(app, ['--help']).stdout"
    )
    assert loaded_after(code) == set()


def test_every_public_name_but_charts_comes_without_matplotlib() -> None:
    names = [name for name in planner.__all__ if name != "charts"]
    code = f"import planner; [getattr(planner, name) for name in {names!r}]"
    assert "matplotlib" not in loaded_after(code)
    assert "matplotlib" in loaded_after("import planner; planner.charts.region_map")


def test_checking_a_scenario_and_exporting_a_plan_load_neither_matplotlib_nor_the_solver() -> None:
    code = "import planner.cli.check, planner.cli.export, planner.cli.schema"
    assert loaded_after(code).isdisjoint({"matplotlib", "highspy", "networkx"})


def test_the_public_names_are_complete() -> None:
    wanted = {
        *("read_variation", "sweep_variants"),
        *("read_scenario", "failure_states", "build_problem", "optimize", "simulate", "charts"),
        *("export", "write_manifests", "read_plan", "write_plan", "Scenario", "Plan", "errors"),
        *("study_failures", "replay_events", "trace_frontier"),
        *("minimise_tail_risk", "minimise_regret"),
        "explain_plan",
        "plan_hours",
        "choose_hardware",
    }
    assert set(planner.__all__) == wanted
    assert wanted <= set(dir(planner))
    for name in wanted:
        assert getattr(planner, name) is getattr(planner, name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'optimise'"):
        _ = planner.optimise
