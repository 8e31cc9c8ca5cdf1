#!/usr/bin/env python3
"""Every object that a process knew of is in `heapcore dump`, as the process knew it.

    python3 tests/truth/truth_test.py --heapcore BIN [--interpreter 3.12 ...] [--keep] [TEST ...]

Runs the fixtures under every supported interpreter on the machine (or those given) and prints which. Exit
status 77 when none of those asked for is there; HEAPCORE_FULL_MATRIX=1 makes a missing one a failure.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cases
import compare
import dumping
import interpreters
import suites


class TruthTest(cases.DumpCase):
    names = interpreters.ALL

    # An emulated process is slow, and no debugger sees it: one test for each thing that may depend on the machine.
    EMULATED = ("test_zoo_of_every_type_in_a_kernel_core", "test_leaking_service_in_a_kernel_core")

    def setUp(self):
        if self.interpreter.emulator and self._testMethodName not in self.EMULATED:
            self.skipTest("not of an emulated machine")
        super().setUp()

    def test_zoo_of_every_type_in_a_kernel_core(self):
        comparison = self.check_abort("zoo.py")
        self.assertEqual([], comparison.truth.exact_types_missing(), "the zoo lacks a type")

    def test_zoo_without_the_emulator_where_what_is_guessed_is_called_so(self):
        truth, core = dumping.abort_for_core(self.interpreter, "zoo.py", self.folder)
        lines = dumping.heapcore_dump(self.heapcore, [core, "--no-emulation"])
        comparison = compare.compare([truth], lines, strict=False)
        print("\n" + comparison.report(), flush=True)
        self.assertEqual({}, dict(comparison.failure_counts), comparison.failure_report())
        self.assertEqual(0, comparison.hows["emulated"])
        self.assertGreater(comparison.hows["words"] + comparison.hows["dwarf"], 20)

    def test_zoo_whose_objects_were_frozen_in_a_kernel_core(self):
        self.needs("3.7", "gc.freeze()")
        self.check_abort("zoo.py", "freeze")

    def test_zoo_under_the_debug_hooks_of_the_allocators(self):
        self.check_abort("zoo.py", environment={"PYTHONMALLOC": "debug"})

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

    def test_objects_whose_counts_are_addresses_by_chance(self):
        self.check_abort("count_addresses.py")

    def test_leaking_service_in_a_kernel_core(self):
        self.check_abort("leaky.py")

    def test_objects_of_two_interpreters_in_one_kernel_core(self):
        self.needs("3.8", "a module of interpreters")
        truth, core = dumping.abort_for_core(self.interpreter, "two_interpreters.py", self.folder)
        self.check(core, truth, truth + ".sub")


def main():
    return cases.run(TruthTest, suites.parse(cases.argument_parser(__doc__)))


if __name__ == "__main__":
    sys.exit(main())
