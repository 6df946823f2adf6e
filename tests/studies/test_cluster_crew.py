"""A real Dask cluster of two worker processes: one is killed, and no row is lost or doubled."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from planner.errors import NoWorkers
from planner.io.scenarios import read_scenario
from planner.model.variation import Variation
from planner.studies import cluster_crew
from planner.studies.cluster_crew import rows_of_cluster
from planner.studies.sweep import Pace, sweep_variants

distributed = pytest.importorskip("distributed")

sys.path.append(str(Path(__file__).parent))

import crew_work  # noqa: E402

SMALL = Path(__file__).resolve().parents[1] / "data" / "good" / "small.yaml"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs=50,
    ) as running:
        yield running


def pids(address: str) -> list[int]:
    with distributed.Client(address, set_as_default=False) as client:
        return list(client.run(os.getpid).values())


def test_a_worker_that_is_killed_costs_nothing(cluster: Any) -> None:
    found = []
    for row in rows_of_cluster(
        crew_work.slow, range(1, 21), cluster.scheduler_address, crew_work.failed
    ):
        if not found:
            os.kill(pids(cluster.scheduler_address)[0], signal.SIGKILL)
        found.append(row)
    assert sorted(found) == sorted(f"row {number}" for number in range(1, 21))


def test_a_sweep_on_a_cluster_is_that_of_this_process(cluster: Any, tmp_path: Path) -> None:
    """With a worker killed on the way."""
    scenario = read_scenario(SMALL)
    grid = {"demand_factor.*": {"scale": [0.5, 0.75, 1.0, 1.25, 1.5, 40.0]}}
    variation = Variation.model_validate({"grid": grid})
    killed: list[int] = []

    def kill_one(pace: Pace) -> None:
        if not killed:
            killed.append(pids(cluster.scheduler_address)[0])
            os.kill(killed[0], signal.SIGKILL)

    found = sweep_variants(
        scenario, variation, folder=tmp_path, scheduler=cluster.scheduler_address, step=kill_one
    )
    assert killed
    here = sweep_variants(scenario, variation, workers=0)
    assert found.table.to_csv() == here.table.to_csv()
    assert (tmp_path / "rows.jsonl").read_bytes().count(b"\n") == 1 + len(here.rows)


def test_what_work_raises_is_an_error_of_ours(cluster: Any) -> None:
    with pytest.raises(NoWorkers, match="cannot compute \\(ArithmeticError: number 1\\)"):
        list(rows_of_cluster(crew_work.wrong, [1], cluster.scheduler_address, crew_work.failed))


def test_a_scheduler_that_does_not_answer_is_a_sentence() -> None:
    with pytest.raises(NoWorkers, match=r"no Dask scheduler answers at .tcp://127\.0\.0\.1:1"):
        list(rows_of_cluster(crew_work.quick, [1], "tcp://127.0.0.1:1", crew_work.failed, 0.5))
    with pytest.raises(NoWorkers, match="no Dask scheduler answers at 'nonsense://x'"):
        list(rows_of_cluster(crew_work.quick, [1], "nonsense://x", crew_work.failed, 0.5))


@pytest.mark.parametrize("address", ["bogus", "tcp://127.0.0.1", "tcp://127.0.0.1:x", "x://y:1"])
def test_an_address_that_is_none_is_not_tried(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributed, "Client", None)
    with pytest.raises(NoWorkers, match=f"no Dask scheduler answers at '{address}'"):
        list(rows_of_cluster(crew_work.quick, [1], address, crew_work.failed))


def test_a_cluster_without_workers_is_a_sentence() -> None:
    with (
        distributed.LocalCluster(
            n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=50
        ) as empty,
        pytest.raises(NoWorkers, match="has no workers"),
    ):
        list(
            rows_of_cluster(
                crew_work.quick, [1], empty.scheduler_address, crew_work.failed, patience_s=0.5
            )
        )


def test_without_dask_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(cluster_crew.importlib, "import_module", missing)
    with pytest.raises(NoWorkers, match=r"pip install 'planner\[cluster\]'"):
        list(rows_of_cluster(crew_work.quick, [1], "tcp://127.0.0.1:1", crew_work.failed))
