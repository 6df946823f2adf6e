"""Tables that stand in for parts of a scenario."""

from __future__ import annotations

from pathlib import Path

from planner.io.scenarios import check_scenario, read_scenario

GOOD = Path(__file__).parent.parent / "data" / "good"


def test_na_is_namibia_and_no_is_norway() -> None:
    scenario = read_scenario(GOOD / "tables.yaml")
    assert list(scenario.origins) == ["TW", "NA", "NO", "KP-1"]
    assert scenario.origins["NA"].country == "NA"
    assert scenario.origins["NA"].name == "Namibia"
    assert scenario.origins["NO"].country == "NO"


def test_quoted_fields_and_empty_ones() -> None:
    origins = read_scenario(GOOD / "tables.yaml").origins
    assert origins["KP-1"].name == "Korea, the part north"
    assert origins["KP-1"].basis == 'says "ours"'
    assert origins["TW"].basis is None
    assert origins["TW"].internet_users == 21_700_000


def test_demand_stands_in_the_order_of_the_calendar() -> None:
    scenario = read_scenario(GOOD / "tables.yaml")
    assert scenario.calendar.hours_utc == (2, 8, 14, 20)
    assert scenario.demand_rps == {"api": {"NA": (1.0, 2.0, 3.5, 4.0)}}


def test_columns_may_come_in_any_order() -> None:
    rtt_ms = read_scenario(GOOD / "tables.yaml").rtt_ms
    assert rtt_ms == {"NA": {"taipei": 310.5, "tokyo": 330.0}, "taipei": {"tokyo": 33.0}}


def test_a_table_in_a_folder_below_is_named_as_the_user_would(tmp_path: Path) -> None:
    text = (GOOD / "tables.yaml").read_text(encoding="utf-8")
    text = text.replace("{table: rtt.csv}", "{table: measured/rtt.csv}")
    (tmp_path / "scenario.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "measured").mkdir()
    for name in ("origins.csv", "demand.csv"):
        (tmp_path / name).write_bytes((GOOD / name).read_bytes())
    table = tmp_path / "measured" / "rtt.csv"
    table.write_text("from,to,rtt_ms\nNA,taipei,310\n", encoding="utf-8")
    assert read_scenario(tmp_path / "scenario.yaml").rtt_ms == {"NA": {"taipei": 310.0}}
    table.write_text("from,to,rtt_ms\nNA,taipai,310\n", encoding="utf-8")
    (fault,) = check_scenario(tmp_path / "scenario.yaml").faults
    assert (fault.file, fault.line, fault.path) == (str(table), 2, "rtt_ms.NA.taipai")


def test_a_missing_table_suggests_the_one_that_is_there(tmp_path: Path) -> None:
    text = (GOOD / "tables.yaml").read_text(encoding="utf-8")
    (tmp_path / "scenario.yaml").write_text(
        text.replace("origins.csv", "orgins.csv"), encoding="utf-8"
    )
    for name in ("origins.csv", "demand.csv", "rtt.csv"):
        (tmp_path / name).write_bytes((GOOD / name).read_bytes())
    (fault,) = check_scenario(tmp_path / "scenario.yaml").faults
    assert fault.message == "there is no table 'orgins.csv'"
    assert fault.cure == "did you mean 'origins.csv'?"
