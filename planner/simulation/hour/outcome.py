"""What a passage means for origins: requests lost and late, per second and in all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from planner.problem.arrays import Floats, Ints
from planner.simulation.hour.attempts import NEW, OLD, Passage, Scene
from planner.simulation.hour.cohorts import EVENT, NORMAL
from planner.simulation.hour.daytime import Daytime
from planner.simulation.hour.lateness import Lateness
from planner.simulation.hour.retries import lost_share
from planner.simulation.hour.stage import Stage

BLOCK = 1_000_000
"""Numbers of one array that are looked at in one go."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """Requests per second by origin and by service, and all requests.

    Attributes
    ----------
    offered_rps, slow_rps, failed_rps : ndarray, shape (T, O)
        First attempts of each origin; those served late, and those not served.
    service_offered_rps, service_slow_rps, service_failed_rps : ndarray, shape (T, S)
        The same of each service.
    offered, slow, failed : ndarray, shape (2, S, O)
        Requests over all steps, by `EVENT` and `NORMAL`.
    """

    offered_rps: Floats
    slow_rps: Floats
    failed_rps: Floats
    service_offered_rps: Floats
    service_slow_rps: Floats
    service_failed_rps: Floats
    offered: Floats
    slow: Floats
    failed: Floats


def outcome(
    act: Stage,
    scene: Scene,
    found: Passage,
    at: Daytime,
    late: tuple[Lateness, Lateness] | None,
) -> Outcome:
    """Return what a passage that begins at one time of the day means for origins.

    Parameters
    ----------
    act : Stage
        The event.
    scene : Scene
        What the passage followed from.
    found : Passage
        The passage.
    at : Daytime
        Times of the day of its steps, shape (T, 1).
    late : (Lateness, Lateness) or None
        Who is late in the event and with everything up; None to leave it out.

    Returns
    -------
    Outcome
        A request counts in the second of its first attempt.

    Notes
    -----
    A request that is served by a retry counts as late.
    """
    way = act.way
    rows = way.row_share.size
    lost = lost_share(scene, found)[:, :, 0]
    sums = _Sums(act, scene.time.step_s)
    size = max(1, BLOCK // max(rows, 1))
    for phase in (EVENT, NORMAL):
        hourly = act.demand[phase][way.service[way.row_cohort], way.row_origin]
        hourly = hourly * way.row_share[:, None]
        steps_of = np.flatnonzero(scene.time.phase == phase)
        for begin in range(0, steps_of.size, size):
            part = steps_of[begin : begin + size]
            demand = Daytime(at.low[part, 0], at.high[part, 0], at.part[part, 0], at.hours)
            rps = demand.of(hourly)
            failed, slow = _of_rows(act, scene, found, lost, part, phase, late)
            sums.add(phase, part, (rps, rps * slow, rps * failed))
    return sums.outcome()


def _of_rows(
    act: Stage,
    scene: Scene,
    found: Passage,
    lost: Floats,
    part: Ints,
    phase: int,
    late: tuple[Lateness, Lateness] | None,
) -> tuple[Floats, Floats]:
    """Return the parts of each row that fail and that are late, shape (T', N) each."""
    way = act.way
    cohort = way.row_cohort
    share = scene.old_share[part][:, way.service[cohort]]
    weight = np.stack([share, 1 - share])
    gone = lost[:, part][..., cohort]
    failed = (weight * gone).sum(axis=0)
    slow = np.zeros_like(failed)
    if late is None:
        return failed, slow
    places = ((way.before, way.next_before), (way.after, way.next_after))
    for answer, (asked, following) in zip((OLD, NEW), places, strict=True):
        served = np.zeros_like(failed)
        late_part = np.zeros_like(failed)
        for parts, cell in ((found.here, asked[phase]), (found.there, following[phase])):
            here = parts[answer, part, 0][:, cohort]
            if here.any():
                served += here
                late_part += here * _late(act, found, part, cell[cohort], late[phase])
        again = np.maximum(1 - gone[answer] - served, 0.0)
        slow += weight[answer] * (late_part + again)
    return failed, np.minimum(slow, 1 - failed)


def _late(act: Stage, found: Passage, part: Ints, cell: Ints, table: Lateness) -> Floats:
    """Return the probability that requests served in cells are late, shape (T', N)."""
    way = act.way
    region = np.append(way.cell_region, 0)[cell]
    service = way.service[way.row_cohort]
    step = part[:, None]
    full = found.full_rps[step, 0, service, region]
    taken = found.taken_rps[step, 0, service, region]
    busy = np.divide(taken, full, out=np.ones_like(taken), where=full > 0)
    wait = found.wait_s[step, 0, service, region]
    replicas = found.replicas[step, 0, service, region]
    return table.of(service, way.row_origin, region, busy, wait, replicas)


class _Sums:
    """Rows added up by origin, by service and over time."""

    def __init__(self, act: Stage, step_s: Floats) -> None:
        way = act.way
        services, origins = act.demand.shape[1:3]
        rows, service = np.arange(way.row_share.size), way.service[way.row_cohort]
        one = np.ones(rows.size)
        self.step_s, self.shape = step_s, (services, origins)
        self.by_origin = csr_array((one, (rows, way.row_origin)), (rows.size, origins))
        self.by_service = csr_array((one, (rows, service)), (rows.size, services))
        pair = service * origins + way.row_origin
        self.by_both = csr_array((one, (rows, pair)), (rows.size, services * origins))
        steps = step_s.size
        self.of_origin = np.zeros((3, steps, origins))
        self.of_service = np.zeros((3, steps, services))
        self.total = np.zeros((3, 2, services * origins))

    def add(self, phase: int, part: Ints, rows: tuple[Floats, Floats, Floats]) -> None:
        """Add what is offered, slow and failed in some steps."""
        for number, rps in enumerate(rows):
            self.of_origin[number, part] = rps @ self.by_origin
            self.of_service[number, part] = rps @ self.by_service
            self.total[number, phase] += (self.step_s[part] @ rps) @ self.by_both

    def outcome(self) -> Outcome:
        """Return the sums."""
        total = self.total.reshape(3, 2, *self.shape)
        return Outcome(*self.of_origin, *self.of_service, *total)
