#!/usr/bin/env python3
"""The comparer must see every kind of lie: a true dump passes, each falsified one fails."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare
import dumping

PROGRAM = """
import sys; sys.path.insert(0, sys.argv[1]); import truth
class Point:
    def __init__(self):
        self.x, self.y = "x%d" % id(self), [1.5]
POINTS = [Point() for n in range(10)]
FROZEN = (1.5, [2.5])
truth.expect(FROZEN, "reachable", refcount=1, what="tuple")
truth.record_and_stop(sys.argv[2], "block")
"""


def true_dump(truth):
    """What a perfect heapcore would print about the process that wrote `truth`."""
    for address, (type_index, size, flags, referents) in truth.objects.items():
        type_ = truth.types[type_index]
        yield {
            "address": hex(address),
            "type": type_.name or "unnamed",
            "size": size,
            "refcount": 1,
            "state": "reachable" if flags & compare.REACHABLE else "tracked",
            "how": "decoder" if type_.solid in compare.EXACT and not flags & compare.STATEFUL else "emulated",
            "referents": [hex(referent) for referent in referents or truth.held.get(address, ())],
        }
    for owner, values in truth.inline.items():
        yield {
            "address": hex(owner + 1), "type": "builtins.dict", "size": 8, "refcount": 0,
            "state": "reachable",
            "how": "decoder", "referents": [hex(value) for value in values], "virtual": True,
        }


class ComparerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "truth.jsonl")
            subprocess.run([sys.executable, "-c", PROGRAM, dumping.FIXTURES, path], check=True, input=b"\n",
                           stdout=subprocess.PIPE, env=dumping.clean_environment())
            cls.truth = compare.Truth(path)
        cls.tuple = cls.truth.expected[0][0]
        cls.list = max(cls.truth.objects[cls.tuple][3])

    def compare(self, change=lambda rows: None, **options):
        rows = {row["address"]: row for row in true_dump(self.truth)}
        change(rows)
        return compare.Comparison(self.truth, compare.Dump(json.dumps(row).encode() for row in rows.values()),
            **options)

    def assert_seen(self, change, *headings):
        comparison = self.compare(change)
        self.assertEqual(sorted(headings), sorted(comparison.failure_counts), comparison.failure_report())

    def row(self, rows, address=None):
        return rows[hex(address or self.tuple)]

    def test_a_true_dump_passes(self):
        self.assertEqual("", self.compare().failure_report())

    def test_a_missing_object_is_seen_and_named(self):
        def change(rows):
            del rows[hex(self.tuple)]

        comparison = self.compare(change)
        self.assertIn("builtins.tuple: not in the dump", comparison.failure_counts)
        self.assertIn("(builtins.tuple, not in the dump)", comparison.failure_report())

    def test_a_wrong_type_is_seen(self):
        self.assert_seen(lambda rows: self.row(rows).update(type="builtins.list"),
            "builtins.tuple: has another type")

    def test_a_wrong_size_is_seen(self):
        self.assert_seen(lambda rows: self.row(rows).update(size=57),
            "builtins.tuple: size differs (how: decoder)")

    def test_a_missing_referent_is_seen(self):
        self.assert_seen(lambda rows: self.row(rows)["referents"].pop(),
            "builtins.tuple: referents differ (how: decoder)")

    def test_a_referent_counted_twice_is_seen(self):
        def change(rows):
            self.row(rows)["referents"] *= 2

        self.assert_seen(change, "builtins.tuple: referents differ (how: decoder)")

    def test_the_order_of_referents_does_not_matter(self):
        self.assert_seen(lambda rows: self.row(rows)["referents"].reverse())

    def test_a_referent_that_is_no_object_is_seen(self):
        self.assert_seen(
            lambda rows: self.row(rows)["referents"].append("0x10"),
            "builtins.tuple: referents differ (how: decoder)",
            "builtins.tuple: a referent is no object of the dump",
        )

    def test_a_reachable_object_dumped_as_tracked_is_seen(self):
        self.assert_seen(
            lambda rows: self.row(rows, self.list).update(state="tracked"),
            "builtins.list: reachable, but dumped as tracked",
        )

    def test_a_wrong_refcount_is_seen(self):
        self.assert_seen(lambda rows: self.row(rows).update(refcount=2), "the fixture's tuple: refcount")

    def test_a_traversed_type_known_by_words_is_seen(self):
        self.assert_seen(lambda rows: self.row(rows).update(how="words"), "builtins.tuple: known by words")

    def test_without_the_binaries_a_built_in_type_known_by_words_is_seen(self):
        comparison = self.compare(lambda rows: self.row(rows).update(how="words"), strict=False)
        self.assertEqual(["builtins.tuple: must be exact, but how is words"], list(comparison.failure_counts))

    def test_what_is_not_traversed_may_be_held_by_words_and_is_counted(self):
        def change(rows):
            next(row for row in rows.values() if row["type"] == "builtins.str").update(how="words")

        comparison = self.compare(change)
        self.assertEqual({}, comparison.failure_counts)
        self.assertIn("held by words: 1: builtins.str 1", comparison.report())

    def test_a_size_that_the_dump_calls_unknown_is_counted_not_compared(self):
        comparison = self.compare(lambda rows: self.row(rows).update(size=5, size_exact=False))
        self.assertEqual({}, comparison.failure_counts)
        self.assertIn("by the dump's own word: 1: builtins.tuple 1", comparison.report())

    def test_a_freed_object_that_is_dumped_is_seen(self):
        def change(rows):
            address = min(self.truth.gone)
            rows[hex(address)] = dict(self.row(rows), address=hex(address), state="stray")

        self.assert_seen(change, "a freed object is dumped (stray)")

    def test_an_object_dumped_twice_is_seen(self):
        self.assert_seen(
            lambda rows: rows.update(again=dict(self.row(rows))), "the dump contradicts itself"
        )

    def test_an_impossible_size_is_seen_though_the_object_is_unknown(self):
        def change(rows):
            rows["phantom"] = dict(self.row(rows), address="0x10", size=1 << 40)

        self.assert_seen(change, "the dump contradicts itself")

    def test_a_collected_object_that_the_process_did_not_know_is_seen(self):
        def change(rows):
            rows["phantom"] = dict(self.row(rows, self.list), address="0x10", state="tracked")

        self.assert_seen(change, "builtins.list: not an object that the process knew")

    def test_more_strays_than_leaks_are_seen(self):
        def change(rows):
            for address in range(16, 16 * 20, 16):
                rows[address] = dict(self.row(rows), address=hex(address), type="builtins.str", state="stray")

        self.assert_seen(change, "more strays than leaks")

    def test_without_the_binaries_what_only_words_lead_to_may_be_tracked_but_is_counted(self):
        def change(rows):
            self.row(rows).update(how="words", type="x.Y")
            self.row(rows, self.list).update(state="tracked")

        comparison = self.compare(change, strict=False)
        self.assertNotIn("builtins.list: reachable, but dumped as tracked", comparison.failure_counts)
        self.assertIn("missed by them: 1: builtins.list 1", comparison.report())

    def test_remains_in_buffers_of_c_code_are_seen_but_as_many_as_may_be(self):
        def change(rows):
            rows["remains"] = dict(self.row(rows), address="0x10", type="builtins.list", state="tracked")

        heading = "builtins.list: not an object that the process knew"
        self.assertIn(heading, self.compare(change).failure_counts)
        comparison = self.compare(change, remains_of_c=1)
        self.assertEqual({}, comparison.failure_counts)
        self.assertIn("buffers of C code: 1", comparison.report())

    def test_a_virtual_dict_of_nobody_is_seen(self):
        def change(rows):
            rows["virtual"] = dict(self.row(rows), address="0x1", virtual=True)

        self.assert_seen(change, "a virtual dict that no instance has")

    @unittest.skipIf(sys.version_info < (3, 11), "no inline values before 3.11")
    def test_inline_values_without_a_virtual_dict_are_seen(self):
        def change(rows):
            for address in [address for address, row in rows.items() if row.get("virtual")]:
                del rows[address]

        self.assert_seen(change, "inline values without a virtual dict")

    def test_without_the_binaries_differences_in_types_known_by_words_are_counted_not_hidden(self):
        def change(rows):
            others = (row for row in rows.values() if row["how"] == "emulated" and row["type"] != "builtins.module")
            row = next(row for row in others if row["size"] > 0 and row["referents"])
            row["how"] = "words"
            row["size"] += 1
            row["referents"].pop()

        comparison = self.compare(change, strict=False)
        self.assertEqual({}, comparison.failure_counts)
        self.assertIn("size differs in 1, referents differ in 1", comparison.report())


if __name__ == "__main__":
    unittest.main()
