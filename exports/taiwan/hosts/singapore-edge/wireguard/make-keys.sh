#!/bin/sh
# Make the private key of this gateway, once, and print its public key as a line of public-keys.txt.
#
# Usage: make-keys.sh [--apply]
#
# Without --apply it says what it would do and does nothing. A key that exists is kept. The private
# key never leaves this machine. WIREGUARD_DIRECTORY names another directory than /etc/wireguard.
set -eu

region=singapore
directory=${WIREGUARD_DIRECTORY:-/etc/wireguard}
private=$directory/private.key

case "$#:${1-}" in
    0:) apply= ;;
    1:--apply) apply=yes ;;
    *)
        printf 'usage: %s [--apply]\n' "$0" >&2
        exit 2
        ;;
esac

if [ ! -s "$private" ]; then
    if [ -z "$apply" ]; then
        printf 'would make %s, readable by its owner only\n' "$private"
        exit 0
    fi
    umask 077
    mkdir -p "$directory"
    wg genkey >"$private.new"
    mv "$private.new" "$private"
fi
public=$(wg pubkey <"$private")
printf '%s %s\n' "$region" "$public"
