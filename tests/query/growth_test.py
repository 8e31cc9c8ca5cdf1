#!/usr/bin/env python3
"""What is new since an earlier dump: heapcore against a process that knows what it made in between.

    python3 tests/query/growth_test.py --heapcore BIN [--interpreter V]...
"""
import glob
import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "truth"))
import cored
import dumping
import interpreters
import suites



class GrowthTest(cored.CoredCase):
    fixture = "growth.py"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.base, = glob.glob(os.path.join(glob.escape(cls.folder), "base", "core*"))

    def check(self, truth, base, target):
        facts = truth["facts"]
        self.assertGreater(len(facts), 25)
        answers = self.ask(*[expression for expression, _ in facts], options=["--baseline", base], target=target)
        self.assertEqual([{"expr": expression, "value": value} for expression, value in facts], answers)

    def test_what_the_process_made_since_is_what_is_new(self):
        self.check(self.truth, self.base, [self.core])

    def test_a_live_process_is_compared_with_its_earlier_core(self):
        with tempfile.TemporaryDirectory(prefix="heapcore-growth-") as folder:
            with dumping.blocked(self.interpreter, "growth.py", folder) as (told, process):
                base, = glob.glob(os.path.join(glob.escape(folder), "base", "core*"))
                with open(told) as file:
                    self.check(json.load(file), base, ["-p", str(process.pid)])
                self.assertTrue(dumping.goes_on(process))

    def test_against_itself_nothing_is_new(self):
        answers = self.ask("h.count", "heapu().count", "relheap.count", "setrelheap(Nothing); h.count",
            options=["--baseline", self.core])
        self.assertEqual([0, 0, answers[3]["value"], answers[2]["value"]], [each["value"] for each in answers])

    def test_without_a_baseline_setref_takes_what_is_there(self):
        answers = self.ask("n = h.count", "n", "relheap.count", "setref(); h.count", "heapu().count",
            "relheap.count", "h & str == Nothing", "setref(Nothing, Nothing); h.count", "setrelheap(h & str)",
            "(h & str).count", "h.count - n + relheap.count", "setref(None, heapu()); heapu().count",
            "(h & str).count")
        values = [each["value"] for each in answers]
        n = values[0]
        self.assertGreater(n, 10000)
        self.assertEqual([n, 0, 0, 0, n, True, n, 0, 0, 0, 0], values)

    def test_analyze_shows_the_same_growth_as_a_query(self):
        table, = self.ask("h", options=["--baseline", self.base])
        whole, = self.ask("h")
        done = self.run_heapcore("analyze", "--json", "--baseline", self.base, self.core)
        report = json.loads(done.stdout.decode())
        for key in "count", "size", "rows":
            self.assertEqual(table[key], report["baseline"][key])
            self.assertEqual(whole[key], report["heap"][key])
        base = json.loads(self.run_heapcore("analyze", "--json", self.base).stdout.decode())
        self.assertEqual(base["heap"]["count"], report["baseline_objects"]["then"])
        self.assertEqual(whole["count"] - table["count"], report["baseline_objects"]["still_there"])
        text = self.run_heapcore("analyze", "--full", "--baseline", self.base, self.core).stdout.decode()
        self.assertIn("Against the baseline: what is new", text)
        self.assertIn("__main__.Grown", text[text.index("Against the baseline") :])
        self.assertNotIn("baseline", self.run_heapcore("analyze", "--full", self.core).stdout.decode())

    def test_a_baseline_of_another_process_is_refused(self):
        with tempfile.TemporaryDirectory(prefix="heapcore-growth-") as folder:
            _, other = dumping.abort_for_core(self.interpreter, "growth.py", folder)
            for command in ["query", "--baseline", other, self.core, "h"], ["analyze", "--baseline", other, self.core]:
                done = self.run_heapcore(*command, status=1)
                self.assertIn(b"the baseline is of another process", done.stderr)

    def test_wrong_baselines_and_wrong_references_are_errors(self):
        done = self.run_heapcore("query", "--baseline", self.core + ".none", self.core, "h", status=1)
        self.assertIn(b"--baseline", done.stderr)
        for command in ["dump", "--baseline", self.base, self.core], ["query", self.core, "h", "--baseline"]:
            self.run_heapcore(*command, status=2)
        for wrong in "setref(3)", "setref(str)", "setref(h, h, h)", "setrelheap(h, h)", "setrelheapu(())", "setref(x=h)", "heapu(x=1)", "heapu(abs=h)":
            done = self.run_heapcore("query", self.core, wrong, status=1)
            self.assertIn(b"^ ", done.stderr)


def main():
    arguments = suites.parse(suites.argument_parser(__doc__, interpreters.QUERIED))
    if not dumping.kernel_writes_cores_here():
        print("the kernel writes no core files here: a fork cannot be dumped")
        return suites.NONE_FOUND
    return suites.run(lambda _: [GrowthTest], arguments, interpreters.QUERIED)


if __name__ == "__main__":
    sys.exit(main())
