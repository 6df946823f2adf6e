"""The real scheduler judges the packing: what a plan says fits is bound, one more is not.

Pods of a rollout (its surge) are there in every pass, as the plan counts them; while a failure
state takes servers away, nothing is rolled out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from planner.errors import Infeasible
from planner.exporters import policies, workload
from planner.failures.states import failure_states
from planner.model.plan import Plan
from planner.optimization.optimize import solve
from planner.problem.arrays import Floats, Ints, NodePools, Problem
from planner.problem.best_packing import (
    ReplicaLimits,
    packing_statement,
    pod_sizes,
    servers_of,
)
from planner.problem.build import build_problem
from planner.problem.documents import solution_of
from planner.problem.packing import packing_limits, replica_bounds
from planner.simulation.survivors import surviving_replicas
from tests.conformance.control_plane import control_plane
from tests.conformance.scheduling import Scheduling, bare_pod
from tests.exporters.platforms import taiwan_plan
from tests.oracles.instances import random_problem

pytestmark = pytest.mark.slow

PLAN = taiwan_plan()
NAMESPACE = PLAN.scenario.namespace
ORDERS = 3
REASONS = ("Insufficient cpu", "Insufficient memory", "Too many pods")


@pytest.fixture(scope="module")
def scheduling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scheduling]:
    """A control plane that knows what the plan's pods name: namespace, accounts, priorities."""
    with control_plane(tmp_path_factory.mktemp("scheduler")) as plane:
        accounts = [workload.service_account(PLAN.scenario, name) for name in PLAN.services]
        documents = [workload.namespace(PLAN.scenario), *policies.priority_classes(), *accounts]
        done = plane.apply(documents)
        assert done.returncode == 0, done.stderr
        with closing(Scheduling(plane, NAMESPACE)) as scheduling:
            yield scheduling


def taiwan_pods() -> list[dict[str, Any]]:
    """Return the pod of each service as it is exported."""
    templates = [
        workload.deployment(PLAN.scenario, name, 1)["spec"]["template"] for name in PLAN.services
    ]
    return [{"apiVersion": "v1", "kind": "Pod", **template} for template in templates]


def random_pods(problem: Problem) -> list[dict[str, Any]]:
    """Return bare pods that the namespace's security level would refuse nowhere else."""
    secure = taiwan_pods()[0]["spec"]
    pods = [bare_pod(size) for size in pod_sizes(problem)]
    for pod in pods:
        pod["spec"]["securityContext"] = secure["securityContext"]
        pod["spec"]["containers"][0]["securityContext"] = secure["containers"][0]["securityContext"]
    return pods


def in_kubernetes_units(problem: Problem) -> Problem:
    """Return the problem with sizes that quantities can say: millicores and bytes."""
    sizes, pools = pod_sizes(problem), problem.pools
    return replace(
        problem,
        cpu_cores=sizes[:, 0] / 1000,
        memory_gib=sizes[:, 1] / 2**30,
        pools=replace(
            pools,
            cpu_cores=np.floor(pools.cpu_cores * 1000) / 1000,
            memory_gib=np.floor(pools.memory_gib * 2**30) / 2**30,
        ),
    )


