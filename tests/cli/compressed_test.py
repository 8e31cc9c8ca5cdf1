#!/usr/bin/env python3
"""A compressed core gives the report that the core itself gives; a damaged one gives what is left, and says so.

    python3 tests/cli/compressed_test.py --heapcore BIN --compress BIN [TEST ...]
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "truth"))
import bad_input_test
import interpreters

PATIENCE = 300  # seconds
FORMATS = ("zstd", "lz4", "xz", "gzip")
COMPRESS = None
HEAPCORE = None


def heapcore(*arguments):
    return subprocess.run(
        [HEAPCORE, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        universal_newlines=True, timeout=PATIENCE)


def compress(format, content):
    return subprocess.run(
        [COMPRESS, format], input=content, stdout=subprocess.PIPE, timeout=PATIENCE, check=True).stdout


class CompressedTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.mkdtemp(prefix="heapcore-compressed-")
        cls.addClassCleanup(shutil.rmtree, cls.shared)
        found = [executable for executable in map(interpreters.find, interpreters.NAMES) if executable]
        cls.core = bad_input_test.core_of_python(found[-1].executable, cls.shared)
        with open(cls.core, "rb") as file:
            cls.content = file.read()
        cls.compressed = {format: compress(format, cls.content) for format in FORMATS}

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="heapcore-compressed-")
        self.addCleanup(shutil.rmtree, self.folder)

    def file(self, content):
        path = os.path.join(self.folder, "core.4711")  # the name tells nothing of a compression
        with open(path, "wb") as file:
            file.write(content)
        return path

    def report(self, path):
        done = heapcore("analyze", "--json", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_the_report_is_that_of_the_core_itself(self):
        expected = self.report(self.core)
        self.assertNotIn("compression", expected["image"])
        for format in FORMATS:
            with self.subTest(format=format):
                path = self.file(self.compressed[format])
                report = self.report(path)
                self.assertEqual(report["image"].pop("compression"), format)
                self.assertEqual(report["image"].pop("compressed_size"), len(self.compressed[format]))
                self.assertEqual(report["image"].pop("path"), path)
                self.assertEqual(dict(report["image"], path=self.core), expected["image"])
                self.assertEqual(dict(report, image=None), dict(expected, image=None))
                self.assertEqual(os.listdir(self.folder), ["core.4711"])

    def test_every_object_is_that_of_the_core_itself(self):
        expected = heapcore("dump", self.core).stdout
        self.assertIn("__main__.Basket", expected)
        self.assertEqual(heapcore("dump", self.file(self.compressed["zstd"])).stdout, expected)

    def test_a_file_that_is_cut_gives_what_there_was(self):
        whole = self.report(self.core)
        for format in FORMATS:
            with self.subTest(format=format):
                content = self.compressed[format]
                path = self.file(content[: len(content) * 9 // 10])
                report = self.report(path)
                self.assertTrue(report["losses"]["compressed_cut"])
                self.assertFalse(report["losses"]["compressed_damaged"])
                self.assertTrue(report["image"]["truncated"])
                self.assertGreater(report["losses"]["truncated_bytes"], 0)
                self.assertLess(report["image"]["size"], whole["image"]["size"])
                self.assertEqual(report["image"]["expected_size"], whole["image"]["size"])
                self.assertGreater(sum(state["count"] for state in report["states"]), 1000)
                self.assertRegex(heapcore("analyze", "--full", path).stdout, "compressed file +cut short")

    def test_a_file_that_is_damaged_gives_the_part_before(self):
        for format in FORMATS:
            with self.subTest(format=format):
                content = bytearray(self.compressed[format])
                at = len(content) * 9 // 10
                content[at : at + 300] = b"\xa5" * 300
                report = self.report(self.file(content))
                self.assertTrue(report["losses"]["compressed_damaged"])
                self.assertFalse(report["losses"]["compressed_cut"])
                # The others may go on with wrong bytes and notice at the end, by the checksum of the whole.
                if format == "lz4":
                    self.assertTrue(report["image"]["truncated"])
                self.assertGreater(sum(state["count"] for state in report["states"]), 1000)

    def test_what_is_no_core_inside_is_told(self):
        for format in FORMATS:
            with self.subTest(format=format):
                done = heapcore("analyze", self.file(compress(format, b"This is not a core.\n" * 100)))
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, r"\Aheapcore: [^\n]+\n\Z")
                self.assertIn("unpacked from " + format, done.stderr)
                self.assertIn("not an ELF file", done.stderr)


def main():
    global HEAPCORE, COMPRESS
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heapcore", required=True, help="the program under test")
    parser.add_argument("--compress", required=True, help="tests/synth/compress_main.c, built")
    arguments, rest = parser.parse_known_args()
    HEAPCORE, COMPRESS = map(os.path.abspath, (arguments.heapcore, arguments.compress))
    if not any(map(interpreters.find, interpreters.NAMES)):
        print("no interpreter with debug information here")
        return 77
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
