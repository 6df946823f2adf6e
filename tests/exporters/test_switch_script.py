"""The script that serves another zone set: run for real."""

import subprocess

import pytest

from planner.exporters import export
from tests.exporters.corefile import read_zone
from tests.exporters.plans import REGIONS, small_plan


@pytest.fixture
def folder(tmp_path):
    for manifest in export(small_plan(), "coredns"):
        if isinstance(manifest.content, str):
            path = tmp_path / "export with space" / manifest.path.relative_to("dns/coredns")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(manifest.content)
    return tmp_path / "export with space"


def switch(folder, *arguments, **options):
    script = folder / "switch.sh"
    return subprocess.run(
        ["sh", str(script), *map(str, arguments)], capture_output=True, text=True, **options
    )


def test_states_are_served_whole_with_a_rising_serial(folder, tmp_path):
    live = tmp_path / "live zones"
    for serial, state in enumerate(["up", "lost.taipei", "lost.tokyo", "up"], start=1):
        done = switch(folder, state, live, check=True)
        assert done.stdout == f"serving {state}, serial {serial}\n"
        assert (live / "current").is_symlink()
        assert sorted(p.name for p in live.iterdir()) == ["current", f"set.{serial}"]
        served = {p.name: p for p in (live / "current").glob("*.zone")}
        wanted = {p.name: p for p in (folder / "zones" / state).glob("*.zone")}
        assert served.keys() == wanted.keys()
        for name, path in served.items():
            got, want = read_zone(path.read_text()), read_zone(wanted[name].read_text())
            assert got["SOA"][0].split()[2] == str(serial)
            got.pop("SOA"), want.pop("SOA")
            assert got == want


def test_every_promised_state_can_be_served(folder, tmp_path):
    for state in ["up", *(f"lost.{region}" for region in REGIONS)]:
        switch(folder, state, tmp_path / "live", check=True)


@pytest.mark.parametrize(
    "arguments", [(), ("nonsense",), ("../zones/up",), ("up", "a", "b"), ("*",), ("",)]
)
def test_an_unknown_state_changes_nothing_and_lists_the_states(folder, tmp_path, arguments):
    live = tmp_path / "live"
    switch(folder, "up", live, check=True)
    done = switch(folder, *arguments, cwd=live)
    assert done.returncode == 2
    assert "lost.losangeles" in done.stderr
    assert sorted(p.name for p in live.iterdir()) == ["current", "set.1"]


def test_a_run_that_is_at_work_keeps_a_second_one_out(folder, tmp_path):
    live = tmp_path / "live"
    switch(folder, "up", live, check=True)
    (live / "set.2").mkdir()
    done = switch(folder, "lost.tokyo", live)
    assert done.returncode == 1
    assert "another run is at work" in done.stderr
    assert (live / "current" / "state").read_text() == "up\n"


def test_a_failing_run_leaves_the_old_set_whole(folder, tmp_path):
    live = tmp_path / "live"
    switch(folder, "up", live, check=True)
    for zone in (folder / "zones" / "lost.tokyo").glob("*.zone"):
        zone.unlink()
    done = switch(folder, "lost.tokyo", live)
    assert done.returncode != 0
    assert sorted(p.name for p in live.iterdir()) == ["current", "set.1"]
    assert len(list((live / "current").glob("*.zone"))) == 8


def test_a_serial_that_is_none_is_refused(folder, tmp_path):
    live = tmp_path / "live"
    switch(folder, "up", live, check=True)
    (live / "current" / "serial").write_text("1; reboot\n")
    done = switch(folder, "up", live)
    assert done.returncode == 1
    assert "not a serial" in done.stderr


def test_a_dry_run_says_what_it_would_serve_and_writes_nothing(folder, tmp_path):
    live = tmp_path / "live"
    done = switch(folder, "--dry-run", "up", live, check=True)
    assert done.stdout == f"would serve up from {live}, serial 1\n"
    assert not live.exists()
    switch(folder, "up", live, check=True)
    done = switch(folder, "--dry-run", "lost.taipei", live, check=True)
    assert done.stdout == f"would serve lost.taipei from {live}, serial 2\n"
    assert sorted(p.name for p in live.iterdir()) == ["current", "set.1"]
