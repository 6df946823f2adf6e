"""Every benchmark starts, and both of its sides give the same answer where they are small."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

HERE = Path(__file__).parent
SCRIPTS = sorted(path.stem for path in HERE.glob("bench_*.py"))


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Import a script the way it is run: its neighbours by file name."""
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.syspath_prepend(str(HERE.parent / "oracles"))
    known = dict(sys.modules)
    yield import_module
    for name in sys.modules.keys() - known.keys():
        path = str(getattr(sys.modules[name], "__file__", ""))
        if name.startswith("tests") or path.startswith(str(HERE)):
            del sys.modules[name]
    sys.modules.update({name: known[name] for name in known if name.startswith("tests")})


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    """Return the figures that a side has printed."""
    figures: dict[str, float] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return figures


@pytest.mark.parametrize("name", [*SCRIPTS, "run_all"])
def test_every_script_can_be_imported(script: Any, name: str) -> None:
    assert callable(script(name).main)


def test_both_sides_place_demand_at_the_same_cost(script: Any) -> None:
    bench = script("bench_placement")
    instance = bench.drawn(200, 12, 90, 1)
    mine, peer = bench.ours(*instance), bench.peer(*instance)
    assert peer["done"]
    assert mine["objective"] == pytest.approx(peer["objective"], rel=1e-6)


@pytest.mark.parametrize("open_count", [None, 4])
def test_both_sides_locate_facilities_at_the_same_cost(script: Any, open_count: int | None) -> None:
    bench = script("bench_location")
    rng = np.random.default_rng(1)
    instance = bench.Instance(
        name="drawn",
        fixed_cost=rng.uniform(50, 100, 8),
        capacity=np.full(8, 60.0),
        demand=rng.uniform(1, 10, 30),
        assignment_cost=rng.uniform(1, 20, (30, 8)),
        open_count=open_count,
        optimum=np.nan,
    )
    mine, peer = bench.ours(instance, 1e-6), bench.strong(instance, 1e-6, 60.0)
    assert not peer["stopped"]
    assert mine["objective"] == pytest.approx(peer["objective"], rel=1e-5)


@pytest.mark.parametrize("whole", ["", ", whole"])
def test_both_sides_steer_statically_at_the_same_cost(
    script: Any, capsys: pytest.CaptureFixture[str], whole: str
) -> None:
    bench, found = script("bench_static"), {}
    for side in ("ours", "peer"):
        bench.one(side, f"4 × 10 × 1, order 1, 0.625, seed 1{whole}", 60.0)
        found[side] = printed(capsys)
    assert found["peer"]["status"] == 0
    assert found["ours"]["objective"] == pytest.approx(found["peer"]["objective"], rel=2e-4)


def test_static_steering_is_priced_and_timed_by_phase(
    script: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    bench, found = script("bench_static"), {}
    name = "4 × 10 × 1, order 1, 0.625, seed 1"
    for side in ("adaptive", "split", "whole"):
        bench.one(side, name, 60.0)
        found[side] = printed(capsys)["objective"]
    assert found["adaptive"] <= found["split"] * (1 + 1e-4) <= found["whole"] * (1 + 2e-4)
    bench.one("phases", name, 60.0)
    assert printed(capsys)["gap"] <= 1e-4


def test_a_large_adaptive_size_is_solved_to_its_gap(script: Any) -> None:
    bench = script("bench_adaptive")
    found = bench.large(bench.Size(5, 20, 2, 1, 1, 0, True, 1e-4, (0.625,)), 1, 0.625)
    assert found["gap"] <= 1e-4
    assert found["root_s"] <= found["seconds"]


def test_the_matrix_has_a_column_for_every_order_that_an_origin_may_use(script: Any) -> None:
    bench = script("bench_matrix")
    problem = bench.survivable_capacity(1, 5, 20, 1, 1, steering="static")
    found = bench.built(problem)
    allowed = problem.admissible[0].sum(axis=1)
    assert found["columns"] == (allowed * (allowed - 1)).sum()


@pytest.mark.parametrize("side", ["cells", "streams"])
def test_both_replays_give_the_same_answer(
    script: Any, capsys: pytest.CaptureFixture[str], side: str
) -> None:
    bench = script("bench_replay")
    bench.RUNS[side](*bench.failing(1, 10, 6, 20, 3))
    assert printed(capsys)["apart"] < 1e-9


def test_all_sides_find_the_same_shortest_paths(script: Any) -> None:
    bench = script("bench_paths")
    graph, up = bench.drawn()
    truth = bench.by_networkx(graph, up[:3])
    for side in (bench.by_multigraph, *bench.OTHERS.values()):
        np.testing.assert_allclose(side(graph, up[:3]), truth, atol=1e-9)


def test_both_sides_list_the_same_states(script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = script("bench_states")
    monkeypatch.setattr(bench, "SIZE", 8)
    monkeypatch.setattr(bench, "CUTOFF", 1e-9)
    monkeypatch.setattr(bench, "SAMPLES", 500)
    # It compares what was kept with what was walked.
    assert 1 < bench.enumerated()["states"] <= 1 + 8 + 28 + 56 + 70
    assert 1 < bench.sampled()["states"] <= 2**8


def test_both_sides_give_the_same_erlang_b(script: Any) -> None:
    assert float(script("bench_queueing").blocking_row(50, 40).split()[-1]) < 1e-12


@pytest.mark.slow
def test_a_row_of_the_sweep_is_taken_apart(script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = script("bench_sweep")
    for step in bench.STEPS:
        # It puts a stopwatch around each of them: this puts them back.
        monkeypatch.setattr(bench.rows, step, getattr(bench.rows, step))
    spent = bench.steps(1)
    assert set(spent) == {*bench.STEPS, "all"}
    assert sum(spent[step] for step in bench.STEPS) <= spent["all"]


@pytest.mark.parametrize(
    ("line", "said"),
    [("raise ValueError('no figure')", "no figure"), ("import os; os.abort()", "broke")],
)
def test_a_side_that_breaks_breaks_the_benchmark(
    script: Any, tmp_path: Path, line: str, said: str
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=said):
        script("measure").apart(str(broken), [], 10.0)


def test_a_side_that_is_ended_has_no_figures(
    script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = script("measure")
    monkeypatch.setattr(measure, "GRACE_S", 0.0)
    slow = tmp_path / "slow.py"
    slow.write_text("import time\ntime.sleep(60)\n", encoding="utf-8")
    assert measure.apart(str(slow), [], 0.5) is None
