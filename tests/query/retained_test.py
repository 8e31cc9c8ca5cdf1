#!/usr/bin/env python3
"""Retained size: heapcore against a process that knows what it holds, and against the walk that finds dominos.

    python3 tests/query/retained_test.py --heapcore BIN --check BIN [--interpreter V]... [TEST ...]
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "truth"))
import dumping
import interpreters
import suites

PATIENCE = 300  # seconds
HEAPCORE = CHECK = None


def heapcore(*arguments):
    return subprocess.run([HEAPCORE, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=PATIENCE)


class RetainedTest(unittest.TestCase):
    interpreter = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="heapcore-retained-")
        truth, cls.core = dumping.abort_for_core(cls.interpreter, "retained.py", cls.folder)
        cls.reports = {}  # by options
        with open(truth) as file:
            cls.truth = json.load(file)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def values(self, *expressions):
        done = heapcore("query", "--json", self.core, *expressions)
        self.assertEqual(0, done.returncode, done.stderr.decode(errors="replace"))
        return [answer["value"] for answer in json.loads(done.stdout.decode())]

    def report(self, *options):
        if options not in self.reports:
            done = heapcore("retained", "--json", *options, self.core)
            self.assertEqual(0, done.returncode, done.stderr.decode(errors="replace"))
            self.reports[options] = json.loads(done.stdout.decode())
        return self.reports[options]

    def test_what_an_object_retains_is_what_the_process_counted(self):
        facts = self.truth["facts"]
        expected = [size for _, size in facts]
        self.assertEqual(expected, self.values(*["iso(0x%x).retained" % address for address, _ in facts]))
        self.assertEqual(expected,
            self.values(*["iso(0x%x).byid[0].theone.retained" % address for address, _ in facts]))

    def test_retained_is_the_domisize_of_hundreds_of_objects(self):
        sample = self.truth["sample"]
        self.assertGreater(len(sample), 150)
        self.assertEqual(self.values(*["iso(0x%x).domisize" % address for address in sample]),
            self.values(*["iso(0x%x).retained" % address for address in sample]))

    def test_a_set_retains_its_domisize(self):
        for name in "(h & list)", "(h & __main__.Node)", "h", "Nothing", "(h & type).dictof":
            retained, domisize = self.values(name + ".retained", name + ".domisize")
            self.assertEqual(domisize, retained, name)

    def test_a_variable_goes_with_what_only_it_holds(self):
        rows = self.report("--limit", "500")["variables"]
        names = {name for _, name, _ in self.truth["variables"]}
        found = [[row["holder"], row["variable"], row["retained"]] for row in rows
            if "__main__" in row["holder"] and row["variable"] in names]
        key = lambda row: (-row[2], row[1])
        self.assertEqual(sorted(self.truth["variables"], key=key), sorted(found, key=key))
        for row in rows:
            if row["holder"] == "module: __main__":
                self.assertNotIn(row["variable"], self.truth["kept"])
        self.assertEqual(sorted((row["retained"] for row in rows), reverse=True), [row["retained"] for row in rows])

    def test_a_variable_of_a_frame_goes_with_what_only_it_holds(self):
        rows = self.report("--limit", "500")["locals"]
        found = {(row["thread"].split('"')[1], row["function"].split(".")[-1], row["variable"]): row["retained"] for row in rows}
        expected = {(thread, function, name): size for thread, function, name, size in self.truth["locals"]}
        self.assertEqual({key: size for key, size in expected.items() if size},
            {key: size for key, size in found.items() if key in expected})
        self.assertGreater(len(expected), 10)
        self.assertNotIn(0, found.values())
        self.assertEqual(sorted((row["retained"] for row in rows), reverse=True), [row["retained"] for row in rows])

    def test_the_variables_of_the_stacks_are_told_with_what_they_retain(self):
        done = heapcore("threads", "--locals", "--json", self.core)
        self.assertEqual(0, done.returncode, done.stderr)
        threads = json.loads(done.stdout.decode())["threads"]
        found = {(thread["name"], frame["function"], local["name"]): local["retained"]
            for thread in threads for frame in thread["frames"] for local in frame["locals"]}
        for thread, function, name, size in self.truth["locals"]:
            self.assertEqual(size, found[thread, function, name], name)
        text = heapcore("threads", "--locals", self.core).stdout.decode()
        self.assertRegex(text, r"  common: bytearray, (\d+) bytes \(\1 retained\) = bytearray\(b")
        self.assertNotIn("retained)", heapcore("threads", self.core).stdout.decode())
        report = {row["thread"]: row["retained"] for row in self.report("--limit", "500")["threads"]}
        self.assertEqual(report, {'%d "%s"' % (thread["tid"], thread["name"]): thread["retained"] for thread in threads})

    def test_a_thread_keeps_what_its_variables_share(self):
        threads = {row["thread"].split('"')[1]: row["retained"] for row in self.report("--limit", "500")["threads"]}
        for name, size in self.truth["threads"].items():
            self.assertLessEqual(size, threads[name])
            self.assertGreater(size + 8000, threads[name])  # the frames below

    def test_taking_each_away_frees_what_is_said(self):
        done = subprocess.run([CHECK, self.core], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE,
            env=dict(os.environ))
        self.assertEqual(0, done.returncode, done.stdout.decode() + done.stderr.decode())
        counts = dict(line.split() for line in done.stdout.decode().splitlines())
        for what, least in ("objects", 100), ("kinds", 10), ("variables", 200), ("kept", 200), ("locals", 20), ("frames", 6), ("threads", 2):
            self.assertGreaterEqual(int(counts[what]), least, counts)

    def test_the_objects_are_the_largest_with_their_paths(self):
        report = self.report("--limit", "40")
        objects = report["objects"]
        self.assertEqual(40, len(objects))
        self.assertEqual(sorted((row["retained"] for row in objects), reverse=True),
            [row["retained"] for row in objects])
        self.assertEqual([row["retained"] for row in objects],
            self.values(*["iso(%s).domisize" % row["address"] for row in objects]))
        self.assertIn("hp.Root.i0_modules['__main__'].__dict__['CHAIN']", [row["path"] for row in objects])
        self.assertEqual(self.values("h.count", "h.size"), [report["heap"]["count"], report["heap"]["size"]])

    def test_a_kind_retains_what_its_topmost_objects_do(self):
        rows = self.report("--limit", "500")["kinds"]
        kinds = {row["kind"]: row for row in rows}
        count, size = self.values("(h & __main__.Node).count", "(h & __main__.Node).size")
        ring = dict((name, size) for _, name, size in self.truth["variables"])["RING"]
        self.assertEqual({"kind": "__main__.Node", "count": count, "size": size, "retained": ring},
            kinds["__main__.Node"])
        count, size = self.values("h.count", "h.size")
        self.assertEqual((count, size), tuple(sum(row[key] for row in rows) for key in ("count", "size")))

    def tables(self, *expressions):
        """[[count, size, retained, kind]] of each table of dominators."""
        done = heapcore("query", "--json", self.core, *expressions)
        self.assertEqual(0, done.returncode, done.stderr.decode(errors="replace"))
        tables = [answer["lines"] for answer in json.loads(done.stdout.decode())]
        self.assertEqual(len(expressions), len(tables))
        for lines in tables:
            self.assertIn("Retained", lines[1])
        return [[[*map(int, line.split()[1:4]), line.split(None, 5)[5]] for line in lines[2:] if not line.startswith("<")]
            for lines in tables]

    def test_dominators_of_the_heap_are_the_kinds_of_the_report(self):
        kinds = [[row["count"], row["size"], row["retained"], row["kind"]] for row in self.report("--limit", "500")["kinds"]]
        key = lambda row: (-row[2], row[3])
        everything, first = self.tables("h.dominators.all", "h.dominators")
        self.assertEqual(sorted(kinds, key=key), sorted(everything, key=key))
        self.assertEqual(10, len(first))

    def test_dominators_of_one_object_are_its_domisize(self):
        sample = ["iso(0x%x)" % address for address in self.truth["sample"][:40]]
        facts = self.values(*[one + what for one in sample for what in (" in h", ".count", ".size", ".domisize")])
        tables = self.tables(*[one + ".dominators" for one in sample])
        for number, (one, table) in enumerate(zip(sample, tables)):
            is_reached, *figures = facts[4 * number:4 * number + 4]
            # The tree has what the roots reach.
            self.assertEqual([figures] if is_reached else [], [row[:3] for row in table], one)

    def test_a_row_of_dominators_is_its_objects(self):
        self.assertEqual([True], self.values("h.dominators[3].dominators[0] == h.dominators[3]"))

    def test_of_a_long_path_the_length_is_told(self):
        paths = [row["path"] for row in self.report("--limit", "500")["objects"]]
        self.assertIn("103 references away", paths)

    def test_the_text_has_as_many_rows_as_are_asked_for(self):
        done = heapcore("retained", "--limit", "3", self.core)
        self.assertEqual(0, done.returncode, done.stderr)
        blocks = done.stdout.decode().split("\n\n")
        self.assertEqual([2, 5, 5, 5, 5, 4], [len(block.splitlines()) for block in blocks])
        self.assertIn("entries", blocks[3])
        self.assertEqual([0] * 3, [len(self.report("--limit", "0")[key]) for key in ("objects", "kinds", "variables")])


def main():
    global HEAPCORE, CHECK
    parser = suites.argument_parser(__doc__, interpreters.QUERIED)
    parser.add_argument("--check", required=True, help="the program that takes away one thing after the other")
    arguments = suites.parse(parser, "check")
    HEAPCORE, CHECK = arguments.heapcore, arguments.check
    if not dumping.kernel_writes_cores_here():
        print("the kernel writes no core files here: a fork cannot be dumped")
        return suites.NONE_FOUND
    return suites.run(lambda _: [RetainedTest], arguments, interpreters.QUERIED)


if __name__ == "__main__":
    sys.exit(main())
