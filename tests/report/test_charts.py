"""Charts: what is drawn is what the plan says; labels do not lie on one another; same bytes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from planner.model.plan import Plan
from planner.report import charts
from planner.report.labels import Labels
from planner.report.projection import Sheet
from planner.report.style import figure_files, region_colours


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_the_bars_are_the_replicas_and_the_weights_stand_over_them(plan: Plan) -> None:
    axes = charts.replicas(plan)
    heights = [[bar.get_height() for bar in group] for group in axes.containers]
    assert heights == [[5, 2], [3, 1], [2, 0]]
    assert {"5", "w 5", "0"} <= set(texts(axes))
    assert axes.get_title(loc="left") == "13 replicas: Taipei 7, Singapore 4, Tokyo 2"
    assert axes.get_ylabel() == "replicas"


def test_regions_have_one_colour_in_all_figures(plan: Plan) -> None:
    colours = region_colours(plan.scenario.regions)
    bars = charts.replicas(plan).containers
    drawn = [tuple(group[0].get_facecolor()) for group in bars]
    circles = _circles(charts.region_map(plan))
    assert drawn == [tuple(face) for face in circles.get_facecolors()]
    assert len(set(colours.values())) == 3


def _circles(axes: Axes) -> PathCollection:
    (circles,) = (
        c for c in axes.collections if isinstance(c, PathCollection) and c.get_zorder() == 5
    )
    return circles


def test_circles_stand_at_the_regions_with_areas_in_the_ratio_of_replicas(plan: Plan) -> None:
    circles = _circles(charts.region_map(plan))
    taipei = plan.scenario.regions["taipei"]
    place = Sheet(160.0).points(taipei.longitude_deg, taipei.latitude_deg)
    assert np.allclose(np.asarray(circles.get_offsets())[0], place)
    sizes = circles.get_sizes()
    assert sizes[1] / sizes[0] == pytest.approx(4 / 7)


def test_the_map_says_who_serves_the_users_and_the_round_trips(plan: Plan) -> None:
    axes = charts.region_map(plan)
    assert axes.get_title(loc="left").startswith("Taipei serves 73 % of the users, Tokyo 16 %")
    assert any("Taipei–Tokyo 33 ms" in text for text in texts(axes))
    assert "Taipei\n7 replicas" in texts(axes)


def test_round_trips_that_the_scenario_lacks_come_from_the_problem(
    plan: Plan, problem: SimpleNamespace
) -> None:
    links = {n: k.model_copy(update={"rtt_ms": None}) for n, k in plan.scenario.links.items()}
    scenario = plan.scenario.model_copy(update={"links": links})
    bare = plan.model_copy(update={"scenario": scenario})
    assert not any(" ms" in text for text in texts(charts.region_map(bare)))
    axes = charts.region_map(bare, problem)  # type: ignore[arg-type]
    assert any("Taipei–Tokyo 44 ms" in text for text in texts(axes))


@pytest.mark.parametrize("centre_deg", [160.0, 0.0, -100.0])
def test_no_label_of_the_map_lies_on_another(plan: Plan, centre_deg: float) -> None:
    axes = charts.region_map(plan, centre_deg=centre_deg)
    figure = axes.get_figure(root=True)
    assert figure is not None
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [
        text.get_window_extent(renderer) for text in axes.texts if isinstance(text, Annotation)
    ]
    overlaps = [
        (i, j) for i, a in enumerate(boxes) for j, b in enumerate(boxes) if i < j and a.overlaps(b)
    ]
    assert len(boxes) >= 6
    assert overlaps == []


def test_a_label_goes_where_there_is_room_and_is_left_out_where_there_is_none() -> None:
    axes = Figure(figsize=(3, 3)).add_subplot()
    labels = Labels(axes)
    first = labels.put((0.5, 0.5), "first", away_pt=4)
    second = labels.put((0.5, 0.5), "second", away_pt=4)
    assert first is not None
    assert second is not None
    assert first.get_horizontalalignment() == "left"
    assert second.get_horizontalalignment() == "right"
    labels.keep_clear((0.5, 0.5), 400.0)
    assert labels.put((0.5, 0.5), "third", away_pt=4) is None
    assert labels.put((0.5, 0.5), "fourth", away_pt=4, needed=True) is not None
    assert texts(axes) == ["first", "second", "fourth"]


def test_the_heat_map_holds_every_round_trip_by_region_and_nearest_first(
    plan: Plan, problem: SimpleNamespace
) -> None:
    axes = charts.rtt_heat_map(problem, plan)  # type: ignore[arg-type]
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows == ["Taiwan", "Philippines", "Singapore", "Japan"]
    expected = np.round(problem.rtt_ms[[0, 3, 1, 2]]).astype(int).ravel().tolist()
    assert [int(text) for text in texts(axes)] == expected
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "Taipei",
        "Singapore",
        "Tokyo",
    ]
    assert "ms" in axes.get_xlabel()


def test_a_cut_path_is_said_and_the_title_counts_requests(problem: SimpleNamespace) -> None:
    rtt_ms = np.array(
        [[10.0, 99.0, 99.0], [99.0, 20.0, 99.0], [99.0, 99.0, 30.0], [40.0, np.inf, 99.0]]
    )
    cut = SimpleNamespace(**{**vars(problem), "rtt_ms": rtt_ms})
    axes = charts.rtt_heat_map(cut)  # type: ignore[arg-type]
    assert "cut" in texts(axes)
    title = " ".join(axes.get_title(loc="left").split())
    # 40 of 100 requests within 10 ms, 70 within 20, 90 within 30.
    assert title == (
        "Half of the requests come from within 20 ms of the nearest region, 90 % from within 30 ms"
    )


def test_axes_given_are_axes_returned(plan: Plan, problem: SimpleNamespace) -> None:
    figure = Figure()
    given = figure.subplots(1, 3)
    assert charts.replicas(plan, ax=given[0]) is given[0]
    assert charts.region_map(plan, ax=given[1]) is given[1]
    assert charts.rtt_heat_map(problem, plan, ax=given[2]) is given[2]  # type: ignore[arg-type]


def test_our_style_does_not_leak(plan: Plan) -> None:
    before = dict(rcParams)
    figure_files({"replicas": charts.replicas(plan)})
    assert dict(rcParams) == before


def test_the_same_plan_gives_the_same_pictures_without_a_date(plan: Plan) -> None:
    one, two = (figure_files({"map": charts.region_map(plan)}) for _ in range(2))
    assert one == two
    assert set(one) == {"map.png", "map.svg"}
    assert one["map.png"].startswith(b"\x89PNG")
    assert b"<dc:date>" not in one["map.svg"]


def test_drawing_needs_no_pyplot() -> None:
    code = (
        "import sys, planner.report.charts; from planner.report.style import own_axes; "
        "own_axes(3, 2); print('matplotlib.pyplot' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_the_style_sheet_travels_with_the_package() -> None:
    assert (Path(charts.__file__).parent / "planner.mplstyle").is_file()
