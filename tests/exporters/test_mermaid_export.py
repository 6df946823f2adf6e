"""Mermaid diagrams: every region and link once, the plan's figures, and no name that is syntax."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.errors import UnfaithfulExport
from planner.exporters.mermaid import export_mermaid
from planner.exporters.mermaid_text import plain, quoted
from tests.exporters.monitored import HOSTILE, renamed, scenario_changed
from tests.exporters.platforms import bare_taiwan_plan, taiwan_plan

NODE = re.compile(r'  (r\d+)\["([^"]*)"\]')
LINK = re.compile(r'  (r\d+) ---\|"([^"]*)"\| (r\d+)')
USERS = re.compile(r'  (o\d+_r\d+)\(\["([^"]*)"\]\) --> (r\d+)')


def diagrams(plan=None):
    return {
        manifest.path.name: manifest.content for manifest in export_mermaid(plan or taiwan_plan())
    }


def read(text):
    """Undo the entities."""
    return re.sub(r"#(\d+);", lambda found: chr(int(found[1])), text)


def test_the_topology_has_every_region_link_and_group_and_nothing_else():
    plan = taiwan_plan()
    head, *lines = diagrams()["topology.mmd"].splitlines()
    assert head == "flowchart TB"
    nodes = [found for line in lines if (found := NODE.fullmatch(line))]
    links = [found for line in lines if (found := LINK.fullmatch(line))]
    groups = [found for line in lines if (found := USERS.fullmatch(line))]
    assert len(nodes) + len(links) + len(groups) == len(lines)
    assert len(nodes) == len(plan.scenario.regions)
    assert [read(found[2]).split(":")[0] for found in links] == list(plan.scenario.links)
    assert all("0.5 Gbit/s" in found[2] or "0.3 Gbit/s" in found[2] for found in links)
    counts = [int(re.search(r": (\d+) origin", read(found[2]))[1]) for found in groups]
    assert sum(counts) == sum(map(len, plan.hosts.values()))


def test_replicas_on_the_map_are_the_plans():
    (taipei,) = (
        line for line in diagrams()["topology.mmd"].splitlines() if "taiwan-master" in line
    )
    assert "27 api, 4 orders, 16 static" in taipei


def test_a_measured_round_trip_is_shown_as_such_and_an_unknown_one_as_a_least():
    links = taiwan_plan().scenario.links
    first = next(iter(links))
    measured = links | {first: links[first].model_copy(update={"rtt_ms": 51.5})}
    text = read(diagrams(scenario_changed(taiwan_plan(), links=measured))["topology.mmd"])
    assert f"{first}: 51.5 ms" in text
    assert f"{first}: ≥ " in read(diagrams()["topology.mmd"])


def test_each_region_has_a_sequence_with_the_times_of_dns_and_shares_that_sum_to_one():
    plan, found = taiwan_plan(), diagrams()
    assert set(found) == {"topology.mmd", *(f"failover-{r}.mmd" for r in plan.active_regions)}
    for region in plan.active_regions:
        text = found[f"failover-{region}.mmd"]
        assert "3 checks fail, 10 s apart" in text
        assert "noticed within 32 s" in text
        assert "old ones live 30 s" in text
        for host in plan.hosts:
            shares = re.findall(rf"([\d.]+)% of its users of {re.escape(host)}", text)
            assert sum(map(float, shares)) == pytest.approx(100, abs=0.2)
    assert "control plane after 1800 s" in found["failover-taipei.mmd"]
    assert "control plane" not in found["failover-tokyo.mmd"]


def test_a_balancers_routing_is_not_invented():
    plan = taiwan_plan().model_copy(update={"steering": "adaptive"})
    assert "% of its users" not in diagrams(plan)["failover-tokyo.mmd"]


@given(st.text(max_size=60))
def test_any_text_is_one_label_and_reads_back(text):
    label = quoted(text)
    assert re.fullmatch(r'"[^"\\\n;|{}<>\[\]`$&]*"', re.sub(r"#\d+;", "", label))
    assert read(plain(text)) == "".join(c if c.isprintable() else " " for c in text)


def test_the_word_that_closes_blocks_is_split():
    assert plain("End of the end, bend") == "#69;nd of the #101;nd, bend"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_display_name_stays_in_its_label(name):
    regions = taiwan_plan().scenario.regions
    shown = regions | {"tokyo": regions["tokyo"].model_copy(update={"name": name})}
    found = diagrams(scenario_changed(taiwan_plan(), regions=shown))
    for file, text in diagrams().items():
        assert len(found[file].splitlines()) == len(text.splitlines())
    (node,) = (line for line in found["topology.mmd"].splitlines() if "tokyo-edge" in line)
    assert NODE.fullmatch(node)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_region_is_refused(name):
    regions = renamed(taiwan_plan().scenario.regions, "tokyo", name)
    with pytest.raises(UnfaithfulExport):
        export_mermaid(scenario_changed(taiwan_plan(), regions=regions))


def test_diagrams_need_no_platform_and_are_the_same_each_time():
    assert export_mermaid(bare_taiwan_plan()) == export_mermaid(taiwan_plan())
