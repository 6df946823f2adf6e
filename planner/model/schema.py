"""The common base of every document and the field types with their units.

Every document is frozen and refuses unknown keys.  Numbers are strict (text is not a number)
and finite.  Names that reach file names, DNS or Kubernetes are DNS-1123.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class Document(BaseModel):
    """Base of every document: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=False)


Label = Annotated[
    str,
    StringConstraints(strict=True, pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"),
]
"""A DNS-1123 label: lower case letters, digits and hyphens, at most 63."""

HostName = Annotated[
    str,
    StringConstraints(
        strict=True,
        max_length=253,
        pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
    ),
]
"""A fully qualified DNS name in lower case, without the final dot."""

CountryCode = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z]{2}$")]
"""ISO 3166-1 alpha-2; Namibia is ``NA``."""

OriginCode = Annotated[
    str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$")
]
"""Key of an origin: usually its ISO country code."""

MetroCode = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z]{3}$")]
"""Three-letter metro code, as in ``datasets/sites.csv``."""

Flag = Annotated[bool, Field(strict=True)]
"""A truth value; text such as "yes" is none."""

Text = Annotated[str, StringConstraints(strict=True, max_length=2000)]
"""Free text of at most 2,000 characters."""

Address = Annotated[str, StringConstraints(strict=True, max_length=45)]
"""An IPv4 or IPv6 address; its form is checked with the cross-checks."""

Number = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e15, le=1e15)]
NonNegative = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1e15)]
Positive = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, le=1e15)]
Share = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1)]
"""A pure ratio in [0, 1]."""

LoadShare = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, lt=1)]
"""A utilisation in (0, 1), strictly: a queue at 1 never empties."""

Latitude = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-90, le=90)]
Longitude = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-180, le=180)]
Count = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
PositiveCount = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]

Basis = Annotated[
    str | dict[str, str] | None,
    Field(
        default=None,
        description="Where the figures come from: 'ours' for an assumption of this project, else "
        "the source; or a mapping from field to basis",
    ),
]
