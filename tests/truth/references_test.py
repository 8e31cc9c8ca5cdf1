#!/usr/bin/env python3
"""The reference audit against processes that know which of their objects' counts are wrong.

    python3 tests/truth/references_test.py --heapcore BIN [--interpreter V]... [TEST ...]
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dumping
import extension
import interpreters
import suites

FIXTURE = "counted_wrongly.py"


class ReferencesCase(unittest.TestCase):
    interpreter = heapcore = None
    options = ()
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="heapcore-references-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        try:
            extension.build(cls.interpreter, cls.folder, "counted")
        except extension.CannotBuild as error:
            raise unittest.SkipTest(str(error))
        told, cls.core = dumping.abort_for_core(cls.interpreter, FIXTURE, cls.folder, [cls.folder, *cls.options])
        with open(told) as file:
            cls.truth = json.load(file)
        cls.report = json.loads(cls.run_heapcore("references", "--json", cls.core))
        cls.high = {int(row["address"], 16): row for row in cls.rows("too_high_objects")}
        cls.low = {int(row["address"], 16): row for row in cls.rows("too_low_objects")}

    @classmethod
    def run_heapcore(cls, *arguments):
        return subprocess.run([cls.heapcore, *arguments], stdout=subprocess.PIPE, timeout=dumping.PATIENCE,
            check=True).stdout.decode()

    @classmethod
    def rows(cls, section):
        return cls.report[section]  # one without facts is its rows

    def unexplained(self):
        excess = {address: row["refcount"] - row["found"] - row["explained"] for address, row in self.high.items()}
        return {address: count for address, count in excess.items() if count}

    def holders(self, address):
        return [holder["holder"] for holder in self.high[address]["held_by"]]

    def suspects(self):
        found = json.loads(self.run_heapcore("suspects", "--json", self.core))
        return [row["finding"] for row in found["suspects"]]

    def test_what_a_c_variable_holds_is_explained_by_its_name(self):
        row = self.high[self.truth["in_variable"]]
        self.assertEqual((1, 0, 1), (row["refcount"], row["found"], row["explained"]))
        self.assertEqual(["C variable counted_kept in counted.so"], self.holders(self.truth["in_variable"]))

    def test_what_memory_of_c_code_holds_is_explained(self):
        row = self.high[self.truth["in_memory"]]
        self.assertEqual((1, 0, 1), (row["refcount"], row["found"], row["explained"]))
        self.assertEqual(["C memory that no object owns"], self.holders(self.truth["in_memory"]))


class WrongTest(ReferencesCase):
    def test_each_leaked_object_is_named_with_what_was_leaked(self):
        leaked = dict(self.truth["leaked"])
        found = {address: self.high[address]["refcount"] - self.high[address]["found"]
            for address in leaked if address in self.high}
        self.assertEqual(leaked, found)
        explained = [address for address in leaked if self.high[address]["explained"]]
        print("%s: %d of %d leaked objects are explained by words from before" % (
            self.interpreter.name, len(explained), len(leaked)))
        self.assertLessEqual(len(explained), WORDS_FROM_BEFORE)

    def test_hardly_anything_else_is_too_high(self):
        others = set(self.unexplained()) - set(dict(self.truth["leaked"]))
        print("%s: %d objects too high that the fixture knows nothing of: %s" % (
            self.interpreter.name, len(others), [self.high[address]["type"] for address in others]))
        self.assertLess(len(others), OWN_LEAKS)

    def test_each_object_that_was_dropped_too_often_is_named(self):
        self.assertEqual(dict(self.truth["dropped"]), {address: row["found"] - row["doubtful"] - row["refcount"]
            for address, row in self.low.items()})

    def test_both_are_suspects(self):
        found = self.suspects()
        self.assertIn("counts too high", found)
        self.assertIn("counts too low", found)

    def test_the_text_shows_types_with_excess_and_deficit(self):
        text = self.run_heapcore("references", self.core)
        left = [count - self.high[address]["explained"] for address, count in self.truth["leaked"][:300]]
        self.assertRegex(text, r"__main__\.Thing +%d +%d +0 +0x" % (len(left) - left.count(0), sum(left)))
        objects, references, strays = map(int,
            re.search(r"builtins\.bytes +(\d+) +(\d+) +(\d+) +0x", text).groups())
        self.assertTrue(objects == references == strays, text)
        self.assertIn(objects, range(200 - WORDS_FROM_BEFORE, 200 + OWN_LEAKS))
        self.assertRegex(text, r"__main__\.Thing +20 +20 +0x")


class CleanTest(ReferencesCase):
    options = ("clean",)

    def test_no_count_is_too_low(self):
        self.assertEqual({}, self.low)

    def test_hardly_any_count_is_too_high(self):
        self.assertLess(len(self.unexplained()), OWN_LEAKS)

    def test_counts_are_no_suspects(self):
        self.assertEqual([], [name for name in self.suspects() if name.startswith("counts")])

    def test_most_counts_agree(self):
        self.assertGreater(self.report["references"]["agreeing"], 10 * self.report["references"]["too_high"])


OWN_LEAKS = 10  # objects that CPython itself never gives back
# In used blocks of C memory, which the allocator does not clear, addresses of freed objects are left; a leaked
# object may be put where one of those was.
WORDS_FROM_BEFORE = 4


def main():
    names = interpreters.ALL
    arguments = suites.parse(suites.argument_parser(__doc__, names))
    return suites.run(lambda _: [WrongTest, CleanTest], arguments, names)


if __name__ == "__main__":
    sys.exit(main())
