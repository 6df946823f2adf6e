"""Failover of the control plane: runbooks and scripts, run beside a stand-in for kubectl."""

import json
import re
import shutil

import pytest

from planner.errors import MissingInputs, PlannerError, UnfaithfulExport
from planner.exporters.coredns import export_coredns
from planner.exporters.external_dns import export_external_dns
from planner.exporters.failover import (
    FEDERATED_KINDS,
    HOST_SECRETS,
    LATE_KINDS,
    MANAGERS,
    START_ORDER,
    export_failover,
)
from planner.exporters.karmada import export_karmada
from planner.exporters.kubefed import export_kubefed
from planner.exporters.secrets import secrets_of
from tests.conformance.schemas import unknown_values
from tests.exporters.cluster_trees import changed, scenario_changed
from tests.exporters.ownership import variant
from tests.exporters.platforms import taiwan_plan
from tests.exporters.scripts import Bench, shellcheck

FOLDER = "docs/failover"
HOST, STANDBY = "taiwan-master", "tokyo-edge"
MEMBERS = ("taiwan-master", "singapore-edge", "tokyo-edge", "losangeles-edge")
SCRIPTS = ("backup.sh", "checks.sh", "fence.sh", "take-over-kubefed.sh", "take-over-karmada.sh")

jq = pytest.mark.skipif(
    shutil.which("jq") is None, reason="jq is missing; Debian has it as the package jq"
)


@pytest.fixture(scope="module")
def manifests():
    return export_failover(taiwan_plan())


@pytest.fixture
def bench(tmp_path, manifests):
    return Bench(tmp_path, manifests)


@pytest.fixture
def backup(tmp_path):
    """A folder as backup.sh saves it, with one object of each kind."""
    folder = tmp_path / "a backup"
    folder.mkdir()
    for kind in (*FEDERATED_KINDS, *LATE_KINDS):
        one = {
            "apiVersion": "v1",
            "kind": kind,
            "metadata": {"name": "api", "namespace": "prod-api", "resourceVersion": "7"},
            "spec": {"placement": {"clusters": [{"name": STANDBY}]}},
            "status": {"seen": True},
        }
        (folder / f"{kind}.json").write_text(json.dumps({"kind": "List", "items": [one]}))
    for name in HOST_SECRETS:
        (folder / f"secret-{name}.json").write_text(json.dumps({"metadata": {"name": name}}))
    (folder / "etcd.db").write_text("")
    return folder


def texts(manifests):
    return {m.path.name: m.content for m in manifests}


def down(cluster):
    return {f"--context {cluster} --request-timeout=10s get --raw": (1, "")}


def test_every_file_is_documentation_or_a_script_below_docs(manifests):
    assert {m.path.name for m in manifests if m.executable} == set(SCRIPTS)
    assert all(str(m.path).startswith(f"{FOLDER}/") for m in manifests)
    assert all(isinstance(m.content, str) for m in manifests)


@pytest.mark.parametrize("controller", ["kubefed", "karmada"])
def test_the_readme_says_which_runbook_holds(controller):
    readme = texts(export_failover(variant(controller)))["README.md"]
    assert f"**{controller}**: `runbook-{controller}.md`" in readme


def test_the_runbooks_name_places_that_exist(manifests):
    coredns = {str(m.path) for m in export_coredns(taiwan_plan())}
    external = {str(m.path) for m in export_external_dns(taiwan_plan())}
    federations = {
        str(m.path) for m in (*export_kubefed(taiwan_plan()), *export_karmada(taiwan_plan()))
    }
    for name in ("runbook-kubefed.md", "runbook-karmada.md"):
        text = texts(manifests)[name]
        state = re.search(r"coredns/switch.sh (\S+)`", text).group(1)
        assert any(path.startswith(f"dns/coredns/zones/{state}/") for path in coredns)
        assert any(path.startswith(f"dns/external-dns/{state}/") for path in external)
        assert "dns/external-dns/values.yaml" in external
    for script in texts(manifests).values():
        for path in re.findall(r"\$root/(\S+?)\"", script):
            assert path in federations
    for name in re.findall(r"`\./([a-z-]+\.sh)", "".join(texts(manifests).values())):
        assert name in SCRIPTS


