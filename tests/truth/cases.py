"""What the truth tests share: a test case that dumps a fixture and compares, and its command line."""
import gc
import shutil
import tempfile
import time
import unittest

import compare
import dumping
import interpreters
import suites


class DumpCase(unittest.TestCase):
    """The same sentences for each interpreter: suites.run() makes a subclass of each."""

    heapcore = None
    interpreter = None
    keep = False
    names = interpreters.NAMES  # of the interpreters, unless others are asked for

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="heapcore-truth-")
        if self.keep:
            print("kept:", self.folder)
        else:
            self.addCleanup(shutil.rmtree, self.folder)

    def needs(self, version, what):
        if interpreters.version_of(self.interpreter) < tuple(map(int, version.split("."))):
            self.skipTest("%s came with %s" % (what, version))

    def check(self, target, *truths, **options):
        started = time.monotonic()
        lines = dumping.heapcore_dump(self.heapcore, target)
        dumped = time.monotonic()
        comparison = compare.compare(truths, lines, **options)
        print("\n%s, %s (dump %.1f s, comparison %.1f s):\n%s" % (
            self.interpreter.name, self._testMethodName, dumped - started, time.monotonic() - dumped,
            comparison.report()), flush=True)
        self.compared(comparison)
        if comparison.failure_counts:
            self.fail("\n" + comparison.failure_report())
        self.check_own_code(target)
        return comparison

    def check_own_code(self, target):
        """The types' own tp_traverse, emulated, says the same as heapcore."""
        found = dumping.verification(self.heapcore, target)
        print("verified: %d objects of %d types" % (found["sampled"], len(found["rows"])), flush=True)
        differing = [row for row in found["rows"] if row["agreeing"] < row["sampled"] or row["failed"]]
        self.assertEqual([], differing)
        self.assertGreater(len(found["rows"]), 30, "types verified")

    def check_counts(self, target):
        """No object has a reference count lower than the references that heapcore finds."""
        found = dumping.report(self.heapcore, "references", target)
        print("reference counts: %d agree, %d objects have %d references that nothing explains" % (
            found["references"]["agreeing"], found["too_high"]["unexplained_objects"], found["too_high"]["excess"]))
        self.assertEqual([], found["too_low_objects"])

    def compared(self, comparison):
        """To be overridden: is told of each comparison, good or bad."""

    def check_abort(self, fixture, *options, flags=(), environment=(), **comparing):
        truth, core = dumping.abort_for_core(self.interpreter, fixture, self.folder, options, flags, environment)
        comparison = self.check(core, truth, **comparing)
        if not flags and not environment:  # enough, for it takes its time
            self.check_counts(core)
        return comparison


def argument_parser(description):
    parser = suites.argument_parser(description, interpreters.ALL)
    parser.add_argument("--keep", action="store_true", help="keep cores and truth files")
    return parser


def run(case, arguments):
    """Runs the tests of `case` that are asked for, under each interpreter. Returns the exit status."""
    gc.disable()  # a comparison makes millions of objects and no cycles
    return suites.run(lambda _: [case], arguments, case.names, keep=arguments.keep)
