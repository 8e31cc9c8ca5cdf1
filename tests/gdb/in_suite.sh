#!/bin/sh
# The plugin's tests with the gdb of another suite of Debian, as root.
#
#     tests/gdb/in_suite.sh SUITE FOLDER BUILD [TEST ...]
#
# FOLDER gets a small Debian of that suite the first time (debootstrap, about 500 MB); nothing outside of it changes.
# BUILD is a build folder of heapcore; its library has to load there, so build it on an older or equal suite.
# The interpreters under ~/.pyenv are looked at. MIRROR is the archive to take packages from.
set -eu
suite=$1 folder=$2 build=$(realpath "$3")
shift 3
source=$(realpath "$(dirname "$0")/../..")
mirror=${MIRROR:-http://deb.debian.org/debian}
packages=gdb,gdbserver,python3,gcc,libc6-dev,libdw1t64,libelf1t64,libjson-c5,libedit2,libffi8

if [ ! -x "$folder/usr/bin/gdb" ]; then
    debootstrap --variant=minbase --include="$packages" "$suite" "$folder" "$mirror"
fi
folder=$(realpath "$folder")
# A mount namespace of its own: the mounts end with the script.
exec unshare --mount sh -eu -c '
    folder=$1 source=$2 build=$3 pythons=$4
    shift 4
    for path in /proc /dev; do
        mount --rbind "$path" "$folder$path"
    done
    for path in "$source" "$build" "$pythons"; do
        mkdir -p "$folder$path"
        mount --bind "$path" "$folder$path"
    done
    chroot "$folder" gdb --version | head -1
    cd "$folder"
    exec chroot "$folder" env HOME="$HOME" LC_ALL=C.UTF-8 python3 "$source/tests/gdb/gdb_test.py" \
        --heapcore "$build/heapcore" --library "$build/libheapcore.so.1" "$@"
' sh "$folder" "$source" "$build" "$HOME/.pyenv" "$@"
