"""Rook's values fit its charts and its CRDs, and storage that does not fit is refused."""

import jsonschema
import pytest

from planner.errors import MissingInputs, UnfaithfulExport
from planner.exporters.rook import export_rook
from planner.model.platform import Server
from tests.conformance.schemas import unknown_values, validate
from tests.exporters.network_plans import (
    HOSTILE,
    by_path,
    documents,
    objects,
    with_place,
    with_platform_fields,
    with_region,
    with_server,
    with_servers,
    with_storage,
)
from tests.exporters.platforms import bare_taiwan_plan, taiwan_plan

FOLDER = "clusters/taiwan-master/rook"
CHARTS = ("rook-ceph", "ceph-csi-drivers", "rook-ceph-cluster")
FREE = ("cephClusterSpec.", "cephBlockPools[].spec.")
"""Below these the chart takes any field of the CRD, which `made` is judged by."""


def values(plan, chart, folder=FOLDER):
    return documents(export_rook(plan), f"{folder}/{chart}.values.yaml")[0]


def escaped(value):
    """A dot that belongs to a key is written with a backslash in the tables."""
    if isinstance(value, dict):
        return {key.replace(".", "\\."): escaped(part) for key, part in value.items()}
    return [escaped(part) for part in value] if isinstance(value, list) else value


def made(plan, folder=FOLDER):
    """The objects that the chart makes of its values."""
    own = values(plan, "rook-ceph-cluster", folder)
    (pool,) = own["cephBlockPools"]
    specs = {"CephCluster": own["cephClusterSpec"], "CephBlockPool": pool["spec"]}
    return [
        {
            "apiVersion": "ceph.rook.io/v1",
            "kind": kind,
            "metadata": {"name": "x", "namespace": "rook-ceph"},
            "spec": spec,
        }
        for kind, spec in specs.items()
    ]


@pytest.fixture(scope="module")
def mirrored():
    servers = {
        f"edge-{number}": Server(
            address=f"10.12.0.1{number}",
            pool="edge",
            control_plane=number == 1,
            raw_devices={"/dev/disk/by-id/nvme-a": 3000.0},
        )
        for number in (1, 2, 3)
    }
    return with_storage(with_servers("tokyo", servers), mirror_region="tokyo")


def test_every_value_exists_in_its_chart(mirrored):
    for plan in (taiwan_plan(), mirrored):
        for chart in CHARTS:
            unknown = unknown_values(chart, escaped(values(plan, chart)))
            assert [path for path in unknown if not path.startswith(FREE)] == [], chart


def test_what_the_chart_makes_fits_the_schemas(mirrored):
    for document in [
        *made(taiwan_plan()),
        *made(mirrored),
        *made(mirrored, "clusters/tokyo-edge/rook"),
    ]:
        validate(document)
    mirrors = [d for d in objects(export_rook(mirrored)) if d.get("kind") == "CephRBDMirror"]
    assert len(mirrors) == 2
    for document in mirrors:
        validate(document)


def test_a_wrong_field_is_refused_by_the_schema():
    cluster = made(taiwan_plan())[0]
    with pytest.raises(jsonschema.ValidationError):
        validate(cluster | {"spec": cluster["spec"] | {"monitors": 3}})


def test_storage_takes_the_named_devices_of_the_named_machines_alone():
    storage = made(taiwan_plan())[0]["spec"]["storage"]
    assert storage["useAllNodes"] is storage["useAllDevices"] is False
    assert storage["nodes"] == [
        {"name": f"taiwan-master-main-{number}", "devices": [{"name": "nvme2n1"}]}
        for number in (1, 2, 3)
    ]


def test_drivers_bear_the_names_that_rook_looks_for():
    drivers = values(taiwan_plan(), "ceph-csi-drivers")
    assert drivers["drivers"]["rbd"]["name"] == "rook-ceph.rbd.csi.ceph.com"
    assert drivers["operatorConfig"]["namespace"] == "rook-ceph"
    image_set = drivers["operatorConfig"]["driverSpecDefaults"]["imageSet"]["name"]
    assert image_set == "rook-csi-operator-image-set-configmap"


