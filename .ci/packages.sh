#!/usr/bin/env bash
# Installs the Debian and npm packages that tests/conformance needs; what is there is left alone.
set -euo pipefail
cd "$(dirname "$0")"

# Runs a command up to three times: a network may fail once or twice.
patiently() {
    local attempt
    for attempt in 1 2 3; do
        if "$@"; then return; fi
        [ "$attempt" = 3 ] || { echo "failed: $*; again in $((attempt * 10)) s" >&2 && sleep $((attempt * 10)); }
    done
    return 1
}

installed() { [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

missing=()
while read -r package; do
    installed "$package" || missing+=("$package")
done < <(grep -v '^#' debian.txt)

if [ ${#missing[@]} -gt 0 ]; then
    if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
        echo "missing and not installed, since this needs Debian and root: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    patiently apt-get update -qq
    # The servers are started by the tests, each on its own port, not by their packages.
    export RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive
    patiently apt-get install -qq --yes --no-install-recommends "${missing[@]}" >/dev/null
fi

# Schema of a type's `spec`, as a file whose name says of which objects: GROUP_VERSION_KIND.json.
schema() {
    local group=$1 version=$2 kind=$3 package=$4
    tools/npm/node_modules/.bin/ts-json-schema-generator --no-type-check --expose none --type "I${kind}Spec" \
        --path "tools/npm/node_modules/$package/$group/$version/${kind}Spec.d.ts" >"tools/npm/schemas/${group}_${version}_$kind.json"
}

if ! cmp -s <(cat npm/package-lock.json packages.sh) tools/npm/.installed; then
    if ! command -v npm >/dev/null; then
        echo "the conformance tests need Node.js 20 or newer with npm to read diagrams" >&2
        exit 1
    fi
    rm -rf tools/npm && mkdir -p tools/npm/schemas
    cp npm/package.json npm/package-lock.json tools/npm/
    patiently npm ci --prefix tools/npm --ignore-scripts --no-audit --no-fund --loglevel error >&2
    # Of these no CRD is published apart from its project: types made of the project's own speak for it.
    schema traefik.io v1alpha1 Middleware @kubernetes-models/traefik
    schema gateway.networking.k8s.io v1 Gateway @kubernetes-models/gateway-api
    schema gateway.networking.k8s.io v1 HTTPRoute @kubernetes-models/gateway-api
    # The mark comes last: what was stopped half-way is done again.
    cat npm/package-lock.json packages.sh >tools/npm/.installed
fi
