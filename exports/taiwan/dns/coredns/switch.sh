#!/bin/sh
# Serve the zone files of one state.
#
# Usage: switch.sh [--dry-run] STATE [DIRECTORY]      (DIRECTORY is /etc/coredns/zones by default)
#
# With --dry-run it says what it would serve, and writes nothing.
# A new set is written beside the old one and renamed into place as DIRECTORY/current, so a
# reader sees the whole old set or the whole new one. The serial is one more than that of the
# set before; CoreDNS reads a zone again when its serial has changed (within 5 s).
set -eu

usage() {
    printf 'usage: %s [--dry-run] STATE [DIRECTORY]; STATE is one of:\n' "$0" >&2
    printf '  %s\n' up lost.taipei lost.singapore lost.tokyo lost.losangeles >&2
    exit 2
}

dry_run=
if [ "${1-}" = --dry-run ]; then
    dry_run=yes
    shift
fi
case $# in
    1 | 2) ;;
    *) usage ;;
esac
state=$1
directory=${2:-/etc/coredns/zones}
case $state in
    up) ;;
    lost.taipei) ;;
    lost.singapore) ;;
    lost.tokyo) ;;
    lost.losangeles) ;;
    *) usage ;;
esac

source=$(cd "$(dirname "$0")" && pwd)/zones/$state
[ -n "$dry_run" ] || mkdir -p "$directory"

serial=0
if [ -e "$directory/current/serial" ]; then
    serial=$(cat "$directory/current/serial")
fi
case $serial in
    '' | *[!0-9]*)
        printf '%s: not a serial\n' "$directory/current/serial" >&2
        exit 1
        ;;
esac
serial=$(((serial + 1) % 4294967296))
if [ -n "$dry_run" ]; then
    printf 'would serve %s from %s, serial %s\n' "$state" "$directory" "$serial"
    exit
fi

# The folder of the next set is also the lock.
new=$directory/set.$serial
mkdir "$new" || {
    printf 'another run is at work; if none is, remove %s\n' "$new" >&2
    exit 1
}
trap 'rm -rf "$new"' EXIT
trap 'exit 1' HUP INT TERM
for file in "$source"/*.zone; do
    sed "s/^\(@ [0-9]* IN SOA [^ ]* [^ ]* \)[0-9]*/\1$serial/" "$file" >"$new/${file##*/}"
done
printf '%s\n' "$serial" >"$new/serial"
printf '%s\n' "$state" >"$new/state"
ln -sfn "set.$serial" "$directory/next"

old=
if [ -L "$directory/current" ]; then
    old=$(readlink "$directory/current")
fi
trap - EXIT HUP INT TERM
# -T (GNU, BusyBox): replace the link itself, do not move into the folder that it names.
mv -fT "$directory/next" "$directory/current" || {
    rm -rf "$new"
    exit 1
}
case $old in
    set.*) rm -rf "${directory:?}/$old" ;;
esac
printf 'serving %s, serial %s\n' "$state" "$serial"
