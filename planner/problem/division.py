"""What the federation controller leaves running in each failure state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from planner.exporters import workload
from planner.exporters.divided_states import control_left
from planner.exporters.karmada import static_weights
from planner.exporters.preferences import preference_key, preferences
from planner.exporters.requirements import service_platform
from planner.federation.karmada import webster
from planner.federation.kubefed import Preference, divide
from planner.model.plan import Plan
from planner.problem.arrays import Bools, Ints, Problem
from planner.problem.deviations import Outcomes, sentences
from planner.problem.documents import solution_of


@dataclass(frozen=True)
class Division:
    """Replicas in each failure state, once the federation controller has acted.

    Attributes
    ----------
    replicas : ndarray of int, shape (K, S, R)
        What the controller leaves running; 0 where the region is down.
    fixed : ndarray of int, shape (K, S, R)
        The plan's replicas in the regions that are up, 0 in the others: what runs before the
        controller acts, and what the plan counts on.
    acts : ndarray of bool, shape (K,)
        Whether a controller runs that divides anew: False while the host is down and no standby
        region is up, and everywhere with Karmada's failover off.
    findings : tuple of str
        Where the controller does something else than the plan wants, one sentence for each
        service and kind of deviation, the worst state named.
    """

    replicas: Ints
    fixed: Ints
    acts: Bools
    findings: tuple[str, ...]

    def __post_init__(self) -> None:
        for array in (self.replicas, self.fixed, self.acts):
            array.flags.writeable = False


def divided_replicas(problem: Problem, plan: Plan) -> Division:
    """Divide the plan's replicas in every failure state as its federation controller would.

    The cluster of a lost region is not ready. KubeFed with `rebalance` divides the whole total over
    the clusters left, by the preferences as exported; without it, survivors keep what they run and
    only what is missing is placed. Karmada with failover divides the whole total over the clusters
    left by the planned weights (Webster); with its failover off nothing moves. Neither divides a
    service that an autoscaler or a Rollout in each cluster sets the replicas of.

    Parameters
    ----------
    problem : Problem
        Its failure states; `conditions`, where it has them, say whether the control plane runs.
    plan : Plan
        The plan; its own scenario says which controller, where, and with which switches.

    Returns
    -------
    Division
        Replicas with and without the controller, and the findings.

    Raises
    ------
    KeyError, ValueError
        If the plan belongs to another scenario than the problem.
    UnfaithfulExport
        If Karmada has no weight for a cluster with replicas.

    Notes
    -----
    The steady state: host lost and a standby named, the standby has taken over. Not looked at: a
    region that is up but that the host cannot reach (its pods go on running while its share is
    placed again), a region that has lost servers (it stays ready), KubeFed's second round once pods
    have been unschedulable for a minute, and what a region that returns gets. Karmada breaks ties
    by the UID of an object that does not exist yet; names in ascending order are taken, and a
    finding says where the other order would differ.

    References
    ----------
    kubernetes-retired/kubefed v0.10.0 and karmada-io/karmada v1.18.2, measured on live control
    planes: 5/3/2 became 7/3/– with KubeFed and 6/4/– with Karmada's failover.
    """
    planned = solution_of(problem, plan).replicas
    controller = _controller(plan)
    acts = _control_up(problem, plan) & controller.moves
    outcomes, group = _outcomes(problem, plan, planned, acts, controller)
    return Division(
        replicas=outcomes.replicas[group],
        fixed=outcomes.fixed[group],
        acts=acts,
        findings=sentences(problem, plan, outcomes),
    )


class _Controller(Protocol):
    """A federation controller with a plan's documents applied."""

    @property
    def moves(self) -> bool:
        """Whether it divides anew when a cluster is lost."""

    @property
    def tie_orders(self) -> tuple[bool, ...]:
        """Orders in which ties may fall: whether by descending name; more than one if unknown."""

    def listed(self, service: str) -> tuple[str, ...]:
        """Clusters that may run the service."""

    def divide(self, service: str, ready: tuple[str, ...], *, descending: bool) -> dict[str, int]:
        """Divide over those of the listed clusters that are ready."""


@dataclass(frozen=True)
class _KubeFed:
    """KubeFed with the exported preferences."""

    plan: Plan
    stated: dict[str, dict[str, Preference]]
    running: dict[str, dict[str, int]]
    moves: bool = True
    tie_orders: tuple[bool, ...] = (False,)

    def listed(self, service: str) -> tuple[str, ...]:
        return tuple(self.stated[service])

    def divide(self, service: str, ready: tuple[str, ...], *, descending: bool) -> dict[str, int]:
        """Divide by preferences; ties fall by the hash of the key."""
        replicas, _ = divide(
            self.plan.services[service].total,
            self.stated[service],
            ready,
            key=preference_key(self.plan, service),
            rebalance=self.plan.scenario.federation.rebalance,
            current=self.running[service],
        )
        return replicas


