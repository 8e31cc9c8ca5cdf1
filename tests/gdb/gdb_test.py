#!/usr/bin/env python3
"""py-heap in a real gdb: cores, live processes, a remote stub, several inferiors, and what goes wrong.

    python3 tests/gdb/gdb_test.py --heapcore BIN --library LIB [--gdb GDB] [TEST ...]
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import driving
from driving import AWAIT, READ, Service, count_of, heapcore, make_core, run_gdb
import interpreters
from interactive import InteractiveTest  # noqa: F401  unittest finds them here
from installed import InstalledTest  # noqa: F401
from crash import CrashTest  # noqa: F401

SKIPPED = 77


class CoreTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="heapcore-gdb-core-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.service, cls.core = make_core(cls.folder)
        cls.known = cls.service.known()

    def gdb(self, *commands, **more):
        return run_gdb(list(commands), driving.INTERPRETER.executable, self.core, **more)

    def test_expressions_print_what_the_program_prints(self):
        expressions = (
            "heap()", "h[0]", "byrcs", "h & __main__.Session", "(h & __main__.Session).referrers.byid", "h.bysize",
            "(h & __main__.Session).byvia", "h.count", "h[0].byid[0].theone", "Nothing", "type", "hp",
            "(h & __main__.Session)[0].byid[0].sp", "(h & __main__.Session).byid[3].rp")
        answers = self.gdb(*("py-heap " + expression for expression in expressions))
        for expression, answer in zip(expressions, answers):
            with self.subTest(expression=expression):
                self.assertEqual(answer, heapcore("query", self.core, expression))

    def test_alone_it_is_the_heap(self):
        self.assertEqual(self.gdb("py-heap")[0], heapcore("query", self.core, "heap()"))

    def test_variables_and_the_last_answer_live_on(self):
        answers = self.gdb(
            "py-heap x = h & __main__.Session", "py-heap x.count", "py-heap h.byrcs", "py-heap byrcs = _",
            "py-heap byrcs[0] ^ h.byrcs[0]", "py-heap byrcs", "py-heap more")
        self.assertEqual(answers[0], "")
        self.assertEqual(answers[1], "%d\n" % len(self.known["sessions"]))
        self.assertEqual(answers[4], "hp.Nothing\n")
        self.assertRegex(answers[6], r"(?m)^ +10 ")

    def test_reports_print_what_the_program_prints(self):
        for report in ("analyze", "analyze --full", "analyze --verify", "layouts", "dump", "threads", "threads --locals", "memory",
                "retained", "suspects", "references"):
            with self.subTest(report):
                self.assertEqual(self.gdb("py-heap " + report)[0], heapcore(*report.split(), self.core))
        self.assertEqual(["ERROR py-heap retained has no option --full\n"], self.gdb("py-heap retained --full"))

    def test_an_object_by_address_and_by_expression(self):
        address = self.known["sessions"][7]
        plain, computed, nothing, empty = self.gdb(
            "py-heap obj %d" % address, "py-heap obj (char *)%d + 16 - 0x10" % address, "py-heap obj 1", "py-heap obj")
        self.assertIn("<__main__.Session object at 0x%x>" % address, plain)
        self.assertRegex(plain, r"0x%x: __main__.Session, \d+ bytes, reference count 1, reachable" % address)
        self.assertIn("hp.Root.i0_modules['__main__'].__dict__['HELD'][7]", plain)
        self.assertRegex(plain, r"(?m)^ +0 +1 100 +\d+ 100 +\d+ 100 list$")
        self.assertEqual(computed, plain)
        self.assertEqual(nothing, "ERROR no Python object starts at 0x1\n")
        self.assertIn("which object?", empty)

    def test_sets_in_gdb_s_own_expressions(self):
        answers = self.gdb(
            'output $py_heap_count("h & __main__.Session")',
            'output/x $py_heap_addr("h & __main__.Session", 2)',
            'output $py_heap_count("byrc")', 'output $py_heap_count("3")',
            'output $py_heap_addr("h & __main__.Session", 999999)')
        self.assertEqual(answers[0], "%d" % len(self.known["sessions"]))
        self.assertIn(int(answers[1], 16), self.known["sessions"])
        self.assertIn("did you mean 'byrcs'?", answers[2])
        self.assertIn("3 is no set", answers[3])
        self.assertIn("has no object 999999", answers[4])

    def test_sets_as_python_objects(self):
        lines = (
            "import heapcore; hp = heapcore.hpy(); h = hp.heap(); s = h & heapcore.evaluate('__main__.Session')",
            "print(json.dumps(sorted(s)))",
            "print(s.count, len(s), len(h) == len(h.byclodo), s.byrcs[0] == s, bool(s - s), s in h, (s | h) == h)",
            "print(h[0:2] == h[0] | h[1], (h & hp.Type('str')).count == h.bytype[0].count or h.bytype[0])",
            "print(s)", "print(s.byid[0].theone)", "i = iter(s.nodes) if False else s.nodes",
            "s.byrc", "print(~hp.Size(56) is None, hp.Nothing.count)")
        answers = self.gdb("python import json", *("python " + line for line in lines))
        self.assertEqual(json.loads(answers[2]), sorted(self.known["sessions"]))
        self.assertEqual(answers[3], "%d 1 True True False True True\n" % len(self.known["sessions"]))
        self.assertEqual(answers[4].split()[0], "True")
        self.assertEqual(answers[5], heapcore("query", self.core, "h & __main__.Session"))
        self.assertIn("__main__.Session object at 0x", answers[6])
        self.assertIn("did you mean 'byrcs'", answers[8])

    def test_completion(self):
        answers = self.gdb("complete py-heap h.byr", "complete py-heap ref", "complete py-heap help byr",
            "complete py-heap x = h[0].indi")
        self.assertIn("py-heap h.byrcs\n", answers[0])
        self.assertIn("py-heap refresh\n", answers[1])
        self.assertIn("py-heap help byrcs\n", answers[2])
        self.assertEqual(answers[3], "py-heap x = h[0].indisize\n")

    def test_help(self):
        overview, name, nobody = self.gdb("py-heap help", "py-heap help byrcs", "py-heap help nobody")
        for word in "obj", "refresh", "analyze", "byrcs", "shpaths", "setref":
            self.assertIn(word, overview)
        self.assertIn("byrcs", name)
        self.assertIn("no help for 'nobody'", nobody)

    def test_output_goes_where_gdb_sends_it(self):
        file = os.path.join(self.folder, "output.txt")
        logged = ("set logging file " + file, "set logging redirect on", "set logging enabled on", "py-heap h.count",
            "set logging enabled off")
        self.gdb("pipe py-heap h.count | tr 0-9 a-j > %s.piped" % file, "python for c in %r: gdb.execute(c)" % (logged,))
        count = heapcore("query", self.core, "h.count")
        with open(file + ".piped") as opened:
            self.assertEqual(opened.read(), count.translate(str.maketrans("0123456789", "abcdefghij")))
        with open(file) as opened:
            self.assertEqual(opened.read(), count)

    def test_two_inferiors_are_two_sessions(self):
        other = os.path.join(self.folder, "other")
        os.makedirs(other, exist_ok=True)
        service, core = make_core(other)
        answers = self.gdb(
            "py-heap x = h & __main__.Session", "add-inferior", "inferior 2", "core-file " + core, "py-heap h.count",
            "py-heap x.count", "inferior 1", "py-heap x.count", "py-heap h.count")
        self.assertEqual(answers[4], heapcore("query", core, "h.count"))
        self.assertIn("unknown name 'x'", answers[5])
        self.assertEqual(answers[7], "%d\n" % len(self.known["sessions"]))
        self.assertEqual(answers[8], heapcore("query", self.core, "h.count"))


    def test_values_of_two_inferiors_do_not_mix(self):
        answers = self.gdb(
            "python import heapcore; h = heapcore.heap()", "add-inferior", "inferior 2", "core-file " + self.core,
            "python print(heapcore.heap() & h)", "python print(heapcore.heap().count)", "inferior 1", "python print(h.count)")
        self.assertIn("this value is of another inferior than the selected one", answers[4])
        self.assertEqual(answers[5], answers[7])

    def test_heap_definitions_are_set_like_a_parameter_of_gdb(self):
        right, wrong = (os.path.join(self.folder, name + ".heapdef") for name in ("right", "wrong"))
        for path, text in (right, "type *.*\n    size 77\n"), (wrong, "\ntype\n"):
            with open(path, "w") as file:
                file.write(text)
        answers = self.gdb("set heapcore-definitions %s:%s" % (right, wrong), "py-heap h.count",
            "set heapcore-definitions " + right, "show heapcore-definitions", "py-heap refresh", "py-heap analyze --full",
            "set heapcore-definitions", "py-heap refresh", "py-heap analyze --full")
        self.assertEqual(answers[1], "ERROR %s:2: the type's name is missing: say type MODULE.TYPE\n" % wrong)
        self.assertIn(right, answers[3])
        self.assertEqual(answers[5], heapcore("analyze", "--full", "--definitions", right, self.core))
        self.assertIn("a heap definition that was given", answers[5])
        self.assertEqual(answers[8], heapcore("analyze", "--full", self.core))

    def test_a_core_that_was_written_anew_is_another(self):
        folder = os.path.join(self.folder, "a folder's name")
        os.makedirs(folder)
        core = shutil.copy(self.core, os.path.join(folder, "core"))
        answers = run_gdb([
            "py-heap x = h & __main__.Session", "py-heap x.count", "shell touch '%s'" % core.replace("'", "'\\''"),
            "py-heap x.count", "py-heap h.count"], driving.INTERPRETER.executable, core)
        self.assertEqual(answers[1], "%d\n" % len(self.known["sessions"]))
        self.assertIn("unknown name 'x'", answers[3])
        self.assertEqual(answers[4], heapcore("query", self.core, "h.count"))

    def test_what_is_no_address_is_told(self):
        text, fraction, unknown = self.gdb('py-heap obj "text"', "py-heap obj 1.5", "py-heap obj nobody")
        self.assertEqual(fraction, "ERROR 1.5 is no address, but has type double\n")
        for answer in text, unknown:
            self.assertRegex(answer, r"\AERROR [^\n]+\n\Z")

    def test_an_object_names_itself_for_the_language(self):
        address = self.known["sessions"][3]
        answers = self.gdb("py-heap obj %d" % address, "py-heap obj.count", 'output/d $py_heap_addr("obj")')
        self.assertEqual(answers[1:], ["1\n", str(address)])


class LiveTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="heapcore-gdb-live-")
        self.addCleanup(shutil.rmtree, self.folder)

    def test_an_attached_process_is_seen_as_it_is_and_goes_on(self):
        with Service(self.folder) as service:
            answers = run_gdb([
                "py-heap h & __main__.Session", READ % service.state, "detach"], "-p", str(service.process.pid))
            self.assertIn(count_of(answers[0]) - len(json.loads(answers[1])["sessions"]), (0, 1))
            self.assertTrue(service.goes_on())

    def test_after_it_went_on_it_is_looked_at_anew(self):
        with Service(self.folder) as service:
            answers = run_gdb([
                "break getppid", "continue", "py-heap x = h & __main__.Session", "py-heap x.count", "continue",
                "py-heap (h & __main__.Session).count", "py-heap x.count", "py-heap x <= h", "continue",
                "py-heap refresh", "py-heap (h & __main__.Session).count", "delete", "detach"],
                "-p", str(service.process.pid))
            first = int(answers[3])
            self.assertEqual([int(answers[i]) for i in (5, 6, 10)], [first + 1, first, first + 2])
            self.assertEqual(answers[7], "True\n")
            self.assertTrue(service.goes_on())

    def test_a_process_that_is_attached_again_is_looked_at_anew(self):
        with Service(self.folder) as service:
            answers = run_gdb([
                "py-heap (h & __main__.Session).count", "detach", AWAIT % service.state, "py-heap h.count",
                "attach %d" % service.process.pid, "py-heap (h & __main__.Session).count", READ % service.state, "detach"],
                "-p", str(service.process.pid))
            self.assertIn("no process", answers[3])
            self.assertGreater(int(answers[5]), int(answers[0]) + 3)
            self.assertIn(int(answers[5]) - len(json.loads(answers[6])["sessions"]), (0, 1))

    def test_a_forked_child_is_an_inferior_of_its_own(self):
        source = os.path.join(self.folder, "fork.py")
        with open(source, "w") as file:
            file.write("import os\nclass Thing: pass\nthings = [Thing() for i in range(10)]\n"
                "if not os.fork():\n    del things[5:]\n    os.getppid()\n    os._exit(0)\nos.wait()\n")
        answers = run_gdb([
            "set breakpoint pending on", "set follow-fork-mode child", "set detach-on-fork off", "break fork",
            "run", "py-heap (h & __main__.Thing).count", "break getppid", "continue",
            "py-heap (h & __main__.Thing).count", "inferior 1", "py-heap (h & __main__.Thing).count"],
            "--args", driving.INTERPRETER.executable, source)
        self.assertEqual([answers[i] for i in (5, 8, 10)], ["10\n", "5\n", "10\n"])

    def test_a_process_that_becomes_another_program_is_another(self):
        source = os.path.join(self.folder, "become.py")
        with open(source, "w") as file:
            file.write("import os\nos.getppid()\nos.execv('/bin/sleep', ['sleep', '0'])\n")
        answers = run_gdb([
            "set breakpoint pending on", "break getppid", "run", "py-heap n = h.count", "delete", "catch exec",
            "continue", "py-heap n", "py-heap refresh"], "--args", driving.INTERPRETER.executable, source)
        self.assertIn("Python", answers[7])
        self.assertRegex(answers[7], r"\AERROR [^\n]+\n\Z")

    def test_a_reference_point_leaves_what_is_new(self):
        with Service(self.folder) as service:
            answers = run_gdb([
                "break getppid", "continue", "py-heap setref()", "continue", "py-heap h & __main__.Session",
                "continue", "py-heap (h & __main__.Session).count", "delete", "detach"], "-p", str(service.process.pid))
            self.assertEqual(count_of(answers[4]), 1)
            self.assertEqual(answers[6], "2\n")

    def test_a_program_started_under_gdb_stops_at_a_breakpoint(self):
        service = Service(self.folder, "3")
        answers = run_gdb([
            "set breakpoint pending on", "break getppid", "run", "py-heap (h & __main__.Session).count", "continue",
            "py-heap (h & __main__.Session).count", "delete", "continue", "py-heap h.count"], "--args", *service.command)
        self.assertEqual([answers[3], answers[5]], ["1001\n", "1002\n"])
        self.assertIn("no process", answers[8])

    def test_a_remote_process_is_read_through_gdb(self):
        if not shutil.which("gdbserver"):
            self.fail("gdbserver is not installed")
        with Service(self.folder) as service:
            server = subprocess.Popen(["gdbserver", "--once", "--attach", "127.0.0.1:0", str(service.process.pid)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            with server:
                port = None
                while port is None:
                    line = server.stderr.readline()
                    self.assertTrue(line, "gdbserver ended")
                    found = re.search(rb"Listening on port (\d+)", line)
                    port = int(found.group(1)) if found else None
                answers = run_gdb([
                    "break getppid", "continue", "py-heap (h & __main__.Session).count", READ % service.state,
                    "continue", "py-heap (h & __main__.Session).count", "py-heap analyze", "delete", "detach"],
                    driving.INTERPRETER.executable, first=["set sysroot /", "target remote 127.0.0.1:%d" % port])
                server.kill()
            self.assertEqual(int(answers[2]), len(json.loads(answers[3])["sessions"]))
            self.assertEqual(int(answers[5]), int(answers[2]) + 1)
            self.assertIn("Heap by kind", answers[6])
            self.assertTrue(service.goes_on())

    def test_the_inferior_is_neither_written_to_nor_called(self):
        with Service(self.folder) as service:
            before, after = (os.path.join(self.folder, name) for name in ("before", "after"))
            answers = run_gdb([
                "set may-write-memory off", "set may-write-registers off", "set may-insert-breakpoints off",
                "set may-call-functions off", "gcore " + before, "py-heap", "py-heap byvia", "py-heap h[0].byid",
                "py-heap obj $sp", "py-heap analyze", "gcore " + after, "detach"], "-p", str(service.process.pid))
            self.assertIn("Partition of a set", answers[5])
            self.assertTrue(service.goes_on())
            with open(before, "rb") as one, open(after, "rb") as other:
                self.assertEqual(one.read(), other.read())


class FailureTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="heapcore-gdb-failure-")
        self.addCleanup(shutil.rmtree, self.folder)

    def one_line(self, answer):
        self.assertRegex(answer, r"\AERROR [^\n]+\n\Z")
        return answer

    def test_without_a_process(self):
        answers = run_gdb(["py-heap", "py-heap h.count", "py-heap obj 1", "py-heap refresh", "py-heap analyze",
            "py-heap help", 'output $py_heap_count("h")'])
        for answer in answers[:5]:
            self.assertIn("no process and no core file", self.one_line(answer))
        self.assertIn("byrcs", answers[5])
        self.assertIn("no process and no core file", answers[6])

    def test_without_python_in_the_process(self):
        with subprocess.Popen(["sleep", "1000"]) as process:
            answer = run_gdb(["py-heap", "detach"], "-p", str(process.pid))[0]
            process.kill()
        self.assertIn("Python", self.one_line(answer))

    def test_without_the_library(self):
        answers = run_gdb(["py-heap", "py-heap help", "info line main"], HEAPCORE_LIBRARY="/nowhere/libheapcore.so.1")
        self.assertIn("/nowhere/libheapcore.so.1", self.one_line(answers[0]))
        self.assertIn("HEAPCORE_LIBRARY", self.one_line(answers[1]))

    def library_of(self, source):
        path = os.path.join(self.folder, "libother.so")
        subprocess.run(["gcc", "-shared", "-fPIC", "-x", "c", "-o", path, "-"], input=source.encode(), check=True)
        return path

    def test_with_a_library_of_another_version(self):
        path = self.library_of("int heapcore_api_version(void) { return 99; }")
        self.assertIn("version 99", self.one_line(run_gdb(["py-heap"], HEAPCORE_LIBRARY=path)[0]))

    def test_with_something_else_than_the_library(self):
        path = self.library_of("int nothing;")
        self.assertIn("no libheapcore", self.one_line(run_gdb(["py-heap"], HEAPCORE_LIBRARY=path)[0]))
        path = self.library_of("int heapcore_api_version(void) { return 1; }")
        self.assertIn("from one build", self.one_line(run_gdb(["py-heap"], HEAPCORE_LIBRARY=path)[0]))

    def test_after_the_process_ended(self):
        with Service(self.folder) as service:
            answers = run_gdb(["py-heap h.count", "kill", "py-heap h.count"], "-p", str(service.process.pid))
            self.assertGreater(int(answers[0]), 1000)
            self.assertIn("no process", self.one_line(answers[2]))

    def test_while_the_process_runs(self):
        with Service(self.folder) as service:
            answers = run_gdb(["set non-stop on", "continue &", "py-heap h.count", "interrupt"],
                "-iex", "set non-stop on", "-p", str(service.process.pid))
            self.assertIn("stop it first", answers[2])

    def test_wrong_expressions_point_at_the_place(self):
        with Service(self.folder) as service:
            answers = run_gdb(["py-heap h.byrc", "py-heap h[", "py-heap 3 +", "py-heap h.count", "detach"],
                "-p", str(service.process.pid))
        self.assertIn("did you mean 'byrcs'?", answers[0])
        self.assertIn("^", answers[1])
        self.assertTrue(answers[2].startswith("ERROR"))
        self.assertGreater(int(answers[3]), 1000)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--heapcore", required=True)
    parser.add_argument("--library", required=True)
    parser.add_argument("--gdb", default="gdb")
    options, rest = parser.parse_known_args()
    options.heapcore, options.library = (os.path.abspath(path) for path in (options.heapcore, options.library))
    driving.OPTIONS = options
    if not shutil.which(options.gdb):
        print("gdb is not installed (package gdb)")
        return 1 if interpreters.must_have_all() else SKIPPED
    found = [each for each in map(interpreters.find, ("3.11", "3.12", "3.10", "3.13", interpreters.DEBIAN)) if each]
    if not found:
        print("no interpreter found")
        return 1 if interpreters.must_have_all() else SKIPPED
    driving.INTERPRETER = found[0]
    print(driving.INTERPRETER, flush=True)
    result = unittest.main(argv=sys.argv[:1] + rest, verbosity=2, exit=False).result
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
