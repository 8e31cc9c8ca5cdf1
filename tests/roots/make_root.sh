#!/usr/bin/env bash
# Builds Debian systems with other interpreters than this machine's, to run programs in and to read their cores with
# --sysroot: tests/roots/make_root.sh bullseye|trixie|sid ...
#
# A root of SUITE is made in build/roots/SUITE ($HEAPCORE_ROOTS/SUITE where that is set) and kept; one that is there and
# whole is left as it is. Wants mmdebstrap, Debian's keyring, and to be root or to have sudo.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/packages.sh

roots=${HEAPCORE_ROOTS:-$PWD/build/roots}

# The interpreters, their debug builds (python3.Nd) and the debug files of both.
packages_of() {
    case $1 in
    bullseye) echo python3.9,python3.9-dbg ;;
    trixie) echo python3.13,python3.13-dbg ;;
    sid) echo python3.13,python3.13-dbg,python3.14,python3.14-dbg,python3.15,python3.15-dbg ;;
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
    local suite=$1 root=$roots/$1 packages mirror started=$SECONDS
    packages=$(packages_of "$suite") || fail "no such root: $suite; there are bullseye, trixie and sid"
    # mmdebstrap leaves a half-made folder behind when it is stopped: only a finished one has its name.
    [ ! -d "$root" ] || return 0
    mirror=$(debian_mirror)
    [ -n "$mirror" ] || fail "apt knows no Debian mirror here; name one in HEAPCORE_MIRROR"
    say "making $root ($packages)"
    mkdir -p "$roots"
    as_root rm -rf --one-file-system "$root.new"
    # An old suite's lists have run out, and are right all the same.
    if ! as_root mmdebstrap --aptopt='Acquire::Check-Valid-Until "false"' --variant=apt --include="$packages" \
        "$suite" "$root.new" "$mirror" >"$roots/$suite.log" 2>&1; then
        tail -n 20 "$roots/$suite.log" >&2
        fail "mmdebstrap could not make $suite; $roots/$suite.log has all that it said"
    fi
    as_root rm -rf --one-file-system "$root.new"/var/cache/apt "$root.new"/usr/share/{doc,man,locale}
    as_root mv "$root.new" "$root"
    say "made $root in $((SECONDS - started)) s"
}

[ $# -gt 0 ] || fail "usage: $(basename "$0") bullseye|trixie|sid ..."
for suite in "$@"; do
    make_root "$suite"
done
