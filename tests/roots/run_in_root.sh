#!/bin/sh
# Runs a program as a container would, in a root of make_root.sh: run_in_root.sh ROOT FOLDER ... -- PROGRAM ARGUMENT ...
#
# The folders of this machine, /proc and /dev appear in the root under their own names; the program starts in the
# folder that this starts in, and has this one's process id. Wants to be root.
set -eu
if [ "$1" != --entered ]; then
    exec unshare --mount -- "$0" --entered "$@"
fi
root=$2
here=$PWD
shift 2
mount --bind "$root" "$root"
mount -t tmpfs none "$root/tmp"
while [ "$1" != -- ]; do
    mkdir -p "$root$1"
    mount --rbind "$1" "$root$1"
    shift
done
shift
for folder in /proc /dev; do
    mount --rbind "$folder" "$root$folder"
done
cd "$root"
pivot_root . mnt
cd "$here"
exec "$@"
