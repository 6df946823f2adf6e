"""The chart of the hour after: what is drawn, where, and what its title says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection

from planner.problem.arrays import Floats
from planner.report.charts import timeline
from planner.report.style import figure_files, settle
from planner.simulation.chronicle import Timeline, Totals

RATE = 200.0


def story(
    duration_s: float,
    *,
    failed: tuple[float, float] = (0.0, 0.0),
    slow: float = 0.0,
    steady: float = 0.0,
    failing_s: float = 120.0,
    recovery_s: float = 120.0,
    events: tuple[tuple[float, str], ...] = ((0.0, "it begins"),),
) -> Timeline:
    """200 requests a second, a part of which fails at first, and another one after the return."""
    until, back = np.arange(min(duration_s, 3600.0)), duration_s + np.arange(3600.0)
    seconds = np.concatenate([until, back])
    during = seconds < duration_s
    share = np.where(during, np.where(seconds < failing_s, failed[0], steady), 0.0)
    share = np.where(~during & (seconds < duration_s + failing_s), failed[1], share)
    lost, late = RATE * share, RATE * slow * np.ones_like(share)
    kept: Floats = np.where(during, RATE * steady, 0.0)

    def totals(steps: np.ndarray) -> Totals:
        rates = (RATE * np.ones_like(share), late, lost, kept)
        return Totals(*(np.array([[rate[steps].sum()]]) for rate in rates))

    def gap() -> Totals:
        left = duration_s - until.size
        return Totals(
            *(np.array([[left * rate]]) for rate in (RATE, RATE * slow, kept[0], kept[0]))
        )

    column = {
        "offered_rps": np.full((seconds.size, 1), RATE),
        "served_rps": (RATE - lost - late)[:, None],
        "slow_rps": late[:, None],
        "failed_rps": lost[:, None],
    }
    axes: Any = SimpleNamespace(services=("api",), origins=("TW",), regions=("taipei",))
    return Timeline(
        axes=axes,
        start_s=0.0,
        duration_s=duration_s,
        seconds=seconds,
        step_s=np.ones_like(seconds),
        **column,
        service_offered_rps=column["offered_rps"],
        service_slow_rps=column["slow_rps"],
        service_failed_rps=column["failed_rps"],
        steady_failed_rps=kept,
        replicas=np.ones((seconds.size, 1, 1)),
        utilisation_share=np.ones((seconds.size, 1, 1)),
        event=totals(during),
        gap=gap(),
        after=totals(~during),
        recovery_s=recovery_s,
        metastable=False,
        events=events,
    )


def areas(ax: Axes, label: str) -> list[np.ndarray]:
    """Return the outlines of the areas with a label, x and y."""
    found = [c for c in ax.collections if isinstance(c, PolyCollection) and c.get_label() == label]
    return [np.asarray(area.get_paths()[0].vertices) for area in found]


def ticks(ax: Axes) -> dict[str, float]:
    names = [label.get_text() for label in ax.get_xticklabels()]
    return dict(zip(names, ax.get_xticks(), strict=True))


def title(ax: Axes) -> str:
    return " ".join(ax.get_title(loc="left").split())


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_a_long_event_is_cut_between_the_hour_and_its_return() -> None:
    ax = timeline(story(4 * 3600.0, failed=(0.4, 0.1), slow=0.05), "Taipei down")
    first, second = areas(ax, "failed")
    # 60 minutes, 4 for the cut, and 60 more; nothing drawn in between.
    assert (first[:, 0].min(), first[:, 0].max()) == (0.0, pytest.approx(60, abs=0.02))
    assert (second[:, 0].min(), second[:, 0].max()) == (64.0, pytest.approx(124, abs=0.02))
    assert (first[:, 1].max(), second[:, 1].max()) == pytest.approx((40.0, 10.0))
    assert "//" in texts(ax)
    places = ticks(ax)
    assert (places["0"], places["50"], places["over"], places["+10"]) == (0.0, 50.0, 64.0, 74.0)
    assert ax.get_ylabel() == "% of requests"
    assert ax.get_xlabel().startswith("minutes after")
    assert ax.get_xlim() == pytest.approx((0, 124), abs=0.02)


def test_late_requests_stand_on_top_of_failed_ones() -> None:
    ax = timeline(story(900.0, failed=(0.4, 0.0), slow=0.05))
    late = areas(ax, "late")
    assert max(area[:, 1].max() for area in late) == pytest.approx(45.0)
    beginning = late[0][np.isclose(late[0][:, 0], 0.0)]
    assert (beginning[:, 1].min(), beginning[:, 1].max()) == pytest.approx((40.0, 45.0))
    assert ax.get_ylim()[1] > 45.0


def test_a_short_event_is_not_cut() -> None:
    for minutes in (15, 60):
        ax = timeline(story(60.0 * minutes, failed=(0.4, 0.0)))
        assert "//" not in texts(ax)
        assert ticks(ax)["over"] == minutes
        first, second = areas(ax, "failed")
        assert first[:, 0].max() < second[:, 0].min() == minutes


def test_the_title_says_how_many_are_lost_and_when_it_is_over() -> None:
    # 120 s of 200 a second, 40 % of them.
    ax = timeline(story(14_400.0, failed=(0.4, 0.0)), "Taipei down")
    assert title(ax) == "Taipei down: 9,600 requests lost, over after 120 s"
    assert title(timeline(story(14_400.0, failed=(0.4, 0.0), recovery_s=1830.0))).endswith("30 min")


def test_without_a_loss_the_title_says_so_and_the_axis_is_not_empty() -> None:
    ax = timeline(story(900.0, recovery_s=0.0), "A quiet event")
    assert title(ax) == "A quiet event: nothing is lost"
    assert ax.get_ylim() == pytest.approx((0, 1.18))


def test_what_never_recovers_is_said() -> None:
    ax = timeline(story(900.0, failed=(0.4, 0.4), recovery_s=np.nan))
    assert title(ax) == "19,200 requests lost, not recovered"


def test_a_loss_that_stays_is_not_called_over() -> None:
    ax = timeline(story(7200.0, failed=(0.5, 0.0), steady=0.25))
    # 120 s at 50 %, then 25 % until the end.
    lost = RATE * (120 * 0.5 + (7200 - 120) * 0.25)
    assert title(ax) == f"{lost:,.0f} requests lost, 25.0 % of all from 120 s on while it lasts"
    always = timeline(story(7200.0, failed=(0.25, 0.0), steady=0.25, recovery_s=0.0))
    assert title(always).endswith("requests lost, 25.0 % of all while it lasts")
    assert "over after" not in title(ax) + title(always)
    lines = [line for line in ax.lines if line.get_label() == "steady loss"]
    assert max(np.asarray(line.get_ydata(), float).max() for line in lines) == pytest.approx(25.0)


def test_every_moment_has_its_sentence_and_close_ones_share_a_number() -> None:
    events = (
        *((0.0, "taipei lost"), (27.0, "checks have failed"), (300.0, "storage is promoted")),
        *((4233600.0, "taipei back"),),
    )
    ax = timeline(story(4233600.0, failed=(0.4, 0.0), events=events))
    (beside,) = (text for text in ax.texts if "taipei lost" in text.get_text())
    said = " ".join(beside.get_text().split())
    assert said == (
        "1 0 s: taipei lost 27 s: checks have failed 2 300 s: storage is promoted "
        "3 49 days: taipei back"
    )
    marks = {t.get_text().strip(): t.get_position()[0] for t in ax.texts if len(t.get_text()) == 2}
    del marks["//"]
    assert marks == {"1": 0.0, "2": 5.0, "3": 64.0}


def test_nothing_written_lies_outside_the_figure_or_on_the_title() -> None:
    events = tuple(
        (60.0 * m, f"moment number {m} with a sentence of usual length") for m in range(40)
    )
    ax = timeline(story(14_400.0, failed=(0.4, 0.0), events=events), "A name " * 12)
    settle(ax)
    figure = ax.get_figure(root=True)
    assert figure is not None
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    page = figure.bbox
    written = [*ax.texts, ax.xaxis.label, ax.yaxis.label, *ax.get_xticklabels()]
    for text in (*written, ax._left_title):  # type: ignore[attr-defined]
        box = text.get_window_extent(renderer)
        assert box.x0 >= page.x0 - 1, text
        assert box.x1 <= page.x1 + 1, text
        assert box.y0 >= page.y0 - 1, text
        assert box.y1 <= page.y1 + 1, text


def test_the_same_timeline_gives_the_same_pictures() -> None:
    one, two = (
        figure_files({"timeline": timeline(story(900.0, failed=(0.4, 0.0)))}) for _ in range(2)
    )
    assert one == two


def test_names_are_written_as_they_are_not_as_formulas() -> None:
    """Anybody may name an event; a name that is no formula must not end the drawing."""
    ax = timeline(story(300.0, failed=(0.5, 0.0)), "cost $\\nosuch{$")
    assert ax.get_title(loc="left").startswith("cost $\\nosuch{$: ")
    assert figure_files({"timeline": ax})
