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

build() {
    local module=$1 stamp=tools/.$1 digest start=$SECONDS
    digest=$({ cat "go/$module/go.mod" "go/$module/go.sum"; flags "$module"; go env GOVERSION; } | sha256sum)
    if [ "$(cat "$stamp" 2>/dev/null)" = "$digest" ]; then
        return
    fi
    echo "building $module" >&2
    mapfile -t options < <(flags "$module")
    mkdir -p "tools/new-$module"
    go -C "go/$module" build -buildvcs=false "${options[@]}" -o "../../tools/new-$module/" tool
    if [ "$module" = etcd ]; then # its main package is called `server`
        mv "tools/new-$module/server" "tools/new-$module/etcd"
    fi
    mv -f "tools/new-$module"/* tools/
    rmdir "tools/new-$module"
    echo "$digest" >"$stamp"
    echo "built $module in $((SECONDS - start)) s" >&2
}

mkdir -p tools
for module in "${@:-etcd kustomize kubernetes coredns prometheus}"; do
    for one in $module; do build "$one"; done
done
