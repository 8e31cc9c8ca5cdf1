#!/usr/bin/env python3
"""What heapcore says of interpreters without debug information, and of cores whose binaries are gone.

    python3 tests/layouts/stripped_test.py --heapcore BIN [--interpreter 3.12 ...] [--keep] [TEST ...]

The same truth tests as with debug information, read through stripped copies of every binary. Without
HEAPCORE_FULL_MATRIX=1 a few interpreters stand for all; with it, the same few are read under every allocator, too.
"""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "truth")]
import cases
import dumping
import interpreters
import suites
import stripping

QUICK = ("3.6", "3.8", "3.11", "3.13", "sid-3.14")
SHARE_NAMED = 0.99  # of the objects keep their type's name when no binary is there


def is_quick():
    return os.environ.get("HEAPCORE_FULL_MATRIX") != "1"


class StrippedTest(cases.DumpCase):
    # Debian's own interpreters are stripped, and their debug files are found by build-id wherever they are.
    names = [n for n in interpreters.ALL if not n.startswith(interpreters.DISTRIBUTION)]

    # An emulated process is slow; and qemu's core does not say where binaries that are gone had their data.
    EMULATED = ("test_zoo_of_every_type_is_read_without_debug_information",)

    def setUp(self):
        if self.interpreter.emulator and self._testMethodName not in self.EMULATED:
            self.skipTest("not of an emulated machine")
        super().setUp()

    def dump(self, fixture, *options, environment=()):
        """(truth, core) of a fixture; from now on heapcore finds stripped binaries only."""
        truth, core = dumping.abort_for_core(self.interpreter, fixture, self.folder, options,
            environment=environment)
        self.sysroot = os.path.join(self.folder, "stripped")
        if self.interpreter.emulator:
            stripping.copy_system(self.interpreter.root, self.sysroot)
        else:
            stripping.strip_files_of(core, self.sysroot, self.interpreter.root or "")
        os.environ["HEAPCORE_SYSROOT"] = self.sysroot
        self.addCleanup(os.environ.pop, "HEAPCORE_SYSROOT", None)
        return truth, core

    def read(self, command, core, *options):
        done = subprocess.run([self.heapcore, command, "--json", *options, core], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        self.assertEqual(0, done.returncode, done.stderr)
        return json.loads(done.stdout)

    def check_source(self, core):
        layouts = self.read("layouts", core)
        self.assertEqual("table", layouts["python"]["source"])
        self.assertFalse(layouts["python"]["guess"], "there is a table for this very version")
        sources = {row["source"] for row in layouts["layouts"]}
        told = {"debug_offsets"} if interpreters.version_of(self.interpreter) >= (3, 13) else set()
        self.assertEqual({"table", "absent"} | told, sources)

    def check_fixture(self, fixture, *options, **environment):
        truth, core = self.dump(fixture, *options, environment=environment)
        self.check_source(core)
        return self.check(core, truth)

    def objects(self, core):
        lines = map(json.loads, dumping.heapcore_dump(self.heapcore, core))
        return {(o["address"], o.get("virtual", False)): o for o in lines}

    def test_zoo_of_every_type_is_read_without_debug_information(self):
        comparison = self.check_fixture("zoo.py")
        self.assertEqual([], comparison.truth.exact_types_missing(), "the zoo lacks a type")

    def test_without_any_binary_every_object_is_found_and_nearly_all_types_have_their_names(self):
        truth, core = self.dump("zoo.py")
        there = self.objects(core)
        os.environ["HEAPCORE_SYSROOT"] = os.path.join(self.folder, "empty")
        os.mkdir(os.environ["HEAPCORE_SYSROOT"])
        gone = self.objects(core)
        self.assertEqual(set(), set(there) - set(gone))
        sized = sum(there[key]["size"] == gone[key]["size"] for key in there)
        named = sum(there[key]["type"] == gone[key]["type"] for key in there)
        print("%s: of %d objects %d have their type's name, %d their size" % (
            self.interpreter.name, len(there), named, sized), flush=True)
        self.assertGreater(named, SHARE_NAMED * len(there))
        self.assertGreater(sized, SHARE_NAMED * len(there))
        missing = self.read("analyze", core)["files"]
        self.assertTrue(any("python" in row["path"] for row in missing), missing)


class StrippedMatrixTest(StrippedTest):
    def setUp(self):
        own = self._testMethodName in StrippedMatrixTest.__dict__
        if own and self.interpreter.name not in QUICK:
            self.skipTest("of a few interpreters only")
        super().setUp()

    def test_crowd_of_small_objects_is_read_without_debug_information(self):
        self.check_fixture("crowd.py")

    def test_leaking_service_is_read_without_debug_information(self):
        self.check_fixture("leaky.py")

    def test_zoo_under_the_debug_hooks_is_read_without_debug_information(self):
        self.check_fixture("zoo.py", PYTHONMALLOC="debug")

    def test_zoo_without_pymalloc_is_read_without_debug_information(self):
        self.check_fixture("zoo.py", PYTHONMALLOC="malloc")


def main():
    arguments = suites.parse(cases.argument_parser(__doc__))
    if is_quick() and arguments.interpreter and not set(arguments.interpreter) & set(QUICK):
        print("only with HEAPCORE_FULL_MATRIX=1")
        return suites.NONE_FOUND
    return cases.run(StrippedTest if is_quick() else StrippedMatrixTest, arguments)


if __name__ == "__main__":
    sys.exit(main())
