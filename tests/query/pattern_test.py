#!/usr/bin/env python3
"""Reference patterns and tables without objects, against a process that knows who refers to whom, and heapy's own.

    python3 tests/query/pattern_test.py --heapcore BIN [--interpreter V]... [TEST ...]
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "truth"))
import cored
import dumping
import interpreters
import suites

HEAPY = os.path.join(HERE, "heapy")  # tables that guppy3 3.1.7 wrote, and how it prints them


def read_tables(path):
    """[(headers, rows)] of a file of heapy's."""
    tables = []
    with open(path, encoding="utf-8") as file:
        for line in file.read().split("\n")[:-1]:
            if line == ".loader: _load_stat":
                tables.append(({}, []))
            elif line.startswith(".r: "):
                tables[-1][1].append(line[4:])
            elif line != ".end: .loader: _load_stat":
                key, value = line[1:].split(": ", 1)
                tables[-1][0][key] = value
    return tables


class PatternTest(cored.CoredCase):
    fixture = "patterns.py"

    def path(self, name):
        return os.path.join(self.folder, name)

    def test_patterns_and_differences_are_those_that_the_process_knows_of(self):
        self.assertGreater(len(self.truth["texts"]), 35)
        for expression, expected in self.truth["texts"]:
            with self.subTest(expression=expression[-60:]):
                self.assertEqual(expected, self.text(expression))

    def test_lines_of_a_pattern_are_sets_by_number_and_by_name(self):
        facts = self.truth["facts"]
        self.assertGreater(len(facts), 60)
        for (expression, expected), answer in zip(facts, self.ask(*[each[0] for each in facts])):
            self.assertEqual({"expr": expression, "value": expected}, answer)

    def test_breadth_first_has_the_same_sets_in_another_order(self):
        lines = self.ask("(h & __main__.Ring).get_rp(bf=True).all")[0]["lines"][1:]
        depths = [0 if " _ " in line else len(line.split()[1]) for line in lines]
        self.assertEqual(sorted(depths), depths)
        laws = ["(h & __main__.Ring).get_rp(bf=True).%s == (h & __main__.Ring).rp.%s" % (name, name)
            for name in ("a", "b", "aa")]
        self.assertEqual([True] * len(laws), [each["value"] for each in self.ask(*laws)])

    def test_a_pattern_takes_relations_sources_and_kinds(self):
        laws = (
            "h[0].get_rp(er='Type').a == h[0].referrers.bytype[0]",
            "h[0].get_rp(er='Type&Size').a == h[0].referrers.by('Type&Size')[0]",
            "h[0].get_rp(5, 'Unity').a == h[0].referrers",
            "h[0].get_rp(imdom=True, er='Unity').a == h[0].imdom",
            "h[0].get_rp(ref='imdom', er='Unity').a == h[0].imdom",
            "h[0].get_rp(ref='gc', er='Unity', depth=None, src=None).a == h[0].referrers",
            "(h & __main__.Leaf).get_rp(src=h & __main__.Ring, er='Unity').a <= (h & __main__.Ring).dominos",
            "(h & __main__.Leaf).get_rp(src=h & __main__.Ring, er='Unity').a == (h & __main__.Leaf).referrers & __main__.Ring",
        )
        self.assertEqual([True] * len(laws), [each["value"] for each in self.ask(*laws)])
        lines = self.ask("(h & __main__.Leaf).get_rp(stopkind=~Nothing)")[0]["lines"]
        self.assertEqual({"[S]"}, {line.split()[3 if "-" in line.split()[2] else 2] for line in lines[2:]})

    def test_a_pattern_of_nothing_has_one_line(self):
        self.assertEqual("Reference Pattern by <[dict of] class>.\n 0: _ --- [R] 0 <Nothing>: \n", self.text("Nothing.rp"))

    def test_a_table_keeps_count_size_and_rows_of_its_set(self):
        for view in "h", "h.byrcs", "h.bysize", "(h & __main__.Leaf).byid", "(h & list).byidset", "Nothing":
            of_set, of_table = self.ask(view, "(%s).stat" % view)
            for row in of_set["rows"]:
                row.pop("address", None)
            for key in "count", "size", "header", "rows":
                self.assertEqual(of_set[key], of_table[key], view)
            if view != "Nothing":
                self.assertEqual(self.text(view), self.text("(%s).stat" % view))
                self.assertEqual(self.text("(%s).all" % view), self.text("(%s).stat.all" % view))
                self.assertEqual(self.text("(%s).more" % view), self.text("(%s).stat.more" % view))
        self.assertEqual("Partition of a set of 0 objects. Total size = 0 bytes.\n", self.text("Nothing.stat"))

    def test_a_file_has_what_the_set_has_and_is_read_again(self):
        name = self.path("set.stat")
        table, = self.ask("h", "h.dump('%s')" % name, "h.byrcs.stat.dump('%s')" % name)
        (headers, rows), (by_referrers, _) = read_tables(name)
        self.assertEqual(["%d %d %s" % (row["count"], row["size"], row["name"]) for row in table["rows"]], rows)
        self.assertEqual(["loader", "format", "timemade", "count", "size", "kindname", "kindheader", "numrows"][1:], list(headers))
        self.assertEqual(("SetFormat", str(table["count"]), str(table["size"]), "", table["header"], str(len(rows))),
            tuple(headers[key] for key in ("format", "count", "size", "kindname", "kindheader", "numrows")))
        self.assertEqual("Referrers by Kind (class / dict of class)", by_referrers["kindheader"])
        self.assertEqual(self.text("h.stat.all"), self.text("load('%s').all" % name))
        self.assertEqual(self.text("h.byrcs.all"), self.text("loadall('%s')[-1].all" % name))
        self.assertEqual(self.text("h.diff(h)"), self.text("h.diff(load('%s'))" % name))

    def test_modes_append_overwrite_and_refuse(self):
        name = self.path("modes.stat")
        counts = self.ask(
            "h.dump('{0}'); h.dump('{0}', 'a'); loadall('{0}').count".format(name),
            "h.dump('{0}', mode='w'); loadall('{0}').count".format(name),
            "h.stat.dump('{0}'); loadall('{0}').count".format(name),
            "dumph('{0}'); loadall('{0}').count".format(name))
        self.assertEqual([2, 1, 2, 1], [each["value"] for each in counts])
        before = open(name, "rb").read()
        refused, = self.ask("h.dump('%s', mode='x')" % name, status=1)
        self.assertIn("File exists", refused["error"])
        self.assertEqual(before, open(name, "rb").read())

    def test_heapys_files_are_shown_as_heapy_shows_them(self):
        with open(os.path.join(HEAPY, "tables.txt"), encoding="utf-8") as file:
            shown = [each.split("\n", 1) for each in file.read().split("=== ")[1:]]
        self.assertGreater(len(shown), 25)
        load = "tables = loadall('%s')" % os.path.join(HEAPY, "tables.stat")
        for expression, expected in shown:
            with self.subTest(expression=expression):
                self.assertEqual(expected.rstrip("\n"), self.text(load, expression).rstrip("\n"))

    def test_heapys_files_are_written_again_to_the_byte(self):
        given, copy = os.path.join(HEAPY, "tables.stat"), self.path("copy.stat")
        self.ask("t = loadall('%s')" % given, *["t[%d].dump('%s')" % (i, copy) for i in range(6)])
        self.assertEqual(read_tables(given), read_tables(copy))
        with open(given, "rb") as one, open(copy, "rb") as other:
            self.assertEqual(one.read(), other.read())

    def test_names_out_of_a_file_do_no_harm_to_a_terminal(self):
        name = self.path("harm.stat")
        with open(name, "w") as file:
            file.write(".loader: _load_stat\n.format: IdFormat\n.timemade: 1\n.count: 1\n.size: 9\n"
                ".kindname: \x1b[31m\n.kindheader: \x1b]0;x\x07\n.numrows: 1\n.r: 9 \x1b[2J\x9b\n")
        shown = self.text("load('%s')" % name, "loadall('%s')" % name)
        self.assertNotRegex(shown, "[\x00-\x09\x0b-\x1f\x7f-\x9f]")
        self.assertIn("\\x1b[2J", shown)

    def test_wrong_uses_are_errors(self):
        name = self.path("broken.stat")
        with open(name, "w") as file:
            file.write(".loader: _load_stat\n.format: SetFormat\n.timemade: 1\n.count: x\n")
        wrong = {
            "load('%s')" % name: "line 4: 'x' is no count",
            "loadall('%s')" % name: "line 4: 'x' is no count",
            "load('%s')" % self.core: "a zero byte", "load('%s')" % os.path.join(HERE, "pattern_test.py"): "no table of heapy's begins here",
            "load('/dev/null')": "/dev/null is empty",
            "load('%s')" % self.folder: "Is a directory",
            "load('/no/such/file')": "No such file",
            "load(3)": "name of a file", "load()": "name of a file", "loadall(h)": "name of a file",
            "dumph()": "dumph('FILE')", "dumph('/no/such/file')": "cannot write",
            "h.dump()": "dump('FILE')", "h.dump('/dev/null', 'r')": "dump('FILE')", "h.dump('/dev/null', 3)": "dump('FILE')",
            "h.dump('/dev/full')": "No space left", "h.dump('/dev/null', x='a')": "dump('FILE')",
            "h.diff()": "diff() takes", "h.diff(3)": "diff() takes", "h.stat - h": "only another",
            "h.stat - 3": "only another", "h - h.stat": "has no meaning", "h.stat + h.stat": "has no meaning",
            "h.stat - h.byrcs.stat": "cannot be subtracted", "h.stat[99999]": "no row 99999", "h.stat['a']": "integer",
            "h.stat.nothing": "unknown attribute", "h.rp.zzz": "unknown attribute", "h.rp[99999999]": "no line",
            "h[0].rp.paths('zzz')": "no such line", "h[0].rp.paths()": "paths('ba')", "h[0].rp.paths(-1)": "no such line",
            "h.get_rp(depth=-1)": "depth is", "h.get_rp(er='x')": "er is", "h.get_rp(ref='x')": "ref is",
            "h.get_rp(src=3)": "src is", "h.get_rp(stopkind=3)": "stopkind is", "h.get_rp(x=3)": "it is called so",
            "h.get_rp(imdom='x')": "imdom is", "h.get_rp(1, 2, 3, 4, 5, 6, 7, 8, 9)": "er is", "h.rp[1:2]": "no slices",
        }
        for (expression, told), answer in zip(wrong.items(), self.ask(*wrong, status=1)):
            self.assertIn(told, answer.get("error", "no error"), expression)


def main():
    arguments = suites.parse(suites.argument_parser(__doc__, interpreters.QUERIED))
    if not dumping.kernel_writes_cores_here():
        print("the kernel writes no core files here: a fork cannot be dumped")
        return suites.NONE_FOUND
    return suites.run(lambda _: [PatternTest], arguments, interpreters.QUERIED)


if __name__ == "__main__":
    sys.exit(main())
