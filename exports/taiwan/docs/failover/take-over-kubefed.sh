#!/bin/sh
# Build KubeFed's control plane on tokyo-edge from a backup.
#
# Usage: take-over-kubefed.sh [--execute] BACKUP      (a folder that backup.sh has saved)
#
# Run fence.sh first. Without --execute it says what it would do. Federated objects come back with
# the placement that they had: without one KubeFed would delete what runs, until a preference has
# written it. So preferences come last.
set -eu

host=taiwan-master
standby=tokyo-edge
namespace=kube-federation-system
root=$(cd "$(dirname "$0")/../.." && pwd)

usage() {
    printf 'usage: %s [--execute] BACKUP; it is a folder with %s.json and others\n' "$0" \
        federatednamespaces.types.kubefed.io >&2
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
for kind in federatednamespaces.types.kubefed.io federatedserviceaccounts.types.kubefed.io federateddeployments.types.kubefed.io federatedservices.types.kubefed.io replicaschedulingpreferences.scheduling.kubefed.io; do
    [ -r "$backup/$kind.json" ] || usage
done

bare=$(jq -r '.items[] | select(.spec.placement == null) | .metadata.name' \
"$backup/federatednamespaces.types.kubefed.io.json" "$backup/federatedserviceaccounts.types.kubefed.io.json" "$backup/federateddeployments.types.kubefed.io.json" "$backup/federatedservices.types.kubefed.io.json")
[ -z "$bare" ] || {
    printf 'these have no placement in the backup, so KubeFed would delete what runs: %s\n' "$bare" >&2
    exit 1
}

# Only what people and controllers asked for; what this control plane must find out itself is left out.
clean='.items[] |= (del(.status) | .metadata |= {name, namespace, labels, annotations} | del(..|nulls))'

restore() {
    if [ -z "$execute" ]; then
        printf 'would restore %s %s\n' "$(jq '.items | length' "$backup/$1.json")" "$1"
        return 0
    fi
    if [ "$(jq '.items | length' "$backup/$1.json")" -gt 0 ]; then
        jq "$clean" "$backup/$1.json" | kubectl --context "$standby" apply --server-side \
            --field-manager=takeover -f -
    fi
}

join() {
    if [ "$1" != "$host" ] || answers "$host"; then
        change kubefedctl join "$1" --cluster-context "$1" --host-cluster-context "$standby" \
            --kubefed-namespace "$namespace" --secret-name "$1" --error-on-existing=false
        change kubectl --context "$standby" --namespace "$namespace" label --overwrite \
            kubefedclusters.core.kubefed.io "$1" "$2"
        [ "$1" = "$host" ] || change kubectl --context "$standby" --namespace "$namespace" \
            wait --for=condition=Ready --timeout=3m "kubefedclusters.core.kubefed.io/$1"
    else
        printf '%s does not answer: it is joined when it is back\n' "$1"
    fi
}

change helm --kube-context "$standby" upgrade --install kubefed kubefed/kubefed \
    --version 0.10.0 --namespace "$namespace" --create-namespace \
    --values "$root/federation/kubefed/values.yaml" --wait --timeout 10m
join taiwan-master topology.kubernetes.io/region=taipei
join singapore-edge topology.kubernetes.io/region=singapore
join tokyo-edge topology.kubernetes.io/region=tokyo
join losangeles-edge topology.kubernetes.io/region=losangeles
change kubectl --context "$standby" apply --server-side --field-manager=takeover \
    -f "$root/federation/kubefed/namespace.yaml"
restore federatednamespaces.types.kubefed.io
restore federatedserviceaccounts.types.kubefed.io
restore federateddeployments.types.kubefed.io
restore federatedservices.types.kubefed.io
restore replicaschedulingpreferences.scheduling.kubefed.io
