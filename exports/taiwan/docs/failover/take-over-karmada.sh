#!/bin/sh
# Build Karmada's control plane on tokyo-edge from a backup.
#
# Usage: take-over-karmada.sh [--execute] BACKUP      (a folder that backup.sh has saved)
#
# Run fence.sh first. Without --execute it says what it would do. The context karmada-apiserver-standby
# must lead to the API server of Karmada on tokyo-edge, once that runs.
set -eu

standby=tokyo-edge
api=karmada-apiserver-standby
namespace=karmada-system
machine=10.12.0.11
node=tokyo-edge-edge-1
data=/var/lib/karmada-system/karmada-etcd
peer=http://etcd-0.etcd.karmada-system.svc.cluster.local:2380
root=$(cd "$(dirname "$0")/../.." && pwd)

usage() {
    printf 'usage: %s [--execute] BACKUP; it is a folder with etcd.db and secret-*.json\n' "$0" >&2
    exit 2
}

execute=
if [ "${1-}" = --execute ]; then
    execute=yes
    shift
fi

# Change something; without --execute only say what would be changed.
change() {
    if [ -n "$execute" ]; then
        "$@"
    else
        printf 'would run:'
        printf ' %s' "$@"
        printf '\n'
    fi
}

answers() {
    kubectl --context "$1" --request-timeout=10s get --raw /readyz >/dev/null 2>&1
}

[ "$#" -eq 1 ] || usage
backup=$1
for file in etcd.db secret-karmada-cert.json secret-karmada-webhook-cert.json secret-karmada-kubeconfig.json; do
    [ -r "$backup/$file" ] || usage
done

here() {
    change kubectl --context "$standby" --namespace "$namespace" "$@"
}

# The old keys: members, agents and tokens trust no others.
keys() {
    if [ -z "$execute" ]; then
        printf 'would apply the Secret %s\n' "$1"
        return 0
    fi
    jq '.metadata |= {name, namespace, labels} | del(..|nulls)' "$backup/secret-$1.json" |
        kubectl --context "$standby" apply --server-side --force-conflicts -f -
}

start() {
    here scale "$1" --replicas="$2"
    here rollout status "$1" --timeout=5m
}

# 1. The chart, with etcd on a known machine; then everything is stopped.
change helm --kube-context "$standby" upgrade --install karmada karmada/karmada \
    --version 1.18.2 --namespace "$namespace" --create-namespace \
    --values "$root/federation/karmada/values.yaml" \
    --set-string "etcd.internal.nodeSelector.kubernetes\\.io/hostname=$node" --wait --timeout 15m
here scale deployment/karmada-apiserver deployment/karmada-aggregated-apiserver deployment/karmada-webhook deployment/karmada-kube-controller-manager deployment/karmada-controller-manager deployment/karmada-scheduler statefulset/etcd --replicas=0
here wait --for=delete pod/etcd-0 --timeout=2m
keys karmada-cert
keys karmada-webhook-cert
keys karmada-kubeconfig

# 2. The old state, at a revision that no watcher has seen yet.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
change etcdutl snapshot restore "$backup/etcd.db" --name etcd-0 --initial-cluster "etcd-0=$peer" \
    --initial-advertise-peer-urls "$peer" --initial-cluster-token "tokyo-edge-$(date -u +%Y%m%dT%H%M%SZ)" \
    --bump-revision 1000000000 --mark-compacted --data-dir "$work/data"
# ${data:?} on this side, for it is expanded here.
change ssh "root@$machine" "rm -rf '${data:?}/member' && mkdir -p '$data'"
change scp -qr "$work/data/member" "root@$machine:$data/"

# 3. The parts that only answer.
start statefulset/etcd 1
start deployment/karmada-apiserver 2
start deployment/karmada-aggregated-apiserver 2
start deployment/karmada-webhook 2
change kubectl --context "$api" wait --for=condition=Available --timeout=3m \
    apiservice/v1alpha1.cluster.karmada.io

# 4. Nothing may be evicted while clusters are not Ready yet.
change kubectl --context "$api" delete clustertaintpolicies.policy.karmada.io --all

# 5. The parts that act.
start deployment/karmada-kube-controller-manager 2
start deployment/karmada-controller-manager 2
start deployment/karmada-scheduler 2
change kubectl --context "$api" wait --for=condition=Ready --timeout=5m clusters.cluster.karmada.io/singapore-edge
change kubectl --context "$api" wait --for=condition=Ready --timeout=5m clusters.cluster.karmada.io/tokyo-edge
change kubectl --context "$api" wait --for=condition=Ready --timeout=5m clusters.cluster.karmada.io/losangeles-edge
