#!/usr/bin/env bash
# Installs the Debian and npm packages that tests/conformance needs; what is there is left alone.
set -euo pipefail
cd "$(dirname "$0")"

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
    apt-get update -qq
    # The servers are started by the tests, each on its own port, not by their packages.
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends "${missing[@]}" >/dev/null
fi

if ! cmp -s npm/package-lock.json tools/npm/package-lock.json || [ ! -d tools/npm/node_modules ]; then
    if ! command -v npm >/dev/null; then
        echo "the conformance tests need Node.js 20 or newer with npm to read diagrams" >&2
        exit 1
    fi
    mkdir -p tools/npm
    cp npm/package.json tools/npm/
    cp npm/package-lock.json tools/npm/package-lock.json
    npm ci --prefix tools/npm --ignore-scripts --no-audit --no-fund --loglevel error >&2 ||
        { rm -rf tools/npm && exit 1; }
fi
