#!/usr/bin/env bash
# Builds the servers and commands that tests/conformance asks, each once a version, into .ci/tools.
#
#   .ci/tools.sh [MODULE...]     default: every folder of .ci/go
#
# A stamp beside the binaries holds the digest of what they were built from: a second call is instant.
# The caches are Go's own (GOCACHE, GOMODCACHE): with them a fresh checkout only links.
set -euo pipefail
cd "$(dirname "$0")"

if ! command -v go >/dev/null; then
    echo "the conformance tests need Go 1.26 or newer to build Kubernetes, etcd, Prometheus, CoreDNS and kustomize" >&2
    exit 1
fi

# No C compiler is needed; two packages are compiled at a time, since some take more than a gigabyte of memory.
export CGO_ENABLED=0 GOFLAGS="${GOFLAGS:-} -buildvcs=false -trimpath -p=2"

# Version of a module by its go.mod.
version() {
    awk -v path="$2" '$1 == path && $2 ~ /^v/ || $1 == "require" && $2 == path { print $1 == "require" ? $3 : $2; exit }' "go/$1/go.mod"
}

# What `go build` needs besides the module: the versions that the binaries say, and no parts that no test uses.
flags() {
    case $1 in
        kubernetes) echo "-ldflags=-s -w -X k8s.io/component-base/version.gitVersion=$(version kubernetes k8s.io/kubernetes)" ;;
        prometheus) printf '%s\n' "-tags=remove_all_sd" \
            "-ldflags=-s -w -X github.com/prometheus/common/version.Version=$(version prometheus github.com/prometheus/prometheus)" ;;
        kustomize) echo "-ldflags=-s -w -X sigs.k8s.io/kustomize/api/provenance.version=$(version kustomize sigs.k8s.io/kustomize/kustomize/v5)" ;;
        *) echo "-ldflags=-s -w" ;;
    esac
}

# Whether everything that a stamp names is there: the digest in its first line, a binary in each other.
built() {
    local stamp=$1 digest=$2 name names
    [ -f "$stamp" ] || return 1
    mapfile -t names <"$stamp"
    [ "${names[0]:-}" = "$digest" ] && [ ${#names[@]} -gt 1 ] || return 1
    for name in "${names[@]:1}"; do [ -x "tools/$name" ] || return 1; done
}

# Downloads the modules whose packages are compiled, and no others; a network may fail once or twice.
fetch() {
    local attempt
    for attempt in 1 2 3; do
        if go -C "go/$1" list -deps "${@:2}" tool >/dev/null; then return; fi
        [ "$attempt" = 3 ] || { echo "fetching the modules of $1 failed; again in $((attempt * 10)) s" >&2 && sleep $((attempt * 10)); }
    done
    return 1
}

build() {
    local module=$1 stamp=tools/.$1 fresh=tools/.new-$1 digest start=$SECONDS options
    digest=$({ cat "go/$module/go.mod" "go/$module/go.sum"; flags "$module"; go env GOVERSION; } | sha256sum)
    if built "$stamp" "$digest"; then return; fi
    echo "building $module" >&2
    mapfile -t options < <(flags "$module")
    rm -rf "$fresh" && mkdir "$fresh"
    fetch "$module" "${options[@]}"
    go -C "go/$module" build "${options[@]}" -o "../../$fresh/" tool
    if [ "$module" = etcd ]; then # its main package is called `server`
        mv "$fresh/server" "$fresh/etcd"
    fi
    # Whole binaries only, and the stamp last: a build that was stopped leaves nothing that passes for one.
    { echo "$digest" && ls "$fresh"; } >"$fresh.stamp"
    mv -f "$fresh"/* tools/
    rmdir "$fresh"
    mv -f "$fresh.stamp" "$stamp"
    echo "built $module in $((SECONDS - start)) s" >&2
}

mkdir -p tools
exec 9>tools/.lock
flock 9 # two builds at once would do the same work twice
[ $# -gt 0 ] || set -- etcd kustomize prometheus coredns kubernetes
for module in "$@"; do build "$module"; done
