"""From a scenario and its failure states to arrays: names meet axes here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.failures.known import FailureStates
from planner.latency.validity import queueing_warnings
from planner.model.policy import PRESETS, DnsRules
from planner.model.quantity import gib
from planner.model.scenario import Scenario
from planner.problem.admissibility import Requests, admissible_states
from planner.problem.arrays import Axes, Bools, Floats, Ints, NodePools, Problem, Queue
from planner.problem.costs import replica_cost_usd_month, server_cost_usd_month
from planner.problem.demand import demand_rps
from planner.problem.roundtrips import RoundTrips, round_trips
from planner.problem.situations import state_conditions
from planner.problem.sizes import refuse_large


@dataclass(frozen=True)
class _Services:
    """What the services ask for, one row each."""

    host: Ints
    requests: Requests
    limit_ms: Floats
    emergency_limit_ms: Floats
    cpu_cores: Floats
    memory_gib: Floats
    surge_replicas: Ints
    payload_kib: Floats
    max_replicas: Ints
    pinned: Bools


def build_problem(scenario: Scenario, states: FailureStates) -> Problem:
    """Turn a scenario and its failure states into aligned arrays.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario.
    states : FailureStates
        Its failure states; state 0 is the normal one.

    Returns
    -------
    Problem
        Everything the optimiser and the simulator need.

    Raises
    ------
    ValueError
        If the scenario was not checked and names a demand curve that does not exist, or if the
        arrays of so many states would not fit.

    Notes
    -----
    Promised states in which home calls find no home are struck from what is admissible, so that the
    optimiser says so instead of losing them.

    Examples
    --------
    >>> from planner.failures.states import failure_states
    >>> from planner.io.scenarios import read_scenario
    >>> scenario = read_scenario("taiwan")
    >>> problem = build_problem(scenario, failure_states(scenario))
    >>> problem.demand_rps.shape
    (3, 47, 24)
    """
    refuse_large(states)
    axes = _axes(scenario, states)
    demand, trips = demand_rps(scenario), round_trips(scenario, states)
    home = _home_regions(scenario, axes, states)
    services, policy = _services(scenario, axes), scenario.policy
    requests, cpu, memory = services.requests, services.cpu_cores, services.memory_gib
    allowed = _allowed(scenario, axes)
    admissible = _admissible(scenario, states, services, trips, home, allowed)
    pools = _pools(scenario, axes)
    usd_per_ms, usd_per_lost, factor = _weights(scenario)
    fixed = np.array([r.fixed_cost_usd_month for r in scenario.regions.values()])
    return Problem(
        axes=axes,
        host_of_service=services.host,
        demand_rps=demand,
        rtt_ms=trips.mean_ms[0].copy(),
        state_rtt_ms=trips.mean_ms[trips.situation],
        latency_ms=_latency(requests.home_share, trips, home),
        region_up=states.region_up.copy(),
        must_survive=states.must_survive.copy(),
        state_probability=states.probability.copy(),
        home_share=requests.home_share,
        home_region=home,
        admissible=admissible[0].copy(),
        state_admissible=admissible,
        limit_ms=services.limit_ms,
        emergency_limit_ms=services.emergency_limit_ms,
        rps_per_replica=requests.rps_per_replica,
        ceiling_normal_share=policy.ceiling_normal_share,
        ceiling_emergency_share=policy.ceiling_emergency_share,
        cpu_cores=cpu,
        memory_gib=memory,
        surge_replicas=services.surge_replicas,
        pools=pools,
        survive_server_loss=policy.survive_server_loss,
        uplink_gbps=np.array([r.uplink_gbps for r in scenario.regions.values()]),
        payload_kib=services.payload_kib,
        min_replicas=requests.min_replicas.copy(),
        max_replicas=services.max_replicas,
        pinned=services.pinned,
        cost_usd_month=factor * replica_cost_usd_month(pools, len(axes.regions), cpu, memory),
        fixed_cost_usd_month=factor * fixed,
        usd_per_ms=usd_per_ms,
        usd_per_lost_request=usd_per_lost,
        steering=policy.steering,
        split_origins=policy.split_origins,
        queue=requests.queue,
        network=trips.network,
        state_region_rtt_ms=trips.region_rtt_ms,
        conditions=state_conditions(scenario, states, trips, allowed),
        scenario=scenario,
        warnings=(*trips.warnings, *_queue_warnings(scenario)),
        rules=_dns_rules(scenario),
        packing=policy.packing or "guaranteed",
    )


def _axes(scenario: Scenario, states: FailureStates) -> Axes:
    """Name the axes; hosts in the order in which services name them."""
    return Axes(
        services=tuple(scenario.services),
        origins=tuple(scenario.origins),
        regions=tuple(scenario.regions),
        hours=tuple(scenario.calendar.hours_utc),
        states=states.names,
        hosts=tuple(dict.fromkeys(s.host for s in scenario.services.values())),
    )


def _services(scenario: Scenario, axes: Axes) -> _Services:
    """Gather what the services ask for."""
    services = list(scenario.services.values())
    limits, emergency = _limits(scenario)
    return _Services(
        host=np.array([axes.hosts.index(s.host) for s in services], np.int64),
        requests=_requests(scenario, axes),
        limit_ms=limits,
        emergency_limit_ms=emergency,
        cpu_cores=np.array([float(s.cpu.value) for s in services]),
        memory_gib=np.array([gib(s.memory) for s in services]),
        surge_replicas=np.array([s.surge_replicas for s in services], np.int64),
        payload_kib=np.array([s.payload_kib for s in services]),
        max_replicas=_replica_bounds(scenario, axes)[1],
        pinned=np.array([[r in s.pinned_regions for r in axes.regions] for s in services]),
    )


def _admissible(
    scenario: Scenario,
    states: FailureStates,
    services: _Services,
    trips: RoundTrips,
    home: Ints,
    allowed: Bools,
) -> Bools:
    """Return which regions may serve which origins in each state, homeless services struck."""
    policy = scenario.policy
    admissible = admissible_states(
        trips.network,
        services.requests,
        allowed=allowed,
        region_up=states.region_up,
        home_region=home,
        situation=trips.situation,
        point_rtt_ms=trips.point_rtt_ms,
        region_rtt_ms=trips.region_rtt_ms,
        limit_ms=services.limit_ms,
        emergency_limit_ms=services.emergency_limit_ms,
        ceilings=(policy.ceiling_normal_share, policy.ceiling_emergency_share),
    )
    _strike_homeless(scenario, states, home, admissible)
    admissible[~states.service_up] = False
    return admissible


def _requests(scenario: Scenario, axes: Axes) -> Requests:
    """Read the queues."""
    services = list(scenario.services.values())
    queue = Queue(
        workers_per_replica=np.array([s.workers_per_replica for s in services], np.int64),
        service_time_ms=np.array([s.service_time_ms for s in services]),
        arrival_cv2=np.array([s.arrival_cv2 for s in services]),
        service_cv2=np.array([s.service_cv2 for s in services]),
    )
    rate = queue.workers_per_replica * 1000.0 / queue.service_time_ms
    low, _ = _replica_bounds(scenario, axes)
    return Requests(
        queue=queue,
        home_share=np.array([s.home_share for s in services]),
        rps_per_replica=np.repeat(rate[:, None], len(axes.regions), axis=1),
        min_replicas=low,
    )


def _replica_bounds(scenario: Scenario, axes: Axes) -> tuple[Ints, Ints]:
    """Return least and largest replicas by service and region."""
    low = np.array([[s.min_replicas for _ in axes.regions] for s in scenario.services.values()])
    high = [
        [
            s.max_replicas if s.allowed_regions is None or r in s.allowed_regions else 0
            for r in axes.regions
        ]
        for s in scenario.services.values()
    ]
    return low.astype(np.int64), np.array(high, np.int64)


def _limits(scenario: Scenario) -> tuple[Floats, Floats]:
    """Return the promised 95th percentiles, normal and emergency."""
    objectives = [s.objective for s in scenario.services.values()]
    return (
        np.array([o.p95_ms for o in objectives]),
        np.array([o.emergency_p95_ms for o in objectives]),
    )


def _allowed(scenario: Scenario, axes: Axes) -> Bools:
    """Return what residency and the services' own lists allow, shape (S, O, R)."""
    allowed = np.ones((len(axes.services), len(axes.origins), len(axes.regions)), bool)
    for s, (name, service) in enumerate(scenario.services.items()):
        if service.allowed_regions is not None:
            allowed[s] &= np.array([r in service.allowed_regions for r in axes.regions])
        for o, origin in enumerate(scenario.origins.values()):
            if name in origin.residency:
                allowed[s, o] &= np.array([r in origin.residency[name] for r in axes.regions])
    return allowed


