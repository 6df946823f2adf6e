"""Files for machines, judged by the programs that read them: kubeadm, WireGuard, the shell.

Needs ``kubeadm``, ``shellcheck``, and for WireGuard ``wg``, ``wireguard-go`` and root: the gateways
of all regions run in one network namespace.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import yaml

from planner.exporters.kubeadm import DISCOVERY_FILE, export_kubeadm
from planner.exporters.wireguard import export_wireguard
from planner.model.manifest import Manifest
from planner.model.plan import Plan
from tests.conformance.tools import missing, tool
from tests.exporters.network_plans import (
    by_path,
    with_mesh,
    with_platform_fields,
    with_region,
    with_server,
)
from tests.exporters.platforms import taiwan_plan

pytestmark = pytest.mark.slow

HANDSHAKE_S = 20.0


def run(command: Sequence[str | Path], **options: object) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, **options)  # type: ignore[call-overload,no-any-return]


def written(manifests: Sequence[Manifest], folder: Path) -> dict[str, Path]:
    paths = {}
    for name, manifest in by_path(manifests).items():
        paths[name] = folder / name
        paths[name].parent.mkdir(parents=True, exist_ok=True)
        content = manifest.content
        text = content if isinstance(content, str) else yaml.safe_dump_all(content)
        paths[name].write_text(text, encoding="utf-8")
    return paths


# kubeadm


def old_kubernetes() -> Plan:
    return with_platform_fields(versions={"kubernetes": "1.28.15", "k3s": "v1.28.15+k3s1"})


def validated(path: Path, discovery: Path) -> subprocess.CompletedProcess[str]:
    """Judge a file; kubeadm wants the discovery file to exist, so one that does is named."""
    kubeadm = tool("kubeadm")
    text = path.read_text().replace(DISCOVERY_FILE, str(discovery))
    path.write_text(text)
    return run([kubeadm, "config", "validate", "--config", path])


@pytest.fixture
def discovery(tmp_path: Path) -> Path:
    path = tmp_path / "discovery.conf"
    path.write_text("apiVersion: v1\nkind: Config\n")
    return path


@pytest.mark.parametrize(
    "plan",
    [
        taiwan_plan(),
        with_server("taipei", "main-3", control_plane=False),
        with_region("taipei", api_sans=("api.internal", "2001:db8::5")),
        with_region("taipei", service_cidr="10.64.0.0/12", pod_cidr="10.40.0.0/22"),
        old_kubernetes(),
    ],
    ids=["as planned", "a worker", "further names", "networks at their limits", "v1beta3"],
)
def test_kubeadm_accepts_every_file(plan: Plan, tmp_path: Path, discovery: Path):
    files = [p for n, p in written(export_kubeadm(plan), tmp_path).items() if n.endswith(".yaml")]
    assert len(files) == 3
    for path in files:
        done = validated(path, discovery)
        assert done.returncode == 0, (path, done.stderr)
        assert "ok" in done.stdout


@pytest.mark.parametrize(
    ("file", "good", "bad"),
    [
        ("main-1/init.yaml", "certSANs", "certSANz"),
        ("main-1/init.yaml", "podSubnet: 10.40.0.0/16", "podSubnet: 10.40.0.0/30"),
        ("main-1/init.yaml", "advertiseAddress: 10.10.0.11", "advertiseAddress: 10.10.0"),
        ("main-1/init.yaml", "clusterDNS", "clusterDnS"),
        ("main-1/init.yaml", "serviceSubnet: 10.50.0.0/16", "serviceSubnet: 10.32.0.0/11"),
        ("main-2/join.yaml", "advertiseAddress: 10.10.0.12", "advertiseAddress: 10.10.0"),
        ("main-2/join.yaml", "name: taiwan-master-main-2", "name: Taiwan_2"),
    ],
)
def test_kubeadm_refuses_a_mutated_file(file, good, bad, tmp_path: Path, discovery: Path):
    path = written(export_kubeadm(taiwan_plan()), tmp_path)[f"hosts/taiwan-master/kubeadm/{file}"]
    text = path.read_text()
    assert good in text
    path.write_text(text.replace(good, bad))
    assert validated(path, discovery).returncode != 0


# WireGuard


def wireguard_tools() -> tuple[str, str, str]:
    # With what Debian recommends beside it, wireguard-tools brings a whole kernel.
    lean = "--no-install-recommends wireguard-tools"
    found = (tool("wg", lean), tool("wg-quick", lean), tool("wireguard-go"))
    if os.geteuid() != 0 or not Path("/dev/net/tun").exists():
        missing("WireGuard needs root and /dev/net/tun for an interface in a network namespace")
    return found


@pytest.fixture(scope="module")
def keys() -> dict[str, tuple[str, str]]:
    """Throwaway keys, private and public, of every region."""
    wg, *_ = wireguard_tools()
    made = {}
    for region in taiwan_plan().scenario.regions:
        private = run([wg, "genkey"]).stdout
        made[region] = (private, run([wg, "pubkey"], input=private).stdout.strip())
    return made


def looped(keys: dict[str, tuple[str, str]], **mesh: object) -> Plan:
    """The plan with the throwaway keys, every endpoint on loopback."""
    plan = with_mesh(public_keys={region: public for region, (_, public) in keys.items()}, **mesh)
    for port, region in enumerate(keys, start=51821):
        plan = with_region(region, plan, gateway_endpoint=f"127.0.0.1:{port}")
    return plan


@contextmanager
def interface(name: str, inside: int | None) -> Iterator[int]:
    """Run an interface in a new network namespace, or in that of the process `inside`."""
    *_, wireguard_go = wireguard_tools()
    enter = ["unshare", "--net"] if inside is None else ["nsenter", f"--target={inside}", "--net"]
    with subprocess.Popen(
        [*enter, wireguard_go, "--foreground", name],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            until(lambda: Path(f"/var/run/wireguard/{name}.sock").exists() or process.poll())
            if process.poll() is not None:
                missing("wireguard-go does not start an interface here")
            yield process.pid
        finally:
            process.terminate()
            process.wait(10)


def until(condition: Callable[[], object], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def set_conf(name: str, path: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Give an interface what wg-quick would give it."""
    wg, wg_quick, _ = wireguard_tools()
    stripped = run([wg_quick, "strip", path])
    assert stripped.returncode == 0, stripped.stderr
    (folder / "stripped").write_text(stripped.stdout)
    return run([wg, "setconf", name, folder / "stripped"])