class Judge:
    """One region's servers, with all of them or with one of each pool lost."""

    def __init__(
        self, scheduling: Scheduling, problem: Problem, region: int, pods: list[dict[str, Any]]
    ) -> None:
        self.scheduling, self.problem, self.region, self.pods = scheduling, problem, region, pods
        self.rng = np.random.default_rng(region)

    def lose(self, one_of_each: bool) -> None:
        """Set up the servers that are left."""
        self.set_up(replace(self.problem, survive_server_loss=one_of_each))

    def set_up(self, case: Problem) -> None:
        """Set up the servers of a case."""
        name = self.problem.axes.regions[self.region]
        servers = servers_of(case, self.region).tolist()
        self.scheduling.set_nodes(
            {f"server-{index}": server for index, server in enumerate(servers)},
            {"topology.kubernetes.io/region": name, "topology.kubernetes.io/zone": name},
        )

    def pass_of(self, replicas: Ints) -> tuple[int, dict[str, str]]:
        """Let the scheduler place all pods in a shuffled order; return how many came and wait."""
        counts = np.where(replicas > 0, replicas + self.problem.surge_replicas, 0)
        order = self.rng.permutation(np.repeat(np.arange(counts.size), counts))
        return order.size, self.pending(order)

    def pending(self, order: Ints) -> dict[str, str]:
        """Let the scheduler place pods of these services one after another; return what waits."""
        verdict = self.scheduling.place(self.pods[service] for service in order)
        assert len(verdict.bound) + len(verdict.pending) == order.size
        return verdict.pending

    def fits(self, replicas: Ints) -> None:
        came, pending = self.pass_of(replicas)
        assert not pending, (self.problem.axes.regions[self.region], replicas, came, pending)

    def does_not_fit(self, replicas: Ints) -> None:
        _, pending = self.pass_of(replicas)
        assert pending, (self.problem.axes.regions[self.region], replicas)
        for reason in pending.values():
            assert any(words in reason for words in REASONS), reason

    def limits(self, planned: Ints, limits: ReplicaLimits) -> None:
        """Try both limits of every service that runs."""
        assert planned.any()
        for service in np.flatnonzero(planned):
            trial = planned.copy()
            trial[service] = limits.guaranteed[service, self.region]
            if trial[service] > 0:
                self.fits(trial)
            trial[service] = limits.at_best[service, self.region] + 1
            self.does_not_fit(trial)


def taiwan_problem() -> tuple[Problem, Ints]:
    problem = build_problem(PLAN.scenario, failure_states(PLAN.scenario))
    return problem, solution_of(problem, PLAN).replicas


@pytest.mark.parametrize("region", PLAN.active_regions)
def test_every_planned_pod_is_bound_in_any_order_and_no_limit_is_passed(
    region: str, scheduling: Scheduling
) -> None:
    problem, replicas = taiwan_problem()
    index = problem.axes.regions.index(region)
    planned, stated = replicas[:, index], packing_statement(problem, replicas)
    judge = Judge(scheduling, problem, index, taiwan_pods())
    judge.lose(one_of_each=False)
    for _ in range(ORDERS):
        judge.fits(planned)
    judge.limits(planned, stated.whole)
    judge.lose(one_of_each=True)
    if problem.survive_server_loss:
        judge.fits(planned)
    judge.limits(planned, stated.server_lost)


def with_two_pools(plan: Plan) -> Plan:
    """Return the plan with other servers in Singapore: two of the edge's and a large one."""
    regions = dict(plan.scenario.regions)
    pool = regions["singapore"].pools["edge"]
    pools = {
        "edge": pool.model_copy(update={"servers": 2}),
        "large": pool.model_copy(update={"server_type": "edge-32c", "servers": 1}),
    }
    regions["singapore"] = regions["singapore"].model_copy(update={"pools": pools})
    scenario = plan.scenario.model_copy(update={"regions": regions})
    return plan.model_copy(update={"scenario": scenario})


def in_state(problem: Problem, left: Floats) -> Problem:
    """Return the problem with the part of each pool's servers that a state leaves."""
    servers = np.floor(left * problem.pools.servers + 1e-9).astype(np.int64)
    return replace(
        problem,
        pools=replace(problem.pools, servers=servers),
        survive_server_loss=False,
        surge_replicas=np.zeros_like(problem.surge_replicas),
    )