def _home_regions(scenario: Scenario, axes: Axes, states: FailureStates) -> Ints:
    """Return the first surviving home region of each state and service, -1 where none."""
    home = np.full((len(states.names), len(axes.services)), -1, np.int64)
    for s, service in enumerate(scenario.services.values()):
        if service.home_share <= 0:
            continue
        for region in reversed([axes.regions.index(r) for r in service.home_regions]):
            home[states.region_up[:, region], s] = region
    return home


def _strike_homeless(
    scenario: Scenario, states: FailureStates, home: Ints, admissible: Bools
) -> None:
    """Strike promised states in which home calls find no home: that share would be unserved."""
    for s, service in enumerate(scenario.services.values()):
        lost = states.must_survive & (home[:, s] < 0) & (service.home_share > 0)
        admissible[lost, s] = False


def _latency(home_share: Floats, trips: RoundTrips, home: Ints) -> Floats:
    """Return the mean of network and home calls in the normal state, ms, shape (S, O, R)."""
    network = trips.network
    extra = 1 + network.new_connection_share * network.setup_round_trips
    jitter = float(network.jitter_factor @ network.jitter_share)
    way = np.where(home[0, :, None] >= 0, trips.region_rtt_ms[0][:, home[0]].T, 0.0)
    mean = extra[:, None, None] * trips.mean_ms[0] + (home_share[:, None] * way)[:, None, :]
    latency: Floats = jitter * mean
    return latency


