#!/bin/sh
# Make sure that the control plane on taiwan-master writes to no cluster any more.
#
# Usage: fence.sh [--execute] kubefed|karmada
#
# Without --execute it says what it would do. Exit 1 if the old control plane may still write.
set -eu

host=taiwan-master
kubefed_namespace=kube-federation-system
karmada_namespace=karmada-system

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

stop() {
    namespace=$1
    shift
    for name in "$@"; do
        change kubectl --context "$host" --namespace "$namespace" scale deployment "$name" --replicas=0
        change kubectl --context "$host" --namespace "$namespace" \
            rollout status "deployment/$name" --timeout=2m
    done
}

# Without its account in a member, the old host's token is worth nothing there.
forbid() {
    if answers "$1"; then
        change kubectl --context "$1" --namespace "$kubefed_namespace" \
            delete serviceaccount "$1-$host" --ignore-not-found
    else
        printf '%s does not answer: run this again before it and %s see each other\n' "$1" "$host" >&2
        status=1
    fi
}

[ "$#" -eq 1 ] || usage
status=0
case $1 in
    kubefed)
        if answers "$host"; then
            stop "$kubefed_namespace" kubefed-controller-manager
        else
            printf '%s does not answer; its accounts in the members are deleted\n' "$host"
        fi
        forbid singapore-edge
        forbid tokyo-edge
        forbid losangeles-edge
        ;;
    karmada)
        if answers "$host"; then
            stop "$karmada_namespace" karmada-kube-controller-manager karmada-controller-manager karmada-scheduler
        else
            printf '%s does not answer: cut it off (the runbook says how), then go on\n' "$host" >&2
            status=1
        fi
        ;;
    *) usage ;;
esac
exit "$status"