def test_the_parts_of_karmada_are_those_of_the_chart(manifests):
    """Their values exist: replicas, and where etcd stands."""
    script = texts(manifests)["take-over-karmada.sh"]
    assert "etcd.internal.nodeSelector.kubernetes" in script
    values = {"etcd": {"internal": {"nodeSelector": {}}}}
    assert unknown_values("karmada", values) == []
    components = {part.removeprefix("karmada-") for part in START_ORDER}
    (chart,) = next(
        m.content for m in export_karmada(taiwan_plan()) if m.path.name == "values.yaml"
    )
    kebab = {re.sub("([A-Z])", lambda m: "-" + m.group().lower(), key) for key in chart}
    assert components <= {"apiserver" if k == "api-server" else k for k in kebab} | {
        "aggregated-apiserver"
    }
    for part in START_ORDER:
        assert f"start deployment/{part} 2" in script


def test_etcd_goes_to_a_control_plane_of_the_standby(manifests):
    servers = taiwan_plan().scenario.platform.regions["tokyo"].servers
    script = texts(manifests)["take-over-karmada.sh"]
    assert f"machine={servers['edge-1'].address}\n" in script
    assert "node=tokyo-edge-edge-1\n" in script


def test_the_credentials_stand_on_host_and_standby():
    (note,) = [n for n in secrets_of(taiwan_plan()) if n.name == "backup-credentials"]
    assert note.clusters == (HOST, STANDBY)
    script = texts(export_failover(taiwan_plan()))["backup.sh"]
    for key in note.keys:
        assert key in script
    assert f"secret_namespace={note.namespace}" in script


def test_missing_inputs_are_listed_together():
    plan = taiwan_plan()
    federation = plan.scenario.federation.model_copy(update={"standby_region": None})
    bare = changed(scenario_changed(plan, federation=federation), backups=None)
    with pytest.raises(MissingInputs) as refused:
        export_failover(bare)
    assert refused.value.missing["failover"] == (
        "federation.standby_region",
        "platform.backups",
    )
    regions = plan.scenario.platform.regions
    empty = regions | {"tokyo": regions["tokyo"].model_copy(update={"servers": {}})}
    with pytest.raises(MissingInputs) as refused:
        export_failover(changed(plan, backups=None, regions=empty))
    assert refused.value.missing["failover"] == (
        "platform.backups",
        "platform.regions.tokyo.servers",
    )


def test_a_standby_that_is_the_host_is_refused():
    plan = taiwan_plan()
    federation = plan.scenario.federation.model_copy(update={"standby_region": "taipei"})
    with pytest.raises(UnfaithfulExport, match="host region itself"):
        export_failover(scenario_changed(plan, federation=federation))


@pytest.mark.parametrize("name", ["$(reboot)", "a'; reboot; '", "a\nreboot", '"; reboot #'])
def test_hostile_names_are_refused(name):
    plan = taiwan_plan()
    known = plan.scenario.platform
    hostile = [scenario_changed(plan, namespace=name)]
    for field in ("bucket", "endpoint", "secret"):
        backups = known.backups.model_copy(update={field: name})
        hostile.append(changed(plan, backups=backups))
    hostile.append(changed(plan, mesh=known.mesh.model_copy(update={"interface": name})))
    tokyo = known.regions["tokyo"]
    machine = tokyo.servers["edge-1"].model_copy(update={"address": name})
    for servers in ({"edge-1": machine}, {name: tokyo.servers["edge-1"]}):
        regions = {"tokyo": tokyo.model_copy(update={"servers": servers})}
        hostile.append(changed(plan, regions=known.regions | regions))
    for one in hostile:
        with pytest.raises(PlannerError):
            export_failover(one)


def test_the_same_plan_gives_the_same_files(manifests):
    assert export_failover(taiwan_plan()) == manifests


def test_scripts_pass_shellcheck(tmp_path, manifests):
    shellcheck(tmp_path, manifests)


@pytest.mark.parametrize("controller", ["kubefed", "karmada"])
def test_a_dry_backup_touches_nothing(bench, controller):
    done = bench.run(f"{FOLDER}/backup.sh", controller)
    assert (done.returncode, bench.calls) == (0, [])
    assert f"s3://company-control-plane/{controller}/" in done.stdout
    assert ("etcd" in done.stdout) == (controller == "karmada")


