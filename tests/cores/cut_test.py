#!/usr/bin/env python3
"""Cores that lost their end: to a limit, a full disk, or systemd's ProcessSizeMax. What is there is right, what is not
is counted.

    python3 tests/cores/cut_test.py --heapcore BIN --compress BIN [--interpreter 3.12 ...] [TEST ...]
"""
import bisect
import collections
import glob
import json
import os
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "truth")]
import compare
import dumping
import interpreters
import suites

# A shared libpython lies near the end of a core, so that a cut one is refused: one of these, and programs.
NAMES = ("3.12", interpreters.DEBIAN, "bullseye-3.9", "trixie-3.13")
SMALL = 512  # bytes: larger objects are in no pool
FILLED = 60  # percent of the whole core that limits and disks leave
PART = "6"  # of the crowd is enough
PERCENTS = (*range(10, 80, 10), *range(80, 100))  # the end has what the interpreter knows of itself, in many places
FEW = 50  # objects: those at the very cut, and what only a list led to that went with it


class Memory:
    """What a core file that was cut has of the memory."""

    def __init__(self, content):
        self.content = content
        start, = struct.unpack_from("<Q", content, 32)
        count, = struct.unpack_from("<H", content, 56)
        headers = (struct.unpack_from("<IIQQQQ", content, start + 56 * index) for index in range(count))
        self.pieces = sorted((address, offset, min(length, max(0, len(content) - offset)))
            for kind, _, offset, address, _, length in headers if kind == 1)
        self.starts = [piece[0] for piece in self.pieces]

    def offset(self, address, length):
        """In the file; None if it has not all of these bytes."""
        index = bisect.bisect(self.starts, address) - 1
        start, offset, there = self.pieces[max(index, 0)]
        return offset + address - start if 0 <= address - start <= there - length else None

    def has(self, address, length):
        return self.offset(address, length) is not None

    def word(self, address):
        offset = self.offset(address, 8)
        return 0 if offset is None else struct.unpack_from("<Q", self.content, offset)[0]


