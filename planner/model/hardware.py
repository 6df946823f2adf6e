"""Servers that can be had: offers to buy or to rent, and the power that they may draw."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from planner.model.schema import (
    Basis,
    Count,
    Document,
    Label,
    NonNegative,
    Positive,
    PositiveCount,
    Share,
)

# The bounds stand in the type: beside `Count`, those of a field are overruled by its own.
UpToSixty = Annotated[int, Field(strict=True, ge=1, le=60)]
UpToThousand = Annotated[int, Field(strict=True, ge=1, le=1000)]
# Nothing can be weighed against money that is worth nothing.
Discount = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=0.99)]


class Offer(Document):
    """Servers of one type that can be had in some regions."""

    server_type: Label = Field(description="key of the server type")
    regions: tuple[Label, ...] = Field(
        min_length=1, description="regions in which it can be had; they share its stock"
    )
    buy_usd: NonNegative | None = Field(
        default=None, description="price of one server, US dollars, paid once when it arrives"
    )
    rent_usd_month: NonNegative | None = Field(
        default=None, description="rent of one server, US dollars a month"
    )
    from_table: tuple[Literal["buy", "rent"], ...] = Field(
        default=(),
        description="what is priced as the comparable cloud type: 'buy' as its 36 months with a "
        "commitment of three years (ours), 'rent' as its month without one",
    )
    stock: UpToThousand = Field(
        default=20, description="most servers that can be had, bought and rented, in all regions"
    )
    lead_time_months: Count = Field(
        default=1, description="months from the order until a bought server serves (ours)"
    )
    rent_lead_time_months: Count = Field(
        default=0, description="months from the order until a rented server serves (ours)"
    )
    basis: Basis = None


class Power(Document):
    """What the servers of a region may draw, and what that costs."""

    limit_w: Positive | None = Field(
        default=None, description="most power that all servers of the region may draw, W"
    )
    usd_per_kwh: NonNegative = Field(default=0.0, description="price of power, US dollars a kWh")
    basis: Basis = None


class Hardware(Document):
    """Which servers can be had, for how long is planned, and what money costs."""

    months: UpToSixty = Field(
        default=12, description="months planned for, from growth.from_month on"
    )
    offers: dict[Label, Offer] = Field(min_length=1, description="offers by name")
    power_w: dict[Label, Positive] = Field(
        default={}, description="server type to what one server draws, W; 0 where it is not named"
    )
    power: dict[Label, Power] = Field(default={}, description="region to its power")
    depreciation_months: PositiveCount = Field(
        default=36, description="months in which a bought server loses its value, in equal parts"
    )
    residual_share: Share = Field(
        default=0.5,
        description="part of the value not yet lost that a bought server fetches at the end of the "
        "months planned for (ours)",
    )
    discount_share_year: Discount = Field(
        default=0.0, description="by how much money is worth less a year later"
    )
    basis: Basis = None
