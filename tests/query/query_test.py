#!/usr/bin/env python3
"""`heapcore query` against a process that knows its objects' relations, by the laws of sets, and by garbage.

    python3 tests/query/query_test.py --heapcore BIN [--interpreter V]... [TEST ...]
"""
import itertools
import json
import os
import random
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "truth"))
import cored
import dumping
import interpreters
import suites


SETS = (
    "h", "h[0]", "h[1:4]", "Nothing", "(h & __main__.Owner)", "(h & __main__.Owner).dictof", "(h & list)",
    "(h & __main__.Slotted).referents", "h[2].referrers", "heapu()",
)
KINDS = ("str", "Type('list')", "type.alt('<=')", "Size(56).alt('<')", "Clodo(dictof='module')",
    "Clodo(dict)", "Rcs(list).alt('>=')", "Anything", "~h[0]", "(str | dict)")
SET_LAWS = (
    "(({a} & {b}) | ({a} - {b})) == {a}",
    "({a} ^ {b}) == (({a} | {b}) - ({a} & {b}))",
    "({a} | {b}) == ({b} | {a})",
    "({a} - {b}).disjoint({b})",
    "({a} & {b}) <= {a}",
    "{a} <= ({a} | {b})",
    "({a} & {b}).count - {a}.count - {b}.count + ({a} | {b}).count == 0",
    "({a} & {b}).size - {a}.size - {b}.size + ({a} | {b}).size == 0",
    "({a} & ~{b}) == ({a} - {b})",
    "({a} | {b}).referents == ({a}.referents | {b}.referents)",
    "({a} | {b}).referrers == ({a}.referrers | {b}.referrers)",
    "({a} & {b}).dominos <= {a}.dominos",
)
ONE_SET_LAWS = (
    "({a} ^ {a}) == Nothing",
    "{a} <= {a}.dominos",
    "{a}.dominos.dominos == {a}.dominos",
    "{a}.dominos.size - {a}.domisize == 0",
    "{a}.imdom <= {a}.referrers",
    "{a}.dictof.owners <= {a}",
    "{a}.bysize == {a}",
    "{a}.byrcs.count - {a}.by('Id').count == 0",
    "({a}[:3] | {a}[3:]) == {a}",
    "({a}.bytype[:-2] | {a}.bytype[-2:]) == {a}",
    "{a}.all == {a}",
)
KIND_LAWS = (
    "(h & ~~({k})) == (h & {k})",
    "(h & ~{k}) == (h - {k})",
    "(h & ~({k} | {j})) == (h & ~{k} & ~{j})",
    "(h & ~({k} & {j})) == (h & (~{k} | ~{j}))",
    "(h & ({k} ^ {j})) == ((h & {k}) ^ (h & {j}))",
    "(h & ({k} - {j})) == ((h & {k}) - (h & {j}))",
    "({k} & h & {j}) == (h & ({k} & {j}))",
)