@pytest.mark.parametrize(
    ("plan", "region"),
    [
        *((PLAN, region) for region in PLAN.active_regions),
        (with_two_pools(PLAN), "singapore"),
    ],
    ids=[*PLAN.active_regions, "two pools"],
)
def test_where_a_state_takes_servers_what_is_said_to_survive_fits(
    plan: Plan, region: str, scheduling: Scheduling
) -> None:
    states = failure_states(plan.scenario, order=1, kinds=["pool"])
    problem = build_problem(plan.scenario, states)
    planned, index = solution_of(problem, plan).replicas, problem.axes.regions.index(region)
    survive = surviving_replicas(problem, np.repeat(planned[None], len(states.names), axis=0))
    pools = problem.pools.region == index
    hit = np.flatnonzero((states.server_share[:, pools] < 1).any(axis=1))
    assert hit.size >= 1
    for state in hit:
        case = in_state(problem, states.server_share[state])
        if not case.pools.servers[pools].any():
            assert not survive[state, :, index].any()
            continue
        judge = Judge(scheduling, case, index, taiwan_pods())
        judge.set_up(case)
        kept = survive[state, :, index]
        assert kept.any()
        for _ in range(2):
            judge.fits(kept)
        # What no packing holds beside them, the scheduler does not bind either.
        largest = int(np.argmax(kept))
        trial = kept.copy()
        trial[largest] = packing_statement(case, survive[state]).whole.at_best[largest, index] + 1
        judge.does_not_fit(trial)


SMALL, BIG = 0, 1


def two_servers() -> Problem:
    """Return two servers of 10 cores, where two pods of 5 cores and one of 10 have to run."""
    problem = random_problem(1, services=2, regions=1, hours=1, order=0, max_replicas=4)
    pools = NodePools(
        region=np.zeros(1, np.int64),
        cpu_cores=np.array([10.0]),
        memory_gib=np.array([64.0]),
        pods=np.array([110.0]),
        servers=np.array([2]),
        server_cost_usd_month=np.zeros(1),
        names=("r0/main",),
    )
    return replace(
        problem,
        packing="at_best",
        pools=pools,
        survive_server_loss=False,
        cpu_cores=np.array([5.0, 10.0]),
        memory_gib=np.ones(2),
        surge_replicas=np.zeros(2, np.int64),
        min_replicas=np.array([[2], [1]]),
        demand_rps=np.ones_like(problem.demand_rps),
    )


def test_a_plan_packed_at_best_is_bound_largest_first_and_in_no_order_with_one_more(
    scheduling: Scheduling,
) -> None:
    problem = two_servers()
    with pytest.raises(Infeasible):
        solve(replace(problem, packing="guaranteed"), gap=0.0, time_limit_s=60.0, seed=0)
    plan = solve(problem, gap=0.0, time_limit_s=60.0, seed=0)
    assert plan.replicas.tolist() == [[2], [1]]
    assert any("start with the largest" in note for note in plan.notes)
    judge = Judge(scheduling, problem, 0, random_pods(problem))
    judge.lose(one_of_each=False)
    assert not judge.pending(np.array([BIG, SMALL, SMALL]))
    # The scheduler spreads what is small: on two servers each has then no room for the large pod.
    waits = judge.pending(np.array([SMALL, SMALL, BIG]))
    assert list(waits) == ["pod-2"]
    assert "Insufficient cpu" in waits["pod-2"]
    for place in range(4):
        assert judge.pending(np.insert([SMALL] * 3, place, BIG))


@pytest.mark.parametrize("seed", range(20))
def test_limits_of_random_pools_are_the_schedulers_too(seed: int, scheduling: Scheduling) -> None:
    problem = in_kubernetes_units(random_problem(seed, max_replicas=8))
    rng = np.random.default_rng(seed)
    bound = replica_bounds(problem, packing_limits(problem))
    replicas = np.minimum(rng.integers(1, 4, bound.shape), bound)
    region = int(np.argmax(replicas.sum(axis=0)))
    stated = packing_statement(problem, replicas)
    judge = Judge(scheduling, problem, region, random_pods(problem))
    judge.lose(one_of_each=bool(seed % 2))
    judge.limits(replicas[:, region], stated.server_lost if seed % 2 else stated.whole)
