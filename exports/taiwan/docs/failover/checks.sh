#!/bin/sh
# Look whether the control plane can move to tokyo-edge, or whether it has. Changes nothing.
#
# Usage: checks.sh before|after kubefed|karmada
#
# Exit 1 if anything is not as it should be.
set -eu

host=taiwan-master
standby=tokyo-edge
namespace=prod-api
kubefed_namespace=kube-federation-system
karmada_standby=karmada-apiserver-standby

usage() {
    printf 'usage: %s before|after kubefed|karmada\n' "$0" >&2
    exit 2
}

[ "$#" -eq 2 ] || usage
case $1 in
    before | after) ;;
    *) usage ;;
esac
case $2 in
    kubefed | karmada) ;;
    *) usage ;;
esac
controller=$2
status=0

say() {
    printf '%-6s %s\n' "$1" "$2"
    [ "$1" = ok ] || status=1
}

# check SENTENCE COMMAND...: ok if the command succeeds.
check() {
    sentence=$1
    shift
    if "$@" >/dev/null 2>&1; then say ok "$sentence"; else say NOT "$sentence"; fi
}

answers() {
    kubectl --context "$1" --request-timeout=10s get --raw /readyz
}

# ready CLUSTER SERVICE REPLICAS KIND
ready() {
    count=$(kubectl --context "$1" --request-timeout=10s --namespace "$namespace" \
        get "$4" "$2" -o 'jsonpath={.status.readyReplicas}' 2>/dev/null) || count=
    if [ "${count:-0}" -ge "$3" ]; then
        say ok "$2 in $1 has ${count:-0} ready replicas, planned $3"
    else
        say NOT "$2 in $1 has ${count:-0} ready replicas, planned $3"
    fi
}

before() {
    if answers "$host" >/dev/null 2>&1; then
        printf '%-6s %s\n' note "$host still answers: is the move needed? fence it first if so"
    fi
    for program in kubectl helm jq aws; do
        check "$program is here" command -v "$program"
    done
    case $controller in
        kubefed) check 'kubefedctl is here' command -v kubefedctl ;;
        karmada) check 'etcdutl is here' command -v etcdutl ;;
    esac
    check "$standby answers" answers "$standby"
    check "every node of $standby is Ready" kubectl --context "$standby" \
        wait --for=condition=Ready node --all --timeout=10s
    check 'singapore-edge answers' answers singapore-edge
    check 'losangeles-edge answers' answers losangeles-edge
}

after() {
    case $controller in
        kubefed)
            check 'singapore-edge is Ready for KubeFed on tokyo-edge' \
                kubectl --context "$standby" --namespace "$kubefed_namespace" wait --for=condition=Ready \
                --timeout=10s kubefedclusters.core.kubefed.io/singapore-edge
            check 'tokyo-edge is Ready for KubeFed on tokyo-edge' \
                kubectl --context "$standby" --namespace "$kubefed_namespace" wait --for=condition=Ready \
                --timeout=10s kubefedclusters.core.kubefed.io/tokyo-edge
            check 'losangeles-edge is Ready for KubeFed on tokyo-edge' \
                kubectl --context "$standby" --namespace "$kubefed_namespace" wait --for=condition=Ready \
                --timeout=10s kubefedclusters.core.kubefed.io/losangeles-edge
            ;;
        karmada)
            check 'the API of clusters is Available' kubectl --context "$karmada_standby" \
                wait --for=condition=Available --timeout=10s apiservice/v1alpha1.cluster.karmada.io
            check 'singapore-edge is Ready for Karmada on tokyo-edge' \
                kubectl --context "$karmada_standby" wait --for=condition=Ready --timeout=10s \
                clusters.cluster.karmada.io/singapore-edge
            check 'tokyo-edge is Ready for Karmada on tokyo-edge' \
                kubectl --context "$karmada_standby" wait --for=condition=Ready --timeout=10s \
                clusters.cluster.karmada.io/tokyo-edge
            check 'losangeles-edge is Ready for Karmada on tokyo-edge' \
                kubectl --context "$karmada_standby" wait --for=condition=Ready --timeout=10s \
                clusters.cluster.karmada.io/losangeles-edge
            ;;
    esac
    ready singapore-edge api 26 deployments
    ready tokyo-edge api 14 deployments
    ready losangeles-edge api 20 deployments
    ready singapore-edge orders 4 deployments
    ready tokyo-edge orders 2 deployments
    ready losangeles-edge orders 3 deployments
    ready singapore-edge static 17 deployments
    ready tokyo-edge static 15 deployments
    ready losangeles-edge static 10 deployments
}

case $1 in
    before) before ;;
    after) after ;;
esac
exit "$status"
