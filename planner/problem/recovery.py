"""How long everything takes after a failure, read from the scenario.

DNS notices, publishes and drains; the federation's controller divides replicas anew, once its
control plane runs; storage is promoted; replicas start and warm up; clients give up and try again.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from planner.model.policy import Federation
from planner.model.scenario import Scenario
from planner.model.workload import Autoscaler, ColdCache, Retries, Service
from planner.problem.arrays import Floats, Ints

KUBEFED_REDIVISION_S = 64.0
"""Measured on live control planes: 1 s until the cluster is not Ready (refused connections; 7 s if
it hangs), 63 s more until an object that nobody touches is divided anew; 64 to 73 s in all."""

KARMADA_REDIVISION_S = {"off": np.inf, "on": 37.0, "tuned": 12.0}
"""Measured likewise, a member killed: never as installed, 37.4 s with its four switches, 12.0 s
with shorter timers too."""

KUBEFED_READY_S = 7.0
"""Measured: a returning cluster is Ready after 4.8 to 10 s."""

KUBEFED_RESTORED_S = 13.0
"""Measured: the original division stands 13 s after the returning cluster is Ready."""

KUBEFED_RECREATED_SHARE = 55 / 65
"""Measured: part of the workloads that KubeFed deletes and creates anew when a cluster returns that
had hung; 3 of 61 if it had been killed.  A region that drops off the network looks hung."""

KUBEFED_GAP_S = 3.0
"""Measured: seconds for which such a workload is gone, before its replicas start."""

KARMADA_READY_S = {"off": 35.0, "on": 35.0, "tuned": 16.0}
"""Measured: a returning cluster is Ready after 33 to 38 s, 16 s with shorter timers."""

KARMADA_DOUBLE_S = 160.0
"""Measured after an outage of three minutes: for so long after the cluster is Ready old pods run on
beside those that replaced them (deletions are tried again with growing pauses, up to 1000 s)."""


@dataclass(frozen=True)
class Steering:
    """How DNS follows the health of regions; times in seconds.

    Attributes
    ----------
    check_interval_s : float
        Between two checks.
    check_failures, check_successes : int
        Checks in a row after which a region is down, or up again.
    check_timeout_s : float
        Until a check has failed.
    publication_s : float
        Until name servers give the new answer.
    ttl_s : float
        Time to live of an answer; 0 for a balancer that steers each request.
    violation_share : float
        Share of requests whose resolvers keep answers beyond it.
    violation_s : float
        Mean time by which they do.
    spill_over : bool
        Whether what a region turns away goes on to the next of its order.
    """

    check_interval_s: float
    check_failures: int
    check_successes: int
    check_timeout_s: float
    publication_s: float
    ttl_s: float
    violation_share: float
    violation_s: float
    spill_over: bool

    @property
    def detection_s(self) -> float:
        """Mean seconds until a lost region is seen to be down, I·(k − 1/2) + timeout."""
        return self.check_interval_s * (self.check_failures - 0.5) + self.check_timeout_s

    @property
    def return_detection_s(self) -> float:
        """Mean seconds until a region that is back is seen to be up, I·(k − 1/2)."""
        return self.check_interval_s * (self.check_successes - 0.5)


@dataclass(frozen=True)
class Control:
    """The federation's controller; regions are indices, times are seconds.

    Attributes
    ----------
    controller : {'kubefed', 'karmada'}
        Which one.
    host, standby : int
        Region of the control plane, and the one that takes it over; -1 for none.
    redivision_s : float
        From a loss until replicas are divided anew; inf for never.
    takeover_s, rejoin_s : float
        Until the standby's control plane runs, and until it has joined the clusters again.
    ready_s : float
        From a region's return until its cluster is Ready.
    restored_s : float
        From then until replicas are divided as before; inf where they stay where they went.
    recreated_share : float
        Part of the returning region's replicas that is deleted and created anew.
    gap_s : float
        Seconds for which those are gone before they start.
    double_s : float
        Seconds for which old pods run beside those that replaced them.
    """

    controller: Literal["kubefed", "karmada"]
    host: int
    standby: int
    redivision_s: float
    takeover_s: float
    rejoin_s: float
    ready_s: float
    restored_s: float
    recreated_share: float
    gap_s: float
    double_s: float


@dataclass(frozen=True)
class Recovery:
    """What the hour after a failure is made of; rows are services.

    Attributes
    ----------
    steering : Steering
        Health checks and DNS.
    control : Control
        The federation's controller.
    promotion_s : ndarray, shape (S,)
        Seconds from the loss of a home region until the next one serves.
    startup_s : ndarray, shape (S,)
        Seconds until a new replica is ready.
    connection_lifetime_s : ndarray, shape (S,)
        Mean life of a connection that a drain leaves open, seconds.
    timeout_s : ndarray, shape (S,)
        Seconds after which clients give up; NaN where what exceeds a region is turned away at once.
    retry_attempts : ndarray of int, shape (S,)
        Most retries of one request.
    retry_budget_share : ndarray, shape (S,)
        Most retries in a second, as a part of first attempts.
    backoff_s : ndarray, shape (S,)
        Seconds before a retry.
    cold_factor, warm_s : ndarray, shape (S,)
        Service time over the normal one while caches are cold, and how long they are; 1 and 0 for
        none.
    autoscaler_target_share : ndarray, shape (S,)
        Utilisation that the autoscaler aims at; NaN for none.
    autoscaler_sync_s : ndarray, shape (S,)
        Seconds between two looks of it.
    """

    steering: Steering
    control: Control
    promotion_s: Floats
    startup_s: Floats
    connection_lifetime_s: Floats
    timeout_s: Floats
    retry_attempts: Ints
    retry_budget_share: Floats
    backoff_s: Floats
    cold_factor: Floats
    warm_s: Floats
    autoscaler_target_share: Floats
    autoscaler_sync_s: Floats

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                value.flags.writeable = False


def recovery(scenario: Scenario) -> Recovery:
    """Return how long everything takes after a failure.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario.

    Returns
    -------
    Recovery
        Seconds, shares and factors.

    Notes
    -----
    With ``steering: adaptive`` a balancer steers each request: it checks health as DNS does, but
    no answer has to expire, so `ttl_s` and `violation_share` are 0.  Where the scenario does not
    say how long a controller takes to divide replicas anew, it is as measured: KubeFed 64 s, with
    or without `rebalance` (without it, it still places what is missing); Karmada never, 37 s with
    its switches, 12 s tuned.

    Examples
    --------
    Three checks 10 s apart with a timeout of 2 s take 27 s on average, publication 5 s more.

    >>> from planner.io.scenarios import read_scenario
    >>> found = recovery(read_scenario("taiwan"))
    >>> found.steering.detection_s + found.steering.publication_s
    32.0
    >>> found.control.redivision_s, found.control.host, found.control.standby
    (64.0, 0, 2)
    """
    services = list(scenario.services.values())
    retries = [service.retries or Retries(attempts=1) for service in services]
    cold = [service.cold_cache or ColdCache(factor=1.0, warm_s=1.0) for service in services]
    scaling = [service.autoscaler for service in services]
    return Recovery(
        steering=_steering(scenario),
        control=_control(scenario.federation, tuple(scenario.regions)),
        promotion_s=np.array([service.promotion_s for service in services]),
        startup_s=np.array([service.startup_s for service in services]),
        connection_lifetime_s=np.array([service.connection_lifetime_s for service in services]),
        timeout_s=np.array([_timeout_s(service) for service in services]),
        retry_attempts=np.array([s.retries.attempts if s.retries else 0 for s in services]),
        retry_budget_share=np.array([retry.budget_share for retry in retries]),
        backoff_s=np.array([retry.backoff_s for retry in retries]),
        cold_factor=np.array([cache.factor for cache in cold]),
        warm_s=np.array(
            [c.warm_s if s.cold_cache else 0.0 for c, s in zip(cold, services, strict=True)]
        ),
        autoscaler_target_share=np.array([a.target_share if a else np.nan for a in scaling]),
        autoscaler_sync_s=np.array([(a or Autoscaler()).sync_s for a in scaling]),
    )


def _timeout_s(service: Service) -> float:
    """Return the seconds after which clients give up, NaN for never."""
    return np.nan if service.timeout_ms is None else service.timeout_ms / 1000.0


def _steering(scenario: Scenario) -> Steering:
    """Read health checks and DNS; a balancer has no answers that expire."""
    dns, static = scenario.dns, scenario.policy.steering == "static"
    return Steering(
        check_interval_s=dns.check_interval_s,
        check_failures=dns.check_failures,
        check_successes=dns.check_successes,
        check_timeout_s=dns.check_timeout_s,
        publication_s=dns.publication_s,
        ttl_s=float(dns.ttl_s) if static else 0.0,
        violation_share=dns.ttl_violation_share if static else 0.0,
        violation_s=dns.ttl_violation_s,
        spill_over=dns.spill_over,
    )


def _control(federation: Federation, regions: tuple[str, ...]) -> Control:
    """Read the controller; what the scenario does not say is as measured."""
    kubefed, mode = federation.controller == "kubefed", federation.karmada_failover
    measured = KUBEFED_REDIVISION_S if kubefed else KARMADA_REDIVISION_S[mode]
    standby = federation.standby_region
    return Control(
        controller=federation.controller,
        host=regions.index(federation.host_region),
        standby=-1 if standby is None else regions.index(standby),
        redivision_s=measured if federation.redivision_s is None else federation.redivision_s,
        takeover_s=federation.takeover_s,
        rejoin_s=federation.rejoin_s,
        ready_s=KUBEFED_READY_S if kubefed else KARMADA_READY_S[mode],
        restored_s=KUBEFED_RESTORED_S if kubefed else np.inf,
        recreated_share=KUBEFED_RECREATED_SHARE if kubefed else 0.0,
        gap_s=KUBEFED_GAP_S if kubefed else 0.0,
        double_s=0.0 if kubefed else KARMADA_DOUBLE_S,
    )
