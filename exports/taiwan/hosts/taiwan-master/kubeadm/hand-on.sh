#!/bin/sh
# Hand the other machines of a cluster what they need to join; run on its first control plane.
#
# Usage: hand-on.sh [--apply]
#
# Without --apply it says what it would do and does nothing. With it, every other control plane
# gets the certificates that all of them share, and every other machine a discovery file with a
# token that lives two hours. Nothing secret passes an argument or stays on this machine.
# The other machines are reached by ssh as root.
set -eu

cluster=taiwan-master
server=https://taiwan-master.company.com:6443
discovery=/etc/kubernetes/discovery.conf

case "$#:${1-}" in
    0:) apply= ;;
    1:--apply) apply=yes ;;
    *)
        printf 'usage: %s [--apply]\n' "$0" >&2
        exit 2
        ;;
esac

shared='pki/ca.crt pki/ca.key pki/sa.key pki/sa.pub pki/front-proxy-ca.crt pki/front-proxy-ca.key pki/etcd/ca.crt pki/etcd/ca.key'

certificates() {
    if [ -z "$apply" ]; then
        printf 'would copy %s from /etc/kubernetes to root@%s\n' "$shared" "$1"
        return
    fi
    # The list is meant to fall into words.
    # shellcheck disable=SC2086
    tar -C /etc/kubernetes -cf - $shared |
        ssh "root@$1" 'umask 077; mkdir -p /etc/kubernetes; tar -C /etc/kubernetes -xpf -'
}

discovery_file() {
    cat <<END
apiVersion: v1
kind: Config
clusters:
- name: $cluster
  cluster:
    server: $server
    certificate-authority-data: $authority
users:
- name: bootstrap
  user:
    token: $token
contexts:
- name: bootstrap
  context:
    cluster: $cluster
    user: bootstrap
current-context: bootstrap
END
}

discover() {
    if [ -z "$apply" ]; then
        printf 'would write %s on root@%s, with a new token\n' "$discovery" "$1"
        return
    fi
    discovery_file | ssh "root@$1" 'umask 077; mkdir -p /etc/kubernetes; cat >/etc/kubernetes/discovery.conf'
}

if [ -n "$apply" ]; then
    authority=$(base64 </etc/kubernetes/pki/ca.crt | tr -d '\n')
    token=$(kubeadm token create --ttl 2h)
fi
certificates 10.10.0.12
certificates 10.10.0.13
discover 10.10.0.12
discover 10.10.0.13