def interface_name(place: int) -> str:
    return f"pl{os.getpid() % 1_000_000}x{place}"


@pytest.mark.parametrize("routes", ["wireguard", "bgp"])
def test_every_gateways_file_is_accepted_and_all_gateways_shake_hands(routes, keys, tmp_path):
    wg, *_ = wireguard_tools()
    plan = looped(keys, routes=routes, keepalive_s=1)
    files = written(export_wireguard(plan), tmp_path)
    with ExitStack() as stack:
        inside: int | None = None
        for place, region in enumerate(keys):
            name = interface_name(place)
            pid = stack.enter_context(interface(name, inside))
            inside = inside or pid
            cluster = plan.scenario.regions[region].cluster
            done = set_conf(name, files[f"hosts/{cluster}/wireguard/wg0.conf"], tmp_path)
            assert done.returncode == 0, done.stderr
            (tmp_path / "private").write_text(keys[region][0])
            assert run([wg, "set", name, "private-key", tmp_path / "private"]).returncode == 0
        assert inside is not None
        for link in ("lo", *(interface_name(place) for place in range(len(keys)))):
            up = ["nsenter", f"--target={inside}", "--net", "ip", "link", "set", link, "up"]
            assert run(up).returncode == 0
        for place, region in enumerate(keys):
            name = interface_name(place)
            assert allowed(name) == {
                keys[other][1]: set(cidrs_of(plan, other)) for other in keys if other != region
            }
            assert until(lambda name=name: all_shaken(name, len(keys) - 1), HANDSHAKE_S), region


def allowed(name: str) -> dict[str, set[str]]:
    shown = run(["wg", "show", name, "allowed-ips"]).stdout
    return {line.split()[0]: set(line.split()[1:]) for line in shown.splitlines()}


def all_shaken(name: str, peers: int) -> bool:
    times = [
        line.split()[1]
        for line in run(["wg", "show", name, "latest-handshakes"]).stdout.splitlines()
    ]
    return len(times) == peers and all(int(each) > 0 for each in times)


def cidrs_of(plan: Plan, region: str) -> tuple[str, ...]:
    own = plan.scenario.platform.regions[region]
    place = list(plan.scenario.regions).index(region) + 1
    return (f"10.99.0.{place}/32", own.node_cidr, own.pod_cidr, own.service_cidr)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (r"AllowedIPs = 10\.99\.0\.1/32", "AllowedIPs = 10.99.0.1/33"),
        (r"(PublicKey = .{42}).=", r"\1="),
        (r"PublicKey = .*", "PublicKey = @PUBLIC_KEY_taipei@"),
        (r"Endpoint = 127\.0\.0\.1:\d+", "Endpoint = 127.0.0.1"),
        (r"ListenPort", "ListenPorts"),
        (r"PersistentKeepalive", "PersistentKeepAlife"),
    ],
)
def test_wireguard_refuses_a_mutated_file(good, bad, keys, tmp_path):
    files = written(export_wireguard(looped(keys)), tmp_path)
    path = files["hosts/tokyo-edge/wireguard/wg0.conf"]
    changed, count = re.subn(good, bad, path.read_text())
    assert count > 0
    path.write_text(changed)
    with interface(interface_name(9), None):
        assert set_conf(interface_name(9), path, tmp_path).returncode != 0


