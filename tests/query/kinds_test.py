#!/usr/bin/env python3
"""Kinds as `heapcore query` writes them: read again they are equal.

    python3 tests/query/kinds_test.py --heapcore BIN [--interpreter V]... [TEST ...]
"""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "truth"))
import cored
import interpreters
import suites



COMPARISONS = ["<", "<=", "==", "!=", ">=", ">"]


class KindsTest(cored.CoredCase):
    fixture = "values.py"

    def atoms(self):
        relations = ["byclodo", "bytype", "byrcs", "byvia", "bysize", "bymodule", "byid", "byidset", "byprod",
                     "byunity"]
        found = ["Anything", "Rcs()", "Via()", "Module()", "Prod()", "Prod('lib')", "Prod('lib', 3)", "Prod(None, 3)",
                 "~hp.iso(h.byid[0].theone)", "(~str).dictof", "Type('module').dictof", "Clodo(dictof=())",
                 "h.by(findex(str, Size(64).alt('<'), bytes))[1].kind"]
        for relation in relations:
            rows = self.ask("len(h.%s)" % relation)[0]["value"]
            found += ["h.%s[%d].kind" % (relation, self.random.randrange(rows)) for _ in range(6)]
        for relation in ["bytype", "byrcs", "byvia", "bysize"]:
            found += ["h.%s[0].kind.alt('%s')" % (relation, comparison) for comparison in COMPARISONS]
        found += ["Prod('lib', 3).alt('%s')" % comparison for comparison in COMPARISONS]
        return found

    def made_up(self, atoms, depth):
        choice = self.random.random()
        if not depth or choice < 0.2:
            return self.random.choice(atoms)
        if choice < 0.4:
            return "~" + self.made_up(atoms, depth - 1)
        return "(%s %s %s)" % (self.made_up(atoms, depth - 1), self.random.choice("&|-^"),
                               self.made_up(atoms, depth - 1))

    def test_what_is_printed_of_a_kind_is_read_as_an_equal_kind(self):
        self.random = random.Random(3)
        atoms = self.atoms()
        kinds = ["Anything & " + kind for kind in atoms]
        kinds += ["Anything - " + self.made_up(atoms, 3) for _ in range(60)]
        texts = self.values(*kinds)
        again = self.values(*texts)
        # What a class of findex() means is put together anew when it is read, and what is within a set becomes one.
        self.assertEqual([text for text, kind in zip(texts, kinds) if "findex" not in kind and "iso(" not in kind],
                         [text for text, kind in zip(again, kinds) if "findex" not in kind and "iso(" not in kind])
        same = self.values(*["(h & (%s)) == (h & %s)" % pair for pair in zip(kinds, texts)])
        self.assertEqual([True] * len(kinds), same)

    def test_the_kind_of_a_large_table_is_read_again_and_selects_what_is_in_the_table(self):
        tables = ["h", "h.bytype", "(h & list).bysize", "h.bymodule", "h[0].byclodo"]
        texts = self.values(*["%s.kind" % table for table in tables])
        self.assertEqual(texts, self.values(*texts))
        self.assertEqual([True] * len(tables),
                         self.values(*["(%s & %s) == %s" % (table, text, table) for table, text in zip(tables, texts)]))

    def test_kinds_are_written_as_heapy_writes_them(self):
        written = {
            "Size(152)": "hp.Size(152)",
            "hp.Type('str')": "hp.Type('str')",
            "Clodo(str)": "hp.Type('str')",
            "Via('.x', '[0]')": "hp.Via('.x', '[0]')",
            "Type(int).alt('<=')": "hp.Type('int').alt('<=')",
            "~Type('module')": "~hp.Type('module')",
            "Size(48) | str | (bytes | str)": "(hp.Size(48) | hp.Type('bytes') | hp.Type('str'))",
            "Anything": "hp.Anything",
            "h.byunity.kind": "hp.Anything",
            "Clodo(dictof='module')": "hp.Type('module').dictof",
            "hp": "hp",
            "hp.Type": "hp.Type",
        }
        self.assertEqual(list(written.values()), self.values(*(written)))


def main():
    arguments = suites.parse(suites.argument_parser(__doc__, interpreters.QUERIED))
    return suites.run(lambda _: [KindsTest], arguments, interpreters.QUERIED)


if __name__ == "__main__":
    sys.exit(main())