def test_a_backup_of_kubefed_saves_every_kind_and_names_it_last(bench):
    bench.answer({"get secret": (0, "c2VjcmV0")})
    done = bench.run(f"{FOLDER}/backup.sh", "--execute", "kubefed", AWS_ACCESS_KEY_ID="")
    assert done.returncode == 0, done.stderr
    got = [call.split(" get ")[1].split()[0] for call in bench.calls if " -o json" in call]
    assert [kind for kind in got if kind != "secret"][-5:] == [*FEDERATED_KINDS, *LATE_KINDS]
    sent = [call for call in bench.calls if call.startswith("aws")]
    assert [" --recursive " in call for call in sent] == [True, False]
    assert sent[1].endswith("s3://company-control-plane/kubefed/latest")
    assert "secret" not in "".join(sent).replace("company", "")


def test_a_backup_of_karmada_has_state_and_keys(bench):
    bench.answer({"get secret": (0, "c2VjcmV0")})
    done = bench.run(f"{FOLDER}/backup.sh", "--execute", "karmada", AWS_ACCESS_KEY_ID="known")
    assert done.returncode == 0, done.stderr
    (snapshot,) = [call for call in bench.calls if " snapshot save " in call]
    assert snapshot.startswith("etcdctl --endpoints=https://127.0.0.1:")
    for name in HOST_SECRETS:
        assert any(f"get secret {name} -o json" in call for call in bench.calls)


def test_a_backup_that_cannot_be_read_is_not_sent(bench):
    bench.answer({"get federateddeployments": (1, "")})
    done = bench.run(f"{FOLDER}/backup.sh", "--execute", "kubefed", AWS_ACCESS_KEY_ID="known")
    assert done.returncode != 0
    assert not any(call.startswith("aws") for call in bench.calls)


def test_fencing_kubefed_stops_the_host_and_takes_its_accounts_away(bench):
    dry = bench.run(f"{FOLDER}/fence.sh", "kubefed")
    assert (dry.returncode, bench.changes()) == (0, [])
    done = bench.run(f"{FOLDER}/fence.sh", "--execute", "kubefed")
    assert done.returncode == 0
    scale, *deleted = bench.changes()
    assert f"--context {HOST} " in scale
    assert "scale deployment kubefed-controller-manager --replicas=0" in scale
    assert [call.split()[2] for call in deleted] == [m for m in MEMBERS if m != HOST]
    for call in deleted:
        member = call.split()[2]
        assert f"delete serviceaccount {member}-{HOST} " in call


def test_a_dead_host_of_kubefed_is_fenced_in_its_members(bench):
    bench.answer(down(HOST))
    done = bench.run(f"{FOLDER}/fence.sh", "--execute", "kubefed")
    assert done.returncode == 0
    assert all(" delete serviceaccount " in call for call in bench.changes())


def test_a_member_that_cannot_be_fenced_is_a_finding(bench):
    bench.answer(down(HOST) | down("singapore-edge"))
    done = bench.run(f"{FOLDER}/fence.sh", "--execute", "kubefed")
    assert done.returncode == 1
    assert "singapore-edge does not answer" in done.stderr


def test_fencing_karmada_stops_what_writes_and_nothing_else(bench):
    done = bench.run(f"{FOLDER}/fence.sh", "--execute", "karmada")
    assert done.returncode == 0
    assert [call.split()[-2] for call in bench.changes()] == list(MANAGERS)
    bench.answer(down(HOST))
    done = bench.run(f"{FOLDER}/fence.sh", "--execute", "karmada")
    assert (done.returncode, bench.changes()) == (1, [])
    assert "cut it off" in done.stderr


@jq
@pytest.mark.parametrize("controller", ["kubefed", "karmada"])
def test_a_dry_takeover_changes_nothing(bench, backup, controller):
    done = bench.run(f"{FOLDER}/take-over-{controller}.sh", str(backup))
    assert done.returncode == 0, done.stderr
    assert bench.changes() == []
    assert "would run: helm" in done.stdout


@jq
def test_kubefed_is_installed_joined_and_restored_with_preferences_last(bench, backup):
    bench.answer(down(HOST))
    done = bench.run(f"{FOLDER}/take-over-kubefed.sh", "--execute", str(backup))
    assert done.returncode == 0, done.stderr
    changes = bench.changes()
    assert changes[0].startswith(f"helm --kube-context {STANDBY} upgrade --install kubefed")
    joined = [call.split()[2] for call in changes if call.startswith("kubefedctl join")]
    assert joined == [m for m in MEMBERS if m != HOST]
    assert "is joined when it is back" in done.stdout
    applied = [call for call in changes if " apply " in call]
    assert applied[0].endswith("federation/kubefed/namespace.yaml")
    assert len(applied) == 1 + len(FEDERATED_KINDS) + len(LATE_KINDS)
    assert changes.index(applied[0]) > max(
        n for n, call in enumerate(changes) if call.startswith("kubefedctl join")
    )