def test_the_rendered_template_is_accepted(keys, tmp_path):
    plan = with_mesh(looped(keys), public_keys={})
    files = written(export_wireguard(plan), tmp_path)
    folder = files["hosts/tokyo-edge/wireguard/wg0.conf.in"].parent
    lines = "".join(f"{region} {public}\n" for region, (_, public) in keys.items())
    (tmp_path / "public-keys.txt").write_text(lines)
    environment = {"PATH": os.environ["PATH"], "WIREGUARD_DIRECTORY": str(tmp_path / "etc")}
    for arguments in ([], ["--apply"]):
        command = ["sh", folder / "render.sh", tmp_path / "public-keys.txt", *arguments]
        done = run(command, env=environment)
        assert done.returncode == 0, done.stderr
    with interface(interface_name(8), None):
        done = set_conf(interface_name(8), tmp_path / "etc" / "wg0.conf", tmp_path)
        assert done.returncode == 0, done.stderr
        assert len(allowed(interface_name(8))) == len(keys) - 1


# Scripts


def script_plans() -> Iterator[tuple[str, Plan]]:
    servers = taiwan_plan().scenario.platform.regions["taipei"].servers
    yield "as planned", taiwan_plan()
    yield "bgp", with_mesh(routes="bgp")
    yield "one worker", with_server("taipei", "main-2", control_plane=False)
    yield "one machine", with_region("taipei", servers={"main-1": servers["main-1"]})
    workers = {
        name: server.model_copy(update={"control_plane": name == "main-1"})
        for name, server in servers.items()
    }
    yield "one plane", with_region("taipei", servers=workers)


def scripts(plan: Plan, folder: Path) -> list[Path]:
    manifests = (*export_kubeadm(plan), *export_wireguard(plan))
    paths = written(manifests, folder)
    return [paths[str(each.path)] for each in manifests if each.executable]


@pytest.mark.parametrize("plan", [p for _, p in script_plans()], ids=[n for n, _ in script_plans()])
def test_shellcheck_finds_nothing(plan, tmp_path):
    shellcheck = tool("shellcheck")
    found = scripts(plan, tmp_path)
    assert len(found) >= 7
    done = run([shellcheck, *found])
    assert done.returncode == 0, done.stdout


def test_shellcheck_refuses_a_mutated_script(tmp_path):
    shellcheck = tool("shellcheck")
    script = next(path for path in scripts(taiwan_plan(), tmp_path) if path.name == "render.sh")
    script.write_text(
        script.read_text().replace('mv "$directory/$conf.new"', "mv $directory/$conf.new")
    )
    assert run([shellcheck, script]).returncode != 0


@pytest.mark.parametrize("plan", [p for _, p in script_plans()], ids=[n for n, _ in script_plans()])
def test_without_apply_a_script_says_what_it_would_do_and_does_nothing(plan, tmp_path):
    environment = {"PATH": os.environ["PATH"], "WIREGUARD_DIRECTORY": str(tmp_path / "etc")}
    for script in scripts(plan, tmp_path):
        if script.name == "render.sh":
            continue
        arguments = ["up"] if script.name == "mesh-routes.sh" else []
        done = run(["sh", script, *arguments], env=environment)
        assert done.returncode == 0, (script, done.stderr)
        assert "would" in done.stdout
        assert run(["sh", script, "--nonsense"], env=environment).returncode == 2
    assert not (tmp_path / "etc").exists()


def test_the_machines_routes_are_those_of_the_kernel(tmp_path):
    """The script's own commands, in a network namespace with the machine's address."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        missing("routes need root and `unshare` for a network namespace")
    (script,) = [
        path
        for path in scripts(taiwan_plan(), tmp_path)
        if path.name == "mesh-routes.sh" and "tokyo-edge" in path.parts
    ]
    made = (
        "ip link set lo up && ip tuntap add eth0 mode tap && ip address add 10.12.0.12/24 dev eth0"
        f" && ip link set eth0 up && sh {script} up --apply && sh {script} up --apply"
        f" && ip route && sh {script} down --apply && echo -- && ip route"
    )
    done = run(["unshare", "--net", "sh", "-c", made])
    if "/dev/net/tun" in done.stderr:
        missing("routes need /dev/net/tun for an interface in a network namespace")
    assert done.returncode == 0, done.stderr
    before, _, after = done.stdout.partition("--")
    assert re.search(r"10\.40\.0\.0/16 via 10\.12\.0\.11 dev eth0 .*mtu 1420", before)
    assert before.count("via 10.12.0.11") == 10
    assert "via" not in after
