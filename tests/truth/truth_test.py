#!/usr/bin/env python3
"""Every object that a process knew of is in `heapcore dump`, as the process knew it.

    python3 tests/truth/truth_test.py --heapcore BIN [--interpreter 3.12 ...] [--keep] [TEST ...]

Runs the fixtures under every supported interpreter on the machine (or those given) and prints which. Exit
status 77 when none of those asked for is there; HEAPCORE_FULL_MATRIX=1 makes a missing one a failure.
"""
import argparse
import os
import shutil
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare
import dumping
import interpreters

NONE_FOUND = 77


class TruthTest(unittest.TestCase):
    """The same sentences for each interpreter: for_interpreter() makes a subclass of each."""

    heapcore = None
    interpreter = None
    keep = False

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="heapcore-truth-")
        if self.keep:
            print("kept:", self.folder)
        else:
            self.addCleanup(shutil.rmtree, self.folder)

    def check(self, target, *truths):
        started = time.monotonic()
        lines = dumping.heapcore_dump(self.heapcore, target)
        dumped = time.monotonic()
        comparison = compare.compare(truths, lines)
        print("\n%s, %s (dump %.1f s, comparison %.1f s):\n%s" % (
            self.interpreter.name, self._testMethodName, dumped - started, time.monotonic() - dumped,
            comparison.report()), flush=True)
        if comparison.failure_counts:
            self.fail("\n" + comparison.failure_report())
        return comparison

    def check_abort(self, fixture, *options, flags=(), environment=()):
        truth, core = dumping.abort_for_core(self.interpreter, fixture, self.folder, options, flags, environment)
        return self.check(core, truth)

    def test_zoo_of_every_type_in_a_kernel_core(self):
        comparison = self.check_abort("zoo.py")
        self.assertEqual([], comparison.truth.exact_types_missing(), "the zoo lacks a type")

    def test_zoo_whose_objects_were_frozen_in_a_kernel_core(self):
        self.check_abort("zoo.py", "freeze")

    def test_zoo_under_the_debug_hooks_of_the_allocators(self):
        self.check_abort("zoo.py", flags=("-X", "dev"))

    def test_zoo_without_pymalloc(self):
        self.check_abort("zoo.py", environment={"PYTHONMALLOC": "malloc"})

    def test_zoo_without_pymalloc_under_the_debug_hooks(self):
        self.check_abort("zoo.py", environment={"PYTHONMALLOC": "malloc_debug"})

    def test_crowd_of_small_objects_without_pymalloc(self):
        self.check_abort("crowd.py", environment={"PYTHONMALLOC": "malloc"})

    def test_zoo_in_a_core_written_by_gcore(self):
        truth, core = dumping.gcore(self.interpreter, "zoo.py", self.folder)
        self.check(core, truth)

    def test_zoo_in_a_live_process_that_then_goes_on(self):
        with dumping.blocked(self.interpreter, "zoo.py", self.folder) as (truth, process):
            self.check(["-p", str(process.pid)], truth)
            self.assertTrue(dumping.goes_on(process), "the process must answer and end with status 0")

    def test_crowd_of_small_objects_in_a_kernel_core(self):
        self.check_abort("crowd.py")

    def test_leaking_service_in_a_kernel_core(self):
        self.check_abort("leaky.py")

    def test_objects_of_two_interpreters_in_one_kernel_core(self):
        truth, core = dumping.abort_for_core(self.interpreter, "two_interpreters.py", self.folder)
        self.check(core, truth, truth + ".sub")


def for_interpreter(interpreter, heapcore, keep):
    name = "TruthTest_" + interpreter.name.replace(".", "_").replace("-", "_")
    return type(name, (TruthTest,), {"interpreter": interpreter, "heapcore": heapcore, "keep": keep})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heapcore", required=True, help="the program under test")
    parser.add_argument("--interpreter", action="append", choices=interpreters.NAMES, help="default: all")
    parser.add_argument("--keep", action="store_true", help="keep cores and truth files")
    parser.add_argument("tests", nargs="*", help="names of tests, or parts of them")
    arguments = parser.parse_args()
    if not os.access(arguments.heapcore, os.X_OK):
        parser.error("%s is no program: build it first" % arguments.heapcore)

    suite = unittest.TestSuite()
    found, missing = interpreters.cover(arguments.interpreter or interpreters.NAMES)
    if missing and interpreters.must_have_all():
        return 1
    for interpreter in found:
        case = for_interpreter(interpreter, os.path.abspath(arguments.heapcore), arguments.keep)
        for test in unittest.defaultTestLoader.loadTestsFromTestCase(case):
            if not arguments.tests or any(part in test.id() for part in arguments.tests):
                suite.addTest(test)
    if not suite.countTestCases():
        return NONE_FOUND
    return 0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
