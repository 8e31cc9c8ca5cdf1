#!/bin/bash
# Makes the tables of src/layout/tables: runs each interpreter that has debug information, dumps it, and lets
# heapcore write down what that says. Tables whose layouts agree become one.
#
# usage: scripts/emit-layouts.sh HEAPCORE [INTERPRETER...]
#
# Without names, it takes every interpreter that tests/truth/interpreters.py knows and finds here, and each
# version of pyenv. A name is one of those of interpreters.py, or the path of a program, or ROOT:PATH of a program
# in another system's root (tests/roots/make_root.sh makes some). Tables that are there stay, unless one is made
# anew for the same version and flags.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
heapcore=$(realpath "${1:?usage: emit-layouts.sh HEAPCORE [INTERPRETER...]}")
shift
exec python3 "$here/emit_layouts.py" "$heapcore" "$here/../src/layout/tables" "$@"
