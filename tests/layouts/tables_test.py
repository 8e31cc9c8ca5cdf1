#!/usr/bin/env python3
"""Tables of layouts: those that ship, those that a user makes, and those that do not fit.

    python3 tests/layouts/tables_test.py --heapcore BIN
"""
import argparse
import glob
import os
import re
import resource
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TABLES = os.path.join(HERE, "..", "..", "src", "layout", "tables")
sys.path[:0] = [HERE, os.path.join(HERE, "..", "truth")]
import dumping
import interpreters
import stripping

heapcore = None


def run(*arguments, sysroot=None):
    environment = {k: v for k, v in os.environ.items() if k != "HEAPCORE_SYSROOT"}
    if sysroot:
        environment["HEAPCORE_SYSROOT"] = sysroot
    return subprocess.run([heapcore, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment)


def questions(path):
    """(struct, member) of all that a table answers; a struct's file may differ between versions."""
    found, structure = set(), None
    with open(path) as file:
        for line in file.read().splitlines()[4:]:
            words = line.split()
            if words[0] in ("struct", "pointers"):
                structure = words[1] if words[0] == "struct" else None
            elif structure:
                found.add((structure, words[0]))
    return found


class TablesTest(unittest.TestCase):
    """On one process of one interpreter: what is asked of tables does not depend on it."""

    @classmethod
    def setUpClass(cls):
        names = [n for n in reversed(interpreters.NAMES) if not n.startswith("debian") and "-" not in n]
        interpreter = next(filter(None, map(interpreters.find, names)), None)
        if not interpreter:
            raise unittest.SkipTest("no interpreter with debug information")
        print("COVERED    " + interpreter.executable, flush=True)
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
        subprocess.run([interpreter.executable, "-c", "import os; os.abort()"], cwd=cls.folder.name,
            stderr=subprocess.DEVNULL, env=dumping.clean_environment())
        cores = glob.glob(os.path.join(cls.folder.name, "core*"))
        if not cores:
            raise unittest.SkipTest("the kernel writes no cores here")
        cls.core = cores[0]
        cls.stripped = stripping.strip_files_of(cls.core, os.path.join(cls.folder.name, "stripped"))
        done = run("layouts", "--emit", cls.core)
        assert done.returncode == 0, done.stderr
        cls.table = done.stdout
        cls.version = re.search("^versions (.*)$", cls.table, re.M)[1]

    def given(self, text):
        path = os.path.join(self.folder.name, "given.txt")
        with open(path, "w") as file:
            file.write(text)
        return run("analyze", "--full", "--layouts", path, self.core, sysroot=self.stripped)

    def refused(self, text, *parts):
        done = self.given(text)
        self.assertEqual(1, done.returncode, done.stdout + done.stderr)
        self.assertEqual("", done.stdout)
        self.assertEqual(1, done.stderr.count("\n"), done.stderr)
        for part in parts:
            self.assertIn(part, done.stderr)

    def test_the_shipped_table_of_this_version_is_what_debug_information_says(self):
        body = self.table.split("\n", 4)[4]
        machine = re.search("^machine .*$", self.table, re.M)[0]
        for path in glob.glob(os.path.join(TABLES, "*.txt")):
            with open(path) as file:
                head, _, shipped = file.read().partition("\nflags\n")
            if self.version in head.split() and machine in head.splitlines():
                self.assertEqual(set(), set(body.splitlines()) - set(shipped.splitlines()),
                    "scripts/emit-layouts.sh makes the tables anew")
                return
        self.fail("no table of %s ships" % self.version)

    def test_every_shipped_table_answers_every_question(self):
        asked = {}
        for path in glob.glob(os.path.join(TABLES, "*.txt")):
            asked[os.path.basename(path)] = questions(path)
        everything = set().union(*asked.values())
        self.assertGreater(len(asked), 0)
        for name, known in asked.items():
            self.assertEqual(set(), everything - known, name + ": scripts/emit-layouts.sh makes the tables anew")

    def test_a_table_made_here_can_be_given(self):
        done = self.given(self.table)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("given.txt", done.stdout)
        self.assertNotIn("a guess", done.stdout)

    def test_a_table_of_another_patch_version_is_called_a_guess(self):
        other = re.sub(r"\.\d+$", ".99", self.version)
        done = self.given(self.table.replace("versions " + self.version, "versions " + other))
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("a guess", done.stdout)

    def test_the_table_of_a_debug_build_is_refused(self):
        self.refused(self.table.replace("\nflags\n", "\nflags debug\n"), "does not fit", "debug build")

    def test_offsets_that_do_not_fit_are_refused(self):
        # None of these is among what a process of 3.13 tells itself, which beats what a table says.
        for member in ("tp_base", "tp_basicsize", "tp_mro", "me_key", "md_dict", "_base._base.length"):
            wrong = re.sub("^(%s) \\d+ " % member, r"\1 4 ", self.table, flags=re.M)
            if wrong != self.table:
                with self.subTest(member):
                    self.refused(wrong, "given.txt", "does not fit")

    def test_what_is_no_table_is_refused_with_its_place(self):
        for text, part in (
                ("", ":1: not a table"), ("\0\1\2", ":1: not a table"), ("heapcore layouts 2\n", ":1: not a table"),
                (self.table[: len(self.table) // 2], "cut short"), (self.table.replace("\nend\n", "\n"), "cut short"),
                (self.table.replace("machine ", "machine s390x "), "no machine"),
                (self.table.replace("\nend\n", "\nsize 1 2 q\nend\n"), "offset, size and kind"),
                (self.table.replace("\nend\n", "\nsize 99999999999999999999 8 s\nend\n"), "no number"),
                (self.table.replace("\nend\n", "\nstruct A b\nx 0 3 s\nend\n"), "no number has 3 bytes")):
            with self.subTest(part):
                self.refused(text, part)

    def test_a_table_is_not_made_from_a_table(self):
        done = run("layouts", "--emit", self.core, sysroot=self.stripped)
        self.assertEqual(1, done.returncode)
        self.assertIn("a table is made from that", done.stderr)


def main():
    global heapcore
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heapcore", required=True)
    heapcore = os.path.abspath(parser.parse_args().heapcore)
    result = unittest.TextTestRunner(verbosity=2).run(unittest.defaultTestLoader.loadTestsFromTestCase(TablesTest))
    return 77 if result.skipped and not result.testsRun else 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
