#!/usr/bin/env python3
"""maprox and brief of `heapcore query`, against what the process said of its objects.

    python3 tests/query/maprox_test.py --heapcore BIN [--interpreter V]... [TEST ...]
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
HEAPCORE = None


def heapcore(*arguments):
    return subprocess.run([HEAPCORE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)


class MaproxTest(unittest.TestCase):
    interpreter = None
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="heapcore-maprox-")
        path, cls.core = dumping.abort_for_core(cls.interpreter, "mapped.py", cls.folder)
        with open(path) as file:
            cls.truth = json.load(file)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def values(self, *expressions):
        done = heapcore("query", "--json", "--", self.core, *expressions)
        self.assertEqual(0, done.returncode, done.stderr.decode(errors="replace"))
        return [answer.get("value", answer.get("count")) for answer in json.loads(done.stdout.decode())]

    def test_maprox_is_the_set_of_the_values_of_all_members_that_have_one(self):
        questions = ["idset([%s]).maprox%s == idset([%s])" % (", ".join(members), how, ", ".join(values))
                     for members, how, values in self.truth["sets"]]
        wrong = [how for (_, how, _), is_same in zip(self.truth["sets"], self.values(*questions)) if is_same is not True]
        self.assertEqual([], wrong)

    def test_brief_is_a_line_of_kinds_and_members(self):
        briefs = self.values("h.brief", "Nothing.brief", "(h & Type('__main__.Items')).brief", "h[0].brief",
                             "h.byid.brief")
        self.assertEqual("<Nothing>", briefs[1])
        self.assertRegex(briefs[2], r"^<20 __main__\.Items: 0x[0-9a-f]+, ")
        self.assertRegex(briefs[0], r"^<\d+ \(.*__main__\.Both \| __main__\.Items \| ")
        self.assertEqual(briefs[0], briefs[4])
        for brief in briefs:
            self.assertLessEqual(len(brief), 80)
            self.assertTrue(brief.endswith(">"))


def main():
    global HEAPCORE
    arguments = suites.parse(suites.argument_parser(__doc__, interpreters.QUERIED))
    HEAPCORE = arguments.heapcore
    return suites.run(lambda _: [MaproxTest], arguments, interpreters.QUERIED)


if __name__ == "__main__":
    sys.exit(main())
