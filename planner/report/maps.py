"""Where the regions stand, what joins them and whom each serves, on a map."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.patheffects import Normal, Stroke

from planner.model.plan import Plan
from planner.model.scenario import Scenario
from planner.model.topology import Region
from planner.model.workload import Origin
from planner.problem.arrays import Problem
from planner.report.drawn_names import drawn_regions
from planner.report.labels import Labels
from planner.report.projection import Floats, Sheet, coastline, cut_line, equal_earth, great_circle
from planner.report.style import FAINT, INK, in_our_style, own_axes, region_colours, settle, wrapped
from planner.report.tables import main_regions, users_by_origin, users_by_region

SEA, LAND, BORDER, GRID = "#f4f7f9", "#e2e4e4", "#ffffff", "#e3e9ed"
UNSERVED, LINK = "#9a9a9a", "#4a4a4a"
SOUTHERNMOST_DEG = -57.0
NORTHERNMOST_DEG = 78.0
MOST_NAMED, LEGEND_COLUMNS = 4, 7
LARGEST_REGION_PT = 30.0
LARGEST_ORIGIN_PT = 13.0
HALO = (Stroke(linewidth=2.5, foreground="white", alpha=0.85), Normal())
SIDEWAYS = ((1.0, 0.0), (-1.0, 0.0), (0.0, -1.0), (0.0, 1.0), (-0.7, -0.7), (0.7, -0.7))


@in_our_style
def region_map(
    plan: Plan,
    problem: Problem | None = None,
    *,
    centre_deg: float = 160.0,
    ax: Axes | None = None,
) -> Axes:
    """Draw regions, overlay links and origins on a world map.

    A region is a circle whose area goes with its replicas; an origin a dot whose area goes with
    its users, in the colour of the region that serves most of them; links run along great circles.

    Parameters
    ----------
    plan : Plan
        The plan.
    problem : Problem, optional
        With it, round trips of links that the scenario does not give are written too.
    centre_deg : float
        Longitude in the middle of the map, degrees; 160 puts the Pacific there.
    ax : Axes, optional
        Where to draw; a figure of its own without it.

    Returns
    -------
    Axes
        The map.

    Notes
    -----
    Equal Earth projection: areas compare, angles and distances do not.  Places too small for a
    map at 1:110 million (Singapore, Hong Kong) have a dot but no land under it.
    """
    ax = own_axes(12.5, 6.15 + 0.22 * _legend_rows(plan.scenario)) if ax is None else ax
    sheet = Sheet(centre_deg)
    colours = region_colours(plan.scenario.regions)
    serving = main_regions(plan)
    _land(ax, sheet, plan.scenario, serving, colours)
    ways = _link_ways(sheet, plan.scenario)
    ax.add_collection(LineCollection(ways, colors=LINK, linewidths=1.3, zorder=3))
    sizes = _origins(ax, sheet, plan.scenario, serving, colours)
    circles = _regions(ax, sheet, plan, colours)
    _frame(ax, sheet)
    ax.set_title(wrapped(ax, _finding(plan)))
    _legend(ax, plan, problem, colours)
    settle(ax)
    _write_labels(ax, sheet, plan, circles, sizes, ways)
    return ax


def _land(
    ax: Axes,
    sheet: Sheet,
    scenario: Scenario,
    serving: dict[str, str | None],
    colours: dict[str, str],
) -> None:
    """Draw the countries, those of origins in a tint of the region that serves them."""
    tints: dict[str, tuple[float, ...]] = {}
    for code, region in serving.items():
        colour = colours[region] if region else UNSERVED
        tints.setdefault(scenario.origins[code].country, _mixed(colour, LAND, 0.30))
    countries, outlines = coastline(sheet.centre_deg)
    ax.add_collection(
        PolyCollection(
            list(outlines),
            facecolors=[tints.get(country, LAND) for country in countries],
            edgecolors=BORDER,
            linewidths=0.4,
            zorder=1,
        )
    )


def _mixed(colour: str, ground: str, share: float) -> tuple[float, ...]:
    """Mix a share of a colour into the ground."""
    mixed = share * np.array(to_rgb(colour)) + (1 - share) * np.array(to_rgb(ground))
    return tuple(mixed.round(4).tolist())


def _link_ways(sheet: Sheet, scenario: Scenario) -> list[Floats]:
    """Return the pieces of all overlay links along great circles, on the sheet."""
    pieces: list[Floats] = []
    for link in scenario.links.values():
        a, b = scenario.regions[link.from_region], scenario.regions[link.to_region]
        way = great_circle(a.longitude_deg, a.latitude_deg, b.longitude_deg, b.latitude_deg)
        pieces += cut_line(sheet.offsets_deg(way[0]), way[1])
    return pieces


def _origins(
    ax: Axes,
    sheet: Sheet,
    scenario: Scenario,
    serving: dict[str, str | None],
    colours: dict[str, str],
) -> dict[str, float]:
    """Draw the origins; return the radius of each dot, points."""
    users = users_by_origin(scenario)
    diameters = np.maximum(LARGEST_ORIGIN_PT * np.sqrt(users.to_numpy() / users.max()), 3.2)
    places = sheet.points(*_coordinates(scenario.origins.values()))
    faces = [colours[r] if (r := serving[code]) else UNSERVED for code in scenario.origins]
    ax.scatter(
        places[:, 0],
        places[:, 1],
        s=diameters**2,
        c=faces,
        edgecolors="white",
        linewidths=0.6,
        zorder=4,
    )
    return {str(code): float(d) / 2 for code, d in zip(users.index, diameters, strict=True)}


def _coordinates(places: Iterable[Region | Origin]) -> tuple[list[float], list[float]]:
    """Return longitudes and latitudes of regions or origins."""
    listed = list(places)
    return [p.longitude_deg for p in listed], [p.latitude_deg for p in listed]


def _regions(ax: Axes, sheet: Sheet, plan: Plan, colours: dict[str, str]) -> dict[str, float]:
    """Draw the regions; return the radius of each circle, points."""
    replicas = plan.replicas.sum()
    largest = max(float(replicas.max()), 1.0)
    diameters = np.maximum(LARGEST_REGION_PT * np.sqrt(replicas.to_numpy() / largest), 11.0)
    places = sheet.points(*_coordinates(plan.scenario.regions.values()))
    runs = replicas.to_numpy() > 0
    ax.scatter(
        places[:, 0],
        places[:, 1],
        s=diameters**2,
        c=[colours[r] if on else "white" for r, on in zip(replicas.index, runs, strict=True)],
        edgecolors=[
            "white" if on else colours[r] for r, on in zip(replicas.index, runs, strict=True)
        ],
        linewidths=1.4,
        zorder=5,
    )
    return {str(region): float(d) / 2 for region, d in zip(replicas.index, diameters, strict=True)}


def _frame(ax: Axes, sheet: Sheet) -> None:
    """Draw sea and graticule and set the limits."""
    latitudes = np.linspace(-90.0, 90.0, 91)
    edge = np.concatenate(
        [equal_earth(-180.0, latitudes), equal_earth(180.0, latitudes[::-1])], axis=0
    )
    ax.fill(edge[:, 0], edge[:, 1], facecolor=SEA, edgecolor="none", zorder=0)
    meridians = [equal_earth(m, latitudes) for m in range(-150, 180, 30)]
    parallels = [equal_earth([-180.0, 180.0], p) for p in range(-60, 90, 30)]
    ax.add_collection(
        LineCollection([*meridians, *parallels], colors=GRID, linewidths=0.6, zorder=0.5)
    )
    width = float(equal_earth(180.0, 0.0)[0])
    ax.set_xlim(-width, width)
    ax.set_ylim(*(float(equal_earth(0.0, lat)[1]) for lat in (SOUTHERNMOST_DEG, NORTHERNMOST_DEG)))
    ax.set_aspect("equal", anchor="N")
    ax.set_axis_off()


def _write_labels(
    ax: Axes,
    sheet: Sheet,
    plan: Plan,
    circles: dict[str, float],
    dots: dict[str, float],
    ways: list[Floats],
) -> None:
    """Write the regions' names and as many origin codes as there is room for."""
    labels = Labels(ax)
    regions = {
        key: sheet.points(region.longitude_deg, region.latitude_deg)
        for key, region in plan.scenario.regions.items()
    }
    for key, radius in circles.items():
        labels.keep_clear(regions[key], radius)
    for way in ways:
        for point in way[::2]:
            labels.keep_clear(point, 1.5)
    for code, origin in plan.scenario.origins.items():
        labels.keep_clear(sheet.points(origin.longitude_deg, origin.latitude_deg), dots[code] * 0.7)
    _name_regions(labels, plan, regions, circles)
    _name_origins(labels, plan.scenario, sheet, dots)


