#!/bin/sh
# Fill wg0.conf.in with the public keys that the gateways made.
#
# Usage: render.sh PUBLIC-KEYS [--apply]
#
# PUBLIC-KEYS has one line "region key" of each gateway, as make-keys.sh prints it. Without --apply
# the result goes to standard output; with it, to /etc/wireguard/wg0.conf. Keys that are missing, malformed, given
# twice or of two gateways are refused. WIREGUARD_DIRECTORY names another directory.
set -eu

region=singapore
conf=wg0.conf
regions='taipei singapore tokyo losangeles'
peers='taipei tokyo losangeles'
directory=${WIREGUARD_DIRECTORY:-/etc/wireguard}

case "$#:${2-}" in
    1:) apply= ;;
    2:--apply) apply=yes ;;
    *)
        printf 'usage: %s PUBLIC-KEYS [--apply]\n' "$0" >&2
        exit 2
        ;;
esac
keys=$1
template=$(cd "$(dirname "$0")" && pwd)/$conf.in

# A key has 32 bytes: 43 digits of base64, in the last of which two bits are 0, and one '='.
awk -v regions="$regions" -v peers="$peers" '
    function fault(sentence) { print FILENAME ": " sentence >"/dev/stderr"; bad = 1 }
    BEGIN { split(regions, list, " "); for (i in list) known[list[i]] = 1 }
    /^[ \t]*(#|$)/ { next }
    NF != 2 { fault("line " FNR ": not of the form: region key"); next }
    !($1 in known) { fault("line " FNR ": no region \"" $1 "\""); next }
    length($2) != 44 || $2 !~ /^[A-Za-z0-9+\/]+=$/ || substr($2, 43, 1) !~ /[AEIMQUYcgkosw048]/ {
        fault("line " FNR ": not a key of 32 bytes in base64"); next
    }
    $1 in key { fault("line " FNR ": a second key of \"" $1 "\""); next }
    $2 in owner { fault("line " FNR ": the key of \"" owner[$2] "\" again"); next }
    { key[$1] = $2; owner[$2] = $1 }
    END {
        count = split(peers, list, " ")
        for (i = 1; i <= count; i++) if (!(list[i] in key)) fault("no key of \"" list[i] "\"")
        exit bad
    }
' "$keys" || {
    printf 'nothing is written\n' >&2
    exit 1
}

own=$(awk -v region="$region" '$1 == region { print $2 }' "$keys")
if [ -n "$own" ] && [ -s "$directory/private.key" ] && [ "$(wg pubkey <"$directory/private.key")" != "$own" ]; then
    printf '%s: the key of "%s" does not belong to %s\n' "$keys" "$region" "$directory/private.key" >&2
    exit 1
fi

render() {
    awk -v peers="$peers" '
        NR == FNR { if ($0 !~ /^[ \t]*(#|$)/) key[$1] = $2; next }
        {
            count = split(peers, list, " ")
            for (i = 1; i <= count; i++) if ($0 == "PublicKey = @PUBLIC_KEY_" list[i] "@") $0 = "PublicKey = " key[list[i]]
            print
        }
    ' "$keys" "$template"
}

if [ -z "$apply" ]; then
    render
    exit 0
fi
umask 077
mkdir -p "$directory"
render >"$directory/$conf.new"
mv "$directory/$conf.new" "$directory/$conf"
printf 'wrote %s\n' "$directory/$conf"
