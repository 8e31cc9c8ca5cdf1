#!/usr/bin/env bash
# Builds Debian systems with other interpreters than this machine's, to run programs in and to read their cores with
# --sysroot: tests/roots/make_root.sh bullseye|trixie|sid|arm64|arm64-trixie ...
#
# A root is made in build/roots/NAME ($HEAPCORE_ROOTS/NAME where that is set) and kept; one that is there and whole is
# left as it is. Wants mmdebstrap, Debian's keyring, and to be root or to have sudo.
#
# arm64 is bookworm for aarch64, arm64-trixie its successor, whose code signs its return addresses. Nothing of them runs
# while they are made; qemu, which is put into them, runs their programs after, and writes aarch64's own core files.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/packages.sh

roots=${HEAPCORE_ROOTS:-$PWD/build/roots}
names="bullseye, trixie, sid, arm64 and arm64-trixie"

# The interpreters, their debug builds (python3.Nd) and the debug files of both.
packages_of() {
    case $1 in
    bullseye) echo python3.9,python3.9-dbg ;;
    trixie) echo python3.13,python3.13-dbg ;;
    arm64) echo python3.11,python3.11-dbg,ncurses-base ;;
    arm64-trixie) echo python3.13,python3.13-dbg,ncurses-base ;;
    sid) echo python3.14,python3.14-dbg,python3.15,python3.15-dbg ;;
    *) return 1 ;;
    esac
}

# Where this machine takes Debian from; in a system that is no Debian, where Debian is for everyone.
debian_mirror() {
    local mirror
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
    echo "${HEAPCORE_MIRROR:-$mirror}"
}

make_root() {
    local name=$1 suite=$1 root=$roots/$1 packages mirror started=$SECONDS options=(--variant=apt)
    packages=$(packages_of "$name") || fail "no such root: $name; there are $names"
    # mmdebstrap leaves a half-made folder behind when it is stopped: only a finished one has its name.
    [ ! -d "$root" ] || return 0
    mirror=$(debian_mirror)
    [ -n "$mirror" ] || fail "apt knows no Debian mirror here; name one in HEAPCORE_MIRROR"
    install_missing mmdebstrap
    if [[ $name == arm64* ]]; then
        install_missing qemu-user-static
        suite=${name#arm64-}
        suite=${suite/arm64/bookworm}
        options=(--variant=extract --architectures=arm64)
    fi
    say "making $root ($packages)"
    mkdir -p "$roots"
    as_root rm -rf --one-file-system "$root.new"
    # An old suite's lists have run out, and are right all the same.
    if ! as_root mmdebstrap --aptopt='Acquire::Check-Valid-Until "false"' "${options[@]}" --include="$packages" \
        "$suite" "$root.new" "$mirror" >"$roots/$name.log" 2>&1; then
        tail -n 20 "$roots/$name.log" >&2
        fail "mmdebstrap could not make $name; $roots/$name.log has all that it said"
    fi
    if [[ $name == arm64* ]]; then
        as_root mkdir -p "$root.new"/{proc,mnt}
        # What the package base-files would do: since trixie programs lie below /usr only.
        [ -e "$root.new/lib" ] || as_root ln -s usr/lib "$root.new/lib"
        as_root cp "$(command -v qemu-aarch64-static)" "$root.new/usr/bin/"
    fi
    as_root rm -rf --one-file-system "$root.new"/var/cache/apt "$root.new"/usr/share/{doc,man,locale}
    as_root mv "$root.new" "$root"
    say "made $root in $((SECONDS - started)) s"
}

[ $# -gt 0 ] || fail "usage: $(basename "$0") NAME ...; there are $names"
for name in "$@"; do
    make_root "$name"
done
