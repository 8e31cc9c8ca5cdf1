#!/usr/bin/env python3
"""Cores by the kernel under each kind of /proc/PID/coredump_filter: the heap is told, and so is what is missing.

    python3 tests/cli/filter_test.py --heapcore BIN [TEST ...]
"""
import argparse
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "truth"))
import bad_input_test
import dumping
import interpreters

PATIENCE = 300  # seconds
HEAPCORE = None
SHARED_SIZE = 3 << 20
FILE_SIZE = 1 << 16
ANONYMOUS_SHARED, FILE_PRIVATE, ELF_HEADERS = 1 << 1, 1 << 2, 1 << 4

# Has memory of every kind that a filter may leave out, and sets its own filter.
PROGRAM = """
import mmap, os, sys
class Basket:
    def __init__(self, number):
        self.items = [str(number), number + 0.5]
baskets = [Basket(number) for number in range(5000)]
shared = mmap.mmap(-1, %d)
shared[:] = b"s" * len(shared)
with open("data", "wb") as file:
    file.write(b"d" * %d)
with open("data", "r+b") as file:
    private = mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE)
with open("/proc/self/coredump_filter", "w") as file:
    file.write(sys.argv[1])
os.abort()
""" % (SHARED_SIZE, FILE_SIZE)


class FilterTest(unittest.TestCase):
    interpreter = None

    def core(self, filter):
        folder = tempfile.mkdtemp(prefix="heapcore-filter-")
        self.addCleanup(shutil.rmtree, folder)
        done = subprocess.run(
            [self.interpreter.executable, "-S", "-c", PROGRAM, hex(filter)], cwd=folder, timeout=PATIENCE,
            env=dumping.clean_environment(), preexec_fn=bad_input_test.allow_core, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, -6, done.stderr.decode())
        (core,) = glob.glob(os.path.join(folder, "core*"))
        return core

    def analyze(self, *arguments):
        return subprocess.run(
            [HEAPCORE, "analyze", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, universal_newlines=True, timeout=PATIENCE)

    def check_report(self, filter):
        core = self.core(filter)
        done = self.analyze("--json", core)
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        counts = {row["name"]: row["count"] for row in report["heap"]["rows"]}
        self.assertEqual(counts["__main__.Basket"], 5000)
        self.assertFalse(report["image"]["truncated"])
        losses = report["losses"]
        for key in ("unreadable_pointers", "dangling_references", "damaged_pools", "unreadable_pools"):
            self.assertEqual(losses[key], 0, key)
        lost = 0 if filter & ANONYMOUS_SHARED else SHARED_SIZE
        # The file is there, but whether it has the bytes of then, nobody knows.
        lost += 0 if filter & FILE_PRIVATE else FILE_SIZE
        self.assertEqual(losses["not_dumped_bytes"], lost)
        trusted = {file["path"] for file in report["files"] if file["state"] == "unverified"}
        self.assertEqual(bool(trusted), not filter & ELF_HEADERS)
        text = self.analyze("--full", core).stdout
        if lost:
            self.assertRegex(text, r"not dumped +%d bytes" % lost)
        if trusted:
            self.assertIn(report["python"]["binary"], trusted)
            self.assertIn("read on trust: no build-id to compare", text)
        if not lost and not trusted:
            self.assertIn("nothing: no holes, no missing files", text)

    def test_the_filter_as_it_comes_leaves_out_pages_of_files(self):
        self.check_report(0x33)

    def test_all_of_memory_is_no_harm(self):
        self.check_report(0x7F)

    def test_private_anonymous_memory_alone_holds_the_heap_and_the_rest_is_told(self):
        self.check_report(0x01)

    def test_without_elf_headers_binaries_are_read_on_trust(self):
        self.check_report(0x23)

    def test_without_shared_memory_its_size_is_told(self):
        self.check_report(0x31)

    def test_without_private_anonymous_memory_the_filter_is_named(self):
        for filter in (0x00, 0x10, 0x32):
            with self.subTest(filter=hex(filter)):
                done = self.analyze(self.core(filter))
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, r"\Aheapcore: [^\n]+\n\Z")
                self.assertIn("coredump_filter without bit 0", done.stderr)


def main():
    global HEAPCORE
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heapcore", required=True, help="the program under test")
    arguments, rest = parser.parse_known_args()
    HEAPCORE = os.path.abspath(arguments.heapcore)
    found = [interpreter for interpreter in map(interpreters.find, interpreters.NAMES) if interpreter]
    if not found or not dumping.kernel_writes_cores_here():
        print("no interpreter with debug information, or no cores by the kernel here")
        return 77
    # One that is a shared library and one that is a program, as far as they are here.
    for interpreter in {found[0], found[-1]}:
        print("with", interpreter.name, flush=True)
        FilterTest.interpreter = interpreter
        outcome = unittest.main(argv=[sys.argv[0], *rest], verbosity=2, exit=False)
        if not outcome.result.wasSuccessful():
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