def table_rows(text):
    """(indexes of the rows shown, number of rows announced) of a table in text."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(" Index")) + 1
    shown = [int(line.split()[0]) for line in lines[start:] if not line.startswith("<")]
    announced = [line for line in lines[start:] if line.startswith("<")]
    return shown, int(announced[0][1:].split()[0]) if announced else 0


class Garbage:
    """Random expressions: from the grammar with real names, some of them broken."""

    NAMES = ("h", "hp", "_", "v", "str", "dict", "Nothing", "Anything", "heap", "iso", "__main__.Owner", "nobody")
    ATTRIBUTES = (
        "all byclodo bymodule byrcs bysize bytype byunity count dictof dominos domisize imdom indisize kind more "
        "owners partition prev referents referrers size top heap nothing byrc "
        "dst edges numpaths pathsin pathsout sets shpaths sp src tgt").split()
    CALLS = ("by('Type&Size')", "by('Id')", "by('x')", "disjoint(h)", "disjoint(3)", "get_shpaths(h)", "get_shpaths(src=h[0], avoid_nodes=h[1])", "get_shpaths(3)", "avoided(0)",
        "edges_at(-1)", "alt('<=')", "alt('>')", "alt(1)",
        "get_shpaths(src=h[0])", "get_shpaths(avoid_nodes=dict)", "get_rp(depth=2)", "get_rp(3, 'Type', True)",
        "rp.paths('a')", "diff(h)", "by(Type & Rcs)", "by(findex(str, dict))", "avoided(0)", "edges_at(0, -1)", "next()",
        "by(Via)", "by('Id&Size')")
    MAKERS = (
        "heap()", "heapu()", "Type('str')", "Type(str)", "Size(48)", "Size(-1)", "Rcs(list, dict)", "Rcs()", "iso()",
        "Clodo(dict)", "Clodo(dictof=())", "Clodo(dictof='module')", "iso(0, 1)", "idset([])", "Clodo(x=3)", "iso(())",
        "iter(h.nodes)", "next(iter(h[1].nodes))", "len(h)", "repr(h.byid[0].theone)", "Via('.x')", "Via('.__dict__')",
        "findex(str, Size(56))", "Module('os')", "Id(h.byid[0].theone)", "Idset(h[-1])", "Unity()", "Root",
        "iso(h.byid[1].theone)", "idset(h[3].nodes)", "setref()", "setref(Nothing, Nothing)", "load('/none')", "relheap",
        "Prod('x', 3)", "print(h)", "hpy()")
    WALKS = (
        "dictof dominos imdom owners referents referrers byrcs bysize bytype bymodule byunity more prev all "
        "by('Type&Size') by('Id') byid byidset byvia byprod").split()
    BINARY = "& | - ^ & | - ^ + == != < <= > >= in".split() + ["not in"]

    def __init__(self, seed):
        self.random = random.Random(seed)

    def atom(self):
        return self.random.choice(
            self.NAMES + self.MAKERS + ("h", "h", "h[0]", "3", "-1", "'str'", "None", "True", "[]", "()"))

    def expression(self, depth=4):
        choice = self.random.randrange(8 if depth else 1)
        if choice == 0:
            return self.atom()
        inner = self.expression(depth - 1)
        if choice <= 3:
            return "%s.%s" % (inner, self.random.choice(self.ATTRIBUTES + list(self.CALLS)))
        if choice == 4:
            index = self.random.choice(("0", "1:3", "-1", ":", "-3:", "99999", "5:1", "'x'", "h", "-99999999999:"))
            return "(%s)[%s]" % (inner, index)
        if choice == 5:
            return "%s(%s)" % (self.random.choice("~-") if self.random.random() < 0.9 else "", inner)
        return "(%s %s %s)" % (inner, self.random.choice(self.BINARY), self.expression(depth - 1))

    def set_expression(self, depth=5):
        """One that has a meaning, nearly always."""
        choice = self.random.randrange(6) if depth else 0
        if choice == 0:
            return self.random.choice(SETS)
        inner = self.set_expression(depth - 1)
        if choice <= 2:
            return "%s.%s" % (inner, self.random.choice(self.WALKS))
        if choice == 3:
            return "%s[%s]" % (inner, self.random.choice((":", "1:3", "-3:", ":-1", "5:1")))
        right = self.set_expression(depth - 1) if choice == 4 else "(%s)" % self.random.choice(KINDS)
        return "(%s %s %s)" % (inner, self.random.choice("&-"), right)

    def statement(self):
        text = self.random.choice((self.expression, self.set_expression))()
        if self.random.random() < 0.15:
            text = self.random.choice("vw") + " = " + text
        if self.random.random() < 0.1:
            text += "; _." + self.random.choice(self.ATTRIBUTES)
        if self.random.random() < 0.15:
            place = self.random.randrange(len(text))
            text = text[:place] + self.random.choice("()[]'.~é\t\n#=") + text[place + self.random.randrange(2) :]
        return text


class QueryTest(cored.CoredCase):
    fixture = "relations.py"

    def check_truth(self, truth, target=None):
        facts, tables = truth["facts"], truth["tables"]
        answers = self.ask(*[each[0] for each in facts + tables], target=target)
        self.assertEqual(len(facts) + len(tables), len(answers))
        for (expression, expected), answer in zip(facts, answers):
            with self.subTest(expression=expression[:300]):
                self.assertEqual({"expr": expression, "value": expected}, answer)
        for (expression, expected), answer in zip(tables, answers[len(facts) :]):
            with self.subTest(expression=expression[:300]):
                rows = [[row["count"], row["size"], row["name"]] for row in answer["rows"]]
                self.assertEqual(expected, rows)
                self.assertEqual(list(range(len(rows))), [row["index"] for row in answer["rows"]])
                self.assertEqual(sum(row[0] for row in expected), answer["count"])
                self.assertEqual(sum(row[1] for row in expected), answer["size"])

    def check_laws(self, laws):
        for start in range(0, len(laws), 500):
            some = laws[start : start + 500]
            for law, answer in zip(some, self.ask(*some)):
                self.assertEqual({"expr": law, "value": True}, answer)

    def test_every_number_that_the_process_told_comes_out(self):
        self.assertGreater(len(self.truth["facts"]), 150)
        self.assertGreaterEqual(len(self.truth["tables"]), 10)
        self.check_truth(self.truth)

    def test_a_live_process_answers_the_same_and_goes_on(self):
        with tempfile.TemporaryDirectory(prefix="heapcore-query-") as folder:
            with dumping.blocked(self.interpreter, "relations.py", folder) as (truth, process):
                with open(truth) as file:
                    self.check_truth(json.load(file), ["-p", str(process.pid)])
                self.assertTrue(dumping.goes_on(process))

    def test_sets_obey_the_laws_of_sets(self):
        self.check_laws([law.format(a=a, b=b) for law in SET_LAWS for a, b in itertools.product(SETS, SETS[:6])])
        self.check_laws([law.format(a=a) for law in ONE_SET_LAWS for a in SETS])

    def test_symbolic_sets_obey_the_laws_of_sets(self):
        self.check_laws([law.format(k=k, j=j) for law in KIND_LAWS for k, j in itertools.product(KINDS, KINDS)])

    def test_rows_are_taken_by_number_and_slice(self):
        self.check_laws([
            "h[1:3] == (h[1] | h[2])", "h[0] == h[:1]", "h[-1] <= h", "h[5:5] == Nothing", "h[3:1] == Nothing",
            "h[-2:] == (h[-2] | h[-1])", "h[:] == h", "h[:99999] == h", "h[0].disjoint(h[1])", "h.more[12] == h[12]",
            "h[0:2][1] == h[1]", "h.bysize[3].bysize == h.bysize[3]",
            "h.by('Id')[:-1].count == h.count - 1", "(h.by('Id')[:4] | h.by('Id')[4:]) == h", "h[0] in h", "h not in h[0]", "Nothing not in h", "Nothing <= h", "h[0] < h", "h >= h[0]", "h[0] != h[1]"])

    def test_eleven_rows_are_one_page_and_more_are_pages_of_ten(self):
        eleven, many = self.truth["named"]["eleven"], self.truth["named"]["many"]
        self.assertEqual((list(range(11)), 0), table_rows(self.text(eleven)))
        self.assertEqual((list(range(10)), 14), table_rows(self.text(many)))
        self.assertEqual((list(range(10, 20)), 4), table_rows(self.text("m = " + many, "m.more")))
        self.assertEqual((list(range(20, 24)), 0), table_rows(self.text("m = " + many, "m.more.more")))
        self.assertEqual((list(range(10, 20)), 4), table_rows(self.text("m = " + many, "m.more.more.prev")))
        self.assertEqual((list(range(10)), 14), table_rows(self.text("m = " + many, "m.more.top")))
        self.assertEqual((list(range(24)), 0), table_rows(self.text("m = " + many, "m.all")))
        self.assertEqual((list(range(20, 24)), 0), table_rows(self.text("m = " + many, "m.more.more.more")))
        self.assertEqual("hp.Nothing\n", self.text("h & Nothing"))

    def test_a_later_expression_sees_variables_and_the_last_answer(self):
        answers = self.ask(
            "s = h & __main__.Slotted", "s.count", "_", "s", "_.referrers", "_ == s.referrers; t = s; t.count",
            "None", "_", "s = 5", "s", "t.count")
        self.assertEqual(
            [1000, 1000, "set", "set", True, 1000, 1000, 5, 1000],
            [each.get("value", "set") for each in answers])
        self.assertEqual([1000, 1], [each["count"] for each in answers if "count" in each])

    def test_an_assignment_prints_nothing(self):
        self.assertEqual("", self.text("x = h", "y = x.byrcs", "None"))
        self.assertEqual([], self.ask("x = h"))
        self.assertEqual("3\n'a'\nTrue\n", self.text("1 + 2", "'a'", "h == h"))

    def test_a_limit_bounds_the_rows_but_not_the_totals(self):
        whole, = self.ask("h")
        limited, = self.ask("h", options=["--limit", "3"])
        self.assertEqual(whole["rows"][:3], limited["rows"])
        self.assertEqual((whole["count"], whole["size"]), (limited["count"], limited["size"]))
        self.assertEqual(whole["count"], sum(row["count"] for row in whole["rows"]))
        self.assertEqual(whole["size"], sum(row["size"] for row in whole["rows"]))
        self.assertEqual("Kind (class / dict of class)", whole["header"])

    def test_a_failing_expression_is_told_and_the_others_still_run(self):
        done = self.run_heapcore("query", self.core, "h.byrc", "h.count == h.count", "nobody", "1 + 1", status=1)
        self.assertEqual("True\n2\n", done.stdout.decode())
        lines = done.stderr.decode().splitlines()
        self.assertEqual("heapcore: h.byrc", lines[0])
        self.assertIn("unknown attribute 'byrc'; did you mean 'byrcs'?", lines[1])
        self.assertEqual(lines[0].index("byrc"), lines[1].index("^"), "the caret stands under the attribute")
        self.assertEqual("heapcore: nobody", lines[2])
        self.assertEqual("heapcore: 2 of 4 expressions failed", lines[4])

    def test_a_failure_in_json_has_its_expression_and_its_error(self):
        answers = self.ask("h & 3", "h.count == h.count", "h.sise", status=1)
        self.assertEqual({"expr", "error"}, set(answers[0]))
        self.assertEqual(("h & 3", "h.sise"), (answers[0]["expr"], answers[2]["expr"]))
        self.assertEqual("h & 3\n  ^ a set & an integer has no meaning", answers[0]["error"])
        self.assertIn("did you mean 'size'?", answers[2]["error"])
        self.assertEqual({"expr": "h.count == h.count", "value": True}, answers[1])

    def test_wrong_types_are_errors(self):
        wrong = (
            "h + h", "h + 1", "str == str", "~3", "-h", "h['a']", "h[h]", "h[99999]", "h[-99999]", "str[0]", "h(1)",
            "h.by(3)", "h.by('Sort')", "h.by('Type', 'Size')", "h.disjoint(3)", "str.alt('<<')", "str.alt()",
            "Clodo(dictof='module').alt('<')", "heap(1)", "heapu(h)", "iso(1)", "iso('a')", "Type(3)", "Type('no.such')",
            "Clodo()", "Clodo(x=str)", "Clodo((str, dict))", "Size('a')", "Size(-1)", "Rcs(3)", "3.count", "[1]",
            "9223372036854775807 + 1", "-9223372036854775807 - 2", "Nothing.kind", "h.count.count", "hp.h", "1 & 2")
        for expression, answer in zip(wrong, self.ask(*wrong, status=1)):
            self.assertEqual({"expr", "error"}, set(answer), expression)
            self.assertIn("^ ", answer["error"])

    def test_what_is_no_utf8_in_an_expression_becomes_clean_json(self):
        answers = self.ask(b"'\xff'", b"h.\xff", b"Type('\xff\xfe')", status=1)
        self.assertEqual(["'\ufffd'", "h.\ufffd", "Type('\ufffd\ufffd')"], [each["expr"] for each in answers])

    def test_wrong_usage_has_its_own_exit_status(self):
        for arguments in ([self.core], [], ["-p", "0", "h"], ["--limit", "x", self.core, "h"], ["--nonsense"]):
            self.assertEqual(b"", self.run_heapcore("query", *arguments, status=2).stdout)
        self.run_heapcore("query", self.core + ".none", "h", status=1)

    def test_random_expressions_never_crash(self):
        garbage = Garbage(self.interpreter.name)
        succeeded = 0
        for _ in range(10):
            expressions = [garbage.statement() for _ in range(30)]
            for options in ["--json"], ["--limit", "3"]:
                done = self.run_heapcore("query", *options, "--", self.core, *expressions, status=None)
                self.assertIn(done.returncode, (0, 1), expressions)
                if options == ["--json"]:
                    answers = json.loads(done.stdout.decode())
                    succeeded += sum("error" not in answer for answer in answers)
        self.assertGreater(succeeded, 100, "most of the garbage is refused: it tests nothing")


def main():
    arguments = suites.parse(suites.argument_parser(__doc__, interpreters.QUERIED))
    return suites.run(lambda _: [QueryTest], arguments, interpreters.QUERIED)


if __name__ == "__main__":
    sys.exit(main())
