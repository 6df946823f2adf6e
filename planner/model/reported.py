"""Figures that somebody reported, to be set beside what is predicted."""

from __future__ import annotations

from pydantic import Field

from planner.model.schema import Basis, Document, Label, Number, Text


class ReportedFigure(Document):
    """One reported figure."""

    value: Number | None = Field(default=None, description="the figure, in the unit of its key")
    text: Text | None = Field(default=None, description="what was reported, where it is no number")
    why: Text = Field(description="why the prediction differs, or why there is none")


class Reported(Document):
    """Reported figures by what they are about, and which scenarios were before.

    Keys that are predicted: ``mean_latency_change_share``, ``failed_share`` or
    ``failed_share.SERVICE`` (while `incident` lasts), ``availability_share``,
    ``p95_ms.SERVICE.ORIGIN``, ``rtt_ms.REGION.REGION``, ``replica_share.REGION.REGION`` (the first
    one's part of the replicas of all that are named), ``serving_region.ORIGIN``; any other key is
    printed without a prediction.
    """

    incident: Label | None = Field(default=None, description="event that was reported on")
    baselines: tuple[Text, ...] = Field(
        default=(),
        description="scenario files of the state before, relative to this file; the first is "
        "compared with, the others are printed beside",
    )
    figures: dict[str, ReportedFigure] = Field(description="figure to what was reported of it")
    basis: Basis = None