@jq
def test_objects_without_a_placement_are_not_restored(bench, backup):
    """KubeFed would take what runs for unwanted."""
    path = backup / f"{FEDERATED_KINDS[2]}.json"
    content = json.loads(path.read_text())
    del content["items"][0]["spec"]["placement"]
    path.write_text(json.dumps(content))
    done = bench.run(f"{FOLDER}/take-over-kubefed.sh", "--execute", str(backup))
    assert (done.returncode, bench.changes()) == (1, [])
    assert "have no placement" in done.stderr


@jq
def test_karmada_starts_what_answers_before_what_acts(bench, backup):
    done = bench.run(f"{FOLDER}/take-over-karmada.sh", "--execute", str(backup))
    assert done.returncode == 0, done.stderr
    changes = bench.changes()

    def first(piece):
        return next(number for number, call in enumerate(changes) if piece in call)

    stopped = first("--replicas=0")
    assert all(f"deployment/{part}" in changes[stopped] for part in START_ORDER)
    order = ["helm ", "--replicas=0", "--force-conflicts", "etcdutl snapshot restore", "ssh "]
    order += ["scp ", "scale statefulset/etcd --replicas=1"]
    order += [f"scale deployment/{part} --replicas=2" for part in START_ORDER]
    places = [first(piece) for piece in order]
    assert places == sorted(places)
    unsafe = first("delete clustertaintpolicies")
    assert first(START_ORDER[2] + " --replicas=2") < unsafe < first(MANAGERS[0] + " --replicas=2")
    assert "--bump-revision 1000000000 --mark-compacted" in changes[order.index("ssh ") + 1]


def test_an_incomplete_backup_is_refused(bench, backup):
    (backup / "etcd.db").unlink()
    (backup / f"{LATE_KINDS[0]}.json").unlink()
    for controller in ("kubefed", "karmada"):
        done = bench.run(f"{FOLDER}/take-over-{controller}.sh", "--execute", str(backup))
        assert (done.returncode, bench.calls) == (2, [])


@pytest.mark.parametrize("controller", ["kubefed", "karmada"])
def test_checks_afterwards_compare_with_the_plan(bench, controller):
    bench.answer({"readyReplicas": (0, "500")})
    done = bench.run(f"{FOLDER}/checks.sh", "after", controller)
    assert done.returncode == 0, done.stdout
    assert bench.changes() == []
    plan = taiwan_plan()
    for name, service in plan.services.items():
        for region, count in service.replicas.items():
            cluster = plan.scenario.regions[region].cluster
            line = f"{name} in {cluster} has 500 ready replicas, planned {count}"
            assert (line in done.stdout) == (cluster != HOST and count > 0)
    bench.answer({"tokyo-edge --request-timeout=10s --namespace": (0, "1"), "ready": (0, "500")})
    done = bench.run(f"{FOLDER}/checks.sh", "after", controller)
    assert done.returncode == 1
    assert "NOT    api in tokyo-edge has 1 ready replicas, planned 14" in done.stdout


def test_checks_before_look_at_the_standby(bench):
    bench.answer(down(STANDBY))
    done = bench.run(f"{FOLDER}/checks.sh", "before", "karmada")
    assert done.returncode == 1
    assert f"NOT    {STANDBY} answers" in done.stdout
    assert bench.changes() == []


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("backup.sh", []),
        ("backup.sh", ["--force", "kubefed"]),
        ("backup.sh", ["nomad"]),
        ("fence.sh", ["--execute"]),
        ("fence.sh", ["--force"]),
        ("fence.sh", ["kubefed", "--execute"]),
        ("checks.sh", ["before"]),
        ("checks.sh", ["--execute", "kubefed"]),
        ("checks.sh", ["after", "--force"]),
        ("take-over-kubefed.sh", []),
        ("take-over-kubefed.sh", ["--force"]),
        ("take-over-karmada.sh", ["/nowhere"]),
        ("take-over-karmada.sh", ["a", "b"]),
    ],
)
def test_unknown_words_are_refused(bench, script, words):
    done = bench.run(f"{FOLDER}/{script}", *words)
    assert (done.returncode, bench.calls) == (2, [])
    assert "usage:" in done.stderr
