"""Names in pictures: their keys stand where the pictures' font has no glyphs for them."""

from __future__ import annotations

from functools import cache

from matplotlib.font_manager import FontProperties, findfont, get_font

from planner.model.scenario import Scenario
from planner.report.tables import region_names


def drawn(name: str, key: str) -> str:
    """Return a name if the font of the style in force can draw all of it, else its key.

    Parameters
    ----------
    name : str
        Name for people, in any script.
    key : str
        What stands for it: letters, digits and hyphens.

    Examples
    --------
    >>> drawn("São Paulo", "saopaulo"), drawn("台北", "taipei")
    ('São Paulo', 'taipei')
    """
    return name if _glyphs(findfont(FontProperties())).issuperset(map(ord, name)) else key


def drawn_regions(scenario: Scenario) -> dict[str, str]:
    """Return the name of each region as pictures write it.

    Parameters
    ----------
    scenario : Scenario
        Where the regions stand.

    Returns
    -------
    dict of str to str
        Region id to name, in the scenario's order.
    """
    return {key: drawn(name, key) for key, name in region_names(scenario).items()}


@cache
def _glyphs(font: str) -> frozenset[int]:
    """Return the characters that a font file has."""
    return frozenset(get_font(font).get_charmap())
