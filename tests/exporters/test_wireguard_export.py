"""The mesh joins every gateway with every other; networks are disjoint, keys made on the hosts."""

import shutil
import subprocess
from base64 import b64encode
from ipaddress import ip_network

import pytest

from planner.errors import MissingInputs, UnfaithfulExport
from planner.exporters.wireguard import export_wireguard
from tests.exporters.network_plans import (
    HOSTILE,
    by_path,
    with_hostile_region,
    with_mesh,
    with_place,
    with_region,
)
from tests.exporters.platforms import bare_taiwan_plan, taiwan_plan

KEYS = {
    region: b64encode(bytes([number] * 32)).decode()
    for number, region in enumerate(("taipei", "singapore", "tokyo", "losangeles"), start=1)
}


def sections(text):
    """Read a file of wg-quick: a list of (section, {key: [values]})."""
    found = []
    for line in text.splitlines():
        if line.startswith("["):
            found.append((line.strip("[]"), {}))
        elif "=" in line and not line.startswith("#"):
            key, _, value = line.partition(" = ")
            found[-1][1].setdefault(key, []).append(value)
    return found


def conf(plan, cluster):
    return sections(by_path(export_wireguard(plan))[f"hosts/{cluster}/wireguard/wg0.conf"].content)


@pytest.fixture(scope="module")
def known():
    return with_mesh(public_keys=KEYS)


def test_every_gateway_has_every_other_as_peer_once(known):
    for region, place in known.scenario.regions.items():
        (_, own), *peers = conf(known, place.cluster)
        assert [peer["PublicKey"] for _, peer in peers] == [
            [KEYS[other]] for other in KEYS if other != region
        ]
        assert own["MTU"] == ["1420"]
        assert own["PostUp"] == ["wg set %i private-key /etc/wireguard/private.key"]
        assert "PrivateKey" not in own
        assert all(peer["PersistentKeepalive"] == ["25"] for _, peer in peers)


def test_both_ends_of_a_tunnel_agree_on_addresses_and_ports(known):
    platform = known.scenario.platform
    for region, place in known.scenario.regions.items():
        (_, own), *_ = conf(known, place.cluster)
        address = own["Address"][0].partition("/")[0]
        for other, elsewhere in known.scenario.regions.items():
            if other == region:
                continue
            peers = {peer["PublicKey"][0]: peer for _, peer in conf(known, elsewhere.cluster)[1:]}
            there = peers[KEYS[region]]
            assert there["Endpoint"] == [platform.regions[region].gateway_endpoint]
            assert there["Endpoint"][0].endswith(f":{own['ListenPort'][0]}")
            assert there["AllowedIPs"][0].split(", ") == [
                f"{address}/32",
                platform.regions[region].node_cidr,
                platform.regions[region].pod_cidr,
                platform.regions[region].service_cidr,
            ]


def test_no_packet_fits_two_peers(known):
    for place in known.scenario.regions.values():
        cidrs = [
            ip_network(cidr)
            for _, peer in conf(known, place.cluster)[1:]
            for cidr in peer["AllowedIPs"][0].split(", ")
        ]
        for position, cidr in enumerate(cidrs):
            assert not any(cidr.overlaps(other) for other in cidrs[position + 1 :])


def test_bgp_owns_the_routes_of_pods_and_services_alone(known):
    plan = with_mesh(known, routes="bgp")
    (_, own), *_ = conf(plan, "tokyo-edge")
    assert own["Table"] == ["off"]
    assert own["PostUp"][1:] == [
        f"ip route replace {cidr} dev %i"
        for cidr in ("10.10.0.0/24", "10.11.0.0/24", "10.13.0.0/24")
    ]
    by_bgp = routes_of(plan, "tokyo-edge")
    assert by_bgp == ["10.99.0.0/24", "10.10.0.0/24", "10.11.0.0/24", "10.13.0.0/24"]
    by_wireguard = routes_of(known, "tokyo-edge")
    assert set(by_bgp) < set(by_wireguard)
    assert {"10.40.0.0/16", "10.50.0.0/16"} <= set(by_wireguard)
    assert not {"10.12.0.0/24", "10.42.0.0/16", "10.52.0.0/16"} & set(by_wireguard)


def routes_of(plan, cluster):
    script = by_path(export_wireguard(plan))[f"hosts/{cluster}/wireguard/mesh-routes.sh"].content
    lines = [line.split() for line in script.splitlines() if line.startswith("route ")]
    assert {line[2] for line in lines} == {"10.12.0.11"}
    return [line[1] for line in lines]


def test_a_gateway_alone_needs_no_routes_of_others():
    servers = taiwan_plan().scenario.platform.regions["tokyo"].servers
    plan = with_region("tokyo", servers={"edge-1": servers["edge-1"]})
    assert "hosts/tokyo-edge/wireguard/mesh-routes.sh" not in by_path(export_wireguard(plan))


def test_unknown_keys_make_a_template_and_a_script_that_fills_it():
    some = with_mesh(public_keys={"taipei": KEYS["taipei"]})
    paths = by_path(export_wireguard(some))
    for cluster in ("taiwan-master", "tokyo-edge"):
        assert f"hosts/{cluster}/wireguard/wg0.conf.in" in paths
        assert paths[f"hosts/{cluster}/wireguard/render.sh"].executable
    text = paths["hosts/tokyo-edge/wireguard/wg0.conf.in"].content
    assert f"PublicKey = {KEYS['taipei']}\n" in text
    assert "PublicKey = @PUBLIC_KEY_singapore@\n" in text
    others = with_mesh(public_keys={k: v for k, v in KEYS.items() if k != "tokyo"})
    assert "hosts/tokyo-edge/wireguard/wg0.conf" in by_path(export_wireguard(others))