def _name_regions(
    labels: Labels, plan: Plan, places: dict[str, Floats], radii: dict[str, float]
) -> None:
    """Write name and replicas beside each region."""
    names, totals = drawn_regions(plan.scenario), plan.replicas.sum()
    for region, radius in radii.items():
        count = int(totals[region])
        labels.put(
            places[region],
            f"{names[region]}\n{count} replica{'' if count == 1 else 's'}",
            away_pt=radius + 3,
            needed=True,
            fontsize=9.5,
            fontweight="bold",
            color=INK,
            linespacing=1.1,
            zorder=8,
            path_effects=HALO,
        )


def _name_origins(
    labels: Labels, scenario: Scenario, sheet: Sheet, radii: dict[str, float]
) -> None:
    """Write codes beside the origins, largest first, while there is room."""
    largest_first = sorted(radii, key=lambda code: -radii[code])
    places = {
        code: sheet.points(origin.longitude_deg, origin.latitude_deg)
        for code, origin in scenario.origins.items()
    }
    for code in largest_first:
        labels.put(
            places[code],
            code,
            away_pt=radii[code] + 1,
            directions=SIDEWAYS,
            fontsize=6.5,
            color="#333333",
            zorder=6,
        )


def _finding(plan: Plan) -> str:
    """Say who serves whom."""
    names = drawn_regions(plan.scenario)
    shares = {names[str(r)]: 100 * share for r, share in users_by_region(plan).items() if share > 0}
    if not shares:
        return "No region serves anybody"
    first, *others = list(shares)[:MOST_NAMED]
    parts = [f"{first} serves {shares[first]:.0f} % of the users"]
    parts += [f"{name} {shares[name]:.0f} %" for name in others]
    if rest := list(shares.values())[MOST_NAMED:]:
        parts.append(f"{len(rest)} more {sum(rest):.0f} %")
    return ", ".join(parts)


