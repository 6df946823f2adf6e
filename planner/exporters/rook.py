"""Rook: replicated storage on the machines' raw devices, and its mirror in another region."""

from __future__ import annotations

import math
import re
from pathlib import PurePosixPath

from planner.errors import MissingInputs, UnfaithfulExport
from planner.exporters import naming
from planner.exporters.ceph_capacity import LEAST_MACHINES, CephCapacity, capacity
from planner.exporters.kustomize import kustomization
from planner.exporters.machines import machines
from planner.exporters.rendering import text
from planner.exporters.requirements import absent, each_region, platform_of, region_platform
from planner.exporters.versions import Component, versions
from planner.model.manifest import Document, Manifest
from planner.model.plan import Plan
from planner.model.platform import Storage

FOLDER = PurePosixPath("network/rook")
CHARTS = ("rook-ceph", "ceph-csi-drivers", "rook-ceph-cluster")
"""In the order in which they are installed."""

DRIVER = f"{naming.STORAGE_NAMESPACE}.rbd.csi.ceph.com"
IMAGE_SET = "rook-csi-operator-image-set-configmap"
MIRROR = "rbd-mirror"

BACKFILL_FULL_SHARE = 0.90
"""Ceph's own limit for copies made anew; the warning must come before it."""

_DEVICE = re.compile(r"/dev/[A-Za-z0-9/_.:-]+")
CSI_SECRETS = {
    "provisioner": "rook-csi-rbd-provisioner",
    "controller-expand": "rook-csi-rbd-provisioner",
    "controller-publish": "rook-csi-rbd-provisioner",
    "node-stage": "rook-csi-rbd-node",
}
"""Step in a volume's life to the Secret that the driver takes it with; Rook makes them."""


def export_rook(plan: Plan) -> tuple[Manifest, ...]:
    """Return the values of Rook's three charts for each site, and the objects of the mirror.

    Parameters
    ----------
    plan : Plan
        What was decided; its platform knows the storage and the machines' raw devices.

    Returns
    -------
    tuple of Manifest
        ``clusters/<cluster>/rook/...`` for the storage's region and its mirror's, and a README.

    Raises
    ------
    MissingInputs
        With everything that the scenario does not say.
    UnfaithfulExport
        If too few machines have raw devices, or they hold less than the services need.

    Notes
    -----
    The chart ``rook-ceph-cluster`` writes CephCluster, CephBlockPool and StorageClass from its
    values, so they are no objects of their own here: each object has one writer.
    """
    storage = _storage(plan)
    table = versions(plan, (*CHARTS, "ceph"))
    sites = [storage.region, *([storage.mirror_region] if storage.mirror_region else [])]
    capacities = _capacities(plan, storage, sites)
    trees = [manifest for site in sites for manifest in _site(plan, storage, site, table["ceph"])]
    readme = _readme(plan, storage, capacities, table)
    return (*trees, Manifest(FOLDER / "README.md", readme))


def _storage(plan: Plan) -> Storage:
    """Return what is known of the storage; all that is missing is named at once."""
    storage = platform_of(plan).storage
    missing = list(absent(plan, ["storage.region"]))
    if storage is None:
        raise MissingInputs({"rook": [*missing, "platform.storage.usable_gib"]})
    regions = [storage.region, *([storage.mirror_region] if storage.mirror_region else [])]
    unknown = [name for name in regions if name not in plan.scenario.regions]
    if unknown:
        raise UnfaithfulExport(f"platform.storage: the scenario has no region '{unknown[0]}'")
    missing += absent(plan, each_region(regions, "servers"))
    if storage.usable_gib == 0:
        missing.append("platform.storage.usable_gib")
    if missing:
        raise MissingInputs({"rook": missing})
    return storage


def raw_gib(plan: Plan, region: str) -> dict[str, float]:
    """Return machine to the size of its raw devices, GiB, of those that have any.

    Parameters
    ----------
    plan : Plan
        Its platform lists the devices.
    region : str
        The region.
    """
    servers = region_platform(plan, region).servers
    return {
        name: sum(server.raw_devices.values())
        for name, server in servers.items()
        if server.raw_devices
    }


