#!/usr/bin/env python3
"""Shortest paths against a process that knows by what names it holds its objects: fixtures/paths.py.

    python3 tests/query/paths_test.py --heapcore BIN [--interpreter V]...
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "truth"))
import cored
import interpreters
import suites



class PathsTest(cored.CoredCase):
    fixture = "paths.py"

    def lines(self, *expressions):
        return [each["lines"] for each in self.ask(*expressions)]

    def many(self):
        return next(each for each, paths in self.truth["paths"].items() if len(paths) == 25)

    def test_every_object_has_just_the_paths_that_the_process_told(self):
        expressions = list(self.truth["paths"])
        self.assertGreater(len(expressions), 25)
        for expression, found in zip(expressions, self.lines(*[each + ".all" for each in expressions])):
            with self.subTest(expected=self.truth["paths"][expression][0]):
                self.assertEqual(self.truth["paths"][expression], sorted(line.split(": ", 1)[1] for line in found))
                self.assertEqual(["%2d" % i for i in range(len(found))], [line.split(":")[0] for line in found])

    def test_paths_are_counted(self):
        expressions = list(self.truth["paths"])
        counts = self.values(*[each + ".numpaths" for each in expressions])
        self.assertEqual([len(self.truth["paths"][each]) for each in expressions], counts)

    def test_ten_paths_are_a_page_and_eleven_are_one_too(self):
        eleven = next(each for each, paths in self.truth["paths"].items() if len(paths) == 11)
        many = self.many()
        self.assertEqual([11], [len(page) for page in self.lines(eleven)])
        pages = self.lines(many, "_.more", "_.more", "_.more", "_.top", "_.more.prev", "_.all")
        self.assertEqual(["<... 15 more paths ...>"], pages[0][10:])
        self.assertEqual(["<... 5 more paths ...>"], pages[1][10:])
        self.assertEqual(["20", "21", "22", "23", "24"], [line[:2] for line in pages[2]])
        self.assertEqual(["<No more paths>"], pages[3])
        self.assertEqual([pages[0]] * 2, pages[4:6])
        self.assertEqual(pages[6], pages[0][:10] + pages[1][:10] + pages[2])
        self.assertTrue(all(line.endswith("['many'][%d]" % i) for i, line in enumerate(pages[6])), pages[6])

    def test_a_path_is_taken_by_its_number(self):
        many = self.many()
        listed, = self.lines(many + ".all")
        self.assertEqual(
            [[listed[0]], [listed[13]], [listed[24]], [listed[20]]],
            self.lines(*[many + "[%d]" % i for i in (0, 13, -1, -5)]))
        done = self.run_heapcore("query", self.core, "--", many + "[25]", status=1)
        self.assertIn("there is no path number 25", done.stderr.decode())

    def test_a_path_knows_the_objects_on_it(self):
        deep = next(each for each, paths in self.truth["paths"].items() if paths[0].endswith("['foos'][3]"))
        target = deep[: -len(".sp")]
        self.assertEqual([True] * 5, self.values(
            deep + "[0].tgt == " + target, deep + "[0][-1] == " + target, deep + "[0][-2] == h & " + target +
            ".referrers", deep + "[0][1].count == 1", deep + ".dst == " + target))
        self.assertEqual([["RootState"]] * 4, self.lines("Root", deep + "[0][0]", deep + "[0].src", deep + ".src"))

    def test_avoided_edges_lead_to_other_paths(self):
        near = next(each for each, paths in self.truth["paths"].items() if "['near']" in paths[0])
        longer = self.lines(near + ".avoided(-1)", near[: -len(".sp")] + ".get_shpaths(avoid_edges=" + near +
            ".edges_at(-1))", near[: -len(".sp")] + ".get_shpaths(None, " + near + "[0][-2])")
        for lines in longer:
            self.assertEqual([" 0: hp.Root.i0_modules['__main__'].__dict__['far']['way']['off']"], lines)
        self.assertEqual([["<No paths>"]], self.lines(near + ".avoided(-1).avoided(-1)"))

    def test_paths_begin_at_a_source_too(self):
        deep = next(each for each, paths in self.truth["paths"].items() if paths[0].endswith("['foos'][3]"))
        target = deep[: -len(".sp")]
        found = self.lines(
            target + ".get_shpaths(src=" + deep + "[0][-3])", target + ".get_shpaths(" + deep + "[0][-2])",
            target + ".pathsin", deep + "[0][-2].pathsout", target + ".get_shpaths(src=" + target + ")",
            target + ".get_shpaths(src=Root)")
        self.assertEqual([" 0: Src['foos'][3]"], found[0])
        self.assertEqual([[" 0: Src[3]"]] * 2, found[1:3])
        self.assertEqual([" %d: Src[%d]" % (i, i) for i in range(6)], found[3])
        self.assertEqual(["<No paths>"], found[4])
        self.assertEqual(self.lines(deep)[0], found[5])

    def test_what_nothing_reaches_has_no_path(self):
        found = self.lines(*["iso(%d).sp" % address for address in self.truth["none"]])
        # Where an object's layout is not known, a word of it that is left over may look like a reference.
        self.assertGreaterEqual(found.count(["<No paths>"]), len(found) - 2)
        for lines in found:
            self.assertTrue(lines == ["<No paths>"] or ".??" in lines[0], lines)

    def test_a_generators_variable_is_found_through_the_generator(self):
        (line,), = self.lines("iso(%d).sp" % self.truth["generator"])
        self.assertTrue(line.startswith(" 0: hp.Root.i0_modules['__main__'].__dict__['generator']"), line)

    def test_the_whole_heap_has_paths_to_its_nearest_objects(self):
        self.assertEqual([True] * 2, self.values("h.sp.dst <= h", "h.sp.numpaths >= h.sp.dst.count"))
        for line in self.lines("h.sp.all")[0]:
            self.assertRegex(line, r"^ *\d+: hp\.Root\.i0_\w+$")


def main():
    arguments = suites.parse(suites.argument_parser(__doc__, interpreters.QUERIED))
    return suites.run(lambda _: [PathsTest], arguments, interpreters.QUERIED)


if __name__ == "__main__":
    sys.exit(main())