def _legend_rows(scenario: Scenario) -> int:
    """Return the lines of the legend: one entry a region and one for the links."""
    return -(-(len(scenario.regions) + 1) // LEGEND_COLUMNS)


def _legend(ax: Axes, plan: Plan, problem: Problem | None, colours: dict[str, str]) -> None:
    """Explain colours, links and sizes below the map."""
    names = drawn_regions(plan.scenario)
    handles = [
        Line2D([], [], marker="o", ls="", ms=7, color=colours[r], label=f"served by {names[r]}")
        for r in plan.scenario.regions
    ]
    handles.append(Line2D([], [], color=LINK, lw=1.3, label="overlay link"))
    ax.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.0, 0.0),
        ncols=LEGEND_COLUMNS,
        handlelength=1.4,
        columnspacing=1.6,
        borderaxespad=0.3,
    )
    notes = ["circle area: replicas · dot area: users · Equal Earth projection, Natural Earth"]
    if links := _round_trips(plan.scenario, problem):
        notes.insert(0, f"overlay links, round trip: {', '.join(links)}")
    for line, text in enumerate(notes):
        ax.annotate(
            text,
            (0.01, 0.0),
            xycoords="axes fraction",
            xytext=(0, -14 - 14 * _legend_rows(plan.scenario) - 11 * line),
            textcoords="offset points",
            va="center",
            fontsize=7.5,
            color=FAINT,
        )


def _round_trips(scenario: Scenario, problem: Problem | None, most: int = 8) -> list[str]:
    """Write the round trip of each link, measured or as the problem has it."""
    names, written = drawn_regions(scenario), []
    for link in scenario.links.values():
        rtt_ms = link.rtt_ms
        if rtt_ms is None and problem is not None:
            a, b = (problem.axes.regions.index(r) for r in (link.from_region, link.to_region))
            rtt_ms = float(problem.network.region_rtt_ms[a, b])
        if rtt_ms is not None:
            written.append(f"{names[link.from_region]}–{names[link.to_region]} {rtt_ms:.0f} ms")
    return written if len(written) <= most else []
