"""Karmada's view of Rollouts: where their replicas stand, and when they are healthy."""

from __future__ import annotations

from pathlib import PurePosixPath

from planner.exporters.kustomize import kustomization
from planner.model.manifest import Document, Manifest

_SCRIPTS = {
    "replicaResource": """\
local kube = require("kube")
function GetReplicas(obj)
  local replica = 1
  if obj.spec.replicas ~= nil then
    replica = obj.spec.replicas
  end
  return replica, kube.accuratePodRequirements(obj.spec.template)
end
""",
    "replicaRevision": """\
function ReviseReplica(obj, desiredReplica)
  obj.spec.replicas = desiredReplica
  return obj
end
""",
    "healthInterpretation": """\
function InterpretHealth(observedObj)
  if observedObj.status == nil or observedObj.status.phase == nil then
    return false
  end
  local seen = observedObj.status.observedGeneration
  return observedObj.status.phase == "Healthy"
    and seen == string.format("%d", observedObj.metadata.generation)
end
""",
    "statusAggregation": """\
function AggregateStatus(desiredObj, statusItems)
  if statusItems == nil then
    return desiredObj
  end
  if desiredObj.status == nil then
    desiredObj.status = {}
  end
  for _, field in ipairs({"replicas", "updatedReplicas", "readyReplicas", "availableReplicas"}) do
    local sum = 0
    for i = 1, #statusItems do
      local status = statusItems[i].status
      if status ~= nil and status[field] ~= nil then
        sum = sum + status[field]
      end
    end
    desiredObj.status[field] = sum
  end
  return desiredObj
end
""",
}
"""Argo Rollouts writes ``observedGeneration`` as a string."""


def interpreter(folder: PurePosixPath) -> tuple[Manifest, Manifest]:
    """Return the interpreter of Rollouts, and the kustomization of its folder.

    Parameters
    ----------
    folder : PurePosixPath
        Where both stand; they are applied to Karmada's API server.

    Notes
    -----
    Without it Karmada takes a Rollout for no workload at all: a policy that selects one would send
    all its replicas to every cluster.
    """
    document: Document = {
        "apiVersion": "config.karmada.io/v1alpha1",
        "kind": "ResourceInterpreterCustomization",
        "metadata": {"name": "argo-rollouts"},
        "spec": {
            "target": {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"},
            "customizations": {name: {"luaScript": script} for name, script in _SCRIPTS.items()},
        },
    }
    name = "interpreter.yaml"
    return kustomization(folder, [name]), Manifest(folder / name, (document,))
