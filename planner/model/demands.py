"""A list of demands: factors on the demand of a scenario, each under a name."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from planner.model.schema import Document, Label, OriginCode, Text

Factor = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, le=1000)]


class Demand(Document):
    """Factors on demand; those of a service and of an origin multiply."""

    name: Text | None = Field(default=None, description="name for people")
    factor: Factor = Field(default=1.0, description="factor on all demand")
    services: dict[Label, Factor] = Field(default={}, description="service to factor")
    continents: dict[Text, Factor] = Field(
        default={}, description="continent to factor, for origins that have none of their own"
    )
    origins: dict[OriginCode, Factor] = Field(default={}, description="origin to factor")


class DemandList(Document):
    """Demands by name."""

    demands: dict[Label, Demand] = Field(min_length=1, description="demands by name")
