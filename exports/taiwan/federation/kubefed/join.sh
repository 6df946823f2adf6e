#!/bin/sh
# Join every cluster to the KubeFed control plane on taiwan-master. Safe to run again.
#
# Usage: join.sh [--dry-run]      (with --dry-run it says what it would run)
#
# The kubeconfig in use must have a context for every cluster, named like the cluster:
# kubectl config rename-context OLD taiwan-master
# Credentials are made and stored by kubefedctl, in Secrets named like the clusters.
set -eu

case "$#:${1-}" in
    0:) dry_run= ;;
    1:--dry-run) dry_run=yes ;;
    *)
        printf 'usage: %s [--dry-run]\n' "$0" >&2
        exit 2
        ;;
esac

# Change something; with --dry-run only say what would be changed.
change() {
    if [ -z "$dry_run" ]; then
        "$@"
    else
        printf 'would run:'
        printf ' %s' "$@"
        printf '\n'
    fi
}

host=taiwan-master
system_namespace=kube-federation-system

join() {
    change kubefedctl join "$1" \
        --cluster-context "$1" \
        --host-cluster-context "$host" \
        --kubefed-namespace "$system_namespace" \
        --secret-name "$1" \
        --error-on-existing=false
}

join taiwan-master
join singapore-edge
join tokyo-edge
join losangeles-edge

change kubectl --context "$host" --namespace "$system_namespace" \
    wait --for=condition=Ready --timeout=120s \
    kubefedclusters.core.kubefed.io/taiwan-master \
    kubefedclusters.core.kubefed.io/singapore-edge \
    kubefedclusters.core.kubefed.io/tokyo-edge \
    kubefedclusters.core.kubefed.io/losangeles-edge
