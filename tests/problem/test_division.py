"""What the controller leaves running is what its own arithmetic makes of the exported documents."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from planner.errors import UnfaithfulExport
from planner.exporters import export
from planner.failures.states import failure_states
from planner.federation import karmada, kubefed
from planner.federation.kubefed import Preference
from planner.io.manifests import write_manifests
from planner.model.plan import Plan
from planner.problem import division
from planner.problem.arrays import Axes, Bools, NodePools, Problem
from planner.problem.build import build_problem
from planner.problem.conditions import Conditions
from planner.problem.division import divided_replicas
from tests.exporters.plans import HOSTS, REGIONS, REPLICAS, USERS, read, small_data
from tests.oracles.instances import random_problem

CLUSTERS = {region: cluster for region, (cluster, *_) in REGIONS.items()}
SUBSETS = np.array(list(product([True, False], repeat=4)))  # first: all up; last: all down
TAIWAN = Path(__file__).parents[2] / "exports" / "taiwan"


def plan_with(
    services: dict[str, dict[str, Any]] | None = None, **federation: Any
) -> tuple[Plan, Problem]:
    """Return a small plan, changed, and a problem of all sets of survivors, all up first."""
    data = small_data()
    data["scenario"]["federation"] |= federation
    for name, change in (services or {}).items():
        data["services"][name] |= change
    return read(data), problem_over(SUBSETS)


def of_api(replicas: Sequence[int], weights: Sequence[int], most: int = 20) -> dict[str, Any]:
    """Return a change of the service api: replicas and weights of the four regions."""
    by_region = dict(zip(REGIONS, weights, strict=True))
    return {
        "api": {
            "total": sum(replicas),
            "replicas": dict(zip(REGIONS, replicas, strict=True)),
            "weights": {"kubefed": by_region, "karmada": by_region},
            "max_replicas": dict.fromkeys(REGIONS, most),
        }
    }


def problem_over(region_up: Bools, cores: float = 64.0) -> Problem:
    """Return a problem with the axes of the small plan; state k is named after what is down."""
    names = [
        " + ".join(r for r, up in zip(REGIONS, row, strict=True) if not up) + " down"
        for row in region_up
    ]
    bare = random_problem(0, services=3, origins=len(USERS), regions=4)
    pools = NodePools(
        region=np.arange(4),
        cpu_cores=np.full(4, cores / 2),
        memory_gib=np.full(4, 128.0),
        pods=np.full(4, 110.0),
        servers=np.full(4, 2),
        server_cost_usd_month=np.ones(4),
        names=tuple(f"{region}/main" for region in REGIONS),
    )
    return replace(
        bare,
        axes=Axes(
            services=tuple(REPLICAS),
            origins=tuple(USERS),
            regions=tuple(REGIONS),
            hours=bare.axes.hours,
            states=tuple(names),
            hosts=tuple(HOSTS),
        ),
        region_up=region_up,
        state_probability=0.9 * 0.01 ** (~region_up).sum(axis=1) + 1e-9,
        cpu_cores=np.full(3, 0.5),
        memory_gib=np.full(3, 1.5),
        surge_replicas=np.ones(3, np.int64),
        survive_server_loss=False,
        pools=pools,
    )


def exported(plan: Plan, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Write the plan's federation documents to disk and read them back, by service."""
    target = plan.scenario.federation.controller
    write_manifests(export(plan, target), folder)
    return {
        name: list(yaml.safe_load_all(path.read_text()))
        for name in plan.services
        if (path := folder / "federation" / target / "services" / f"{name}.yaml").exists()
    }


def by_hand(
    documents: list[dict[str, Any]], ready: Sequence[str], running: dict[str, int]
) -> dict[str, int]:
    """Divide as the controller would that is given these documents."""
    kinds = {document["kind"]: document for document in documents}
    if "PropagationPolicy" in kinds:
        rules = kinds["PropagationPolicy"]["spec"]["placement"]["replicaScheduling"]
        weights = {
            rule["targetCluster"]["clusterNames"][0]: rule["weight"]
            for rule in rules["weightPreference"]["staticWeightList"]
        }
        left = {cluster: weight for cluster, weight in weights.items() if cluster in ready}
        return karmada.divide_static(kinds["Deployment"]["spec"]["replicas"], left)
    preference = kinds["ReplicaSchedulingPreference"]
    spec, metadata = preference["spec"], preference["metadata"]
    preferences = {
        cluster: Preference(e["weight"], e.get("minReplicas", 0), e.get("maxReplicas"))
        for cluster, e in spec["clusters"].items()
    }
    return kubefed.divide(
        spec["totalReplicas"],
        preferences,
        ready,
        key=f"{metadata['namespace']}/{metadata['name']}",
        rebalance=spec["rebalance"],
        current={cluster: running[cluster] for cluster in ready},
    )[0]