def test_copies_and_ceph_are_the_scenarios():
    plan = with_platform_fields(with_storage(replicas=2), versions={"ceph": "v20.2.5"})
    own = values(plan, "rook-ceph-cluster")
    assert own["cephBlockPools"][0]["spec"]["replicated"]["size"] == 2
    assert own["cephImage"]["tag"] == "v20.2.5"


def test_the_capacity_is_stated():
    readme = by_path(export_rook(taiwan_plan()))["network/rook/README.md"].content
    # 3 x 3576 GiB in 3 copies is 3576; three quarters of it are 2682.
    assert "| 10728 | 3576 | 2682 | 2000 |" in readme


def test_too_few_machines_with_raw_devices_are_refused_with_what_to_add():
    plan = with_server(
        "taipei", "main-2", with_server("taipei", "main-3", raw_devices={}), raw_devices={}
    )
    with pytest.raises(UnfaithfulExport) as error:
        export_rook(plan)
    assert "1 of 3 machines with raw devices (main-1)" in str(error.value)
    assert "Add raw devices on 2 more: on each of 3 machines 2667 GiB" in str(error.value)


def test_the_reports_single_raid_server_is_refused():
    servers = taiwan_plan().scenario.platform.regions["taipei"].servers
    only = {"main-1": servers["main-1"].model_copy(update={"raw_devices": {}})}
    with pytest.raises(UnfaithfulExport) as error:
        export_rook(with_region("taipei", servers=only))
    assert "0 of 1 machines with raw devices (none)" in str(error.value)
    assert "A RAID 1 under a file system is no raw device" in str(error.value)
    assert "3 more, 2 of them on machines to be added" in str(error.value)


def test_too_little_space_is_refused_with_what_would_do():
    with pytest.raises(
        UnfaithfulExport, match=r"holds 2682 GiB, and 2683 GiB are needed\. 3578 GiB"
    ):
        export_rook(with_storage(usable_gib=2683.0))
    assert export_rook(with_storage(usable_gib=2682.0))


def test_both_sites_are_judged_at_once():
    plan = with_storage(with_server("taipei", "main-3", raw_devices={}), mirror_region="tokyo")
    with pytest.raises(UnfaithfulExport) as error:
        export_rook(plan)
    assert "'taipei' has 2 of 3" in str(error.value)
    assert "'tokyo' has 0 of 2" in str(error.value)


def test_a_mirror_is_a_cluster_at_both_sites_that_know_each_other(mirrored):
    for folder, other in ((FOLDER, "tokyo"), ("clusters/tokyo-edge/rook", "taipei")):
        own = values(mirrored, "rook-ceph-cluster", folder)
        mirroring = own["cephBlockPools"][0]["spec"]["mirroring"]
        assert mirroring["peers"]["secretNames"] == [f"rbd-peer-{other}"]
        # Daemons of one site reach those of the other at the machines' addresses only.
        assert own["cephClusterSpec"]["network"]["provider"] == "host"
    assert made(mirrored, "clusters/tokyo-edge/rook")[0]["spec"]["storage"]["nodes"][0][
        "devices"
    ] == [{"name": "/dev/disk/by-id/nvme-a"}]
    readme = by_path(export_rook(mirrored))["network/rook/README.md"].content
    assert "create secret generic rbd-peer-taipei --from-file=token=/dev/stdin" in readme


def test_missing_inputs_are_named_together():
    with pytest.raises(MissingInputs) as error:
        export_rook(bare_taiwan_plan())
    assert error.value.missing["rook"] == (
        "platform.storage.region",
        "platform.storage.usable_gib",
    )
    plan = with_region("tokyo", with_storage(mirror_region="tokyo", usable_gib=0.0), servers={})
    with pytest.raises(MissingInputs) as error:
        export_rook(plan)
    assert error.value.missing["rook"] == (
        "platform.regions.tokyo.servers",
        "platform.storage.usable_gib",
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_refused(name):
    devices = {f"/dev/{name}": 3576.0}
    for plan in (
        with_place("taipei", cluster=name),
        with_storage(region=name),
        with_server("taipei", "main-1", raw_devices=devices),
    ):
        with pytest.raises(UnfaithfulExport):
            export_rook(plan)


def test_it_is_written_alike_every_time(mirrored):
    assert export_rook(mirrored) == export_rook(mirrored)
