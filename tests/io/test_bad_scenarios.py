"""Every file in tests/data/bad says in its first line what must be found in it, and nothing else.

``# expect: line 14  path: message; cure`` for a fault, ``# expect in FILE.csv: …`` for a fault of a
table, ``# warns: …`` for a warning.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from planner.errors import Fault, InvalidScenario
from planner.io.scenarios import check_scenario, read_scenario

BAD = Path(__file__).parent.parent / "data" / "bad"
FILES = sorted(BAD.glob("*.yaml"))
FIRST_LINE = re.compile(r"# (expect|warns)(?: in ([^:]+))?: (.+)")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_bad_file_has_exactly_the_fault_it_announces(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(BAD)
    match = FIRST_LINE.fullmatch(file.read_text(encoding="utf-8").split("\n")[0])
    assert match is not None, "the first line must announce the fault"
    kind, table, expected = match.groups()
    checked = check_scenario(file.name)
    found, other = checked.faults, checked.warnings
    if kind == "warns":
        found, other = other, found
        assert checked.scenario is not None
    else:
        assert checked.scenario is None
    assert [str(fault) for fault in found] == [expected]
    assert found[0].file == (table or file.name)
    assert other == ()


def test_there_is_a_bad_file_for_every_table() -> None:
    """A CSV table that no scenario names would test nothing."""
    named = {f"{file.stem}.csv" for file in FILES}
    assert {file.name for file in BAD.glob("*.csv")} <= named
    assert len(FILES) > 190


def test_the_parts_of_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)
    assert check_scenario("unknown-region-in-link.yaml").faults == (
        Fault(
            "unknown-region-in-link.yaml",
            35,
            "links.tpe-sin.to",
            "no region 'singapor'",
            "did you mean 'singapore'?",
        ),
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_message_speaks_the_validators_language(file: Path) -> None:
    text = file.read_text(encoding="utf-8").split("\n")[0].lower()
    for word in ("pydantic", "input should", "extra inputs", "traceback", "nonetype", "dict["):
        assert word not in text


def test_all_faults_come_in_one_message(tmp_path: Path) -> None:
    """Faults of form, of fields and of names, in a scenario and in its table, together."""
    text = (BAD.parent / "good" / "small.yaml").read_text(encoding="utf-8")
    start, end = text.index("origins:"), text.index("policy:")
    text = text[:start] + "origins: {table: origins.csv}\n\n" + text[end:]
    for old, new in (
        ("latitude_deg: 25.05", "latitude_deg: 91.2"),
        ("    to: singapore", "    to: singapor"),
        ("p95_ms: 400.0, ", ""),
        ("namespace: prod-api", "namespace: prod-api\nnamespace: prod"),
        ("risk_groups:\n  luzon", "risk_group:\n  luzon"),
        ("    from: singapore\n    to: tokyo\n    rtt_ms: 70.0", "    from: tokyo\n    to: tokyo"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "bad.yaml").write_text(text, encoding="utf-8")
    header = "origin,name,country,latitude_deg,longitude_deg,internet_users,propensity_share,"
    rows = "utc_offset_h\nNA,Namibia,NA,-22.1,17.2,1700000,1.5,2\nTW,Taiwan,TW,24.1\n"
    (tmp_path / "origins.csv").write_text(header + rows, encoding="utf-8")
    with pytest.raises(InvalidScenario) as caught:
        read_scenario(tmp_path / "bad.yaml")
    assert (
        str(caught.value)
        == f"""\
{tmp_path}/bad.yaml: 6 faults
  line 5  namespace: 'namespace' is given already in line 4; keep one of the two
  line 32  regions.taipei.latitude_deg: 91.2 is outside [-90, 90]
  line 70  risk_group: unknown key 'risk_group'; did you mean 'risk_groups'?
  line 78  links.tpe-sin.to: no region 'singapor'; did you mean 'singapore'?
  line 90  links.sin-tyo.to: 'tokyo' is linked to itself; name the other end
  line 106  services.api.objective.p95_ms: missing (the 95th percentile promised to users, ms)
{tmp_path}/origins.csv: 2 faults
  line 2  origins.NA.propensity_share: 1.5 is outside [0, 1]
  line 3  the row is too short: 4 fields for 8 columns; \
leave no field out; quote a field that holds a comma"""
    )