@pytest.mark.parametrize(
    "federation",
    [
        {"rebalance": True},
        {"rebalance": False},
        {"controller": "karmada", "karmada_failover": "on"},
        {"controller": "karmada", "karmada_failover": "tuned"},
    ],
    ids=str,
)
@pytest.mark.parametrize("change", [None, of_api([3, 3, 1, 3], [1, 1, 1, 1], 9)])
def test_every_state_is_what_the_divider_makes_of_the_files(
    federation: dict[str, Any], change: dict[str, dict[str, Any]] | None, tmp_path: Path
) -> None:
    if change and federation.get("controller") == "karmada":
        change = of_api([3, 3, 1, 3], [3, 3, 1, 3], 9)
    plan, problem = plan_with(change, **federation)
    documents = exported(plan, tmp_path)
    divided = divided_replicas(problem, plan)
    for k, up in enumerate(SUBSETS):
        ready = [c for c, is_up in zip(CLUSTERS.values(), up, strict=True) if is_up]
        assert divided.acts[k] == (up[0] or up[2]), "Tokyo stands by for Taipei"
        for s, (name, service) in enumerate(plan.services.items()):
            held = [service.replicas[r] for r in REGIONS]
            running = dict(zip(CLUSTERS.values(), held, strict=True))
            assert divided.fixed[k, s].tolist() == [n * u for n, u in zip(held, up, strict=True)]
            made = by_hand(documents[name], ready, running) if divided.acts[k] else {}
            kept = {c: running[c] for c in ready}
            want = made if divided.acts[k] else kept
            row = dict(zip(CLUSTERS.values(), divided.replicas[k, s].tolist(), strict=True))
            assert {c: n for c, n in row.items() if n} == {c: n for c, n in want.items() if n}


@pytest.mark.parametrize(
    ("federation", "lost", "want"),
    [
        ({}, "tokyo", [7, 3, 0, 0]),
        ({}, "singapore", [8, 0, 2, 0]),
        ({"controller": "karmada", "karmada_failover": "on"}, "tokyo", [6, 4, 0, 0]),
        ({"controller": "karmada", "karmada_failover": "tuned"}, "tokyo", [6, 4, 0, 0]),
        ({"controller": "karmada"}, "tokyo", [5, 3, 0, 0]),
    ],
)
def test_five_three_two_becomes_what_live_control_planes_made_of_it(
    federation: dict[str, Any], lost: str, want: list[int]
) -> None:
    plan, problem = plan_with(of_api([5, 3, 2, 0], [5, 3, 2, 0]), **federation)
    divided = divided_replicas(problem, plan)
    k = problem.axes.states.index(f"{lost} down")
    assert divided.replicas[k, 0].tolist() == want
    assert divided.acts[k] == (want != [5, 3, 0, 0])


def test_without_rebalance_survivors_never_lose_a_replica_and_with_it_they_may() -> None:
    change = of_api([3, 3, 1, 3], [1, 1, 1, 1], 9)
    plan, problem = plan_with(change, rebalance=False)
    still = divided_replicas(problem, plan)
    assert (still.replicas >= still.fixed).all()
    assert not any("KubeFed leaves" in sentence for sentence in still.findings)
    plan, problem = plan_with(change, rebalance=True)
    anew = divided_replicas(problem, plan)
    fewer = (anew.fixed - anew.replicas)[:, 0].max(axis=1)
    assert fewer.max() > 0
    sentence = next(f for f in anew.findings if "KubeFed leaves" in f and " of api " in f)
    assert sentence.endswith(f"fewer than planned in a region in {(fewer > 0).sum()} of 16 states")


def test_with_the_failover_off_nothing_moves_and_that_is_said_once() -> None:
    plan, problem = plan_with(controller="karmada")
    divided = divided_replicas(problem, plan)
    assert not divided.acts.any()
    assert (divided.replicas == divided.fixed).all()
    (sentence,) = divided.findings
    total = sum(sum(row.values()) for row in REPLICAS.values())
    left = divided.fixed.sum(axis=(1, 2))
    # All regions down is no matter of the controller; all other states lose something.
    most = total - left[left > 0].min()
    assert sentence.startswith("nothing is re-divided: with ")
    assert f" {most} of {total} replicas are gone" in sentence
    assert "failover is off" in sentence
    assert sentence.endswith("so in 14 of 16 states")