class CutTest(unittest.TestCase):
    heapcore = None
    compress = None
    interpreter = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="heapcore-cut-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        truth, core = dumping.abort_for_core(cls.interpreter, "crowd.py", cls.folder, (PART,))
        cls.truth = compare.Truth(truth)
        with open(core, "rb") as file:
            cls.content = file.read()
        os.remove(core)

    def run_heapcore(self, *arguments):
        done = subprocess.run([self.heapcore, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=dumping.PATIENCE)
        done.message = done.stderr.decode(errors="replace")
        return done

    def file(self, content):
        path = os.path.join(self.folder, "cut")
        with open(path, "wb") as file:
            file.write(content)
        return path

    def check_cut(self, path, truth):
        """All objects that are there are right, and the report counts what is not; or one sentence says why there is
        no report. Returns the report, if there is one."""
        done = self.run_heapcore("analyze", "--json", path)
        if done.returncode:
            self.assertEqual(1, done.returncode)
            self.assertRegex(done.message, r"\Aheapcore: [^\n]*cut [^\n]+\n\Z")
            print("\n%s, %s: refused" % (self.interpreter.name, self._testMethodName))
            return None
        report = json.loads(done.stdout)
        self.assertIs(report["image"]["truncated"], True)
        self.assertGreater(report["losses"]["truncated_bytes"], 0)
        self.assertEqual(0, report["losses"]["bounded_sizes"])
        suspects = [suspect["finding"] for suspect in report["suspects"]]
        self.assertNotIn("counts too high", suspects, "what was cut off may hold them")
        self.assertIn("cut short", self.run_heapcore("analyze", path).stdout.decode())
        with open(path, "rb") as file:
            memory = Memory(file.read())
        self.check_objects(compare.Dump(dumping.heapcore_dump(self.heapcore, path)), truth, memory)
        return report

    def is_there(self, memory, address, size, type_):
        """Whether the core has the pool around an object, and its type."""
        pool = 1 << 14 if interpreters.version_of(self.interpreter) >= (3, 10) else 1 << 12
        return size <= SMALL and address >> 40 and memory.has(address & -pool, pool) and memory.has(type_.address, 400)

    def lacks_buffer(self, memory, address, solid, count):
        """Whether what an object refers to stands in memory that the core has not, or it is a dict of such."""
        kind = solid.lower()
        words = (32, 40) if "dict" in kind else (40,) if "set" in kind else (24,) if "list" in kind else (-32, -24)
        pointers = (memory.word(address + offset) for offset in words)
        # Some have room for more than they hold: as much as a pool's blocks have.
        return any(pointer and not memory.has(pointer, SMALL + 24 * count) for pointer in pointers)

    def check_objects(self, dump, truth, memory):
        there = collections.Counter()
        wrong = collections.defaultdict(list)
        for address, (type_index, size, flags, referents) in truth.objects.items():
            type_ = truth.types[type_index]
            found = dump.objects.get(address)
            if not self.is_there(memory, address, size, type_) or not found:
                there["missing"] += bool(self.is_there(memory, address, size, type_))
                continue
            there["listed"] += 1
            # The dict with the name of its module may be gone, or the name itself.
            plain = type_.name.rpartition(".")[2], "type_at_%#x" % type_.address
            if found.type != type_.name and found.type.rpartition(".")[2] not in plain:
                wrong["type"].append((address, type_.name, found))
            excused = self.lacks_buffer(memory, address, type_.solid, len(referents))
            is_unsure = flags & compare.UNSETTLED or not found.size_exact
            if found.size != size >= 0 and not is_unsure:
                wrong["size"].append((address, type_.name, size, found))
            if flags & compare.GC and found.how not in compare.GUESSES:
                known, told = collections.Counter(referents), collections.Counter(found.referents)
                if told - known or (known - told and not excused):
                    wrong["referents"].append((address, type_.name, found, known - told, told - known))
        print("\n%s, %s: %s of %d" % (self.interpreter.name, self._testMethodName, dict(there), len(truth.objects)))
        self.assertEqual({}, {what: found[:3] for what, found in wrong.items()})
        self.assertLessEqual(there["missing"], FEW)

    def test_a_core_cut_anywhere(self):
        for percent in PERCENTS:
            with self.subTest(percent=percent):
                self.check_cut(self.file(self.content[: len(self.content) * percent // 100]), self.truth)

    def check_new_core(self, leave_core):
        """Of another process, that leave_core() runs: with less room for its core than that takes."""
        truth = os.path.join(self.folder, "other.jsonl")
        cores = os.path.join(self.folder, "cores")
        os.mkdir(cores)
        self.addCleanup(shutil.rmtree, cores)
        command = dumping.command(self.interpreter, "crowd.py", truth, "abort", (PART,))
        room = len(self.content) * FILLED // 100
        leave_core(command, cores, room)
        (core,) = glob.glob(os.path.join(cores, "core*"))
        # Holes do not count.
        self.assertLess(os.path.getsize(core), len(self.content))
        self.assertGreater(os.path.getsize(core), room // 2)
        self.check_cut(core, compare.Truth(truth))

    def test_a_core_that_the_kernel_cuts_at_the_limit_of_ulimit(self):
        def leave_core(command, cores, room):
            subprocess.run(command, cwd=cores, env=dumping.clean_environment(), timeout=dumping.PATIENCE,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (room, room)))
        if not dumping.kernel_writes_cores_here():
            self.skipTest("the kernel writes no core file here")
        self.check_new_core(leave_core)

    def test_a_core_on_a_disk_that_gets_full(self):
        def leave_core(command, cores, room):
            script = """mount -t tmpfs -o size=%d none "$0" && cd "$0" || exit 99
                ("$@"); cp core* ..""" % room
            disk = os.path.join(cores, "disk")
            os.mkdir(disk)
            done = subprocess.run(["unshare", "--mount", "sh", "-c", script, disk, *command], stderr=subprocess.PIPE,
                cwd=cores, env=dumping.clean_environment(), timeout=dumping.PATIENCE)
            if done.returncode == 99:
                self.skipTest("no file system can be mounted here")
        if os.geteuid() or not dumping.kernel_writes_cores_here():
            self.skipTest("wants to be root, and the kernel's own cores")
        if self.interpreter.root:
            self.skipTest("a root has mounts of its own")
        self.check_new_core(leave_core)

    def test_a_core_that_systemd_cut_before_it_compressed_it(self):
        content = self.content[: len(self.content) * FILLED // 100]
        expected = self.check_cut(self.file(content), self.truth)
        if not expected:
            self.skipTest("nothing to compare")
        path = os.path.join(self.folder, "core.zst")
        with open(path, "wb") as file:
            subprocess.run([self.compress, "zstd"], input=content, stdout=file, check=True)
        report = json.loads(self.run_heapcore("analyze", "--json", path).stdout)
        self.assertFalse(report["losses"]["compressed_cut"], "the compressed file is whole")
        self.assertEqual("zstd", report["image"]["compression"])
        for key in ("losses", "states", "heap", "threads"):
            self.assertEqual(expected[key], report[key], key)


def main():
    parser = suites.argument_parser(__doc__, NAMES)
    parser.add_argument("--compress", required=True, help="the program that compresses for the tests")
    arguments = suites.parse(parser, "compress")
    return suites.run(lambda _: [CutTest], arguments, NAMES, heapcore=arguments.heapcore, compress=arguments.compress)


if __name__ == "__main__":
    sys.exit(main())
