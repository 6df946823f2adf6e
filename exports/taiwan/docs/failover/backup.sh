#!/bin/sh
# Save what the federation's control plane knows to https://s3.company.com, bucket company-control-plane.
#
# Usage: backup.sh [--execute] kubefed|karmada
#
# Without --execute it says what it would save. It needs kubectl and aws; for karmada etcdctl, too.
# Credentials come from the Secret backup-credentials of taiwan-master or tokyo-edge, unless AWS_ACCESS_KEY_ID is set.
# What is saved holds secrets (Karmada's keys and state): only the failover may read the bucket.
set -eu

host=taiwan-master
standby=tokyo-edge
bucket=company-control-plane
endpoint=https://s3.company.com
secret=backup-credentials
secret_namespace=kube-system
api=karmada-apiserver
karmada_namespace=karmada-system
etcd_port=${ETCD_LOCAL_PORT:-12379}

usage() {
    printf 'usage: %s [--execute] kubefed|karmada\n' "$0" >&2
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
case $1 in
    kubefed) context=$host kinds='kubefedconfigs.core.kubefed.io federatedtypeconfigs.core.kubefed.io kubefedclusters.core.kubefed.io federatednamespaces.types.kubefed.io federatedserviceaccounts.types.kubefed.io federateddeployments.types.kubefed.io federatedservices.types.kubefed.io replicaschedulingpreferences.scheduling.kubefed.io' ;;
    karmada) context=$api kinds='clusters.cluster.karmada.io propagationpolicies.policy.karmada.io clusterpropagationpolicies.policy.karmada.io overridepolicies.policy.karmada.io clusteroverridepolicies.policy.karmada.io clustertaintpolicies.policy.karmada.io federatedhpas.autoscaling.karmada.io cronfederatedhpas.autoscaling.karmada.io resourceinterpretercustomizations.config.karmada.io deployments.apps services serviceaccounts' ;;
    *) usage ;;
esac
controller=$1
stamp=$(date -u +%Y%m%dT%H%M%SZ)

value() {
    kubectl --context "$1" --namespace "$secret_namespace" get secret "$secret" \
        -o "jsonpath={.data.$2}" | base64 -d
}

credentials() {
    [ -z "${AWS_ACCESS_KEY_ID-}" ] || return 0
    if answers "$host"; then from=$host; else from=$standby; fi
    AWS_ACCESS_KEY_ID=$(value "$from" access-key-id)
    AWS_SECRET_ACCESS_KEY=$(value "$from" secret-access-key)
    export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
}

# etcd's image has no shell: the snapshot comes through a forwarded port.
snapshot() {
    certificates=$work/certificates
    mkdir "$certificates"
    for file in server-ca.crt karmada.crt karmada.key; do
        kubectl --context "$host" --namespace "$karmada_namespace" get secret karmada-cert \
            -o "go-template={{index .data \"$file\"}}" | base64 -d >"$certificates/$file"
    done
    kubectl --context "$host" --namespace "$karmada_namespace" \
        port-forward service/etcd-client "$etcd_port:2379" >/dev/null 2>&1 &
    forward=$!
    tries=0
    until etcd endpoint health >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -lt 30 ] || {
            printf 'etcd does not answer on port %s\n' "$etcd_port" >&2
            exit 1
        }
        sleep 1
    done
    etcd snapshot save "$work/out/etcd.db"
    kill "$forward" 2>/dev/null || :
    forward=
    for name in karmada-cert karmada-webhook-cert karmada-kubeconfig; do
        kubectl --context "$host" --namespace "$karmada_namespace" get secret "$name" -o json \
            >"$work/out/secret-$name.json"
    done
}

etcd() {
    etcdctl --endpoints="https://127.0.0.1:$etcd_port" --cacert="$certificates/server-ca.crt" \
        --cert="$certificates/karmada.crt" --key="$certificates/karmada.key" "$@"
}

if [ -z "$execute" ]; then
    for kind in $kinds; do
        printf 'would save %s of %s\n' "$kind" "$context"
    done
    [ "$controller" = kubefed ] || printf 'would save a snapshot of etcd and the Secrets %s of %s\n' \
        'karmada-cert, karmada-webhook-cert, karmada-kubeconfig' "$host"
    printf 'would copy them to s3://%s/%s/%s/ at %s\n' "$bucket" "$controller" "$stamp" "$endpoint"
    exit 0
fi

umask 077
forward=
work=$(mktemp -d)
trap '[ -z "$forward" ] || kill "$forward" 2>/dev/null || :; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$work/out"
for kind in $kinds; do
    kubectl --context "$context" get "$kind" --all-namespaces -o json >"$work/out/$kind.json"
done
[ "$controller" = kubefed ] || snapshot
credentials
aws --endpoint-url "$endpoint" s3 cp --recursive --only-show-errors "$work/out" \
    "s3://$bucket/$controller/$stamp/"
# Last, so that the newest that is named here is whole.
printf '%s\n' "$stamp" | aws --endpoint-url "$endpoint" s3 cp --only-show-errors - \
    "s3://$bucket/$controller/latest"
printf 'saved s3://%s/%s/%s/\n' "$bucket" "$controller" "$stamp"
