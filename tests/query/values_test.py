#!/usr/bin/env python3
"""Values, byid and single objects of `heapcore query`, against what the process said of them.

    python3 tests/query/values_test.py --heapcore BIN [--interpreter V]... [TEST ...]
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "truth"))
import cored
import interpreters
import suites



def set_of(table):
    return "idset([%s])" % ", ".join(address for address, _, _ in table["objects"])


class ValuesTest(cored.CoredCase):
    fixture = "values.py"

    def test_every_value_is_shown_as_repr_shows_it(self):
        answers = self.ask(*["repr(iso(%s).theone)" % address for address, _ in self.truth["values"]])
        self.assertEqual(len(self.truth["values"]), len(answers))
        for (address, shown), answer in zip(self.truth["values"], answers):
            self.assertEqual(shown, answer["value"], address)

    def test_attributes_are_shown_as_the_dict_that_they_would_make(self):
        shown = [each for each in self.truth["instances"] if each[1] != "{}"]
        answers = self.ask(*["repr(iso(%s).dictof.theone)" % address for address, _ in shown])
        self.assertEqual([attributes for _, attributes in shown], [answer["value"] for answer in answers])

    def test_plain_values_are_values_in_json(self):
        answers = self.ask(*["iso(%s).theone" % address for address, _ in self.truth["plain"]])
        self.assertEqual(len(self.truth["plain"]), len(answers))
        for (address, value), answer in zip(self.truth["plain"], answers):
            self.assertEqual((type(value), value), (type(answer["value"]), answer["value"]), address)

    def test_byid_has_heapys_rows_in_heapys_order(self):
        answers = self.ask(*["%s.byid" % set_of(table) for table in self.truth["tables"]])
        for table, answer in zip(self.truth["tables"], answers):
            self.assertEqual(table["header"], answer["header"])
            self.assertEqual(
                table["objects"], [[row["address"], row["size"], row["name"]] for row in answer["rows"]])
            self.assertEqual(list(range(len(table["objects"]))), [row["index"] for row in answer["rows"]])
            self.assertEqual({1}, {row["count"] for row in answer["rows"]})

    def test_byid_prints_heapys_table(self):
        for table in self.truth["tables"]:
            rows, total = table["objects"], sum(size for _, size, _ in table["objects"])
            shown = len(rows) if len(rows) <= 11 else 10
            expected = ["Set of %d <%s> object%s. Total size = %d bytes." % (
                len(rows), table["kind"], "" if len(rows) == 1 else "s", total)]
            expected.append(" Index     Size   %   Cumulative  %   " + table["header"])
            cumulative = 0
            for index, (_, size, name) in enumerate(rows[:shown]):
                cumulative += size
                expected.append("%6d %8d %5.1f %9d %5.1f %s" % (
                    index, size, size * 100.0 / total, cumulative, cumulative * 100.0 / total, name))
            if shown < len(rows):
                expected.append("<%d more rows. Type e.g. '_.more' to view.>" % (len(rows) - shown))
            if all(len(line) <= 100 for line in expected):
                self.assertEqual(expected, self.text(set_of(table) + ".byid").splitlines())

    def test_rows_and_slices_of_byid_are_the_objects_in_them(self):
        for table in self.truth["tables"]:
            rows = [address for address, _, _ in table["objects"]]
            expressions = ["t = %s.byid" % set_of(table), "t[0].theone.address", "t[-1].theone.address", "len(t)",
                "t[2:5].count", "t[2:5] == idset([%s])" % ", ".join(rows[2:5]), "t.more.more[1].byid[0].theone.address"]
            values = [answer["value"] for answer in self.ask("; ".join(expressions[:2]), *expressions[2:])[-6:]]
            self.assertEqual(
                [int(rows[0], 16), int(rows[-1], 16), len(rows), len(rows[2:5]), True, int(rows[1], 16)], values)

    def test_bymodule_calls_modules_by_their_names(self):
        names = [row["name"] for row in self.ask("(h & module).bymodule")[0]["rows"]]
        self.assertLessEqual(set(self.truth["modules"]), set(names))
        self.assertEqual("~module", self.ask("h.bymodule")[0]["rows"][0]["name"])

    def test_byidset_shows_sets_of_one(self):
        table = self.truth["tables"][-1]
        answer = self.ask(set_of(table) + ".byidset")[0]
        self.assertEqual("by identity set", answer["header"])
        self.assertEqual({("<1 %s>" % name, size) for _, size, name in table["objects"]},
            {(row["name"], row["size"]) for row in answer["rows"]})
        self.assertEqual(sorted((-row["size"], row["name"]) for row in answer["rows"]),
            [(-row["size"], row["name"]) for row in answer["rows"]])

    def test_an_iterator_gives_each_object_once_and_then_says_so(self):
        table = self.truth["tables"][5]
        rows = sorted(int(address, 16) for address, _, _ in table["objects"])
        steps = ["next(i).address" if number % 2 else "i.next().address" for number in range(len(rows))]
        answers = self.ask("i = iter(%s.nodes)" % set_of(table), *steps, "next(i)", status=1)
        self.assertEqual(rows, sorted(answer["value"] for answer in answers[-len(rows) - 1:-1]))
        self.assertIn("no more objects", answers[-1]["error"])

    def test_an_argument_is_worked_out_once(self):
        rows = sorted(int(address, 16) for address, _, _ in self.truth["tables"][5]["objects"])
        expressions = ["i = iter(%s.nodes); iso(next(i)).theone.address" % set_of(self.truth["tables"][5]),
            "idset([next(i), i.next()]).count", "len(idset(iso(next(i)).nodes).nodes)", "next(i).address"]
        values = [answer["value"] for answer in self.ask(*expressions)]
        self.assertEqual([2, 1], values[1:3])
        in_order = [a["value"] for a in self.ask(*["idset([%s]).nodes[%d].address" % (", ".join(map(hex, rows)), number)
            for number in (0, 4)])]
        self.assertEqual(in_order, [values[0], values[3]])

    def test_a_string_with_the_character_0_is_refused(self):
        self.assertIn("character 0", self.ask("Type('a\\0b')", status=1)[0]["error"])

    def test_an_object_is_asked_for_what_is_known_of_it(self):
        address, size, _ = self.truth["tables"][0]["objects"][0]
        expressions = ["o = iso(%s).theone; o.size" % address, "o.address", "repr(o.type)", "o in h & str", "o in h & int",
            "o not in h.nodes", "iso(o) == iso(o.address)", "o.referrers == iso(o).referrers", "len(iso(o).nodes)"]
        values = [answer["value"] for answer in self.ask(*expressions)]
        self.assertEqual([size, int(address, 16), "<class 'str'>", True, False, False, True, True, 1], values)

    def test_theone_of_many_is_an_error(self):
        self.assertIn("set of one object", self.ask("h.theone", status=1)[0]["error"])

    def test_virtual_dicts_are_found_by_their_address(self):
        dump = self.run_heapcore("dump", self.core).stdout.decode().splitlines()
        virtual = [line for line in map(json.loads, dump) if line.get("virtual") and line["state"] == "reachable"][:200]
        answers = self.ask("Nothing", *["iso(%s).byid" % line["address"] for line in virtual])[1:]
        self.assertEqual([[line["address"], line["size"]] for line in virtual],
            [[answer["rows"][0]["address"], answer["rows"][0]["size"]] for answer in answers])


def main():
    arguments = suites.parse(suites.argument_parser(__doc__, interpreters.QUERIED))
    return suites.run(lambda _: [ValuesTest], arguments, interpreters.QUERIED)


if __name__ == "__main__":
    sys.exit(main())