@pytest.mark.parametrize(
    ("standby", "acting", "reason"),
    [
        ("tokyo", lambda up: up[0] or up[2], "and so is its standby tokyo"),
        (None, lambda up: up[0], "no standby region is named"),
    ],
)
def test_nothing_is_divided_while_neither_host_nor_standby_is_up(
    standby: str | None, acting: Any, reason: str
) -> None:
    plan, problem = plan_with(standby_region=standby)
    divided = divided_replicas(problem, plan)
    assert divided.acts.tolist() == [bool(acting(up)) for up in SUBSETS]
    idle = ~divided.acts
    assert (divided.replicas[idle] == divided.fixed[idle]).all()
    assert reason in divided.findings[0]
    assert not divided.replicas[-1].any()
    host = problem.axes.states.index("taipei down")
    moved = (divided.replicas[host] != divided.fixed[host]).any()
    assert moved == (standby is not None)


def conditions(problem: Problem, control_up: Bools) -> Conditions:
    """Return conditions of which only the control plane matters."""
    _, services, origins, regions = problem.state_admissible.shape
    return Conditions(
        reachable=np.ones((len(control_up), services, origins, regions), np.bool_),
        demand_factor=None,
        server_share=None,
        control_up=control_up,
        loss_share=None,
        uplink_share=None,
        tunnels=None,
    )


def test_the_control_plane_may_fail_without_its_region() -> None:
    plan, problem = plan_with(standby_region=None)
    broken = problem.axes.states.index("tokyo down")
    control_up = SUBSETS[:, 0].copy()
    control_up[broken] = False
    divided = divided_replicas(replace(problem, conditions=conditions(problem, control_up)), plan)
    assert divided.acts.tolist() == control_up.tolist()
    assert (divided.replicas[broken] == divided.fixed[broken]).all()
    plan, problem = plan_with(standby_region="singapore")
    divided = divided_replicas(replace(problem, conditions=conditions(problem, control_up)), plan)
    assert divided.acts[broken]


def test_thousands_of_states_with_the_same_survivors_are_divided_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[tuple[str, tuple[str, ...]]] = []

    def counted(total: int, preferences: Any, available: Any, **options: Any) -> Any:
        calls.append((options["key"], tuple(available)))
        return kubefed.divide(total, preferences, available, **options)

    monkeypatch.setattr(division, "divide", counted)
    plan, _ = plan_with()
    many = SUBSETS[np.random.default_rng(1).integers(0, 16, 5000)]
    divided = divided_replicas(problem_over(many), plan)
    assert len(calls) == len(set(calls)) <= 3 * 16
    few = divided_replicas(problem_over(SUBSETS), plan)
    place = {tuple(row): k for k, row in enumerate(SUBSETS.tolist())}
    same = [place[tuple(row)] for row in many.tolist()]
    assert (divided.replicas == few.replicas[same]).all()
    assert (divided.acts == few.acts[same]).all()


def test_of_many_states_with_the_same_survivors_the_most_probable_is_named_and_all_count() -> None:
    rng = np.random.default_rng(3)
    many = SUBSETS[rng.integers(0, 16, 500)]
    problem = problem_over(many)
    names = tuple(
        f"{name.removesuffix(' down')} #{k} down" for k, name in enumerate(problem.axes.states)
    )
    problem = replace(
        problem, axes=replace(problem.axes, states=names), state_probability=rng.random(500)
    )
    plan, _ = plan_with()
    divided = divided_replicas(problem, plan)
    for s, name in enumerate(REPLICAS):
        ((_, state, planned, made, states),) = gains(divided.findings, name)
        gain = (divided.replicas - divided.fixed)[:, s].max(axis=1)
        likely = np.where(gain == gain.max(), problem.state_probability, 0).argmax()
        assert (state, made - planned) == (names[likely], gain.max())
        assert states == (gain > 0).sum()


def gains(findings: Sequence[str], name: str) -> Iterator[tuple[str, str, int, int, int]]:
    """Read region, state, planned, made and number of states out of sentences on more replicas."""
    pattern = (
        r"the plan holds (\d+) replicas? of (\w+) in (\w+) with (.+ down); "
        r"\w+ makes (\d+) of them .*more than planned in a region in (\d+) of"
    )
    for finding in findings:
        if (found := re.match(pattern, finding)) and found[2] == name:
            yield found[3], found[4], int(found[1]), int(found[5]), int(found[6])


