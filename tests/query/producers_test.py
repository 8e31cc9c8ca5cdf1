#!/usr/bin/env python3
"""Which line allocated which object: heapcore against tracemalloc in the process.

    python3 tests/query/producers_test.py --heapcore BIN [--interpreter V]...
"""
import collections
import json
import os
import random
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
HEAPCORE = None
MANY_FRAMES = 25
DEBUG = "dev"  # one frame, and blocks with the debug allocators' headers


def assignments(name, addresses):
    """Statements that make `name` the set of these objects, in pieces that the language's limits allow."""
    yield "%s = Nothing" % name
    for start in range(0, len(addresses), 2000):
        some = ", ".join("0x%x" % address for address in addresses[start : start + 2000])
        yield "%s = %s | iso(%s)" % (name, name, some)


def within(have, file, line):
    """heapy's `<=` of a (file, line) or None and a pattern."""
    if have is None:
        return False
    return (file is None or have[0].startswith(file)) and (line is None or have[1] <= line)


def beyond(have, file, line):
    """heapy's `>=`: the pattern within it."""
    if have is None:
        return False
    return (file is None or file.startswith(have[0])) and (line is None or line <= have[1])


class ProducersTest(unittest.TestCase):
    interpreter = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="heapcore-producers-")
        cls.truths = {}
        for frames in 0, 1, MANY_FRAMES, DEBUG:
            flags = ["-X", "dev"] if frames == DEBUG else []
            folder = os.path.join(cls.folder, str(frames))
            os.mkdir(folder)
            path, core = dumping.abort_for_core(
                cls.interpreter, "producers.py", folder, [str(1 if frames == DEBUG else frames)], flags)
            with open(path) as file:
                objects = {address: frames for address, frames in json.load(file)["objects"]}
            cls.truths[frames] = core, objects

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def ask(self, frames, *expressions):
        done = subprocess.run(
            [HEAPCORE, "query", "--json", "--", self.truths[frames][0], *expressions],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual(0, done.returncode, done.stderr.decode(errors="replace"))
        return json.loads(done.stdout.decode())

    def check_rows(self, frames):
        objects = self.truths[frames][1]
        *_, answer = self.ask(frames, *assignments("a", list(objects)), "a.byprod")
        expected = collections.Counter("%s:%d" % tuple(each[0]) if each else "unknown" for each in objects.values())
        self.assertEqual(expected, {row["name"]: row["count"] for row in answer["rows"]})
        return answer

    def check_every_line(self, frames):
        lines = collections.defaultdict(list)
        for address, found in self.truths[frames][1].items():
            lines[tuple(found[0]) if found else ()].append(address)
        statements, laws = list(assignments("a", list(self.truths[frames][1]))), []
        for (place, addresses) in lines.items():
            statements += assignments("s", addresses)
            laws.append("s == a & Prod(%s)" % ", ".join(map(repr, place)))
            statements.append(laws[-1])
        answers = self.ask(frames, *statements)
        self.assertEqual([{"expr": law, "value": True} for law in laws], answers)

    def test_each_object_has_the_line_that_tracemalloc_gives(self):
        for frames in 1, MANY_FRAMES, DEBUG:
            with self.subTest(frames=frames):
                known = sum(found is not None for found in self.truths[frames][1].values())
                self.assertGreater(known, 1000)
                self.assertGreater(len(self.truths[frames][1]) - known, 3)
                self.assertEqual("Producer (line of allocation)", self.check_rows(frames)["header"])
                self.check_every_line(frames)

    def test_prod_tells_all_the_calls_that_were_kept(self):
        objects = self.truths[MANY_FRAMES][1]
        depths = collections.Counter(len(found) for found in objects.values() if found)
        self.assertGreater(depths[MANY_FRAMES], 0)
        self.assertGreater(len(depths), 4)
        some = random.Random(1).sample(sorted(objects), 300)
        some += [address for address, found in objects.items() if found and len(found) > 4][:50]
        traced = [address for address in some if objects[address]]
        answers = self.ask(MANY_FRAMES, *["iso(0x%x).prod" % address for address in some])
        self.assertEqual(len(traced), len(answers), "what was not traced has no answer")
        for address, answer in zip(traced, answers):
            lines = ["Traceback (most recent call first):"]
            lines += ['  File "%s", line %d' % tuple(frame) for frame in objects[address]]
            self.assertEqual(lines, answer["lines"])

    def test_alternatives_compare_the_beginning_of_file_names_and_lines(self):
        objects = self.truths[1][1]
        producers = [tuple(found[0]) if found else None for found in objects.values()]
        fixture = next(found[0] for found in producers if found and found[0].endswith("producers.py"))
        patterns = [(fixture, 60), (fixture, None), (None, 60), (fixture[:-4], None), (fixture[:-4], 60),
            (fixture + "x", 60), ("virtual", None), (None, None), ("virtual/é '☃.py", 4), ("", 50)]
        statements, expected = list(assignments("a", list(objects))), []
        for file, line in patterns:
            counts = {
                "<": sum(within(have, file, line) and have != (file, line) for have in producers),
                "<=": sum(within(have, file, line) for have in producers),
                "==": sum(have == (file, line) for have in producers),
                "!=": sum(have != (file, line) for have in producers),
                ">=": sum(beyond(have, file, line) for have in producers),
                ">": sum(beyond(have, file, line) and have != (file, line) for have in producers),
            }
            for sign, count in counts.items():
                statements.append("(a & Prod(%r, %r).alt('%s')).count" % (file, line, sign))
                expected.append((file, line, sign, count))
            if file:
                statements.append("(a & Prod(%r)).count" % file)
                expected.append((file, line, "prefix", sum(within(have, file, None) for have in producers)))
                statements.append("(a & Prod(filename=%r, lineno=%r)).count" % (file, line))
                expected.append((file, line, "named", counts["=="]))
        answers = self.ask(1, *statements)
        self.assertEqual(expected, [each[:3] + (answer["value"],) for each, answer in zip(expected, answers)])
        self.assertGreater(sum(each[3] > 0 for each in expected), 20)

    def test_without_tracemalloc_everything_is_unknown_and_prod_says_why(self):
        answer, kind, prod = self.ask(0, "h.byprod", "h & Prod() == h", "h.by('Id')[0].prod")
        self.assertEqual(
            "Producer (line of allocation); tracemalloc was off in the process", answer["header"])
        self.assertEqual(["unknown"], [row["name"] for row in answer["rows"]])
        self.assertIs(True, kind["value"])
        self.assertIn("-X tracemalloc", prod["lines"][0])

    def test_producers_join_other_relations(self):
        rows = self.ask(1, "h.by('Prod&Type')")[0]
        self.assertEqual("Producer (line of allocation) & Type", rows["header"])
        self.assertTrue(any(row["name"].endswith(" & float") for row in rows["rows"]))

    def test_wrong_calls_are_errors(self):
        for wrong in "Prod(3)", "Prod('a', 'b')", "Prod('a', -1)", "Prod('a', 1, 2)", "Prod(file='a')", "h.prod":
            done = subprocess.run(
                [HEAPCORE, "query", self.truths[0][0], wrong], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.assertEqual(1, done.returncode, wrong)
            self.assertNotIn(b"Sanitizer", done.stderr)


def main():
    global HEAPCORE
    arguments = suites.parse(suites.argument_parser(__doc__, interpreters.QUERIED))
    HEAPCORE = arguments.heapcore
    return suites.run(lambda _: [ProducersTest], arguments, interpreters.QUERIED)


if __name__ == "__main__":
    sys.exit(main())
