#!/usr/bin/env python3
"""A captured core says what the process knew of itself, gdb reads it, and the process goes on.

    python3 tests/capture/capture_test.py --heapcore BIN [--interpreter 3.12 ...] [TEST ...]
"""
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "truth"))
import cases
import dumping
import interpreters
import suites

DEBIAN = "debian-3.11"  # has numpy
NAMES = ("3.8", "3.11", "3.13", DEBIAN, "bullseye-3.9")
IN_ROOT = "bullseye-3.9"
NAMES_IN_SHORT = ("3.13", DEBIAN, IN_ROOT)  # without HEAPCORE_FULL_MATRIX=1
PATIENCE = dumping.PATIENCE


class CaptureCase(cases.DumpCase):
    def capture(self, pid, name, *options):
        """(path of the core, what `capture --json` says)."""
        core = os.path.join(self.folder, name)
        done = subprocess.run(
            [self.heapcore, "capture", "-p", str(pid), "-o", core, "--json", *options], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertRegex(done.stderr.decode(), r"^captured process %d .*stood still for [0-9.]+ s" % pid)
        told = json.loads(done.stdout)
        self.assertEqual(os.path.getsize(core), told["file_bytes"])
        self.assertFalse([each for each in os.listdir(self.folder) if each.endswith(".partial")])
        self.assertLess(0, told["pause_nanoseconds"])
        self.assertLess(told["pause_nanoseconds"], told["total_nanoseconds"])
        return core, told

    def report(self, core):
        done = subprocess.run(
            [self.heapcore, "analyze", "--json", core], stdout=subprocess.PIPE, timeout=PATIENCE, check=True)
        return json.loads(done.stdout)

    def check_equal(self, lines, others, name):
        """assertEqual() would take minutes to describe a difference."""
        different = [pair for pair in zip(lines, others) if pair[0] != pair[1]]
        self.assertEqual([], different[:3], name)
        self.assertEqual(len(lines), len(others), name)

    def check_nothing_is_missing(self, core):
        report = self.report(core)
        self.assertEqual({}, {key: number for key, number in report["losses"].items() if number})
        return report


class CapturedTruthTest(CaptureCase):
    def test_captured_cores_equal_the_truth_and_the_process_goes_on(self):
        # As glibc does it with blocks of 32 MiB and more, or the first large ones.
        own_mappings = {"MALLOC_MMAP_THRESHOLD_": str(1 << 20)}
        with dumping.blocked(self.interpreter, "captured.py", self.folder, environment=own_mappings) as (
                truth, process):
            full, told = self.capture(process.pid, "full.core")
            heap, told_heap = self.capture(process.pid, "heap.core", "--heap-only")
            at_once, _ = self.capture(process.pid, "at_once.core", "--at-once", "--heap-only")
            packed, told_packed = self.capture(process.pid, "heap.core.zst", "--heap-only")
            self.assertTrue(dumping.goes_on(process), "the process must answer and end with status 0")
        os.environ.pop("HEAPCORE_SYSROOT", None)  # a container's binaries are in the core
        self.check(full, truth)
        lines = dumping.heapcore_dump(self.heapcore, full)
        for core in heap, at_once, packed:
            self.check_equal(lines, dumping.heapcore_dump(self.heapcore, core), core)
        self.assertEqual(4, told["threads"])
        self.assertEqual(0, told["left_out_bytes"])
        least = 13 << 20
        self.assertLess(least, told_heap["left_out_bytes"])
        self.assertLess(told_heap["disk_bytes"], told["disk_bytes"] - least)
        self.assertLess(told_packed["disk_bytes"], told_heap["disk_bytes"])
        self.check_notes(full, heap, told_heap)

    def check_notes(self, full, heap, told):
        image = self.check_nothing_is_missing(full)["image"]
        self.assertRegex(image["writer"], r"^heapcore [0-9.]+ capture$")
        self.assertEqual(0, image["left_out_shared"] + image["left_out_data"])
        image = self.check_nothing_is_missing(heap)["image"]
        self.assertRegex(image["writer"], r"^heapcore [0-9.]+ capture --heap-only$")
        self.assertLessEqual(2 << 20, image["left_out_shared"])
        self.assertEqual(told["left_out_bytes"], image["left_out_shared"] + image["left_out_data"])

    def check_own_code(self, target):
        """Of these types the other truth tests do it."""


class ArraysTest(CaptureCase):
    PROGRAM = """
import sys, numpy
matrix, pixels = numpy.full((1024, 1024), 0.5), numpy.ones(3 << 20, dtype=numpy.uint8)
objects = numpy.array(["word %d" % number for number in range(200000)], dtype=object)
print("READY", flush=True)
sys.stdin.read()
print(matrix.sum() == 1 << 19, pixels.sum() == 3 << 20, len(set(objects)))
"""

    def test_arrays_of_numbers_are_left_out_and_arrays_of_objects_are_not(self):
        if subprocess.run([self.interpreter.executable, "-c", "import numpy"], stderr=subprocess.DEVNULL).returncode:
            self.skipTest("no numpy")
        process = subprocess.Popen([self.interpreter.executable, "-c", self.PROGRAM], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env=dumping.clean_environment())
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertEqual(b"READY\n", process.stdout.readline())
        full, _ = self.capture(process.pid, "full.core")
        heap, told = self.capture(process.pid, "heap.core", "--heap-only")
        self.assertLess(10 << 20, told["left_out_bytes"])
        self.check_equal(
            dumping.heapcore_dump(self.heapcore, full), dumping.heapcore_dump(self.heapcore, heap), heap)
        self.check_nothing_is_missing(heap)
        answer, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual(b"True True 200000\n", answer)


class BusyTest(CaptureCase):
    @classmethod
    def gdb(cls, *commands):
        arguments = [argument for command in commands for argument in ("-ex", command)]
        done = subprocess.run(["gdb", "-nx", "-batch", *arguments], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=PATIENCE)
        return done.stdout.decode(errors="replace")

    def number_at(self, core, address):
        return int(re.search(r":\s*(\d+)", self.gdb("core " + core, "x/gu %d" % address).splitlines()[-1])[1])

    def test_a_busy_process_is_seen_at_one_moment_by_gdb_and_works_on_rightly(self):
        if not shutil.which("gdb"):
            self.skipTest("gdb is not installed")
        command = [self.interpreter.executable, "-W", "ignore", os.path.join(dumping.FIXTURES, "busy.py")]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=dumping.clean_environment())
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        places = json.loads(process.stdout.readline())
        for options in (), ("--heap-only",), ("--at-once",):
            core, told = self.capture(process.pid, "busy.core", *options)
            self.assertEqual(5, told["threads"])
            first, second = (self.number_at(core, places[name]) for name in ("first", "second"))
            self.assertIn(first - second, (0, 1), options)
            self.assertLess(0, first)
        self.check_gdb(core, places)
        self.check_readelf(core)
        answer, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual((b"RIGHT\n", 0), (answer, process.returncode))

    def check_gdb(self, core, places):
        said = self.gdb("set print frame-arguments none", "file " + self.interpreter.executable, "core " + core,
            "info threads", "info sharedlibrary", "x/s %d" % places["text"], "bt", "print $mxcsr != 0")
        self.assertIn("a text that the process holds", said)
        self.assertEqual(5, len(set(re.findall(r"\(LWP (\d+)\)", said))), said)
        self.assertRegex(said, r"0x[0-9a-f]+ +0x[0-9a-f]+ +Yes.*libc\.so\.6")
        self.assertRegex(said, r"#\d+ .*(PyEval|Py_RunMain|Py_BytesMain|pymain)")
        self.assertIn("$1 = 1\n", said)

    def check_readelf(self, core):
        done = subprocess.run(["readelf", "-lnW", core], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            timeout=PATIENCE)
        said = done.stdout.decode()
        self.assertEqual((0, b""), (done.returncode, done.stderr))
        for name, count in ("NT_PRSTATUS", 5), ("NT_FPREGSET", 5), ("NT_PRPSINFO", 1), ("NT_AUXV", 1), ("NT_FILE", 1):
            self.assertEqual(count, said.count(name + " "), name)


def cases_of(interpreter):
    return {IN_ROOT: [CapturedTruthTest], DEBIAN: [CapturedTruthTest, BusyTest, ArraysTest]}.get(
        interpreter.name, [CapturedTruthTest, BusyTest])


def main():
    arguments = suites.parse(cases.argument_parser(__doc__))
    names = NAMES if interpreters.must_have_all() else NAMES_IN_SHORT
    return suites.run(cases_of, arguments, names, keep=arguments.keep)


if __name__ == "__main__":
    sys.exit(main())
