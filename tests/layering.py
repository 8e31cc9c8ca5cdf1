#!/usr/bin/env python3
"""A folder of src/ includes only from itself and from folders before it; public headers stand alone.

    python3 tests/layering.py ROOT
"""
import os
import re
import subprocess
import sys

ORDER = ("base", "image", "capture", "watch", "layout", "emulator", "python", "graph", "memory", "sets", "suspects", "query", "report", "api", "cli")
PUBLIC = "heapcore"  # include/heapcore: open to every folder
INCLUDE = re.compile(r'^[ \t]*#[ \t]*(?:include|include_next|import)[ \t]*(["<])([^">]*)[">]', re.MULTILINE)


def c_files(folder):
    for path, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name.endswith((".c", ".h")):
                yield os.path.join(path, name)


def includes(path):
    """(line number, quoted, name) of each #include."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for found in INCLUDE.finditer(text):
        yield text.count("\n", 0, found.start(2)) + 1, found[1] == '"', found[2]


def fault_of_include(src, folder, name, quoted):
    """Why a file of src/<folder> must not include `name`, or None."""
    first = name.split("/")[0]
    if not quoted:
        return 'write it with quotes: "%s"' % name if first in ORDER and os.path.exists(os.path.join(src, name)) else None
    if first == PUBLIC:
        return None
    if "/" not in name or first not in ORDER:
        return 'name it from src/ on: "%s/…"' % folder
    if ".." in name.split("/"):
        return "no way around by '..'"
    if ORDER.index(first) > ORDER.index(folder):
        return "%s comes after %s in %s" % (first, folder, " ".join(ORDER))
    return None


def faults_of_sources(root):
    src = os.path.join(root, "src")
    for path in c_files(src):
        shown = os.path.relpath(path, root)
        folder = os.path.relpath(path, src).split(os.sep)[0]
        if folder not in ORDER:
            yield "%s: not in one of the folders %s" % (shown, " ".join(ORDER))
            continue
        for line, quoted, name in includes(path):
            fault = fault_of_include(src, folder, name, quoted)
            if fault:
                yield "%s:%d: includes %s: %s" % (shown, line, name, fault)


def faults_of_public_headers(root):
    """A public header includes only the system's and other public headers, and compiles alone."""
    include = os.path.join(root, "include")
    for path in c_files(include):
        shown = os.path.relpath(path, root)
        for line, quoted, name in includes(path):
            if quoted and name.split("/")[0] != PUBLIC:
                yield "%s:%d: includes %s, which is not public" % (shown, line, name)
        done = subprocess.run(
            [os.environ.get("CC", "cc"), "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", include,
             "-include", path, "-x", "c", os.devnull],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            yield "%s: does not compile alone:\n%s" % (shown, done.stdout.decode(errors="replace"))


def faults(root):
    return [*faults_of_sources(root), *faults_of_public_headers(root)]


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    found = faults(sys.argv[1])
    for fault in found:
        print(fault)
    print("layering: %d faults" % len(found) if found else "layering: every include points down or sideways")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