@pytest.mark.parametrize("controller", ["kubefed", "karmada"])
def test_a_finding_names_the_worst_of_all_states_and_how_many_there_are(controller: str) -> None:
    plan, problem = plan_with(controller=controller, karmada_failover="on")
    divided = divided_replicas(problem, plan)
    for s, name in enumerate(REPLICAS):
        ((region, state, planned, made, states),) = gains(divided.findings, name)
        gain = divided.replicas[:, s] - divided.fixed[:, s]
        assert made - planned == gain.max()
        k, r = problem.axes.states.index(state), list(REGIONS).index(region)
        assert (divided.fixed[k, s, r], divided.replicas[k, s, r]) == (planned, made)
        equal = problem.state_probability[(gain == gain.max()).any(axis=1)]
        assert problem.state_probability[k] == equal.max()
        assert states == (gain > 0).any(axis=1).sum()


def test_findings_do_not_depend_on_the_order_of_states() -> None:
    plan, _ = plan_with(controller="karmada", karmada_failover="on")
    steps = 1 + np.arange(16) / 100
    problem = problem_over(SUBSETS)
    problem = replace(problem, state_probability=problem.state_probability / steps)
    first = divided_replicas(problem, plan).findings
    order = np.random.default_rng(2).permutation(16)
    mixed = replace(
        problem_over(SUBSETS[order]), state_probability=problem.state_probability[order]
    )
    assert divided_replicas(mixed, plan).findings == first


def test_the_sentence_says_what_the_plan_holds_and_what_the_controller_makes() -> None:
    plan, _ = plan_with(of_api([5, 3, 2, 0], [5, 3, 2, 0]))
    up = np.array([[True] * 4, [True, True, False, True]])
    divided = divided_replicas(problem_over(up), plan)
    assert divided.findings[0] == (
        "the plan holds 5 replicas of api in taipei with tokyo down; KubeFed makes 7 of them "
        "because it divides all 10 anew; more than planned in a region in 1 of 2 states"
    )
    plan, _ = plan_with(of_api([5, 3, 2, 0], [5, 3, 2, 0], 6), rebalance=False)
    assert divided_replicas(problem_over(up), plan).findings[0] == (
        "the plan holds 5 replicas of api in taipei with tokyo down; KubeFed makes 6 of them "
        "because it replaces the 2 that are missing of 10; more than planned in a region in 1 of 2 "
        "states"
    )


def test_pods_that_no_server_has_room_for_stay_pending() -> None:
    plan, _ = plan_with(controller="karmada", karmada_failover="on")
    lost = np.array([[True] * 4, [False, False, True, False]])
    alone = divided_replicas(problem_over(lost), plan)
    needed = 0.5 * alone.replicas[1, :, 2].sum()
    assert needed == 0.5 * (15 + 7), "api and orders run in Tokyo, static does not"
    assert not any("pools" in sentence for sentence in alone.findings)
    tight = divided_replicas(problem_over(lost, cores=10.0), plan).findings
    pending = [s for s in tight if "pods stay Pending, for all need 11.0 of 10.0 cores" in s]
    assert [s.split(" of ")[1].split()[0] for s in pending] == ["api", "orders"]
    # 21 pods before the last: 10.5/(C − 0.5) + 31.5/126.5 + 21/110 ≤ 2 of two servers from C = 7.3
    # on; 23 with one more of each service while it is rolled out: from 8.1 on.
    some = " ".join(divided_replicas(problem_over(lost, cores=14.0), plan).findings)
    assert "pods may stay Pending, depending on the order" in some
    calm = " ".join(divided_replicas(problem_over(lost, cores=15.0), plan).findings)
    assert "all of them run only while nothing is rolled out" in calm
    spare = replace(problem_over(lost, cores=17.0), survive_server_loss=True)
    found = " ".join(divided_replicas(spare, plan).findings)
    assert "run only while every server is up and nothing is rolled out" in found
    enough = divided_replicas(problem_over(lost, cores=17.0), plan).findings
    assert not any("pools" in sentence for sentence in enough)


