#!/usr/bin/env python3
"""A core from a container with another distribution's files: with all of these, with some, and with none.

    python3 tests/cores/foreign_test.py --heapcore BIN [--interpreter sid-3.14 ...] [TEST ...]
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "truth")]
import compare
import dumping
import interpreters
import suites

NAMES = ("bullseye-3.9", "trixie-3.13", "sid-3.14")
MOST = 0.99  # of the objects have the name of their type and their size where no binary is there


class ForeignTest(unittest.TestCase):
    heapcore = None
    interpreter = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="heapcore-foreign-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.truth, cls.core = dumping.abort_for_core(cls.interpreter, "zoo.py", cls.folder)
        os.environ.pop("HEAPCORE_SYSROOT", None)

    def run_heapcore(self, command, *options):
        done = subprocess.run([self.heapcore, command, *options, self.core], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=dumping.PATIENCE)
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout

    def check_most(self, *options):
        """Every object is listed; what libraries' static types are called stands in the libraries."""
        truth = compare.Truth(self.truth)
        found = compare.Dump(self.run_heapcore("dump", *options).splitlines()).objects
        self.assertEqual(set(), truth.objects.keys() - found.keys())
        named = sum(found[address].type == truth.types[known[0]].name for address, known in truth.objects.items())
        sized = sum(found[address].size == known[1] for address, known in truth.objects.items())
        self.assertGreater(min(named, sized), MOST * len(truth.objects))
        whole = ["--sysroot", self.interpreter.root]
        self.assertEqual(self.python_frames(*whole), self.python_frames(*options))

    def files(self, *options):
        """{name without folder and version: what became of it}."""
        rows = json.loads(self.run_heapcore("analyze", "--json", *options))["files"]
        return {re.sub(r"[-.\d].*", "", os.path.basename(row["path"])): row["state"] for row in rows}

    def python_frames(self, *options):
        threads = json.loads(self.run_heapcore("threads", "--json", *options))["threads"]
        return [[(frame["file"], frame["line"], frame["function"]) for frame in thread["frames"]
            if frame.get("line")] for thread in threads]

    def test_with_its_files_every_object_is_as_the_process_knew_it(self):
        lines = self.run_heapcore("dump", "--sysroot", self.interpreter.root).splitlines()
        comparison = compare.compare([self.truth], lines)
        self.assertEqual({}, dict(comparison.failure_counts), comparison.failure_report())
        states = self.files("--sysroot", self.interpreter.root)
        self.assertLessEqual(set(states.values()), {"unverified"}, "sid's libffi has no build-id")

    def test_without_them_this_machines_files_of_the_same_names_are_not_believed(self):
        states = self.files()
        self.assertIn(states["libc"], ("mismatch", "missing"), "bullseye's has another name")
        self.assertIn(states["python"], ("mismatch", "missing"))
        self.check_most()

    def test_with_the_interpreter_alone_the_libraries_are_told_to_be_missing(self):
        sysroot = os.path.join(self.folder, "part")
        executable = sysroot + self.interpreter.executable
        os.makedirs(os.path.dirname(executable))
        self.addCleanup(shutil.rmtree, sysroot)
        shutil.copy(os.path.realpath(self.interpreter.root + self.interpreter.executable), executable)
        states = self.files("--sysroot", sysroot)
        self.assertNotIn("python", states)
        self.assertEqual("missing", states["libc"])
        self.check_most("--sysroot", sysroot)


def main():
    arguments = suites.parse(suites.argument_parser(__doc__, NAMES))
    return suites.run(lambda _: [ForeignTest], arguments, NAMES, heapcore=arguments.heapcore)


if __name__ == "__main__":
    sys.exit(main())
