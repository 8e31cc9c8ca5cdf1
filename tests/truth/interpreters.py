#!/usr/bin/env python3
"""The CPython builds on this machine that heapcore's truth tests cover, and those that they miss."""
import collections
import glob
import os
import re
import struct
import sys

OLD = ("3.6", "3.7")  # for the tests of what is known of objects and threads, not of the language
EMULATED = ("arm64-3.11", "arm64-trixie-3.13")  # in roots, too, and for the same tests
SUPPORTED = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
DISTRIBUTION = "debian-"  # and version: the distribution's own /usr/bin/python3.x
DEBIAN = DISTRIBUTION + "3.11"
# Of other Debian releases, in roots that tests/roots/make_root.sh makes; "d" is a debug build.
NEW = ("sid-3.14", "sid-3.15")
OTHER_BUILDS = ("bullseye-3.9", "trixie-3.13", "bullseye-3.9d", "trixie-3.13d", "sid-3.14d", "sid-3.15d")  # as OLD
IN_ROOTS = NEW + OTHER_BUILDS
EMULATOR = "/usr/bin/qemu-aarch64-static"  # below the root
NAMES = SUPPORTED + tuple(DISTRIBUTION + version for version in SUPPORTED)  # those that run outside of roots
QUERIED = NAMES + NEW
ALL = OLD + (DEBIAN + "d",) + QUERIED + OTHER_BUILDS + EMULATED
REQUIRED = OLD + SUPPORTED + (DEBIAN,) + IN_ROOTS + EMULATED  # by HEAPCORE_FULL_MATRIX=1
DEBIAN_DEBUG = "/usr/lib/debug/.build-id"
HERE = os.path.dirname(os.path.abspath(__file__))
ROOTS = os.environ.get("HEAPCORE_ROOTS") or os.path.join(HERE, "..", "..", "build", "roots")

# `executable` and `emulator` are below `root`, if there is one.
Interpreter = collections.namedtuple("Interpreter", "name executable root emulator", defaults=(None, None))


def pyenv_roots():
    roots = [os.environ.get("PYENV_ROOT"), os.path.expanduser("~/.pyenv")]
    return [root for root in dict.fromkeys(roots) if root and os.path.isdir(os.path.join(root, "versions"))]


def find_pyenv(name):
    """The newest x.y.z of version x.y (no free-threaded or prerelease build), or None."""
    found = []
    for root in pyenv_roots():
        for folder in glob.glob(os.path.join(root, "versions", name + ".*")):
            patch = re.fullmatch(re.escape(name) + r"\.(\d+)", os.path.basename(folder))
            executable = os.path.join(folder, "bin", "python3")
            if patch and os.access(executable, os.X_OK):
                found.append((int(patch[1]), executable))
    return max(found)[1] if found else None


def read_build_id(path):
    """The GNU build-id of a little-endian 64-bit ELF file, in hex, or None."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:6] != b"\x7fELF\x02\x01":
        return None
    (offset,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    for index in range(count):
        kind, _, start, _, _, length = struct.unpack_from("<IIQQQQ", data, offset + index * size)
        at, end = start, start + length
        while kind == 4 and at + 12 <= end:  # PT_NOTE
            name_size, content_size, note = struct.unpack_from("<III", data, at)
            content = at + 12 + (name_size + 3 & ~3)
            if note == 3 and data[at + 12 : at + 16] == b"GNU\0":  # NT_GNU_BUILD_ID
                return data[content : content + content_size].hex()
            at = content + (content_size + 3 & ~3)
    return None


def find_debian(version):
    """Debian's python3.x, if its debug file (package python3.x-dbg) is there; else None."""
    executable = "/usr/bin/python" + version
    if not os.access(executable, os.X_OK):
        return None
    build_id = read_build_id(executable)
    if not build_id:
        return None
    debug = os.path.join(DEBIAN_DEBUG, build_id[:2], build_id[2:] + ".debug")
    return executable if os.path.exists(debug) or version.endswith("d") else None  # debug builds are not stripped


def find_in_root(name):
    """Python "sid-3.14d" of Debian's sid, or None; a root can be entered by root only."""
    folder, version = name.rsplit("-", 1)
    root = os.path.realpath(os.path.join(ROOTS, folder))
    executable = "/usr/bin/python" + version
    emulator = EMULATOR if name in EMULATED else None
    is_there = os.geteuid() == 0 and all(os.access(root + p, os.X_OK) for p in (executable, emulator) if p)
    return Interpreter(name, executable, root, emulator) if is_there else None


def find(name):
    """The interpreter called `name` ("3.12", "debian-3.11", "sid-3.14"), or None if this machine has none."""
    if name in IN_ROOTS + EMULATED:
        return find_in_root(name)
    own = name.startswith(DISTRIBUTION)
    executable = find_debian(name[len(DISTRIBUTION) :]) if own else find_pyenv(name)
    return Interpreter(name, executable) if executable else None


def version_of(interpreter):
    """(3, 13) of "3.13", "debian-3.13" and "trixie-3.13d"."""
    return tuple(map(int, re.search(r"(\d+)\.(\d+)d?$", interpreter.name).groups()))


def must_have_all():
    """Whether a missing interpreter is a failure: so it is asked, and the machine has a testbed."""
    return os.environ.get("HEAPCORE_FULL_MATRIX") == "1" and os.path.isdir(os.path.expanduser("~/.pyenv"))


def cover(names):
    """(found, required but missing) of `names`, and prints which are covered."""
    found, missing = [], []
    for name in names:
        interpreter = find(name)
        if interpreter:
            found.append(interpreter)
        elif name in REQUIRED:
            missing.append(name)
        in_root = name in IN_ROOTS + EMULATED
        if interpreter or in_root or name in REQUIRED:
            found_at = interpreter and "COVERED    " + (interpreter.root or "") + interpreter.executable
            advice = ": tests/roots/make_root.sh %s makes it" % name.rsplit("-", 1)[0] if in_root else ""
            print("%-17s %s" % (name, found_at or "NOT FOUND" + advice), flush=True)
    if missing and must_have_all():
        print("HEAPCORE_FULL_MATRIX=1, but not found: " + ", ".join(missing))
    return found, missing


def main():
    missing = cover(ALL)[1]
    return 1 if missing and must_have_all() else 0


if __name__ == "__main__":
    sys.exit(main())
