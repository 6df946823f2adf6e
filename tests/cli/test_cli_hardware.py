"""``planner hardware``: what it prints and writes, and how it ends."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from planner.cli import hardware as verb
from planner.cli.console import ELSEWHERE
from planner.errors import SolverStopped
from planner.failures.states import failure_states
from planner.io.plans import read_plan
from planner.io.scenarios import read_scenario
from planner.model.plan import Plan
from planner.problem.build import build_problem
from planner.problem.packing import fits, packing_limits
from planner.studies.hardware import HardwareChoice
from tests.cli.runs import Made, Run

OFFERS = """
hardware:
  months: 3
  power_w: {edge-16c: 300.0}
  power: {tokyo: {limit_w: 2000.0, usd_per_kwh: 0.2}}
  offers:
    same:
      server_type: edge-16c
      regions: [taipei, tokyo, singapore]
      buy_usd: 6000.0
      rent_usd_month: 500.0
      stock: 4
"""


@pytest.fixture(scope="module")
def offered(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small scenario with servers to be had, in a year of steep growth."""
    file = tmp_path_factory.mktemp("offered") / "scenario.yaml"
    text = small.read_text(encoding="utf-8")
    for old, new in (
        ("share_year: 0.3", "share_year: 90.0"),
        ("max_replicas: 12", "max_replicas: 40"),
        ("  survive: {regions: 1}", "  survive: {regions: 1}\n  survive_server_loss: true"),
    ):
        assert old in text
        text = text.replace(old, new)
    # Three months of growth that would take years elsewhere, so that servers run out.
    text = text.replace("peak_factor: 1.2", "peak_factor: 1.6")
    file.write_text(text + OFFERS, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def made(run: Run, offered: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("hardware")
    return Made(run("hardware", offered, "-o", folder), folder)


def test_it_says_what_to_order_and_whether_to_rent_or_buy(made: Made) -> None:
    assert made.result.exit_code == 0
    for words in ("What to order", "Servers in use", "Power, W", "Rent or buy", "proven bound"):
        assert words in made.result.stdout
    assert "buying (6,000 USD) pays from 8 months of use on" in made.result.stdout
    assert "scenario.yaml and plan.yaml are those of 2027-03" in made.result.stdout


def test_costs_add_up_and_the_answer_is_the_same_for_programs(made: Made) -> None:
    answer = json.loads((made.folder / "hardware.json").read_text(encoding="utf-8"))
    assert answer["bound"] <= answer["objective"]
    assert 0 <= answer["gap"] <= 0.01
    assert sum(answer["cost"].values()) == pytest.approx(answer["objective"])
    with (made.folder / "orders.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(answer["orders"]) > 0
    for power in answer["power"]:
        limit = np.inf if power["limit_w"] is None else power["limit_w"]
        assert max(power["drawn_w"]) <= limit


def test_the_scenario_of_the_month_is_accepted_and_its_plan_fits(made: Made) -> None:
    scenario = read_scenario(made.folder / "scenario.yaml")
    assert scenario.hardware is None
    plan = read_plan(made.folder / "plan.yaml")
    assert plan.scenario == scenario
    problem = build_problem(scenario, failure_states(scenario))
    replicas = plan.replicas.to_numpy().astype(np.int64)
    assert fits(problem, packing_limits(problem), replicas).all()


def test_another_horizon_and_json(run: Run, offered: Path) -> None:
    result = run("hardware", offered, "--months", 1, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["months"] == ["2027-01"]


def test_a_scenario_without_offers_is_told_what_is_missing(run: Run, small: Path) -> None:
    result = run("hardware", small)
    assert result.exit_code == 2
    words = " ".join(result.stderr.replace("│", " ").split())
    assert "has no section 'hardware' with offers" in words


def test_a_month_beyond_the_horizon_is_refused(run: Run, offered: Path) -> None:
    result = run("hardware", offered, "--month", 4)
    assert result.exit_code == 2
    assert "only 3 months" in result.stderr


def test_a_month_without_a_plan_costs_nothing_of_the_choice(
    run: Run, offered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> Plan:
        raise SolverStopped("no plan was found before the search ended")

    monkeypatch.setattr(HardwareChoice, "plan_of", stopped)
    result = run("hardware", offered, "-o", tmp_path)
    assert result.exit_code == 5
    assert "not written: plan.yaml; no plan was found before the search ended" in result.stderr
    assert "scenario.yaml is that of 2027-03" in result.stdout
    written = {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")}
    wanted = {"orders.csv", "pools.csv", "costs.csv", "hardware.json", "scenario.yaml"}
    assert written == wanted


def test_a_search_that_was_stopped_says_that_another_may_end_elsewhere(
    run: Run, offered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = verb.choose_hardware

    def stopped(*arguments: object, **settings: object) -> HardwareChoice:
        choice = whole(*arguments, **settings)  # type: ignore[arg-type]
        return replace(choice, found=replace(choice.found, status="limit"))

    monkeypatch.setattr(verb, "choose_hardware", stopped)
    result = run("hardware", offered)
    assert result.exit_code == 5
    assert ELSEWHERE in result.stdout


def test_buying_that_pays_never_is_said_all_the_same(
    run: Run, offered: Path, tmp_path: Path
) -> None:
    file = tmp_path / "scenario.yaml"
    text = offered.read_text(encoding="utf-8").replace("buy_usd: 6000.0", "buy_usd: 1.0e+14")
    file.write_text(text.replace("rent_usd_month: 500.0", "rent_usd_month: 0.001"))
    result = run("hardware", file, "--months", 1)
    assert result.exit_code == 0
    assert "pays from 100000000000000000 months of use on" in result.stdout