def rendered(folder, keys, cluster="tokyo-edge"):
    for path, manifest in by_path(export_wireguard(taiwan_plan())).items():
        if path.startswith(f"hosts/{cluster}/wireguard/"):
            (folder / path.rpartition("/")[2]).write_text(manifest.content)
    (folder / "keys").write_text(keys)
    return subprocess.run(
        ["sh", str(folder / "render.sh"), str(folder / "keys")],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "WIREGUARD_DIRECTORY": str(folder / "none")},
    )


def lines(keys):
    return "".join(f"{region} {key}\n" for region, key in keys.items())


def test_the_script_fills_in_what_the_scenario_would(tmp_path):
    done = rendered(tmp_path, "# collected\n\n" + lines(KEYS))
    assert done.returncode == 0, done.stderr
    whole = by_path(export_wireguard(with_mesh(public_keys=KEYS)))
    assert done.stdout == whole["hosts/tokyo-edge/wireguard/wg0.conf"].content


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (lines({k: v for k, v in KEYS.items() if k != "taipei"}), 'no key of "taipei"'),
        (lines(KEYS | {"taipei": KEYS["taipei"][:-2] + "="}), "not a key of 32 bytes"),
        (lines(KEYS | {"taipei": "A" * 42 + "B="}), "not a key of 32 bytes"),
        (lines(KEYS | {"taipei": "A" * 44}), "not a key of 32 bytes"),
        (lines(KEYS | {"taipei": KEYS["losangeles"]}), "again"),
        (lines(KEYS) + f"taipei {KEYS['taipei']}\n", "a second key"),
        (lines(KEYS) + f"osaka {KEYS['taipei']}\n", "no region"),
        (lines(KEYS) + "taipei\n", "not of the form"),
        ("", 'no key of "losangeles"'),
    ],
)
def test_the_script_refuses_missing_malformed_and_doubled_keys(tmp_path, keys, sentence):
    done = rendered(tmp_path, keys)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert done.stdout == ""


@pytest.mark.skipif(shutil.which("wg") is None, reason="no `wg`: apt-get install wireguard-tools")
def test_a_host_makes_its_key_once_and_keeps_it(tmp_path):
    script = by_path(export_wireguard(taiwan_plan()))["hosts/tokyo-edge/wireguard/make-keys.sh"]
    (tmp_path / "make-keys.sh").write_text(script.content)

    def run(*arguments):
        return subprocess.run(
            ["sh", str(tmp_path / "make-keys.sh"), *arguments],
            capture_output=True,
            text=True,
            check=True,
            env={"PATH": "/usr/bin:/bin", "WIREGUARD_DIRECTORY": str(tmp_path / "wireguard")},
        ).stdout

    assert "would make" in run()
    assert not (tmp_path / "wireguard").exists()
    first = run("--apply")
    assert first.startswith("tokyo ")
    assert run("--apply") == run() == first
    key = tmp_path / "wireguard" / "private.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert rendered(tmp_path, lines(KEYS | {"tokyo": first.split()[1]})).returncode == 0


def test_keys_that_are_none_or_shared_are_refused_together():
    keys = KEYS | {"tokyo": KEYS["taipei"], "singapore": "A" * 42 + "B=", "osaka": KEYS["tokyo"]}
    with pytest.raises(UnfaithfulExport) as error:
        export_wireguard(with_mesh(public_keys=keys))
    for sentence in ("'taipei' has the same key", "no key of 32 bytes", "no such region"):
        assert sentence in str(error.value)


def test_an_endpoint_inside_its_own_tunnel_is_refused():
    with pytest.raises(UnfaithfulExport, match=r"10\.12\.0\.11 lies in 10\.12\.0\.0/24"):
        export_wireguard(with_region("tokyo", gateway_endpoint="10.12.0.11:51820"))


def test_an_ipv6_endpoint_stands_in_brackets():
    plan = with_region("tokyo", gateway_endpoint="[2001:db8::1]:51820")
    text = by_path(export_wireguard(plan))["hosts/taiwan-master/wireguard/wg0.conf.in"].content
    assert "Endpoint = [2001:db8::1]:51820\n" in text


def test_what_the_plan_relays_and_the_mesh_does_not_is_said():
    relayed = "calls between taipei and losangeles go through tokyo: 130 ms instead of 150"
    plan = taiwan_plan().model_copy(update={"warnings": (relayed, "something else")})
    readme = by_path(export_wireguard(plan))["network/wireguard/README.md"].content
    assert relayed in readme
    assert "something else" not in readme
    assert "quicker by 10 ms" in readme


def test_missing_inputs_are_named_together():
    with pytest.raises(MissingInputs) as error:
        export_wireguard(bare_taiwan_plan())
    missing = error.value.missing["wireguard"]
    assert "platform.mesh.cidr" in missing
    assert "platform.regions.tokyo.gateway_endpoint" in missing
    assert "platform.regions.taipei.node_cidr" in missing


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_refused(name):
    server = taiwan_plan().scenario.platform.regions["tokyo"].servers["edge-1"]
    hostile = [
        with_hostile_region(name),
        with_place("tokyo", cluster=name),
        with_region("tokyo", servers={name: server}, gateway_server=name),
        with_region("tokyo", gateway_endpoint=f"{name}:51820"),
        with_region("tokyo", pod_cidr=name),
        with_mesh(interface=name),
        with_mesh(public_keys={"tokyo": name}),
    ]
    for plan in hostile:
        with pytest.raises(UnfaithfulExport):
            export_wireguard(plan)


def test_it_is_written_alike_every_time(known):
    assert export_wireguard(known) == export_wireguard(known)
    assert export_wireguard(taiwan_plan()) == export_wireguard(taiwan_plan())