def _pools(scenario: Scenario, axes: Axes) -> NodePools:
    """Put the node pools of all regions in one table."""
    table = [
        (axes.regions.index(name), f"{name}/{pool}", row, scenario.server_types[row.server_type])
        for name, region in scenario.regions.items()
        for pool, row in region.pools.items()
    ]
    return NodePools(
        region=np.array([r for r, *_ in table], np.int64),
        cpu_cores=np.array([kind.cpu_cores for *_, kind in table]),
        memory_gib=np.array([kind.memory_gib for *_, kind in table]),
        pods=np.array([float(kind.pods) for *_, kind in table]),
        servers=np.array([row.servers for _, _, row, _ in table], np.int64),
        server_cost_usd_month=np.array(
            [
                server_cost_usd_month(kind, scenario.regions[axes.regions[r]].price_region)
                for r, _, _, kind in table
            ]
        ),
        names=tuple(name for _, name, *_ in table),
    )


def _dns_rules(scenario: Scenario) -> DnsRules | None:
    """Return what the DNS target can say, None for shares and orders at will."""
    rules = scenario.dns.rules
    return None if rules is None or rules.kind == "any" else rules


def _queue_warnings(scenario: Scenario) -> tuple[str, ...]:
    """Name the services that vary more than the formulas of queues can tell."""
    services = scenario.services.values()
    return queueing_warnings(
        [s.arrival_cv2 for s in services],
        [s.service_cv2 for s in services],
        list(scenario.services),
    )


def _weights(scenario: Scenario) -> tuple[float, float, float]:
    """Return usd_per_ms, usd_per_lost_request and the factor on cost."""
    cost = scenario.cost
    if cost.preset is not None:
        factor, per_ms, per_lost = PRESETS[cost.preset]
        return per_ms, per_lost, factor
    return cost.usd_per_ms or 0.0, cost.usd_per_lost_request or 0.0, cost.cost_factor or 0.0
