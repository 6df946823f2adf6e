"""The problem as aligned arrays, and a solution of it.

Axes, always in this order: ``S`` services, ``O`` origins, ``R`` regions, ``L`` links, ``H`` hours,
``K`` failure states; besides them ``P`` points of an origin, ``N`` node pools, ``C`` order columns
and ``D`` places in an order.  State 0 is the normal one, everything up.

What is decided: integer replicas ``n[s, r]`` and, for every host name and origin, shares over
ordered lists of regions.  What must hold, in every promised state ``k`` and every hour ``h``:

- each region that is up carries at most
  ``rps_per_replica[s, r] · ceiling · n[s, r]`` of each service (normal ceiling in state 0,
  emergency ceiling in all others) and at most `uplink_gbps` over all services;
- a share's demand goes to the first region of its order that is up in ``k``, for all services of
  the host together; that region must be admissible for each of them in ``k``;
- ``min_replicas ≤ n ≤ max_replicas`` where a service runs, else 0; pinned services run;
- the pods fit the pools by the packing limit asked for (`planner.problem.packing`).

What is minimised, US dollars a month::

    Σ_r fixed_cost[r]·active[r] + Σ_sr cost[s, r]·n[s, r] + usd_per_ms·mean_latency_ms
    + usd_per_lost_request · 730 · 3600 · Σ_k probability[k] · mean_h unserved_rps[k, h]

where ``mean_latency_ms`` weights `latency_ms` (normal state) with demand, and ``unserved_rps`` is
the demand that finds no admissible surviving region in its order, plus what exceeds a survivor's
emergency capacity; it is zero in promised states.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from planner.model.policy import DnsRules
from planner.model.scenario import Scenario
from planner.problem.conditions import Conditions
from planner.problem.vector_packing import PackingCut

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Axes:
    """The names along each axis.

    Attributes
    ----------
    services, origins, regions : tuple of str
        Names along ``S``, ``O`` and ``R``, in the scenario's order.
    hours : tuple of int
        Hours of the day in UTC along ``H``.
    states : tuple of str
        Failure states along ``K``, the normal one first.
    hosts : tuple of str
        Host names, in the order in which services name them.
    """

    services: tuple[str, ...]
    origins: tuple[str, ...]
    regions: tuple[str, ...]
    hours: tuple[int, ...]
    states: tuple[str, ...]
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class NodePools:
    """Node pools, all regions in one table of ``N`` rows.

    Attributes
    ----------
    region : ndarray of int, shape (N,)
        Index of the region.
    cpu_cores, memory_gib, pods : ndarray, shape (N,)
        Allocatable per server: Kubernetes CPUs, GiB, pods.
    servers : ndarray of int, shape (N,)
        Number of servers.
    server_cost_usd_month : ndarray, shape (N,)
        Price of one server, US dollars a month.
    names : tuple of str
        ``region/pool``.
    """

    region: Ints
    cpu_cores: Floats
    memory_gib: Floats
    pods: Floats
    servers: Ints
    server_cost_usd_month: Floats
    names: tuple[str, ...]


@dataclass(frozen=True)
class Queue:
    """What the queue at a region is made of, one row a service.

    Attributes
    ----------
    workers_per_replica : ndarray of int, shape (S,)
        Requests one replica serves at once.
    service_time_ms : ndarray, shape (S,)
        Mean time a request holds a worker, ms.
    arrival_cv2, service_cv2 : ndarray, shape (S,)
        Squared coefficients of variation.
    """

    workers_per_replica: Ints
    service_time_ms: Floats
    arrival_cv2: Floats
    service_cv2: Floats


@dataclass(frozen=True)
class Network:
    """What the network adds, before any queue.

    Attributes
    ----------
    point_rtt_ms : ndarray, shape (O, P, R)
        Median RTT of each of an origin's points (its largest cities), ms.
    point_share : ndarray, shape (O, P)
        Share of the origin's users at the point; rows sum to 1.
    region_rtt_ms : ndarray, shape (R, R)
        Median RTT between regions, ms; 0 on the diagonal.
    new_connection_share : ndarray, shape (S,)
        Share of requests that open a connection.
    setup_round_trips : ndarray, shape (S,)
        Round trips of a new connection before the request.
    jitter_factor, jitter_share : ndarray, shape (J,)
        Factors on the median RTT and their probabilities.
    """

    point_rtt_ms: Floats
    point_share: Floats
    region_rtt_ms: Floats
    new_connection_share: Floats
    setup_round_trips: Floats
    jitter_factor: Floats
    jitter_share: Floats


@dataclass(frozen=True)
class Problem:
    """The scenario as numbers: frozen, aligned, read-only.

    Attributes
    ----------
    axes : Axes
        Names along the axes.
    host_of_service : ndarray of int, shape (S,)
        Index of the host name a service stands behind; services of one host steer as one.
    demand_rps : ndarray, shape (S, O, H)
        Requests per second.
    rtt_ms : ndarray, shape (O, R)
        Median round trip, ms, mean over the origin's points.
    state_rtt_ms : ndarray, shape (K, O, R)
        The same in each failure state; inf where the path is cut.
    latency_ms : ndarray, shape (S, O, R)
        Mean of network and home calls in the normal state, ms.
    region_up : ndarray of bool, shape (K, R)
        Whether the region is up.
    must_survive : ndarray of bool, shape (K,)
        Whether the policy promises the state; state 0 always.
    state_probability : ndarray, shape (K,)
        Probability of the state; the sum may be below 1.
    home_share : ndarray, shape (S,)
        Share of calls that must reach the home region.
    home_region : ndarray of int, shape (K, S)
        Region whose storage serves those calls in the state; -1 where none is left or needed.
    admissible : ndarray of bool, shape (S, O, R)
        Whether the region may serve the origin in the normal state.
    state_admissible : ndarray of bool, shape (K, S, O, R)
        Whether it may in each state (emergency limit in all but state 0); False where down.
    limit_ms, emergency_limit_ms : ndarray, shape (S,)
        Promised 95th percentiles, ms.
    rps_per_replica : ndarray, shape (S, R)
        Requests per second one replica completes at full utilisation.
    ceiling_normal_share, ceiling_emergency_share : float
        Highest utilisation in state 0 and in all others.
    cpu_cores, memory_gib : ndarray, shape (S,)
        Requests of one replica: Kubernetes CPUs, GiB.
    surge_replicas : ndarray of int, shape (S,)
        Extra replicas while a service is rolled out.
    pools : NodePools
        Node pools of all regions.
    survive_server_loss : bool
        Whether the pods must fit with one server of each pool lost.
    uplink_gbps : ndarray, shape (R,)
        Capacity towards users, Gbit/s.
    payload_kib : ndarray, shape (S,)
        Mean response size, KiB.
    min_replicas, max_replicas : ndarray of int, shape (S, R)
        Bounds where the service runs; max 0 where it may not.
    pinned : ndarray of bool, shape (S, R)
        Whether it must run there.
    cost_usd_month : ndarray, shape (S, R)
        Cost of one replica, US dollars a month.
    fixed_cost_usd_month : ndarray, shape (R,)
        Cost of a region where anything runs, US dollars a month.
    usd_per_ms : float
        US dollars a month for each ms of demand-weighted mean latency.
    usd_per_lost_request : float
        US dollars for each request not served.
    steering : {'static', 'adaptive'}
        Whether DNS steers (shares and orders) or a balancer re-routes in each state.
    split_origins : bool
        Whether shares may be fractions.
    queue : Queue
        The server's part of latency.
    network : Network
        The network's part of latency.
    state_region_rtt_ms : ndarray, shape (K, R, R), or None
        Round trips between regions in each state, ms, inf where the path is cut; None where they
        are those of `network` in every state.
    conditions : Conditions or None
        What else a failure state changes; None where only regions are lost.
    scenario : Scenario or None
        Where the numbers came from; None for problems made of bare arrays.
    warnings : tuple of str
        What the builder noticed.
    rules : DnsRules or None
        What the DNS target can say about an origin; None for shares and orders at will.
    packing : {'guaranteed', 'at_best'}
        Whether pods must fit in any order of arrival, or if somebody packs them perfectly.
    packing_cuts : tuple of PackingCut, or None
        What a step of a search knows of perfect packing; None: pods are really packed.
    """

    axes: Axes
    host_of_service: Ints
    demand_rps: Floats
    rtt_ms: Floats
    state_rtt_ms: Floats
    latency_ms: Floats
    region_up: Bools
    must_survive: Bools
    state_probability: Floats
    home_share: Floats
    home_region: Ints
    admissible: Bools
    state_admissible: Bools
    limit_ms: Floats
    emergency_limit_ms: Floats
    rps_per_replica: Floats
    ceiling_normal_share: float
    ceiling_emergency_share: float
    cpu_cores: Floats
    memory_gib: Floats
    surge_replicas: Ints
    pools: NodePools
    survive_server_loss: bool
    uplink_gbps: Floats
    payload_kib: Floats
    min_replicas: Ints
    max_replicas: Ints
    pinned: Bools
    cost_usd_month: Floats
    fixed_cost_usd_month: Floats
    usd_per_ms: float
    usd_per_lost_request: float
    steering: Literal["static", "adaptive"]
    split_origins: bool
    queue: Queue
    network: Network
    state_region_rtt_ms: Floats | None = None
    conditions: Conditions | None = None
    scenario: Scenario | None = None
    warnings: tuple[str, ...] = ()
    rules: DnsRules | None = None
    packing: Literal["guaranteed", "at_best"] = "guaranteed"
    packing_cuts: tuple[PackingCut, ...] | None = None

    def __post_init__(self) -> None:
        for noun in (self, self.pools, self.queue, self.network):
            for field in fields(noun):
                value = getattr(noun, field.name)
                if isinstance(value, np.ndarray):
                    value.flags.writeable = False

    def region_rtt_ms(self, state: int) -> Floats:
        """Return the round trips between regions in a state.

        Parameters
        ----------
        state : int
            Failure state.

        Returns
        -------
        ndarray, shape (R, R)
            Milliseconds, inf where the path is cut.
        """
        if self.state_region_rtt_ms is None:
            return self.network.region_rtt_ms
        rtt: Floats = self.state_region_rtt_ms[state]
        return rtt

    @property
    def ceiling_share(self) -> Floats:
        """Highest utilisation in each state, shape (K,)."""
        ceiling = np.full(len(self.axes.states), self.ceiling_emergency_share)
        ceiling[0] = self.ceiling_normal_share
        return ceiling


@dataclass(frozen=True)
class Solution:
    """What was decided, as arrays.

    Attributes
    ----------
    replicas : ndarray of int, shape (S, R)
        Replicas.
    host, origin : ndarray of int, shape (C,)
        Index of the host name and of the origin of each order column in use.
    order : ndarray of int, shape (C, D)
        Regions in order of preference, padded with -1.
    share : ndarray, shape (C,)
        Part of the origin's demand that follows the order; sums to 1 for a host and origin.
    routing : ndarray, shape (S, O, R, H), or None
        Adaptive steering only: part of each origin's demand served by each region, normal state.
    objective, bound : float
        US dollars a month; `bound` is proven.
    status : {'optimal', 'limit'}
        Whether the gap asked for was reached.
    solver : str
        Solver and its version.
    seed : int
        Its random seed.
    seconds : float
        Wall time; never written to a plan.
    notes : tuple of str
        What the reader of a plan should know of how it was found.
    """

    replicas: Ints
    host: Ints
    origin: Ints
    order: Ints
    share: Floats
    routing: Floats | None
    objective: float
    bound: float
    status: Literal["optimal", "limit"]
    solver: str
    seed: int
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def gap(self) -> float:
        """(objective − bound) / |objective|, not below 0."""
        return max(0.0, self.objective - self.bound) / max(abs(self.objective), 1e-9)
