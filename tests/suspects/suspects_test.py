#!/usr/bin/env python3
"""`heapcore suspects` on heaps with one defect each, and on one without: fixtures/suspects.py.

    python3 tests/suspects/suspects_test.py --heapcore BIN [--interpreter V]... [TEST ...]
"""
import glob
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "truth"))
import cored
import dumping
import interpreters
import suites

NAMES = ("3.8", "3.12", "debian-3.11")
MORE_NAMES = ("3.13", "sid-3.15")  # in the full matrix


class SuspectsTest(cored.CoredCase):
    fixture = "suspects.py"
    defect = None

    @classmethod
    def setUpClass(cls):
        cls.options = [cls.defect]
        super().setUpClass()

    def suspects(self, *options):
        done = self.run_heapcore("suspects", "--json", *options, self.core)
        return json.loads(done.stdout.decode())["suspects"]

    def check(self, *options):
        found = self.suspects(*options)
        expected = self.truth["suspects"]
        self.assertEqual(sorted(each["finding"] for each in expected), sorted(each["finding"] for each in found), found)
        self.assertEqual(sorted((each["bytes"] for each in found), reverse=True), [each["bytes"] for each in found])
        for each in expected:
            self.assertTrue(any(self.is_the_same(each, one) for one in found), (each, found))
        for each in found:
            if each["query"]:
                self.ask(each["query"], options=options)
        text = self.run_heapcore("suspects", *options, self.core).stdout.decode()
        for each in found:
            self.assertIn(each["sentence"], text)

    def is_the_same(self, expected, found):
        figures = {row["figure"]: row["value"] for row in found["figures"]}
        told = "%s %s" % (found["sentence"], found["query"])
        agree = all(
            value[0] <= figures[name] <= value[1] if isinstance(value, list) else value == figures[name]
            for name, value in expected["figures"].items() if expected["finding"] == found["finding"])
        return expected["finding"] == found["finding"] and (expected["about"] or "") in told and agree


class CleanTest(SuspectsTest):
    defect = "clean"

    def test_an_ordinary_heap_has_no_suspects(self):
        self.assertEqual([], self.suspects())
        self.assertIn("none", self.run_heapcore("suspects", self.core).stdout.decode())


class HolderTest(SuspectsTest):
    defect = "holder"

    def test_one_object_that_holds_much_is_found_where_it_piles_up(self):
        self.check()
        (found,) = self.suspects()
        self.assertIn("__dict__['service']", found["path"])
        self.assertIn("cache", found["path"])


class GroupTest(SuspectsTest):
    defect = "group"

    def test_many_of_a_kind_that_no_one_object_holds_are_found(self):
        self.check()


class EqualTest(SuspectsTest):
    defect = "equal"

    def test_equal_values_are_counted_with_what_sharing_them_would_win(self):
        self.check()


class OversizedTest(SuspectsTest):
    defect = "oversized"

    def test_dicts_that_were_emptied_are_found(self):
        self.check()


class WaitingTest(SuspectsTest):
    defect = "waiting"

    def test_garbage_that_waits_for_a_collector_that_is_off_is_counted(self):
        self.check()


class KeptTest(SuspectsTest):
    defect = "kept"

    def test_what_the_collector_put_aside_is_found(self):
        self.check()


class GrowthTest(SuspectsTest):
    defect = "growth"

    def test_a_kind_that_grew_is_told_and_one_that_was_renewed_is_not(self):
        base, = glob.glob(os.path.join(glob.escape(self.folder), "base", "core*"))
        self.check("--baseline", base)

    def test_without_a_baseline_nothing_grew(self):
        self.assertEqual([], self.suspects())


class PinnedTest(SuspectsTest):
    defect = "pinned"

    def test_arenas_that_few_objects_keep_are_found_with_their_kind(self):
        self.check()


class NativeTest(SuspectsTest):
    defect = "native"

    def test_memory_of_c_code_that_no_object_owns_is_measured(self):
        self.check()


CASES = [CleanTest, HolderTest, GroupTest, EqualTest, OversizedTest, WaitingTest, KeptTest, PinnedTest, NativeTest]


def main():
    arguments = suites.parse(suites.argument_parser(__doc__, interpreters.ALL))
    cases = CASES + [GrowthTest] if dumping.kernel_writes_cores_here() else CASES
    names = NAMES + MORE_NAMES if interpreters.must_have_all() else NAMES
    return suites.run(lambda _: cases, arguments, names)


if __name__ == "__main__":
    sys.exit(main())