def test_kubefed_keeps_within_the_maxima_and_karmada_does_not() -> None:
    change = of_api([6, 4, 3, 2], [6, 4, 3, 2], 7)
    plan, problem = plan_with(change, controller="karmada", karmada_failover="on")
    divided = divided_replicas(problem, plan)
    over = divided.replicas[:, 0] > 7
    (sentence,) = [s for s in divided.findings if "the plan's maximum there is 7" in s]
    assert sentence.endswith(f"so in {over.any(axis=1).sum()} of 16 states")
    assert f"puts {divided.replicas[:, 0].max()} replicas of api into" in sentence
    plan, problem = plan_with(change)
    divided = divided_replicas(problem, plan)
    assert divided.replicas[:, 0].max() == 7
    assert not any("maximum" in s for s in divided.findings)
    pattern = r".* of api .* with (.+ down); .* divides all 15 anew and finds place for (\d+);"
    (found,) = [m for s in divided.findings if (m := re.match(pattern, s))]
    k = problem.axes.states.index(found[1])
    assert int(found[2]) == divided.replicas[k, 0].sum() < 15


def test_a_tie_that_an_unknown_identifier_decides_is_said() -> None:
    plan, problem = plan_with(
        of_api([2, 2, 2, 2], [1, 1, 1, 1]), controller="karmada", karmada_failover="on"
    )
    divided = divided_replicas(problem, plan)
    (sentence,) = [s for s in divided.findings if "UID" in s and " of api " in s]
    found = re.search(r"makes (\d) or (\d) of api in (\w+) with (.+ down): .*in (\d+) of", sentence)
    assert found is not None
    k, r = problem.axes.states.index(found[4]), list(REGIONS).index(found[3])
    ready = {c: 1 for c, up in zip(CLUSTERS.values(), SUBSETS[k], strict=True) if up}
    uids = [next(u for u in "abcdefgh" if karmada.names_descend(u) is d) for d in (False, True)]
    both = [karmada.divide_static(8, ready, uid=uid)[CLUSTERS[found[3]]] for uid in uids]
    assert both == [int(found[1]), int(found[2])]
    assert divided.replicas[k, 0, r] == both[0]
    # Three left share eight unevenly: each of the three pairs with Taipei or Tokyo, and the trio.
    assert int(found[5]) == 4


def test_a_cluster_without_a_weight_cannot_be_divided_by_karmada() -> None:
    plan, problem = plan_with(of_api([1, 1, 1, 1], [1, 1, 1, 0]), controller="karmada")
    with pytest.raises(UnfaithfulExport, match="weight of at least 1"):
        divided_replicas(problem, plan)


@pytest.mark.parametrize("controller", ["kubefed", "karmada"])
@pytest.mark.parametrize("known", [{"scaler": "member"}, {"rollout": True}])
def test_what_each_cluster_scales_by_itself_is_not_divided(
    controller: str, known: dict[str, Any]
) -> None:
    data = small_data()
    data["scenario"]["federation"] |= {"controller": controller, "karmada_failover": "on"}
    data["scenario"]["platform"] = {"services": {"api": known}}
    plan, problem = read(data), problem_over(SUBSETS)
    divided = divided_replicas(problem, plan)
    api = problem.axes.services.index("api")
    assert divided.acts.any()
    assert (divided.replicas[:, api] == divided.fixed[:, api]).all()
    assert (divided.replicas != divided.fixed).any(), "the other services are"
    assert not any("of api " in sentence for sentence in divided.findings)


def test_results_are_read_only() -> None:
    plan, problem = plan_with()
    with pytest.raises(ValueError, match="read-only"):
        divided_replicas(problem, plan).replicas[0, 0, 0] = 1


@pytest.fixture(scope="module")
def taiwan() -> tuple[Plan, Problem]:
    plan = Plan.model_validate(yaml.safe_load((TAIWAN / "plan.yaml").read_text()))
    return plan, build_problem(plan.scenario, failure_states(plan.scenario))


def test_the_taiwan_plan_after_the_loss_of_each_region(taiwan: tuple[Plan, Problem]) -> None:
    plan, problem = taiwan
    divided = divided_replicas(problem, plan)
    regions = {name: region.cluster for name, region in plan.scenario.regions.items()}
    for lost in regions:
        k = problem.axes.states.index(f"{lost} down")
        ready = [cluster for region, cluster in regions.items() if region != lost]
        for s, name in enumerate(problem.axes.services):
            path = TAIWAN / "federation" / "kubefed" / "services" / f"{name}.yaml"
            documents = list(yaml.safe_load_all(path.read_text()))
            running = {c: plan.services[name].replicas.get(r, 0) for r, c in regions.items()}
            made = by_hand(documents, ready, running)
            row = divided.replicas[k, s].tolist()
            assert row == [made.get(cluster, 0) for cluster in regions.values()]
    assert (divided.replicas >= divided.fixed).all(), "no survivor falls below the plan"
    assert not any("Pending" in sentence for sentence in divided.findings)
