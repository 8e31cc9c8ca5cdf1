#!/usr/bin/env python3
"""A core by gdb's gcore that lost its end has lost the list of its binaries: --exe stands in for it.

    python3 tests/cli/cut_gcore_test.py --heapcore BIN [TEST ...]
"""
import argparse
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "truth"))
import bad_input_test
import interpreters

PATIENCE = 300  # seconds
HEAPCORE = None


class CutGcoreTest(unittest.TestCase):
    interpreter = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="heapcore-cut-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        command = bad_input_test.python_command(cls.interpreter)
        with bad_input_test.running(command, cls.folder, ready=b"READY\n") as process:
            subprocess.run(["gcore", "-o", os.path.join(cls.folder, "core"), str(process.pid)],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, timeout=PATIENCE)
        (path,) = glob.glob(os.path.join(cls.folder, "core*"))
        with open(path, "rb") as file:
            cls.content = file.read()

    def cut(self, percent):
        path = os.path.join(self.folder, "cut")
        with open(path, "wb") as file:
            file.write(self.content[: len(self.content) * percent // 100])
        return path

    def analyze(self, *arguments):
        return subprocess.run(
            [HEAPCORE, "analyze", "--json", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, universal_newlines=True, timeout=PATIENCE)

    def count_baskets(self, percent):
        done = self.analyze("--exe", self.interpreter, self.cut(percent))
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(report["image"]["truncated"], True)
        self.assertEqual(report["image"]["expected_size"] > report["image"]["size"], True)
        self.assertEqual(report["python"]["binary"], self.interpreter)
        self.assertRegex(report["python"]["version"], r"\A3\.")
        rows = report["heap"]["rows"] + report["unreached"]["rows"]
        # The string with the name of the module may be gone.
        return sum(row["count"] for row in rows if row["name"] in ("__main__.Basket", "?.Basket"))

    def test_the_program_given_stands_in_for_the_lost_list(self):
        counts = [self.count_baskets(percent) for percent in (60, 80, 95)]
        self.assertEqual(counts, sorted(counts))
        self.assertGreater(counts[-1], 4000)
        self.assertLessEqual(counts[-1], 5000)

    def test_without_the_program_the_option_is_named(self):
        done = self.analyze(self.cut(90))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\Aheapcore: [^\n]+ --exe FILE\n\Z")

    def test_another_program_is_not_believed(self):
        done = self.analyze("--exe", HEAPCORE, self.cut(90))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\Aheapcore: [^\n]+ --exe FILE\n\Z")

    def test_a_program_that_is_not_there_is_told(self):
        done = self.analyze("--exe", os.path.join(self.folder, "none"), self.cut(90))
        self.assertEqual(done.returncode, 1)
        self.assertIn("given with --exe", done.stderr)


def main():
    global HEAPCORE
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heapcore", required=True, help="the program under test")
    arguments, rest = parser.parse_known_args()
    HEAPCORE = os.path.abspath(arguments.heapcore)
    found = [one.executable for one in map(interpreters.find, interpreters.NAMES)
             if one and not bad_input_test.find_libpython(one.executable)]
    if not found or not shutil.which("gcore"):
        print("no gcore, or no Python with debug information that is a program of one piece")
        return 77
    CutGcoreTest.interpreter = os.path.realpath(found[0])
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
