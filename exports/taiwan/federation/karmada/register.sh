#!/bin/sh
# Register every cluster with Karmada. Safe to run again: registered clusters are left alone.
#
# Usage: register.sh [--dry-run]      (with --dry-run it says what it would run)
#
# KARMADA_KUBECONFIG  kubeconfig of the Karmada API server (required)
# The kubeconfig in use must have a context for every cluster, named like the cluster.
set -euf

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

: "${KARMADA_KUBECONFIG:?set it to the kubeconfig of the Karmada API server}"

is_registered() {
    kubectl --kubeconfig "$KARMADA_KUBECONFIG" get cluster.cluster.karmada.io "$1" >/dev/null 2>&1
}

await() {
    change kubectl --kubeconfig "$KARMADA_KUBECONFIG" \
        wait --for=condition=Ready --timeout=120s "cluster.cluster.karmada.io/$1"
}

# Push: the control plane calls the cluster.
push() {
    if ! is_registered "$1"; then
        change karmadactl join "$1" --kubeconfig "$KARMADA_KUBECONFIG" \
            --cluster-context "$1" --cluster-region "$2"
    fi
    await "$1"
}

# Pull: an agent in the cluster calls the control plane, with a token that is made here and
# lives for a day.
register() {
    if [ -n "$dry_run" ]; then
        printf 'would register %s with a new token\n' "$1"
        return
    fi
    command=$(karmadactl token create --print-register-command --kubeconfig "$KARMADA_KUBECONFIG")
    # The command is meant to fall into words; globbing is off.
    $command --context "$1" --cluster-name "$1" --cluster-region "$2"
}

pull() {
    is_registered "$1" || register "$1" "$2"
    await "$1"
}

push taiwan-master taipei
pull singapore-edge singapore
pull tokyo-edge tokyo
pull losangeles-edge losangeles
