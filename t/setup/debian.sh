#!/usr/bin/env bash
# Runs a command in a Debian of another version, with this folder at /src:
#
#     t/setup/debian.sh [--fresh] 12|13 COMMAND...
#
# This Debian is a folder, .build/debian-13, made at the first time and kept:
# as small as can be, and what the command installs stays for the next one.
# With --fresh the command has a new one of its own, removed at the end.
#
# What is built in it lies in it as well: this folder's own .build/ and
# node_modules/ are hidden there.  The command has process ids of its own, and
# what it has started ends with it; the network is the host's.
#
# The folder of DEBIAN_SHARE is /share there, and variables CHAT_... are passed.
# Exits with 77 where there can't be such a Debian, and says why.

set -euo pipefail
umask 022

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# where this folder has what was built for the host
hidden=(.build client/dist client/node_modules t/e2e/node_modules
        t/bench/node_modules)

left_out() {
    printf 'debian.sh: Debian %s is left out: %s\n' "$release" "$*" >&2
    exit 77
}

# the host's own sources of Debian, for the other version

sources() {
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(CODENAME)' \
        'Created-By: Packages' \
        | awk -v name="$codename" '
            $1 == "Debian" && sub(/^[a-z]+/, name, $3) && !seen[$2 $3]++ {
                print "deb", $2, $3, "main"
            }'
}

# the archive that roots are made of

make_archive() {
    [[ ! -e $base.tar ]] || return 0

    printf 'Making a Debian %s\n' "$release"
    sources | mmdebstrap --mode=root --variant=apt --format=tar \
        --dpkgopt=force-unsafe-io --aptopt='Acquire::Languages "none"' \
        --aptopt='APT::Sandbox::User "root"' \
        "$codename" "$base.new" - >"$base.log" 2>&1 \
        || left_out "$(grep ^E: "$base.log" | tail -n 3 || true)"
    mv "$base.new" "$base.tar"
}

# make_root FOLDER: where no service starts by itself

make_root() {
    mkdir -p "$1"
    tar -C "$1" --numeric-owner -xpf "$base.tar"
    printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
    chmod 755 "$1/usr/sbin/policy-rc.d"
    mkdir "$1/src"
    : >"$1/etc/resolv.conf" >"$1/etc/hosts" >"$1/etc/host-ca.crt"
}

# in a mount namespace of its own, so that nothing stays mounted

mount_all() {
    local name

    # so that / is a mount there, as programs expect
    mount --bind "$root" "$root"

    mount --rbind /dev "$root/dev"
    mount --rbind /sys "$root/sys"
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"

    for name in resolv.conf hosts; do
        mount --bind "/etc/$name" "$root/etc/$name"
    done

    # for who has authorities of his own
    name=/etc/ssl/certs/ca-certificates.crt
    [[ ! -e $name ]] || mount --bind "$name" "$root/etc/host-ca.crt"

    mount --bind . "$root/src"

    if [[ ${DEBIAN_SHARE-} ]]; then
        mkdir -p "$root/share"
        mount --bind "$DEBIAN_SHARE" "$root/share"
    fi

    for name in "${hidden[@]}"; do
        mkdir -p "$name" "$root/built/$name"
        mount --bind "$root/built/$name" "$root/src/$name"
    done
}

# as the first process of its namespace, which has to wait for orphans

inside() {
    mount_all
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP

    local variable passed=()

    for variable in "${!CHAT_@}"; do
        passed+=("$variable=${!variable}")
    done

    env -i HOME=/root LANG=C.UTF-8 TERM="${TERM-dumb}" \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        NODE_EXTRA_CA_CERTS=/etc/host-ca.crt DEBIAN_FRONTEND=noninteractive \
        "${passed[@]}" chroot "$root" sh -c 'cd /src && exec "$@"' sh "$@" &
    wait $!
}

if [[ ${1-} == inside ]]; then
    root=$2
    shift 2
    inside "$@"
    exit
fi

fresh=

if [[ ${1-} == --fresh ]]; then
    fresh=1
    shift
fi

release=${1-}

case $release in
12) codename=bookworm ;;
13) codename=trixie ;;
*)  sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; exit 1 ;;
esac

shift
(($#)) || { echo "debian.sh: no command" >&2; exit 1; }

((EUID == 0)) || left_out "this needs root"
command -v mmdebstrap >/dev/null || left_out "there is no mmdebstrap"
unshare --mount true 2>/dev/null || left_out "nothing can be mounted here"

base=$PWD/.build/debian-$release
mkdir -p .build

exec {lock}>"$base.lock"
flock "$lock"
make_archive

if [[ $fresh ]]; then
    root=$(mktemp -d "$base.XXXXXX")
    trap 'rm -rf --one-file-system "$root"' EXIT
    make_root "$root"

elif [[ ! -d $base ]]; then
    rm -rf --one-file-system "$base.new"
    make_root "$base.new"
    mv "$base.new" "$base"
fi

root=${root-$base}
exec {lock}>&-

status=0
unshare --mount --pid --fork --kill-child bash t/setup/debian.sh inside "$root" "$@" \
    || status=$?
exit "$status"
