"""What a failure study says, for programs: one plain object."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from planner.report.answers import Answer
from planner.studies.failures import FailureStudy
from planner.studies.replays import Replay
from planner.studies.reported import Comparison, Value
from planner.studies.sensitivity import Sensitivity


def failure_answer(
    study: FailureStudy,
    replay: Replay | None,
    compared: Sequence[Comparison],
    moved: Sequence[Sensitivity] = (),
) -> Answer:
    """Return what a program wants to know of a failure study.

    Parameters
    ----------
    study : FailureStudy
        The study.
    replay : Replay or None
        The event that was replayed.
    compared : sequence of Comparison
        Predictions beside reported figures.
    moved : sequence of Sensitivity
        What moves them most.

    Returns
    -------
    dict
        ``availability, probability_covered, samples, states, worst, missed, findings, timeline,
        reported, sensitivity``; what is not known is None.
    """
    return {
        "availability": _availability(study),
        "probability_covered": study.states.covered_probability,
        "samples": study.states.samples,
        "states": _states(study),
        "worst": {
            "service": study.worst.service,
            "value": study.worst.value,
            "measure": study.worst.measure,
            "state": study.worst.state,
            "cause": study.worst.cause,
        },
        "missed": list(study.missed),
        "findings": list(study.findings),
        "timeline": None if replay is None else _timeline(replay),
        "reported": {
            row.figure: {
                "predicted": row.predicted,
                "reported": row.reported,
                "why": row.why,
                "beside": row.beside,
            }
            for row in compared
        },
        "sensitivity": [asdict(row) for row in moved],
    }


def figure_text(name: str, value: Value) -> str:
    """Write a figure in the unit that its name ends in.

    Examples
    --------
    >>> figure_text("failed_share.orders", 0.064), figure_text("rtt_ms.a.b", 12.0)
    ('6.40 %', '12 ms')
    """
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    kind = name.partition(".")[0]
    if kind.endswith("_share"):
        digits = 4 if 0 < abs(value) < 0.001 or 0.999 < abs(value) < 1 else 2
        return f"{100 * value:.{digits}f} %"
    return f"{value:.0f} ms" if kind.endswith("_ms") else f"{value:g}"


def _availability(study: FailureStudy) -> Answer:
    """Return availability by service."""
    found = study.availability
    return {
        name: {
            "low": float(found.low[s]),
            "high": float(found.high[s]),
            "kind": found.kind,
            "transient_share": float(found.transient_share[s]),
        }
        for s, name in enumerate(found.services)
    }


def _states(study: FailureStudy) -> list[Answer]:
    """Return every state with its losses and percentiles by service and region."""
    result, services = study.assessment, study.assessment.axes.services
    unserved = result.failure_matrix.to_numpy()
    region = study.distribution.region
    p95 = np.full((len(unserved), 0, 0), np.nan) if region is None else region.p95_ms
    return [
        {
            "name": name,
            "probability": float(result.state_probability[k]),
            "promised": bool(result.must_survive[k]),
            "unserved_share": _named(services, unserved[k]),
            "p95_ms": {
                service: _named(result.axes.regions, np.round(p95[k, s], 2))
                for s, service in enumerate(services)
            },
        }
        for k, name in enumerate(result.axes.states)
    ]


def _named(names: tuple[str, ...], values: Any) -> Answer:
    """Return the finite values by name."""
    pairs = zip(names, np.asarray(values, dtype=float).tolist(), strict=True)
    return {name: value for name, value in pairs if math.isfinite(value)}


def _timeline(replay: Replay) -> Answer:
    """Return what happens second by second, over all origins."""
    found = replay.timeline
    table = found.table
    return {
        "event": replay.name,
        "start_s": found.start_s,
        "duration_s": found.duration_s,
        "seconds": table.index.to_numpy(dtype=float).tolist(),
        "served": table["served_rps"].round(4).tolist(),
        "slow": table["slow_rps"].round(4).tolist(),
        "failed": table["failed_rps"].round(4).tolist(),
        "recovery_s": None if math.isnan(found.recovery_s) else found.recovery_s,
        "lost_requests": found.lost_requests,
        "slow_requests": found.slow_requests,
        "metastable": found.metastable,
        "events": [{"second": second, "what": text} for second, text in found.events],
    }