def _capacities(plan: Plan, storage: Storage, sites: list[str]) -> dict[str, CephCapacity]:
    """Return what each site holds, having refused all that hold too little at once."""
    faults = []
    found = {}
    for site in sites:
        sizes = raw_gib(plan, site)
        found[site] = capacity(sizes, storage.replicas)
        faults += _faults(plan, storage, site, found[site])
    if faults:
        raise UnfaithfulExport("\n".join(["replicated storage does not fit:", *faults]))
    return found


def _faults(plan: Plan, storage: Storage, site: str, held: CephCapacity) -> list[str]:
    """Say what a site lacks, and what to add."""
    sizes, servers = raw_gib(plan, site), region_platform(plan, site).servers
    least = max(LEAST_MACHINES, storage.replicas)
    each = math.ceil(storage.usable_gib / storage.full_share) if storage.full_share else 0
    if len(sizes) < least:
        more = least - len(sizes)
        bare = len(servers) - len(sizes)
        machines_too = f", {more - bare} of them on machines to be added" if more > bare else ""
        have = ", ".join(sizes) or "none"
        return [
            f"  '{site}' has {len(sizes)} of {len(servers)} machines with raw devices ({have}); "
            f"{storage.replicas} copies and a majority of monitors need {least}. A RAID 1 under a "
            f"file system is no raw device. Add raw devices on {more} more{machines_too}: on each "
            f"of {least} machines {each} GiB (platform.regions.{site}.servers.<name>.raw_devices)"
        ]
    allowed = storage.full_share * held.usable_gib
    if allowed < storage.usable_gib:
        return [
            f"  '{site}' has {held.raw_gib:g} GiB raw on {len(sizes)} machines; in "
            f"{storage.replicas} copies and filled to {storage.full_share:.0%} it holds "
            f"{allowed:.0f} GiB, and {storage.usable_gib:g} GiB are needed. {each} GiB on each of "
            f"{storage.replicas} machines would do"
        ]
    return []


def _site(plan: Plan, storage: Storage, site: str, ceph: Component) -> list[Manifest]:
    """Return the folder of one site."""
    machines(plan, site)  # refuses names that cannot stand in a path
    cluster = plan.scenario.regions[site].cluster
    folder = PurePosixPath("clusters", cluster, "rook")
    mirrored = storage.mirror_region is not None
    files = [
        Manifest(folder / "rook-ceph.values.yaml", (_operator_values(),)),
        Manifest(folder / "ceph-csi-drivers.values.yaml", (_driver_values(mirrored),)),
        Manifest(
            folder / "rook-ceph-cluster.values.yaml", (_cluster_values(plan, storage, site, ceph),)
        ),
    ]
    if not mirrored:
        return files
    mirror = {
        "apiVersion": "ceph.rook.io/v1",
        "kind": "CephRBDMirror",
        "metadata": {"name": MIRROR, "namespace": naming.STORAGE_NAMESPACE},
        "spec": {"count": 1},
    }
    return [
        kustomization(folder, ["mirror.yaml"]),
        *files,
        Manifest(folder / "mirror.yaml", (mirror,)),
    ]


def _operator_values() -> Document:
    """Build the operator's values; from 1.20 it no longer configures the drivers."""
    return {"crds": {"enabled": True}, "csi": {"installCsiOperator": True}}


def _driver_values(mirrored: bool) -> Document:
    """Build the drivers' values; the chart's own defaults do not fit Rook."""
    block: Document = {"name": DRIVER, "enabled": True}
    if mirrored:
        block["generateOMapInfo"] = True
    return {
        "operatorConfig": {
            "namespace": naming.STORAGE_NAMESPACE,
            "driverSpecDefaults": {
                "imageSet": {"name": IMAGE_SET},
                "controllerPlugin": {"replicas": 2},
            },
        },
        "drivers": {
            "rbd": block,
            "cephfs": {"enabled": False},
            "nvmeof": {"enabled": False},
        },
    }


def _cluster_values(plan: Plan, storage: Storage, site: str, ceph: Component) -> Document:
    """Build the values that CephCluster, CephBlockPool and StorageClass are made of."""
    return {
        "operatorNamespace": naming.STORAGE_NAMESPACE,
        "cephImage": {"tag": ceph.version, "allowUnsupported": False},
        "cephClusterSpec": _cluster_spec(plan, storage, site),
        "cephBlockPools": [
            {
                "name": naming.STORAGE_CLASS,
                "spec": _pool_spec(storage, site),
                "storageClass": _storage_class(),
            }
        ],
        "cephFileSystems": [],
        "cephObjectStores": [],
    }


