#!/usr/bin/env python3
"""maprox and brief of `heapcore query`, against what the process said of its objects.

    python3 tests/query/maprox_test.py --heapcore BIN [--interpreter V]... [TEST ...]
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "truth"))
import cored
import interpreters
import suites



class MaproxTest(cored.CoredCase):
    fixture = "mapped.py"

    def values(self, *expressions):
        return [answer.get("value", answer.get("count")) for answer in self.ask(*expressions)]

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
    arguments = suites.parse(suites.argument_parser(__doc__, interpreters.QUERIED))
    return suites.run(lambda _: [MaproxTest], arguments, interpreters.QUERIED)


if __name__ == "__main__":
    sys.exit(main())
