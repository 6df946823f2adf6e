#!/bin/sh
# Routes of this machine to the other regions, through the gateway 10.11.0.11 of its own.
#
# Usage: mesh-routes.sh up|down [--apply]
#
# Without --apply it says what it would do and does nothing. The unit mesh-routes.service calls it.
set -eu

case "$#:${1-}:${2-}" in
    1:up: | 1:down:) apply= ;;
    2:up:--apply | 2:down:--apply) apply=yes ;;
    *)
        printf 'usage: %s up|down [--apply]\n' "$0" >&2
        exit 2
        ;;
esac
direction=$1

route() {
    if [ "$direction" = down ]; then
        set -- ip route del "$1" via "$2"
    else
        set -- ip route replace "$1" via "$2" mtu 1420
    fi
    if [ -z "$apply" ]; then
        printf 'would run: %s\n' "$*"
    elif [ "$direction" = down ]; then
        "$@" || true
    else
        "$@"
    fi
}

route 10.99.0.0/24 10.11.0.11
route 10.10.0.0/24 10.11.0.11
route 10.40.0.0/16 10.11.0.11
route 10.50.0.0/16 10.11.0.11
route 10.12.0.0/24 10.11.0.11
route 10.42.0.0/16 10.11.0.11
route 10.52.0.0/16 10.11.0.11
route 10.13.0.0/24 10.11.0.11
route 10.43.0.0/16 10.11.0.11
route 10.53.0.0/16 10.11.0.11