def _cluster_spec(plan: Plan, storage: Storage, site: str) -> Document:
    """Build the CephCluster: these devices of these machines and no others."""
    spec: Document = {
        "dataDirHostPath": "/var/lib/rook",
        "mon": {"count": LEAST_MACHINES, "allowMultiplePerNode": False},
        "mgr": {"count": 2, "allowMultiplePerNode": False},
        "dashboard": {"enabled": True, "ssl": True},
        "network": {"connections": {"requireMsgr2": True}},
        "storage": {"useAllNodes": False, "useAllDevices": False, "nodes": _nodes(plan, site)},
    }
    if storage.full_share < BACKFILL_FULL_SHARE:
        spec["storage"]["nearFullRatio"] = storage.full_share
    if storage.mirror_region is not None:
        spec["network"]["provider"] = "host"
    return spec


def _nodes(plan: Plan, site: str) -> list[Document]:
    """List the machines and their devices."""
    servers = region_platform(plan, site).servers
    listed = []
    for machine in machines(plan, site):
        devices = servers[machine.name].raw_devices
        path = f"platform.regions.{site}.servers.{machine.name}.raw_devices"
        for device in devices:
            if not _DEVICE.fullmatch(device) or ".." in device:
                raise UnfaithfulExport(f"{path}: {device!r} is no path of a device")
        if devices:
            names = [{"name": _device_name(device)} for device in devices]
            listed.append({"name": machine.node, "devices": names})
    return listed


def _device_name(path: str) -> str:
    """Return a device as Rook names it: the kernel's name, or the whole path of a link."""
    name = path.removeprefix("/dev/")
    return path if "/" in name else name


def _pool_spec(storage: Storage, site: str) -> Document:
    """Build the CephBlockPool, each copy on another machine."""
    spec: Document = {
        "failureDomain": "host",
        "replicated": {"size": storage.replicas, "requireSafeReplicaSize": True},
    }
    if storage.mirror_region is not None:
        other = storage.mirror_region if site == storage.region else storage.region
        spec["mirroring"] = {
            "enabled": True,
            "mode": "image",
            "peers": {"secretNames": [peer_secret(other)]},
        }
    return spec


def peer_secret(other: str) -> str:
    """Return the name of the Secret with which a site reaches the other one.

    Examples
    --------
    >>> peer_secret("tokyo")
    'rbd-peer-tokyo'
    """
    return f"rbd-peer-{other}"


def _storage_class() -> Document:
    """Build the class; an own list of pools replaces the chart's, so all parameters stand here."""
    parameters = {
        "imageFormat": "2",
        "imageFeatures": "layering,exclusive-lock,object-map,fast-diff",
    }
    for role, name in CSI_SECRETS.items():
        parameters[f"csi.storage.k8s.io/{role}-secret-name"] = name
        parameters[f"csi.storage.k8s.io/{role}-secret-namespace"] = naming.STORAGE_NAMESPACE
    parameters["csi.storage.k8s.io/fstype"] = "ext4"
    return {
        "enabled": True,
        "name": naming.STORAGE_CLASS,
        "isDefault": True,
        "reclaimPolicy": "Retain",
        "allowVolumeExpansion": True,
        "volumeBindingMode": "Immediate",
        "parameters": parameters,
    }


def _readme(
    plan: Plan, storage: Storage, held: dict[str, CephCapacity], table: dict[str, Component]
) -> str:
    """Write the order, the capacity, and what is not expressed."""
    regions = plan.scenario.regions
    return text(
        "rook.md.j2",
        charts=[table[name] for name in CHARTS],
        ceph=table["ceph"].version,
        namespace=naming.STORAGE_NAMESPACE,
        pool=naming.STORAGE_CLASS,
        storage=storage,
        sites=[
            (site, regions[site].cluster, raw_gib(plan, site), capacity_)
            for site, capacity_ in held.items()
        ],
        mirrored=storage.mirror_region is not None,
        mirror=MIRROR,
        peers=[
            (regions[a].cluster, regions[b].cluster, peer_secret(a))
            for a in held
            for b in held
            if a != b
        ],
        driver=DRIVER,
    )
