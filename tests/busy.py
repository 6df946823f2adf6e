"""The small scenario with three times the users."""

from __future__ import annotations

import re


def busy_text(text: str, rules: str = "any") -> str:
    """Return the text of a scenario in which one list an origin costs more than shares at will."""
    more = re.sub(
        r"(propensity_share: )([0-9.]+)", lambda m: f"{m[1]}{3 * float(m[2]):g}", text
    ).replace("max_replicas: 12", "max_replicas: 60")
    return more.replace("\ndns:\n", f"\ndns:\n  rules: {{kind: {rules}}}\n")