@dataclass(frozen=True)
class _Karmada:
    """Karmada with the exported static weights."""

    plan: Plan
    stated: dict[str, dict[str, int]]
    moves: bool
    tie_orders: tuple[bool, ...] = (False, True)

    def listed(self, service: str) -> tuple[str, ...]:
        return tuple(self.stated[service])

    def divide(self, service: str, ready: tuple[str, ...], *, descending: bool) -> dict[str, int]:
        """Divide by weights; names settle ties, in an order that the object's UID decides."""
        weights = {cluster: self.stated[service][cluster] for cluster in ready}
        if not weights:
            return {}
        return webster(self.plan.services[service].total, weights, descending=descending)


def _controller(plan: Plan) -> _Controller:
    """Return the controller that the plan's scenario names."""
    scenario, names = plan.scenario, tuple(plan.services)
    if scenario.federation.controller == "karmada":
        weights = {name: static_weights(plan, name) for name in names}
        return _Karmada(plan, weights, moves=scenario.federation.karmada_failover != "off")
    running = {n: workload.by_cluster(scenario, plan.services[n].replicas) for n in names}
    return _KubeFed(plan, {name: preferences(plan, name) for name in names}, running)


def _control_up(problem: Problem, plan: Plan) -> Bools:
    """Return in which states a control plane runs, at the host or at its standby; shape (K,)."""
    federation, regions = plan.scenario.federation, problem.axes.regions

    def is_up(region: str) -> Bools:
        if problem.conditions is not None and region == federation.host_region:
            return problem.conditions.control_up
        return problem.region_up[:, regions.index(region)]

    return control_left(federation, is_up)


def _outcomes(
    problem: Problem, plan: Plan, planned: Ints, acts: Bools, controller: _Controller
) -> tuple[Outcomes, Ints]:
    """Divide once for each distinct pair of survivors and `acts`; also say which each state has."""
    rows = np.column_stack([problem.region_up, acts])
    distinct, group = np.unique(rows, axis=0, return_inverse=True)
    group = group.reshape(-1)
    likeliest = np.lexsort((-problem.state_probability, group))
    _, first, counts = np.unique(group[likeliest], return_index=True, return_counts=True)
    region_up, redivided = distinct[:, :-1], distinct[:, -1]
    clusters = tuple(workload.cluster_of(plan.scenario, r) for r in problem.axes.regions)
    divider = _Divider(problem.axes.services, clusters, controller)
    replicas = planned * region_up[:, None, :]
    fixed, other = replicas.copy(), replicas.copy()
    moved = np.array([_is_divided(plan, name) for name in problem.axes.services])
    for row in np.flatnonzero(redivided):
        replicas[row, moved] = divider.rows(region_up[row])[moved]
        ties = divider.rows(region_up[row], descending=controller.tie_orders[-1])
        other[row, moved] = ties[moved]
    return (
        Outcomes(
            state=likeliest[first],
            states=counts,
            region_up=region_up,
            acts=redivided,
            planned=planned,
            fixed=fixed,
            replicas=replicas,
            other_ties=other,
        ),
        group,
    )


def _is_divided(plan: Plan, service: str) -> bool:
    """Whether the federation divides a service, as the export has it."""
    known = service_platform(plan, service)
    return not known.rollout and known.scaler != "member"


@dataclass(frozen=True)
class _Divider:
    """A controller over the problem's axes, asked once for each service and set of survivors."""

    services: tuple[str, ...]
    clusters: tuple[str, ...]
    controller: _Controller
    known: dict[tuple[str, tuple[str, ...], bool], Ints] = field(default_factory=dict)

    def rows(self, region_up: Bools, *, descending: bool = False) -> Ints:
        """Return replicas with these regions up, shape (S, R)."""
        return np.array([self._row(s, region_up, descending) for s in self.services])

    def _row(self, service: str, region_up: Bools, descending: bool) -> Ints:
        """Return the replicas of one service, shape (R,)."""
        up = {c for c, is_up in zip(self.clusters, region_up, strict=True) if is_up}
        ready = tuple(c for c in self.controller.listed(service) if c in up)
        key = (service, ready, descending)
        if key not in self.known:
            replicas = self.controller.divide(service, ready, descending=descending)
            row = [replicas.get(cluster, 0) for cluster in self.clusters]
            self.known[key] = np.array(row, np.int64)
        return self.known[key]
