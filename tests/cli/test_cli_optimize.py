"""``planner optimize``: the main job, what it prints and writes, and how it ends."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from planner import exporters
from planner.cli import optimize as verb
from planner.cli.console import ELSEWHERE
from planner.cli.plan_text import _ended, _moved
from planner.errors import SolverStopped, UnfaithfulExport
from planner.io.plans import read_plan
from planner.model.manifest import Manifest
from planner.model.plan import Plan
from tests.cli.runs import GOLDEN, Made, Run

Process = Callable[..., subprocess.CompletedProcess[str]]


def files(folder: Path, *, pictures: bool = True) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (pictures or "pictures" not in path.parts)
    }


def test_the_small_scenario_is_planned_and_printed(made: Made) -> None:
    assert made.result.exit_code == 0
    printed = made.result.stdout.replace(str(made.folder), "OUT")
    assert printed == (GOLDEN / "optimize-small.txt").read_text(encoding="utf-8")


def test_the_time_and_what_is_left_out_go_to_stderr(made: Made) -> None:
    spare, time, left_out = made.result.stderr.splitlines()
    assert spare.startswith("warning: the normal peak hour can spare no pod of ")
    assert time.startswith("optimised in ")
    assert left_out.startswith("left out: kubernetes, kubeadm, k3s, ")
    assert left_out.endswith("written at once only where the scenario has a section 'platform'")


def test_everything_promised_is_written(made: Made) -> None:
    written = set(files(made.folder))
    pictures = {
        f"pictures/{n}.{e}" for n in ("regions", "replicas", "round-trips") for e in ("png", "svg")
    }
    assert {"plan.yaml", "weights.csv", "weights.json", *pictures} <= written
    for part in ("federation/kubefed/", "federation/karmada/", "dns/coredns/", "dns/external-dns/"):
        assert any(name.startswith(part) for name in written), part
    assert any(name.startswith("clusters/tokyo-edge/") for name in written)


def test_the_weights_are_those_of_the_plan(made: Made) -> None:
    plan = read_plan(made.folder / "plan.yaml")
    with (made.folder / "weights.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        service, region = plan.services[row["service"]], row["region"]
        assert int(row["replicas"]) == service.replicas[region]
        assert int(row["weight_kubefed"]) == service.weights["kubefed"][region]
    assert sum(int(row["replicas"]) for row in rows) == plan.replicas.to_numpy().sum()
    answer = json.loads((made.folder / "weights.json").read_text(encoding="utf-8"))
    assert answer["services"]["api"]["total"] == plan.services["api"].total


def test_the_same_input_gives_the_same_bytes(
    made: Made, process: Process, small: Path, tmp_path: Path
) -> None:
    second = process("optimize", small, "-o", tmp_path / "again")
    assert second.returncode == 0
    assert second.stdout.replace(str(tmp_path / "again"), "OUT") == made.result.stdout.replace(
        str(made.folder), "OUT"
    )
    assert files(tmp_path / "again") == files(made.folder)


def test_json_is_one_object_with_exactly_the_promised_keys(
    run: Run, small: Path, tmp_path: Path
) -> None:
    result = run(
        "optimize", small, "-o", tmp_path, "--json", "--no-pictures", "--target", "kubefed"
    )
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert list(answer) == [
        *("objective", "bound", "gap", "solver", "seconds"),
        *("services", "hosts", "headroom", "worst_state"),
    ]
    assert answer["bound"] <= answer["objective"] + 1e-6
    assert answer["gap"] <= 1e-4
    for service in answer["services"].values():
        assert set(service) == {"total", "replicas", "weights", "p95_ms", "origin_p95_ms"}
        assert sum(service["replicas"].values()) == service["total"]
        assert set(service["weights"]) == {"kubefed", "karmada"}
    for origins in answer["hosts"].values():
        for parts in origins.values():
            assert all(set(part) == {"share", "order"} for part in parts)
            assert sum(part["share"] for part in parts) == pytest.approx(1.0)
    written = files(tmp_path)
    assert any(name.startswith("federation/kubefed") for name in written)
    assert not any(name.startswith(("federation/karmada", "pictures", "dns")) for name in written)


def test_a_shipped_scenario_is_planned_in_an_empty_folder(process: Process, tmp_path: Path) -> None:
    result = process("optimize", "taiwan", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert answer["gap"] <= 1e-4
    assert set(answer["services"]) == {"api", "orders", "static"}
    assert (tmp_path / "exports" / "taiwan" / "plan.yaml").is_file()
    assert [p.name for p in tmp_path.iterdir()] == ["exports"]


def test_a_promise_that_cannot_be_kept_is_exit_4_with_a_way_out(
    run: Run, small: Path, tmp_path: Path
) -> None:
    text = small.read_text(encoding="utf-8")
    bad = tmp_path / "tight.yaml"
    bad.write_text(text.replace("p95_ms: 400.0", "p95_ms: 22.0"), encoding="utf-8")
    result = run("optimize", bad, "-o", tmp_path / "out")
    assert result.exit_code == 4
    assert result.stdout == ""
    assert "ways out, cheapest first, each tried:" in result.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_bad_input_is_exit_3_and_writes_nothing(run: Run, small: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(small.read_text(encoding="utf-8") + "\nunheard: of\n", encoding="utf-8")
    result = run("optimize", bad, "-o", tmp_path / "out")
    assert result.exit_code == 3
    assert result.stdout == ""
    assert "unheard" in result.stderr
    assert not (tmp_path / "out").exists()


def test_stopped_with_a_plan_is_exit_5_and_the_plan_is_written(
    run: Run, small: Path, made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = read_plan(made.folder / "plan.yaml")
    stopped = plan.model_copy(update={"proof": plan.proof.model_copy(update={"status": "limit"})})
    monkeypatch.setattr(verb.main_job, "optimize", lambda *_, **__: stopped)
    result = run("optimize", small, "-o", tmp_path, "--no-pictures")
    assert result.exit_code == 5
    assert "(stopped early)" in result.stdout
    assert ELSEWHERE in result.stdout
    assert read_plan(tmp_path / "plan.yaml").proof.status == "limit"


def test_limits_reach_the_solver(
    run: Run, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, object] = {}

    def stop(problem: object, **limits: object) -> Plan:
        asked.update(limits)
        raise SolverStopped("no plan was found within the time limit")

    monkeypatch.setattr(verb.main_job, "optimize", stop)
    limits = ("--gap", 0.01, "--time-limit", 7, "--seed", 3)
    result = run("optimize", small, "-o", tmp_path, *limits)
    assert result.exit_code == 5
    given = {"gap": 0.01, "time_limit_s": 7.0, "seed": 3, "previous": None, "tolerance": 0.01}
    assert {name: asked[name] for name in given} == given
    assert result.stderr.strip() == "no plan was found within the time limit"


@pytest.mark.parametrize(
    "options",
    [("--gap", "-1"), ("--time-limit", "0"), ("--seed", "-1"), ("--gap", "x"), ("--nope",)],
)
def test_wrong_usage_is_exit_2(run: Run, small: Path, options: tuple[str, ...]) -> None:
    assert run("optimize", small, *options).exit_code == 2


def test_an_unknown_target_is_exit_2_before_anything_is_read(run: Run, tmp_path: Path) -> None:
    result = run("optimize", "no-such", "-o", tmp_path, "--target", "kubefd")
    assert result.exit_code == 2
    assert "did you mean 'kubefed'?" in result.stderr


def test_a_folder_that_cannot_be_is_said_before_anything_is_computed(
    run: Run, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verb, "build_problem", lambda *_: pytest.fail("computed"))
    file = tmp_path / "file"
    file.write_text("mine", encoding="utf-8")
    for folder in (file, file / "below", tmp_path / ("x" * 300)):
        result = run("optimize", small, "-o", folder)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert len(result.stderr.strip().splitlines()) == 1
    assert file.read_text(encoding="utf-8") == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission_is_exit_2(run: Run, small: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert run("optimize", small, "-o", tmp_path).exit_code == 2


def test_a_file_of_the_users_is_not_overwritten(run: Run, small: Path, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("mine", encoding="utf-8")
    result = run("optimize", small, "-o", tmp_path, "--no-pictures")
    assert result.exit_code == 2
    assert "plan.yaml" in result.stderr
    assert files(tmp_path) == {"plan.yaml": b"mine"}


def test_a_service_that_nobody_calls_gets_no_replicas_and_no_name(
    run: Run, small: Path, tmp_path: Path
) -> None:
    """Also where it is the only one behind its host name."""
    text = small.read_text(encoding="utf-8").replace("user_day: 4.0", "user_day: 0.0")
    head, orders = text.split("  orders:\n")
    orders = orders.replace("host: api.example.com", "host: orders.example.com")
    quiet, out = tmp_path / "quiet.yaml", tmp_path / "out"
    quiet.write_text(f"{head}  orders:\n{orders}", encoding="utf-8")
    assert run("optimize", quiet, "-o", out, "--no-pictures").exit_code == 0
    plan = read_plan(out / "plan.yaml")
    assert plan.services["orders"].total == 0 < plan.services["api"].total
    assert not any(plan.services["orders"].weights["kubefed"].values())
    assert list(plan.hosts) == ["api.example.com"]
    services = out / "federation" / "kubefed" / "services"
    assert [path.name for path in services.iterdir()] == ["api.yaml"]


def test_a_plan_with_an_origin_that_calls_nothing_is_exported_again(
    run: Run, small: Path, tmp_path: Path
) -> None:
    quiet, out = tmp_path / "quiet.yaml", tmp_path / "out"
    text = small.read_text(encoding="utf-8")
    quiet.write_text(text.replace("users: 80000000", "users: 0"), encoding="utf-8")
    assert run("optimize", quiet, "-o", out, "--no-pictures").exit_code == 0
    assert "PH" not in read_plan(out / "plan.yaml").hosts["api.example.com"]
    assert run("export", out / "plan.yaml", "coredns", "-o", out, "--check").exit_code == 0


def test_interrupted_is_exit_130_and_leaves_no_half_files(small: Path, tmp_path: Path) -> None:
    code = (
        # Where the tests run in the background, the shell has them ignore the signal.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import time, planner.cli.optimize as verb\n"
        "def wait(*_, **__): print('waiting', flush=True); time.sleep(60)\n"
        "verb.main_job.optimize = wait\n"
        "from planner.cli import main; main()"
    )
    command = [sys.executable, "-c", code, "optimize", str(small), "-o", str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "waiting\n"
        time.sleep(0.1)
        running.send_signal(signal.SIGINT)
        _, stderr = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "Traceback" not in stderr
    assert files(tmp_path) == {}


def test_a_reader_that_leaves_ends_the_run_quietly() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "planner", "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        stderr = running.stderr.read()
        assert running.wait(timeout=30) == 141
    assert stderr == b""


def test_staying_near_a_plan_says_what_moves_and_what_it_costs(
    run: Run, made: Made, small: Path, tmp_path: Path
) -> None:
    result = run("optimize", small, "-o", tmp_path, "--from", made.folder / "plan.yaml")
    assert result.exit_code == 0
    assert "from the earlier plan: moves 0 % of the demand and changes 0 replicas" in result.stdout
    assert "costs no more than the cheapest, which would move 0 %" in result.stdout
    old, new = (read_plan(folder / "plan.yaml") for folder in (made.folder, tmp_path))
    assert old.stability is None
    assert "stability" not in (made.folder / "plan.yaml").read_text()
    assert new.stability is not None
    assert new.stability.demand_share == 0
    assert new.model_copy(update={"stability": None}) == old


def test_a_wide_gap_is_not_called_optimal(made: Made) -> None:
    plan = read_plan(made.folder / "plan.yaml")
    wide = plan.model_copy(update={"proof": plan.proof.model_copy(update={"gap": 0.05})})
    assert _ended(plan) == "optimal"
    assert _ended(wide) == "within the gap asked for"


def test_all_of_the_demand_is_100_percent_of_it() -> None:
    assert (
        _moved(0.9961, 2, "moves", "changes") == "moves 100 % of the demand and changes 2 replicas"
    )
    assert _moved(0.123, 1, "moves", "changes") == "moves 12 % of the demand and changes 1 replica"


def test_a_plan_to_stay_near_that_is_no_plan_is_refused(run: Run, small: Path) -> None:
    result = run("optimize", small, "--from", small)
    assert result.exit_code == 3


def test_no_plan_is_exit_4_with_lines_and_ways_out(run: Run, small: Path, tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(small.read_text().replace("survive: {regions: 1}", "survive: {regions: 2}"))
    result = run("optimize", scenario, "-o", tmp_path / "out")
    assert result.exit_code == 4
    assert not (tmp_path / "out" / "plan.yaml").exists()
    lines = result.stderr.splitlines()
    assert lines[0] == "no plan keeps every promise"
    assert lines[1] == "these clash; leave out any one and the others of them can be kept:"
    at = next(n for n, row in enumerate(scenario.read_text().splitlines(), 1) if "survive:" in row)
    assert lines[2].startswith(f"  line {at}  policy.survive: survive '")
    assert "ways out, cheapest first, each tried:" in lines
    assert any("policy.survive: regions 1 instead of 2" in line for line in lines)


def test_what_no_plan_could_export_is_refused_before_anything_is_computed(
    run: Run, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verb.main_job, "optimize", lambda *_, **__: pytest.fail("computed"))
    result = run("optimize", small, "-o", tmp_path / "out", "--target", "rook", "--target", "k3s")
    assert result.exit_code == 3
    assert "  rook\n    platform.storage.region\n" in result.stderr
    assert "    platform.mesh.cidr\n" in result.stderr
    assert list(tmp_path.rglob("*.yaml")) == []


def test_a_target_that_refuses_later_costs_neither_plan_nor_other_targets(
    run: Run, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Plan) -> tuple[Manifest, ...]:
        raise UnfaithfulExport("it would do something else")

    monkeypatch.setitem(exporters.TARGETS, "coredns", refuse)
    result = run("optimize", small, "-o", tmp_path, "--no-pictures")
    assert result.exit_code == 1
    assert result.stderr.endswith("it would do something else\n")
    assert "not written: coredns; the plan and the other targets are" in result.stderr
    assert "replicas" in result.stdout
    written = files(tmp_path)
    assert {"plan.yaml", "weights.csv", "weights.json"} <= set(written)
    assert any(name.startswith("federation/kubefed/") for name in written)
    assert not any(name.startswith("dns/coredns/") for name in written)
