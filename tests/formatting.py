#!/usr/bin/env python3
"""Every C file is as clang-format leaves it.

    python3 tests/formatting.py ROOT

Only the version that the tree is formatted with can tell: others differ in detail. Exit status 77 without it.
"""
import os
import re
import shutil
import subprocess
import sys

from layering import c_files

VERSION = 14
SKIPPED = 77


def find_clang_format():
    for name in ("clang-format-%d" % VERSION, "clang-format"):
        program = shutil.which(name)
        if program:
            said = subprocess.run([program, "--version"], stdout=subprocess.PIPE, check=True).stdout.decode()
            if re.search(r"version %d\." % VERSION, said):
                return program
    return None


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    program = find_clang_format()
    if not program:
        print("formatting: not checked, because there is no clang-format %d here" % VERSION)
        return SKIPPED
    os.chdir(sys.argv[1])
    files = [path for folder in ("include", "src", "tests") for path in c_files(folder)]
    done = subprocess.run([program, "--dry-run", "--Werror", "--style=file", *files])
    print("formatting: %d files, exit status %d" % (len(files), done.returncode))
    return 1 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
