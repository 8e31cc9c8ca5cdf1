#!/usr/bin/env python3
"""heapcore on types that only their own code describes: with libunicorn, without it, on one thread and on four.

    python3 tests/cli/emulation_test.py --heapcore BIN [TEST ...]
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

NONE_FOUND = 77
PATIENCE = 300  # seconds
HEAPCORE = None
OBJECTS = 20000

# Plain words, a buffer of its own, a size of its own, a traversal that looks up how many fields there are.
PROGRAM = """
import array, functools, io, os, re, time
match = re.compile("a(b)c").match
kept = [(functools.partial(print, number), match("abc"), io.BytesIO(b"x" * number), array.array("i", range(number %% 9)),
         time.struct_time(range(9))) for number in range(%d)]
os.abort()
""" % (OBJECTS // 5)


class EmulationTest(unittest.TestCase):
    interpreter = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="heapcore-emulation-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        subprocess.run(
            [cls.interpreter.executable, "-S", "-c", PROGRAM], cwd=cls.folder, timeout=PATIENCE,
            env=dumping.clean_environment(), preexec_fn=bad_input_test.allow_core, stderr=subprocess.DEVNULL)
        (cls.core,) = glob.glob(os.path.join(cls.folder, "core*"))

    def run_heapcore(self, *arguments, environment=None):
        done = subprocess.run([HEAPCORE, *arguments, self.core], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=PATIENCE, env=environment)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout.decode()

    def test_a_libunicorn_that_cannot_be_loaded_is_told_of_and_done_without(self):
        broken = os.path.join(self.folder, "broken")
        os.mkdir(broken)
        open(os.path.join(broken, "libunicorn.so.2"), "w").close()
        environment = dict(os.environ, LD_LIBRARY_PATH=broken)
        self.assertIn("no emulator", self.run_heapcore("analyze", "--full", environment=environment))
        self.assertNotIn("no emulator", self.run_heapcore("analyze", "--full"))
        lines = [json.loads(line) for line in self.run_heapcore("dump", environment=environment).splitlines()]
        self.assertNotIn("emulated", {line["how"] for line in lines})
        arrays = [line for line in lines if line["type"] == "array.array"]
        self.assertEqual(len(arrays), OBJECTS // 5)
        self.assertEqual({line.get("size_exact") for line in arrays}, {False})

    def test_every_number_of_threads_says_the_same(self):
        alone = json.loads(self.run_heapcore("analyze", "--jobs", "1", "--json"))
        self.assertEqual(alone, json.loads(self.run_heapcore("analyze", "--jobs", "4", "--json")))


def main():
    global HEAPCORE
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heapcore", required=True, help="the program under test")
    arguments, rest = parser.parse_known_args()
    HEAPCORE = os.path.abspath(arguments.heapcore)
    found = [found for found in map(interpreters.find, ("3.13", "3.11")) if found and not found.root]
    if not found:
        print("no interpreter with debug information here")
        return NONE_FOUND
    EmulationTest.interpreter = found[0]
    print("interpreter:", found[0].name, flush=True)
    program = unittest.main(argv=[sys.argv[0], *rest], exit=False)
    return 0 if program.result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
